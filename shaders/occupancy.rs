//! Log-odds occupancy of a window of cells that rolls with the vehicle.
//!
//! A return marks the cell in which it lies as hit, or as free if it is the
//! ground's. A beam that ended on the ground also shows the cells before it
//! to be free, as far as it passed lower than any obstacle over their ground:
//! beams are followed from their ends, and one for each cell is enough, that
//! of the cell's first return. What is seen beyond an obstacle, under it, is not
//! free: the ground under a parked car. A cell is updated once a run, hits first
//! (Moravec and Elfes, "High resolution maps from wide angle sonar", 1985, in
//! log-odds; beams step as in Amanatides and Woo, "A fast voxel traversal
//! algorithm for ray tracing", 1987, but only along their longer axis). What
//! is not seen any more fades.
//!
//! Work: per point 8 bytes in and a maximum in its cell; per cell with ground
//! in it 68 bytes in, a transform, five divisions, 8 bytes for each cell that
//! its beam passes low and 4 for each that it clears; per cell 8 bytes of what
//! was seen, 2 of log-odds in and 2 out.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fixed::{LIMIT, Transform, floor_div, transform_row};
use crate::fuse::{Fused, MAX_SWEEPS, pose_of, sweep_of};
use crate::kernel::Kernel;
use crate::window::{Window, quotient};

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/fixed.wgsl"),
    include_str!("common/window.wgsl"),
    include_str!("occupancy.wgsl")
);

/// The log-odds of a cell that was never observed.
pub const UNKNOWN: i16 = i16::MIN;

/// [`Params::last_origin`] of a run that forgets all that was seen before.
pub const FORGET: [i32; 2] = [i32::MIN; 2];

/// What was seen of a cell: an obstacle, or else the ground, in the upper bits
/// (the more the earlier the return), and in the lowest one whether it is free.
const FREE: u32 = 1;
const HIT: u32 = u32::MAX;
const FIRST: u32 = HIT >> 1;

/// Height of the ground where there is no estimate.
const NONE: i32 = i32::MIN;

/// Cells of which an invocation collects the beams.
const STRIP: u32 = 32;

/// Invocations that follow beams, each every so manyth.
const FOLLOWERS: u32 = 1 << 14;

/// Fractional bits of a place along a beam. A beam's ends are at most
/// [`LIMIT`] apart, so that lengths in this form still fit 32 bits.
const FRACTION: i32 = 11;

/// The window, and what counts as evidence.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// The cells.
    pub window: Window,
    /// The window's origin at the last run, or [`FORGET`].
    pub last_origin: [i32; 2],
    /// Place of base_link in odom, mm.
    pub base: [i32; 2],
    /// From odom, about [`Params::base`], to x in base_link: the row of a
    /// [`Transform`] that only turns about z.
    pub base_x: [i32; 4],
    /// The same to y in base_link.
    pub base_y: [i32; 4],
    /// Least x and y of the vehicle's own body in base_link, mm. Where it
    /// stands is free.
    pub body_min: [i32; 2],
    /// Greatest x and y of the vehicle's own body, mm.
    pub body_max: [i32; 2],
    /// Number of points.
    pub points: u32,
    /// Number of sweeps. The beams of others are not followed.
    pub sweeps: u32,
    /// Number of poses. The beams of others are not followed.
    pub poses: u32,
    /// Returns lower than this over the ground are errors, mm.
    pub ground_min: i32,
    /// Returns higher than this over the ground are obstacles, mm.
    pub obstacle_min: i32,
    /// Returns higher than this over the ground hang above the vehicle, mm.
    pub obstacle_max: i32,
    /// Added to a cell that was hit, thousandths of a nat.
    pub hit: i32,
    /// Taken from a cell that was seen free, thousandths of a nat.
    pub miss: i32,
    /// Least log-odds, thousandths of a nat, above [`UNKNOWN`].
    pub least: i32,
    /// Greatest log-odds, thousandths of a nat.
    pub most: i32,
    /// By so much the log-odds of a cell of which nothing was seen come
    /// nearer to zero, thousandths of a nat.
    pub decay: i32,
    /// Unused.
    pub pad: u32,
}

