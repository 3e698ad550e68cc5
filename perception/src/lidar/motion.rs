//! Where the vehicle was while the points of a frame were measured.

use janus_datasets::{Frame, Point, Pose, Sweep};
use janus_shaders::fixed::Transform;
use janus_shaders::fuse;

use super::input::fixed;
use crate::error::Result;

/// No vehicle is faster, m/s: where its poses say so, they are wrong.
const MAX_SPEED: f64 = 100.0;

/// What the poses of a sweep may be off from a way that is possible, m.
const SLACK: f64 = 1.0;

/// A table of poses, a few hundred microseconds apart, and where in it the
/// times of each sweep begin.
#[derive(Debug)]
pub(crate) struct Motion {
    /// The frame's own pose, then those over the time of all sweeps whose
    /// motion is compensated.
    pub(crate) poses: Vec<Transform>,
    /// A pose lasts 2 to this power ticks.
    pub(super) tick_shift: u32,
    /// Of each sweep, the first nanosecond of its points; `None` if they
    /// all belong to the frame's own pose.
    begins: Vec<Option<i64>>,
    /// The time of the first pose after the frame's own.
    start: i64,
}

/// When the points of a sweep were measured, ns since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: i64,
    last: i64,
}

impl Motion {
    /// Looks the frame's way up at the times of its points. A sweep stands for
    /// one moment, that of [`Frame::pose`], if its points have no times, or
    /// the way does not tell where the vehicle was, or tells nonsense.
    ///
    /// # Errors
    /// [`crate::Error::Pose`] if a pose cannot be held in fixed point.
    pub(crate) fn new(frame: &Frame, pose: &Pose) -> Result<Self> {
        let spans: Vec<Option<Span>> = frame
            .sweeps
            .iter()
            .map(|sweep| Span::of(sweep).filter(|span| span.is_known(frame)))
            .collect();
        let known = || spans.iter().flatten();
        let stamps = frame.sweeps.iter().zip(&spans);
        let start = stamps
            .filter_map(|(sweep, span)| span.map(|_| sweep.stamp))
            .min()
            .unwrap_or(frame.stamp);
        let end = known().map(|span| span.last).max().unwrap_or(start);
        let ticks = ((end - start) / Point::TICK_NS) as u64;
        let tick_shift = (0..32)
            .find(|shift| ticks >> shift < fuse::MAX_POSES as u64 - 2)
            .unwrap_or(32);
        let mut poses = vec![fixed(pose)?];
        if known().next().is_some() {
            let step = Point::TICK_NS << tick_shift;
            // Between the sweeps the way may be unknown, but no point is there.
            let mut last = *pose;
            for i in 0..=(ticks >> tick_shift) as i64 + 1 {
                last = frame.ego.at(start + i * step).unwrap_or(last);
                poses.push(fixed(&last)?);
            }
        }
        let begins = frame.sweeps.iter().zip(&spans);
        Ok(Self {
            poses,
            tick_shift,
            begins: begins
                .map(|(sweep, span)| span.map(|_| sweep.stamp))
                .collect(),
            start,
        })
    }

    /// How many sweeps stand for one moment.
    pub(super) fn still(&self) -> u32 {
        self.begins.iter().filter(|begin| begin.is_none()).count() as u32
    }

    /// Which of [`Motion::poses`] is that of a point of a sweep, as the kernel
    /// that fuses takes it.
    pub(crate) fn of_point(&self, sweep: usize, point: &Point) -> usize {
        self.begins[sweep].map_or(0, |begin| {
            let ticks = ((begin - self.start) / Point::TICK_NS) as u32 + (point.tag >> 16);
            let pose = 1 + ((ticks + self.half_pose()) >> self.tick_shift) as usize;
            pose.min(self.poses.len() - 1)
        })
    }

    /// When a point of a sweep was measured, ns since the Unix epoch; `None`
    /// if it belongs to the frame's own pose.
    pub(crate) fn time_of(&self, sweep: usize, point: &Point) -> Option<i64> {
        self.begins[sweep].map(|begin| begin + point.after_ns())
    }

    /// Half the time that a pose lasts, ticks: added to a time it makes the
    /// nearest pose that of its interval.
    fn half_pose(&self) -> u32 {
        1 << self.tick_shift >> 1
    }

    /// A sweep for the kernel that fuses.
    pub(super) fn sweep(
        &self,
        sweep: usize,
        base_from_sensor: Transform,
        first: u32,
    ) -> fuse::Sweep {
        let still = fuse::Sweep {
            base_from_sensor,
            first,
            pose: 0,
            tick: 0,
            mask: 0,
        };
        self.begins[sweep].map_or(still, |begin| fuse::Sweep {
            pose: 1,
            tick: ((begin - self.start) / Point::TICK_NS) as u32 + self.half_pose(),
            mask: 0xffff,
            ..still
        })
    }
}

impl Span {
    /// `None` if all points have one time.
    fn of(sweep: &Sweep) -> Option<Self> {
        let ticks = sweep.points.iter().filter(|point| point.is_valid());
        let (least, most) = ticks.fold((u32::MAX, 0), |(least, most), point| {
            let tick = point.tag >> 16;
            (least.min(tick), most.max(tick))
        });
        let at = |tick: u32| sweep.stamp.checked_add(i64::from(tick) * Point::TICK_NS);
        let (first, last) = (at(least)?, at(most)?);
        (least < most).then_some(Self { first, last })
    }

    /// Whether the frame's way leads through this time at a possible speed,
    /// and the frame is of this time itself.
    fn is_known(&self, frame: &Frame) -> bool {
        let near = |stamp: i64| stamp.abs_diff(frame.stamp) < 1_000_000_000;
        let ends = [self.first, self.last].map(|stamp| frame.ego.at(stamp));
        let [Some(from), Some(to)] = ends else {
            return false;
        };
        let way = (to.translation.vector - from.translation.vector).norm();
        let time = (self.last - self.first) as f64 * 1e-9;
        near(self.first) && near(self.last) && way <= MAX_SPEED * time + SLACK
    }
}
