//! Brings every return of every sweep into the odom frame, from where the
//! vehicle was when it was measured, and says which to keep and in which cell
//! of the window they are.
//!
//! Work: per point 16 bytes in and 20 out, and two 3 × 4 integer transforms;
//! the poses (48 bytes each, at most 512) stay in the nearest cache. A pose is
//! read once for all points in a row that have it.

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fixed::{LIMIT, Transform};
use crate::kernel::Kernel;
use crate::window::Window;

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/fixed.wgsl"),
    include_str!("common/window.wgsl"),
    include_str!("fuse.wgsl")
);

/// A return in its sensor's frame: x, y, z in mm, and a tag: bits 0–15
/// intensity, 16–31 ticks after the sweep's stamp. An x of `i32::MIN` marks a
/// return that was not finite.
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
    /// The cells around the vehicle.
    pub window: Window,
    /// Number of points.
    pub points: u32,
    /// Number of sweeps, up to [`MAX_SWEEPS`]; at least one if there are
    /// points.
    pub sweeps: u32,
    /// Number of poses, 1 to [`MAX_POSES`].
    pub poses: u32,
    /// A pose lasts 2 to this power ticks.
    pub tick_shift: u32,
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

/// Where and when the points of one sweep were measured. The pose of a point
/// `t` ticks after the sweep's stamp is number
/// `pose + (tick + (t & mask) >> tick_shift)`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Sweep {
    /// Where the sensor is mounted.
    pub base_from_sensor: Transform,
    /// Index of the sweep's first point.
    pub first: u32,
    /// Number of the pose from which ticks count.
    pub pose: u32,
    /// Ticks from that pose to the sweep's stamp.
    pub tick: u32,
    /// 0xffff if points have times of their own, else 0.
    pub mask: u32,
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

/// Points that one invocation takes.
const RUN: u32 = 8;

/// The GPU program.
#[derive(Debug)]
pub struct Pipeline {
    kernel: Kernel,
}

/// The buffers of a [`Pipeline`].
#[derive(Debug)]
pub struct Bound {
    params: Buffer,
    sweeps: Buffer,
    points: Buffer,
    /// The poses of the vehicle: [`Transform`]s.
    pub poses: Buffer,
    /// The [`Fused`] points, in the order of the log.
    pub fused: Buffer,
    /// The cell of the window in which each point is, or [`Window::NOWHERE`].
    pub cells: Buffer,
    /// The [`Counts`] of the last run.
    pub counts: Buffer,
    group: BindGroup,
}

impl Pipeline {
    /// Compiles the program.
    pub fn new(context: &Context) -> Self {
        Self {
            kernel: Kernel::new(context, "fuse", SOURCE, 64),
        }
    }

    /// Buffers for up to `points` points.
    pub fn bind(&self, context: &Context, points: u32) -> Bound {
        let storage = |label, bytes: usize| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, bytes as u64, usage)
        };
        let n = points.max(1) as usize;
        let params = context.buffer(
            "fuse params",
            size_of::<Params>() as u64,
            BufferUsages::UNIFORM,
        );
        let sweeps = storage("sweeps", size_of::<Sweep>() * MAX_SWEEPS);
        let poses = storage("poses", size_of::<Transform>() * MAX_POSES);
        let points = storage("points", size_of::<Point>() * n);
        let fused = storage("fused", size_of::<Fused>() * n);
        let cells = storage("cells", size_of::<u32>() * n);
        let counts = storage("counts", size_of::<Counts>());
        let group = self.kernel.bind(
            context,
            &[
                (0, &params),
                (1, &sweeps),
                (2, &poses),
                (3, &points),
                (4, &fused),
                (5, &cells),
                (6, &counts),
            ],
        );
        Bound {
            params,
            sweeps,
            poses,
            points,
            fused,
            cells,
            counts,
            group,
        }
    }

    /// Fuses what was written last.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        encoder.clear_buffer(&bound.counts, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("fuse"),
            timestamp_writes: clock,
        });
        let runs = params.points.div_ceil(RUN);
        self.kernel.dispatch(&mut pass, &bound.group, runs);
    }
}

