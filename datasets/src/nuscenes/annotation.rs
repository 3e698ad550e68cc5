//! The boxes of a nuScenes scene, in and between keyframes.
//!
//! Both are derived as the official development kit does it (nuscenes-devkit,
//! `NuScenes.get_boxes` and `NuScenes.box_velocity`), so that results can be
//! compared with those of others.

use std::collections::{HashMap, HashSet};

use nalgebra::Vector3;

use super::tables::{Category, Instance, Sample, SampleAnnotation, Tables, Visibility};
use crate::annotation::{Annotation, Class};
use crate::error::Result;
use crate::geometry::{self, Pose};
use crate::info;

/// Boxes farther apart in time than this, of neighbouring keyframes, give no
/// velocity, s.
const MAX_STEP: f64 = 1.5;

/// The boxes of all keyframes of a scene.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    keyframes: HashMap<String, Keyframe>,
}

/// A keyframe and its boxes, in the order of the table.
#[derive(Debug)]
struct Keyframe {
    /// Microseconds since the Unix epoch.
    timestamp: i64,
    /// Token of the keyframe before.
    before: String,
    boxes: Vec<Cuboid>,
}

/// A box in the global frame.
#[derive(Clone, Debug)]
struct Cuboid {
    track: String,
    label: String,
    global_from_box: Pose,
    /// Length, width and height, m.
    size: [f64; 3],
    /// In the global frame, m/s.
    velocity: Option<Vector3<f64>>,
    points: u32,
    visibility: Option<f64>,
}

impl Boxes {
    /// Reads those of a scene's keyframes.
    pub(super) fn read(tables: &Tables, samples: Vec<Sample>) -> Result<Self> {
        let mut keyframes: HashMap<String, Keyframe> = samples
            .into_iter()
            .map(|sample| {
                let keyframe = Keyframe {
                    timestamp: sample.timestamp,
                    before: sample.prev,
                    boxes: Vec::new(),
                };
                (sample.token, keyframe)
            })
            .collect();
        let records = tables.records("sample_annotation", |record: &SampleAnnotation| {
            keyframes.contains_key(&record.sample_token)
        })?;
        let labels = labels(tables, &records)?;
        let levels = tables.records("visibility", |_: &Visibility| true)?;
        let levels: HashMap<&str, f64> = levels
            .iter()
            .filter_map(|record| Some((&*record.token, middle(&record.level)?)))
            .collect();
        let centres: HashMap<&str, (f64, Vector3<f64>)> = records
            .iter()
            .filter_map(|record| {
                let at = keyframes.get(&record.sample_token)?.timestamp;
                Some((
                    &*record.token,
                    (at as f64 * 1e-6, record.translation.into()),
                ))
            })
            .collect();
        for record in &records {
            let wrong = |expected| tables.broken("sample_annotation", &record.token, expected);
            let pose = geometry::pose(record.translation, record.rotation);
            let pose = pose
                .ok_or_else(|| wrong("a translation in metres and a unit quaternion w, x, y, z"))?;
            let [width, length, height] = record.size;
            if record
                .size
                .iter()
                .any(|side| !(0.0..=1000.0).contains(side))
            {
                return Err(wrong("a size from 0 to 1,000 m"));
            }
            let label = labels.get(&record.instance_token).ok_or_else(|| {
                wrong("an instance_token and its category_token that the tables have")
            })?;
            let cuboid = Cuboid {
                track: record.instance_token.clone(),
                label: label.clone(),
                global_from_box: pose,
                size: [length, width, height],
                velocity: velocity(record, &centres),
                points: record.num_lidar_pts,
                visibility: levels.get(&*record.visibility_token).copied(),
            };
            if let Some(keyframe) = keyframes.get_mut(&record.sample_token) {
                keyframe.boxes.push(cuboid);
            }
        }
        Ok(Self { keyframes })
    }

