//! Where objects may be: for each time step a layer of cells, and in each cell
//! the greatest weight of the footprints that touch it.
//!
//! A footprint is a rectangle that is turned. It touches a cell, a square, if
//! no line parallel to a side of either parts them (the separating axis
//! theorem; Gottschalk, Lin and Manocha, "OBBTree: A Hierarchical Structure for
//! Rapid Interference Detection", 1996). Headings are rounded to Q2.14 and half
//! sides are at most 25 m, so that every product and sum fits 32 bits; what
//! rounding may take is added to the sides. A cell that is touched is never
//! left out, and one that is farther than 10 mm from all footprints is never
//! taken in.
//!
//! The greatest weight counts and not the sum of all: the ways that one object
//! may go exclude each other, so that a sum could say more than that it is
//! there; and a footprint that is given twice changes nothing. Neither depends
//! on the order.
//!
//! Each tile of 16 × 16 cells has a list of the footprints that may touch it,
//! so that a cell looks at few (Olsson and Assarsson, "Tiled Shading", 2011).
//!
//! Work: per footprint 48 bytes in, 48 out, and an atomic addition and 4 bytes
//! for each tile; per 16 cells 16 bytes out, and 52 in for each footprint of
//! their tile.

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fixed::floor_div;
use crate::kernel::Kernel;
use crate::window::Window;

/// The WGSL program.
pub const SOURCE: &str = concat!(
    include_str!("common/fixed.wgsl"),
    include_str!("common/window.wgsl"),
    include_str!("forecast.wgsl")
);

/// Footprints that a tile of 16 × 16 cells of a layer can have. More are an
/// overflow, after which the layers mean nothing.
pub const CAPACITY: usize = 128;

/// The largest half length or width of a footprint with its margin, mm.
pub const LARGEST: i32 = 25_000;

/// One, as a heading has it.
pub const ONE: i32 = 1 << 14;

/// Cells along a side of a tile.
const TILE: usize = Window::STEP as usize;

/// What `fill` asks of a footprint takes so much.
const BOUNDS_BYTES: u64 = 48;

/// Where the cells are, and how much there is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// Where the cells are.
    pub window: Window,
    /// Number of time steps.
    pub layers: u32,
    /// Number of footprints.
    pub footprints: u32,
}

/// Layers of a forecast that no device need hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a forecast of {layers} layers of {side} × {side} cells and {footprints} footprints: expected \
     1 to {} cells and at most {} footprints",
    Params::MAX_CELLS,
    Params::MAX_FOOTPRINTS
)]
pub struct TooLarge {
    /// Number of time steps.
    pub layers: u32,
    /// Cells along a side.
    pub side: u32,
    /// Number of footprints.
    pub footprints: usize,
}

impl Params {
    /// The greatest number of cells of all layers: what one dispatch writes,
    /// 16 cells an invocation.
    pub const MAX_CELLS: u64 = Kernel::MAX_WORKGROUPS as u64 * 64 * 16;

    /// The greatest number of footprints: what one dispatch lists and one buffer
    /// of 128 MiB holds, which is all that a device need bind.
    pub const MAX_FOOTPRINTS: usize = {
        let listed = Kernel::MAX_WORKGROUPS as usize * 64;
        let bound = (128 << 20) / size_of::<Footprint>();
        if listed < bound { listed } else { bound }
    };

    /// So many time steps of a window.
    ///
    /// # Errors
    /// [`TooLarge`] if there are no cells, too many, or too many footprints.
    pub fn new(window: Window, layers: u32, footprints: usize) -> Result<Self, TooLarge> {
        let cells = u64::from(layers).checked_mul(window.cells() as u64);
        let fits = cells.is_some_and(|cells| (1..=Self::MAX_CELLS).contains(&cells));
        if !fits || footprints > Self::MAX_FOOTPRINTS {
            return Err(TooLarge {
                layers,
                side: window.side,
                footprints,
            });
        }
        Ok(Self {
            window,
            layers,
            footprints: footprints as u32,
        })
    }
}

