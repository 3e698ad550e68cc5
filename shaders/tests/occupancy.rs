//! The occupancy kernels give the bits of their twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, runner, size, transform, upload};
use janus_shaders::Window;
use janus_shaders::fixed::Transform;
use janus_shaders::fuse::Fused;
use janus_shaders::occupancy::{FORGET, Inputs, Mount, Params, Pipeline, Scan, Twin, UNKNOWN};
use proptest::prelude::*;
use wgpu::BufferUsages;

/// One frame: the window's place, points, poses, and what changes the ground.
#[derive(Debug)]
struct Run {
    origin: [i32; 2],
    forgets: bool,
    points: Vec<Fused>,
    poses: Vec<Transform>,
    base: Transform,
    slope: [i32; 2],
}

/// Places are about a corner far from odom's origin, as those of long drives.
#[derive(Debug)]
struct Case {
    side: u32,
    cell_mm: i32,
    corner: [i32; 2],
    runs: Vec<Run>,
}

fn point() -> impl Strategy<Value = Fused> {
    let near = (-15_000..15_000i32, -15_000..15_000i32, -300..500i32);
    let place = prop_oneof![
        12 => near,
        2 => (Just(400), -9_000..9_000i32, -300..3_000i32),
        1 => (any::<i32>(), any::<i32>(), any::<i32>()),
    ];
    // Some tell of sweeps and poses that are not there.
    let tag = (0..5u32, 0..4u32, prop_oneof![9 => Just(0u32), 1 => 1..4u32]);
    (place, tag).prop_map(|((x, y, z), (sweep, pose, outcome))| {
        [x, y, z, (sweep << 16 | pose << 21 | outcome << 30) as i32]
    })
}

fn run() -> impl Strategy<Value = Run> {
    (
        prop::array::uniform2(-6..6i32),
        prop::bool::weighted(0.1),
        size().prop_flat_map(|n| prop::collection::vec(point(), n)),
        prop::collection::vec(transform(1.0), 1..4),
        transform(5.0),
        prop::array::uniform2(-60..60i32),
    )
        .prop_map(|(origin, forgets, points, poses, base, slope)| Run {
            origin: origin.map(|c| c * Window::STEP as i32),
            forgets,
            points,
            poses,
            base,
            slope,
        })
}

fn case() -> impl Strategy<Value = Case> {
    let corner = prop_oneof![
        Just([0; 2]),
        prop::array::uniform2(-990_000_000..990_000_000i32)
    ];
    (
        prop::sample::select(vec![16u32, 64, 128, 256]),
        50..500i32,
        corner,
        prop::collection::vec(run(), 1..5),
    )
        .prop_map(|(side, cell_mm, corner, runs)| Case {
            side,
            cell_mm,
            corner,
            runs,
        })
}

/// A frame as the kernels take it.
struct Frame {
    params: Params,
    poses: Vec<Transform>,
    fused: Vec<Fused>,
    cells: Vec<u32>,
    heights: Vec<i32>,
    ground: Vec<i32>,
}

const MOUNTS: [Mount; 4] = [
    [0, 0, 1_730, 0],
    [1_500, -800, 250, 0],
    [-1_999, 400, 2_300, 0],
    [1, 1, -50, 0],
];

impl Frame {
    fn new(case: &Case, run: &Run, last_origin: [i32; 2]) -> Self {
        let centre = Window::about(case.corner, case.side, case.cell_mm);
        let window = Window {
            origin: [0, 1].map(|i| centre.origin[i] + run.origin[i]),
            ..centre
        };
        let fused: Vec<Fused> = run
            .points
            .iter()
            .map(|p| {
                let [x, y] = [0, 1].map(|i| p[i].wrapping_add(case.corner[i]));
                [x, y, p[2], p[3]]
            })
            .collect();
        let place = |[x, y]: [i32; 2]| -> i32 { (x * run.slope[0] + y * run.slope[1]) / 1_024 };
        let ground: Vec<i32> = (0..window.cells() as i32)
            .map(|i| {
                let cell = [i % case.side as i32, i / case.side as i32];
                let height = place(cell.map(|c| (c - case.side as i32 / 2) * case.cell_mm));
                // Here and there it is not known, or a step.
                match (cell[0] * 7 + cell[1] * 13) % 64 {
                    0 => i32::MIN,
                    1 => height - 150,
                    _ => height,
                }
            })
            .collect();
        let cells: Vec<u32> = fused
            .iter()
            .map(|p| match p[3] as u32 >> 30 {
                0 => window.index(p[0], p[1]),
                _ => Window::NOWHERE,
            })
            .collect();
        let heights = fused
            .iter()
            .zip(&cells)
            .map(|(p, &cell)| match ground.get(cell as usize) {
                Some(&floor) if floor != i32::MIN => p[2].wrapping_sub(floor),
                _ => i32::MIN,
            })
            .collect();
        let poses: Vec<_> = run
            .poses
            .iter()
            .map(|pose| {
                let mut pose = *pose;
                pose.x[3] += case.corner[0];
                pose.y[3] += case.corner[1];
                pose
            })
            .collect();
        let [x, y, _] = run.base.translation();
        let heading = f64::from(run.base.x[0]).atan2(f64::from(run.base.x[1]));
        let (sin, cos) = heading.sin_cos();
        let [cos, sin] = [cos, sin].map(|c| (c * f64::from(1 << 20)) as i32);
        let params = Params {
            window,
            last_origin: if run.forgets { FORGET } else { last_origin },
            base: [case.corner[0] + x, case.corner[1] + y],
            base_x: [cos, sin, 0, 0],
            base_y: [-sin, cos, 0, 0],
            body_min: [-1_500, -700],
            body_max: [2_100, 900],
            points: fused.len() as u32,
            sweeps: MOUNTS.len() as u32,
            poses: poses.len() as u32,
            ground_min: -500,
            obstacle_min: 200,
            obstacle_max: 2_500,
            hit: 850,
            miss: 400,
            least: -2_000,
            most: 3_500,
            decay: 30,
            pad: 0,
        };
        Self {
            params,
            poses,
            fused,
            cells,
            heights,
            ground,
        }
    }

