//! Voxels of a cloud: the centroid, the number and the greatest intensity of
//! the points in each cube of a grid (Rusu and Cousins, "3D is here: Point
//! Cloud Library (PCL)", 2011), in the order of the first point in each.
//!
//! The kernel hashes the indices of voxels into an open table (atomics and
//! linear probing after Alcantara et al., "Real-time parallel hashing on the
//! GPU", 2009), sums the points in its slots, and numbers these by a scan over
//! the points that came first. The twin has a table for each thread, and merges
//! them in the order of the points.
//!
//! Work: per point 16 bytes in, a division and a look into a table of 32 bytes
//! a voxel (the kernel: once for each run of points in one voxel, and up to six
//! atomics); per voxel 16 bytes out and three divisions.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;
use wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Queue,
};

use crate::context::Context;
use crate::fuse::{Fused, Outcome, outcome_of};
use crate::kernel::Kernel;
use crate::window::nearest;

/// The WGSL program.
pub const SOURCE: &str = include_str!("voxel.wgsl");

/// A voxel: the centroid of its points in odom (x, y, z in mm, each rounded to
/// the nearest, halves up, so that it lies in the voxel), and a word: bits
/// 0–15 the greatest intensity, 16–31 the number of points, at most
/// [`MAX_COUNT`].
pub type Voxel = [i32; 4];

/// The greatest number of points that a [`Voxel`] tells.
pub const MAX_COUNT: u32 = 65_535;

/// The greatest number of points in one run: the sum of so many offsets in a
/// voxel fits 32 bits.
pub const MAX_POINTS: u32 = 1 << 22;

/// The greatest number of voxels for which there can be room.
pub const MAX_VOXELS: u32 = 1 << 21;

/// The greatest number of segments in one run.
pub const MAX_SEGMENTS: usize = 32;

/// Voxels along a side of the box, at most.
pub const MAX_EXTENT: u32 = 1 << 20;

/// Sides of a voxel, mm.
pub const SIZES_MM: std::ops::RangeInclusive<i32> = 50..=1000;

/// The box lies so near to odom's origin, mm (1,073 km).
const FARTHEST: i64 = 1 << 30;

/// Why voxels cannot be made in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoxelError {
    /// The side of a voxel.
    #[error("the side of a voxel is {0} mm; it must be from 50 to 1000 mm")]
    Size(i32),
    /// The box's sides.
    #[error(
        "a box of {} × {} × {} voxels; each side must have from 1 to 1,048,576 \
         and all must be fewer than 4,294,967,295",
        .0[0], .0[1], .0[2]
    )]
    Extent([i64; 3]),
    /// The box's place.
    #[error("the box of voxels reaches farther than 1,073 km from the origin")]
    TooFar,
    /// The segments.
    #[error("{0} segments of points; there can be 32")]
    Segments(usize),
    /// The points.
    #[error("{0} points for voxels; there can be 4,194,304")]
    Points(u64),
}

/// The box of voxels in which points are taken. The voxel (i, j, k) covers x
/// from i to i + 1, y from j to j + 1 and z from k to k + 1, in units of
/// [`Bounds::size_mm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Voxel coordinates of the least corner.
    pub base: [i32; 3],
    /// Voxels along each side.
    pub extent: [u32; 3],
    /// Side of a voxel, mm.
    pub size_mm: i32,
}

impl Bounds {
    /// The box that holds every point no farther than `range_mm` from `centre`
    /// along x and along y, and no lower or higher than `heights_mm` over it.
    ///
    /// # Errors
    /// [`VoxelError`] if the size or the box is beyond what the kernel takes.
    pub fn about(
        centre: [i32; 3],
        range_mm: u32,
        heights_mm: [i32; 2],
        size_mm: i32,
    ) -> Result<Self, VoxelError> {
        if !SIZES_MM.contains(&size_mm) {
            return Err(VoxelError::Size(size_mm));
        }
        let range = i64::from(range_mm);
        let [low, high] = heights_mm.map(i64::from);
        let size = i64::from(size_mm);
        let voxel = |i: usize, offset: i64| (i64::from(centre[i]) + offset).div_euclid(size);
        let least = [voxel(0, -range), voxel(1, -range), voxel(2, low)];
        let most = [voxel(0, range), voxel(1, range), voxel(2, high)];
        let extent: [i64; 3] = std::array::from_fn(|i| most[i] - least[i] + 1);
        let product = extent.iter().try_fold(1, |product: i64, n| {
            (1..=i64::from(MAX_EXTENT)).contains(n).then(|| product * n)
        });
        if product.is_none_or(|n| n >= i64::from(u32::MAX)) {
            return Err(VoxelError::Extent(extent));
        }
        if (0..3).any(|i| least[i] * size < -FARTHEST || (most[i] + 1) * size > FARTHEST) {
            return Err(VoxelError::TooFar);
        }
        Ok(Self {
            base: least.map(|c| c as i32),
            extent: extent.map(|n| n as u32),
            size_mm,
        })
    }
}

