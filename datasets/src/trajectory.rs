//! The ego vehicle's way through a log.

use crate::geometry::{Pose, Waypoint};

/// Ego poses in the order of their stamps.
#[derive(Clone, Debug, Default)]
pub struct Trajectory {
    waypoints: Vec<Waypoint>,
}

impl Trajectory {
    /// Poses farther apart than this say nothing about what lies between
    /// them, ns.
    pub const MAX_GAP_NS: i64 = 1_000_000_000;

    /// Sorts waypoints by their stamps; of equal stamps the first stays.
    pub fn new(mut waypoints: Vec<Waypoint>) -> Self {
        waypoints.sort_by_key(|waypoint| waypoint.stamp);
        waypoints.dedup_by_key(|waypoint| waypoint.stamp);
        Self { waypoints }
    }

    /// The poses of the log.
    pub fn waypoints(&self) -> &[Waypoint] {
        &self.waypoints
    }

    /// `odom_from_base` at a time, ns since the Unix epoch: the place on the
    /// straight line between the neighbouring poses, and the rotation on the
    /// great arc between theirs. `None` outside of the log, and between poses
    /// more than [`Trajectory::MAX_GAP_NS`] apart.
    pub fn at(&self, stamp: i64) -> Option<Pose> {
        between(&self.waypoints, stamp, Self::MAX_GAP_NS)
    }

    /// The place of the waypoint nearest in time.
    pub fn nearest(&self, stamp: i64) -> Option<usize> {
        let next = self.waypoints.partition_point(|w| w.stamp < stamp);
        let near = next.saturating_sub(1)..self.waypoints.len().min(next + 1);
        near.min_by_key(|&i| self.waypoints[i].stamp.abs_diff(stamp))
    }

    /// Length of the way through the waypoints from one time to another, both
    /// included, m.
    pub fn length(&self, from: i64, to: i64) -> f64 {
        let first = self.waypoints.partition_point(|w| w.stamp < from);
        let end = self.waypoints.partition_point(|w| w.stamp <= to);
        let way = self.waypoints.get(first..end).unwrap_or_default();
        way.windows(2)
            .map(|pair| {
                let [from, to] = [&pair[0], &pair[1]].map(|w| w.pose.translation.vector);
                (to - from).norm()
            })
            .fold(0.0, |length, step| length + step)
    }

    /// Least and greatest x, y and z of the way, m; `None` without a pose.
    pub fn extent(&self) -> Option<[[f64; 3]; 2]> {
        let mut places = self
            .waypoints
            .iter()
            .map(|w| <[f64; 3]>::from(w.pose.translation.vector));
        let first = places.next()?;
        Some(places.fold([first; 2], |[low, high], place| {
            let by = |bound: [f64; 3], choose: fn(f64, f64) -> f64| {
                std::array::from_fn(|k| choose(bound[k], place[k]))
            };
            [by(low, f64::min), by(high, f64::max)]
        }))
    }
}

/// The pose at a time among poses in the order of their stamps, evenly between
/// its neighbours; `None` outside, and where those are farther apart than
/// `max_gap`, ns.
pub(crate) fn between(waypoints: &[Waypoint], stamp: i64, max_gap: i64) -> Option<Pose> {
    let next = waypoints.partition_point(|w| w.stamp < stamp);
    let to = waypoints.get(next)?;
    if to.stamp == stamp {
        return Some(to.pose);
    }
    let from = waypoints.get(next.checked_sub(1)?)?;
    let gap = to.stamp.checked_sub(from.stamp)?;
    if gap > max_gap {
        return None;
    }
    let part = (stamp - from.stamp) as f64 / gap as f64;
    from.pose.try_lerp_slerp(&to.pose, part, 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    fn waypoint(stamp: i64, x: f64, yaw: f64) -> Waypoint {
        let pose = Pose::new(Vector3::new(x, 0.0, 0.0), Vector3::z() * yaw);
        Waypoint { stamp, pose }
    }

    #[test]
    fn nothing_is_known_outside_and_in_gaps() {
        let second = Trajectory::MAX_GAP_NS;
        let way = Trajectory::new(vec![
            waypoint(3 * second + 1, 4.0, 0.0),
            waypoint(0, 0.0, 0.0),
            waypoint(second, 1.0, 0.0),
            waypoint(second, 9.0, 0.0),
        ]);
        assert_eq!(way.waypoints().len(), 3);
        assert_eq!(way.at(-1), None);
        assert_eq!(way.at(second / 2).map(|p| p.translation.x), Some(0.5));
        assert_eq!(way.at(second).map(|p| p.translation.x), Some(1.0));
        assert_eq!(way.at(second + 1), None);
        assert_eq!(way.at(3 * second + 2), None);
        assert_eq!(way.nearest(i64::MIN), Some(0));
        assert_eq!(way.nearest(2 * second + 1), Some(2));
        assert_eq!(way.length(0, i64::MAX), 4.0);
        assert_eq!(way.extent(), Some([[0.0; 3], [4.0, 0.0, 0.0]]));
        assert_eq!(Trajectory::default().nearest(0), None);
    }

    proptest! {
        #[test]
        fn between_two_poses_both_parts_go_evenly(part in 0.0..1.0f64, yaw in -3.0..3.0f64) {
            let way = Trajectory::new(vec![waypoint(0, 0.0, 0.0), waypoint(100_000_000, 2.0, yaw)]);
            let stamp = (part * 1e8) as i64;
            let pose = way.at(stamp).expect("is between");
            let part = stamp as f64 / 1e8;
            prop_assert!((pose.translation.x - 2.0 * part).abs() < 1e-9);
            prop_assert!((pose.rotation.scaled_axis().z - yaw * part).abs() < 1e-9);
        }
    }
}