impl Bound {
    /// Uploads a run: the points sweep by sweep, together as many as
    /// `params` says.
    pub fn write(
        &self,
        queue: &Queue,
        params: &Params,
        sweeps: &[Sweep],
        poses: &[Transform],
        points: &[&[Point]],
    ) {
        queue.write_buffer(&self.params, 0, bytes_of(params));
        queue.write_buffer(&self.sweeps, 0, cast_slice(sweeps));
        queue.write_buffer(&self.poses, 0, cast_slice(poses));
        let mut offset = 0;
        for points in points {
            let bytes: &[u8] = cast_slice(points);
            queue.write_buffer(&self.points, offset, bytes);
            offset += bytes.len() as u64;
        }
    }
}

/// Points that the twin takes at a time.
const BLOCK: usize = 256;

/// The same on the CPU: fills `fused` and `cells`, as long as all points
/// together, and returns the counts.
pub fn twin(
    params: &Params,
    sweeps: &[Sweep],
    poses: &[Transform],
    points: &[&[Point]],
    fused: &mut [Fused],
    cells: &mut [u32],
) -> Counts {
    let mut blocks = Vec::with_capacity(fused.len() / BLOCK + sweeps.len());
    let (mut fused, mut cells) = (fused, cells);
    for (s, points) in points.iter().enumerate() {
        let (ours, rest) = std::mem::take(&mut fused).split_at_mut(points.len());
        fused = rest;
        let (our_cells, rest) = std::mem::take(&mut cells).split_at_mut(points.len());
        cells = rest;
        let ours = ours.chunks_mut(BLOCK).zip(our_cells.chunks_mut(BLOCK));
        blocks.extend(points.chunks(BLOCK).zip(ours).map(|block| (s, block)));
    }
    blocks
        .into_par_iter()
        .with_min_len(16)
        .map(|(s, (points, (fused, cells)))| {
            transform(params, s, &sweeps[s], poses, points, fused, cells)
        })
        .reduce(|| [0; 4], |a, b| std::array::from_fn(|i| a[i] + b[i]))
}

/// Fuses up to [`BLOCK`] points of one sweep. Its loops are without branches,
/// so that the compiler can take several points at once.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn transform(
    params: &Params,
    s: usize,
    sweep: &Sweep,
    poses: &[Transform],
    points: &[Point],
    fused: &mut [Fused],
    cells: &mut [u32],
) -> Counts {
    let mut counts = [0; 4];
    let last = params.poses - 1;
    for (p, out) in points.iter().zip(&mut *fused) {
        let position = [p[0], p[1], p[2]];
        let base = sweep.base_from_sensor.apply(position);
        let outcome = outcome(params, position, base);
        let tag = p[3] as u32;
        let ticks = sweep.tick.wrapping_add(tag >> 16 & sweep.mask);
        let pose = sweep
            .pose
            .wrapping_add(ticks >> params.tick_shift)
            .min(last);
        let tag = tag & 0xffff | (s as u32) << 16 | pose << 21 | outcome << 30;
        *out = [base[0], base[1], base[2], tag as i32];
        for (what, count) in counts.iter_mut().enumerate() {
            *count += u32::from(outcome == what as u32);
        }
    }
    // Points of one pose follow one another: of a spinning lidar's scan a few
    // in each ring at least.
    let mut rest = (fused, cells);
    while let Some(first) = rest.0.first() {
        let pose = pose_of(*first);
        let run = rest.0.iter().take_while(|p| pose_of(**p) == pose).count();
        let ((fused, later), (cells, later_cells)) =
            (rest.0.split_at_mut(run), rest.1.split_at_mut(run));
        rest = (later, later_cells);
        let pose = &poses[pose];
        for (p, cell) in fused.iter_mut().zip(cells) {
            let odom = pose.apply([p[0], p[1], p[2]]);
            let kept = -i32::from(outcome_of(*p) == Outcome::Kept);
            *cell = params.window.index(odom[0], odom[1]) | !kept as u32;
            *p = [odom[0] & kept, odom[1] & kept, odom[2] & kept, p[3]];
        }
    }
    counts
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
