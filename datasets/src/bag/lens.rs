//! What messages say of cameras' lenses (`sensor_msgs/CameraInfo`, REP 104,
//! and `foxglove.CameraCalibration`, which has the same terms).

use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

use super::fault::{Decoded, Fault};
use super::message::Header;
use crate::calibration::{Camera, Distortion};
use crate::frame::Image;
use crate::geometry::Pose;

/// No number of a calibration, in pixels, is greater.
const LARGEST: f64 = 1e5;

/// A camera's calibration as a message holds it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lens {
    pub(super) header: Header,
    /// Width and height, pixels.
    pub(super) size: [u32; 2],
    pub(super) model: String,
    pub(super) distortion: Vec<f64>,
    /// Of the pictures as they are taken, in rows.
    pub(super) intrinsic: [f64; 9],
    /// Takes the camera's axes to the rectified ones, in rows.
    pub(super) rectification: [f64; 9],
    /// Of rectified pictures, in rows.
    pub(super) projection: [f64; 12],
}

/// The calibrations of one camera.
#[derive(Debug)]
pub(super) struct Lenses {
    /// Those that differ from the one told before.
    told: Vec<Lens>,
    /// When each holds from, ns since the Unix epoch, and its index.
    from: Vec<(i64, u32)>,
}

impl Lenses {
    /// Begins with the first.
    pub(super) fn new(stamp: i64, lens: Lens) -> Self {
        Self {
            told: vec![lens],
            from: vec![(stamp, 0)],
        }
    }

    /// Adds one that is told later in the log; `false` if it was told before.
    pub(super) fn add(&mut self, stamp: i64, lens: Lens) -> bool {
        let new = !self.told.last().is_some_and(|last| last.is(&lens));
        if new {
            self.told.push(lens);
        }
        self.from.push((stamp, self.told.len() as u32 - 1));
        new
    }

    /// Puts what was added in the order of time.
    pub(super) fn settle(&mut self) {
        self.from.sort_by_key(|(stamp, _)| *stamp);
        self.from.dedup_by_key(|(_, lens)| *lens);
    }

    /// Whether there are several.
    pub(super) fn change(&self) -> bool {
        self.told.len() > 1
    }

    /// The one that holds at a time: told last before, or else first.
    pub(super) fn at(&self, stamp: i64) -> &Lens {
        let before = self.from.partition_point(|(from, _)| *from <= stamp);
        let (_, lens) = self.from[before.saturating_sub(1)];
        &self.told[lens as usize]
    }

    /// The frame of the camera.
    pub(super) fn frame(&self) -> &str {
        &self.told[0].header.frame
    }
}

impl Lens {
    /// Whether two say the same of a camera.
    fn is(&self, other: &Self) -> bool {
        let Self {
            header: _,
            size,
            model,
            distortion,
            intrinsic,
            rectification,
            projection,
        } = self;
        (*size, intrinsic, rectification, projection)
            == (
                other.size,
                &other.intrinsic,
                &other.rectification,
                &other.projection,
            )
            && (model, distortion) == (&other.model, &other.distortion)
    }

