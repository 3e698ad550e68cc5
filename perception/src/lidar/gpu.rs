//! The kernels: one upload, one submission and one readback a frame.

use std::time::{Duration, Instant};

use bytemuck::{bytes_of, cast_slice, pod_collect_to_vec, pod_read_unaligned};
use janus_shaders::wgpu::{
    BindGroup, Buffer, BufferUsages, CommandEncoder, ComputePassDescriptor,
    ComputePassTimestampWrites, Features, QuerySet, QuerySetDescriptor, QueryType,
};
use janus_shaders::{Context, Kernel, fuse, occupancy};

use super::{Input, Output, timed};
use crate::error::Result;

/// Points for which there is room at first; the buffers grow by doubling.
const FIRST_CAPACITY: u32 = 1 << 17;

const COUNTS_BYTES: u64 = size_of::<fuse::Counts>() as u64;

#[derive(Debug)]
pub(super) struct Chain {
    context: Context,
    kernels: Kernels,
    buffers: Buffers,
    cloud: Cloud,
    clock: Option<Clock>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Kernels {
    fuse: Kernel,
    observe: Kernel,
    update: Kernel,
}

/// What lives as long as the chain.
#[derive(Debug)]
struct Buffers {
    fuse_params: Buffer,
    sweeps: Buffer,
    counts: Buffer,
    occupancy_params: Buffer,
    sensors: Buffer,
    evidence: Buffer,
    grid: Buffer,
    /// The grid, the counts, then the clock's readings.
    staging: Buffer,
}

/// What grows with the number of points.
#[derive(Debug)]
struct Cloud {
    capacity: u32,
    points: Buffer,
    fuse: BindGroup,
    observe: BindGroup,
    update: BindGroup,
}

impl Chain {
    pub(super) fn new(context: Context, side: u32) -> Result<Self> {
        let kernels = Kernels {
            fuse: fuse::kernel(&context),
            observe: occupancy::observe_kernel(&context),
            update: occupancy::update_kernel(&context),
        };
        let buffers = Buffers::new(&context, side);
        let cloud = Cloud::new(&context, &kernels, &buffers, FIRST_CAPACITY);
        let chain = Self {
            clock: Clock::new(&context),
            kernels,
            buffers,
            cloud,
            bytes: Vec::new(),
            context,
        };
        chain.context.check()?;
        Ok(chain)
    }

    pub(super) fn run(&mut self, input: &Input<'_>) -> Result<Output> {
        let mut timings = Vec::with_capacity(4);
        timed(&mut timings, "lidar.upload", || self.upload(input));
        let start = Instant::now();
        self.submit(input);
        self.context
            .read_back(&self.buffers.staging, &mut self.bytes)?;
        let elapsed = start.elapsed();

        let (grid, rest) = self.bytes.split_at(self.buffers.grid.size() as usize);
        let (counts, ticks) = rest.split_at(COUNTS_BYTES as usize);
        let mut computing = Duration::ZERO;
        if let Some(clock) = &self.clock {
            let [fuse, occupancy] = clock.durations(pod_read_unaligned(ticks));
            timings.push(("lidar.fuse", fuse));
            timings.push(("lidar.occupancy", occupancy));
            computing = fuse + occupancy;
        }
        timings.push(("lidar.readback", elapsed.saturating_sub(computing)));
        Ok(Output {
            counts: pod_read_unaligned(counts),
            slots: pod_collect_to_vec(grid),
            timings,
        })
    }

    fn upload(&mut self, input: &Input<'_>) {
        if input.fuse.points > self.cloud.capacity {
            let capacity = input.fuse.points.next_power_of_two();
            self.cloud = Cloud::new(&self.context, &self.kernels, &self.buffers, capacity);
        }
        let write = |buffer, offset, bytes| self.context.queue.write_buffer(buffer, offset, bytes);
        write(&self.buffers.fuse_params, 0, bytes_of(&input.fuse));
        write(&self.buffers.sweeps, 0, cast_slice(&input.sweeps));
        write(
            &self.buffers.occupancy_params,
            0,
            bytes_of(&input.occupancy),
        );
        write(&self.buffers.sensors, 0, cast_slice(&input.sensors));
        let mut offset = 0;
        for points in &input.points {
            let bytes: &[u8] = cast_slice(points);
            write(&self.cloud.points, offset, bytes);
            offset += bytes.len() as u64;
        }
    }

