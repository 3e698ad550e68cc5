//! The clusters of the kernels are those of their twin.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod gpu;

use std::cell::{Cell, RefCell};

use gpu::{CONTEXT, download, runner, size, upload};
use janus_shaders::Window;
use janus_shaders::cluster::{CAPACITY, Cluster, FIRST, NONE, Params, Pipeline, Twin};
use proptest::prelude::*;
use wgpu::BufferUsages;

/// Room for the points of a case.
const ROOM: u32 = 70_000;

/// One point: its place from the window's middle, mm, and its height over
/// ground.
type Place = ([i32; 2], i32);

#[derive(Clone, Debug)]
struct Case {
    params: Params,
    fused: Vec<[i32; 4]>,
    cells: Vec<u32>,
    heights: Vec<i32>,
}

fn height() -> impl Strategy<Value = i32> {
    prop_oneof![
        6 => 201..2_500i32,
        2 => -300..=200i32,
        1 => 2_501..9_000i32,
        1 => prop::sample::select(vec![NONE, i32::MIN + 1, i32::MAX, 200, 201, 2_500, 2_501]),
    ]
}

/// Points anywhere in and about a window, or in few places of it.
fn places(half_mm: i32) -> impl Strategy<Value = Vec<Place>> {
    let anywhere = prop::array::uniform2(-half_mm - 500..half_mm + 500);
    let stands = prop::array::uniform2(-half_mm..half_mm);
    let heap = prop::collection::vec(stands, 1..40).prop_flat_map(|middles| {
        let near = prop::array::uniform2(-600..600i32);
        (prop::sample::select(middles), near).prop_map(|([x, y], [u, v])| [x + u, y + v])
    });
    let place = prop_oneof![1 => anywhere.boxed(), 1 => Just([0; 2]).boxed(), 6 => heap.boxed()];
    size().prop_flat_map(move |n| prop::collection::vec((place.clone(), height()), n))
}

fn frame(side: u32) -> impl Strategy<Value = Case> {
    let cell_mm = prop::sample::select(vec![1, 50, 200, 200, 333, 2_000]);
    let centre = prop::array::uniform2(prop_oneof![
        3 => -60_000..60_000i32,
        1 => prop::sample::select(vec![-999_000_000, 999_000_000]),
    ]);
    let away = prop::array::uniform2(prop_oneof![
        3 => -20_000..20_000i32,
        1 => prop::sample::select(vec![-1_000_000, 1_000_000]),
    ]);
    let rule = (0..1_500u32, 0..60u32, 0..12u32);
    (cell_mm, centre, away, rule).prop_flat_map(move |(cell_mm, centre, away, rule)| {
        let window = Window::about(centre, side, cell_mm);
        places(side as i32 * cell_mm / 2).prop_map(move |places| {
            let fused: Vec<_> = (places.iter())
                .map(|([x, y], height)| [centre[0] + x, centre[1] + y, height.wrapping_add(70), 9])
                .collect();
            Case {
                params: Params {
                    window,
                    position: [centre[0] + away[0], centre[1] + away[1]],
                    points: places.len() as u32,
                    tolerance: 200,
                    clearance: 2_500,
                    reach_mm: rule.0,
                    reach_per_mille: rule.1,
                    min_points: rule.2,
                },
                cells: fused.iter().map(|p| window.index(p[0], p[1])).collect(),
                heights: places.iter().map(|place| place.1).collect(),
                fused,
            }
        })
    })
}

/// Several frames on the same buffers.
fn frames() -> impl Strategy<Value = Vec<Case>> {
    prop::sample::select(vec![16u32, 64, 256])
        .prop_flat_map(|side| prop::collection::vec(frame(side), 1..4))
}

/// What stands alone in every second cell of a window, with more clusters
/// than there is room for, or just as many.
fn scattered(clusters: usize) -> Case {
    let window = Window::about([0; 2], 256, 200);
    let fused: Vec<_> = (0..clusters as i32)
        .map(|i| {
            let [u, v] = [i % 128 * 2, i / 128 * 2];
            [u, v].map(|c| c * 200 + 100)
        })
        .map(|[x, y]| {
            let [u, v] = window.origin.map(|c| c * 200);
            [u + x, v + y, 1_000, 0]
        })
        .collect();
    Case {
        params: Params {
            window,
            position: [0; 2],
            points: fused.len() as u32,
            tolerance: 200,
            clearance: 2_500,
            reach_mm: 200,
            reach_per_mille: 0,
            min_points: 1,
        },
        cells: fused.iter().map(|p| window.index(p[0], p[1])).collect(),
        heights: vec![1_000; fused.len()],
        fused,
    }
}

