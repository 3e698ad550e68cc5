//! The tree of frames that a log's transforms span (REP 105; tf2).

use std::collections::HashMap;

use nalgebra::{Quaternion, Translation3, UnitQuaternion};

use super::fault::{Decoded, Fault};
use crate::geometry::{Pose, Waypoint};
use crate::loss::Lost;
use crate::sync::{self, Record};
use crate::trajectory;

/// No place lies farther from the origin of a frame, m: half of the earth's
/// circumference.
const FARTHEST: f64 = 2e7;
/// A transform that changes by less stands still, m and rad.
const STILL: f64 = 1e-3;

/// How many frames may lie above one another. Vehicles have some ten.
const DEEPEST: usize = 64;

/// Where one frame lies in another, as a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transform {
    /// Nanoseconds since the Unix epoch.
    pub(super) stamp: i64,
    pub(super) parent: String,
    pub(super) child: String,
    /// `parent_from_child`.
    pub(super) pose: Pose,
}

/// Why a frame's place in another is not known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Unknown {
    #[error("no transform names the frame `{0}`")]
    Frame(String),
    #[error(
        "above the frame `{0}` the transforms run in a circle, or through more than {most} frames",
        most = DEEPEST
    )]
    Circle(String),
    #[error(
        "no transforms lead from `{from}`, whose root is `{from_root}`, to `{to}`, whose root is `{to_root}`"
    )]
    Apart {
        from: String,
        from_root: String,
        to: String,
        to_root: String,
    },
    #[error("the frame `{child}` moves in `{parent}`")]
    Moves { child: String, parent: String },
    #[error("where the frame `{child}` is in `{parent}` is not known at {stamp} ns")]
    Untimely {
        child: String,
        parent: String,
        stamp: i64,
    },
}

/// A translation and a rotation as a message holds them, as a pose.
pub(super) fn pose([x, y, z]: [f64; 3], [i, j, k, w]: [f64; 4]) -> Decoded<Pose> {
    let translation = Translation3::new(x, y, z);
    if !translation.vector.iter().all(|c| c.abs() <= FARTHEST) {
        let expected = format!("coordinates of at most {FARTHEST} m");
        return Err(Fault::new("translation", expected));
    }
    let quaternion = Quaternion::new(w, i, j, k);
    let norm = quaternion.norm();
    if !(0.9..=1.1).contains(&norm) {
        return Err(Fault::new("rotation", "a quaternion of length one"));
    }
    // One that is of unit length as far as floats can be is kept to the bit.
    let rotation = match (quaternion.norm() - 1.0).abs() < 1e-12 {
        true => UnitQuaternion::new_unchecked(quaternion),
        false => UnitQuaternion::from_quaternion(quaternion),
    };
    Ok(Pose::from_parts(translation, rotation))
}

/// All transforms of a log.
#[derive(Debug, Default)]
pub(super) struct Tree {
    names: Vec<String>,
    indices: HashMap<String, usize>,
    /// By the index of the child.
    links: HashMap<usize, Link>,
    /// Children that more than one frame claims, with the claim that is not
    /// heeded.
    pub(super) claims: Vec<[String; 2]>,
}

/// Where a frame lies in its parent.
#[derive(Debug)]
struct Link {
    parent: usize,
    /// At all times, if it stands still.
    fixed: Option<Pose>,
    /// What was told to hold for all times, in the order of the log, wherever
    /// it was told anew: each holds from its place in the log on.
    told: Vec<(u64, Pose)>,
    /// In the order of the log, and later in the order of time.
    places: Vec<u64>,
    poses: Vec<Waypoint>,
}

impl Tree {
    /// The index of a frame, which is new where its name is.
    fn index(&mut self, name: &str) -> usize {
        if let Some(&index) = self.indices.get(name) {
            return index;
        }
        let index = self.names.len();
        self.names.push(name.into());
        self.indices.insert(name.into(), index);
        index
    }

