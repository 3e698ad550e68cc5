//! The ground's kernels give the bits of their twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, runner, size, upload};
use janus_shaders::fuse::Fused;
use janus_shaders::ground::{NONE, Params, Pipeline, Twin};
use janus_shaders::{Window, fixed::Transform};
use proptest::prelude::*;
use wgpu::BufferUsages;

/// A place in a window, from 0 to 1 of its side, and a height.
type Place = ([f64; 2], i32);

/// A window and where in the world it is.
#[derive(Clone, Debug)]
struct Setting {
    side: u32,
    cell_mm: i32,
    shift: u32,
    centre: [i32; 3],
    rise: [i32; 2],
}

/// Streets with things on them, and poison.
fn place() -> impl Strategy<Value = Place> {
    let anywhere = prop::array::uniform2(-0.1..1.1f64);
    let height = prop_oneof![
        12 => -60..60i32,
        4 => -300..2_500i32,
        1 => -5_000..-300i32,
        1 => prop::sample::select(vec![-1_000_000_000, 1_000_000_000, i32::MIN, i32::MAX]),
    ];
    (anywhere, height)
}

fn cloud() -> impl Strategy<Value = Vec<Place>> {
    let clouds = prop_oneof![
        6 => size().boxed(),
        1 => (5_000..9_000usize).boxed(),
    ];
    let spread = clouds.prop_flat_map(|n| prop::collection::vec(place(), n));
    let heap = (place(), 1..400usize).prop_map(|(place, n)| vec![place; n]);
    prop_oneof![8 => spread, 1 => heap]
}

fn setting() -> impl Strategy<Value = Setting> {
    let centre = prop_oneof![
        9 => prop::array::uniform3(-90_000..90_000i32),
        1 => Just([999_000_000, -999_000_000, 900_000_000]),
    ];
    let side = prop::sample::select(vec![16u32, 32, 64, 256]);
    let cell = prop::sample::select(vec![1i32, 50, 100, 200, 250, 333, 10_000]);
    let shift = prop_oneof![3 => Just(None), 1 => (0..=4u32).prop_map(Some)];
    let rise = prop::array::uniform2(-200..200i32);
    (side, cell, shift, centre, rise).prop_map(|(side, cell_mm, shift, centre, rise)| Setting {
        side,
        cell_mm,
        shift: shift.unwrap_or(Params::shift(cell_mm)),
        centre,
        rise,
    })
}

#[test]
fn ground_equals_its_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let [seen, unseen, over, below] = [const { Cell::new(0usize) }; 4];
    let runs = prop::collection::vec((cloud(), -40..40i32), 1..4);
    runner(48)
        .run(&(setting(), runs), |(setting, runs)| {
            let Setting { side, cell_mm, .. } = setting;
            let most = runs.iter().map(|run| run.0.len()).max().unwrap();
            let [x, y, z] = setting.centre;
            let mut twin = Twin::default();
            let fused_buffer = upload(&vec![[0i32; 4]; most], BufferUsages::STORAGE);
            let cells_buffer = upload(&vec![0u32; most], BufferUsages::STORAGE);
            let (shift, capacity) = (setting.shift, most as u32);
            let bound = pipeline.bind(
                &CONTEXT,
                side,
                shift,
                capacity,
                &fused_buffer,
                &cells_buffer,
            );
            for (places, way) in runs {
                let base = [x + way * cell_mm, y - way * cell_mm];
                let window = Window::about(base, side, cell_mm);
                let fused: Vec<Fused> = places
                    .iter()
                    .map(|([u, v], h)| {
                        let [x, y] = [(0, u), (1, v)].map(|(axis, part)| {
                            let part = (part * f64::from(side * cell_mm as u32)) as i32;
                            window.origin[axis] * cell_mm + part
                        });
                        // Ground that rises along x.
                        let slope = (x - base[0]) / 8;
                        [x, y, (z + slope).saturating_add(*h), 0]
                    })
                    .collect();
                let cells: Vec<u32> = fused.iter().map(|p| window.index(p[0], p[1])).collect();
                let mut params = Params::new(
                    window,
                    &Transform::new(
                        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                        [0.0; 3],
                    )
                    .unwrap(),
                    fused.len() as u32,
                );
                params.base = [base[0], base[1], z, 0];
                params.rise = setting.rise;
                params.shift = shift;

                twin.run(&params, &fused, &cells);

                let queue = &CONTEXT.queue;
                queue.write_buffer(&fused_buffer, 0, bytemuck::cast_slice(&fused));
                queue.write_buffer(&cells_buffer, 0, bytemuck::cast_slice(&cells));
                bound.write(queue, &params);
                let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
                pipeline.encode(&mut encoder, None, &bound, &params);
                queue.submit([encoder.finish()]);
                CONTEXT.check().unwrap();

                prop_assert!(twin.ground == download::<i32>(&bound.ground));
                prop_assert!(twin.heights == download::<i32>(&bound.heights)[..fused.len()]);

                let add = |count: &Cell<usize>, n: usize| count.set(count.get() + n);
                let among = |values: &[i32], what: fn(i32) -> bool| {
                    values.iter().filter(|value| what(**value)).count()
                };
                add(&seen, among(&twin.ground, |z| z != NONE));
                add(&unseen, among(&twin.ground, |z| z == NONE));
                add(&over, among(&twin.heights, |h| h > Params::TOLERANCE));
                add(
                    &below,
                    among(&twin.heights, |h| h != NONE && h <= Params::TOLERANCE),
                );
            }
            Ok(())
        })
        .unwrap();
    let counts = [&seen, &unseen, &over, &below].map(Cell::get);
    assert!(
        counts.iter().all(|n| *n > 5_000),
        "the cases reach too little: {counts:?}"
    );
}
