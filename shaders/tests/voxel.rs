//! The kernel makes the voxels of its twin.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod gpu;

use std::cell::Cell;

use gpu::{CONTEXT, download, runner, size, upload};
use janus_shaders::fuse::Fused;
use janus_shaders::voxel::{self, Bounds, Params, Pipeline, Status, Twin, Voxel};
use proptest::prelude::*;
use proptest::sample::Index;
use wgpu::{Buffer, BufferUsages};

/// Points for which the tests have room.
const CAPACITY: u32 = 1 << 18;

/// A device's voxels of several runs on the same buffers, and the twin's.
struct Pair {
    kernel: voxel::Bound,
    fused: Buffer,
    twin: Twin,
    max_voxels: u32,
}

impl Pair {
    fn new(pipeline: &Pipeline, capacity: u32, max_voxels: u32) -> Self {
        let fused = upload(&vec![[0i32; 4]; capacity as usize], BufferUsages::STORAGE);
        Self {
            kernel: pipeline.bind(&CONTEXT, capacity, max_voxels, &fused),
            fused,
            twin: Twin::new(max_voxels),
            max_voxels,
        }
    }

    /// Runs both, and says what they came to if it is the same.
    fn run(&mut self, pipeline: &Pipeline, params: &Params, fused: &[Fused]) -> Option<Status> {
        let queue = &CONTEXT.queue;
        queue.write_buffer(&self.fused, 0, bytemuck::cast_slice(fused));
        self.kernel.write(queue, params);
        let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
        pipeline.encode(&mut encoder, None, &self.kernel, params);
        queue.submit([encoder.finish()]);
        CONTEXT.check().unwrap();
        let status: Status = download(&self.kernel.status)[0];
        let twin = self.twin.run(params, fused);
        if status != twin {
            eprintln!("{status:?}, but the twin {twin:?}");
            return None;
        }
        if let Some(made) = status.made(self.max_voxels) {
            let voxels: Vec<Voxel> = download(&self.kernel.voxels);
            if self.twin.voxels() != &voxels[..made] {
                let at = (0..made).find(|i| self.twin.voxels()[*i] != voxels[*i]);
                eprintln!("voxel {at:?} of {made} differs");
                return None;
            }
        }
        Some(status)
    }
}

/// Lines of a scan, points anywhere, points in one place, and poison.
fn cloud(centre: [i32; 3]) -> impl Strategy<Value = Vec<Fused>> {
    let place = prop_oneof![
        6 => (0..40_000i32, 0..4_000i32).prop_map(|(a, b)| {
            let (sin, cos) = (f64::from(a) / 3e3).sin_cos();
            [(cos * 2e4) as i32, (sin * 2e4) as i32, b]
        }),
        6 => prop::array::uniform3(-30_000..30_000i32),
        3 => prop::array::uniform3(0..50i32),
    ];
    let poison = prop::sample::select(vec![
        [i32::MIN; 3],
        [i32::MAX; 3],
        [1_000_000_000, -1_000_000_000, 0],
        [-1_000_000_000; 3],
        [0; 3],
    ]);
    let place = place.prop_map(move |p| std::array::from_fn(|i| p[i] + centre[i]));
    let outcome = prop_oneof![9 => Just(0i32), 1 => 1..4i32];
    let point = (prop_oneof![19 => place, 1 => poison], any::<u16>(), outcome)
        .prop_map(|([x, y, z], w, outcome)| [x, y, z, i32::from(w) | 5 << 16 | outcome << 30]);
    // Some stand still, so that many points in a row are in one voxel.
    (
        prop_oneof![2 => size(), 1 => 3_000..60_000usize],
        1..12usize,
    )
        .prop_flat_map(move |(n, still)| {
            prop::collection::vec(point.clone(), n.div_ceil(still)).prop_map(move |points| {
                let rows = points.iter().flat_map(|p| std::iter::repeat_n(*p, still));
                rows.take(n).collect()
            })
        })
}

/// Cuts a cloud of `n` points into up to 32 segments, in any order.
fn segments(n: usize, cuts: &[(Index, Index)]) -> Vec<(u32, u32)> {
    if cuts.is_empty() {
        return vec![(0, n as u32)];
    }
    cuts.iter()
        .map(|(a, b)| {
            let (a, b) = (a.index(n + 1) as u32, b.index(n + 1) as u32);
            (a.min(b), a.abs_diff(b))
        })
        .collect()
}

type Run = (Vec<Fused>, Vec<(Index, Index)>, i32, u32);

