//! Which boxes in the pictures belong to which clusters. The returns of each
//! cluster are projected into every picture, through its lens and from where
//! the vehicle was when it was taken; boxes and clusters are paired by their
//! overlap, of those behind one another the nearer first. What a detector
//! calls a box is then said of its cluster. A box without a cluster is
//! something all the same, at the range at which its lower edge meets the
//! ground.

use std::collections::VecDeque;

use janus_datasets::{Camera, Class, Frame, Image, Pose};
use nalgebra::{Matrix2, Point3, Vector3};

use super::assign::{Pair, assign};
use super::config::ObjectsConfig;
use super::filter::Place;
use super::segment::{Return, Segment, Segments};
use super::shape::prior;
use crate::CameraScene;
use crate::health::Impairment;

/// So many returns of a cluster are projected.
const RETURNS: usize = 48;
/// Fewer within the picture are too few.
const LEAST_RETURNS: usize = 3;
/// What a metre of depth adds to the cost of a pair, so that of two clusters
/// behind one another the nearer has the box.
const DEPTH_COST: f64 = 0.004;
/// A side of a box this near to the picture's edge may be cut, pixels.
const EDGE: f64 = 2.0;
/// Standard deviation of a box's lower edge and of its middle, pixels.
const PIXELS: f64 = 2.0;
/// Boxes alone are things no farther away than this, m,
const FAR_M: f64 = 60.0;
/// with a range that is no better known than this share of it.
const RANGE_SHARE: f64 = 0.08;
/// How many pairs of a camera tell whether it looks where it should,
const PAIRS: usize = 120;
/// but no fewer than these,
const LEAST_PAIRS: usize = 30;
/// and how far off their median is of one that does not, rad: sideways, and
/// up and down, where clusters lack what is near the ground.
const ASTRAY: [f64; 2] = [0.018, 0.028];

/// What a detector says of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) class: Class,
    /// From 0 to 1.
    pub(super) score: f64,
}

/// Something that only a camera sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) camera: usize,
    pub(super) call: Call,
    pub(super) place: Place,
    /// Height of the ground under it, m in odom.
    pub(super) ground: f64,
}

/// What the pictures of a frame say.
#[derive(Clone, Debug, Default)]
pub(super) struct Fused {
    /// Of each segment.
    pub(super) calls: Vec<Vec<Call>>,
    /// Of what no segment is.
    pub(super) sightings: Vec<Sighting>,
}

/// What is remembered of each camera.
#[derive(Clone, Debug)]
pub(super) struct Cameras {
    /// Of each class of the detector; `None` for what is not followed.
    classes: Vec<Option<Class>>,
    /// Of each camera, how far its last boxes were off their clusters, rad.
    offsets: Vec<VecDeque<[f64; 2]>>,
}

/// A box in a picture: x_min, y_min, x_max, y_max, pixels.
type Box2 = [f64; 4];

/// A cluster as a camera sees it.
struct Shown {
    segment: usize,
    bbox: Box2,
    depth: f64,
}

/// A box of a detector that makes sense.
struct Found {
    call: Call,
    bbox: Box2,
}

/// A camera at the time of its picture.
struct Viewpoint<'a> {
    camera: &'a Camera,
    odom_from_sensor: Pose,
    sensor_from_odom: Pose,
}

impl Cameras {
    /// For a detector that tells these classes apart.
    pub(super) fn new(names: &[String]) -> Self {
        Self {
            classes: names.iter().map(|name| followed(name)).collect(),
            offsets: Vec::new(),
        }
    }

    /// Forgets where the cameras looked.
    pub(super) fn forget(&mut self) {
        self.offsets.clear();
    }

    /// The cameras that look beside where they should.
    pub(super) fn astray(&self) -> impl Iterator<Item = Impairment> {
        (0..self.offsets.len()).filter_map(|camera| {
            let [right_rad, down_rad] = self.offset(camera)?;
            Some(Impairment::CameraAstray {
                camera,
                right_rad,
                down_rad,
            })
        })
    }

