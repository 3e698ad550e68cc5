//! Which boxes in the pictures belong to which clusters. The returns of each
//! cluster are projected into every picture, through its lens and from where
//! the vehicle was when it was taken; boxes and clusters are paired by their
//! overlap, of those behind one another the nearer first. What a detector
//! calls a box is then said of its cluster. A box without a cluster is
//! something all the same, at the range at which its lower edge meets the
//! ground.

use janus_datasets::{Camera, Class, Frame};
use nalgebra::Vector2;

use super::aim::Aim;
use super::association::{Pair, associate};
use super::config::ObjectsConfig;
use super::filter::Place;
use super::segment::Segments;
use super::viewpoint::{EDGE, FAR_M, Found, Shown, Viewpoint};
use crate::CameraScene;
use crate::health::{Impairment, late_s};
use crate::picture_box::intersection_over_union;

/// What a metre of depth adds to the cost of a pair, so that of two clusters
/// behind one another the nearer has the box.
const DEPTH_COST: f64 = 0.004;
/// What is no farther, on ground that lidars see, they see as well, m.
const NEAR_M: f64 = 30.0;

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
    /// How far from the camera, m.
    pub(super) range: f64,
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
    /// What is wrong with cameras: their boxes are left out.
    pub(super) impairments: Vec<Impairment>,
}

/// What is remembered of each camera.
#[derive(Clone, Debug)]
pub(super) struct Cameras {
    /// Of each class of the detector; `None` for what is not followed.
    classes: Vec<Option<Class>>,
    aims: Vec<Aim>,
}

impl Cameras {
    /// For a detector that tells these classes apart.
    pub(super) fn new(names: &[String]) -> Self {
        // A tram is a long bus here.
        let class = |name: &String| match Class::of_detector(name)? {
            Class::Train => Some(Class::Bus),
            class => Some(class),
        };
        Self {
            classes: names.iter().map(class).collect(),
            aims: Vec::new(),
        }
    }

    /// Forgets where the cameras looked.
    pub(super) fn forget(&mut self) {
        self.aims.clear();
    }

    /// Brings together the boxes and the clusters of a frame; without any
    /// boxes nothing is said. Stale pictures are left out.
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
            ..Fused::default()
        };
        self.aims.resize_with(frame.rig.cameras.len(), Aim::default);
        for image in &frame.images {
            let camera = image.camera;
            let Some(calibration) = frame.rig.cameras.get(camera) else {
                continue;
            };
            if late_s(frame, image.stamp).abs() > config.stale_s {
                continue;
            }
            match Viewpoint::of(frame, calibration, image) {
                Some(viewpoint) => {
                    let found = self.found(camera, calibration, cameras);
                    self.look(camera, &viewpoint, &found, segments, config, &mut fused);
                }
                None => {
                    let unplaced = Impairment::CameraUnplaced { camera };
                    fused.impairments.push(unplaced);
                }
            }
        }
        let aims = self.aims.iter().enumerate();
        let astray = aims.filter_map(|(camera, aim)| aim.impairment(camera));
        fused.impairments.extend(astray);
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

    /// Gives the boxes of a picture to the clusters in it. A box without one,
    /// on ground that lidars see, is nothing unless the camera is known to
    /// look where it should.
    fn look(
        &mut self,
        camera: usize,
        viewpoint: &Viewpoint<'_>,
        found: &[Found],
        segments: &Segments,
        config: &ObjectsConfig,
        fused: &mut Fused,
    ) {
        if found.is_empty() {
            return;
        }
        let shown = viewpoint.show(segments);
        let pairs = pairs(found, &shown, config.overlap);
        let owners = associate(found.len(), shown.len(), &pairs, 1.0);
        let aim = &mut self.aims[camera];
        let (mut calls, mut sightings) = (Vec::new(), Vec::new());
        for (found, owner) in found.iter().zip(owners) {
            if let Some(owner) = owner.map(|owner| &shown[owner]) {
                if viewpoint.is_whole(&found.bbox) && viewpoint.is_whole(&owner.bbox) {
                    aim.note_offset(viewpoint.offset(&found.bbox, &owner.bbox));
                }
                if owner.depth <= NEAR_M {
                    aim.note_met(true);
                }
                calls.push((owner.segment, found.call));
            } else if let Some(sighting) = viewpoint.sight(found, segments) {
                let in_sight = segments.ground.is_seen(sighting.place.at);
                if in_sight && sighting.range <= NEAR_M {
                    aim.note_met(false);
                }
                sightings.push((in_sight, sighting));
            }
        }
        if aim.impairment(camera).is_some() {
            return;
        }
        for (segment, call) in calls {
            fused.calls[segment].push(call);
        }
        let believed = sightings
            .into_iter()
            .filter(|(in_sight, _)| !in_sight || aim.is_proven());
        fused
            .sightings
            .extend(believed.map(|(_, sighting)| sighting));
    }
}

/// Boxes and clusters that overlap by at least so much.
fn pairs(found: &[Found], shown: &[Shown], least: f64) -> Vec<Pair> {
    let all = found.iter().enumerate().flat_map(|(row, found)| {
        shown.iter().enumerate().filter_map(move |(column, shown)| {
            let overlap = intersection_over_union(&found.bbox, &shown.bbox);
            let cost = 1.0 - overlap * (1.0 - DEPTH_COST * shown.depth.min(FAR_M));
            (overlap >= least).then_some(Pair { row, column, cost })
        })
    });
    all.collect()
}

/// Of the sightings of one thing by several cameras, that of the best known
/// place.
fn apart(sightings: Vec<Sighting>) -> Vec<Sighting> {
    let mut kept: Vec<Sighting> = Vec::with_capacity(sightings.len());
    for one in sightings {
        let same = kept.iter_mut().find(|other| {
            let off = [0, 1].map(|k| one.place.at[k] - other.place.at[k]);
            let off = Vector2::from(off);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_does_not_decide_what_overlaps() {
        let call = Call {
            class: Class::Car,
            score: 0.9,
        };
        let found = [Found {
            call,
            bbox: [0.0, 0.0, 100.0, 10.0],
        }];
        // Of an overlap of 0.26 and of 0.24, and a nearer one of 0.26.
        let shown = |width: f64, depth: f64| Shown {
            segment: 0,
            bbox: [0.0, 0.0, width, 10.0],
            depth,
        };
        let all = [shown(26.0, 60.0), shown(24.0, 5.0), shown(26.0, 20.0)];
        let pairs = pairs(&found, &all, 0.25);
        let columns: Vec<usize> = pairs.iter().map(|pair| pair.column).collect();
        assert_eq!(columns, [0, 2]);
        assert_eq!(associate(1, 3, &pairs, 1.0), [Some(2)]);
    }
}
