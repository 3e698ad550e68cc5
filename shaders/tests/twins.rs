//! Every kernel gives the bits of its twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, run, runner, size, upload};
use janus_shaders::{fuse, occupancy};
use proptest::prelude::*;
use wgpu::BufferUsages;

/// A cloud, and where the window's least corner is for it.
type Observed = (Vec<fuse::Fused>, [i32; 2]);

/// Several runs on one rolling window: its side, its cells' side and what is
/// observed.
fn occupancy_case() -> impl Strategy<Value = (u32, i32, Vec<Observed>)> {
    let place = (-30_000..30_000i32, -30_000..30_000i32, -2_500..4_000i32);
    let tag = (0..4i32, prop_oneof![9 => Just(0i32), 1 => 1..4i32]);
    let fused = (place, tag)
        .prop_map(|((x, y, z), (sweep, outcome))| [x, y, z, sweep << 16 | outcome << 30]);
    let cloud = size().prop_flat_map(move |n| prop::collection::vec(fused.clone(), n));
    let origin = prop::array::uniform2(-150..50i32);
    let runs = prop::collection::vec((cloud, origin), 1..5);
    (
        prop::sample::select(vec![16u32, 64, 128, 256]),
        50..500i32,
        runs,
    )
}

#[test]
fn occupancy_equals_its_twin() {
    let observe = occupancy::observe_kernel(&CONTEXT);
    let update = occupancy::update_kernel(&CONTEXT);
    let states = [const { Cell::new(0usize) }; 3];
    runner(32)
        .run(&occupancy_case(), |(side, cell_mm, runs)| {
            let mut twin = occupancy::Twin::new(side);
            let cells = (side * side) as usize;
            let grid = upload(&vec![occupancy::UNKNOWN; cells], BufferUsages::STORAGE);
            let evidence = upload(
                &vec![0u32; cells / occupancy::CELLS_A_WORD],
                BufferUsages::STORAGE,
            );
            let sensors = [
                [0, 0, 1_730, 0],
                [15_000, -20_000, 250, 0],
                [-29_999, 4_000, 300, 0],
                [1, 1, -50, 0],
            ];
            let mut last_origin = runs[0].1;
            for (fused, origin) in &runs {
                let params = occupancy::Params {
                    plane: [10_000, -20_000, 1_048_000, 35],
                    centre: [400, -300, 50, 0],
                    origin: *origin,
                    last_origin,
                    side,
                    cell_mm,
                    points: fused.len() as u32,
                    ground_min: -700,
                    obstacle_min: 300,
                    obstacle_max: 2_500,
                    hit: 850,
                    miss: 400,
                    least: -2_000,
                    most: 3_500,
                    pad: [0; 2],
                };
                last_origin = *origin;
                twin.run(&params, &sensors, fused);

                let uniform = upload(&[params], BufferUsages::UNIFORM);
                let cloud = if fused.is_empty() {
                    &[[0; 4]]
                } else {
                    &fused[..]
                };
                let cloud = upload(cloud, BufferUsages::STORAGE);
                let sensors = upload(&sensors, BufferUsages::STORAGE);
                run(
                    &observe,
                    &[(0, &uniform), (1, &sensors), (2, &cloud), (3, &evidence)],
                    params.points,
                );
                run(
                    &update,
                    &[(0, &uniform), (3, &evidence), (4, &grid)],
                    side * side / occupancy::CELLS_A_WORD as u32,
                );
                prop_assert!(twin.cells == download::<i16>(&grid));
            }
            for cell in &twin.cells {
                let state = &states[match *cell {
                    occupancy::UNKNOWN => 0,
                    l if l > 0 => 1,
                    _ => 2,
                }];
                state.set(state.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    assert!(
        states.iter().all(|n| n.get() > 10_000),
        "the cases reach too little: {states:?}"
    );
}
