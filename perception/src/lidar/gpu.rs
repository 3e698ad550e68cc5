//! The kernels: one upload, one submission and one readback a frame.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytemuck::{Pod, pod_collect_to_vec, pod_read_unaligned};
use janus_shaders::wgpu::{
    Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites, QuerySet, QuerySetDescriptor,
    QueryType,
};
use janus_shaders::{Context, GpuError, cluster, distance, fuse, ground, occupancy, voxel};

use super::history::History;
use super::input::Input;
use super::{Output, Setup, timed};
use crate::cloud::Cloud;
use crate::error::Result;

/// Points for which there is room at first; the buffers grow by doubling.
const FIRST_CAPACITY: u32 = 1 << 17;

/// The passes, in their order.
const PASSES: [&str; 6] = [
    "lidar.fuse",
    "lidar.ground",
    "lidar.cluster",
    "lidar.occupancy",
    "lidar.distance",
    "lidar.voxel",
];

#[derive(Debug)]
pub(super) struct Chain {
    context: Context,
    setup: Setup,
    pipelines: Pipelines,
    bound: Bound,
    history: History,
    clock: Option<Clock>,
    staging: Buffer,
}

#[derive(Debug)]
struct Pipelines {
    fuse: fuse::Pipeline,
    ground: ground::Pipeline,
    cluster: cluster::Pipeline,
    occupancy: occupancy::Pipeline,
    distance: distance::Pipeline,
    voxel: voxel::Pipeline,
}

/// The buffers of all kernels.
#[derive(Debug)]
struct Bound {
    capacity: u32,
    fuse: fuse::Bound,
    ground: ground::Bound,
    cluster: cluster::Bound,
    occupancy: occupancy::Bound,
    distance: distance::Bound,
    voxel: voxel::Bound,
    /// Points of the last frames, where more than one is kept.
    kept: Option<Buffer>,
}

impl Chain {
    pub(super) fn new(context: Context, setup: Setup) -> Result<Self> {
        setup.fits(&context)?;
        let pipelines = Pipelines {
            fuse: fuse::Pipeline::new(&context),
            ground: ground::Pipeline::new(&context),
            cluster: cluster::Pipeline::new(&context),
            occupancy: occupancy::Pipeline::new(&context),
            distance: distance::Pipeline::new(&context),
            voxel: voxel::Pipeline::new(&context),
        };
        let history = History::new(setup.accumulate, FIRST_CAPACITY);
        let bound = Bound::new(&context, &setup, &pipelines, &history, FIRST_CAPACITY);
        let chain = Self {
            clock: Clock::new(&context),
            staging: staging(&context, &setup, FIRST_CAPACITY),
            setup,
            pipelines,
            bound,
            history,
            context,
        };
        chain.context.check()?;
        Ok(chain)
    }

    pub(super) fn forget(&mut self) {
        self.history.forget();
    }

    /// Runs a frame; `lose` destroys the device before.
    pub(super) fn run(&mut self, input: &Input<'_>, lose: bool) -> Result<Output, GpuError> {
        if lose {
            self.context.device.destroy();
        }
        let mut timings = Vec::with_capacity(8);
        let (first, voxels) = timed(&mut timings, "lidar.upload", || {
            if input.fuse.points > self.bound.capacity {
                self.grow(input.fuse.points.next_power_of_two());
            }
            let first = self.history.push(input.fuse.points);
            let voxels = input.voxels(&self.history);
            self.upload(input, &voxels);
            (first, voxels)
        });
        let start = Instant::now();
        let layout = Layout::new(&self.setup, input.fuse.points, voxels.points);
        self.submit(input, first, &voxels, &layout);
        let output = self.context.read_back(&self.staging, layout.end, |bytes| {
            (layout.output(bytes), layout.ticks(bytes))
        });
        let (output, ticks) = output?;
        let elapsed = start.elapsed();
        let mut computing = Duration::ZERO;
        if let Some(clock) = &self.clock {
            for (stage, duration) in PASSES.iter().zip(clock.durations(ticks)) {
                timings.push((stage, duration));
                computing += duration;
            }
        }
        timings.push(("lidar.readback", elapsed.saturating_sub(computing)));
        Ok(Output { timings, ..output })
    }

    fn upload(&self, input: &Input<'_>, voxels: &voxel::Params) {
        let (bound, queue) = (&self.bound, &self.context.queue);
        let Input { sweeps, poses, .. } = input;
        bound
            .fuse
            .write(queue, &input.fuse, sweeps, poses, &input.points);
        bound.ground.write(queue, &input.ground);
        bound.cluster.write(queue, &input.cluster);
        bound
            .occupancy
            .write(queue, &input.occupancy, &input.mounts);
        bound.distance.write(queue, &input.distance);
        bound.voxel.write(queue, voxels);
    }

