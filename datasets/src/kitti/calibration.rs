//! KITTI's calibration files, and the vehicle that they describe.

use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

use crate::calibration::{Body, Camera, Lidar, Rig};
use crate::error::{Error, Result};
use crate::file;
use crate::frame::Image;
use crate::geometry::Pose;

/// A calibration file has some 4 kB.
const CALIBRATION_LIMIT: u64 = 1 << 20;
/// No number of a calibration, in metres or pixels, is greater.
const LARGEST: f64 = 1e5;

/// Between the axles, m.
const WHEELBASE: f64 = 2.71;
/// From the axles to the bumpers, and to either side, of a Passat B6, m.
const OVERHANG_AHEAD: f64 = 0.94;
const OVERHANG_BEHIND: f64 = 1.12;
const HALF_WIDTH: f64 = 0.91;
/// For the mirrors and the rack, m.
const MARGIN: f64 = 0.1;
/// Kept beside it: in every scan the flanks' mirrored returns stand up to
/// 0.6 m from them, a metre above the ground.
const SIDE_MARGIN: f64 = 0.65;
/// With the sensors on the roof, m.
const HEIGHT: f64 = 1.9;

/// The navigation system's pose on the vehicle.
///
/// The set-up figure of the data set has the Velodyne on the centreline,
/// 0.76 m ahead of the rear axle, and the unit 0.81 m behind the Velodyne,
/// 0.32 m to its left and 0.93 m above the road. The vehicle's centre is half
/// a wheelbase ahead of the rear axle. Its axes are the unit's.
pub(super) fn base_from_imu() -> Pose {
    let velodyne_x = 0.76 - WHEELBASE / 2.0;
    Pose::translation(velodyne_x - 0.81, 0.32, 0.93)
}

/// The vehicle, from the calibration files in `folder`: with its lidar, if it
/// has one, and with its rectified `cameras` (`image_02` and so on).
pub(super) fn rig(folder: &Path, lidar: bool, cameras: &[&str]) -> Result<Rig> {
    let velo_from_imu = Calibration::read(folder.join("calib_imu_to_velo.txt"))?.transform()?;
    let base_from_velo = base_from_imu() * velo_from_imu.inverse();
    let lidar = lidar.then(|| Lidar {
        name: "velodyne".into(),
        base_from_sensor: base_from_velo,
    });
    let mut rig = Rig {
        lidars: lidar.into_iter().collect(),
        cameras: Vec::new(),
        body: Some(Body {
            min: [
                -WHEELBASE / 2.0 - OVERHANG_BEHIND - MARGIN,
                -HALF_WIDTH - SIDE_MARGIN,
            ],
            max: [
                WHEELBASE / 2.0 + OVERHANG_AHEAD + MARGIN,
                HALF_WIDTH + SIDE_MARGIN,
            ],
            height: HEIGHT,
        }),
    };
    if !cameras.is_empty() {
        let cam_from_velo = Calibration::read(folder.join("calib_velo_to_cam.txt"))?.transform()?;
        let intrinsics = Calibration::read(folder.join("calib_cam_to_cam.txt"))?;
        let rect_from_cam = intrinsics.rotation("R_rect_00")?;
        let base_from_rect = base_from_velo * (rect_from_cam * cam_from_velo).inverse();
        for name in cameras {
            rig.cameras.push(intrinsics.camera(name, &base_from_rect)?);
        }
    }
    Ok(rig)
}

/// A file of `key: number number …` lines.
struct Calibration {
    path: PathBuf,
    text: String,
}

impl Calibration {
    fn read(path: PathBuf) -> Result<Self> {
        let text = file::read_text(&path, CALIBRATION_LIMIT)?;
        Ok(Self { path, text })
    }

    fn expected(&self, field: &str, expected: String) -> Error {
        Error::Malformed {
            path: self.path.clone(),
            field: field.into(),
            expected,
        }
    }

    /// The numbers of the line `key`.
    fn numbers<const N: usize>(&self, key: &str) -> Result<[f64; N]> {
        let line = self
            .text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'))
            .ok_or_else(|| self.expected(key, format!("a line `{key}:` with {N} numbers")))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &&str| word.parse().ok().filter(|n: &f64| n.abs() <= LARGEST);
        let found = match words.iter().find(|word| number(word).is_none()) {
            Some(word) => format!("`{word}`"),
            None => match words
                .iter()
                .filter_map(number)
                .collect::<Vec<_>>()
                .try_into()
            {
                Ok(numbers) => return Ok(numbers),
                Err(_) => format!("{} numbers", words.len()),
            },
        };
        let expected = format!("{N} numbers of at most {LARGEST}, found {found}");
        Err(self.expected(key, expected))
    }

    /// The rotation of the line `key`, in rows.
    fn rotation(&self, key: &str) -> Result<UnitQuaternion<f64>> {
        let matrix = Matrix3::from_row_slice(&self.numbers::<9>(key)?);
        let error = (matrix * matrix.transpose() - Matrix3::identity()).amax();
        if error > 1e-3 || matrix.determinant() < 0.0 {
            let expected = "a rotation: orthonormal rows, right-handed";
            return Err(self.expected(key, expected.into()));
        }
        let rotation = Rotation3::from_matrix_unchecked(matrix);
        let quaternion = UnitQuaternion::from_rotation_matrix(&rotation);
        Ok(UnitQuaternion::new_normalize(quaternion.into_inner()))
    }

