//! The moments of a drive: what its log says is there, beside what is followed.

use std::collections::BTreeMap;

use janus_datasets::{Annotation, Frame, Pose};
use nalgebra::{Point3, Vector3};

use super::moment::{Hypothesis, Moment, ObjectState, PredictedPose, TrackedObject, TruthObject};
use crate::error::{Error, Result};
use crate::lidar::{Motion, fixed};
use crate::objects::Object;

/// Boxes of one thing farther apart in time than this tell no velocity, s: the
/// limit of `box_velocity` of the nuScenes development kit.
const MAX_STEP_S: f64 = 1.5;

/// The moments of a drive, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Whether only what a camera shows is annotated.
    pictured: bool,
    /// How many scenes of their own began.
    scene: u64,
    /// Of each thing of a scene its number.
    identities: BTreeMap<(u64, String), u64>,
    list: Vec<Moment>,
}

impl Moments {
    /// None yet. `pictured` says that only what a camera shows is annotated:
    /// see [`janus_datasets::Annotations::pictured`].
    pub fn new(pictured: bool) -> Self {
        Self {
            pictured,
            ..Self::default()
        }
    }

    /// Adds what a frame's annotations say is there and what is followed.
    /// Annotations without a track are left out. Lidar returns in a box are
    /// counted where the log does not say how many there are.
    ///
    /// # Errors
    /// [`Error::NoPose`] if the frame does not tell where the vehicle was, and
    /// [`Error::NoMount`] or [`Error::Pose`] if the places of its returns
    /// cannot be told.
    pub fn add(&mut self, frame: &Frame, objects: &[Object]) -> Result<()> {
        let pose = frame.pose.ok_or(Error::NoPose)?;
        self.scene += u64::from(frame.begins);
        let annotations = frame.annotations.iter();
        let followed: Vec<&Annotation> = annotations.filter(|a| !a.track.is_empty()).collect();
        let counted = returns(frame, &pose, &followed)?;
        let truths = followed.iter().zip(counted);
        let truths = truths.map(|(annotation, points)| TruthObject {
            id: self.identity(&annotation.track),
            state: annotated(annotation, &pose),
            points: Some(points),
            is_covered: self.covers(frame, annotation.base_from_box.translation.vector),
        });
        let truths = truths.collect();
        let base_from_odom = pose.inverse();
        let tracks = objects.iter().map(|object| {
            let centre = base_from_odom * Point3::from(object.centre);
            tracked(object, self.covers(frame, centre.coords))
        });
        self.list.push(Moment {
            stamp: frame.stamp,
            vehicle: [pose.translation.x, pose.translation.y],
            tracks: tracks.collect(),
            truths,
        });
        Ok(())
    }

    /// All of them. Where the log has no velocity of a thing, it is that
    /// between its boxes before and after.
    pub fn finish(mut self) -> Vec<Moment> {
        let mut ways: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, moment) in self.list.iter().enumerate() {
            for (which, truth) in moment.truths.iter().enumerate() {
                ways.entry(truth.id).or_default().push((number, which));
            }
        }
        for way in ways.values() {
            let places = way.iter().map(|&(number, which)| {
                let moment = &self.list[number];
                let [x, y, _] = moment.truths[which].state.centre;
                (moment.stamp, [x, y])
            });
            let places: Vec<(i64, [f64; 2])> = places.collect();
            for (i, &(number, which)) in way.iter().enumerate() {
                let state = &mut self.list[number].truths[which].state;
                state.velocity = state.velocity.or_else(|| velocity(&places, i));
            }
        }
        self.list
    }

    /// The number of a thing, which has this name in its scene.
    fn identity(&mut self, name: &str) -> u64 {
        let next = self.identities.len() as u64;
        let key = (self.scene, name.to_owned());
        *self.identities.entry(key).or_insert(next)
    }

    /// Whether people annotated what is at a place in `base_link`.
    fn covers(&self, frame: &Frame, place: Vector3<f64>) -> bool {
        let mut cameras = frame.rig.cameras.iter();
        !self.pictured
            || cameras.len() == 0
            || cameras.any(|camera| {
                let at = camera.base_from_sensor.inverse() * Point3::from(place);
                let pixel = camera.project([at.x, at.y, at.z]);
                let within = |[u, v]: [f64; 2]| {
                    let [width, height] = camera.resolution.map(f64::from);
                    (0.0..width).contains(&u) && (0.0..height).contains(&v)
                };
                pixel.is_some_and(within)
            })
    }
}

