//! Every kernel gives the bits of its twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, run, runner, size, transform, upload};
use janus_shaders::fixed::LIMIT;
use janus_shaders::fuse;
use proptest::prelude::*;
use wgpu::BufferUsages;

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

fn fuse_case() -> impl Strategy<Value = (fuse::Params, Vec<fuse::Sweep>, Vec<fuse::Point>)> {
    let points = size().prop_flat_map(|n| prop::collection::vec(point(), n));
    let start = any::<prop::sample::Index>();
    let sweeps = prop::collection::vec((transform(3.0), transform(500_000.0), start), 1..5);
    (points, sweeps, 100..120_000u32).prop_map(|(points, sweeps, range_mm)| {
        let mut starts: Vec<u32> = sweeps
            .iter()
            .map(|s| s.2.index(points.len() + 1) as u32)
            .collect();
        starts.sort_unstable();
        starts[0] = 0;
        let sweeps: Vec<_> = sweeps
            .iter()
            .zip(starts)
            .map(|((base, odom, _), first)| fuse::Sweep {
                base_from_sensor: *base,
                odom_from_sensor: *odom,
                first,
                pad: [0; 3],
            })
            .collect();
        let params = fuse::Params {
            points: points.len() as u32,
            sweeps: sweeps.len() as u32,
            range_squared: (range_mm / 32).pow(2),
            height_min: -20_000,
            height_max: 30_000,
            body_top: 2_000,
            body_min: [-30_000, -9_000],
            body_max: [20_000, 11_000],
        };
        (params, sweeps, points)
    })
}

#[test]
fn fuse_equals_its_twin() {
    let kernel = fuse::kernel(&CONTEXT);
    let kept = Cell::new(0);
    runner(48)
        .run(&fuse_case(), |(params, sweeps, points)| {
            let out = upload(&vec![[0i32; 4]; points.len().max(1)], BufferUsages::STORAGE);
            let counts = upload(&[0u32; 4], BufferUsages::STORAGE);
            run(
                &kernel,
                &[
                    (0, &upload(&[params], BufferUsages::UNIFORM)),
                    (1, &upload(&sweeps, BufferUsages::STORAGE)),
                    (
                        2,
                        &upload(
                            if points.is_empty() {
                                &[[0; 4]]
                            } else {
                                &points[..]
                            },
                            BufferUsages::STORAGE,
                        ),
                    ),
                    (3, &out),
                    (4, &counts),
                ],
                params.points,
            );
            let mut fused = vec![[0; 4]; points.len()];
            let twin_counts = fuse::twin(&params, &sweeps, &points, &mut fused);
            prop_assert_eq!(twin_counts.to_vec(), download::<u32>(&counts));
            prop_assert_eq!(twin_counts.iter().sum::<u32>() as usize, points.len());
            prop_assert!(fused == download::<fuse::Fused>(&out)[..points.len()]);
            kept.set(kept.get() + twin_counts[0]);
            Ok(())
        })
        .unwrap();
    assert!(
        kept.get() > 10_000,
        "the cases crop nearly everything away: {kept:?}"
    );
}
