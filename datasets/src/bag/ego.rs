//! Where a log says that the vehicle was.

use std::collections::BTreeMap;

use nalgebra::{Translation3, UnitQuaternion};

use super::fault::{Decoded, Fault};
use super::message::{Header, Kind};
use super::transforms::Tree;
use crate::geodesy::Mercator;
use crate::geometry::{Pose, Waypoint};
use crate::loss::{Loss, Lost};
use crate::sync::{self, Record};
use crate::trajectory::Trajectory;

/// No log's way is longer, m. Poses farther from the first are none.
const FARTHEST: f64 = 100_000.0;

/// The pose of something on the vehicle.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located {
    pub(super) header: Header,
    /// The frame that is located; empty where the message does not say.
    pub(super) child: String,
    /// The child's pose in the header's frame.
    pub(super) pose: Pose,
}

/// A place by satellite (`sensor_msgs/NavSatFix`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fix {
    pub(super) header: Header,
    /// Whether there is one.
    pub(super) found: bool,
    /// Degrees.
    pub(super) latitude: f64,
    /// Degrees.
    pub(super) longitude: f64,
    /// Metres.
    pub(super) altitude: f64,
}

/// An orientation against east, north and up (`sensor_msgs/Imu`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Orientation {
    pub(super) header: Header,
    /// `None` where it is not measured.
    pub(super) rotation: Option<UnitQuaternion<f64>>,
}

/// All poses of one topic.
#[derive(Debug)]
pub(super) struct Track {
    kind: Kind,
    /// What is located, or the frame of what measures.
    frame: String,
    records: Vec<Record>,
    /// Of a fix the latitude, longitude and altitude; of an orientation the
    /// rotation alone.
    poses: Vec<Pose>,
}

/// All poses of a log but its transforms, by topic.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    by_topic: BTreeMap<String, Track>,
}

/// The vehicle's way, and where it comes from.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) waypoints: Vec<Waypoint>,
    pub(super) source: Option<&'static str>,
    /// The topics that it was made from, besides the transforms.
    pub(super) topics: Vec<String>,
}

impl Tracks {
    fn add(&mut self, topic: &str, kind: Kind, frame: String, record: Record, pose: Pose) {
        let track = self.by_topic.entry(topic.into()).or_insert_with(|| Track {
            kind,
            frame,
            records: Vec::new(),
            poses: Vec::new(),
        });
        track.records.push(record);
        track.poses.push(pose);
    }

    /// Adds a pose that stands in the log at `record`.
    pub(super) fn locate(&mut self, topic: &str, kind: Kind, record: Record, located: Located) {
        self.add(topic, kind, located.child, record, located.pose);
    }

    /// Adds a fix.
    pub(super) fn fix(&mut self, topic: &str, record: Record, fix: Fix) -> Decoded<()> {
        let Fix {
            latitude,
            longitude,
            altitude,
            ..
        } = fix;
        if !fix.found {
            return Err(Fault::new("status", "a fix"));
        }
        let on_earth = latitude.abs() <= Mercator::MAX_LATITUDE
            && longitude.abs() <= 180.0
            && altitude.abs() <= 20_000.0;
        if !on_earth {
            let expected = "a place on the earth, no more than 85° from the equator";
            return Err(Fault::new("latitude, longitude, altitude", expected));
        }
        let place = Pose::translation(latitude, longitude, altitude);
        self.add(topic, Kind::Fix, fix.header.frame, record, place);
        Ok(())
    }

    /// Adds an orientation, if it was measured.
    pub(super) fn orient(&mut self, topic: &str, record: Record, orientation: Orientation) {
        if let Some(rotation) = orientation.rotation {
            let pose = Pose::from_parts(Translation3::identity(), rotation);
            self.add(
                topic,
                Kind::Orientation,
                orientation.header.frame,
                record,
                pose,
            );
        }
    }

    /// When the records of a topic were measured.
    pub(super) fn records(&self, topic: &str) -> &[Record] {
        self.by_topic.get(topic).map_or(&[], |track| &track.records)
    }

    /// The richest track of a kind among those that are asked for.
    fn richest(&self, kind: Kind, named: &[String]) -> Option<(&str, &Track)> {
        let asked = |topic: &str| named.is_empty() || named.iter().any(|name| name == topic);
        let tracks = self
            .by_topic
            .iter()
            .map(|(topic, track)| (topic.as_str(), track));
        // Of equals the first.
        tracks
            .filter(|(topic, track)| track.kind == kind && asked(topic))
            .rev()
            .max_by_key(|(_, track)| track.records.len())
    }
}

