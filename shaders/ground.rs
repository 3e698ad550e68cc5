//! Heights of the ground in the cells of a window, and of the returns over it.
//!
//! The lowest return of each coarse cell is taken for ground where it is no
//! more than a step over the grey-scale opening of them all with a square
//! element, which nothing that stands on the ground is wide enough to fill:
//! Zhang, Chen, Whitman, Shyu, Yan and Zhang, "A progressive morphological
//! filter for removing nonground measurements from airborne lidar data", IEEE
//! TGRS 41(4), 2003, with one window. Elsewhere the opening itself is the
//! ground. Minima and maxima along a line run over two blocks of cells (van
//! Herk, "A fast algorithm for local minimum and maximum filters on
//! rectangular and octagonal kernels", Pattern Recognition Letters 13, 1992).
//! A low outlier spoils no cell but its own, and that is filled up. What is
//! farther from the vehicle's own height than any road rises is no ground, nor
//! what is so much higher than the lowest around it (Vosselman, "Slope based
//! filtering of laser altimetry data", IAPRS 33, 2000), as a wall is of which
//! nothing but the top is seen; and where the vehicle stands its pose tells the
//! ground.
//!
//! Work: per point 24 bytes in, 4 out and two random accesses to cells; per
//! coarse cell nine words in and four out, and some 20 minima and maxima; per
//! cell of the window 4 bytes out and a bilinear interpolation. The kernels
//! read and write most cells four at a time, and erode and dilate a line as
//! they read it.

use bytemuck::{Pod, Zeroable};
use multiversion::multiversion;
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fixed::Transform;
use crate::fuse::Fused;
use crate::kernel::Kernel;
use crate::window::Window;

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/window.wgsl"),
    include_str!("ground.wgsl")
);

/// The height where there is nothing to go on.
pub const NONE: i32 = i32::MIN;

/// Coarse cells along the structuring element.
const ELEMENT: usize = 16;

/// Rows of cells, or quads of four cells of a line, that one invocation takes.
const STRETCH: u32 = 16;

/// Blocks of as many coarse cells along a side as the element has are compared
/// with those so far away.
const AROUND: usize = 2;

/// A cell so much lower than all around it is an outlier, mm.
const PIT: i32 = 300;

/// The most by which coarse cells side by side differ in interpolation, mm.
const STEEPEST: i32 = 65_536;

/// The height of a coarse cell without a return.
const UNSEEN: i32 = i32::MAX;

/// Where the vehicle is, and what can be ground.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// The cells.
    pub window: Window,
    /// `base_link` in odom, mm; the last is unused.
    pub base: [i32; 4],
    /// How the vehicle's ground plane rises along x and y of odom, in 1/1024.
    pub rise: [i32; 2],
    /// Number of points.
    pub points: u32,
    /// A coarse cell has 2^shift cells of the window along a side; at most
    /// [`Params::MAX_SHIFT`].
    pub shift: u32,
    /// Half of the side of the square that the vehicle stands on, mm.
    pub stance: i32,
    /// Ground is no higher or lower than this at the vehicle, mm.
    pub slack: i32,
    /// By how much more it may be off a length away, in 1/1024.
    pub slope: i32,
    /// The greatest step that is ground, mm.
    pub step: i32,
    /// The most that a neighbour counts in smoothing, mm.
    pub smoothing: i32,
    /// Unused.
    pub pad: [u32; 3],
}

impl Params {
    /// The greatest [`Params::shift`].
    pub const MAX_SHIFT: u32 = 4;

    /// A return no higher than this over the ground is on it, mm.
    pub const TOLERANCE: i32 = 125;

    /// For streets: an element of 6.4 m, slopes to 16 %, kerbs of 0.2 m.
    pub fn new(window: Window, odom_from_base: &Transform, points: u32) -> Self {
        let [x, y, z] = odom_from_base.translation();
        let up = [odom_from_base.x, odom_from_base.y, odom_from_base.z].map(|row| row[2]);
        let rise = |component: i32| {
            let rise = -i64::from(component) * 1024 / i64::from(up[2].max(1));
            rise.clamp(-1024, 1024) as i32
        };
        Self {
            window,
            base: [x, y, z, 0],
            rise: [rise(up[0]), rise(up[1])],
            points,
            shift: Self::shift(window.cell_mm),
            stance: 1_500,
            slack: 300,
            slope: 164,
            step: 200,
            smoothing: 100,
            pad: [0; 3],
        }
    }

