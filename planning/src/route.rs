//! A goal from where the log went next.

use crate::pose::Pose2;

/// The first pose of a trajectory that lies at least `distance_m` along it
/// after the pose at index `current`; `None` if it ends before, or there is no
/// such pose.
pub fn goal_ahead(trajectory: &[Pose2], current: usize, distance_m: f64) -> Option<Pose2> {
    let rest = trajectory.get(current..)?;
    let mut driven = 0.0;
    for pair in rest.windows(2) {
        driven += pair[0].distance(pair[1]);
        if driven >= distance_m {
            return Some(pair[1]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_measured_along_the_trajectory() {
        // Two metres out and two back.
        let there_and_back: Vec<_> = [0.0, 1.0, 2.0, 1.0, 0.0]
            .map(|x| Pose2::new(x, 0.0, 0.0))
            .into();
        let ahead = |current, metres| goal_ahead(&there_and_back, current, metres).map(|p| p.x);
        assert_eq!(ahead(0, 1.5), Some(2.0));
        assert_eq!(ahead(0, 3.0), Some(1.0));
        assert_eq!(ahead(2, 2.0), Some(0.0));
        assert_eq!(ahead(2, 2.1), None);
        assert_eq!(ahead(4, 0.0), None);
        assert_eq!(ahead(99, 1.0), None);
        assert_eq!(ahead(0, f64::NAN), None);
    }
}