/// Where a sweep's sensor is mounted: x, y and z in base_link, mm; the last is
/// unused.
pub type Mount = [i32; 4];

/// The buffers from which the kernels read.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// odom_from_base: [`Transform`]s.
    pub poses: &'a Buffer,
    /// [`Fused`] points.
    pub fused: &'a Buffer,
    /// Each point's cell in the window, as [`Window::index`] gives it: `u32`.
    pub cells: &'a Buffer,
    /// Each point's height over the ground, mm, `i32::MIN` where it is not
    /// known: `i32`.
    pub heights: &'a Buffer,
    /// Height of the ground in each cell of the window, odom, mm, `i32::MIN`
    /// where it is not known: `i32`.
    pub ground: &'a Buffer,
}

/// The compiled kernels.
#[derive(Debug)]
pub struct Pipeline {
    observe: Kernel,
    collect: Kernel,
    clear: Kernel,
    update: Kernel,
}

/// The grid on a device.
#[derive(Debug)]
pub struct Bound {
    params: Buffer,
    mounts: Buffer,
    seen: Buffer,
    last: Buffer,
    /// Number of beams to follow.
    count: Buffer,
    /// Log-odds in the window's order, 16 bits a cell.
    pub grid: Buffer,
    groups: Groups,
}

#[derive(Debug)]
struct Groups {
    observe: BindGroup,
    collect: BindGroup,
    clear: BindGroup,
    update: BindGroup,
}

impl Pipeline {
    /// Compiles the kernels.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry, workgroup| Kernel::new(context, entry, SOURCE, workgroup);
        Self {
            observe: kernel("observe", 256),
            collect: kernel("collect", 64),
            clear: kernel("clear", 256),
            update: kernel("update", 256),
        }
    }

    /// A grid of `side` × `side` cells. Its first run must [`FORGET`], or
    /// follow [`Bound::restore`].
    pub fn bind(&self, context: &Context, side: u32, inputs: Inputs<'_>) -> Bound {
        let cells = u64::from(side).pow(2);
        let uniform = |label, bytes| context.buffer(label, bytes as u64, BufferUsages::UNIFORM);
        let storage = |label, bytes| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, bytes, usage)
        };
        let params = uniform("occupancy params", size_of::<Params>());
        let mounts = uniform("mounts", size_of::<Mount>() * MAX_SWEEPS);
        let seen = storage("seen", cells * 4);
        let last = storage("last grid", cells * 2);
        let grid = storage("grid", cells * 2);
        let count = storage("number of beams", 4);
        let own = [&params, &mounts, &seen, &last, &grid, &count];
        let groups = self.groups(context, own, inputs);
        Bound {
            params,
            mounts,
            seen,
            last,
            count,
            grid,
            groups,
        }
    }

    /// Goes on with the same grid and other inputs.
    pub fn rebind(&self, context: &Context, bound: &mut Bound, inputs: Inputs<'_>) {
        let Bound {
            params,
            mounts,
            seen,
            last,
            count,
            grid,
            ..
        } = &*bound;
        let own = [params, mounts, seen, last, grid, count];
        bound.groups = self.groups(context, own, inputs);
    }

    fn groups(
        &self,
        context: &Context,
        [params, mounts, seen, last, grid, count]: [&Buffer; 6],
        inputs: Inputs<'_>,
    ) -> Groups {
        // No more than there are cells, or points.
        let bytes = seen.size().min(inputs.cells.size());
        let beams = &context.buffer("beams", bytes, BufferUsages::STORAGE);
        Groups {
            collect: self
                .collect
                .bind(context, &[(0, params), (7, seen), (10, count), (11, beams)]),
            observe: self.observe.bind(
                context,
                &[
                    (0, params),
                    (4, inputs.cells),
                    (5, inputs.heights),
                    (7, seen),
                ],
            ),
            clear: self.clear.bind(
                context,
                &[
                    (0, params),
                    (1, mounts),
                    (2, inputs.poses),
                    (3, inputs.fused),
                    (6, inputs.ground),
                    (7, seen),
                    (10, count),
                    (11, beams),
                ],
            ),
            update: self
                .update
                .bind(context, &[(0, params), (8, last), (9, grid), (12, seen)]),
        }
    }

    /// Folds one frame into the grid.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        let cells = params.window.cells() as u32;
        encoder.clear_buffer(&bound.seen, 0, None);
        encoder.clear_buffer(&bound.count, 0, None);
        encoder.copy_buffer_to_buffer(&bound.grid, 0, &bound.last, 0, bound.grid.size());
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("occupancy"),
            timestamp_writes: clock,
        });
        let groups = &bound.groups;
        self.observe
            .dispatch(&mut pass, &groups.observe, params.points);
        self.collect
            .dispatch(&mut pass, &groups.collect, cells / STRIP);
        self.clear.dispatch(&mut pass, &groups.clear, FOLLOWERS);
        self.update.dispatch(&mut pass, &groups.update, cells / 4);
    }
}