    /// The [`Params::shift`] that brings cells near 0.4 m.
    pub fn shift(cell_mm: i32) -> u32 {
        (0..Self::MAX_SHIFT)
            .find(|shift| cell_mm << shift >= 300)
            .unwrap_or(Self::MAX_SHIFT)
    }

    fn coarse_side(&self) -> usize {
        (self.window.side >> self.shift) as usize
    }
}

/// The GPU kernels, in the order in which they run.
#[derive(Debug)]
pub struct Pipeline {
    gather: Kernel,
    erode_rows: Kernel,
    find_minima: Kernel,
    find_caps: Kernel,
    open_columns: Kernel,
    dilate_rows: Kernel,
    smooth: Kernel,
    interpolate: Kernel,
    measure: Kernel,
}

/// Buffers for so many points and cells.
#[derive(Debug)]
pub struct Bound {
    /// The ground of each cell of the window, mm in odom, or [`NONE`]: `i32`.
    pub ground: Buffer,
    /// The height of each point over the ground, mm, or [`NONE`]: `i32`.
    pub heights: Buffer,
    params: Buffer,
    lowest: Buffer,
    gather: BindGroup,
    erode_rows: BindGroup,
    find_minima: BindGroup,
    find_caps: BindGroup,
    open_columns: BindGroup,
    dilate_rows: BindGroup,
    smooth: BindGroup,
    interpolate: BindGroup,
    measure: BindGroup,
}

impl Pipeline {
    /// Compiles the kernels.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry, workgroup| Kernel::new(context, entry, SOURCE, workgroup);
        Self {
            gather: kernel("gather", 256),
            erode_rows: kernel("erode_rows", 64),
            find_minima: kernel("find_minima", 64),
            find_caps: kernel("find_caps", 64),
            open_columns: kernel("open_columns", 64),
            dilate_rows: kernel("dilate_rows", 64),
            smooth: kernel("smooth_cells", 64),
            interpolate: kernel("interpolate", 64),
            measure: kernel("measure", 256),
        }
    }

    /// Buffers for windows of `side` cells with coarse cells of 2^`shift`, and
    /// for as many points as `capacity`, which `fused` and `cells` hold.
    pub fn bind(
        &self,
        context: &Context,
        side: u32,
        shift: u32,
        capacity: u32,
        fused: &Buffer,
        cells: &Buffer,
    ) -> Bound {
        let words = |label, count: u64| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, 4 * count, usage)
        };
        let area = |side: u32| u64::from(side).pow(2);
        let params = size_of::<Params>() as u64;
        let params = context.buffer("ground params", params, BufferUsages::UNIFORM);
        // Lines of whole quads.
        let coarse = area((side >> shift).next_multiple_of(4));
        let lowest = words("lowest", coarse);
        let even = words("even", coarse);
        let odd = words("odd", coarse);
        let blocks = area((side >> shift).div_ceil(ELEMENT as u32));
        let minima = words("minima of blocks", blocks);
        let caps = words("caps of blocks", blocks);
        let ground = words("ground", area(side));
        let heights = words("heights", u64::from(capacity).max(1).next_multiple_of(4));
        let bind = |kernel: &Kernel, buffers: &[(u32, &Buffer)]| {
            kernel.bind(context, &[&[(0, &params)], buffers].concat())
        };
        Bound {
            gather: bind(&self.gather, &[(1, fused), (2, cells), (3, &lowest)]),
            erode_rows: bind(&self.erode_rows, &[(4, &lowest), (8, &even)]),
            find_minima: bind(&self.find_minima, &[(5, &even), (7, &minima)]),
            find_caps: bind(&self.find_caps, &[(5, &minima), (7, &caps)]),
            open_columns: bind(&self.open_columns, &[(5, &even), (7, &odd), (9, &caps)]),
            dilate_rows: bind(&self.dilate_rows, &[(4, &lowest), (6, &odd), (8, &even)]),
            smooth: bind(&self.smooth, &[(5, &even), (6, &even), (8, &odd)]),
            interpolate: bind(&self.interpolate, &[(5, &odd), (8, &ground)]),
            measure: bind(
                &self.measure,
                &[(1, fused), (2, cells), (5, &ground), (8, &heights)],
            ),
            ground,
            heights,
            params,
            lowest,
        }
    }

    /// Records one run, of the parameters that [`Bound::write`] uploads.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        encoder.clear_buffer(&bound.lowest, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("ground"),
            timestamp_writes: clock,
        });
        let side = params.window.side >> params.shift;
        let stretches = |n: u32| n.div_ceil(STRETCH);
        let quads = side.div_ceil(4);
        let blocks = side.div_ceil(ELEMENT as u32).pow(2);
        let lines = side * stretches(quads);
        let across = params.window.side / 4;
        let points = params.points.div_ceil(4);
        let steps = [
            (&self.gather, &bound.gather, points),
            (&self.erode_rows, &bound.erode_rows, lines),
            (&self.find_minima, &bound.find_minima, blocks),
            (&self.find_caps, &bound.find_caps, blocks),
            (&self.open_columns, &bound.open_columns, lines),
            (&self.dilate_rows, &bound.dilate_rows, lines),
            (&self.smooth, &bound.smooth, quads * stretches(side)),
            (
                &self.interpolate,
                &bound.interpolate,
                across * stretches(side),
            ),
            (&self.measure, &bound.measure, points),
        ];
        for (kernel, group, invocations) in steps {
            kernel.dispatch(&mut pass, group, invocations);
        }
    }
}