    /// The boxes at the time of a record, in `base_link`. Between keyframes
    /// they are those of the next one, each moved evenly from where the same
    /// object was in the one before.
    pub(super) fn at(&self, moment: &super::Moment, global_from_base: &Pose) -> Vec<Annotation> {
        let Some(next) = self.keyframes.get(&moment.sample) else {
            return Vec::new();
        };
        let before = self.keyframes.get(&next.before);
        let before = before.filter(|_| !moment.keyframe);
        let from: HashMap<&str, &Pose> = before
            .iter()
            .flat_map(|keyframe| &keyframe.boxes)
            .map(|cuboid| (&*cuboid.track, &cuboid.global_from_box))
            .collect();
        let part = before.map_or(1.0, |before| {
            let after = |stamp: i64| stamp.saturating_sub(before.timestamp) as f64;
            let part = after(moment.stamp / 1_000) / after(next.timestamp);
            // Nothing says that the keyframes of a table are in order.
            if part.is_finite() {
                part.clamp(0.0, 1.0)
            } else {
                1.0
            }
        });
        let base_from_global = global_from_base.inverse();
        let boxes = next.boxes.iter().map(|cuboid| {
            let pose = from
                .get(&*cuboid.track)
                .and_then(|from| from.try_lerp_slerp(&cuboid.global_from_box, part, 1e-9));
            let pose = pose.unwrap_or(cuboid.global_from_box);
            let velocity = cuboid.velocity.map(|v| base_from_global * v);
            Annotation {
                track: cuboid.track.clone(),
                class: class(&cuboid.label),
                label: cuboid.label.clone(),
                base_from_box: base_from_global * pose,
                size: cuboid.size,
                velocity: velocity.map(|v| [v.x, v.y]),
                points: moment.keyframe.then_some(cuboid.points),
                visibility: cuboid.visibility,
            }
        });
        boxes.collect()
    }

    /// What the frames at these moments say about objects; `None` for a scene
    /// without a box.
    pub(super) fn info(&self, moments: &[super::Moment]) -> Option<info::Annotations> {
        let mut frames: HashMap<&str, u64> = HashMap::new();
        for moment in moments {
            *frames.entry(&*moment.sample).or_default() += 1;
        }
        let mut found = info::Annotations::default();
        let mut tracks = HashSet::new();
        for (token, frames) in frames {
            let keyframe = self.keyframes.get(token);
            for cuboid in keyframe.iter().flat_map(|keyframe| &keyframe.boxes) {
                found.boxes += frames;
                *found.classes.entry(class(&cuboid.label)).or_default() += frames;
                tracks.insert(&*cuboid.track);
            }
        }
        found.tracks = tracks.len() as u64;
        (found.boxes > 0).then_some(found)
    }
}

/// The category of each object, by its token.
fn labels(tables: &Tables, boxes: &[SampleAnnotation]) -> Result<HashMap<String, String>> {
    let objects: HashSet<&str> = boxes.iter().map(|record| &*record.instance_token).collect();
    let instances = tables.records("instance", |record: &Instance| {
        objects.contains(&*record.token)
    })?;
    let categories = tables.records("category", |_: &Category| true)?;
    let names: HashMap<&str, &str> = categories
        .iter()
        .map(|record| (&*record.token, &*record.name))
        .collect();
    Ok(instances
        .into_iter()
        .filter_map(|instance| {
            let name = names.get(&*instance.category_token)?;
            Some((instance.token, (*name).into()))
        })
        .collect())
}

/// From the box before to the one after, or from or to the box itself at the
/// ends of its track, m/s.
fn velocity(
    record: &SampleAnnotation,
    centres: &HashMap<&str, (f64, Vector3<f64>)>,
) -> Option<Vector3<f64>> {
    let here = centres.get(&*record.token)?;
    let [before, after] = [&record.prev, &record.next].map(|token| centres.get(&**token));
    let steps = f64::from(u8::from(before.is_some()) + u8::from(after.is_some()));
    let (first, from) = before.unwrap_or(here);
    let (last, to) = after.unwrap_or(here);
    let step = last - first;
    let velocity = (to - from) / step;
    let known = step <= MAX_STEP * steps && velocity.iter().all(|c| c.is_finite());
    known.then_some(velocity)
}