    /// The rigid transform of the lines `R` and `T`.
    fn transform(&self) -> Result<Pose> {
        let rotation = self.rotation("R")?;
        let translation = Vector3::from(self.numbers::<3>("T")?);
        Ok(Pose::from_parts(translation.into(), rotation))
    }

    /// The rectified camera of a folder. Its projection `K [I | t]` is given
    /// for places in the rectified frame of camera 0, so that it sits at −t.
    fn camera(&self, name: &str, base_from_rect: &Pose) -> Result<Camera> {
        let number = name.trim_start_matches("image_");
        let key = format!("P_rect_{number}");
        let [fx, _, cx, px, _, fy, cy, py, _, _, _, tz] = self.numbers::<12>(&key)?;
        if fx < 1.0 || fy < 1.0 {
            return Err(self.expected(&key, "focal lengths of a pixel or more".into()));
        }
        let rect_from_camera =
            Translation3::new((px - cx * tz) / fx, (py - cy * tz) / fy, tz).inverse();
        let key = format!("S_rect_{number}");
        let size = self.numbers::<2>(&key)?;
        let pixels = 1.0..=f64::from(Image::MAX_SIDE);
        if !size
            .iter()
            .all(|side| side.fract() == 0.0 && pixels.contains(side))
        {
            let expected = format!("width and height from 1 to {} pixels", Image::MAX_SIDE);
            return Err(self.expected(&key, expected));
        }
        Ok(Camera {
            name: name.into(),
            base_from_sensor: base_from_rect * rect_from_camera,
            resolution: size.map(|side| side as u32),
            focal: [fx, fy],
            centre: [cx, cy],
            distortion: Default::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point3, Vector4};
    use proptest::prelude::*;

    fn calibration(text: &str) -> Calibration {
        Calibration {
            path: "calib.txt".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        let of = |text| {
            calibration(text)
                .numbers::<3>("T")
                .map_err(|e| e.to_string())
        };
        assert_eq!(of("S: 1\nT: 1 -2.5e0 3\n"), Ok([1.0, -2.5, 3.0]));
        for (text, wrong) in [
            ("", "a line `T:` with 3 numbers"),
            ("TT: 1 2 3", "a line `T:` with 3 numbers"),
            ("T: 1 2", "3 numbers of at most 100000, found 2 numbers"),
            ("T: 1 2 3 4", "3 numbers of at most 100000, found 4 numbers"),
            ("T: 1 2 NaN", "3 numbers of at most 100000, found `NaN`"),
            (
                "T: 1 2 three 4",
                "3 numbers of at most 100000, found `three`",
            ),
            ("T: 1 2 -inf", "3 numbers of at most 100000, found `-inf`"),
        ] {
            assert_eq!(of(text), Err(format!("calib.txt: T: expected {wrong}")));
        }
    }

    #[test]
    fn a_matrix_that_is_no_rotation_is_refused() {
        let is_rotation = |text| calibration(text).rotation("R").is_ok();
        assert!(is_rotation("R: 0 -1 0 1 0 0 0 0 1"));
        assert!(!is_rotation("R: 0 1 0 1 0 0 0 0 1"));
        assert!(!is_rotation("R: 1 0.1 0 0 1 0 0 0 1"));
        assert!(!is_rotation("R: 0 0 0 0 0 0 0 0 0"));
    }

    #[test]
    fn a_camera_needs_a_lens_and_pixels() {
        let camera = |p: &str, s: &str| {
            let text = format!("P_rect_02: {p}\nS_rect_02: {s}\n");
            calibration(&text).camera("image_02", &Pose::identity())
        };
        let p = "700 0 600 0 0 700 170 0 0 0 1 0";
        assert!(camera(p, "1242 375").is_ok());
        assert!(camera("0 0 600 0 0 700 170 0 0 0 1 0", "1242 375").is_err());
        for size in ["0 375", "-1 375", "1242.5 375", "9000 375", "1242"] {
            let error = camera(p, size).expect_err("is no size");
            assert!(error.to_string().contains("S_rect_02"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_calibration_or_an_error(text in "(R: |T: |[0-9.e -]|\\PC|\n){0,80}") {
            let _ = calibration(&text).transform();
        }

        /// Against the projection as KITTI defines it: P·x in homogeneous
        /// coordinates.
        #[test]
        fn a_camera_projects_as_its_matrix_does(
            fx in 300.0..2000.0f64, fy in 300.0..2000.0f64, cx in 0.0..1242.0f64, cy in 0.0..375.0f64,
            px in -400.0..400.0f64, py in -5.0..5.0f64, tz in -0.01..0.01f64,
            x in -20.0..20.0f64, y in -3.0..3.0f64, z in 2.0..60.0f64,
        ) {
            let rows = [[fx, 0.0, cx, px], [0.0, fy, cy, py], [0.0, 0.0, 1.0, tz]];
            let words: Vec<String> = rows.iter().flatten().map(f64::to_string).collect();
            let text = format!("P_rect_03: {}\nS_rect_03: 1242 375", words.join(" "));
            let camera = calibration(&text).camera("image_03", &Pose::identity()).expect("is one");

            let place = camera.base_from_sensor.inverse() * Point3::new(x, y, z);
            let [u, v] = camera.project(place.into()).expect("is ahead");
            let [a, b, w] = rows.map(|row| Vector4::from(row).dot(&Vector4::new(x, y, z, 1.0)));
            prop_assert!((u - a / w).abs() < 1e-6 && (v - b / w).abs() < 1e-6);
        }
    }
}
