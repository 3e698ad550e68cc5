//! Connected components of what stands on the ground.
//!
//! Two cells in which something stands belong together if they are within
//! reach of each other. The reach grows with the distance from the vehicle, as
//! the gaps between returns do (Borges and Aldon, "Line extraction in 2D range
//! images for mobile robotics", 2004); it is one for the cells of a strip, 16
//! along a row, and that of the strip that comes first in the window counts.
//! Components are found without iteration: trees of cells are joined at their
//! roots by an atomic minimum, whatever the order, and then flattened (Komura,
//! "GPU-based cluster-labeling algorithm without the use of conventional
//! iteration", 2015; Playne and Hawick, "A new algorithm for parallel
//! connected-component labelling on GPUs", 2018). Nodes are runs of cells, as
//! in He, Chao and Suzuki, "A run-based two-scan labeling algorithm", 2008.
//!
//! The root of a component is its cell of the least index, and clusters are
//! numbered in the order of their roots.
//!
//! Work: per point 8 bytes in twice and 4 out, and for those that stand on the
//! ground 16 more in; of four that follow each other the sides of a box for
//! each cluster; per strip 80 bytes to clear, and where something stands the
//! strips within reach, at most 48.
//!
//! On the synthetic scenarios, in cells of 200 mm, a reach of 200 mm and 20 mm
//! more a metre finds most objects as one cluster of their own: less splits
//! cars seen along their sides, more takes people to the walls behind them.
//! Finer cells, or a rule for heights between cells, gained nothing.

use std::sync::atomic::{AtomicU32, Ordering};

use bytemuck::{Pod, Zeroable};
use multiversion::multiversion;
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fixed::floor_div;
use crate::fuse::Fused;
use crate::kernel::Kernel;
use crate::window::Window;

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/fixed.wgsl"),
    include_str!("common/window.wgsl"),
    include_str!("cluster.wgsl")
);

/// The height of a point over ground that is not known.
pub const NONE: i32 = i32::MIN;

/// Label of a point that was dropped, of one outside of the window or where
/// the ground is not known, of one that hangs above the vehicle, and of one in
/// a cluster of too few points.
pub const UNLABELLED: u32 = 0;

/// Label of a point on the ground.
pub const GROUND: u32 = 1;

/// Label of the points of the first cluster.
pub const FIRST: u32 = 2;

/// The greatest number of clusters. More are an overflow, after which neither
/// labels nor clusters mean anything.
pub const CAPACITY: usize = 4096;

/// Cells of a row that have one reach.
const STRIP: u32 = 16;

/// Words of a strip on the GPU: its cells, its roots, an entry of a list, one
/// unused, and the counts of its cells.
const STRIP_WORDS: u64 = 4 + STRIP as u64;

/// So many invocations share what is listed.
const SHARES: u32 = 2048;

/// The farthest reach, cells.
const MAX_REACH: u32 = 15;

/// What stands on the ground, and what belongs together.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// Where the cells are.
    pub window: Window,
    /// The vehicle in odom, mm.
    pub position: [i32; 2],
    /// Number of points.
    pub points: u32,
    /// Points up to this height over ground are on it, mm.
    pub tolerance: i32,
    /// Points higher over ground than this hang above the vehicle, mm.
    pub clearance: i32,
    /// How far apart the centres of two cells are at most that belong
    /// together, at the vehicle, mm. Neighbours in a row or a column always
    /// do, cells more than 15 apart never.
    pub reach_mm: u32,
    /// How much more that is at a distance, mm a metre.
    pub reach_per_mille: u32,
    /// Clusters of fewer points are none.
    pub min_points: u32,
}

/// What belongs together.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Cluster {
    /// Least x, y and z of its points in odom, mm.
    pub min: [i32; 3],
    /// Number of its points.
    pub points: u32,
    /// Greatest x, y and z of its points in odom, mm.
    pub max: [i32; 3],
    /// Greatest height of its points over ground, mm.
    pub height: i32,
}

/// A cluster as eight numbers that are raised together: the complements of the
/// least x, y and z, the number of points, and what is greatest.
#[derive(Clone, Copy, Debug)]
struct Extent([i32; 8]);

