//! The kernel that fuses sweeps gives the bits of its twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, runner, size, transform};
use janus_shaders::fixed::{LIMIT, Transform};
use janus_shaders::{Window, fuse};
use proptest::prelude::*;

/// Returns of a plausible scan, with poison among them.
fn point() -> impl Strategy<Value = fuse::Point> {
    let near = prop::array::uniform3(-60_000..60_000i32);
    let poison = prop::sample::select(vec![
        [i32::MIN; 3],
        [i32::MAX; 3],
        [i32::MIN + 1, 0, 0],
        [LIMIT, -LIMIT, LIMIT],
        [LIMIT + 1, 0, 0],
        [0, 0, -LIMIT - 1],
        [0; 3],
    ]);
    (prop_oneof![9 => near, 1 => poison], any::<i32>()).prop_map(|([x, y, z], w)| [x, y, z, w])
}

#[derive(Clone, Debug)]
struct Case {
    params: fuse::Params,
    sweeps: Vec<fuse::Sweep>,
    poses: Vec<Transform>,
    points: Vec<fuse::Point>,
}

impl Case {
    /// The points of each sweep.
    fn scans(&self) -> Vec<&[fuse::Point]> {
        let ends = self.sweeps[1..].iter().map(|s| s.first as usize);
        let ends = ends.chain([self.points.len()]);
        let starts = self.sweeps.iter().map(|s| s.first as usize);
        starts.zip(ends).map(|(i, j)| &self.points[i..j]).collect()
    }
}

fn case() -> impl Strategy<Value = Case> {
    let points = size().prop_flat_map(|n| prop::collection::vec(point(), n));
    let start = any::<prop::sample::Index>();
    let when = (0..4u32, 0..20_000u32, any::<bool>());
    let sweeps = prop::collection::vec((transform(3.0), start, when), 1..5);
    let poses = prop::collection::vec(transform(3.0), 1..fuse::MAX_POSES);
    let window = (
        7..=10u32,
        100..500i32,
        transform(900_000.0),
        3..9u32,
        100..120_000u32,
    );
    (points, sweeps, poses, window).prop_map(|(points, sweeps, poses, window)| {
        let (side, cell_mm, centre, tick_shift, range_mm) = window;
        let mut starts: Vec<u32> = sweeps
            .iter()
            .map(|s| s.1.index(points.len() + 1) as u32)
            .collect();
        starts.sort_unstable();
        starts[0] = 0;
        let sweeps: Vec<_> = sweeps
            .iter()
            .zip(starts)
            .map(
                |((base_from_sensor, _, (pose, tick, timed)), first)| fuse::Sweep {
                    base_from_sensor: *base_from_sensor,
                    first,
                    pose: *pose,
                    tick: *tick,
                    mask: if *timed { 0xffff } else { 0 },
                },
            )
            .collect();
        // The vehicle is about one place, and turns.
        let [x, y, z] = centre.translation();
        let poses: Vec<_> = poses
            .into_iter()
            .map(|mut pose| {
                (pose.x[3], pose.y[3], pose.z[3]) = (pose.x[3] + x, pose.y[3] + y, pose.z[3] + z);
                pose
            })
            .collect();
        let params = fuse::Params {
            window: Window::about([x, y], 1 << side, cell_mm),
            points: points.len() as u32,
            sweeps: sweeps.len() as u32,
            poses: poses.len() as u32,
            tick_shift,
            range_squared: (range_mm / 32).pow(2),
            height_min: -20_000,
            height_max: 30_000,
            body_top: 2_000,
            body_min: [-30_000, -9_000],
            body_max: [20_000, 11_000],
        };
        Case {
            params,
            sweeps,
            poses,
            points,
        }
    })
}

#[test]
fn fuse_equals_its_twin() {
    let pipeline = fuse::Pipeline::new(&CONTEXT);
    let bound = pipeline.bind(&CONTEXT, 70_000);
    let reached = [const { Cell::new(0) }; 3];
    runner(48)
        .run(&case(), |case| {
            let scans = case.scans();
            let n = case.points.len();
            bound.write(
                &CONTEXT.queue,
                &case.params,
                &case.sweeps,
                &case.poses,
                &scans,
            );
            let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
            pipeline.encode(&mut encoder, None, &bound, &case.params);
            CONTEXT.queue.submit([encoder.finish()]);

            let (mut fused, mut cells) = (vec![[0; 4]; n], vec![0; n]);
            let counts = fuse::twin(
                &case.params,
                &case.sweeps,
                &case.poses,
                &scans,
                &mut fused,
                &mut cells,
            );
            prop_assert_eq!(counts.to_vec(), download::<u32>(&bound.counts));
            prop_assert_eq!(counts.iter().sum::<u32>() as usize, n);
            prop_assert!(fused == download::<fuse::Fused>(&bound.fused)[..n]);
            prop_assert!(cells == download::<u32>(&bound.cells)[..n]);

            let told = cells.iter().filter(|c| **c != Window::NOWHERE).count();
            let turned = fused.iter().filter(|p| fuse::pose_of(**p) > 3).count();
            for (sum, n) in reached.iter().zip([counts[0] as usize, told, turned]) {
                sum.set(sum.get() + n);
            }
            Ok(())
        })
        .unwrap();
    assert!(
        reached.iter().all(|n| n.get() > 10_000),
        "the cases reach too little: {reached:?}"
    );
}

#[test]
fn a_point_moves_with_the_pose_of_its_time() {
    let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let at = |x| Transform::new(identity, [x, 0.0, 0.0]).unwrap();
    let params = fuse::Params {
        window: Window::about([0; 2], 64, 200),
        points: 4,
        sweeps: 1,
        poses: 3,
        tick_shift: 5,
        range_squared: 1_000_000,
        height_min: -1_000,
        height_max: 1_000,
        body_top: 0,
        body_min: [0; 2],
        body_max: [0; 2],
    };
    let sweep = fuse::Sweep {
        base_from_sensor: at(1.0),
        first: 0,
        pose: 1,
        tick: 16,
        mask: 0xffff,
    };
    let poses = [at(100.0), at(2.0), at(3.0)];
    // 15 ticks round down to the first pose, 16 up to the next; times after
    // the last pose belong to it.
    let points = [0, 15, 16, 60_000].map(|t: u32| [500, 0, 0, (t << 16) as i32]);
    let (mut fused, mut cells) = ([[0; 4]; 4], [0; 4]);
    let counts = fuse::twin(
        &params,
        &[sweep],
        &poses,
        &[&points],
        &mut fused,
        &mut cells,
    );
    assert_eq!(counts, [4, 0, 0, 0]);
    assert_eq!(fused.map(|p| p[0]), [3_500, 3_500, 4_500, 4_500]);
    assert_eq!(cells[0], 32 * 64 + 32 + 17);
    let untimed = fuse::Sweep {
        pose: 0,
        tick: 0,
        mask: 0,
        ..sweep
    };
    fuse::twin(
        &params,
        &[untimed],
        &poses,
        &[&points],
        &mut fused,
        &mut cells,
    );
    assert_eq!(fused.map(|p| p[0]), [101_500; 4]);
    assert_eq!(cells, [Window::NOWHERE; 4]);
}
