//! Distance from each cell of a window to the nearest occupied one.
//!
//! The squared Euclidean distance of grids separates: first each cell's
//! distance along its column, then for each cell the least over its row of
//! that squared plus the squared distance between the columns (Saito and
//! Toriwaki, "New algorithms for Euclidean distance transformation of an
//! n-dimensional digitized picture", 1994; Meijster et al., "A general
//! algorithm for computing distance transforms in linear time", 2000;
//! Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions",
//! 2012). The least over a row is not looked for by the linear algorithms of
//! the latter two, which take one cell after another, but for many cells at a
//! time in ever further columns, until these are too far to give less.
//!
//! Work: per cell 2 bytes of log-odds in, 4 bytes of distance out, two steps
//! along its column, and about as many steps along its row as columns are
//! nearer than the nearest occupied cell.

use bytemuck::{Pod, Zeroable, bytes_of};
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::kernel::Kernel;
use crate::window::Window;

/// The WGSL program.
pub const SOURCE: &str = include_str!("distance.wgsl");

/// The distance where no cell of the window is occupied.
pub const NONE: u32 = u32::MAX;

/// A distance along a column without an occupied cell, more than any other.
const FAR: i16 = 1 << 14;
const FAR_SQUARED: i32 = (FAR as i32).pow(2);

/// Columns that are measured together.
const STRIP: usize = 128;

/// Cells of a row that are measured together.
const BLOCK: usize = Window::STEP as usize;

/// How large the window is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// Cells along a side: a power of two from [`Window::STEP`] to
    /// [`Window::MAX_SIDE`].
    pub side: u32,
}

/// The compiled kernels.
#[derive(Debug)]
pub struct Pipeline {
    pack: Kernel,
    measure: Kernel,
    floors: Kernel,
    spread: Kernel,
}

/// The distances on a device.
#[derive(Debug)]
pub struct Bound {
    params: Buffer,
    rows: Buffer,
    /// Squared distances, cells², in the window's order: `u32`; [`NONE`] where
    /// there is none.
    pub distances: Buffer,
    pack: BindGroup,
    measure: BindGroup,
    floors: BindGroup,
    spread: BindGroup,
}

impl Pipeline {
    /// Compiles the kernels.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry, workgroup| Kernel::new(context, entry, SOURCE, workgroup);
        Self {
            pack: kernel("pack", 64),
            measure: kernel("measure", 64),
            floors: kernel("floors", 64),
            spread: kernel("spread", 256),
        }
    }

    /// Distances in a `grid` of `side` × `side` cells: log-odds of 16 bits in
    /// the window's order.
    pub fn bind(&self, context: &Context, side: u32, grid: &Buffer) -> Bound {
        let storage = |label, words: u32| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, u64::from(words) * 4, usage)
        };
        let bytes = size_of::<Params>() as u64;
        let params = context.buffer("distance params", bytes, BufferUsages::UNIFORM);
        let bands = side.div_ceil(32);
        let columns = storage("columns", bands * side);
        let rows = storage("rows", bands);
        let halves = storage("distances along columns", side * side / 2);
        let least = storage("least", bands * 32);
        let distances = storage("distances", side * side);
        Bound {
            pack: self.pack.bind(
                context,
                &[(0, &params), (1, grid), (2, &columns), (3, &rows)],
            ),
            measure: self
                .measure
                .bind(context, &[(0, &params), (2, &columns), (4, &halves)]),
            floors: self
                .floors
                .bind(context, &[(0, &params), (3, &rows), (5, &least)]),
            spread: self.spread.bind(
                context,
                &[(0, &params), (5, &least), (6, &halves), (7, &distances)],
            ),
            params,
            rows,
            distances,
        }
    }

    /// Measures the distances.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        let side = params.side;
        let bands = side.div_ceil(32);
        encoder.clear_buffer(&bound.rows, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("distance"),
            timestamp_writes: clock,
        });
        let words = side / 2 * bands;
        self.pack.dispatch(&mut pass, &bound.pack, words);
        self.measure.dispatch(&mut pass, &bound.measure, words);
        self.floors.dispatch(&mut pass, &bound.floors, side);
        self.spread
            .dispatch(&mut pass, &bound.spread, side * side / 4);
    }
}

impl Bound {
    /// Uploads what a frame needs.
    pub fn write(&self, queue: &Queue, params: &Params) {
        queue.write_buffer(&self.params, 0, bytes_of(params));
    }
}

/// The same on the CPU.
#[derive(Debug)]
pub struct Twin {
    side: usize,
    /// Distances along columns: strips of columns, each row-major.
    columns: Vec<i16>,
    /// Squares of a row, with as much room on both sides, for each band of
    /// rows.
    rows: Vec<Vec<i32>>,
    distances: Vec<u32>,
}

impl Twin {
    /// For windows of `side` × `side` cells.
    pub fn new(side: u32) -> Self {
        let side = side as usize;
        let bands = side.div_ceil(Self::BAND);
        Self {
            side,
            columns: vec![FAR; side * side],
            rows: vec![vec![FAR_SQUARED; 3 * side]; bands],
            distances: vec![NONE; side * side],
        }
    }

    /// Rows that are measured one after another.
    const BAND: usize = 16;

