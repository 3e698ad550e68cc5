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
/// 0–15 intensity, 16–23 sweep, 24–31 outcome.
pub type Fused = [i32; 4];

/// The greatest number of sweeps in one run.
pub const MAX_SWEEPS: usize = 256;

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
    match fused[3] as u32 >> 24 {
        0 => Outcome::Kept,
        1 => Outcome::NotFinite,
        2 => Outcome::OutOfRange,
        _ => Outcome::OwnBody,
    }
}

/// Index of the sweep that a fused point's tag tells.
#[inline]
pub fn sweep_of(fused: Fused) -> usize {
    (fused[3] as u32 >> 16 & 0xff) as usize
}

/// The GPU pipeline. Bindings: 0 [`Params`], 1 [`Sweep`]s, 2 [`Point`]s,
/// 3 [`Fused`] out, 4 [`Counts`], which must be zero before a run.
pub fn kernel(context: &Context) -> Kernel {
    Kernel::new(context, "fuse", SOURCE, 256)
}

/// The same on the CPU: fills `fused` and returns the counts.
pub fn twin(params: &Params, sweeps: &[Sweep], points: &[Point], fused: &mut [Fused]) -> Counts {
    const CHUNK: usize = 4096;
    points
        .par_chunks(CHUNK)
        .zip(fused.par_chunks_mut(CHUNK))
        .enumerate()
        .map(|(chunk, (points, fused))| {
            let mut counts = [0; 4];
            let mut s = 0;
            for (i, (p, out)) in points.iter().zip(fused).enumerate() {
                let id = (chunk * CHUNK + i) as u32;
                while s + 1 < sweeps.len() && sweeps[s + 1].first <= id {
                    s += 1;
                }
                let position = [p[0], p[1], p[2]];
                let base = sweeps[s].base_from_sensor.apply(position);
                let what = outcome(params, position, base);
                let [x, y, z] = if what == Outcome::Kept {
                    sweeps[s].odom_from_sensor.apply(position)
                } else {
                    [0; 3]
                };
                let tag = p[3] as u32 & 0xffff | (s as u32) << 16 | (what as u32) << 24;
                *out = [x, y, z, tag as i32];
                counts[what as usize] += 1;
            }
            counts
        })
        .reduce(|| [0; 4], |a, b| std::array::from_fn(|i| a[i] + b[i]))
}

#[inline]
fn outcome(params: &Params, p: [i32; 3], base: [i32; 3]) -> Outcome {
    if p[0] == i32::MIN {
        return Outcome::NotFinite;
    }
    if p.iter().any(|c| !(-LIMIT..=LIMIT).contains(c)) {
        return Outcome::OutOfRange;
    }
    let [x, y, z] = base;
    let [u, v] = [x, y].map(|c| c.wrapping_abs() as u32 >> 5);
    if u.wrapping_mul(u).wrapping_add(v.wrapping_mul(v)) > params.range_squared
        || z < params.height_min
        || z > params.height_max
    {
        return Outcome::OutOfRange;
    }
    if (params.body_min[0]..=params.body_max[0]).contains(&x)
        && (params.body_min[1]..=params.body_max[1]).contains(&y)
        && z <= params.body_top
    {
        return Outcome::OwnBody;
    }
    Outcome::Kept
}