    fn scan(&self) -> Scan<'_> {
        Scan {
            mounts: &MOUNTS,
            poses: &self.poses,
            fused: &self.fused,
            cells: &self.cells,
            heights: &self.heights,
            ground: &self.ground,
        }
    }
}

#[test]
fn equals_its_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let states = [const { Cell::new(0usize) }; 4];
    runner(32)
        .run(&case(), |case| {
            let mut twin = Twin::new(case.side);
            let mut bound = None;
            let mut last_origin = FORGET;
            for run in &case.runs {
                let frame = Frame::new(&case, run, last_origin);
                last_origin = frame.params.window.origin;
                twin.run(&frame.params, &frame.scan());

                let inputs = Inputs {
                    poses: &upload(&frame.poses, BufferUsages::STORAGE),
                    fused: &upload(&frame.fused, BufferUsages::STORAGE),
                    cells: &upload(&frame.cells, BufferUsages::STORAGE),
                    heights: &upload(&frame.heights, BufferUsages::STORAGE),
                    ground: &upload(&frame.ground, BufferUsages::STORAGE),
                };
                // The grid outlives its inputs.
                let mut next = bound
                    .take()
                    .unwrap_or_else(|| pipeline.bind(&CONTEXT, case.side, inputs));
                pipeline.rebind(&CONTEXT, &mut next, inputs);
                next.write(&CONTEXT.queue, &frame.params, &MOUNTS);
                let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
                pipeline.encode(&mut encoder, None, &next, &frame.params);
                CONTEXT.queue.submit([encoder.finish()]);
                CONTEXT.check().unwrap();
                prop_assert!(twin.grid() == download::<i16>(&next.grid));
                bound = Some(next);
            }
            for &cell in twin.grid() {
                let state = match cell {
                    UNKNOWN => 0,
                    1.. => 1,
                    0 => 2,
                    _ => 3,
                };
                states[state].set(states[state].get() + 1);
            }
            Ok(())
        })
        .unwrap();
    assert!(
        [0, 1, 3].iter().all(|&i| states[i].get() > 10_000),
        "the cases reach too little: {states:?}"
    );
}

#[test]
fn goes_on_with_the_twin_from_what_was_read_back() {
    let pipeline = Pipeline::new(&CONTEXT);
    runner(4)
        .run(&(case(), run()), |(case, next)| {
            let mut all = Twin::new(case.side);
            let first = Frame::new(&case, &case.runs[0], FORGET);
            all.run(&first.params, &first.scan());
            let saved = all.grid().to_vec();
            let second = Frame::new(&case, &next, first.params.window.origin);
            all.run(&second.params, &second.scan());

            let mut twin = Twin::new(case.side);
            twin.restore(&saved);
            prop_assert!(twin.run(&second.params, &second.scan()) == all.grid());

            let inputs = Inputs {
                poses: &upload(&second.poses, BufferUsages::STORAGE),
                fused: &upload(&second.fused, BufferUsages::STORAGE),
                cells: &upload(&second.cells, BufferUsages::STORAGE),
                heights: &upload(&second.heights, BufferUsages::STORAGE),
                ground: &upload(&second.ground, BufferUsages::STORAGE),
            };
            let bound = pipeline.bind(&CONTEXT, case.side, inputs);
            bound.restore(&CONTEXT.queue, &saved);
            bound.write(&CONTEXT.queue, &second.params, &MOUNTS);
            let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
            pipeline.encode(&mut encoder, None, &bound, &second.params);
            CONTEXT.queue.submit([encoder.finish()]);
            prop_assert!(download::<i16>(&bound.grid) == all.grid());
            Ok(())
        })
        .unwrap();
}