    /// What it takes to keep it, bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.header.frame.len() + self.model.len() + 8 * self.distortion.len()
    }

    /// The camera at a place on the vehicle; `rectified` if its pictures are.
    pub(super) fn camera(
        &self,
        name: &str,
        base_from_sensor: Pose,
        rectified: bool,
    ) -> Decoded<Camera> {
        let sides = 1..=Image::MAX_SIDE;
        if !self.size.iter().all(|side| sides.contains(side)) {
            let expected = format!("from 1 to {} pixels", Image::MAX_SIDE);
            return Err(Fault::new("width, height", expected));
        }
        let [fx, _, cx, _, fy, cy, ..] = self.intrinsic;
        let [gx, _, dx, _, _, gy, dy, ..] = self.projection;
        let (field, [fx, fy, cx, cy]) = match rectified {
            true => ("p", [gx, gy, dx, dy]),
            false => ("k", [fx, fy, cx, cy]),
        };
        let in_range = |value: &f64| value.abs() <= LARGEST;
        if !([fx, fy, cx, cy].iter().all(in_range) && fx >= 1.0 && fy >= 1.0) {
            let expected = format!("focal lengths of a pixel or more, and at most {LARGEST}");
            return Err(Fault::new(field, expected));
        }
        let turn = match rectified {
            true => self.rectifying()?.inverse(),
            false => UnitQuaternion::identity(),
        };
        Ok(Camera {
            name: name.into(),
            base_from_sensor: base_from_sensor * turn,
            resolution: self.size,
            focal: [fx, fy],
            centre: [cx, cy],
            distortion: match rectified {
                true => Distortion::None,
                false => self.distortion()?,
            },
        })
    }

    fn rectifying(&self) -> Decoded<UnitQuaternion<f64>> {
        let matrix = Matrix3::from_row_slice(&self.rectification);
        // Not given.
        if matrix == Matrix3::zeros() {
            return Ok(UnitQuaternion::identity());
        }
        let error = (matrix * matrix.transpose() - Matrix3::identity()).amax();
        let rotates = error < 1e-3 && matrix.determinant() > 0.0;
        if !rotates {
            let expected = "a rotation: orthonormal rows, right-handed";
            return Err(Fault::new("r", expected));
        }
        let rotation = Rotation3::from_matrix_unchecked(matrix);
        let quaternion = UnitQuaternion::from_rotation_matrix(&rotation);
        Ok(UnitQuaternion::new_normalize(quaternion.into_inner()))
    }

    fn distortion(&self) -> Decoded<Distortion> {
        let d = &self.distortion;
        if d.iter().all(|&k| k == 0.0) {
            return Ok(Distortion::None);
        }
        if !d.iter().all(|k| k.abs() <= LARGEST) {
            return Err(Fault::new("d", format!("numbers of at most {LARGEST}")));
        }
        // A short list ends in zeros.
        fn filled<const N: usize>(d: &[f64]) -> Option<[f64; N]> {
            let known = |k: usize| d.get(k).copied().unwrap_or(0.0);
            (d.len() <= N).then(|| std::array::from_fn(known))
        }
        let found = match self.model.as_str() {
            "plumb_bob" | "rational_polynomial" => filled(d).map(Distortion::Radial),
            "equidistant" | "fisheye" | "kannala_brandt" => filled(d).map(Distortion::Fisheye),
            other => {
                let expected = "plumb_bob, rational_polynomial or equidistant";
                let expected = format!("{expected}, found `{other}`");
                return Err(Fault::new("distortion_model", expected));
            }
        };
        found.ok_or_else(|| {
            let expected = format!("at most the numbers of `{}`, found {}", self.model, d.len());
            Fault::new("d", expected)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Lens {
        Lens {
            header: Header {
                stamp: 0,
                frame: "camera".into(),
            },
            size: [640, 480],
            model: "plumb_bob".into(),
            distortion: vec![-0.3, 0.1, 0.001, 0.002, 0.05],
            intrinsic: [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0],
            rectification: [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            projection: [
                400.0, 0.0, 300.0, -40.0, 0.0, 400.0, 200.0, 0.0, 0.0, 0.0, 1.0, 0.0,
            ],
        }
    }

    #[test]
    fn pictures_are_raw_or_rectified() {
        let raw = lens()
            .camera("c", Pose::identity(), false)
            .expect("is right");
        assert_eq!((raw.focal, raw.centre), ([500.0, 510.0], [320.0, 240.0]));
        let radial = Distortion::Radial([-0.3, 0.1, 0.001, 0.002, 0.05, 0.0, 0.0, 0.0]);
        assert_eq!(
            (raw.distortion, raw.base_from_sensor),
            (radial, Pose::identity())
        );
        let rectified = lens()
            .camera("c", Pose::identity(), true)
            .expect("is right");
        assert_eq!(
            (rectified.focal, rectified.centre),
            ([400.0; 2], [300.0, 200.0])
        );
        assert_eq!(rectified.distortion, Distortion::None);
        // The camera's x lies along the rectified y.
        let x = rectified.base_from_sensor.inverse() * nalgebra::Vector3::x();
        assert!((x - nalgebra::Vector3::y()).norm() < 1e-9, "{x}");
    }

    #[test]
    fn models_are_those_that_are_named() {
        let of = |model: &str, d: &[f64]| {
            let lens = Lens {
                model: model.into(),
                distortion: d.to_vec(),
                ..lens()
            };
            lens.camera("c", Pose::identity(), false)
                .map(|c| c.distortion)
                .map_err(|f| f.field)
        };
        assert_eq!(
            of("equidistant", &[0.1, 0.2, 0.3, 0.4]),
            Ok(Distortion::Fisheye([0.1, 0.2, 0.3, 0.4]))
        );
        assert_eq!(
            of("rational_polynomial", &[0.1; 8]),
            Ok(Distortion::Radial([0.1; 8]))
        );
        assert_eq!(of("anything", &[0.0; 5]), Ok(Distortion::None));
        assert_eq!(of("", &[]), Ok(Distortion::None));
        assert_eq!(of("anything", &[0.1]), Err("distortion_model".into()));
        assert_eq!(of("plumb_bob", &[0.1; 9]), Err("d".into()));
        assert_eq!(of("plumb_bob", &[f64::NAN]), Err("d".into()));
    }

    #[test]
    fn a_lens_that_sees_nothing_is_refused() {
        let fault = |change: &dyn Fn(&mut Lens), rectified| {
            let mut lens = lens();
            change(&mut lens);
            lens.camera("c", Pose::identity(), rectified)
                .expect_err("is wrong")
                .field
        };
        assert_eq!(fault(&|l| l.size = [0, 480], false), "width, height");
        assert_eq!(fault(&|l| l.intrinsic = [0.0; 9], false), "k");
        assert_eq!(fault(&|l| l.intrinsic[2] = f64::NAN, false), "k");
        assert_eq!(fault(&|l| l.projection[0] = f64::INFINITY, true), "p");
        assert_eq!(fault(&|l| l.rectification[0] = 1.0, true), "r");
    }
}