    /// Adds a transform that stands in the log at `place`; `fixed` if it holds
    /// for all times, or until another is told. A frame keeps the parent that it had first.
    pub(super) fn add(&mut self, transform: Transform, place: u64, fixed: bool) {
        let parent = self.index(&transform.parent);
        let child = self.index(&transform.child);
        let link = self.links.entry(child).or_insert_with(|| Link {
            parent,
            fixed: None,
            told: Vec::new(),
            places: Vec::new(),
            poses: Vec::new(),
        });
        if link.parent != parent {
            let claim = [transform.child, transform.parent];
            if !self.claims.contains(&claim) && self.claims.len() < 16 {
                self.claims.push(claim);
            }
        } else if fixed {
            link.fixed = Some(transform.pose);
            if link
                .told
                .last()
                .is_none_or(|(_, last)| *last != transform.pose)
            {
                link.told.push((place, transform.pose));
            }
        } else {
            link.places.push(place);
            link.poses.push(Waypoint {
                stamp: transform.stamp,
                pose: transform.pose,
            });
        }
    }

    /// Puts what was added in the order of time. What moves in name only
    /// stands still from now on.
    pub(super) fn settle(&mut self, lost: &mut Lost) {
        for link in self.links.values_mut() {
            let stamps = link.poses.iter().zip(&link.places);
            let records: Vec<Record> = stamps
                .map(|(w, &place)| Record {
                    place,
                    stamp: w.stamp,
                })
                .collect();
            let told = sync::first_told(&records, lost);
            link.poses = told.iter().map(|&index| link.poses[index]).collect();
            link.places = Vec::new();
            let Some(first) = link.poses.first() else {
                continue;
            };
            let still = |w: &Waypoint| {
                let moved = first.pose.inverse() * w.pose;
                moved.translation.vector.norm() < STILL && moved.rotation.angle() < STILL
            };
            if link.poses.iter().all(still) {
                link.fixed = link.fixed.or(Some(first.pose));
            }
        }
    }

    /// Whether any transform names a frame.
    pub(super) fn names(&self, frame: &str) -> bool {
        self.indices.contains_key(frame)
    }

    /// A frame and its ancestors, up to its root.
    fn ancestors(&self, frame: &str) -> Result<Vec<usize>, Unknown> {
        let index = self.indices.get(frame);
        let index = index.ok_or_else(|| Unknown::Frame(frame.into()))?;
        let mut way = vec![*index];
        let mut last = *index;
        while let Some(link) = self.links.get(&last) {
            last = link.parent;
            if way.len() > DEEPEST {
                return Err(Unknown::Circle(frame.into()));
            }
            way.push(last);
        }
        Ok(way)
    }

    /// `target_from_source`, through their nearest common ancestor: at a time,
    /// or at all times if there is none given.
    pub(super) fn find(
        &self,
        target: &str,
        source: &str,
        stamp: Option<i64>,
    ) -> Result<Pose, Unknown> {
        self.lead(target, source, |frame| self.step(frame, stamp))
    }

    /// `target_from_source` between frames that stand still to each other, as
    /// it was told last before a place in the log, or else as it was told
    /// first.
    pub(super) fn mounted(&self, target: &str, source: &str, place: u64) -> Result<Pose, Unknown> {
        self.lead(target, source, |frame| {
            let told = self.links.get(&frame).map_or(&[][..], |link| &link.told);
            let before = told.partition_point(|(begins, _)| *begins <= place);
            match told.get(before.saturating_sub(1)) {
                Some((_, pose)) => Ok(*pose),
                None => self.step(frame, None),
            }
        })
    }

    /// The transforms that stand still.
    pub(super) fn fixed(mut self) -> Self {
        self.links.retain(|_, link| link.fixed.is_some());
        self.links
            .values_mut()
            .for_each(|link| link.poses = Vec::new());
        self
    }

    /// Whether any that holds for all times was told anew.
    pub(super) fn changes(&self) -> bool {
        self.links.values().any(|link| link.told.len() > 1)
    }

    /// `target_from_source` by the `step` from each frame to its parent.
    fn lead(
        &self,
        target: &str,
        source: &str,
        step: impl Fn(usize) -> Result<Pose, Unknown>,
    ) -> Result<Pose, Unknown> {
        if target == source {
            return Ok(Pose::identity());
        }
        let [up, down] = [self.ancestors(source)?, self.ancestors(target)?];
        let common = up.iter().position(|frame| down.contains(frame));
        let Some(common) = common else {
            let root = |way: &[usize]| way.last().map_or(String::new(), |&i| self.names[i].clone());
            return Err(Unknown::Apart {
                from: source.into(),
                from_root: root(&up),
                to: target.into(),
                to_root: root(&down),
            });
        };
        let from = |way: &[usize]| -> Result<Pose, Unknown> {
            let steps = way.iter().take_while(|&&frame| frame != up[common]);
            steps
                .map(|&frame| step(frame))
                .try_fold(Pose::identity(), |below, above| Ok(above? * below))
        };
        Ok(from(&down)?.inverse() * from(&up)?)
    }