/// Where an object may be at a time.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Footprint {
    /// Of its middle in odom, mm.
    pub centre: [i32; 2],
    /// Cosine and sine of the direction of its length, Q2.14.
    pub heading: [i32; 2],
    /// Half its length and width, mm.
    pub half: [i32; 2],
    /// How much farther it may reach to either side, along its length and its
    /// width, mm.
    pub margin: [i32; 2],
    /// Index of the time step.
    pub layer: u32,
    /// What its cells are worth at least: 0 to 255.
    pub weight: u32,
    /// The same for cells that only its margin touches.
    pub margin_weight: u32,
    /// Unused.
    pub pad: u32,
}

impl Footprint {
    /// Rounds the place of the middle, the length and width, and how much
    /// farther it may reach to either side of each, m, so that nothing is left
    /// out; `None` if a number is none, is negative where that makes no sense,
    /// or is larger than [`LARGEST`] or 1,000 km from the origin.
    pub fn new(centre: [f64; 2], yaw: f64, size: [f64; 2], margin: [f64; 2]) -> Option<Self> {
        let near = centre.iter().all(|c| c.abs() <= 1e6) && yaw.is_finite();
        let sides = size
            .iter()
            .chain(&margin)
            .all(|side| (0.0..1e3).contains(side));
        if !near || !sides {
            return None;
        }
        let footprint = Self {
            centre: centre.map(|c| (c * 1e3).round() as i32),
            heading: [yaw.cos(), yaw.sin()].map(|e| (e * f64::from(ONE)).round() as i32),
            // One more for the rounding of the centre.
            half: size.map(|side| (side * 500.0).ceil() as i32 + 1),
            margin: margin.map(|side| (side * 1e3).ceil() as i32),
            layer: 0,
            weight: 0,
            margin_weight: 0,
            pad: 0,
        };
        let fits = (0..2).all(|i| footprint.half[i] + footprint.margin[i] <= LARGEST);
        fits.then_some(footprint)
    }

    /// The same at a time step, with weights for its cells and those of its
    /// margin.
    pub fn at(self, layer: u32, weight: u8, margin_weight: u8) -> Self {
        Self {
            layer,
            weight: weight.into(),
            margin_weight: margin_weight.into(),
            ..self
        }
    }
}

/// What went wrong.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Status {
    /// Footprints that are none: of no heading, of a negative or too large
    /// side, of a layer that is not there, or of a weight above 255. They are
    /// left out.
    pub invalid: u32,
    /// How often a tile had no room for a footprint: above zero, the layers
    /// mean nothing.
    pub overflow: u32,
}

/// The compiled kernels.
#[derive(Debug)]
pub struct Pipeline {
    list: Kernel,
    fill: Kernel,
}

/// The layers on a device.
#[derive(Debug)]
pub struct Bound {
    params: Buffer,
    footprints: Buffer,
    counts: Buffer,
    /// A [`Status`].
    pub status: Buffer,
    /// Weights, layer by layer in the window's order: a byte a cell.
    pub layers: Buffer,
    list: BindGroup,
    fill: BindGroup,
}

impl Pipeline {
    /// Compiles the kernels.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry| Kernel::new(context, entry, SOURCE, 64);
        Self {
            list: kernel("list"),
            fill: kernel("fill"),
        }
    }

    /// Room for as many layers, cells and footprints as `params` has.
    pub fn bind(&self, context: &Context, params: &Params) -> Bound {
        let storage = |label, bytes: u64| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, bytes, usage)
        };
        let cells = u64::from(params.layers) * params.window.cells() as u64;
        let tiles = cells / (TILE * TILE) as u64;
        let room = u64::from(params.footprints.max(1));
        let uniform = BufferUsages::UNIFORM;
        let uniform = context.buffer("forecast params", size_of::<Params>() as u64, uniform);
        let footprints = storage("footprints", room * size_of::<Footprint>() as u64);
        let bounds = storage("bounds", room * BOUNDS_BYTES);
        let counts = storage("footprints of tiles", tiles * 4);
        let lists = storage("lists of tiles", tiles * CAPACITY as u64 * 4);
        let status = storage("forecast status", size_of::<Status>() as u64);
        let layers = storage("forecast", cells);
        Bound {
            list: self.list.bind(
                context,
                &[
                    (0, &uniform),
                    (1, &footprints),
                    (2, &bounds),
                    (3, &counts),
                    (4, &lists),
                    (5, &status),
                ],
            ),
            fill: self.fill.bind(
                context,
                &[
                    (0, &uniform),
                    (6, &bounds),
                    (7, &counts),
                    (8, &lists),
                    (9, &layers),
                ],
            ),
            params: uniform,
            footprints,
            counts,
            status,
            layers,
        }
    }

    /// Fills the layers.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        encoder.clear_buffer(&bound.counts, 0, None);
        encoder.clear_buffer(&bound.status, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("forecast"),
            timestamp_writes: clock,
        });
        let strips = params.window.cells() as u32 / TILE as u32 * params.layers;
        self.list
            .dispatch(&mut pass, &bound.list, params.footprints);
        self.fill.dispatch(&mut pass, &bound.fill, strips);
    }
}

