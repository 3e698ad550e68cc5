//! How long clusters take: the twin, and the kernels on the software driver or
//! the device that `JANUS_TEST_DEVICE` names.
#![allow(missing_docs, unreachable_pub)]

mod scan;

use criterion::{Criterion, criterion_group, criterion_main};
use janus_shaders::cluster::{Params, Pipeline, Twin};
use janus_shaders::{Context, DeviceChoice};
use wgpu::{Buffer, BufferUsages, PollType};

fn clusters(criterion: &mut Criterion) {
    let name = std::env::var("JANUS_TEST_DEVICE").unwrap_or_else(|_| "llvmpipe".into());
    let context = Context::open(&DeviceChoice::Named(name)).ok().flatten();
    let scan::Scan {
        window,
        fused,
        cells,
        heights,
        ..
    } = scan::scan();
    let params = Params {
        window,
        position: [0; 2],
        points: fused.len() as u32,
        tolerance: 125,
        clearance: 2_500,
        reach_mm: 200,
        reach_per_mille: 20,
        min_points: 5,
    };

    let mut twin = Twin::default();
    let found = twin.run(&params, &fused, &cells, &heights);
    assert!(found > 10);
    let title = format!("{} points, {found} clusters", fused.len());
    let mut group = criterion.benchmark_group(title);
    group.bench_function("twin", |b| {
        b.iter(|| twin.run(&params, &fused, &cells, &heights));
    });
    if let Some(context) = &context {
        let upload = |bytes: &[u8]| -> Buffer {
            let buffer = context.buffer("input", bytes.len() as u64, BufferUsages::STORAGE);
            context.queue.write_buffer(&buffer, 0, bytes);
            buffer
        };
        let pipeline = Pipeline::new(context);
        let bound = pipeline.bind(
            context,
            params.points,
            window.side,
            &upload(bytemuck::cast_slice(&fused)),
            &upload(bytemuck::cast_slice(&cells)),
            &upload(bytemuck::cast_slice(&heights)),
        );
        group.bench_function(&context.adapter.name, |b| {
            b.iter(|| {
                bound.write(&context.queue, &params);
                let mut encoder = context.device.create_command_encoder(&Default::default());
                pipeline.encode(&mut encoder, None, &bound, &params);
                context.queue.submit([encoder.finish()]);
                context.device.poll(PollType::wait_indefinitely())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, clusters);
criterion_main!(benches);
