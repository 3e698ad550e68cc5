//! What a log holds, told from its listing and its timestamps alone.

use serde::Serialize;

use crate::geometry::Waypoint;

/// A summary of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Info {
    /// Its format, as [`crate::Log::format`] names it.
    pub format: &'static str,
    /// Where it is.
    pub path: String,
    /// How many frames it announces.
    pub frames: usize,
    /// Number of the first frame.
    pub first: Option<u64>,
    /// Number of the last frame.
    pub last: Option<u64>,
    /// From the first frame to the last, s.
    pub duration_s: f64,
    /// What was recorded.
    pub sensors: Vec<Sensor>,
    /// What the ego poses come from, where there are any.
    pub pose_source: Option<&'static str>,
    /// Numbers between the first and the last frame that the log skips.
    pub gaps: Vec<Gap>,
    /// Length of the way from the first frame to the last, m.
    pub distance_m: f64,
}

/// One sensor's part in a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sensor {
    /// The log's own name for it.
    pub name: String,
    /// What it is.
    pub kind: SensorKind,
    /// The folder or topic that holds its records.
    pub source: String,
    /// How many records there are.
    pub count: usize,
    /// Records per second, where there are two or more.
    pub rate_hz: Option<f64>,
    /// Width and height of a camera's pictures, pixels.
    pub resolution: Option<[u32; 2]>,
}

/// What a sensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorKind {
    /// A lidar.
    Lidar,
    /// A camera.
    Camera,
    /// An inertial navigation system.
    Ins,
}

/// A run of numbers that a log skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first missing number.
    pub first: u64,
    /// The last missing number.
    pub last: u64,
}

impl Gap {
    /// The gaps in an ascending list of numbers.
    pub(crate) fn between(numbers: &[u64]) -> Vec<Self> {
        numbers
            .windows(2)
            .filter(|pair| pair[1] - pair[0] > 1)
            .map(|pair| Self {
                first: pair[0] + 1,
                last: pair[1] - 1,
            })
            .collect()
    }
}

/// Length of the way through some waypoints, m.
pub(crate) fn distance(way: &[Waypoint]) -> f64 {
    way.windows(2)
        .map(|pair| {
            let [from, to] = [&pair[0], &pair[1]].map(|w| w.pose.translation.vector);
            (to - from).norm()
        })
        .sum()
}

/// Records per second, from the numbers and stamps (ns) of the first record
/// and the last. Counting by number keeps missing records from lowering it.
pub(crate) fn rate_hz(first: (u64, i64), last: (u64, i64)) -> Option<f64> {
    let seconds = last.1.checked_sub(first.1)? as f64 * 1e-9;
    (seconds > 0.0 && last.0 > first.0).then(|| (last.0 - first.0) as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_missing_between() {
        let gap = |first, last| Gap { first, last };
        assert_eq!(Gap::between(&[]), []);
        assert_eq!(Gap::between(&[7]), []);
        assert_eq!(Gap::between(&[0, u64::MAX]), [gap(1, u64::MAX - 1)]);
        let numbers = [20, 21, 23, 27, 28];
        assert_eq!(Gap::between(&numbers), [gap(22, 22), gap(24, 26)]);
    }

    #[test]
    fn a_rate_counts_missing_records() {
        assert_eq!(rate_hz((20, 5), (30, 1_000_000_005)), Some(10.0));
        assert_eq!(rate_hz((20, 5), (20, 5)), None);
        assert_eq!(rate_hz((20, 5), (21, 4)), None);
        assert_eq!(rate_hz((0, i64::MIN), (1, i64::MAX)), None);
    }
}
