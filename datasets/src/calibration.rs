//! Where the sensors sit on the vehicle, and how its cameras see.

use nalgebra::Point3;

use crate::geometry::Pose;

/// Nearer to a camera than this, no part of a box is projected, m.
const NEAR_M: f64 = 0.1;

/// The recording vehicle: its sensors and its body.
#[derive(Clone, Debug, Default)]
pub struct Rig {
    /// Lidars, in the order to which [`crate::Sweep::lidar`] refers.
    pub lidars: Vec<Lidar>,
    /// Cameras, in the order to which [`crate::Image::camera`] refers.
    pub cameras: Vec<Camera>,
    /// The body, where the log or its format tells it.
    pub body: Option<Body>,
    /// The frame in which KITTI's labels are given, in its own logs: that of
    /// camera 0, rectified, x right, y down, z forward.
    pub base_from_rect: Option<Pose>,
}

/// A lidar on the vehicle.
#[derive(Clone, Debug)]
pub struct Lidar {
    /// The log's own name for it.
    pub name: String,
    /// Its pose on the vehicle.
    pub base_from_sensor: Pose,
}

/// A pinhole camera on the vehicle; its frame is x right, y down, z forward.
#[derive(Clone, Debug)]
pub struct Camera {
    /// The log's own name for it.
    pub name: String,
    /// Its pose on the vehicle.
    pub base_from_sensor: Pose,
    /// Width and height, pixels.
    pub resolution: [u32; 2],
    /// Focal lengths in x and y, pixels.
    pub focal: [f64; 2],
    /// Principal point, pixels.
    pub centre: [f64; 2],
    /// How the lens bends what the pinhole sees.
    pub distortion: Distortion,
}

/// How far a lens is from a pinhole, in the terms of OpenCV.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Distortion {
    /// Not at all: the pictures are rectified.
    #[default]
    None,
    /// Radial, rational and tangential: k1, k2, p1, p2, k3, k4, k5, k6.
    Radial([f64; 8]),
    /// Equidistant fisheye: k1 to k4.
    Fisheye([f64; 4]),
}

impl Distortion {
    /// Where the lens puts what a pinhole of focal length 1 sees at a place;
    /// `None` where the polynomial no longer describes a lens.
    pub fn apply(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        let squared = x * x + y * y;
        match *self {
            Self::None => Some([x, y]),
            Self::Radial([k1, k2, p1, p2, k3, k4, k5, k6]) => {
                let polynomial = |a, b, c| 1.0 + squared * (a + squared * (b + squared * c));
                let [above, below] = [polynomial(k1, k2, k3), polynomial(k4, k5, k6)];
                // Past its turning point the polynomial folds the far outside
                // back into the picture.
                let slope = |a: f64, b: f64, c: f64| {
                    1.0 + squared * (3.0 * a + squared * (5.0 * b + squared * 7.0 * c))
                };
                let falls = [k4, k5, k6] == [0.0; 3] && slope(k1, k2, k3) <= 0.0;
                let scale = above / below;
                (scale.is_finite() && scale > 0.0 && !falls).then_some([
                    x * scale + 2.0 * p1 * x * y + p2 * (squared + 2.0 * x * x),
                    y * scale + p1 * (squared + 2.0 * y * y) + 2.0 * p2 * x * y,
                ])
            }
            Self::Fisheye([k1, k2, k3, k4]) => {
                let radius = squared.sqrt();
                if radius < 1e-12 {
                    return self.is_before_any_fold([x, y]).then_some([x, y]);
                }
                let angle = radius.atan();
                let t = angle * angle;
                let bent = angle * (1.0 + t * (k1 + t * (k2 + t * (k3 + t * k4))));
                Some([x, y].map(|c| c * bent / radius))
            }
        }
    }
}

/// Steps in which the place that a lens bends to another is sought,
const UNBENDINGS: usize = 20;
/// until it is as near, in focal lengths.
const UNBENT: f64 = 1e-9;