/// Runs frames on the same buffers, and tells for each how many clusters were
/// found, their labels and the clusters.
fn run(pipeline: &Pipeline, frames: &[Case]) -> Vec<(usize, Vec<u32>, Vec<Cluster>)> {
    let fused = upload(&vec![[0i32; 4]; ROOM as usize], BufferUsages::STORAGE);
    let words = vec![0u32; ROOM as usize];
    let cells = upload(&words, BufferUsages::STORAGE);
    let heights = upload(&words, BufferUsages::STORAGE);
    let side = frames[0].params.window.side;
    let bound = pipeline.bind(&CONTEXT, ROOM, side, &fused, &cells, &heights);
    let one = |case: &Case| {
        let write = |buffer, bytes| CONTEXT.queue.write_buffer(buffer, 0, bytes);
        write(&fused, bytemuck::cast_slice(&case.fused));
        write(&cells, bytemuck::cast_slice(&case.cells));
        write(&heights, bytemuck::cast_slice(&case.heights));
        bound.write(&CONTEXT.queue, &case.params);
        let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
        pipeline.encode(&mut encoder, None, &bound, &case.params);
        CONTEXT.queue.submit([encoder.finish()]);
        CONTEXT.check().unwrap();
        let found = download::<u32>(bound.found().0)[(bound.found().1 / 4) as usize] as usize;
        let mut labels = download::<u32>(&bound.labels);
        labels.truncate(case.fused.len());
        let mut clusters = download::<Cluster>(&bound.clusters);
        clusters.truncate(found);
        (found, labels, clusters)
    };
    frames.iter().map(one).collect()
}

#[test]
fn clusters_equal_their_twins() {
    let pipeline = Pipeline::new(&CONTEXT);
    let seen = [const { Cell::new(0usize) }; 4];
    let count = |i: usize, n: usize| seen[i].set(seen[i].get() + n);
    let twin = RefCell::new(Twin::default());
    runner(48)
        .run(&frames(), |frames| {
            for (case, (found, labels, clusters)) in frames.iter().zip(run(&pipeline, &frames)) {
                let mut twin = twin.borrow_mut();
                let twin_found = twin.run(&case.params, &case.fused, &case.cells, &case.heights);
                prop_assert_eq!(twin_found, found);
                if found > CAPACITY {
                    continue;
                }
                prop_assert!(twin.labels == labels);
                prop_assert!(twin.clusters == clusters);
                count(0, labels.iter().filter(|l| **l == 0).count());
                count(1, labels.iter().filter(|l| **l == 1).count());
                count(2, found);
                count(3, clusters.iter().filter(|c| c.points > 100).count());
            }
            Ok(())
        })
        .unwrap();
    let seen = seen.map(|n| n.get());
    assert!(
        seen[0] > 10_000 && seen[1] > 10_000 && seen[2] > 500 && seen[3] > 15,
        "the cases reach too little: {seen:?}"
    );
}

#[test]
fn too_many_clusters_are_an_overflow() {
    let pipeline = Pipeline::new(&CONTEXT);
    let frames = [scattered(CAPACITY + 1), scattered(CAPACITY), scattered(0)];
    let results = run(&pipeline, &frames);
    assert_eq!(results[0].0, CAPACITY + 1);
    let mut twin = Twin::default();
    let mut twin_of = |case: &Case| twin.run(&case.params, &case.fused, &case.cells, &case.heights);
    assert_eq!(twin_of(&frames[0]), CAPACITY + 1);
    assert_eq!(twin_of(&frames[2]), 0);
    assert_eq!(twin_of(&frames[1]), CAPACITY);
    let (found, labels, clusters) = &results[1];
    assert_eq!(*found, CAPACITY);
    assert!(labels.iter().copied().eq(FIRST..FIRST + CAPACITY as u32));
    assert!(twin.labels == *labels && twin.clusters == *clusters);
    assert_eq!(results[2].0, 0);
}