/// The box, and the points to take.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Params {
    /// [`Bounds::base`].
    pub base: [i32; 3],
    /// [`Bounds::size_mm`].
    pub size_mm: i32,
    /// [`Bounds::extent`].
    pub extent: [u32; 3],
    /// Number of points in all segments, up to [`MAX_POINTS`].
    pub points: u32,
    /// Where the points are, in the order in which they are taken.
    pub segments: [Segment; MAX_SEGMENTS],
}

/// A run of points in the fused cloud.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Segment {
    /// The place of its first point in the cloud.
    pub first: u32,
    /// How many points there are.
    pub length: u32,
    /// The first of the workgroups that take its points.
    pub group: u32,
    /// Unused.
    pub pad: u32,
}

impl Params {
    /// Takes the points of `segments`, one after the other: the place of the
    /// first point, and how many.
    ///
    /// # Errors
    /// [`VoxelError`] if there are too many segments or points.
    pub fn new(bounds: &Bounds, segments: &[(u32, u32)]) -> Result<Self, VoxelError> {
        if segments.len() > MAX_SEGMENTS {
            return Err(VoxelError::Segments(segments.len()));
        }
        let all: u64 = segments.iter().map(|(_, length)| u64::from(*length)).sum();
        if all > u64::from(MAX_POINTS) {
            return Err(VoxelError::Points(all));
        }
        let mut group = 0;
        let taken = std::array::from_fn(|i| {
            let (first, length) = segments.get(i).copied().unwrap_or_default();
            let segment = Segment {
                first,
                length,
                group,
                pad: 0,
            };
            group += length.div_ceil(GROUP);
            segment
        });
        Ok(Self {
            base: bounds.base,
            size_mm: bounds.size_mm,
            extent: bounds.extent,
            points: all as u32,
            segments: taken,
        })
    }

    /// How many workgroups take the points.
    fn groups(&self) -> u32 {
        let groups = self.segments.iter().map(|s| s.length.div_ceil(GROUP));
        groups.sum()
    }

    /// Places in the cloud of a range of points, in order.
    fn places(&self, range: Range<u32>) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.segments.iter().filter_map(move |segment| {
            let end = start + segment.length;
            let (from, to) = (range.start.max(start), range.end.min(end));
            let first = (segment.first + from.saturating_sub(start)) as usize;
            start = end;
            (from < to).then(|| first..first + (to - from) as usize)
        })
    }
}

/// What a run came to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Status {
    /// Number of voxels that hold a point. Voxels were made only if there is
    /// room for so many. `u32::MAX` stands for any number greater than twice
    /// the room, rounded up to a power of two.
    pub voxels: u32,
    /// Points that were kept, but lie outside the box.
    pub outside: u32,
    /// Not 0 if [`Status::voxels`] is `u32::MAX`.
    pub full: u32,
    /// Unused.
    pub pad: u32,
}

impl Status {
    /// Number of voxels made; `None` if there was no room for them.
    pub fn made(&self, max_voxels: u32) -> Option<usize> {
        (self.voxels <= max_voxels).then_some(self.voxels as usize)
    }
}

/// Slots of the table of a run with room for so many voxels.
fn slots(max_voxels: u32) -> u32 {
    (2 * max_voxels.clamp(1, MAX_VOXELS)).next_power_of_two()
}

/// Bytes of the largest buffer of a run with room for so many voxels.
pub fn table_bytes(max_voxels: u32) -> u64 {
    SLOT as u64 * u64::from(slots(max_voxels))
}

/// Bytes of a slot of the table.
const SLOT: usize = 32;

/// Points that one invocation takes.
const RUN: u32 = 8;
const WORKGROUP: u32 = 64;

/// Points that one workgroup takes.
const GROUP: u32 = RUN * WORKGROUP;

