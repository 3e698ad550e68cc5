//! A camera at the time of its picture: what of the clusters it shows, and
//! where on the ground something is that a box shows.

use janus_datasets::{Camera, Frame, Image, Pose};
use nalgebra::{Matrix2, Point3, Vector2, Vector3};

use super::filter::Place;
use super::fuse::{Call, Sighting};
use super::segment::{Return, Segment, Segments};
use super::shape::prior;
use crate::picture_box::PictureBox;

/// What is farther away is not looked at, m.
pub(super) const FAR_M: f64 = 60.0;
/// A side of a box this near to the picture's edge may be cut, pixels.
pub(super) const EDGE: f64 = 2.0;
/// So many returns of a cluster are projected.
const RETURNS: usize = 48;
/// Fewer within the picture are too few.
const LEAST_RETURNS: usize = 3;
/// Standard deviation of a box's lower edge and of its middle, pixels.
const PIXELS: f64 = 2.0;
/// The range of a box alone is no better known than this share of it.
const RANGE_SHARE: f64 = 0.08;

/// A camera at the time of its picture.
pub(super) struct Viewpoint<'a> {
    number: usize,
    camera: &'a Camera,
    odom_from_sensor: Pose,
    sensor_from_odom: Pose,
}

/// A cluster as a camera sees it.
pub(super) struct Shown {
    /// Its index.
    pub(super) segment: usize,
    /// Around its returns.
    pub(super) bbox: PictureBox,
    /// Of the nearest return, m.
    pub(super) depth: f64,
}

/// A box of a detector that makes sense.
pub(super) struct Found {
    pub(super) call: Call,
    pub(super) bbox: PictureBox,
}

impl<'a> Viewpoint<'a> {
    /// `None` if nobody knows where the vehicle was at the picture's time: a
    /// log without a way stands still.
    pub(super) fn of(frame: &'a Frame, camera: &'a Camera, image: &Image) -> Option<Self> {
        let still = image.stamp == frame.stamp || frame.ego.waypoints().is_empty();
        let pose = frame.ego.at(image.stamp);
        let pose = pose.or(frame.pose.filter(|_| still))?;
        let odom_from_sensor = pose * camera.base_from_sensor;
        Some(Self {
            number: image.camera,
            camera,
            odom_from_sensor,
            sensor_from_odom: odom_from_sensor.inverse(),
        })
    }

    /// Whether a box is cut by no edge of the picture.
    pub(super) fn is_whole(&self, [x_min, y_min, x_max, y_max]: &PictureBox) -> bool {
        let [width, height] = self.camera.resolution.map(f64::from);
        *x_min > EDGE && *y_min > EDGE && *x_max < width - EDGE && *y_max < height - EDGE
    }

    /// How far one box is right of another and below it, by their middles,
    /// rad.
    pub(super) fn offset(&self, a: &PictureBox, b: &PictureBox) -> [f64; 2] {
        let middle = |bbox: &PictureBox, k: usize| (bbox[k] + bbox[k + 2]) / 2.0;
        [0, 1].map(|k| (middle(a, k) - middle(b, k)) / self.camera.focal[k])
    }

    /// The clusters that the picture shows.
    pub(super) fn show(&self, segments: &Segments) -> Vec<Shown> {
        let list = segments.list.iter().enumerate();
        let shown = list.filter(|(_, segment)| !segment.is_structure);
        shown
            .filter_map(|(i, segment)| self.show_one(i, segment, segments))
            .collect()
    }

    fn show_one(&self, index: usize, segment: &Segment, segments: &Segments) -> Option<Shown> {
        let middle = [0, 1].map(|k| (segment.bounds[0][k] + segment.bounds[1][k]) / 2.0);
        let radius = [0, 1].map(|k| (segment.bounds[1][k] - segment.bounds[0][k]) / 2.0);
        let middle = Point3::new(middle[0], middle[1], segment.ground);
        let place = self.sensor_from_odom * middle;
        let reach = radius[0].hypot(radius[1]) + segment.height;
        if place.z + reach < 0.0
            || place.z > FAR_M
            || place.x.abs() - reach > 4.0 * place.z.max(1.0)
        {
            return None;
        }
        let returns = &segments.returns[segment.returns.clone()];
        let [width, height] = self.camera.resolution.map(f64::from);
        let stride = returns.len().div_ceil(RETURNS).max(1);
        let mut bbox = [
            f64::INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
        ];
        let (mut count, mut depth) = (0, f64::INFINITY);
        for one in returns.iter().step_by(stride) {
            let Some((u, v, z)) = self.project(one) else {
                continue;
            };
            if (0.0..width).contains(&u) && (0.0..height).contains(&v) {
                count += 1;
                depth = depth.min(z);
                bbox = [
                    bbox[0].min(u),
                    bbox[1].min(v),
                    bbox[2].max(u),
                    bbox[3].max(v),
                ];
            }
        }
        (count >= LEAST_RETURNS).then_some(Shown {
            segment: index,
            bbox,
            depth,
        })
    }

    /// The pixel that shows a return, and how deep it lies.
    fn project(&self, one: &Return) -> Option<(f64, f64, f64)> {
        let at = self.sensor_from_odom * Point3::from(one.at);
        let [u, v] = self.camera.project([at.x, at.y, at.z])?;
        Some((u, v, at.z))
    }

    /// Where something is of which there is only a box: where its lower edge
    /// is on the ground. `None` where that is cut by the picture's edge, or
    /// meets no ground.
    pub(super) fn sight(&self, found: &Found, segments: &Segments) -> Option<Sighting> {
        let [x_min, _, x_max, y_max] = found.bbox;
        let [width, height] = self.camera.resolution.map(f64::from);
        if y_max > height - EDGE || x_min < EDGE || x_max > width - EDGE {
            return None;
        }
        let u = (x_min + x_max) / 2.0;
        let from: [f64; 3] = self.odom_from_sensor.translation.vector.into();
        let direction = |v: f64| {
            let ray = self.camera.ray([u, v])?;
            Some(self.odom_from_sensor.rotation * Vector3::from(ray))
        };
        let range = |v: f64| segments.ground.meet(from, direction(v)?.into());
        let [near, at, far] = [range(y_max + PIXELS), range(y_max), range(y_max - PIXELS)];
        let at = at.filter(|at| *at <= FAR_M)?;
        let deviation = match (near, far) {
            (Some(near), Some(far)) => (far - near) / 2.0,
            _ => at / 2.0,
        };
        // The lower edge is that of its near side.
        let size = prior(found.call.class).size;
        let behind = (size[0] + size[1]) / 4.0;
        let ahead = direction(y_max)?.xy().try_normalize(1e-9)?;
        let left = Vector2::new(-ahead.y, ahead.x);
        let middle = at + behind;
        let along = deviation.hypot(RANGE_SHARE * at).hypot(behind / 2.0);
        let across = (PIXELS / self.camera.focal[0] * at).hypot(0.2);
        let covariance: Matrix2<f64> = ahead * ahead.transpose() * (along * along)
            + left * left.transpose() * (across * across);
        let place = [from[0] + ahead.x * middle, from[1] + ahead.y * middle];
        Some(Sighting {
            camera: self.number,
            call: found.call,
            place: Place {
                at: place,
                covariance,
            },
            range: at,
            ground: segments.ground.height(place),
        })
    }
}