    /// How far a camera looks beside where it should, rad, right and down;
    /// `None` if it does not, or nobody knows.
    fn offset(&self, camera: usize) -> Option<[f64; 2]> {
        let offsets = self.offsets.get(camera)?;
        if offsets.len() < LEAST_PAIRS {
            return None;
        }
        let median = [0, 1].map(|k: usize| {
            let mut along: Vec<f64> = offsets.iter().map(|offset| offset[k]).collect();
            along.sort_by(f64::total_cmp);
            along[along.len() / 2]
        });
        (0..2)
            .any(|k| median[k].abs() > ASTRAY[k])
            .then_some(median)
    }

    /// Brings together the boxes and the clusters of a frame; without any
    /// boxes nothing is said.
    pub(super) fn fuse(
        &mut self,
        frame: &Frame,
        cameras: Option<&CameraScene>,
        segments: &Segments,
        config: &ObjectsConfig,
    ) -> Fused {
        let Some(cameras) = cameras else {
            return Fused::default();
        };
        let mut fused = Fused {
            calls: vec![Vec::new(); segments.list.len()],
            sightings: Vec::new(),
        };
        self.offsets
            .resize_with(frame.rig.cameras.len(), VecDeque::new);
        for image in &frame.images {
            let Some(viewpoint) = Viewpoint::of(frame, image) else {
                continue;
            };
            let found = self.found(image.camera, viewpoint.camera, cameras);
            if found.is_empty() {
                continue;
            }
            let shown = viewpoint.show(segments);
            let pairs = pairs(&found, &shown);
            let owners = assign(found.len(), shown.len(), &pairs, 1.0 - config.overlap);
            self.note(image.camera, viewpoint.camera, &found, &shown, &owners);
            if self.offset(image.camera).is_some() {
                continue;
            }
            for (found, owner) in found.iter().zip(&owners) {
                match owner {
                    Some(owner) => fused.calls[shown[*owner].segment].push(found.call),
                    None => {
                        let sighting = viewpoint.sight(image.camera, found, segments);
                        fused.sightings.extend(sighting);
                    }
                }
            }
        }
        fused.sightings = apart(fused.sightings);
        fused
    }

    /// The boxes of a camera that make sense, of classes that are followed.
    fn found(&self, camera: usize, calibration: &Camera, scene: &CameraScene) -> Vec<Found> {
        let [width, height] = calibration.resolution.map(f64::from);
        let of_camera = scene.detections.iter().filter(|d| d.camera == camera);
        let found = of_camera.filter_map(|detection| {
            let class = (*self.classes.get(usize::from(detection.class))?)?;
            let [x_min, y_min, x_max, y_max] = detection.bbox.map(f64::from);
            let score = f64::from(detection.score);
            let makes_sense = x_min < x_max
                && y_min < y_max
                && x_min >= -EDGE
                && y_min >= -EDGE
                && x_max <= width + EDGE
                && y_max <= height + EDGE
                && (0.0..=1.0).contains(&score);
            makes_sense.then_some(Found {
                call: Call { class, score },
                bbox: [x_min, y_min, x_max, y_max],
            })
        });
        found.collect()
    }

    /// Notes how far boxes are off their clusters that are whole in the
    /// picture.
    fn note(
        &mut self,
        camera: usize,
        calibration: &Camera,
        found: &[Found],
        shown: &[Shown],
        owners: &[Option<usize>],
    ) {
        let whole = |bbox: &Box2| {
            let [width, height] = calibration.resolution.map(f64::from);
            let [x_min, y_min, x_max, y_max] = *bbox;
            x_min > EDGE && y_min > EDGE && x_max < width - EDGE && y_max < height - EDGE
        };
        let offsets = &mut self.offsets[camera];
        for (found, owner) in found.iter().zip(owners) {
            let Some(shown) = owner.map(|owner| &shown[owner]) else {
                continue;
            };
            if whole(&found.bbox) && whole(&shown.bbox) {
                let middle = |bbox: &Box2, k: usize| (bbox[k] + bbox[k + 2]) / 2.0;
                let off = |k: usize| {
                    (middle(&found.bbox, k) - middle(&shown.bbox, k)) / calibration.focal[k]
                };
                if offsets.len() == PAIRS {
                    offsets.pop_front();
                }
                offsets.push_back([off(0), off(1)]);
            }
        }
    }
}