/// The GPU pipeline.
#[derive(Debug)]
pub struct Pipeline {
    insert: Kernel,
    count: Kernel,
    finish: Kernel,
}

/// The buffers of runs of up to so many points and voxels.
#[derive(Debug)]
pub struct Bound {
    /// [`Voxel`]s, in the order of their first points.
    pub voxels: Buffer,
    /// The [`Status`].
    pub status: Buffer,
    capacity: u32,
    params: Buffer,
    insert: BindGroup,
    count: BindGroup,
    finish: BindGroup,
}

impl Pipeline {
    /// Compiles the program.
    pub fn new(context: &Context) -> Self {
        let kernel = |entry| Kernel::new(context, entry, SOURCE, WORKGROUP);
        Self {
            insert: kernel("insert"),
            count: kernel("count"),
            finish: kernel("finish"),
        }
    }

    /// Binds the [`Fused`] points, of which a run takes up to `capacity`, and
    /// makes room for `max_voxels` (1 to [`MAX_VOXELS`]).
    pub fn bind(&self, context: &Context, capacity: u32, max_voxels: u32, fused: &Buffer) -> Bound {
        let storage = |label, count: u32, bytes: usize| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, u64::from(count) * bytes as u64, usage)
        };
        let max_voxels = max_voxels.clamp(1, MAX_VOXELS);
        let params = context.buffer(
            "voxel params",
            size_of::<Params>() as u64,
            BufferUsages::UNIFORM,
        );
        let table = storage("voxel table", slots(max_voxels), SLOT);
        // The last workgroup of each segment takes fewer points.
        let groups = capacity.div_ceil(GROUP) + MAX_SEGMENTS as u32;
        let of_points = storage("slots of points", groups * GROUP, 4);
        let firsts = storage("voxel firsts", groups * WORKGROUP, 4);
        let totals = storage("voxel totals", groups, 4);
        let voxels = storage("voxels", max_voxels, size_of::<Voxel>());
        let status = storage("voxel status", 1, size_of::<Status>());
        let buffers = [
            &params, fused, &table, &of_points, &firsts, &totals, &voxels, &status,
        ];
        let group = |kernel: &Kernel, bindings: &[u32]| {
            let buffers: Vec<_> = bindings
                .iter()
                .map(|binding| (*binding, buffers[*binding as usize]))
                .collect();
            kernel.bind(context, &buffers)
        };
        Bound {
            insert: group(&self.insert, &[0, 1, 2, 3, 4, 7]),
            count: group(&self.count, &[2, 3, 4, 5]),
            finish: group(&self.finish, &[0, 2, 3, 4, 5, 6, 7]),
            params,
            voxels,
            status,
            capacity,
        }
    }

    /// Makes the voxels of the points that `params` tells, which are at most
    /// as many as there is room for.
    pub fn encode(
        &self,
        encoder: &mut CommandEncoder,
        clock: Option<ComputePassTimestampWrites<'_>>,
        bound: &Bound,
        params: &Params,
    ) {
        debug_assert!(params.points <= bound.capacity);
        encoder.clear_buffer(&bound.status, 0, None);
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor {
            label: Some("voxel"),
            timestamp_writes: clock,
        });
        let invocations = params.groups() * WORKGROUP;
        self.insert.dispatch(&mut pass, &bound.insert, invocations);
        self.count.dispatch(&mut pass, &bound.count, invocations);
        self.finish.dispatch(&mut pass, &bound.finish, invocations);
    }
}

impl Bound {
    /// Uploads what a run needs.
    pub fn write(&self, queue: &Queue, params: &Params) {
        queue.write_buffer(&self.params, 0, bytemuck::bytes_of(params));
    }
}

/// The same on the CPU.
#[derive(Debug)]
pub struct Twin {
    max_voxels: u32,
    /// One for each thread.
    maps: Vec<Map>,
    voxels: Vec<Voxel>,
}

/// Fewer points are not worth another thread.
const MIN_POINTS: u32 = 8192;

impl Twin {
    /// Room for so many voxels (1 to [`MAX_VOXELS`]).
    pub fn new(max_voxels: u32) -> Self {
        Self {
            max_voxels: max_voxels.clamp(1, MAX_VOXELS),
            maps: Vec::new(),
            voxels: Vec::new(),
        }
    }