impl Bound {
    /// Uploads what a run needs.
    pub fn write(&self, queue: &Queue, params: &Params) {
        queue.write_buffer(&self.params, 0, bytemuck::bytes_of(params));
    }
}

/// The same on the CPU.
#[derive(Debug, Default)]
pub struct Twin {
    /// The ground of each cell of the window, mm in odom, or [`NONE`].
    pub ground: Vec<i32>,
    /// The height of each point over the ground, mm, or [`NONE`].
    pub heights: Vec<i32>,
    /// Lowest returns of coarse cells, by thread; then of all in the first.
    lowest: Vec<Vec<i32>>,
    /// Coarse cells after the erosion of rows.
    eroded: Vec<i32>,
    /// The least of each block of coarse cells.
    minima: Vec<i32>,
    /// The greatest height at which each block has ground.
    caps: Vec<i32>,
    /// Coarse cells after the dilation of rows.
    dilated: Vec<i32>,
    /// The coarse ground in a frame of [`NONE`].
    opened: Vec<i32>,
    /// The coarse ground, smoothed, in a frame of [`NONE`].
    smoothed: Vec<i32>,
    side: usize,
}

impl Twin {
    /// Computes [`Twin::ground`] and [`Twin::heights`].
    pub fn run(&mut self, params: &Params, fused: &[Fused], cells: &[u32]) {
        let side = params.coarse_side();
        self.resize(params, fused.len(), side);
        let stride = side + 2;
        let band = ELEMENT * side;

        let share = fused.len().div_ceil(self.lowest.len()).max(1);
        let none = (&fused[..0], &cells[..0]);
        let mut parts: Vec<_> = fused.chunks(share).zip(cells.chunks(share)).collect();
        parts.resize(self.lowest.len(), none);
        self.lowest
            .par_iter_mut()
            .zip(parts)
            .for_each(|(lowest, (fused, cells))| {
                lowest.fill(UNSEEN);
                gather(params, fused, cells, lowest);
            });

        let (lowest, others) = self.lowest.split_at_mut(1);
        let lowest = &mut lowest[0][..];
        lowest
            .par_chunks_mut(band)
            .zip(self.eroded.par_chunks_mut(band))
            .enumerate()
            .for_each(|(b, (lowest, eroded))| {
                for other in others.iter() {
                    let other = &other[b * band..][..lowest.len()];
                    merge(lowest, other);
                }
                stand(params, b * ELEMENT, lowest);
                erode_rows(side, lowest, eroded);
            });

        let eroded = &self.eroded[..];
        find_minima(side, eroded, &mut self.minima);
        find_caps(params, &self.minima, &mut self.caps);
        let blocks = side.div_ceil(ELEMENT);
        self.dilated
            .par_chunks_mut(band)
            .zip(self.caps.par_chunks(blocks))
            .enumerate()
            .for_each(|(b, (dilated, caps))| {
                let (own, next) = eroded[b * band..].split_at(dilated.len());
                let next = &next[..next.len().min(band)];
                erode_columns(side, own, next, dilated);
                cut(side, caps, dilated);
                dilate_rows(side, dilated);
            });

        let (lowest, dilated) = (&*lowest, &self.dilated[..]);
        self.opened[stride..]
            .par_chunks_mut(ELEMENT * stride)
            .zip(dilated.par_chunks(band))
            .enumerate()
            .for_each(|(b, (opened, own))| {
                let lowest = &lowest[b * band..][..own.len()];
                let previous = &dilated[b.saturating_sub(1) * band..b * band];
                dilate_columns(params, side, [lowest, own, previous], opened);
            });

        let opened = &self.opened[..];
        self.smoothed[stride..]
            .par_chunks_mut(stride)
            .with_min_len(8)
            .zip(opened.par_windows(3 * stride).step_by(stride))
            .for_each(|(smoothed, opened)| {
                let (below, rest) = opened.split_at(stride);
                let (own, above) = rest.split_at(stride);
                smooth(params, [below, own, above], &mut smoothed[1..=side]);
            });

        let smoothed = &self.smoothed[..];
        self.ground
            .par_chunks_mut((params.window.side as usize) << params.shift)
            .with_min_len(8)
            .zip(smoothed.par_windows(3 * stride).step_by(stride))
            .for_each(|(ground, smoothed)| {
                let (below, rest) = smoothed.split_at(stride);
                let (own, above) = rest.split_at(stride);
                interpolate(params, [below, own, above], ground);
            });

        const CHUNK: usize = 16_384;
        let ground = &self.ground[..];
        self.heights
            .par_chunks_mut(CHUNK)
            .zip(fused.par_chunks(CHUNK).zip(cells.par_chunks(CHUNK)))
            .for_each(|(heights, (fused, cells))| {
                for ((height, p), cell) in heights.iter_mut().zip(fused).zip(cells) {
                    let z = ground.get(*cell as usize).copied().unwrap_or(NONE);
                    let over = p[2].wrapping_sub(z);
                    *height = if z == NONE { NONE } else { over };
                }
            });
    }