/// The velocity of the thing at one of its places: from the one before to the
/// one after, as far as they are near enough in time.
fn velocity(places: &[(i64, [f64; 2])], i: usize) -> Option<[f64; 2]> {
    let at = |i: usize| places.get(i).copied();
    let seconds = |from: i64, to: i64| (to as f64 - from as f64) * 1e-9;
    let here = at(i)?;
    let near = |other: &(i64, [f64; 2])| seconds(here.0, other.0).abs() <= MAX_STEP_S;
    let before = i.checked_sub(1).and_then(at).filter(near).unwrap_or(here);
    let after = at(i + 1).filter(near).unwrap_or(here);
    let step = seconds(before.0, after.0);
    (step > 0.0).then(|| [0, 1].map(|k| (after.1[k] - before.1[k]) / step))
}

fn annotated(annotation: &Annotation, odom_from_base: &Pose) -> ObjectState {
    let odom_from_box = odom_from_base * annotation.base_from_box;
    let along = odom_from_box.rotation * Vector3::x();
    let velocity = annotation.velocity.map(|[x, y]| {
        let velocity = odom_from_base.rotation * Vector3::new(x, y, 0.0);
        [velocity.x, velocity.y]
    });
    ObjectState {
        class: annotation.class,
        centre: odom_from_box.translation.vector.into(),
        yaw: along.y.atan2(along.x),
        size: annotation.size,
        velocity,
    }
}

fn tracked(object: &Object, is_covered: bool) -> TrackedObject {
    let hypotheses = object.predicted.iter().map(|predicted| Hypothesis {
        probability: predicted.weight,
        poses: (predicted.poses.iter())
            .map(|pose| PredictedPose {
                after: pose.seconds,
                centre: pose.at,
                yaw: pose.yaw,
            })
            .collect(),
    });
    TrackedObject {
        id: object.id,
        state: ObjectState {
            class: object.class,
            centre: object.centre,
            yaw: object.yaw,
            size: [object.length, object.width, object.height],
            velocity: Some(object.velocity),
        },
        score: object.score,
        hypotheses: hypotheses.collect(),
        is_covered,
    }
}