    fn submit(&self, input: &Input<'_>, first: u32, voxels: &voxel::Params, layout: &Layout) {
        let (kernels, bound) = (&self.pipelines, &self.bound);
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&Default::default());
        let encode = &mut encoder;
        let clock = |pass| self.clock.as_ref().map(|clock| clock.pass(pass));
        kernels
            .fuse
            .encode(encode, clock(0), &bound.fuse, &input.fuse);
        kernels
            .ground
            .encode(encode, clock(1), &bound.ground, &input.ground);
        kernels
            .cluster
            .encode(encode, clock(2), &bound.cluster, &input.cluster);
        kernels
            .occupancy
            .encode(encode, clock(3), &bound.occupancy, &input.occupancy);
        kernels
            .distance
            .encode(encode, clock(4), &bound.distance, &input.distance);
        if let Some(kept) = &bound.kept {
            let (from, to) = (&bound.fuse.fused, FUSED * u64::from(first));
            encode.copy_buffer_to_buffer(from, 0, kept, to, FUSED * u64::from(input.fuse.points));
        }
        kernels.voxel.encode(encode, clock(5), &bound.voxel, voxels);
        layout.gather(encode, bound, &self.staging);
        if let Some(clock) = &self.clock {
            clock.read(encode, &self.staging, layout.ticks.start as u64);
        }
        self.context.queue.submit([encoder.finish()]);
    }

    /// Makes room for so many points a frame; what is kept stays.
    fn grow(&mut self, capacity: u32) {
        let moves = self.history.grow(capacity);
        let (context, setup) = (&self.context, &self.setup);
        let bound = Bound::new(context, setup, &self.pipelines, &self.history, capacity);
        let before = std::mem::replace(&mut self.bound, bound);
        let mut encoder = context.device.create_command_encoder(&Default::default());
        let (from, to) = (&before.occupancy.grid, &self.bound.occupancy.grid);
        encoder.copy_buffer_to_buffer(from, 0, to, 0, from.size());
        if let (Some(old), Some(new)) = (&before.kept, &self.bound.kept) {
            for place in moves {
                let [from, to, n] = place.map(|points| FUSED * u64::from(points));
                encoder.copy_buffer_to_buffer(old, from, new, to, n);
            }
        }
        context.queue.submit([encoder.finish()]);
        self.staging = staging(context, setup, capacity);
    }
}

const FUSED: u64 = size_of::<fuse::Fused>() as u64;

impl Bound {
    fn new(
        context: &Context,
        setup: &Setup,
        pipelines: &Pipelines,
        history: &History,
        capacity: u32,
    ) -> Self {
        let side = setup.side;
        let fuse = pipelines.fuse.bind(context, capacity);
        let (fused, cells) = (&fuse.fused, &fuse.cells);
        let ground = pipelines
            .ground
            .bind(context, side, setup.coarser, capacity, fused, cells);
        let cluster =
            pipelines
                .cluster
                .bind(context, capacity, side, fused, cells, &ground.heights);
        let occupancy = pipelines.occupancy.bind(
            context,
            side,
            occupancy::Inputs {
                poses: &fuse.poses,
                fused,
                cells,
                heights: &ground.heights,
                ground: &ground.ground,
            },
        );
        let distance = pipelines.distance.bind(context, side, &occupancy.grid);
        let kept = (!history.is_short()).then(|| {
            let bytes = FUSED * history.room() as u64;
            context.buffer(
                "points of the last frames",
                bytes,
                BufferUsages::STORAGE | BufferUsages::COPY_SRC,
            )
        });
        let voxel = pipelines.voxel.bind(
            context,
            setup.accumulate * capacity,
            setup.max_voxels,
            kept.as_ref().unwrap_or(fused),
        );
        Self {
            capacity,
            fuse,
            ground,
            cluster,
            occupancy,
            distance,
            voxel,
            kept,
        }
    }
}

/// What is read back, and where in the staging buffer it is: ranges of bytes.
#[derive(Debug)]
struct Layout {
    log_odds: Range<usize>,
    distances: Range<usize>,
    counts: Range<usize>,
    voxel_status: Range<usize>,
    cluster_count: Range<usize>,
    clusters: Range<usize>,
    labels: Range<usize>,
    voxels: Range<usize>,
    ticks: Range<usize>,
    end: u64,
    max_voxels: u32,
}