    fn submit(&self, input: &Input<'_>) {
        let Buffers {
            counts,
            grid,
            staging,
            ..
        } = &self.buffers;
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&Default::default());
        encoder.clear_buffer(counts, 0, None);
        self.pass(&mut encoder, 0, |pass| {
            self.kernels
                .fuse
                .dispatch(pass, &self.cloud.fuse, input.fuse.points);
        });
        self.pass(&mut encoder, 1, |pass| {
            let points = input.occupancy.points;
            self.kernels
                .observe
                .dispatch(pass, &self.cloud.observe, points);
            let words = input.occupancy.side.pow(2) / occupancy::CELLS_A_WORD as u32;
            self.kernels
                .update
                .dispatch(pass, &self.cloud.update, words);
        });
        encoder.copy_buffer_to_buffer(grid, 0, staging, 0, grid.size());
        encoder.copy_buffer_to_buffer(counts, 0, staging, grid.size(), COUNTS_BYTES);
        if let Some(clock) = &self.clock {
            clock.read(&mut encoder, staging, grid.size() + COUNTS_BYTES);
        }
        self.context.queue.submit([encoder.finish()]);
    }

    /// Encodes a compute pass, the `index`th that the clock takes.
    fn pass(
        &self,
        encoder: &mut CommandEncoder,
        index: u32,
        encode: impl FnOnce(&mut janus_shaders::wgpu::ComputePass<'_>),
    ) {
        let timestamp_writes = self.clock.as_ref().map(|clock| ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(2 * index),
            end_of_pass_write_index: Some(2 * index + 1),
        });
        encode(&mut encoder.begin_compute_pass(&ComputePassDescriptor {
            label: None,
            timestamp_writes,
        }));
    }
}

impl Buffers {
    fn new(context: &Context, side: u32) -> Self {
        let storage = |label, bytes: usize| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            context.buffer(label, bytes as u64, usage)
        };
        let uniform =
            |label, bytes: usize| context.buffer(label, bytes as u64, BufferUsages::UNIFORM);
        let cells = (side as usize).pow(2);
        let grid = storage("grid", cells * size_of::<i16>());
        let unknown = vec![occupancy::UNKNOWN; cells];
        context.queue.write_buffer(&grid, 0, cast_slice(&unknown));
        let staging = grid.size() + COUNTS_BYTES + Clock::BYTES;
        Self {
            fuse_params: uniform("fuse params", size_of::<fuse::Params>()),
            sweeps: storage("sweeps", size_of::<fuse::Sweep>() * fuse::MAX_SWEEPS),
            counts: storage("counts", COUNTS_BYTES as usize),
            occupancy_params: uniform("occupancy params", size_of::<occupancy::Params>()),
            sensors: storage("sensors", size_of::<occupancy::Sensor>() * fuse::MAX_SWEEPS),
            evidence: storage("evidence", cells / occupancy::CELLS_A_WORD * 4),
            grid,
            staging: context.buffer("staging", staging, BufferUsages::MAP_READ),
        }
    }
}

impl Cloud {
    fn new(context: &Context, kernels: &Kernels, buffers: &Buffers, capacity: u32) -> Self {
        let bytes = u64::from(capacity) * size_of::<fuse::Point>() as u64;
        let points = context.buffer("points", bytes, BufferUsages::STORAGE);
        let fused = context.buffer("fused", bytes, BufferUsages::STORAGE);
        Self {
            capacity,
            fuse: kernels.fuse.bind(
                context,
                &[
                    (0, &buffers.fuse_params),
                    (1, &buffers.sweeps),
                    (2, &points),
                    (3, &fused),
                    (4, &buffers.counts),
                ],
            ),
            observe: kernels.observe.bind(
                context,
                &[
                    (0, &buffers.occupancy_params),
                    (1, &buffers.sensors),
                    (2, &fused),
                    (3, &buffers.evidence),
                ],
            ),
            update: kernels.update.bind(
                context,
                &[
                    (0, &buffers.occupancy_params),
                    (3, &buffers.evidence),
                    (4, &buffers.grid),
                ],
            ),
            points,
        }
    }
}

/// Timestamps at the start and the end of both passes, where the device has
/// them. Without them the kernels' time is part of `lidar.readback`.
#[derive(Debug)]
struct Clock {
    queries: QuerySet,
    resolved: Buffer,
    period_ns: f32,
}

impl Clock {
    const READINGS: usize = 4;
    const BYTES: u64 = (Self::READINGS * size_of::<u64>()) as u64;

    fn new(context: &Context) -> Option<Self> {
        let has_clock = context
            .device
            .features()
            .contains(Features::TIMESTAMP_QUERY);
        has_clock.then(|| Self {
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

    fn read(&self, encoder: &mut CommandEncoder, staging: &Buffer, offset: u64) {
        let readings = 0..Self::READINGS as u32;
        encoder.resolve_query_set(&self.queries, readings, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, staging, offset, Self::BYTES);
    }

    fn durations(&self, ticks: [u64; Self::READINGS]) -> [Duration; 2] {
        [(ticks[0], ticks[1]), (ticks[2], ticks[3])].map(|(from, to)| {
            let ticks = to.saturating_sub(from);
            Duration::from_nanos((ticks as f64 * f64::from(self.period_ns)) as u64)
        })
    }
}