/// How many lidar returns each box has: what its log says, or else those that
/// lie in it, each from where the vehicle was at its time.
fn returns(frame: &Frame, odom_from_base: &Pose, boxes: &[&Annotation]) -> Result<Vec<u32>> {
    let mut counts: Vec<u32> = boxes.iter().map(|one| one.points.unwrap_or(0)).collect();
    let uncounted = boxes.iter().enumerate();
    let uncounted = uncounted.filter(|(_, one)| one.points.is_none());
    let uncounted: Vec<(usize, Pose, Vector3<f64>)> = uncounted
        .map(|(i, one)| {
            let box_from_odom = (odom_from_base * one.base_from_box).inverse();
            (i, box_from_odom, Vector3::from(one.size) / 2.0)
        })
        .collect();
    if uncounted.is_empty() {
        return Ok(counts);
    }
    let motion = Motion::new(frame, odom_from_base)?;
    for (number, sweep) in frame.sweeps.iter().enumerate() {
        let lidar = frame.rig.lidars.get(sweep.lidar);
        let lidar = lidar.ok_or(Error::NoMount { lidar: sweep.lidar })?;
        let base_from_sensor = fixed(&lidar.base_from_sensor)?;
        for point in sweep.points.iter().filter(|point| point.is_valid()) {
            let odom_from_base = &motion.poses[motion.of_point(number, point)];
            let at = odom_from_base.apply(base_from_sensor.apply([point.x, point.y, point.z]));
            let at = Point3::from(at.map(|mm| f64::from(mm) * 1e-3));
            for (i, box_from_odom, half) in &uncounted {
                let inside = (box_from_odom * at).coords.abs();
                counts[*i] += u32::from((0..3).all(|k| inside[k] <= half[k]));
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_datasets::{Camera, Class, Distortion, Lidar, Point, Rig, Sweep};
    use nalgebra::UnitQuaternion;
    use std::sync::Arc;

    /// A vehicle at (0, 10) that looks along y, with a car so far ahead of it.
    fn frame(stamp: i64, ahead: f64) -> Frame {
        // x right, y down, z ahead.
        let looks = UnitQuaternion::from_euler_angles(
            -std::f64::consts::FRAC_PI_2,
            0.0,
            -std::f64::consts::FRAC_PI_2,
        );
        let north = Vector3::z() * std::f64::consts::FRAC_PI_2;
        let points = [
            [ahead, 0.0, 0.8],
            [ahead + 1.9, 0.9, 0.1],
            [ahead + 2.1, 0.0, 0.8],
        ];
        let points = points.map(|at| Point::from_metres(at, 0.5, 0));
        Frame {
            index: 0,
            stamp,
            begins: false,
            pose: Some(Pose::new(Vector3::new(0.0, 10.0, 0.0), north)),
            ego: Arc::default(),
            sweeps: vec![Sweep {
                lidar: 0,
                stamp,
                points: [&points[..], &[Point::INVALID]].concat(),
                labels: None,
            }],
            images: Vec::new(),
            roads: None,
            annotations: vec![Annotation {
                track: "car".into(),
                class: Class::Car,
                label: String::new(),
                base_from_box: Pose::translation(ahead, 0.0, 0.8),
                size: [4.0, 2.0, 1.6],
                velocity: None,
                points: None,
                visibility: None,
            }],
            rig: Arc::new(Rig {
                lidars: vec![Lidar {
                    name: "lidar".into(),
                    base_from_sensor: Pose::identity(),
                }],
                cameras: vec![Camera {
                    name: "ahead".into(),
                    base_from_sensor: Pose::from_parts(Default::default(), looks),
                    resolution: [400, 300],
                    focal: [200.0; 2],
                    centre: [200.0, 150.0],
                    distortion: Distortion::None,
                }],
                ..Rig::default()
            }),
        }
    }

    fn moments(pictured: bool, frames: &[Frame]) -> Vec<Moment> {
        let mut moments = Moments::new(pictured);
        for frame in frames {
            moments.add(frame, &[]).expect("has a pose");
        }
        moments.finish()
    }

    #[test]
    fn a_box_is_in_odom_with_the_returns_in_it_and_its_speed() {
        let mut told = frame(200_000_000, 22.0);
        told.annotations[0].points = Some(77);
        // Towards its own left, the west.
        told.annotations[0].velocity = Some([0.0, 3.0]);
        let frames = [frame(0, 20.0), frame(100_000_000, 21.0), told];
        let found = moments(false, &frames);
        let state = found[1].truths[0].state;
        assert!((state.centre[1] - 31.0).abs() < 1e-9 && state.centre[0].abs() < 1e-9);
        assert!((state.yaw - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
        let near = |found: Option<[f64; 2]>, wanted: [f64; 2]| {
            let found = found.expect("is known");
            assert!(
                (0..2).all(|k| (found[k] - wanted[k]).abs() < 1e-6),
                "{found:?}"
            );
        };
        // Two metres in two tenths of a second, and one in one.
        near(state.velocity, [0.0, 10.0]);
        near(found[0].truths[0].state.velocity, [0.0, 10.0]);
        near(found[2].truths[0].state.velocity, [-3.0, 0.0]);
        let points = found.iter().map(|moment| moment.truths[0].points);
        assert_eq!(points.collect::<Vec<_>>(), [Some(2), Some(2), Some(77)]);
        assert!(found.iter().all(|moment| moment.truths[0].id == 0));
    }

    #[test]
    fn a_name_is_another_thing_in_another_scene() {
        let mut next = frame(9_000_000_000, 20.0);
        next.begins = true;
        let mut nameless = frame(9_100_000_000, 20.0);
        nameless.annotations[0].track.clear();
        let found = moments(false, &[frame(0, 20.0), next, nameless]);
        assert_eq!([0, 1].map(|i| found[i].truths[0].id), [0, 1]);
        assert!(found[2].truths.is_empty());
        // Alone, it is not known how fast it is.
        assert_eq!(found[0].truths[0].state.velocity, None);
    }

    #[test]
    fn what_no_camera_shows_is_not_covered_where_pictures_were_annotated() {
        for (pictured, ahead, covered) in [
            (true, 20.0, true),
            (true, -20.0, false),
            (false, -20.0, true),
        ] {
            let found = moments(pictured, &[frame(0, ahead)]);
            assert_eq!(found[0].truths[0].is_covered, covered);
        }
        let mut placeless = frame(0, 20.0);
        placeless.pose = None;
        let error = Moments::new(false).add(&placeless, &[]);
        assert!(matches!(error, Err(Error::NoPose)));
    }
}
