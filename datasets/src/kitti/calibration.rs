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

/// Where the Velodyne sits where no file says more than the set-up figure:
/// level, 1.73 m above the road.
fn base_from_level_velodyne() -> Pose {
    Pose::translation(0.76 - WHEELBASE / 2.0, 0.0, 1.73)
}

/// The vehicle, and the frames in which its labels are given.
pub(super) struct Mounts {
    pub(super) rig: Rig,
    pub(super) base_from_velodyne: Pose,
    /// From the frame of camera 0, rectified.
    pub(super) base_from_rect: Pose,
}

impl Mounts {
    /// The vehicle without cameras.
    fn new(base_from_velodyne: Pose, lidar: bool, base_from_rect: Pose) -> Self {
        let lidar = lidar.then(|| Lidar {
            name: "velodyne".into(),
            base_from_sensor: base_from_velodyne,
        });
        let (ahead, behind) = (OVERHANG_AHEAD + MARGIN, OVERHANG_BEHIND + MARGIN);
        let side = HALF_WIDTH + SIDE_MARGIN;
        Self {
            rig: Rig {
                lidars: lidar.into_iter().collect(),
                cameras: Vec::new(),
                body: Some(Body {
                    min: [-WHEELBASE / 2.0 - behind, -side],
                    max: [WHEELBASE / 2.0 + ahead, side],
                    height: HEIGHT,
                }),
                base_from_rect: None,
            },
            base_from_velodyne,
            base_from_rect,
        }
    }
}

/// The vehicle of a raw drive, from the calibration files in `folder`: with
/// its lidar, if it has one, and with its rectified `cameras` (`image_02` and
/// so on).
pub(super) fn raw(folder: &Path, lidar: bool, cameras: &[&str]) -> Result<Mounts> {
    let velo_from_imu = Calibration::read(folder.join("calib_imu_to_velo.txt"))?.transform()?;
    let base_from_velo = base_from_imu() * velo_from_imu.inverse();
    if cameras.is_empty() {
        return Ok(Mounts::new(base_from_velo, lidar, base_from_velo));
    }
    let cam_from_velo = Calibration::read(folder.join("calib_velo_to_cam.txt"))?.transform()?;
    let intrinsics = Calibration::read(folder.join("calib_cam_to_cam.txt"))?;
    let rect_from_cam = intrinsics.rotation("R_rect_00")?;
    let base_from_rect = base_from_velo * (rect_from_cam * cam_from_velo).inverse();
    let mut mounts = Mounts::new(base_from_velo, lidar, base_from_rect);
    mounts.rig.base_from_rect = Some(base_from_rect);
    for name in cameras {
        let number = name.trim_start_matches("image_");
        let size = intrinsics.size(&format!("S_rect_{number}"))?;
        let key = format!("P_rect_{number}");
        let camera = intrinsics.camera(name, &key, size, &base_from_rect)?;
        mounts.rig.cameras.push(camera);
    }
    Ok(mounts)
}