/// The way of the vehicle: by the transforms from `odom`, `map` or whatever
/// is above `base` if it moves there; else by odometry; else by poses; else by
/// fixes and orientations. If topics are `named`, by those alone.
pub(super) fn way(
    tree: &Tree,
    tracks: &Tracks,
    base: &str,
    named: &[String],
    lost: &mut Lost,
    notes: &mut Vec<String>,
) -> Way {
    let mut way = Way::default();
    if named.is_empty() {
        let roots = ["odom", "map"].into_iter().chain(tree.root(base));
        let moving = roots
            .filter(|root| *root != base)
            .map(|root| tree.way(root, base));
        way.waypoints = moving
            .into_iter()
            .find(|waypoints| moves(waypoints))
            .unwrap_or_default();
        way.source = (!way.waypoints.is_empty()).then_some("tf");
    }
    for (kind, source) in [(Kind::Odometry, "odometry"), (Kind::Pose, "pose")] {
        if let (None, Some((topic, track))) = (way.source, tracks.richest(kind, named)) {
            way.waypoints = track.of_base(tree, base, topic, lost, notes);
            way.source = Some(source);
            way.topics = vec![topic.into()];
        }
    }
    let fixes = tracks.richest(Kind::Fix, named);
    let orientations = tracks.richest(Kind::Orientation, &[]);
    if let (None, Some((fix, fixes)), Some((imu, orientations))) = (way.source, fixes, orientations)
    {
        way.waypoints = by_satellite(fixes, orientations, tree, base, lost);
        way.source = Some("gnss");
        way.topics = vec![fix.into(), imu.into()];
    }
    near(&mut way.waypoints, lost, notes);
    if way.waypoints.is_empty() {
        way = Way::default();
    }
    way
}

/// Whether poses are not all the same, to a millimetre and a milliradian.
fn moves(waypoints: &[Waypoint]) -> bool {
    waypoints.first().is_some_and(|first| {
        waypoints.iter().any(|w| {
            let moved = first.pose.inverse() * w.pose;
            moved.translation.vector.norm() > 1e-3 || moved.rotation.angle() > 1e-3
        })
    })
}

/// Leaves out what lies too far from the first pose. Where that itself lies
/// far from the origin, as in coordinates of a whole country, the origin moves
/// to it.
fn near(waypoints: &mut Vec<Waypoint>, lost: &mut Lost, notes: &mut Vec<String>) {
    let Some(first) = waypoints.first().map(|w| w.pose.translation.vector) else {
        return;
    };
    let before = waypoints.len();
    waypoints.retain(|w| (w.pose.translation.vector - first).norm() <= FARTHEST);
    if before > waypoints.len() {
        *lost.entry(Loss::FarPose).or_default() += (before - waypoints.len()) as u64;
    }
    if first.norm() > FARTHEST {
        let [x, y, z] = <[f64; 3]>::from(first);
        notes.push(format!(
            "The origin of odom was moved to the first pose, at {x:.3}, {y:.3}, {z:.3} m."
        ));
        for waypoint in waypoints {
            waypoint.pose.translation.vector -= first;
        }
    }
}

impl Track {
    /// The poses in the order of time.
    fn told(&self, lost: &mut Lost) -> Vec<Waypoint> {
        let told = sync::first_told(&self.records, lost);
        let waypoint = |index: usize| Waypoint {
            stamp: self.records[index].stamp,
            pose: self.poses[index],
        };
        told.into_iter().map(waypoint).collect()
    }

    /// The way of the base by that of what is located. If no transforms tie
    /// the two to each other, they are taken for one.
    fn of_base(
        &self,
        tree: &Tree,
        base: &str,
        topic: &str,
        lost: &mut Lost,
        notes: &mut Vec<String>,
    ) -> Vec<Waypoint> {
        let mut child_from_base = Pose::identity();
        if !self.frame.is_empty() && self.frame != base {
            match tree.find(&self.frame, base, None) {
                Ok(known) => child_from_base = known,
                Err(unknown) => notes.push(format!(
                    "{topic}: `{}` is taken for `{base}`: {unknown}.",
                    self.frame
                )),
            }
        }
        let mut told = self.told(lost);
        for waypoint in &mut told {
            waypoint.pose *= child_from_base;
        }
        told
    }
}

/// Poses from fixes of an antenna and orientations of an IMU: in the Mercator
/// projection that is true to scale at the first fix, x east and y north, with
/// the vehicle's first place as origin.
fn by_satellite(
    fixes: &Track,
    orientations: &Track,
    tree: &Tree,
    base: &str,
    lost: &mut Lost,
) -> Vec<Waypoint> {
    let mounted = |frame: &str| {
        tree.find(base, frame, None)
            .unwrap_or_else(|_| Pose::identity())
    };
    let antenna = mounted(&fixes.frame).translation.vector;
    let imu_from_base = mounted(&orientations.frame).rotation.inverse();
    let turning = Trajectory::new(orientations.told(lost));
    let told = fixes.told(lost);
    let Some(first) = told.first() else {
        return Vec::new();
    };
    let projection = Mercator::true_at(first.pose.translation.x);
    let waypoint = |fix: Waypoint| {
        let [latitude, longitude, altitude] = fix.pose.translation.vector.into();
        let rotation = turning.at(fix.stamp)?.rotation * imu_from_base;
        let place = projection.place(latitude, longitude, altitude) - rotation * antenna;
        let pose = Pose::from_parts(Translation3::from(place), rotation);
        Some(Waypoint {
            stamp: fix.stamp,
            pose,
        })
    };
    let mut waypoints: Vec<Waypoint> = told.into_iter().filter_map(waypoint).collect();
    let origin = waypoints.first().map(|w| w.pose.translation.vector);
    for waypoint in &mut waypoints {
        waypoint.pose.translation.vector -= origin.unwrap_or_default();
    }
    waypoints
}