impl Bound {
    /// Uploads what a frame needs, but for the inputs.
    pub fn write(&self, queue: &Queue, params: &Params, mounts: &[Mount]) {
        queue.write_buffer(&self.params, 0, bytes_of(params));
        queue.write_buffer(&self.mounts, 0, cast_slice(mounts));
    }

    /// Takes a grid over, in the order of the window whose origin is the next
    /// run's [`Params::last_origin`].
    pub fn restore(&self, queue: &Queue, cells: &[i16]) {
        queue.write_buffer(&self.grid, 0, cast_slice(cells));
    }
}

/// What the twin reads: see [`Inputs`].
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as in Inputs")]
pub struct Scan<'a> {
    pub mounts: &'a [Mount],
    pub poses: &'a [Transform],
    pub fused: &'a [Fused],
    pub cells: &'a [u32],
    pub heights: &'a [i32],
    pub ground: &'a [i32],
}

/// The same on the CPU.
#[derive(Debug)]
pub struct Twin {
    grid: Vec<i16>,
    last: Vec<i16>,
    seen: Vec<AtomicU32>,
}

impl Twin {
    /// A grid of `side` × `side` unknown cells.
    pub fn new(side: u32) -> Self {
        let cells = (side as usize).pow(2);
        Self {
            grid: vec![UNKNOWN; cells],
            last: vec![UNKNOWN; cells],
            seen: (0..cells).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Takes a grid over, in the order of the window whose origin is the next
    /// run's [`Params::last_origin`].
    pub fn restore(&mut self, cells: &[i16]) {
        self.grid.copy_from_slice(cells);
    }

    /// Log-odds in the window's order.
    pub fn grid(&self) -> &[i16] {
        &self.grid
    }

    /// Folds one frame into the grid; its log-odds in the window's order.
    pub fn run(&mut self, params: &Params, scan: &Scan<'_>) -> &[i16] {
        const CHUNK: usize = 8192;
        let side = params.window.side as usize;
        let seen = &self.seen[..];
        let points = params.points as usize;
        let (cells, heights) = (&scan.cells[..points], &scan.heights[..points]);
        let chunks = cells.par_chunks(CHUNK).zip(heights.par_chunks(CHUNK));
        chunks.enumerate().for_each(|(chunk, (cells, heights))| {
            observe(params, (chunk * CHUNK) as u32, cells, heights, seen);
        });
        (0..side)
            .into_par_iter()
            .with_min_len(8)
            .for_each(|row| clear(params, scan, row * side, seen));
        stand(params, &mut self.seen);

        std::mem::swap(&mut self.grid, &mut self.last);
        let last = &self.last[..];
        self.grid
            .par_chunks_mut(side)
            .zip(self.seen.par_chunks_mut(side))
            .with_min_len(16)
            .enumerate()
            .for_each(|(row, (cells, seen))| {
                take_over(params, last, row, cells);
                update(params, seen, cells);
            });
        &self.grid
    }
}

/// Notes where points lie, the first of which is the `first`th.
fn observe(params: &Params, first: u32, cells: &[u32], heights: &[i32], seen: &[AtomicU32]) {
    for (id, (&cell, &height)) in (first..).zip(cells.iter().zip(heights)) {
        if height < params.ground_min || height > params.obstacle_max {
            continue;
        }
        let Some(seen) = seen.get(cell as usize) else {
            continue;
        };
        let ground = (FIRST - 1 - id) << 1;
        if height > params.obstacle_min {
            seen.store(HIT, Relaxed);
        } else if seen.load(Relaxed) < ground {
            seen.fetch_max(ground, Relaxed);
        }
    }
}

/// Follows the beams that ended on the ground in a row, whose first cell is
/// the `first`th.
fn clear(params: &Params, scan: &Scan<'_>, first: usize, seen: &[AtomicU32]) {
    for cell in first..first + params.window.side as usize {
        let what = seen[cell].load(Relaxed);
        if what != HIT && what >> 1 != 0 {
            follow(params, scan, cell, (FIRST - 1 - (what >> 1)) as usize, seen);
        }
    }
}

/// Follows the beam back that ended on the ground in a cell, as long as it is
/// no higher over the ground of the cells that it passes than an obstacle may
/// be. What it shows is free, but for what is beyond an obstacle under which it
/// passed; the edge of a car's body is up to twice as high as an obstacle must
/// be.
#[inline]
fn follow(params: &Params, scan: &Scan<'_>, end: usize, point: usize, seen: &[AtomicU32]) {
    // Nothing else is changed meanwhile, so that no thread undoes another's work.
    let mark_free = |index: usize| {
        let what = seen[index].load(Relaxed);
        if what & FREE == 0 {
            seen[index].store(what | FREE, Relaxed);
        }
    };
    let Window {
        origin,
        side,
        cell_mm: size,
    } = params.window;
    let p = scan.fused[point];
    let (sweep, pose) = (sweep_of(p), pose_of(p));
    if sweep >= params.sweeps as usize || pose >= params.poses as usize {
        return mark_free(end);
    }
    let [x, y, z, _] = scan.mounts[sweep];
    let sensor = scan.poses[pose].apply([x, y, z]);
    let d: [i32; 3] = std::array::from_fn(|i| sensor[i].wrapping_sub(p[i]));
    if d.iter().any(|c| !(-LIMIT..=LIMIT).contains(c)) {
        return mark_free(end);
    }
    let length = d[0].abs().max(d[1].abs());
    // A steeper beam shows no cell but its own.
    if d[2].abs() > length || length == 0 {
        return mark_free(end);
    }
    // One cell at a time along the axis on which the beam is longer. No
    // quotient exceeds that of a place within a window.
    let ratio = |a: i32, b: i32| quotient((a << FRACTION) as u32, b) as i32;
    let slopes = d.map(|c| c.signum() * ratio(c.abs(), length));
    let cell = [end as u32 & (side - 1), end as u32 / side].map(|c| c as i32);
    let start: [i32; 2] = std::array::from_fn(|i| {
        let corner = origin[i].wrapping_add(cell[i]).wrapping_mul(size);
        (cell[i] << FRACTION) + ratio(p[i].wrapping_sub(corner), size)
    });
    let index = |i: i32| {
        let [x, y] = [0, 1].map(|k| ((start[k] + i * slopes[k]) >> FRACTION) as u32);
        (x < side && y < side).then(|| (y * side + x) as usize)
    };

    // How many cells it passes, how many of them low, and from which on it has
    // passed all obstacles.
    let (mut passed, mut low, mut first) = (1, 1, 0);
    while passed * size <= length {
        let Some(index) = index(passed) else { break };
        let floor = scan.ground[index];
        let height = p[2]
            .wrapping_add((passed * size * slopes[2]) >> FRACTION)
            .wrapping_sub(floor);
        if floor == NONE || height > 2 * params.obstacle_min {
            break;
        }
        low += i32::from(low == passed && height <= params.obstacle_min);
        passed += 1;
        if seen[index].load(Relaxed) == HIT {
            first = passed;
        }
    }
    (first..low).filter_map(index).for_each(mark_free);
}

/// Notes that the vehicle itself stands on some cells.
fn stand(params: &Params, seen: &mut [AtomicU32]) {
    let Window {
        origin,
        side,
        cell_mm: size,
    } = params.window;
    let a: [i32; 2] =
        std::array::from_fn(|i| params.body_min[i].abs().max(params.body_max[i].abs()));
    // A little more than its furthest corner.
    let reach = (a[0] + a[1] + 2).min(LIMIT);
    let near = |i: usize| -> Range<i32> {
        let cell = |c: i32| floor_div(params.base[i].wrapping_add(c), size) - origin[i];
        cell(-reach).clamp(0, side as i32)..(cell(reach) + 1).clamp(0, side as i32)
    };
    for row in near(1) {
        for column in near(0) {
            let [x, y]: [i32; 2] = std::array::from_fn(|i| {
                let corner = origin[i].wrapping_add([column, row][i]).wrapping_mul(size);
                corner.wrapping_add(size / 2).wrapping_sub(params.base[i])
            });
            let q = [params.base_x, params.base_y].map(|row| transform_row(row, [x, y, 0]));
            let within = x.abs() <= reach
                && y.abs() <= reach
                && (0..2).all(|i| (params.body_min[i]..=params.body_max[i]).contains(&q[i]));
            let seen = seen[(row * side as i32 + column) as usize].get_mut();
            if within && *seen & FREE == 0 {
                *seen = FREE;
            }
        }
    }
}

/// Takes a row of cells over from the last grid, as far as it reaches.
fn take_over(params: &Params, last: &[i16], row: usize, cells: &mut [i16]) {
    let side = params.window.side as i32;
    let shift: [i32; 2] =
        std::array::from_fn(|i| params.window.origin[i].wrapping_sub(params.last_origin[i]));
    let from = shift[1].wrapping_add(row as i32);
    cells.fill(UNKNOWN);
    if !(0..side).contains(&from) || !(1 - side..side).contains(&shift[0]) {
        return;
    }
    let last = &last[(from * side) as usize..][..side as usize];
    let gone = shift[0].unsigned_abs() as usize;
    let stays = side as usize - gone;
    if shift[0] >= 0 {
        cells[..stays].copy_from_slice(&last[gone..]);
    } else {
        cells[gone..].copy_from_slice(&last[..stays]);
    }
}

/// Folds what was seen into a row of cells. Without a branch, so that the
/// compiler can take several cells at once.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn update(params: &Params, seen: &mut [AtomicU32], cells: &mut [i16]) {
    let Params {
        hit,
        miss,
        least,
        most,
        decay,
        ..
    } = *params;
    for (cell, seen) in cells.iter_mut().zip(seen) {
        let seen = std::mem::take(seen.get_mut());
        let before = i32::from(*cell);
        let is_unknown = *cell == UNKNOWN;
        let prior = if is_unknown { 0 } else { before };
        let change = if seen == HIT { hit } else { -miss };
        let changed = (prior + change).max(least).min(most);
        let less = (prior.abs() - decay).max(0);
        let faded = if prior < 0 { -less } else { less };
        let faded = if is_unknown { before } else { faded };
        *cell = if seen & FREE == 0 { faded } else { changed } as i16;
    }
}