impl Distortion {
    /// The place that [`Distortion::apply`] takes to this one, by Newton's
    /// method; `None` where there is none.
    pub fn undo(&self, bent: [f64; 2]) -> Option<[f64; 2]> {
        let step = 1e-6;
        // A fisheye sees so far aside that the place it bends is far outside.
        let [mut x, mut y] = match self {
            Self::Fisheye(_) => {
                let angle = bent[0].hypot(bent[1]);
                let scale = if angle > 1e-9 {
                    angle.min(1.4).tan() / angle
                } else {
                    1.0
                };
                bent.map(|c| c * scale)
            }
            _ => bent,
        };
        for _ in 0..UNBENDINGS {
            let at = self.apply([x, y])?;
            let off = [bent[0] - at[0], bent[1] - at[1]];
            if off[0].hypot(off[1]) < UNBENT {
                return Some([x, y]);
            }
            let [by_x, by_y] = [self.apply([x + step, y])?, self.apply([x, y + step])?];
            let slope = |to: [f64; 2], k: usize| (to[k] - at[k]) / step;
            let [[a, b], [c, d]] = [0, 1].map(|k| [slope(by_x, k), slope(by_y, k)]);
            let determinant = a * d - b * c;
            x += (d * off[0] - b * off[1]) / determinant;
            y += (a * off[1] - c * off[0]) / determinant;
        }
        None
    }

    /// Whether the lens sees ever farther out on the way to a place: where its
    /// polynomial turns back it is no lens any more.
    fn is_before_any_fold(&self, place: [f64; 2]) -> bool {
        const LOOKS: u32 = 16;
        let mut farthest = -1.0;
        (0..=LOOKS).all(|i| {
            let part = place.map(|c| c * f64::from(i) / f64::from(LOOKS));
            let out = self.apply(part).map(|[x, y]| x.hypot(y));
            let is_farther = out.is_some_and(|out| out > farthest);
            farthest = out.unwrap_or(farthest);
            is_farther || place == [0.0; 2]
        })
    }
}

impl Camera {
    /// The direction in the camera's frame, one deep, in which a pixel looks,
    /// x right and y down from the centre of the first; `None` where the lens
    /// does not reach.
    pub fn ray(&self, [u, v]: [f64; 2]) -> Option<[f64; 3]> {
        let [fx, fy] = self.focal;
        let [cx, cy] = self.centre;
        let [x, y] = self.distortion.undo([(u - cx) / fx, (v - cy) / fy])?;
        Some([x, y, 1.0])
    }

    /// The pixel, x right and y down from the centre of the first, that sees
    /// a place in the camera's frame; `None` for a place that is not before
    /// the camera, or where its lens does not reach.
    pub fn project(&self, [x, y, z]: [f64; 3]) -> Option<[f64; 2]> {
        let [fx, fy] = self.focal;
        let [cx, cy] = self.centre;
        if z <= 0.0 {
            return None;
        }
        let [x, y] = self.distortion.apply([x / z, y / z])?;
        Some([fx * x + cx, fy * y + cy])
    }

    /// The rectangle around the corners of a box, of so much length, width and
    /// height, as far as they are before the camera: x_min, y_min, x_max,
    /// y_max, pixels, within the picture or not. `None` if nothing is before
    /// it.
    pub fn extent(&self, sensor_from_box: &Pose, size: [f64; 3]) -> Option<[f64; 4]> {
        let corner = |i: usize| {
            let side = |k: usize| size[k] * if i >> k & 1 == 1 { 0.5 } else { -0.5 };
            sensor_from_box * Point3::new(side(0), side(1), side(2))
        };
        let corners: [Point3<f64>; 8] = std::array::from_fn(corner);
        // Each edge joins two corners that differ in one bit.
        let edges = (0..8).flat_map(|i| (0..3).map(move |k| [i, i | 1 << k]));
        let pixels = edges
            .filter(|[from, to]| from != to)
            .filter_map(|[from, to]| before([corners[from], corners[to]]))
            .flatten()
            .filter_map(|place| self.project([place.x, place.y, place.z]));
        pixels.fold(None, |extent, [x, y]| {
            let [x_min, y_min, x_max, y_max] = extent.unwrap_or([x, y, x, y]);
            Some([x_min.min(x), y_min.min(y), x_max.max(x), y_max.max(y)])
        })
    }

    /// The part of a rectangle that is within the picture.
    pub fn clip(&self, [x_min, y_min, x_max, y_max]: [f64; 4]) -> [f64; 4] {
        let [width, height] = self.resolution.map(f64::from);
        [
            x_min.clamp(0.0, width),
            y_min.clamp(0.0, height),
            x_max.clamp(0.0, width),
            y_max.clamp(0.0, height),
        ]
    }
}