/// The middle of a level of visibility, as a fraction: `v40-60` gives 0.5.
fn middle(level: &str) -> Option<f64> {
    let (from, to) = level.strip_prefix('v')?.split_once('-')?;
    let [from, to]: [u8; 2] = [from.parse().ok()?, to.parse().ok()?];
    (from <= to && to <= 100).then(|| (f64::from(from) + f64::from(to)) / 200.0)
}

/// What an object of a category is.
fn class(category: &str) -> Class {
    let mut names = category.split('.');
    match [names.next(), names.next(), names.next()].map(Option::unwrap_or_default) {
        ["animal", ..] => Class::Animal,
        ["human", ..] => Class::Pedestrian,
        ["movable_object" | "static_object", ..] => Class::Obstacle,
        ["vehicle", "car", _] | ["vehicle", "emergency", "police"] => Class::Car,
        ["vehicle", "emergency", "ambulance"] => Class::Van,
        ["vehicle", "truck" | "construction", _] => Class::Truck,
        ["vehicle", "bus", _] => Class::Bus,
        ["vehicle", "trailer", _] => Class::Trailer,
        ["vehicle", "motorcycle", _] => Class::Motorcycle,
        ["vehicle", "bicycle", _] => Class::Bicycle,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_folded() {
        for (category, expected) in [
            ("animal", Class::Animal),
            ("human.pedestrian.stroller", Class::Pedestrian),
            ("movable_object.trafficcone", Class::Obstacle),
            ("static_object.bicycle_rack", Class::Obstacle),
            ("vehicle.car", Class::Car),
            ("vehicle.emergency.ambulance", Class::Van),
            ("vehicle.emergency.police", Class::Car),
            ("vehicle.bus.bendy", Class::Bus),
            ("vehicle.construction", Class::Truck),
            ("vehicle.ego", Class::Other),
            ("", Class::Other),
        ] {
            assert_eq!(class(category), expected, "{category}");
        }
    }

    #[test]
    fn a_level_of_visibility_is_its_middle() {
        assert_eq!(middle("v0-40"), Some(0.2));
        assert_eq!(middle("v80-100"), Some(0.9));
        for wrong in ["", "v", "40-60", "v60-40", "v-1-3", "v0-400", "vx-y"] {
            assert_eq!(middle(wrong), None, "{wrong}");
        }
    }

    fn record(token: &str, prev: &str, next: &str) -> SampleAnnotation {
        SampleAnnotation {
            token: token.into(),
            sample_token: String::new(),
            instance_token: String::new(),
            visibility_token: String::new(),
            translation: [0.0; 3],
            size: [1.0; 3],
            rotation: [1.0, 0.0, 0.0, 0.0],
            num_lidar_pts: 0,
            prev: prev.into(),
            next: next.into(),
        }
    }

    #[test]
    fn velocities_span_the_neighbours() {
        let at = |x| Vector3::new(x, 0.0, 0.0);
        let centres = [
            ("a", (0.0, at(0.0))),
            ("b", (0.5, at(1.0))),
            ("c", (1.0, at(4.0))),
            ("d", (2.6, at(8.0))),
            ("e", (2.6, at(9.0))),
        ];
        let centres = HashMap::from(centres);
        let speed = |token, prev, next| velocity(&record(token, prev, next), &centres).map(|v| v.x);
        assert_eq!(speed("b", "a", "c"), Some(4.0));
        assert_eq!(speed("a", "", "b"), Some(2.0));
        assert_eq!(speed("c", "b", ""), Some(6.0));
        assert_eq!(speed("b", "", ""), None, "stands alone");
        assert_eq!(
            speed("c", "b", "d").map(f64::round),
            Some(3.0),
            "2.1 s in two steps"
        );
        assert_eq!(speed("d", "c", ""), None, "1.6 s in one");
        assert_eq!(speed("d", "", "e"), None, "no time between");
    }
}