impl Bound {
    /// Uploads what a frame needs: as many footprints as `params` says, and of
    /// them and of the layers no more than there is room for.
    ///
    /// # Panics
    /// If `params` says another number of footprints.
    pub fn write(&self, queue: &Queue, params: &Params, footprints: &[Footprint]) {
        assert_eq!(footprints.len(), params.footprints as usize);
        queue.write_buffer(&self.params, 0, bytes_of(params));
        queue.write_buffer(&self.footprints, 0, cast_slice(footprints));
    }
}

/// What is asked of a footprint.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    layer: usize,
    /// What twice the offset of the centre of the cell (0, 0) from that of the
    /// footprint is, mm.
    offset: [i32; 2],
    heading: [i32; 2],
    /// With the margin, and without.
    areas: [Area; 2],
}

/// The cells that a rectangle may touch, and what they are worth.
#[derive(Clone, Copy, Debug)]
struct Area {
    /// The first, and one after the last.
    columns: [i32; 2],
    rows: [i32; 2],
    /// How far a cell's centre may be from the middle along the length and the
    /// width, twice as many mm in Q.14.
    reach: [i32; 2],
    weight: u8,
}

impl Footprint {
    fn is_valid(&self, layers: u32) -> bool {
        let sides = self.half.iter().chain(&self.margin);
        let [cos, sin] = self.heading;
        let whole = -ONE..=ONE;
        whole.contains(&cos)
            && whole.contains(&sin)
            && (cos * cos + sin * sin - ONE * ONE).abs() <= 2 * ONE
            && sides.into_iter().all(|side| (0..=LARGEST).contains(side))
            && (0..2).all(|i| self.half[i] + self.margin[i] <= LARGEST)
            && self.layer < layers
            && self.weight.max(self.margin_weight) < 256
    }

    /// `None` where it is far from all cells.
    fn bounds(&self, params: &Params) -> Option<Bounds> {
        let Window {
            origin,
            side,
            cell_mm,
        } = params.window;
        let place: [i32; 2] =
            [0, 1].map(|i| self.centre[i].wrapping_sub(origin[i].wrapping_mul(cell_mm)));
        let far = side as i32 * cell_mm + 2 * LARGEST;
        if place.iter().any(|p| !(-2 * LARGEST..=far).contains(p)) {
            return None;
        }
        let outer = [0, 1].map(|i| self.half[i] + self.margin[i]);
        Some(Bounds {
            layer: self.layer as usize,
            offset: place.map(|p| cell_mm - 2 * p),
            heading: self.heading,
            areas: [
                Area::new(
                    &params.window,
                    place,
                    self.heading,
                    outer,
                    self.margin_weight,
                ),
                Area::new(&params.window, place, self.heading, self.half, self.weight),
            ],
        })
    }
}

impl Area {
    fn new(
        window: &Window,
        place: [i32; 2],
        heading: [i32; 2],
        [length, width]: [i32; 2],
        weight: u32,
    ) -> Self {
        let [cos, sin] = heading.map(i32::abs);
        let rounding = (length + width + 1) / 2 + ONE - 1;
        let extent = [
            (cos * length + sin * width + rounding) >> 14,
            (sin * length + cos * width + rounding) >> 14,
        ];
        let cell = window.cell_mm;
        let [columns, rows] = [0, 1].map(|i| {
            let side = window.side as i32;
            let first = floor_div(place[i] - extent[i] - 1, cell);
            let end = floor_div(place[i] + extent[i], cell) + 1;
            [first.clamp(0, side), end.clamp(0, side)]
        });
        let rounding = extent[0] + extent[1] + 2 * cell + 2;
        let reach = [length, width].map(|half| 2 * ONE * half + (cos + sin) * cell + rounding);
        Self {
            columns,
            rows,
            reach,
            weight: weight as u8,
        }
    }
}