/// The part of an edge that is before the camera.
fn before([p, q]: [Point3<f64>; 2]) -> Option<[Point3<f64>; 2]> {
    let crossing = || p + (q - p) * ((NEAR_M - p.z) / (q.z - p.z));
    match (p.z >= NEAR_M, q.z >= NEAR_M) {
        (true, true) => Some([p, q]),
        (true, false) => Some([p, crossing()]),
        (false, true) => Some([crossing(), q]),
        (false, false) => None,
    }
}

/// The vehicle's body as a box about `base_link`, metres. Returns from within
/// it are the vehicle's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Least x and y.
    pub min: [f64; 2],
    /// Greatest x and y.
    pub max: [f64; 2],
    /// Height of the roof with all that stands on it.
    pub height: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lenses_bend_as_opencv_says() {
        let radial = Distortion::Radial([-0.3, 0.1, 0.001, -0.002, 0.0, 0.0, 0.0, 0.0]);
        let [x, y] = radial.apply([0.2, -0.1]).expect("is in reach");
        let scale = 1.0 - 0.3 * 0.05 + 0.1 * 0.0025;
        assert!(
            (x - (0.2 * scale + 2.0 * 0.001 * 0.2 * -0.1 - 0.002 * (0.05 + 0.08))).abs() < 1e-12
        );
        assert!(
            (y - (-0.1 * scale + 0.001 * (0.05 + 0.02) - 2.0 * 0.002 * 0.2 * -0.1)).abs() < 1e-12
        );
        let folds = Distortion::Radial([-0.4, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(folds.apply([0.9, 0.0]).is_some());
        assert_eq!(folds.apply([1.1, 0.0]), None);
        let fisheye = Distortion::Fisheye([0.0; 4]);
        let [x, _] = fisheye.apply([1.0, 0.0]).expect("is in reach");
        assert!((x - std::f64::consts::FRAC_PI_4).abs() < 1e-12);
        assert_eq!(Distortion::None.apply([3.0, 4.0]), Some([3.0, 4.0]));
    }

    fn camera() -> Camera {
        Camera {
            name: "ahead".into(),
            base_from_sensor: Pose::identity(),
            resolution: [400, 300],
            focal: [200.0; 2],
            centre: [200.0, 150.0],
            distortion: Distortion::None,
        }
    }

    #[test]
    fn a_rectangle_is_around_the_nearest_corners_of_a_box() {
        // Two metres wide and high, four deep, its near face at 10 m.
        let place = Pose::translation(0.0, 0.0, 12.0);
        let found = camera().extent(&place, [2.0, 2.0, 4.0]).expect("before it");
        for (found, wanted) in found.iter().zip([180.0, 130.0, 220.0, 170.0]) {
            assert!((found - wanted).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_behind_the_camera_is_not_seen() {
        let at = |z| camera().extent(&Pose::translation(0.0, 0.0, z), [2.0, 2.0, 4.0]);
        assert_eq!(at(-5.0), None);
        // Of a box about the camera the part before it fills the view.
        let found = at(0.0).expect("a part");
        let [x_min, y_min, x_max, y_max] = found;
        assert!(x_min < 0.0 && y_min < 0.0 && x_max > 400.0 && y_max > 300.0);
        assert_eq!(camera().clip(found), [0.0, 0.0, 400.0, 300.0]);
    }

    proptest! {
        #[test]
        fn a_pixel_looks_where_what_it_sees_is(
            x in -0.8..0.8f64, y in -0.5..0.5f64, depth in 1.0..80.0f64, lens in 0usize..3,
        ) {
            let distortion = [
                Distortion::None,
                Distortion::Radial([-0.17, 0.025, 0.0003, -0.0007, 0.0, 0.0, 0.0, 0.0]),
                Distortion::Fisheye([0.01, -0.005, 0.001, 0.0]),
            ][lens];
            let camera = Camera {
                name: String::new(),
                base_from_sensor: Pose::identity(),
                resolution: [640, 480],
                focal: [400.0, 410.0],
                centre: [322.0, 236.0],
                distortion,
            };
            let pixel = camera.project([x * depth, y * depth, depth]).expect("is before it");
            let ray = camera.ray(pixel).expect("is in reach");
            prop_assert!((ray[0] - x).hypot(ray[1] - y) < 1e-6, "{ray:?}");
        }
    }

    #[test]
    fn no_ray_leads_to_where_no_lens_reaches() {
        let folds = Distortion::Radial([-0.4, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(folds.undo([3.0, 0.0]), None);
        assert_eq!(folds.undo([f64::NAN, 0.0]), None);
    }
}