fn case() -> impl Strategy<Value = ([i32; 3], u32, Vec<Run>)> {
    let far = prop_oneof![3 => -50_000..50_000i32, 1 => -1_000_000_000..1_000_000_000i32];
    (
        prop::array::uniform3(far),
        prop::sample::select(vec![1u32, 3, 100, 4_096, 70_000, 70_000]),
    )
        .prop_flat_map(|(centre, max_voxels)| {
            let index = (any::<Index>(), any::<Index>());
            let cuts = prop_oneof![
                2 => Just(Vec::new()),
                1 => prop::collection::vec(index, 1..4),
                1 => Just(()).prop_flat_map(move |()| {
                    prop::collection::vec((any::<Index>(), any::<Index>()), 32)
                }),
            ];
            let run = (cloud(centre), cuts, voxel::SIZES_MM, 1..60_000u32);
            (
                Just(centre),
                Just(max_voxels),
                prop::collection::vec(run, 1..5),
            )
        })
}

#[test]
fn voxels_equal_their_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let reached = [const { Cell::new(0usize) }; 5];
    let reach = |i: usize, n: usize| reached[i].set(reached[i].get() + n);
    runner(48)
        .run(&case(), |(centre, max_voxels, runs)| {
            let mut pair = Pair::new(&pipeline, CAPACITY, max_voxels);
            for (fused, cuts, size_mm, range_mm) in &runs {
                let bounds = Bounds::about(centre, *range_mm, [-9_000, 30_000], *size_mm).unwrap();
                let mut segments = segments(fused.len(), cuts);
                let mut room = CAPACITY;
                for segment in &mut segments {
                    segment.1 = segment.1.min(room);
                    room -= segment.1;
                }
                let params = Params::new(&bounds, &segments).unwrap();
                let status = pair.run(&pipeline, &params, fused);
                prop_assert!(status.is_some());
                let status = status.unwrap();
                reach(0, status.outside as usize);
                match status.made(max_voxels) {
                    Some(made) => {
                        reach(1, made);
                        reach(2, usize::from(made > 0));
                    }
                    None if status.full == 0 => reach(3, 1),
                    None => reach(4, 1),
                }
            }
            Ok(())
        })
        .unwrap();
    let reached = reached.map(|n| n.get());
    assert!(
        reached[0] > 1_000 && reached[1] > 10_000 && reached[2..].iter().all(|n| *n > 4),
        "the cases reach too little: {reached:?}"
    );
}

#[test]
fn a_ring_of_frames_equals_its_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let frame = 20_011u32;
    let frames = 10;
    let mut pair = Pair::new(&pipeline, frames * frame, 1 << 17);
    let mut ring = vec![[0; 4]; (frames * frame) as usize];
    let mut made = Vec::new();
    for now in 0..14 {
        // The newest frame takes the oldest one's place.
        let slot = now % frames;
        for (i, p) in ring[(slot * frame) as usize..][..frame as usize]
            .iter_mut()
            .enumerate()
        {
            let angle = (i % 628) as f64 * 0.01;
            let range = 3e3 + (i / 628) as f64 * 500.0;
            let x = (angle.cos() * range) as i32 + now as i32 * 370;
            *p = [
                x,
                (angle.sin() * range) as i32,
                (i % 17) as i32 * 90,
                i as i32 & 0xffff,
            ];
        }
        let held = frames.min(now + 1);
        let segments: Vec<_> = (0..held)
            .map(|age| {
                (
                    (now + 1 + frames - held + age) % frames * frame,
                    frame - age,
                )
            })
            .collect();
        let centre = [now as i32 * 370, 0, 0];
        let bounds = Bounds::about(centre, 30_000, [-1_000, 4_000], 200).unwrap();
        let params = Params::new(&bounds, &segments).unwrap();
        let status = pair.run(&pipeline, &params, &ring).unwrap();
        made.push(status.made(1 << 17).unwrap());
    }
    assert!(made[9] > 2 * made[0], "{made:?}");
}

#[test]
fn many_points_in_one_voxel_equal_their_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let n = 1 << 20;
    let mut pair = Pair::new(&pipeline, n, 1_000);
    let corner = -1_000_000_000;
    let fused: Vec<_> = (0..n as i32)
        .map(|i| [corner + 999 - i % 3, corner + 999, corner + i % 1_000, i])
        .collect();
    let bounds = Bounds::about([corner; 3], 2_000, [-2_000, 2_000], 1000).unwrap();
    let params = Params::new(&bounds, &[(0, n)]).unwrap();
    let status = pair.run(&pipeline, &params, &fused).unwrap();
    assert_eq!(status.voxels, 1);
}