/// The vehicle of a benchmark's calibration file, whose keys differ from one
/// benchmark to the next. Of a camera are given its name, its number and the
/// size of its pictures, which the file does not tell.
pub(super) fn benchmark(
    path: &Path,
    lidar: bool,
    cameras: &[(&'static str, usize, [u32; 2])],
) -> Result<Mounts> {
    let file = Calibration::read(path.into())?;
    let base_from_velo = match file.first_of(&["Tr_imu_to_velo", "Tr_imu_velo"]) {
        Some(key) => base_from_imu() * file.matrix(key)?.inverse(),
        None => base_from_level_velodyne(),
    };
    let rect_from_velo = match file.first_of(&["Tr_velo_to_cam", "Tr_velo_cam"]) {
        Some(key) => {
            let rectification = file.first_of(&["R0_rect", "R_rect"]).unwrap_or("R0_rect");
            file.rotation(rectification)? * file.matrix(key)?
        }
        // Of the odometry benchmark, already rectified.
        None => file.matrix("Tr")?,
    };
    let base_from_rect = base_from_velo * rect_from_velo.inverse();
    let mut mounts = Mounts::new(base_from_velo, lidar, base_from_rect);
    mounts.rig.base_from_rect = Some(base_from_rect);
    for &(name, number, size) in cameras {
        let camera = file.camera(name, &format!("P{number}"), size, &base_from_rect)?;
        mounts.rig.cameras.push(camera);
    }
    Ok(mounts)
}

/// A file of `key: number number …` lines; some leave out the colon.
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

    /// The first of some keys that has a line.
    fn first_of<'a>(&self, keys: &[&'a str]) -> Option<&'a str> {
        let has = |key: &&&str| self.text.lines().any(|line| value(line, key).is_some());
        keys.iter().find(has).copied()
    }

    /// The numbers of the line `key`.
    fn numbers<const N: usize>(&self, key: &str) -> Result<[f64; N]> {
        let line = self
            .text
            .lines()
            .find_map(|line| value(line, key))
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
        self.orthonormal(key, matrix)
    }

    /// The rigid transform of the line `key`: the three rows of `[R | t]`.
    fn matrix(&self, key: &str) -> Result<Pose> {
        let [a, b, c, x, d, e, f, y, g, h, i, z] = self.numbers::<12>(key)?;
        let rotation = self.orthonormal(key, Matrix3::new(a, b, c, d, e, f, g, h, i))?;
        Ok(Pose::from_parts(Translation3::new(x, y, z), rotation))
    }

    fn orthonormal(&self, key: &str, matrix: Matrix3<f64>) -> Result<UnitQuaternion<f64>> {
        rotation_of(&matrix)
            .ok_or_else(|| self.expected(key, "a rotation: orthonormal rows, right-handed".into()))
    }

    /// The rigid transform of the lines `R` and `T`.
    fn transform(&self) -> Result<Pose> {
        let rotation = self.rotation("R")?;
        let translation = Vector3::from(self.numbers::<3>("T")?);
        Ok(Pose::from_parts(translation.into(), rotation))
    }

    /// Width and height of the line `key`, pixels.
    fn size(&self, key: &str) -> Result<[u32; 2]> {
        let size = self.numbers::<2>(key)?;
        let pixels = 1.0..=f64::from(Image::MAX_SIDE);
        let is_whole = |side: &f64| side.fract() == 0.0 && pixels.contains(side);
        if !size.iter().all(is_whole) {
            let expected = format!("width and height from 1 to {} pixels", Image::MAX_SIDE);
            return Err(self.expected(key, expected));
        }
        Ok(size.map(|side| side as u32))
    }

    /// The rectified camera whose projection is the line `key`. A projection
    /// `K [I | t]` is given for places in the rectified frame of camera 0, so
    /// that it sits at −t.
    fn camera(
        &self,
        name: &str,
        key: &str,
        resolution: [u32; 2],
        base_from_rect: &Pose,
    ) -> Result<Camera> {
        let [fx, _, cx, px, _, fy, cy, py, _, _, _, tz] = self.numbers::<12>(key)?;
        if fx < 1.0 || fy < 1.0 {
            return Err(self.expected(key, "focal lengths of a pixel or more".into()));
        }
        let rect_from_camera =
            Translation3::new((px - cx * tz) / fx, (py - cy * tz) / fy, tz).inverse();
        Ok(Camera {
            name: name.into(),
            base_from_sensor: base_from_rect * rect_from_camera,
            resolution,
            focal: [fx, fy],
            centre: [cx, cy],
            distortion: Default::default(),
        })
    }
}

/// The rotation of a matrix that is orthonormal to a thousandth.
pub(super) fn rotation_of(matrix: &Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    let error = (matrix * matrix.transpose() - Matrix3::identity()).amax();
    // Written so that NaN fails, too.
    if !(error <= 1e-3 && matrix.determinant() > 0.0) {
        return None;
    }
    let rotation = Rotation3::from_matrix_unchecked(*matrix);
    let quaternion = UnitQuaternion::from_rotation_matrix(&rotation);
    Some(UnitQuaternion::new_normalize(quaternion.into_inner()))
}

/// What follows the key of a line.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(key)?;
    let spaced = rest.starts_with(char::is_whitespace).then_some(rest);
    rest.strip_prefix(':').or(spaced)
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
            let file = calibration(&text);
            let size = file.size("S_rect_02")?;
            file.camera("image_02", "P_rect_02", size, &Pose::identity())
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
            let file = calibration(&format!("P3: {}", words.join(" ")));
            let base = Pose::identity();
            let camera = file.camera("image_3", "P3", [1242, 375], &base).expect("is one");

            let place = camera.base_from_sensor.inverse() * Point3::new(x, y, z);
            let [u, v] = camera.project(place.into()).expect("is ahead");
            let [a, b, w] = rows.map(|row| Vector4::from(row).dot(&Vector4::new(x, y, z, 1.0)));
            prop_assert!((u - a / w).abs() < 1e-6 && (v - b / w).abs() < 1e-6);
        }
    }
}