    /// Squared distances, cells², in the window's order, from its log-odds;
    /// [`NONE`] where there is none.
    pub fn run(&mut self, grid: &[i16]) -> &[u32] {
        let side = self.side;
        let strip = STRIP.min(side);
        self.columns
            .par_chunks_mut(strip * side)
            .enumerate()
            .for_each(|(i, columns)| measure(grid, side, i * strip, strip, columns));
        let columns = &self.columns[..];
        self.distances
            .par_chunks_mut(side * Self::BAND)
            .zip(&mut self.rows)
            .enumerate()
            .for_each(|(band, (distances, squares))| {
                for (i, distances) in distances.chunks_mut(side).enumerate() {
                    let row = band * Self::BAND + i;
                    let parts = columns
                        .chunks(strip * side)
                        .map(|columns| &columns[row * strip..][..strip]);
                    let inner = &mut squares[side..2 * side];
                    let least = inner
                        .chunks_mut(strip)
                        .zip(parts)
                        .map(|(squares, part)| square(part, squares))
                        .min();
                    spread(squares, least.unwrap_or(FAR_SQUARED), distances);
                }
            });
        &self.distances
    }
}

/// Distances along the columns of a strip, the first of which is the
/// `first`th. Row by row, so that the compiler can take several at once.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn measure(grid: &[i16], side: usize, first: usize, strip: usize, columns: &mut [i16]) {
    let mut before = [FAR; STRIP];
    for (grid, row) in grid.chunks(side).zip(columns.chunks_mut(strip)) {
        let cells = grid[first..first + strip].iter().zip(&mut before);
        for (distance, (&cell, before)) in row.iter_mut().zip(cells) {
            let next = (*before + 1).min(FAR);
            *before = if cell > 0 { 0 } else { next };
            *distance = *before;
        }
    }
    let mut after = [FAR; STRIP];
    for row in columns.chunks_mut(strip).rev() {
        for (distance, after) in row.iter_mut().zip(&mut after) {
            *after = (*after + 1).min(*distance);
            *distance = *after;
        }
    }
}

/// Squares of distances, and the least of them.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn square(distances: &[i16], squares: &mut [i32]) -> i32 {
    let mut least = FAR_SQUARED;
    for (square, &distance) in squares.iter_mut().zip(distances) {
        *square = i32::from(distance) * i32::from(distance);
        least = least.min(*square);
    }
    least
}

/// The least over a row for each of its cells. The row is in the middle of
/// `squares`, the least of which is given.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn spread(squares: &[i32], least: i32, distances: &mut [u32]) {
    /// Columns between two looks at whether further ones can give less.
    const STEPS: usize = 4;
    let side = distances.len();
    if least >= FAR_SQUARED {
        distances.fill(NONE);
        return;
    }
    for (block, distances) in distances.chunks_exact_mut(BLOCK).enumerate() {
        let at = side + block * BLOCK;
        let mut best = [0; BLOCK];
        best.copy_from_slice(&squares[at..at + BLOCK]);
        let mut off = 1;
        while off < side {
            let worst = best.iter().fold(0, |worst: i32, &b| worst.max(b));
            if worst <= (off * off) as i32 + least {
                break;
            }
            for off in off..off + STEPS {
                let (left, right) = (&squares[at - off..], &squares[at + off..]);
                let (left, right) = (&left[..BLOCK], &right[..BLOCK]);
                for i in 0..BLOCK {
                    best[i] = best[i].min((off * off) as i32 + left[i].min(right[i]));
                }
            }
            off += STEPS;
        }
        for (distance, best) in distances.iter_mut().zip(best) {
            *distance = best as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every cell against every occupied one.
    fn naive(side: usize, grid: &[i16]) -> Vec<u32> {
        let place = |i: usize| [(i % side) as i32, (i / side) as i32];
        let occupied: Vec<_> = (0..grid.len())
            .filter(|&i| grid[i] > 0)
            .map(place)
            .collect();
        (0..grid.len())
            .map(|i| {
                let [x, y] = place(i);
                let squares = occupied
                    .iter()
                    .map(|[u, v]| ((x - u).pow(2) + (y - v).pow(2)) as u32);
                squares.min().unwrap_or(NONE)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn is_the_least_over_all_cells(
            side in prop::sample::select(vec![16u32, 32, 64]),
            share in prop::sample::select(vec![0, 1, 30, 500, 20_000]),
            noise in prop::collection::vec(0..65_536u32, 64 * 64),
        ) {
            let cells = (side * side) as usize;
            let grid: Vec<i16> = noise[..cells]
                .iter()
                .map(|&n| if n < share { n as i16 + 1 } else { -(n as i16 & 0x7fff) })
                .collect();
            let mut twin = Twin::new(side);
            // Nothing is left of what was there before.
            twin.run(&vec![1; cells]);
            prop_assert_eq!(twin.run(&grid), naive(side as usize, &grid));
        }
    }

    #[test]
    fn reaches_from_corner_to_corner() {
        let side = 256;
        let mut grid = vec![i16::MIN; (side * side) as usize];
        grid[0] = 1;
        let distances = Twin::new(side).run(&grid).to_vec();
        let last = side - 1;
        assert_eq!(distances.last(), Some(&(2 * last * last)));
        assert_eq!(distances[last as usize], last * last);
        assert_eq!(distances[0], 0);
    }
}