impl Extent {
    /// That of no points.
    const EMPTY: Self = Self::of([i32::MIN; 8], 0);

    /// `points` points, of which the rest is in `raised`.
    #[inline(always)]
    const fn of(mut raised: [i32; 8], points: i32) -> Self {
        raised[3] = points;
        Self(raised)
    }

    /// Takes in a point.
    #[inline(always)]
    fn add(&mut self, [x, y, z, _]: Fused, height: i32) {
        const ONE: [i32; 8] = [0, 0, 0, 1, 0, 0, 0, 0];
        let point = [!x, !y, !z, 0, x, y, z, height];
        self.0 = std::array::from_fn(|i| self.0[i].max(point[i]) + ONE[i]);
    }

    fn merge(&mut self, other: &Self) {
        let points = self.0[3] + other.0[3];
        let most = std::array::from_fn(|i| self.0[i].max(other.0[i]));
        *self = Self::of(most, points);
    }

    fn cluster(&self) -> Cluster {
        let [x, y, z, points, max @ .., height] = self.0;
        Cluster {
            min: [!x, !y, !z],
            points: points as u32,
            max,
            height,
        }
    }
}

/// The kernels.
#[derive(Debug)]
pub struct Pipeline {
    mark: Kernel,
    link: Kernel,
    flatten: Kernel,
    choose: Kernel,
    number: Kernel,
    spread: Kernel,
    label: Kernel,
}

/// The kernels' buffers for so many points and cells.
#[derive(Debug)]
pub struct Bound {
    params: Buffer,
    strips: Buffer,
    tally: Buffer,
    /// A label for each point, `u32`.
    pub labels: Buffer,
    /// [`Cluster`]s, room for [`CAPACITY`].
    pub clusters: Buffer,
    mark: BindGroup,
    link: BindGroup,
    flatten: BindGroup,
    choose: BindGroup,
    number: BindGroup,
    spread: BindGroup,
    label: BindGroup,
}

impl Pipeline {
    /// Compiles the kernels.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry, workgroup| Kernel::new(context, entry, SOURCE, workgroup);
        Self {
            mark: kernel("mark", 256),
            link: kernel("link", 64),
            flatten: kernel("flatten", 64),
            choose: kernel("choose", 64),
            number: kernel("number", 64),
            spread: kernel("spread", 64),
            label: kernel("label", 256),
        }
    }

    /// Buffers for `points` points in windows of `side` × `side` cells, whose
    /// inputs are the points, the index of each one's cell, and its height
    /// over ground, mm.
    pub fn bind(
        &self,
        context: &Context,
        points: u32,
        side: u32,
        fused: &Buffer,
        cells: &Buffer,
        heights: &Buffer,
    ) -> Bound {
        let storage = |label, words: u64| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, 4 * words, usage)
        };
        let window = u64::from(side).pow(2);
        let params = context.buffer(
            "cluster params",
            size_of::<Params>() as u64,
            BufferUsages::UNIFORM,
        );
        let strips = storage("strips", window / u64::from(STRIP) * STRIP_WORDS);
        let parents = storage("parents", window);
        let tally = storage("tally", 2 + CAPACITY as u64);
        let labels = storage("labels", u64::from(points).max(1).next_multiple_of(4));
        let clusters = storage("clusters", (CAPACITY * size_of::<Cluster>() / 4) as u64);
        let all = [
            &params, fused, cells, heights, &strips, &parents, &tally, &labels, &clusters,
        ];
        let bind = |kernel: &Kernel, bindings: &[u32]| {
            let buffers: Vec<_> = bindings.iter().map(|&b| (b, all[b as usize])).collect();
            kernel.bind(context, &buffers)
        };
        Bound {
            mark: bind(&self.mark, &[0, 2, 3, 4, 5, 6]),
            link: bind(&self.link, &[0, 4, 5, 6]),
            flatten: bind(&self.flatten, &[4, 5, 6]),
            choose: bind(&self.choose, &[0, 4, 6]),
            number: bind(&self.number, &[4, 6, 8]),
            spread: bind(&self.spread, &[4, 5, 6]),
            label: bind(&self.label, &[0, 1, 2, 3, 5, 6, 7, 8]),
            params,
            strips,
            tally,
            labels,
            clusters,
        }
    }

    /// Encodes one run, all in one compute pass.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        encoder.clear_buffer(&bound.strips, 0, None);
        encoder.clear_buffer(&bound.tally, 0, Some(8));
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("cluster"),
            timestamp_writes: clock,
        });
        let points = params.points.div_ceil(4);
        self.mark.dispatch(&mut pass, &bound.mark, points);
        self.link.dispatch(&mut pass, &bound.link, SHARES);
        self.flatten.dispatch(&mut pass, &bound.flatten, SHARES);
        self.choose.dispatch(&mut pass, &bound.choose, SHARES);
        self.number.dispatch(&mut pass, &bound.number, SHARES);
        self.spread.dispatch(&mut pass, &bound.spread, SHARES);
        self.label.dispatch(&mut pass, &bound.label, points);
    }
}

