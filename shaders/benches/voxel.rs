//! How long voxels take: the twin, and the kernel on the software driver or
//! the device that `JANUS_TEST_DEVICE` names.
#![allow(missing_docs, unreachable_pub)]

mod scan;

use criterion::{Criterion, criterion_group, criterion_main};
use janus_shaders::voxel::{Bounds, Params, Pipeline, Twin};
use janus_shaders::{Context, DeviceChoice};
use wgpu::{BufferUsages, PollType};

const MAX_VOXELS: u32 = 1 << 18;

/// The scan from so many times 1.3 m ahead.
fn ahead(i: i32) -> Vec<janus_shaders::fuse::Fused> {
    let mut fused = scan::scan().fused;
    for point in &mut fused {
        point[0] += i * 1_300;
    }
    fused
}

fn voxels(criterion: &mut Criterion) {
    let name = std::env::var("JANUS_TEST_DEVICE").unwrap_or_else(|_| "llvmpipe".into());
    let context = Context::open(&DeviceChoice::Named(name)).ok().flatten();
    for (frames, size_mm) in [(1, 200), (1, 50), (1, 1000), (10, 200)] {
        let fused: Vec<_> = (0..frames).flat_map(ahead).collect();
        let length = fused.len() as u32 / frames as u32;
        let centre = [(frames - 1) * 1_300, 0, 0];
        let bounds = Bounds::about(centre, 100_000, [-3_000, 4_000], size_mm);
        let segments: Vec<_> = (0..frames as u32).map(|i| (i * length, length)).collect();
        let params = bounds.and_then(|bounds| Params::new(&bounds, &segments));
        let params = params.expect("the box fits");

        let mut twin = Twin::new(MAX_VOXELS);
        let status = twin.run(&params, &fused);
        assert!(status.made(MAX_VOXELS).is_some());
        let title = format!(
            "{} points, {size_mm} mm, {} voxels",
            fused.len(),
            status.voxels
        );
        let mut group = criterion.benchmark_group(title);
        group.bench_function("twin", |b| b.iter(|| twin.run(&params, &fused)));
        let Some(context) = &context else { continue };
        let pipeline = Pipeline::new(context);
        let bytes: &[u8] = bytemuck::cast_slice(&fused);
        let buffer = context.buffer("fused", bytes.len() as u64, BufferUsages::STORAGE);
        context.queue.write_buffer(&buffer, 0, bytes);
        let bound = pipeline.bind(context, fused.len() as u32, MAX_VOXELS, &buffer);
        group.bench_function(&context.adapter.name, |b| {
            b.iter(|| {
                bound.write(&context.queue, &params);
                let mut encoder = context.device.create_command_encoder(&Default::default());
                pipeline.encode(&mut encoder, None, &bound, &params);
                context.queue.submit([encoder.finish()]);
                context.device.poll(PollType::wait_indefinitely())
            });
        });
        group.finish();
    }
}

criterion_group!(benches, voxels);
criterion_main!(benches);