    fn resize(&mut self, params: &Params, points: usize, side: usize) {
        let threads = rayon::current_num_threads().min(8);
        self.heights.resize(points, NONE);
        if self.side == side
            && self.ground.len() == params.window.cells()
            && self.lowest.len() == threads
        {
            return;
        }
        self.side = side;
        self.ground = vec![NONE; params.window.cells()];
        self.lowest = vec![vec![UNSEEN; side * side]; threads];
        self.eroded = vec![UNSEEN; side * side];
        self.minima = vec![UNSEEN; side.div_ceil(ELEMENT).pow(2)];
        self.caps = vec![UNSEEN; side.div_ceil(ELEMENT).pow(2)];
        self.dilated = vec![NONE; side * side];
        self.opened = vec![NONE; (side + 2).pow(2)];
        self.smoothed = vec![NONE; (side + 2).pow(2)];
    }
}

/// Lowers coarse cells to the returns in them that ground can have.
#[multiversion(targets("x86_64+avx2"))]
fn gather(params: &Params, fused: &[Fused], cells: &[u32], lowest: &mut [i32]) {
    let shift = params.shift;
    let side = params.window.side;
    let bits = side.trailing_zeros();
    let coarse_bits = bits - shift;
    for (p, cell) in fused.iter().zip(cells) {
        let d = |i: usize| p[i].wrapping_sub(params.base[i]).wrapping_abs();
        let reach = d(0).max(d(1)).wrapping_mul(params.slope) >> 10;
        let row = (cell >> bits) >> shift;
        let column = (cell & (side - 1)) >> shift;
        let index = (row << coarse_bits | column) as usize;
        // The index of a point outside is beyond the last cell.
        if d(2) <= params.slack.wrapping_add(reach)
            && *cell != Window::NOWHERE
            && let Some(lowest) = lowest.get_mut(index)
        {
            *lowest = p[2].min(*lowest);
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn merge(lowest: &mut [i32], other: &[i32]) {
    for (z, other) in lowest.iter_mut().zip(other) {
        *z = (*z).min(*other);
    }
}

/// Puts the vehicle's ground plane where it stands and sees none, in rows of
/// coarse cells from `first`.
fn stand(params: &Params, first: usize, rows: &mut [i32]) {
    let side = params.coarse_side();
    let cell = params.window.cell_mm << params.shift;
    let offset = |axis: usize, at: usize| {
        params.window.origin[axis]
            .wrapping_mul(params.window.cell_mm)
            .wrapping_add((at as i32).wrapping_mul(cell))
            .wrapping_add(cell >> 1)
            .wrapping_sub(params.base[axis])
    };
    for (row, cells) in rows.chunks_exact_mut(side).enumerate() {
        let y = offset(1, first + row);
        if y.wrapping_abs() > params.stance {
            continue;
        }
        for (column, z) in cells.iter_mut().enumerate() {
            let x = offset(0, column);
            if x.wrapping_abs() > params.stance {
                continue;
            }
            let [along, across] = [(x, 0), (y, 1)].map(|(d, i)| d.wrapping_mul(params.rise[i]));
            let plane = params.base[2].wrapping_add(along.wrapping_add(across) >> 10);
            if *z > plane.wrapping_add(params.step) {
                *z = plane;
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn erode_rows(side: usize, lowest: &[i32], eroded: &mut [i32]) {
    eroded.copy_from_slice(lowest);
    for row in eroded.chunks_exact_mut(side) {
        // Each step doubles what a cell has seen to its right.
        for reach in [1, 2, 4, 8] {
            for i in 0..side.saturating_sub(reach) {
                row[i] = row[i].min(row[i + reach]);
            }
        }
    }
}

/// Erodes the columns of a block of rows; `next` is the block after it.
#[multiversion(targets("x86_64+avx2"))]
fn erode_columns(side: usize, own: &[i32], next: &[i32], eroded: &mut [i32]) {
    eroded.copy_from_slice(own);
    let rows = own.len() / side;
    for row in (1..rows).rev() {
        let (before, from) = eroded.split_at_mut(row * side);
        for (z, after) in before[(row - 1) * side..].iter_mut().zip(from) {
            *z = (*z).min(*after);
        }
    }
    let mut running = [UNSEEN; 64];
    for from in (0..side).step_by(64) {
        let width = (side - from).min(64);
        let running = &mut running[..width];
        running.fill(UNSEEN);
        for row in 0..rows {
            let eroded = &mut eroded[row * side + from..][..width];
            for (z, running) in eroded.iter_mut().zip(&*running) {
                let least = (*z).min(*running);
                // From here on the greatest counts.
                *z = if least == UNSEEN { NONE } else { least };
            }
            if let Some(next) = next.get(row * side + from..row * side + from + width) {
                for (running, z) in running.iter_mut().zip(next) {
                    *running = (*running).min(*z);
                }
            }
        }
    }
}

/// The least of each block, from rows that were eroded: the first cell of a
/// block's row has the least of all.
fn find_minima(side: usize, eroded: &[i32], minima: &mut [i32]) {
    let blocks = side.div_ceil(ELEMENT);
    minima.fill(UNSEEN);
    for (row, cells) in eroded.chunks_exact(side).enumerate() {
        let minima = &mut minima[row / ELEMENT * blocks..][..blocks];
        for (least, z) in minima.iter_mut().zip(cells.iter().step_by(ELEMENT)) {
            *least = (*least).min(*z);
        }
    }
}

/// The greatest height at which each block has ground: what a road can rise
/// from the lowest around it, but in any case that of the vehicle's plane.
fn find_caps(params: &Params, minima: &[i32], caps: &mut [i32]) {
    let blocks = params.coarse_side().div_ceil(ELEMENT);
    let cell = params.window.cell_mm << params.shift;
    let length = cell.wrapping_mul(ELEMENT as i32);
    for (block, cap) in caps.iter_mut().enumerate() {
        let at = [block % blocks, block / blocks];
        let around = |i: usize| at[i].saturating_sub(AROUND)..(at[i] + AROUND + 1).min(blocks);
        let mut least = UNSEEN;
        for row in around(1) {
            for column in around(0) {
                let away = row.abs_diff(at[1]).max(column.abs_diff(at[0])) as i32;
                let rise = (away + 1).wrapping_mul(length).wrapping_mul(params.slope) >> 10;
                let z = minima[row * blocks + column];
                let reach = z.wrapping_add(rise);
                least = least.min(if z == UNSEEN { UNSEEN } else { reach });
            }
        }
        let [along, across]: [i32; 2] = std::array::from_fn(|i| {
            let middle = (2 * at[i] as i32 + 1).wrapping_mul(length) >> 1;
            let corner = params.window.origin[i].wrapping_mul(params.window.cell_mm);
            let d = corner.wrapping_add(middle).wrapping_sub(params.base[i]);
            (d >> 5).wrapping_mul(params.rise[i]) >> 5
        });
        let plane = params.base[2].wrapping_add(along).wrapping_add(across);
        *cap = least.max(plane.wrapping_add(params.slack));
    }
}

/// Takes from eroded rows of a block what is higher than ground can be.
#[multiversion(targets("x86_64+avx2"))]
fn cut(side: usize, caps: &[i32], rows: &mut [i32]) {
    for row in rows.chunks_exact_mut(side) {
        for (cells, cap) in row.chunks_mut(ELEMENT).zip(caps) {
            for z in cells {
                *z = if *z > *cap { NONE } else { *z };
            }
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn dilate_rows(side: usize, rows: &mut [i32]) {
    for row in rows.chunks_exact_mut(side) {
        for reach in [1, 2, 4, 8] {
            for i in (reach..side).rev() {
                row[i] = row[i].max(row[i - reach]);
            }
        }
    }
}

/// Dilates the columns of a block of rows, of which `previous` is the one
/// before, and takes the lowest returns where they are ground.
#[multiversion(targets("x86_64+avx2"))]
fn dilate_columns(
    params: &Params,
    side: usize,
    [lowest, own, previous]: [&[i32]; 3],
    opened: &mut [i32],
) {
    let stride = side + 2;
    let rows = own.len() / side;
    let step = params.step;
    let mut running = [NONE; 64];
    let mut most = [[NONE; 64]; ELEMENT];
    for from in (0..side).step_by(64) {
        let width = (side - from).min(64);
        let running = &mut running[..width];
        running.fill(NONE);
        for row in 0..rows {
            let own = &own[row * side + from..][..width];
            for ((most, running), z) in most[row].iter_mut().zip(&mut *running).zip(own) {
                *running = (*running).max(*z);
                *most = *running;
            }
        }
        running.fill(NONE);
        for row in (0..ELEMENT).rev() {
            if row < rows {
                let lowest = &lowest[row * side + from..][..width];
                let opened = &mut opened[row * stride + 1 + from..][..width];
                let sides = most[row].iter().zip(&*running);
                for ((ground, z), (most, running)) in opened.iter_mut().zip(lowest).zip(sides) {
                    let opening = (*most).max(*running);
                    let low = z.wrapping_sub(opening) <= step;
                    let is_ground = low & (opening != NONE) & (*z != UNSEEN);
                    *ground = if is_ground { *z } else { opening };
                }
            }
            if let Some(previous) = previous.get(row * side + from..row * side + from + width) {
                for (running, z) in running.iter_mut().zip(previous) {
                    *running = (*running).max(*z);
                }
            }
        }
    }
}

/// Evens out a row of the coarse ground, and raises it from the cells' lowest
/// places to their middles.
#[multiversion(targets("x86_64+avx2"))]
fn smooth(params: &Params, rows: [&[i32]; 3], smoothed: &mut [i32]) {
    let n = smoothed.len();
    let [below, own, above] = rows.map(|row| &row[..n + 2]);
    let smoothing = params.smoothing;
    for i in 0..n {
        let around = [
            below[i],
            below[i + 1],
            below[i + 2],
            own[i],
            own[i + 2],
            above[i],
            above[i + 1],
            above[i + 2],
        ];
        let mut least = UNSEEN;
        for q in around {
            least = least.min(if q == NONE { UNSEEN } else { q });
        }
        let centre = own[i + 1];
        let is_pit = (least != UNSEEN) & (centre < least.wrapping_sub(PIT));
        let z = if is_pit { least } else { centre };
        let around = around.map(|q| if q == NONE { z } else { q });
        let mut sum = 0i32;
        for q in around {
            let over = q.wrapping_sub(z);
            sum = sum.wrapping_add(over.max(smoothing.wrapping_neg()).min(smoothing));
        }
        let tilt = |a: i32, b: i32| a.wrapping_sub(b).wrapping_abs().min(2 * smoothing);
        let tilt = tilt(around[4], around[3]) + tilt(around[6], around[1]);
        // A ninth of the sum.
        let mean = sum.wrapping_mul(7282).wrapping_add(32_768) >> 16;
        let even = z.wrapping_add(mean).wrapping_add(tilt >> 3);
        smoothed[i] = if centre == NONE { NONE } else { even };
    }
}

/// The ground of the window's cells within a row of coarse ones, bilinear
/// between the middles of coarse cells.
#[multiversion(targets("x86_64+avx2"))]
fn interpolate(params: &Params, rows: [&[i32]; 3], ground: &mut [i32]) {
    const WIDTH: usize = 64;
    let part = 1usize << params.shift;
    let whole = 2 * part as i32;
    let bits = 2 * params.shift + 2;
    let side = params.window.side as usize;
    let n = params.coarse_side();
    let [below, own, above] = rows.map(|row| &row[..n + 2]);
    // Cells of a row that have the same place in their coarse cells.
    let mut alike = [[0; WIDTH]; 1 << Params::MAX_SHIFT];
    for (j, ground) in ground.chunks_exact_mut(side).enumerate() {
        // From the middle of the coarse cell, in halves of a cell.
        let v = (2 * j + 1) as i32 - part as i32;
        let b = v.abs();
        let beside = if v > 0 { above } else { below };
        for (block, ground) in ground.chunks_mut(WIDTH * part).enumerate() {
            let first = block * WIDTH;
            let width = ground.len() / part;
            for (i, alike) in alike[..part].iter_mut().enumerate() {
                let u = (2 * i + 1) as i32 - part as i32;
                let a = u.abs();
                let aside = first + usize::from(u > 0) * 2;
                let weights = [a * (whole - b), (whole - a) * b, a * b];
                let along = &own[aside..][..width];
                let across = &beside[aside..][..width];
                let own = &own[first + 1..][..width];
                let beside = &beside[first + 1..][..width];
                let alike = &mut alike[..width];
                for k in 0..width {
                    let z = own[k];
                    let over = |q: i32, weight: i32| {
                        let over = q.wrapping_sub(z).clamp(-STEEPEST, STEEPEST);
                        weight.wrapping_mul(if q == NONE { 0 } else { over })
                    };
                    let sum = over(along[k], weights[0])
                        .wrapping_add(over(beside[k], weights[1]))
                        .wrapping_add(over(across[k], weights[2]));
                    let even = z.wrapping_add(sum.wrapping_add(1 << (bits - 1)) >> bits);
                    alike[k] = if z == NONE { NONE } else { even };
                }
            }
            if let [left, right] = &alike[..part] {
                let halves = left.iter().zip(right);
                for (cells, (left, right)) in ground.chunks_exact_mut(2).zip(halves) {
                    cells[0] = *left;
                    cells[1] = *right;
                }
            } else {
                for (k, cells) in ground.chunks_exact_mut(part).enumerate() {
                    for (cell, alike) in cells.iter_mut().zip(&alike) {
                        *cell = alike[k];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(points: usize) -> Params {
        let rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let pose = Transform::new(rotation, [0.0; 3]).expect("is rigid");
        Params::new(Window::about([0; 2], 256, 200), &pose, points as u32)
    }

    /// The heights of returns, and the ground at a place.
    fn run(fused: &[Fused], at: [i32; 2]) -> (Vec<i32>, i32) {
        let params = params(fused.len());
        let index = |x, y| params.window.index(x, y);
        let cells: Vec<u32> = fused.iter().map(|p| index(p[0], p[1])).collect();
        let mut twin = Twin::default();
        twin.run(&params, fused, &cells);
        let ground = twin.ground[index(at[0], at[1]) as usize];
        (twin.heights, ground)
    }

    /// Returns from a surface, every 100 mm to 20 m around, of which a place
    /// may have none.
    fn surface(height: impl Fn(i32, i32) -> Option<i32>) -> Vec<Fused> {
        let across = || (-200..=200).map(|i| i * 100 + 50);
        let places = across().flat_map(|y| across().map(move |x| (x, y)));
        places
            .filter_map(|(x, y)| height(x, y).map(|z| [x, y, z, 0]))
            .collect()
    }

    #[test]
    fn a_slope_is_ground_to_a_few_millimetres() {
        let fused = surface(|x, _| Some(x * 15 / 100));
        let (heights, ground) = run(&fused, [10_100, 4_100]);
        assert!((ground - 1_515).abs() <= 40, "{ground}");
        // Near the edge the neighbours are missing.
        let inside = fused
            .iter()
            .zip(&heights)
            .filter(|(p, _)| p[0].abs() < 15_000 && p[1].abs() < 15_000);
        for (p, height) in inside {
            assert!(height.abs() <= 60, "{p:?} {height}");
        }
    }

    #[test]
    fn a_lorry_is_no_ground_but_a_kerb_is() {
        let lorry = |x: i32, y: i32| (4_000..12_000).contains(&x) && (2_500..5_000).contains(&y);
        let fused = surface(|x, y| match (lorry(x, y), y < -3_000) {
            (true, _) => Some(3_500),
            (_, kerb) => Some(if kerb { 150 } else { 0 }),
        });
        let (heights, ground) = run(&fused, [8_100, 3_700]);
        assert!((-20..=60).contains(&ground), "{ground}");
        for (p, height) in fused.iter().zip(&heights) {
            let on_ground = *height <= Params::TOLERANCE;
            assert_eq!(on_ground, p[2] < 3_500, "{p:?} {height}");
        }
    }

    #[test]
    fn a_wall_of_which_only_the_top_is_seen_is_no_ground() {
        // At 6 m from the vehicle on, behind something that hides its foot.
        let fused = surface(|x, y| match x {
            ..=2_000 => Some(0),
            8_000..8_400 if y.abs() < 15_000 => Some(2_500),
            _ => None,
        });
        let (heights, ground) = run(&fused, [8_100, 0]);
        assert_eq!(ground, NONE);
        let wall = fused.iter().zip(&heights).filter(|(p, _)| p[2] > 0);
        assert!(wall.clone().count() > 1_000);
        for (p, height) in wall {
            assert_eq!(*height, NONE, "{p:?}");
        }
    }

    #[test]
    fn a_reflection_below_the_ground_leaves_it_where_it_is() {
        let deep = |x: i32, y: i32| x == 6_050 && y == 6_050;
        let fused = surface(|x, y| Some(if deep(x, y) { -1_000 } else { 0 }));
        for at in [[6_050, 6_050], [6_450, 6_050], [9_000, 6_050]] {
            let (_, ground) = run(&fused, at);
            assert!((-30..=30).contains(&ground), "{at:?} {ground}");
        }
    }

    #[test]
    fn holes_are_filled_and_the_far_is_unknown() {
        let fused = surface(|x, y| (x.abs().max(y.abs()) > 4_000 && x < 12_000).then_some(-20));
        for (at, known) in [([2_500, 0], true), ([0, 0], true), ([24_000, 0], false)] {
            let (_, ground) = run(&fused, at);
            assert_eq!(ground != NONE, known, "{at:?}");
            assert!(!known || ground.abs() <= 60, "{at:?} {ground}");
        }
    }

    #[test]
    fn without_returns_only_the_vehicle_tells_the_ground() {
        let (heights, ground) = run(&[], [0, 0]);
        assert!(heights.is_empty());
        assert_eq!(ground, 0);
    }
}