impl Bound {
    /// A buffer, and where in it, in bytes, the number of clusters that were
    /// found is, a `u32`. More than [`CAPACITY`] are an overflow.
    pub fn found(&self) -> (&Buffer, u64) {
        (&self.tally, 4)
    }

    /// Uploads what a run needs.
    pub fn write(&self, queue: &Queue, params: &Params) {
        queue.write_buffer(&self.params, 0, bytemuck::bytes_of(params));
    }
}

/// The same on the CPU.
#[derive(Debug, Default)]
pub struct Twin {
    /// A label for each point.
    pub labels: Vec<u32>,
    /// The clusters, in the order of their labels.
    pub clusters: Vec<Cluster>,
    /// The cells of each strip in which something stands.
    strips: Vec<AtomicU32>,
    /// Of each run of cells, a run of the same component that comes earlier,
    /// or itself; a run goes by its first cell.
    parents: Vec<u32>,
    /// Component by cell.
    components: Vec<u32>,
    /// Components as each part of the points has them.
    parts: Vec<Vec<Extent>>,
    /// Label by component.
    numbers: Vec<u32>,
}

impl Twin {
    /// Fills [`Twin::labels`] and [`Twin::clusters`] and returns the number of
    /// clusters that were found. More than [`CAPACITY`] are an overflow, and
    /// then both are left empty. `cells` and `heights` are the index of each
    /// point's cell and its height over ground, mm.
    pub fn run(
        &mut self,
        params: &Params,
        fused: &[Fused],
        cells: &[u32],
        heights: &[i32],
    ) -> usize {
        let window = params.window.cells();
        self.strips
            .resize_with(window / STRIP as usize, Default::default);
        self.parents.resize(window, 0);
        self.components.resize(window, 0);

        let chunk = fused.len().div_ceil(rayon::current_num_threads()).max(4096);
        self.mark(params, chunk, cells, heights);
        self.link(params);
        let components = self.flatten();
        self.label(params, chunk, components, (fused, cells, heights))
    }

    /// Finds the cells in which something stands.
    fn mark(&mut self, params: &Params, chunk: usize, cells: &[u32], heights: &[i32]) {
        for strip in &mut self.strips {
            *strip.get_mut() = 0;
        }
        let strips = &self.strips;
        let points = cells.par_chunks(chunk).zip(heights.par_chunks(chunk));
        points.for_each(|(cells, heights)| {
            for (cell, height) in cells.iter().zip(heights) {
                let strip = strips.get((cell / STRIP) as usize);
                let bit = 1 << (cell % STRIP);
                // Bits are only ever set here, so the order of the threads
                // does not tell.
                if let Some(strip) = strip
                    && stands(params, *height)
                    && strip.load(Ordering::Relaxed) & bit == 0
                {
                    strip.fetch_or(bit, Ordering::Relaxed);
                }
            }
        });
    }