    /// Makes the voxels of the points in `fused` that `params` tells.
    pub fn run(&mut self, params: &Params, fused: &[Fused]) -> Status {
        let threads = rayon::current_num_threads();
        let parts = (params.points.div_ceil(MIN_POINTS) as usize).clamp(1, threads);
        let slots = slots(self.max_voxels) as usize;
        self.maps
            .resize_with(self.maps.len().max(parts), Map::default);
        fill(
            params,
            fused,
            slots,
            0..params.points,
            &mut self.maps[..parts],
        );
        let map = &self.maps[0];
        let found = if map.full {
            u32::MAX
        } else {
            map.cells.len() as u32
        };
        let cells = if found <= self.max_voxels {
            &map.cells[..]
        } else {
            &[]
        };
        self.voxels.resize(cells.len(), [0; 4]);
        const CHUNK: usize = 8192;
        self.voxels
            .par_chunks_mut(CHUNK)
            .zip(cells.par_chunks(CHUNK))
            .for_each(|(voxels, cells)| finish(params, cells, voxels));
        Status {
            voxels: found,
            outside: map.outside,
            full: u32::from(map.full),
            pad: 0,
        }
    }

    /// The voxels of the last run, in the order of their first points; none if
    /// there was no room for all.
    pub fn voxels(&self) -> &[Voxel] {
        &self.voxels
    }
}

/// Gathers a range of points, each of `maps` a part of it, into the first map.
fn fill(params: &Params, fused: &[Fused], slots: usize, range: Range<u32>, maps: &mut [Map]) {
    if let [map] = maps {
        map.clear();
        for places in params.places(range) {
            map.gather(params, slots, fused.get(places).unwrap_or_default());
        }
        return;
    }
    let (left, right) = maps.split_at_mut(maps.len() / 2);
    let share =
        u64::from(range.end - range.start) * left.len() as u64 / (left.len() + right.len()) as u64;
    let middle = range.start + share as u32;
    rayon::join(
        || fill(params, fused, slots, range.start..middle, left),
        || fill(params, fused, slots, middle..range.end, right),
    );
    if let ([left, ..], [right, ..]) = (left, right) {
        left.merge(slots, right);
    }
}

/// What is known of a voxel.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
struct Cell {
    /// The voxel's index in the box.
    key: u32,
    /// The greatest.
    intensity: u32,
    /// Sums of x, y and z, which wrap, and the number of points.
    sum: [u32; 4],
}

impl Cell {
    /// What one point tells of its voxel.
    #[inline(always)]
    fn of(key: u32, point: Fused) -> Self {
        let [x, y, z, tag] = point.map(|c| c as u32);
        Self {
            key,
            intensity: tag & 0xffff,
            sum: [x, y, z, 1],
        }
    }

    #[inline(always)]
    fn add(&mut self, other: &Self) {
        self.intensity = self.intensity.max(other.intensity);
        for i in 0..4 {
            self.sum[i] = self.sum[i].wrapping_add(other.sum[i]);
        }
    }
}

/// The key of a point that is in no voxel, since it was dropped.
const DROPPED: u32 = u32::MAX;
/// The key of a point that is in no voxel, since it lies outside the box.
const OUTSIDE: u32 = u32::MAX - 1;

/// Voxels by key, in the order in which they were inserted. Open addressing
/// with linear probing, at most half full.
#[derive(Debug, Default)]
struct Map {
    /// One more than the index of a cell, or 0; a power of two of them.
    slots: Vec<u32>,
    cells: Vec<Cell>,
    outside: u32,
    /// There were more voxels than the kernel's table has slots.
    full: bool,
}

impl Map {
    const MIN_SLOTS: usize = 1024;

    /// Makes it empty, with slots for as many voxels as there were.
    fn clear(&mut self) {
        let slots = (3 * self.cells.len()).next_power_of_two();
        self.cells.clear();
        self.reserve(slots);
        self.outside = 0;
        self.full = false;
    }

    /// Takes so many slots, and puts in them what is there.
    fn reserve(&mut self, slots: usize) {
        self.slots.clear();
        self.slots.resize(slots.max(Self::MIN_SLOTS), 0);
        for (i, cell) in self.cells.iter().enumerate() {
            let mut slot = hash(cell.key, self.slots.len());
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = i as u32 + 1;
        }
    }