    /// `parent_from_child` of a frame that has a parent.
    fn step(&self, child: usize, stamp: Option<i64>) -> Result<Pose, Unknown> {
        let frame = || self.names[child].clone();
        let link = self.links.get(&child);
        let link = link.ok_or_else(|| Unknown::Frame(frame()))?;
        let parent = || self.names[link.parent].clone();
        match (link.fixed, stamp) {
            (Some(pose), _) => Ok(pose),
            (None, Some(stamp)) => {
                trajectory::between(&link.poses, stamp, i64::MAX).ok_or_else(|| Unknown::Untimely {
                    child: frame(),
                    parent: parent(),
                    stamp,
                })
            }
            (None, None) => Err(Unknown::Moves {
                child: frame(),
                parent: parent(),
            }),
        }
    }

    /// The frame at the top of those that stand still to a frame; itself if
    /// nothing is known of it.
    pub(super) fn carrier<'a>(&'a self, frame: &'a str) -> &'a str {
        let way = self.ancestors(frame).unwrap_or_default();
        let fixed = |&&index: &&usize| {
            self.links
                .get(&index)
                .is_some_and(|link| link.fixed.is_some())
        };
        let steps = way.iter().take_while(fixed).count();
        way.get(steps).map_or(frame, |&index| &self.names[index])
    }

    /// The root of a frame's tree.
    pub(super) fn root(&self, frame: &str) -> Option<&str> {
        let way = self.ancestors(frame).ok()?;
        way.last().map(|&index| self.names[index].as_str())
    }

