//! Log-odds occupancy of a window of cells that rolls with the vehicle.
//!
//! A beam marks the cell in which it ends as hit or free, and shows the cells
//! before it to be free as far as it passed lower than any obstacle. A cell is
//! updated once a run, hits first (Moravec and Elfes, "High resolution maps
//! from wide angle sonar", 1985, in log-odds; lines after Bresenham, 1965).
//!
//! Work: per point 16 bytes in and the cells that it clears; per cell two bits
//! of evidence in and out and 16 bits of log-odds in and out.

use std::sync::atomic::{AtomicU32, Ordering};

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use crate::context::Context;
use crate::fixed::{floor_div, transform_row};
use crate::fuse::{Fused, Outcome, outcome_of, sweep_of};
use crate::kernel::Kernel;

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/fixed.wgsl"),
    include_str!("occupancy.wgsl")
);

/// The log-odds of a cell that was never observed.
pub const UNKNOWN: i16 = i16::MIN;

/// Cells whose evidence shares a word.
pub const CELLS_A_WORD: usize = 16;

const FREE: u32 = 1;
const HIT: u32 = 2;

/// The window, and what counts as evidence.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// Height over the vehicle's ground plane: a row of a
    /// [`crate::fixed::Transform`], about [`Params::centre`].
    pub plane: [i32; 4],
    /// Odom position about which [`Params::plane`] is taken, mm; the last is
    /// unused.
    pub centre: [i32; 4],
    /// Cell coordinates of the window's least corner.
    pub origin: [i32; 2],
    /// [`Params::origin`] at the last update.
    pub last_origin: [i32; 2],
    /// Cells along a side: a power of two, 16 or more.
    pub side: u32,
    /// Side of a cell, mm; positive.
    pub cell_mm: i32,
    /// Number of points.
    pub points: u32,
    /// Returns lower than this are no ground, mm.
    pub ground_min: i32,
    /// Returns higher than this are obstacles, mm.
    pub obstacle_min: i32,
    /// Returns higher than this hang above the vehicle, mm.
    pub obstacle_max: i32,
    /// Added to a cell that was hit, thousandths of a nat.
    pub hit: i32,
    /// Taken from a cell that was seen free, thousandths of a nat.
    pub miss: i32,
    /// Least log-odds, thousandths of a nat, above [`UNKNOWN`].
    pub least: i32,
    /// Greatest log-odds, thousandths of a nat.
    pub most: i32,
    /// Unused.
    pub pad: [u32; 2],
}

/// Where a sweep's sensor stood: x and y in odom and height over the ground
/// plane, mm; the last is unused.
pub type Sensor = [i32; 4];

/// The GPU pipeline that gathers evidence. Bindings: 0 [`Params`],
/// 1 [`Sensor`]s, 2 [`Fused`] points, 3 evidence (two bits a cell).
pub fn observe_kernel(context: &Context) -> Kernel {
    Kernel::new(context, "observe", SOURCE, 256)
}

/// The GPU pipeline that folds evidence into the grid and clears it.
/// Bindings: 0 [`Params`], 3 evidence, 4 log-odds (16 bits a cell).
pub fn update_kernel(context: &Context) -> Kernel {
    Kernel::new(context, "update", SOURCE, 64)
}

/// The grid of the twin: cells in the slots in which the kernel holds them.
#[derive(Debug)]
pub struct Twin {
    /// Log-odds by slot; slot (x, y) holds the cell whose coordinates are
    /// equal to it modulo the window's side.
    pub cells: Vec<i16>,
    evidence: Vec<AtomicU32>,
}

impl Twin {
    /// A window of `side` × `side` unknown cells.
    pub fn new(side: u32) -> Self {
        let cells = side as usize * side as usize;
        Self {
            cells: vec![UNKNOWN; cells],
            evidence: (0..cells / CELLS_A_WORD)
                .map(|_| AtomicU32::new(0))
                .collect(),
        }
    }