    /// Joins the runs of cells within reach of each other.
    fn link(&mut self, params: &Params) {
        let across = (params.window.side / STRIP) as usize;
        let strips = &self.strips;
        let strip_at = |index: usize| strips[index].load(Ordering::Relaxed);
        for index in 0..strips.len() {
            for (first, _) in runs(strip_at(index)) {
                let start = index as u32 * STRIP + first;
                self.parents[start as usize] = start;
            }
        }
        for index in 0..strips.len() {
            let strip = strip_at(index);
            if strip == 0 {
                continue;
            }
            let (row, place) = (index / across, index % across);
            let reach = reach_squared(params, row, place);
            let mut width = MAX_REACH;
            for dy in 0..=MAX_REACH {
                if dy * dy > reach || row + dy as usize >= params.window.side as usize {
                    break;
                }
                while width * width > reach - dy * dy {
                    width -= 1;
                }
                // The strips before, at and after this place, side by side.
                let at = index + dy as usize * across;
                let mut there = u64::from(strip_at(at)) << STRIP;
                if place > 0 {
                    there |= u64::from(strip_at(at - 1));
                }
                if place + 1 < across {
                    there |= u64::from(strip_at(at + 1)) << (2 * STRIP);
                }
                if there == 0 {
                    continue;
                }
                let starts = there & !(there << 1 & !(1 << STRIP | 1 << (2 * STRIP)));
                let base = at as u32 * STRIP;
                for (first, end) in runs(strip) {
                    let from = if dy == 0 {
                        STRIP + end
                    } else {
                        STRIP + first - width
                    };
                    let end = STRIP + end + width;
                    let mut found = there & (!0 << from) & !(!0 << end);
                    found &= !(found << 1);
                    while found != 0 {
                        let bit = found.trailing_zeros();
                        found &= found - 1;
                        let start = (starts & !(!1 << bit)).ilog2();
                        let here = index as u32 * STRIP + first;
                        join(&mut self.parents, here, base + start - STRIP);
                    }
                }
            }
        }
    }

    /// Takes every cell to its component; returns how many there are.
    fn flatten(&mut self) -> usize {
        let mut found = 0;
        for (index, strip) in self.strips.iter_mut().enumerate() {
            let base = index as u32 * STRIP;
            for (first, end) in runs(*strip.get_mut()) {
                let start = base + first;
                let parent = self.parents[start as usize];
                // A parent comes earlier, and has its component already.
                let component = if parent == start {
                    found += 1;
                    found - 1
                } else {
                    self.components[parent as usize]
                };
                self.components[start as usize..(base + end) as usize].fill(component);
            }
        }
        found as usize
    }

    /// Labels the points and measures the clusters; returns how many there
    /// are.
    fn label(
        &mut self,
        params: &Params,
        chunk: usize,
        components: usize,
        (fused, cells, heights): (&[Fused], &[u32], &[i32]),
    ) -> usize {
        let component_of = &self.components;
        self.labels.resize(fused.len(), UNLABELLED);
        self.parts
            .resize_with(fused.len().div_ceil(chunk), Vec::new);
        (self.labels.par_chunks_mut(chunk))
            .zip(fused.par_chunks(chunk))
            .zip(cells.par_chunks(chunk).zip(heights.par_chunks(chunk)))
            .zip(&mut self.parts)
            .for_each(|(((labels, fused), (cells, heights)), part)| {
                part.clear();
                part.resize(components, Extent::EMPTY);
                measure(params, component_of, (fused, cells, heights), part, labels);
            });

        self.clusters.clear();
        self.numbers.clear();
        self.numbers.extend([UNLABELLED, GROUND]);
        let mut found = 0;
        for component in 0..components {
            let mut extent = Extent::EMPTY;
            for part in &self.parts {
                extent.merge(&part[component]);
            }
            let cluster = extent.cluster();
            if cluster.points < params.min_points {
                self.numbers.push(UNLABELLED);
                continue;
            }
            self.numbers.push(FIRST + found as u32);
            self.clusters.push(cluster);
            found += 1;
        }
        if found > CAPACITY {
            self.labels.clear();
            self.clusters.clear();
            return found;
        }
        let numbers = &self.numbers;
        self.labels.par_chunks_mut(chunk).for_each(|labels| {
            for label in labels {
                *label = numbers[*label as usize];
            }
        });
        found
    }
}

