//! Brings every return of every sweep into the odom frame and says which to
//! keep.
//!
//! Work: per point 16 bytes in and 16 out, and two 3 × 4 integer transforms.

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use crate::context::Context;
use crate::fixed::{LIMIT, Transform};
use crate::kernel::Kernel;

/// The WGSL program.
pub const SOURCE: &str = concat!(include_str!("common/fixed.wgsl"), include_str!("fuse.wgsl"));

/// A return in its sensor's frame: x, y, z in mm, and a tag whose low 16 bits
/// are its intensity. An x of `i32::MIN` marks a return that was not finite.
pub type Point = [i32; 4];

/// A return in odom: x, y, z in mm (zero if it was dropped), and a tag: bits
/// 0–15 intensity, 16–20 sweep, 21–29 pose, 30–31 [`Outcome`].
pub type Fused = [i32; 4];

/// The greatest number of sweeps in one run.
pub const MAX_SWEEPS: usize = 32;

/// The greatest number of poses in one run.
pub const MAX_POSES: usize = 512;

/// What to keep, in base_link.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// Number of points.
    pub points: u32,
    /// Number of sweeps, 1 to [`MAX_SWEEPS`].
    pub sweeps: u32,
    /// Greatest horizontal range, in units of 32 mm, squared.
    pub range_squared: u32,
    /// Least height, mm.
    pub height_min: i32,
    /// Greatest height, mm.
    pub height_max: i32,
    /// Top of the vehicle's own body, mm.
    pub body_top: i32,
    /// Least x and y of the vehicle's own body, mm.
    pub body_min: [i32; 2],
    /// Greatest x and y of the vehicle's own body, mm.
    pub body_max: [i32; 2],
}

/// Where the points of one sweep were measured.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Sweep {
    /// Sensor to base_link, for the crop.
    pub base_from_sensor: Transform,
    /// Sensor to odom.
    pub odom_from_sensor: Transform,
    /// Index of the sweep's first point.
    pub first: u32,
    /// Unused.
    pub pad: [u32; 3],
}

/// What became of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Outcome {
    /// It is in the cloud.
    Kept = 0,
    /// It was not finite.
    NotFinite = 1,
    /// It is too far, too high or too low.
    OutOfRange = 2,
    /// It is on the vehicle itself.
    OwnBody = 3,
}

/// Number of points by [`Outcome`].
pub type Counts = [u32; 4];

/// The outcome that a fused point's tag tells.
#[inline]
pub fn outcome_of(fused: Fused) -> Outcome {
    match fused[3] as u32 >> 30 {
        0 => Outcome::Kept,
        1 => Outcome::NotFinite,
        2 => Outcome::OutOfRange,
        _ => Outcome::OwnBody,
    }
}

/// Index of the sweep that a fused point's tag tells.
#[inline]
pub fn sweep_of(fused: Fused) -> usize {
    (fused[3] as u32 >> 16 & 31) as usize
}

/// Index of the pose of the vehicle at which a fused point was measured.
#[inline]
pub fn pose_of(fused: Fused) -> usize {
    (fused[3] as u32 >> 21 & 511) as usize
}

/// The GPU pipeline. Bindings: 0 [`Params`], 1 [`Sweep`]s, 2 [`Point`]s,
/// 3 [`Fused`] out, 4 [`Counts`], which must be zero before a run.
pub fn kernel(context: &Context) -> Kernel {
    Kernel::new(context, "fuse", SOURCE, 256)
}

/// The same on the CPU: fills `fused` and returns the counts.
pub fn twin(params: &Params, sweeps: &[Sweep], points: &[Point], fused: &mut [Fused]) -> Counts {
    const CHUNK: usize = 8192;
    points
        .par_chunks(CHUNK)
        .zip(fused.par_chunks_mut(CHUNK))
        .enumerate()
        .map(|(chunk, (mut points, mut fused))| {
            let mut counts = [0; 4];
            let mut id = (chunk * CHUNK) as u32;
            let mut s = sweeps.partition_point(|sweep| sweep.first <= id).max(1) - 1;
            while !points.is_empty() {
                let rest = points.len();
                let next = sweeps.get(s + 1);
                let run = next.map_or(rest, |next| rest.min((next.first - id) as usize));
                transform(
                    params,
                    &sweeps[s],
                    s as u32,
                    &points[..run],
                    &mut fused[..run],
                );
                for point in &fused[..run] {
                    counts[outcome_of(*point) as usize] += 1;
                }
                (points, fused) = (&points[run..], &mut fused[run..]);
                id += run as u32;
                s += 1;
            }
            counts
        })
        .reduce(|| [0; 4], |a, b| std::array::from_fn(|i| a[i] + b[i]))
}

/// Fuses points of one sweep. Without a branch, so that the compiler can take
/// several points at once.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn transform(params: &Params, sweep: &Sweep, s: u32, points: &[Point], fused: &mut [Fused]) {
    for (p, out) in points.iter().zip(fused) {
        let position = [p[0], p[1], p[2]];
        let base = sweep.base_from_sensor.apply(position);
        let odom = sweep.odom_from_sensor.apply(position);
        let outcome = outcome(params, position, base);
        let kept = -i32::from(outcome == 0);
        let tag = p[3] as u32 & 0xffff | s << 16 | outcome << 30;
        *out = [odom[0] & kept, odom[1] & kept, odom[2] & kept, tag as i32];
    }
}

/// The [`Outcome`] of a point.
#[inline(always)]
fn outcome(params: &Params, p: [i32; 3], base: [i32; 3]) -> u32 {
    let not_finite = p[0] == i32::MIN;
    let far = |c: i32| !(-LIMIT..=LIMIT).contains(&c);
    let [x, y, z] = base;
    let [u, v] = [x, y].map(|c| c.wrapping_abs() as u32 >> 5);
    let out_of_range = far(p[0])
        | far(p[1])
        | far(p[2])
        | (u.wrapping_mul(u).wrapping_add(v.wrapping_mul(v)) > params.range_squared)
        | (z < params.height_min)
        | (z > params.height_max);
    let own_body = (x >= params.body_min[0])
        & (x <= params.body_max[0])
        & (y >= params.body_min[1])
        & (y <= params.body_max[1])
        & (z <= params.body_top);
    let outcome = if own_body {
        Outcome::OwnBody
    } else {
        Outcome::Kept
    };
    let outcome = if out_of_range {
        Outcome::OutOfRange
    } else {
        outcome
    };
    let outcome = if not_finite {
        Outcome::NotFinite
    } else {
        outcome
    };
    outcome as u32
}