    /// Does what both kernels do, one after the other.
    pub fn run(&mut self, params: &Params, sensors: &[Sensor], fused: &[Fused]) {
        let evidence = &self.evidence;
        fused.par_chunks(1024).for_each(|points| {
            points
                .iter()
                .for_each(|p| observe(params, sensors, *p, evidence))
        });
        self.cells
            .par_chunks_mut(CELLS_A_WORD)
            .zip(&mut self.evidence)
            .with_min_len(256)
            .enumerate()
            .for_each(|(word, (cells, evidence))| {
                update(params, word, std::mem::take(evidence.get_mut()), cells);
            });
    }
}

#[inline]
fn mark(params: &Params, cell: [i32; 2], what: u32, evidence: &[AtomicU32]) {
    let inside = |i: usize| (cell[i].wrapping_sub(params.origin[i]) as u32) < params.side;
    if !(inside(0) && inside(1)) {
        return;
    }
    let [x, y] = cell.map(|c| c as u32 & (params.side - 1));
    let index = y * params.side + x;
    let bits = what << (2 * (index & 15));
    let word = &evidence[index as usize / CELLS_A_WORD];
    // Bits are only ever set here, so the order of the threads does not tell.
    if word.load(Ordering::Relaxed) & bits != bits {
        word.fetch_or(bits, Ordering::Relaxed);
    }
}

#[inline]
fn observe(params: &Params, sensors: &[Sensor], p: Fused, evidence: &[AtomicU32]) {
    if outcome_of(p) != Outcome::Kept {
        return;
    }
    let offset = std::array::from_fn(|i| p[i].wrapping_sub(params.centre[i]));
    let height = transform_row(params.plane, offset);
    if height < params.ground_min || height > params.obstacle_max {
        return;
    }
    let cell_of = |x: i32, y: i32| [floor_div(x, params.cell_mm), floor_div(y, params.cell_mm)];
    let end = cell_of(p[0], p[1]);
    let hit = height > params.obstacle_min;
    mark(params, end, if hit { HIT } else { FREE }, evidence);

    let sensor = sensors[sweep_of(p)];
    let from = cell_of(sensor[0], sensor[1]);
    let d = [from[0] - end[0], from[1] - end[1]];
    let a = d.map(i32::abs);
    let n = a[0].max(a[1]);
    let reach = if sensor[2] <= params.obstacle_min {
        n
    } else if height >= params.obstacle_min {
        0
    } else {
        n * (params.obstacle_min - height) / (sensor[2] - height)
    };
    let mut error = [n / 2; 2];
    let mut cell = end;
    for _ in 0..reach {
        for i in 0..2 {
            error[i] -= a[i];
            if error[i] < 0 {
                error[i] += n;
                cell[i] += d[i].signum();
            }
        }
        mark(params, cell, FREE, evidence);
    }
}

#[inline]
fn update(params: &Params, word: usize, seen: u32, cells: &mut [i16]) {
    let side = params.side as i32;
    let words_a_row = params.side as usize / CELLS_A_WORD;
    let unroll = |slot: i32, origin: i32| origin + (slot.wrapping_sub(origin) & (side - 1));
    let stays = |coordinate: i32, last: i32| (coordinate.wrapping_sub(last) as u32) < params.side;
    let row = (word / words_a_row) as i32;
    let column = (word % words_a_row * CELLS_A_WORD) as i32;
    let row_stays = stays(unroll(row, params.origin[1]), params.last_origin[1]);
    if seen == 0 && params.origin == params.last_origin {
        return;
    }
    for (i, cell) in cells.iter_mut().enumerate() {
        let x = unroll(column + i as i32, params.origin[0]);
        if !(row_stays && stays(x, params.last_origin[0])) {
            *cell = UNKNOWN;
        }
        let bits = seen >> (2 * i) & 3;
        if bits != 0 {
            let prior = if *cell == UNKNOWN {
                0
            } else {
                i32::from(*cell)
            };
            let change = if bits >= HIT {
                params.hit
            } else {
                -params.miss
            };
            *cell = (prior + change).clamp(params.least, params.most) as i16;
        }
    }
}