    fn gather(&mut self, params: &Params, most: usize, points: &[Fused]) {
        const BLOCK: usize = 1024;
        let mut keys = [0; BLOCK];
        for points in points.chunks(BLOCK) {
            let keys = &mut keys[..points.len()];
            locate(params, points, keys);
            // Points in a row often lie in one voxel.
            let mut run = Cell::of(DROPPED, [0; 4]);
            for (p, &key) in points.iter().zip(&*keys) {
                let cell = Cell::of(key, *p);
                if key == run.key {
                    run.add(&cell);
                } else {
                    self.put(most, &run);
                    run = cell;
                }
            }
            self.put(most, &run);
        }
    }

    /// Adds a run of points.
    #[inline(always)]
    fn put(&mut self, most: usize, run: &Cell) {
        match run.key {
            DROPPED => {}
            OUTSIDE => self.outside += run.sum[3],
            _ => self.add(most, run),
        }
    }

    fn merge(&mut self, most: usize, other: &Self) {
        for cell in &other.cells {
            self.add(most, cell);
        }
        self.outside += other.outside;
        self.full |= other.full;
    }

    /// Adds what is known of a voxel, of which there may be `most`.
    #[inline(always)]
    fn add(&mut self, most: usize, cell: &Cell) {
        let mut slot = hash(cell.key, self.slots.len());
        loop {
            let held = self.slots[slot] as usize;
            if held == 0 {
                break;
            }
            let known = &mut self.cells[held - 1];
            if known.key == cell.key {
                known.add(cell);
                return;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        if self.cells.len() == most {
            self.full = true;
            return;
        }
        self.cells.push(*cell);
        self.slots[slot] = self.cells.len() as u32;
        if 2 * self.cells.len() > self.slots.len() {
            self.reserve(2 * self.slots.len());
        }
    }
}

/// Fibonacci hashing into a power of two of slots.
#[inline(always)]
fn hash(key: u32, slots: usize) -> usize {
    (u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (slots - 1)
}

/// The keys of points. Without a branch, so that the compiler can take several
/// points at once.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn locate(params: &Params, points: &[Fused], keys: &mut [u32]) {
    let size = params.size_mm;
    let corner = params.base.map(|c| c.wrapping_mul(size));
    let length = params.extent.map(|n| n.wrapping_mul(size as u32));
    for (p, key) in points.iter().zip(keys) {
        let [x, y, z]: [i32; 3] = std::array::from_fn(|i| p[i].wrapping_sub(corner[i]));
        let inside = ((x as u32) < length[0]) & ((y as u32) < length[1]) & ((z as u32) < length[2]);
        let [i, j, k] = [x, y, z].map(|c| quotient(c, size) as u32);
        let [columns, rows, _] = params.extent;
        let row = k.wrapping_mul(rows).wrapping_add(j);
        let voxel = row.wrapping_mul(columns).wrapping_add(i);
        let outside = 0u32.wrapping_sub(u32::from(!inside));
        let dropped = 0u32.wrapping_sub(u32::from(outcome_of(*p) != Outcome::Kept));
        *key = voxel & !outside | OUTSIDE & outside | dropped;
    }
}

/// `a / b` for quotients below 2²⁰: an estimate in floating point, at most one
/// off, is set right in integers.
#[inline(always)]
fn quotient(a: i32, b: i32) -> i32 {
    let estimate = nearest(a as f32 * (1.0 / b as f32));
    let rest = a.wrapping_sub(estimate.wrapping_mul(b));
    estimate
        .wrapping_sub(i32::from(rest < 0))
        .wrapping_add(i32::from(rest >= b))
}

/// The mean of `count` lengths below 1,024, rounded to the nearest, halves up.
#[inline(always)]
fn mean(sum: u32, count: u32) -> i32 {
    let n = sum.wrapping_add(count / 2);
    let estimate = nearest(n as f32 * (1.0 / count as f32));
    let rest = n.wrapping_sub((estimate as u32).wrapping_mul(count)) as i32;
    estimate
        .wrapping_sub(i32::from(rest < 0))
        .wrapping_add(i32::from(rest >= count as i32))
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn finish(params: &Params, cells: &[Cell], voxels: &mut [Voxel]) {
    let [columns, rows, _] = params.extent;
    for (cell, out) in cells.iter().zip(voxels) {
        let count = cell.sum[3];
        let row = cell.key / columns;
        let voxel = [cell.key % columns, row % rows, row / rows];
        let centroid = |i: usize| {
            let corner = params.base[i]
                .wrapping_add(voxel[i] as i32)
                .wrapping_mul(params.size_mm);
            // The sum of the offsets from the corner fits, whatever wrapped.
            let offsets = cell.sum[i].wrapping_sub((corner as u32).wrapping_mul(count));
            corner.wrapping_add(mean(offsets, count))
        };
        let word = cell.intensity | count.min(MAX_COUNT) << 16;
        *out = [centroid(0), centroid(1), centroid(2), word as i32];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// What voxels are, point by point.
    fn reference(bounds: &Bounds, segments: &[(u32, u32)], fused: &[Fused]) -> (Vec<Voxel>, u32) {
        let size = i64::from(bounds.size_mm);
        let mut order = Vec::new();
        let mut members: HashMap<[i64; 3], Vec<Fused>> = HashMap::new();
        let mut outside = 0;
        for (first, length) in segments {
            for p in &fused[*first as usize..][..*length as usize] {
                if outcome_of(*p) != Outcome::Kept {
                    continue;
                }
                let voxel: [i64; 3] = std::array::from_fn(|i| i64::from(p[i]).div_euclid(size));
                let within = |i: usize| {
                    let base = i64::from(bounds.base[i]);
                    (base..base + i64::from(bounds.extent[i])).contains(&voxel[i])
                };
                if !(0..3).all(within) {
                    outside += 1;
                    continue;
                }
                let points = members.entry(voxel).or_default();
                if points.is_empty() {
                    order.push(voxel);
                }
                points.push(*p);
            }
        }
        let voxel_of = |voxel: &[i64; 3]| {
            let points = &members[voxel];
            let n = points.len() as i64;
            let mean = |i: usize| {
                let sum: i64 = points.iter().map(|p| i64::from(p[i])).sum();
                // Half a point's more than the exact mean, rounded down.
                (2 * sum + n).div_euclid(2 * n) as i32
            };
            let intensity = points.iter().map(|p| p[3] & 0xffff).max().unwrap_or(0);
            let word = intensity as u32 | (n.min(65_535) as u32) << 16;
            [mean(0), mean(1), mean(2), word as i32]
        };
        (order.iter().map(voxel_of).collect(), outside)
    }

    fn cloud(spread: i32, most: usize) -> impl Strategy<Value = Vec<Fused>> {
        let place = prop::array::uniform3(-spread..=spread);
        let dropped = prop_oneof![9 => Just(0i32), 1 => 1..4i32];
        let point = (place, any::<u16>(), dropped).prop_map(|([x, y, z], intensity, outcome)| {
            [x, y, z, i32::from(intensity) | 1 << 16 | outcome << 30]
        });
        prop::collection::vec(point, 0..most)
    }

    proptest! {
        #[test]
        fn voxels_are_those_of_the_reference(
            fused in prop_oneof![cloud(900, 300), cloud(6_000, 30_000)],
            range_mm in 100..6_000u32,
            centre in prop::array::uniform3(-800..800i32),
            size_mm in SIZES_MM,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
            threads in 1..6usize,
        ) {
            let bounds = Bounds::about(centre, range_mm, [-900, 1500], size_mm).unwrap();
            let mut cuts: Vec<_> = cuts.iter().map(|c| c.index(fused.len() + 1) as u32).collect();
            cuts.push(0);
            cuts.push(fused.len() as u32);
            cuts.sort_unstable();
            let mut segments: Vec<_> = cuts.windows(2).map(|c| (c[0], c[1] - c[0])).collect();
            segments.reverse();
            let params = Params::new(&bounds, &segments).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (voxels, outside) = reference(&bounds, &segments, &fused);
            let mut twin = Twin::new(30_000);
            for _ in 0..2 {
                let status = pool.install(|| twin.run(&params, &fused));
                prop_assert_eq!(status.made(30_000), Some(voxels.len()));
                prop_assert_eq!(status.outside, outside);
                prop_assert!(twin.voxels() == voxels);
            }
            for voxel in &voxels {
                let within = |i: usize| {
                    let v = voxel[i].div_euclid(size_mm).wrapping_sub(bounds.base[i]);
                    (v as u32) < bounds.extent[i]
                };
                prop_assert!((0..3).all(within));
            }
            let few = voxels.len() as u32 / 3;
            let mut twin = Twin::new(few);
            let status = twin.run(&params, &fused);
            let room = few.max(1);
            let told = if voxels.len() > slots(room) as usize { u32::MAX } else { voxels.len() as u32 };
            prop_assert_eq!(status.voxels, told);
            prop_assert_eq!(status.outside, outside);
            prop_assert_eq!(twin.voxels().is_empty(), told > room || told == 0);
        }

        #[test]
        fn a_box_holds_what_is_in_range(
            centre in prop::array::uniform3(-1_000_000_000..1_000_000_000i32),
            range_mm in 0..300_000u32,
            heights in prop::array::uniform2(-50_000..50_000i32),
            size_mm in SIZES_MM,
            at in prop::array::uniform3(0.0..=1.0f64),
        ) {
            match Bounds::about(centre, range_mm, heights, size_mm) {
                Ok(bounds) => {
                    let r = f64::from(range_mm);
                    let low = [-r, -r, f64::from(heights[0])];
                    let high = [r, r, f64::from(heights[1])];
                    let p: [i32; 3] = std::array::from_fn(|i| {
                        centre[i] + (low[i] + (high[i] - low[i]) * at[i]).round() as i32
                    });
                    let params = Params::new(&bounds, &[(0, 1)]).unwrap();
                    let mut twin = Twin::new(1);
                    let status = twin.run(&params, &[[p[0], p[1], p[2], 7]]);
                    prop_assert_eq!((status.voxels, status.outside), (1, 0));
                    prop_assert_eq!(twin.voxels(), &[[p[0], p[1], p[2], 7 | 1 << 16]]);
                }
                Err(VoxelError::Extent(extent)) => prop_assert!(
                    extent.iter().any(|n| *n < 1)
                        || extent.iter().product::<i64>() >= i64::from(u32::MAX)
                ),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }

        #[test]
        fn divisions_are_exact(
            b in SIZES_MM,
            quotient_below in 0..MAX_EXTENT as i32,
            rest in 0..1000i32,
            count in 1..=MAX_POINTS,
            part in 0.0..=1.0f64,
        ) {
            for rest in [0, rest % b, b - 1] {
                prop_assert_eq!(quotient(quotient_below * b + rest, b), quotient_below);
            }
            let greatest = count * 999;
            for sum in [0, (f64::from(greatest) * part) as u32, greatest] {
                let exact = (u64::from(sum) + u64::from(count / 2)) / u64::from(count);
                prop_assert_eq!(mean(sum, count) as u64, exact);
            }
        }
    }

    #[test]
    fn sums_do_not_overflow() {
        let corner = 1_073_000_000;
        let last = corner + 999;
        let fused = vec![[last, -corner - 1, last, 0xffff]; MAX_POINTS as usize];
        let bounds = Bounds::about([last, -last, last], 1_000, [-100, 100], 1000).unwrap();
        let params = Params::new(&bounds, &[(0, MAX_POINTS)]).unwrap();
        let mut twin = Twin::new(4);
        assert_eq!(twin.run(&params, &fused).voxels, 1);
        assert_eq!(twin.voxels(), &[[last, -corner - 1, last, -1]]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let about = |range, heights, size| Bounds::about([0; 3], range, heights, size);
        assert_eq!(about(1_000, [0, 1], 49), Err(VoxelError::Size(49)));
        assert_eq!(about(1_000, [0, 1], 1001), Err(VoxelError::Size(1001)));
        assert_eq!(
            about(1_000, [100, -100], 100),
            Err(VoxelError::Extent([21, 21, -1]))
        );
        assert!(matches!(
            about(u32::MAX, [0, 1], 50),
            Err(VoxelError::Extent(_))
        ));
        // The largest boxes of their voxels' sizes.
        assert!(about(100_000, [-5_000, 5_000], 50).is_ok());
        assert!(about(100_000, [-20_000, 20_000], 50).is_err());
        let far = Bounds::about([i32::MAX, 0, 0], 1_000, [0, 1], 200);
        assert_eq!(far, Err(VoxelError::TooFar));

        let bounds = about(1_000, [0, 1], 200).unwrap();
        assert_eq!(
            Params::new(&bounds, &[(0, 1); 33]),
            Err(VoxelError::Segments(33))
        );
        assert_eq!(
            Params::new(&bounds, &[(0, MAX_POINTS), (0, 1)]),
            Err(VoxelError::Points(u64::from(MAX_POINTS) + 1))
        );
        let params = Params::new(&bounds, &[(0, 0); 32]).unwrap();
        assert_eq!(params.points, 0);
    }
}