/// What a class of a detector is here.
fn followed(name: &str) -> Option<Class> {
    Some(match name {
        "car" => Class::Car,
        "van" => Class::Van,
        "truck" => Class::Truck,
        "bus" | "train" => Class::Bus,
        "motorcycle" | "motorbike" => Class::Motorcycle,
        "bicycle" => Class::Bicycle,
        "person" | "pedestrian" => Class::Pedestrian,
        _ => return None,
    })
}

/// Boxes and clusters that overlap.
fn pairs(found: &[Found], shown: &[Shown]) -> Vec<Pair> {
    let all = found.iter().enumerate().flat_map(|(row, found)| {
        shown.iter().enumerate().filter_map(move |(column, shown)| {
            let overlap = intersection_over_union(&found.bbox, &shown.bbox);
            let cost = 1.0 - overlap + DEPTH_COST * shown.depth.min(FAR_M) * overlap;
            (overlap > 0.0).then_some(Pair { row, column, cost })
        })
    });
    all.collect()
}

fn intersection_over_union(a: &Box2, b: &Box2) -> f64 {
    let side = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
    let area = |of: &Box2| (of[2] - of[0]) * (of[3] - of[1]);
    let both = side(0) * side(1);
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// Of the sightings of one thing by several cameras, that of the best known
/// place.
fn apart(sightings: Vec<Sighting>) -> Vec<Sighting> {
    let mut kept: Vec<Sighting> = Vec::with_capacity(sightings.len());
    for one in sightings {
        let same = kept.iter_mut().find(|other| {
            let off = [0, 1].map(|k| one.place.at[k] - other.place.at[k]);
            let off = nalgebra::Vector2::from(off);
            let spread = (one.place.covariance + other.place.covariance).try_inverse();
            let near = spread.is_some_and(|inverse| (off.transpose() * inverse * off)[0] < 9.0);
            other.camera != one.camera && other.call.class == one.call.class && near
        });
        match same {
            None => kept.push(one),
            Some(other) => {
                if one.place.covariance.trace() < other.place.covariance.trace() {
                    *other = one;
                }
            }
        }
    }
    kept
}

impl<'a> Viewpoint<'a> {
    /// `None` if the rig has no such camera, or nobody knows where it was.
    fn of(frame: &'a Frame, image: &Image) -> Option<Self> {
        let camera = frame.rig.cameras.get(image.camera)?;
        let pose = frame.ego.at(image.stamp).or(frame.pose)?;
        let odom_from_sensor = pose * camera.base_from_sensor;
        Some(Self {
            camera,
            odom_from_sensor,
            sensor_from_odom: odom_from_sensor.inverse(),
        })
    }

    /// The clusters that the picture shows.
    fn show(&self, segments: &Segments) -> Vec<Shown> {
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
    fn sight(&self, number: usize, found: &Found, segments: &Segments) -> Option<Sighting> {
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
        let left = nalgebra::Vector2::new(-ahead.y, ahead.x);
        let middle = at + behind;
        let along = deviation.hypot(RANGE_SHARE * at).hypot(behind / 2.0);
        let across = (PIXELS / self.camera.focal[0] * at).hypot(0.2);
        let covariance: Matrix2<f64> = ahead * ahead.transpose() * (along * along)
            + left * left.transpose() * (across * across);
        let place = [from[0] + ahead.x * middle, from[1] + ahead.y * middle];
        Some(Sighting {
            camera: number,
            call: found.call,
            place: Place {
                at: place,
                covariance,
            },
            ground: segments.ground.height(place),
        })
    }
}