impl Bounds {
    /// Raises the cells of a row that this touches.
    fn draw(&self, window: &Window, row: i32, cells: &mut [u8]) {
        let step = 2 * window.cell_mm;
        for area in &self.areas {
            let [first, end] = area.columns;
            if (area.rows[0]..area.rows[1]).contains(&row) && first < end {
                let x = self.offset[0] + first * step;
                let y = self.offset[1] + row * step;
                let [cos, sin] = self.heading;
                let line = Line {
                    along: [cos * x + sin * y, cos * step],
                    across: [cos * y - sin * x, -sin * step],
                };
                draw(line, area, &mut cells[first as usize..end as usize]);
            }
        }
    }
}

/// Of the first of some cells in a row, and from each to the next.
#[derive(Clone, Copy)]
struct Line {
    along: [i32; 2],
    across: [i32; 2],
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn draw(line: Line, area: &Area, cells: &mut [u8]) {
    let [length, width] = area.reach;
    for (cell, i) in cells.iter_mut().zip(0i32..) {
        // The sums fit 32 bits, the products need not.
        let at = |[first, step]: [i32; 2]| first.wrapping_add(step.wrapping_mul(i));
        let (along, across) = (at(line.along), at(line.across));
        let is_hit = (along.abs() <= length) & (across.abs() <= width);
        *cell = (*cell).max(if is_hit { area.weight } else { 0 });
    }
}

/// The same on the CPU.
#[derive(Clone, Debug, Default)]
pub struct Twin {
    bounds: Vec<Bounds>,
    /// How many footprints each tile has.
    counts: Vec<u32>,
    /// Which each row of tiles has.
    lists: Vec<Vec<u32>>,
    layers: Vec<u8>,
}

impl Twin {
    /// Fills the layers.
    ///
    /// # Panics
    /// If `params` says another number of footprints.
    pub fn run(&mut self, params: &Params, footprints: &[Footprint]) -> Status {
        assert_eq!(footprints.len(), params.footprints as usize);
        let status = self.list(params, footprints);
        let side = params.window.side as usize;
        self.layers
            .resize(params.window.cells() * params.layers as usize, 0);
        let bounds = &self.bounds;
        self.layers
            .par_chunks_mut(side * TILE)
            .zip(&self.lists)
            .enumerate()
            .for_each(|(band, (cells, list))| {
                cells.fill(0);
                let first = (band * TILE % side) as i32;
                for &i in list {
                    let bounds = &bounds[i as usize];
                    let [from, to] = bounds.areas[0].rows;
                    for row in from.max(first)..to.min(first + TILE as i32) {
                        let at = (row - first) as usize * side;
                        bounds.draw(&params.window, row, &mut cells[at..at + side]);
                    }
                }
            });
        status
    }

    /// Tells each tile how many footprints may touch it.
    fn list(&mut self, params: &Params, footprints: &[Footprint]) -> Status {
        let tiles = params.window.side as usize / TILE;
        let bands = tiles * params.layers as usize;
        self.counts.clear();
        self.counts.resize(bands * tiles, 0);
        self.lists.iter_mut().for_each(Vec::clear);
        self.lists.resize_with(bands, Vec::new);
        self.bounds.clear();
        let mut status = Status::default();
        for footprint in footprints {
            if !footprint.is_valid(params.layers) {
                status.invalid += 1;
                continue;
            }
            let Some(bounds) = footprint.bounds(params) else {
                continue;
            };
            let Area { columns, rows, .. } = bounds.areas[0];
            if columns[0] >= columns[1] || rows[0] >= rows[1] {
                continue;
            }
            let in_tiles =
                |[first, end]: [i32; 2]| first as usize / TILE..=(end as usize - 1) / TILE;
            for row in in_tiles(rows) {
                let band = bounds.layer * tiles + row;
                self.lists[band].push(self.bounds.len() as u32);
                for column in in_tiles(columns) {
                    let count = &mut self.counts[band * tiles + column];
                    status.overflow += u32::from(*count >= CAPACITY as u32);
                    *count += 1;
                }
            }
            self.bounds.push(bounds);
        }
        status
    }

    /// Weights, layer by layer in the window's order.
    pub fn layers(&self) -> &[u8] {
        &self.layers
    }
}