/// Gives points the labels that their components have if all are clusters, and
/// adds them to these.
#[multiversion(targets("x86_64+avx2"))]
fn measure(
    params: &Params,
    component_of: &[u32],
    (fused, cells, heights): (&[Fused], &[u32], &[i32]),
    components: &mut [Extent],
    labels: &mut [u32],
) {
    let points = fused.iter().zip(cells.iter().zip(heights));
    for (label, (p, (cell, height))) in labels.iter_mut().zip(points) {
        *label = match component_of.get(*cell as usize) {
            Some(component) if stands(params, *height) => {
                components[*component as usize].add(*p, *height);
                FIRST + component
            }
            Some(_) if *height <= params.tolerance && *height != NONE => GROUND,
            _ => UNLABELLED,
        };
    }
}

/// Whether a point at this height stands on the ground.
#[inline(always)]
fn stands(params: &Params, height: i32) -> bool {
    (height > params.tolerance) & (height <= params.clearance) & (height != NONE)
}

/// The runs of set bits in a strip, each from its first to the one after its
/// last.
#[inline(always)]
fn runs(mut strip: u32) -> impl Iterator<Item = (u32, u32)> {
    std::iter::from_fn(move || {
        let first = (strip != 0).then(|| strip.trailing_zeros())?;
        let end = first + (strip >> first).trailing_ones();
        strip &= !0 << end;
        Some((first, end))
    })
}

/// How far the cells of a strip reach, in cells, squared: at least to the
/// neighbours, at most to [`MAX_REACH`].
fn reach_squared(params: &Params, row: usize, place: usize) -> u32 {
    let Window {
        origin, cell_mm, ..
    } = params.window;
    let column = place as u32 * STRIP + STRIP / 2;
    let d = [(column, 0), (row as u32, 1)].map(|(offset, axis)| {
        let vehicle = floor_div(params.position[axis], cell_mm);
        let away = (origin[axis] + offset as i32).wrapping_sub(vehicle);
        away.clamp(-16_383, 16_383).unsigned_abs()
    });
    let cell = cell_mm as u32;
    let metres = (d[0] * d[0] + d[1] * d[1]).isqrt().wrapping_mul(cell) / 1000;
    let reach = params
        .reach_mm
        .wrapping_add(metres.wrapping_mul(params.reach_per_mille));
    let sixty_fourths = reach.min(MAX_REACH * cell) * 64 / cell;
    ((sixty_fourths * sixty_fourths) >> 12).max(1)
}

/// Joins two trees: the higher root gets the lower one as its parent.
#[inline]
fn join(parents: &mut [u32], first: u32, second: u32) {
    let (a, b) = (root(parents, first), root(parents, second));
    parents[a.max(b) as usize] = a.min(b);
}

