//! How fast distances are measured: in a street, and in windows with one
//! occupied cell, in a corner, and none.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod scan;

use criterion::{Criterion, criterion_group, criterion_main};
use janus_shaders::distance::{Params, Pipeline, Twin};
use janus_shaders::occupancy::UNKNOWN;
use janus_shaders::{Context, DeviceChoice};
use wgpu::BufferUsages;

const SIDE: u32 = 512;

fn grids() -> [(&'static str, Vec<i16>); 3] {
    let empty = vec![UNKNOWN; (SIDE * SIDE) as usize];
    let mut corner = empty.clone();
    corner[0] = 1;
    let mut street = empty.clone();
    let scan = scan::scan();
    for (&cell, height) in scan.cells.iter().zip(scan.heights) {
        if (250..2_000).contains(&height) {
            street[cell as usize] = 1;
        }
    }
    [("street", street), ("corner", corner), ("empty", empty)]
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distance");
    let mut twin = Twin::new(SIDE);
    for (name, grid) in &grids() {
        group.bench_function(format!("twin/{name}"), |b| b.iter(|| twin.run(grid)[0]));
    }

    let Ok(Some(context)) = Context::open(&DeviceChoice::Named("llvmpipe".into())) else {
        return;
    };
    let pipeline = Pipeline::new(&context);
    let params = Params { side: SIDE };
    for (name, grid) in &grids() {
        let bytes: &[u8] = bytemuck::cast_slice(grid);
        let buffer = context.buffer("grid", bytes.len() as u64, BufferUsages::STORAGE);
        context.queue.write_buffer(&buffer, 0, bytes);
        let bound = pipeline.bind(&context, SIDE, &buffer);
        bound.write(&context.queue, &params);
        group.bench_function(format!("llvmpipe/{name}"), |b| {
            b.iter(|| {
                let mut encoder = context.device.create_command_encoder(&Default::default());
                pipeline.encode(&mut encoder, None, &bound, &params);
                context.queue.submit([encoder.finish()]);
                context
                    .device
                    .poll(wgpu::PollType::wait_indefinitely())
                    .unwrap();
            });
        });
    }
    context.check().unwrap();
}

criterion_group!(benches, bench);
criterion_main!(benches);