    /// `target_from_source` whenever the fastest transform between them was
    /// sent, if any moves.
    pub(super) fn way(&self, target: &str, source: &str) -> Vec<Waypoint> {
        let chains = [target, source].map(|frame| self.ancestors(frame).unwrap_or_default());
        let links = chains
            .iter()
            .flatten()
            .filter_map(|frame| self.links.get(frame));
        let moving = links.filter(|link| link.fixed.is_none());
        let fastest = moving.max_by_key(|link| link.poses.len());
        let stamps = fastest
            .map_or(&[][..], |link| &link.poses)
            .iter()
            .map(|w| w.stamp);
        stamps
            .filter_map(|stamp| {
                let pose = self.find(target, source, Some(stamp)).ok()?;
                Some(Waypoint { stamp, pose })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn transform(parent: &str, child: &str, stamp: i64, pose: Pose) -> Transform {
        Transform {
            stamp,
            parent: parent.into(),
            child: child.into(),
            pose,
        }
    }

    fn at(x: f64, yaw: f64) -> Pose {
        Pose::new(
            nalgebra::Vector3::new(x, 0.0, 0.0),
            nalgebra::Vector3::z() * yaw,
        )
    }

    fn close(found: Result<Pose, Unknown>, expected: Pose) -> bool {
        let found = found.expect("is known");
        (found.to_homogeneous() - expected.to_homogeneous()).amax() < 1e-9
    }

    /// odom → base → lidar, mast → camera, the mast turning.
    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add(transform("base", "lidar", 0, at(1.0, 0.5)), 0, true);
        tree.add(transform("mast", "camera", 0, at(0.0, 0.2)), 1, true);
        for step in 0..3 {
            let stamp = step * 100;
            let turned = at(2.0, step as f64 * 0.1);
            tree.add(transform("base", "mast", stamp, turned), 2, false);
            tree.add(
                transform("odom", "base", stamp, at(step as f64, 0.0)),
                3,
                false,
            );
            tree.add(transform("map", "odom", stamp, at(7.0, 0.0)), 4, false);
        }
        tree.settle(&mut Lost::new());
        tree
    }

    #[test]
    fn frames_are_found_through_their_common_ancestor() {
        let tree = tree();
        assert!(close(tree.find("base", "lidar", None), at(1.0, 0.5)));
        assert!(close(
            tree.find("lidar", "base", None),
            at(1.0, 0.5).inverse()
        ));
        let expected = at(1.0, 0.5).inverse() * at(2.0, 0.15) * at(0.0, 0.2);
        assert!(close(tree.find("lidar", "camera", Some(150)), expected));
        assert!(close(tree.find("map", "base", Some(50)), at(7.5, 0.0)));
        assert_eq!(tree.find("nowhere", "nowhere", None), Ok(Pose::identity()));
        assert_eq!(
            (tree.carrier("camera"), tree.carrier("lidar")),
            ("mast", "base")
        );
        assert_eq!(
            (tree.carrier("odom"), tree.root("camera")),
            ("map", Some("map"))
        );
        let way = tree.way("odom", "base");
        assert_eq!(
            way.iter().map(|w| w.stamp).collect::<Vec<_>>(),
            [0, 100, 200]
        );
        assert!(tree.way("base", "lidar").is_empty() || tree.find("base", "lidar", None).is_ok());
    }

    #[test]
    fn what_is_not_known_is_told() {
        let mut tree = tree();
        tree.add(transform("other", "thing", 0, at(0.0, 0.0)), 9, true);
        let told = |target: &str, source: &str, stamp| {
            tree.find(target, source, stamp)
                .expect_err("is not known")
                .to_string()
        };
        assert_eq!(
            told("base", "radar", None),
            "no transform names the frame `radar`"
        );
        assert_eq!(
            told("base", "camera", None),
            "the frame `mast` moves in `base`"
        );
        let late = told("odom", "base", Some(201));
        assert_eq!(
            late,
            "where the frame `base` is in `odom` is not known at 201 ns"
        );
        let apart = told("base", "thing", None);
        assert!(
            apart.contains("`thing`, whose root is `other`") && apart.contains("root is `map`"),
            "{apart}"
        );
    }

    #[test]
    fn a_circle_and_a_second_parent_are_told() {
        let mut tree = Tree::default();
        for (parent, child) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "b"), ("d", "b")] {
            tree.add(transform(parent, child, 0, at(1.0, 0.0)), 0, true);
        }
        let told = tree.find("a", "x", None).expect_err("is not known");
        assert_eq!(told, Unknown::Frame("x".into()));
        let told = tree
            .find("d", "c", None)
            .expect_err("never ends")
            .to_string();
        assert!(told.contains("circle"), "{told}");
        assert_eq!(tree.claims, [["b".to_owned(), "d".to_owned()]]);
        assert_eq!(tree.root("a"), None);
        assert_eq!(tree.carrier("a"), "a");
    }

    #[test]
    fn a_pose_is_finite_and_turned_by_a_rotation() {
        assert!(pose([1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 1.001]).is_ok());
        for (place, rotation) in [
            ([f64::NAN, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]),
            ([f64::INFINITY, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]),
            ([0.0; 3], [0.0; 4]),
            ([0.0; 3], [f64::NAN, 0.0, 0.0, 1.0]),
            ([0.0; 3], [9.0, 0.0, 0.0, 1.0]),
        ] {
            assert!(pose(place, rotation).is_err());
        }
    }

    proptest! {
        /// Any tree, cyclic or not, answers every question.
        #[test]
        fn any_links_are_a_tree_or_told(links in prop::collection::vec((0u8..6, 0u8..6, 0i64..5, any::<bool>()), 0..20)) {
            let mut tree = Tree::default();
            for (place, (parent, child, stamp, fixed)) in (0..).zip(links) {
                tree.add(transform(&parent.to_string(), &child.to_string(), stamp, at(f64::from(parent), 0.1)), place, fixed);
            }
            tree.settle(&mut Lost::new());
            for a in 0..6 {
                let a = a.to_string();
                let _ = (tree.carrier(&a), tree.root(&a));
                for b in 0..6 {
                    let b = b.to_string();
                    let found = [tree.find(&a, &b, Some(2)), tree.find(&b, &a, Some(2))];
                    if let [Ok(there), Ok(back)] = found {
                        prop_assert!(close(Ok(there * back), Pose::identity()));
                    }
                    let _ = tree.way(&a, &b);
                }
            }
        }
    }
}
