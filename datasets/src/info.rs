//! What a log holds, told from its listing and its timestamps alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::annotation::Class;
use crate::loss::Lost;

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
    /// Where the time from one frame to the next is far from the usual, or
    /// negative.
    pub jumps: Vec<Jump>,
    /// Length of the way from the first frame to the last, m.
    pub distance_m: f64,
    /// Least and greatest x, y and z of all ego poses in odom, m.
    pub extent_m: Option<[[f64; 3]; 2]>,
    /// The topics of a log that has such.
    pub topics: Vec<Topic>,
    /// What the log says about objects, where it does.
    pub annotations: Option<Annotations>,
    /// Records that are no part of any frame, by the reason.
    pub lost: Lost,
    /// What a user should know before trusting the frames, a sentence each.
    pub notes: Vec<String>,
}

impl Info {
    /// The losses that are faults, a sentence each.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let faults = self.lost.iter().filter(|(loss, _)| loss.is_fault());
        faults.map(|(loss, count)| {
            let reason = loss.reason();
            format!("{}: records lost: {count} {reason}: {loss}", self.path)
        })
    }
}

/// A topic of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The type of its messages.
    pub schema: String,
    /// How they are encoded.
    pub encoding: String,
    /// How many there are.
    pub count: u64,
    /// Whether frames are made from them.
    pub read: bool,
}

/// What a log says about objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Annotations {
    /// Boxes in all frames.
    pub boxes: u64,
    /// Objects that are followed through frames.
    pub tracks: u64,
    /// Boxes by class.
    pub classes: BTreeMap<Class, u64>,
    /// Whether only what a camera of the rig shows was annotated, and nobody
    /// looked elsewhere.
    pub pictured: bool,
}

/// An unusual step in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Jump {
    /// Number of the frame after the step.
    pub frame: u64,
    /// Time from the frame before, s; negative if the clock went back.
    pub step_s: f64,
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

impl Jump {
    /// The steps between frames, given by number and stamp (ns) in the order
    /// of the log, that go back or are longer than three and a half of the
    /// median for each number.
    pub(crate) fn among(frames: &[(u64, i64)]) -> Vec<Self> {
        let steps = frames.windows(2).map(|pair| {
            let numbers = pair[1].0.saturating_sub(pair[0].0).max(1);
            let step_s = (i128::from(pair[1].1) - i128::from(pair[0].1)) as f64 * 1e-9;
            (pair[1].0, step_s, step_s / numbers as f64)
        });
        let mut usual: Vec<f64> = steps.clone().map(|(_, _, each)| each).collect();
        usual.sort_by(f64::total_cmp);
        let median = usual.get(usual.len() / 2).copied().unwrap_or_default();
        steps
            .filter(|&(_, _, each)| each < 0.0 || (median > 0.0 && each > 3.5 * median))
            .map(|(frame, step_s, _)| Self { frame, step_s })
            .collect()
    }
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
    fn jumps_go_back_or_far() {
        let at = |stamps: &[i64]| {
            let frames: Vec<_> = (0..).zip(stamps.iter().map(|s| s * 100_000_000)).collect();
            Jump::among(&frames)
                .iter()
                .map(|jump| (jump.frame, (jump.step_s * 10.0).round() as i64))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(&[]), []);
        assert_eq!(at(&[3]), []);
        assert_eq!(at(&[1, 2, 3, 5, 6]), []);
        assert_eq!(at(&[1, 2, 3, 9, 10, 4, 5]), [(3, 6), (5, -6)]);
        // Missing numbers are gaps, not jumps.
        assert_eq!(Jump::among(&[(0, 0), (1, 10), (9, 90), (10, 100)]), []);
    }

    #[test]
    fn a_rate_counts_missing_records() {
        assert_eq!(rate_hz((20, 5), (30, 1_000_000_005)), Some(10.0));
        assert_eq!(rate_hz((20, 5), (20, 5)), None);
        assert_eq!(rate_hz((20, 5), (21, 4)), None);
        assert_eq!(rate_hz((0, i64::MIN), (1, i64::MAX)), None);
    }
}