impl Layout {
    /// Of a frame of so many points, with so many of the last frames.
    fn new(setup: &Setup, points: u32, kept: u32) -> Self {
        let cells = (setup.side as usize).pow(2);
        let mut end = 0;
        let mut next = |bytes: usize| {
            let start = end;
            end += bytes.next_multiple_of(8);
            start..start + bytes
        };
        Self {
            log_odds: next(2 * cells),
            distances: next(4 * cells),
            counts: next(size_of::<fuse::Counts>()),
            voxel_status: next(size_of::<voxel::Status>()),
            cluster_count: next(4),
            clusters: next(size_of::<cluster::Cluster>() * cluster::CAPACITY),
            labels: next(4 * points as usize),
            voxels: next(size_of::<voxel::Voxel>() * kept.min(setup.max_voxels) as usize),
            ticks: next(Clock::BYTES as usize),
            end: end as u64,
            max_voxels: setup.max_voxels,
        }
    }

    fn gather(&self, encoder: &mut CommandEncoder, bound: &Bound, staging: &Buffer) {
        for ((from, offset), to) in [
            ((&bound.occupancy.grid, 0), &self.log_odds),
            ((&bound.distance.distances, 0), &self.distances),
            ((&bound.fuse.counts, 0), &self.counts),
            ((&bound.voxel.status, 0), &self.voxel_status),
            (bound.cluster.found(), &self.cluster_count),
            ((&bound.cluster.clusters, 0), &self.clusters),
            ((&bound.cluster.labels, 0), &self.labels),
            ((&bound.voxel.voxels, 0), &self.voxels),
        ] {
            let (start, bytes) = (to.start as u64, to.len() as u64);
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(from, offset, staging, start, bytes);
            }
        }
    }

    fn output(&self, bytes: &[u8]) -> Output {
        fn some<T: Pod>(bytes: &[u8], count: usize) -> Vec<T> {
            pod_collect_to_vec(&bytes[..count * size_of::<T>()])
        }
        let voxels: voxel::Status = pod_read_unaligned(&bytes[self.voxel_status.clone()]);
        let made = voxels.made(self.max_voxels).unwrap_or(0);
        let clusters: u32 = pod_read_unaligned(&bytes[self.cluster_count.clone()]);
        // More than there is room for: labels and clusters mean nothing.
        let labelled = clusters as usize <= cluster::CAPACITY;
        Output {
            counts: pod_read_unaligned(&bytes[self.counts.clone()]),
            log_odds: pod_collect_to_vec(&bytes[self.log_odds.clone()]),
            distances: pod_collect_to_vec(&bytes[self.distances.clone()]),
            cloud: Cloud {
                voxels: some(&bytes[self.voxels.clone()], made),
                labels: if labelled {
                    pod_collect_to_vec(&bytes[self.labels.clone()])
                } else {
                    Vec::new()
                },
                clusters: some(
                    &bytes[self.clusters.clone()],
                    if labelled { clusters as usize } else { 0 },
                ),
            },
            voxels,
            clusters,
            timings: Vec::new(),
        }
    }

    fn ticks(&self, bytes: &[u8]) -> [u64; Clock::READINGS] {
        pod_read_unaligned(&bytes[self.ticks.clone()])
    }
}

/// Room for what is read back of a frame of so many points.
fn staging(context: &Context, setup: &Setup, points: u32) -> Buffer {
    let bytes = Layout::new(setup, points, setup.accumulate * points).end;
    context.buffer("staging", bytes, BufferUsages::MAP_READ)
}

/// Timestamps at the start and the end of every pass, where the device has
/// them. Without them the kernels' time is part of `lidar.readback`.
#[derive(Debug)]
struct Clock {
    queries: QuerySet,
    resolved: Buffer,
    period_ns: f32,
}

impl Clock {
    const READINGS: usize = 2 * PASSES.len();
    const BYTES: u64 = (Self::READINGS * size_of::<u64>()) as u64;

    fn new(context: &Context) -> Option<Self> {
        context.has_clock().then(|| Self {
            queries: context.device.create_query_set(&QuerySetDescriptor {
                label: Some("clock"),
                ty: QueryType::Timestamp,
                count: Self::READINGS as u32,
            }),
            resolved: context.buffer(
                "clock",
                Self::BYTES,
                BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
            ),
            period_ns: context.queue.get_timestamp_period(),
        })
    }

    fn pass(&self, pass: u32) -> ComputePassTimestampWrites<'_> {
        ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(2 * pass),
            end_of_pass_write_index: Some(2 * pass + 1),
        }
    }

    fn read(&self, encoder: &mut CommandEncoder, staging: &Buffer, offset: u64) {
        let readings = 0..Self::READINGS as u32;
        encoder.resolve_query_set(&self.queries, readings, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, staging, offset, Self::BYTES);
    }

    fn durations(&self, ticks: [u64; Self::READINGS]) -> impl Iterator<Item = Duration> {
        (0..PASSES.len()).map(move |pass| {
            let ticks = ticks[2 * pass + 1].saturating_sub(ticks[2 * pass]);
            Duration::from_nanos((ticks as f64 * f64::from(self.period_ns)) as u64)
        })
    }
}