/// The root of a tree. Halves the way to it, for those who come later.
#[inline]
fn root(parents: &mut [u32], mut run: u32) -> u32 {
    loop {
        let parent = parents[run as usize];
        if parent == run {
            return run;
        }
        let next = parents[parent as usize];
        parents[run as usize] = next;
        run = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(reach_mm: u32, reach_per_mille: u32) -> Params {
        Params {
            window: Window::about([0; 2], 64, 200),
            position: [0; 2],
            points: 0,
            tolerance: 200,
            clearance: 2_500,
            reach_mm,
            reach_per_mille,
            min_points: 1,
        }
    }

    /// What `places` with their heights over ground come to.
    fn run(params: &Params, places: &[[i32; 3]]) -> Twin {
        let fused: Vec<_> = places.iter().map(|[x, y, h]| [*x, *y, *h, 0]).collect();
        let cells: Vec<_> = (places.iter())
            .map(|[x, y, _]| params.window.index(*x, *y))
            .collect();
        let heights: Vec<_> = places.iter().map(|[_, _, h]| *h).collect();
        let mut twin = Twin::default();
        let found = twin.run(params, &fused, &cells, &heights);
        assert_eq!(found, twin.clusters.len());
        twin
    }

    /// Labels by comparing every cell with every other.
    fn naive(params: &Params, places: &[[i32; 3]]) -> Vec<u32> {
        let side = params.window.side;
        let cell_of = |[x, y, h]: [i32; 3]| {
            let cell = params.window.index(x, y);
            let stands = (params.tolerance + 1..=params.clearance).contains(&h);
            (stands && cell != Window::NOWHERE).then_some(cell)
        };
        let mut cells: Vec<_> = places.iter().filter_map(|place| cell_of(*place)).collect();
        cells.sort_unstable();
        cells.dedup();
        let mut components: Vec<usize> = (0..cells.len()).collect();
        for i in 0..cells.len() {
            let [x, y] = [cells[i] % side, cells[i] / side];
            let reach = reach_squared(params, y as usize, (x / STRIP) as usize);
            for j in i + 1..cells.len() {
                let d = [x.abs_diff(cells[j] % side), y.abs_diff(cells[j] / side)];
                if d[0] * d[0] + d[1] * d[1] <= reach {
                    let [a, b] = [components[i], components[j]];
                    for component in &mut components {
                        if *component == a.max(b) {
                            *component = a.min(b);
                        }
                    }
                }
            }
        }
        let component = |cell: u32| cells.binary_search(&cell).map(|i| components[i]).ok();
        let mut found: Vec<usize> = components.clone();
        found.sort_unstable();
        found.retain(|one| {
            let points = places.iter().filter_map(|place| cell_of(*place));
            let count = points.filter(|cell| component(*cell) == Some(*one)).count();
            count >= params.min_points as usize
        });
        found.dedup();
        (places.iter())
            .map(|place| {
                let number = cell_of(*place)
                    .and_then(component)
                    .map(|component| found.binary_search(&component));
                match number {
                    Some(Ok(number)) => FIRST + number as u32,
                    Some(Err(_)) => UNLABELLED,
                    None if params.window.index(place[0], place[1]) == Window::NOWHERE => {
                        UNLABELLED
                    }
                    None => u32::from(place[2] <= params.tolerance),
                }
            })
            .collect()
    }

    #[test]
    fn reach_grows_with_distance() {
        let params = Params {
            window: Window::about([0; 2], 512, 200),
            ..params(200, 20)
        };
        // Metres to the left, and what belongs together there.
        for (metres, reach_mm) in [(0, 200), (10, 400), (20, 600), (45, 1_000)] {
            let near = run(&params, &[[100, metres * 1_000 + 100, 900]; 2]);
            assert_eq!(near.clusters.len(), 1);
            for (apart, clusters) in [(reach_mm, 1), (reach_mm + 400, 2)] {
                let y = metres * 1_000 + 100;
                let both = run(&params, &[[100, y, 900], [100 + apart, y, 900]]);
                assert_eq!(both.clusters.len(), clusters, "{apart} mm at {metres} m");
            }
        }
    }

    #[test]
    fn clusters_are_measured() {
        let places = [
            [1_000, 2_000, 1_900],
            [1_150, 2_100, 400],
            [1_050, 1_950, 2_501],
            [1_050, 1_950, 150],
            [-3_000, -2_000, 500],
            [5_000, -2_000, 500],
            [5_100, -2_000, 500],
        ];
        let params = Params {
            min_points: 2,
            ..params(300, 0)
        };
        let twin = run(&params, &places);
        assert_eq!(twin.labels, [3, 3, UNLABELLED, GROUND, UNLABELLED, 2, 2]);
        let person = Cluster {
            min: [1_000, 2_000, 400],
            points: 2,
            max: [1_150, 2_100, 1_900],
            height: 1_900,
        };
        assert_eq!(twin.clusters[1], person);
    }

    proptest! {
        #[test]
        fn components_are_those_of_comparing_all(
            places in prop::collection::vec(
                [-7_000..7_000i32, -7_000..7_000i32, -100..2_700i32],
                0..300,
            ),
            reach_mm in 0..1_200u32,
            reach_per_mille in 0..200u32,
            min_points in 0..4u32,
        ) {
            let params = Params { min_points, ..params(reach_mm, reach_per_mille) };
            prop_assert_eq!(run(&params, &places).labels, naive(&params, &places));
        }
    }
}
