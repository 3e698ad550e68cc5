//! How fast a scan is folded into the grid.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod scan;

use bytemuck::Pod;
use criterion::{Criterion, criterion_group, criterion_main};
use janus_shaders::fixed::Transform;
use janus_shaders::occupancy::{FORGET, Inputs, Mount, Params, Pipeline, Scan, Twin};
use janus_shaders::{Context, DeviceChoice};
use wgpu::{Buffer, BufferUsages};

const MOUNTS: [Mount; 1] = [[0, 0, scan::HEIGHT, 0]];

fn params(scan: &scan::Scan) -> Params {
    Params {
        window: scan.window,
        last_origin: scan.window.origin,
        base: [0; 2],
        base_x: [1 << 20, 0, 0, 0],
        base_y: [0, 1 << 20, 0, 0],
        body_min: [-2_000, -900],
        body_max: [2_000, 900],
        points: scan.fused.len() as u32,
        sweeps: 1,
        poses: 1,
        ground_min: -400,
        obstacle_min: 300,
        obstacle_max: 2_000,
        hit: 900,
        miss: 500,
        least: -2_000,
        most: 2_500,
        decay: 500,
        pad: 0,
    }
}

fn bench(criterion: &mut Criterion) {
    let scan = scan::scan();
    let params = params(&scan);
    let unit = |i: usize| std::array::from_fn(|k| f64::from(u8::from(i == k)));
    let pose = Transform::new([unit(0), unit(1), unit(2)], [0.0; 3]).unwrap();
    let mut group = criterion.benchmark_group("occupancy");

    let mut twin = Twin::new(params.window.side);
    let mut first = params;
    first.last_origin = FORGET;
    let input = Scan {
        mounts: &MOUNTS,
        poses: &[pose],
        fused: &scan.fused,
        cells: &scan.cells,
        heights: &scan.heights,
        ground: &scan.ground,
    };
    twin.run(&first, &input);
    group.bench_function("twin", |b| b.iter(|| twin.run(&params, &input)[0]));

    let Ok(Some(context)) = Context::open(&DeviceChoice::Named("llvmpipe".into())) else {
        return;
    };
    let inputs = Inputs {
        poses: &upload(&context, &[pose]),
        fused: &upload(&context, &scan.fused),
        cells: &upload(&context, &scan.cells),
        heights: &upload(&context, &scan.heights),
        ground: &upload(&context, &scan.ground),
    };
    let pipeline = Pipeline::new(&context);
    let bound = pipeline.bind(&context, params.window.side, inputs);
    let run = |params: &Params| {
        bound.write(&context.queue, params, &MOUNTS);
        let mut encoder = context.device.create_command_encoder(&Default::default());
        pipeline.encode(&mut encoder, None, &bound, params);
        context.queue.submit([encoder.finish()]);
        context
            .device
            .poll(wgpu::PollType::wait_indefinitely())
            .unwrap();
    };
    run(&first);
    group.bench_function("llvmpipe", |b| b.iter(|| run(&params)));
    context.check().unwrap();
}

fn upload<T: Pod>(context: &Context, data: &[T]) -> Buffer {
    let bytes: &[u8] = bytemuck::cast_slice(data);
    let buffer = context.buffer("input", bytes.len() as u64, BufferUsages::STORAGE);
    context.queue.write_buffer(&buffer, 0, bytes);
    buffer
}

criterion_group!(benches, bench);
criterion_main!(benches);
