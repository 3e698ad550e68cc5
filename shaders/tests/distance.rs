//! The distance kernels give the bits of their twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, runner, upload};
use janus_shaders::distance::{NONE, Params, Pipeline, Twin};
use janus_shaders::occupancy::UNKNOWN;
use proptest::prelude::*;
use wgpu::BufferUsages;

/// A few walls, a few cells, or noise, over free and unknown cells.
fn grid(side: usize) -> impl Strategy<Value = Vec<i16>> {
    let cell = (0..side, 0..side);
    let walls = prop::collection::vec((cell.clone(), any::<bool>(), 1..=side), 0..6);
    let cells = prop::collection::vec((cell, any::<i16>()), 0..20);
    let noise = (
        prop::sample::select(vec![0u32, 0, 1, 100, 5_000]),
        any::<u32>(),
    );
    (walls, cells, noise).prop_map(move |(walls, cells, (share, seed))| {
        let noise = |i: usize| (i as u32 ^ seed).wrapping_mul(0x9e37_79b9) >> 8;
        let mut grid: Vec<i16> = (0..side * side)
            .map(|i| match noise(i) {
                n if n % 65_536 < share => (n & 0x7fff) as i16,
                n if n & 1 == 0 => UNKNOWN,
                n => -(n as i16 & 0xfff),
            })
            .collect();
        for ((x, y), along, length) in walls {
            for i in 0..length {
                let (x, y) = if along { (x + i, y) } else { (x, y + i) };
                if x < side && y < side {
                    grid[y * side + x] = 1;
                }
            }
        }
        for ((x, y), value) in cells {
            grid[y * side + x] = value;
        }
        grid
    })
}

/// Frames of one window.
fn frames() -> impl Strategy<Value = (u32, Vec<Vec<i16>>)> {
    let side = prop_oneof![
        8 => prop::sample::select(vec![16u32, 32, 64, 128]),
        1 => prop::sample::select(vec![256u32, 512]),
    ];
    side.prop_flat_map(|side| {
        let frames = prop::collection::vec(grid(side as usize), 1..4);
        (Just(side), frames)
    })
}

fn run(pipeline: &Pipeline, side: u32, frames: &[Vec<i16>], mut see: impl FnMut(&[u32])) {
    let grid = upload(&frames[0], BufferUsages::STORAGE);
    let bound = pipeline.bind(&CONTEXT, side, &grid);
    let params = Params { side };
    for frame in frames {
        CONTEXT
            .queue
            .write_buffer(&grid, 0, bytemuck::cast_slice(frame));
        bound.write(&CONTEXT.queue, &params);
        let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
        pipeline.encode(&mut encoder, None, &bound, &params);
        CONTEXT.queue.submit([encoder.finish()]);
        CONTEXT.check().unwrap();
        see(&download::<u32>(&bound.distances));
    }
}

#[test]
fn equals_its_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let [empty, far] = [const { Cell::new(0usize) }; 2];
    runner(48)
        .run(&frames(), |(side, frames)| {
            let mut twin = Twin::new(side);
            let mut expected: Vec<Vec<u32>> = Vec::new();
            for frame in &frames {
                expected.push(twin.run(frame).to_vec());
            }
            let mut found = Vec::new();
            run(&pipeline, side, &frames, |distances| {
                found.push(distances.to_vec());
            });
            prop_assert!(found == expected);
            for distances in &found {
                empty.set(empty.get() + usize::from(distances[0] == NONE));
                far.set(far.get() + distances.iter().filter(|&&d| d > 900 && d < NONE).count());
            }
            Ok(())
        })
        .unwrap();
    assert!(
        empty.get() > 2 && far.get() > 10_000,
        "the cases reach too little: {empty:?} {far:?}"
    );
}

#[test]
fn equals_its_twin_in_the_largest_window_that_a_device_holds() {
    let side: u32 = 4096;
    let mut grid = vec![UNKNOWN; (side as usize).pow(2)];
    // The least corner is far from all, the rest is not.
    for y in (0..side as usize).step_by(40) {
        for x in (0..side as usize).step_by(40) {
            grid[y * side as usize + x] = i16::from(x + y > 100);
        }
    }
    let mut twin = Twin::new(side);
    let expected = twin.run(&grid);
    assert_eq!(expected[0], 80 * 80 + 40 * 40);
    run(&Pipeline::new(&CONTEXT), side, &[grid], |distances| {
        assert!(distances == expected);
    });
}
