//! How long each pass takes, and all of them: the twins, and the kernels on the
//! software driver or the device that `JANUS_TEST_DEVICE` names; for one lidar
//! and for ten.
#![allow(missing_docs, unreachable_pub)]

mod scan;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use janus_shaders::fixed::Transform;
use janus_shaders::{
    Context, DeviceChoice, Window, cluster, distance, forecast, fuse, ground, occupancy, voxel,
};
use scan::Scan;
use wgpu::CommandEncoder;

const SIDE: u32 = 512;
const MAX_VOXELS: u32 = 1 << 18;
const BODY: [[i32; 2]; 2] = [[-2_000, -900], [2_000, 900]];

const PASSES: [&str; 6] = [
    "fuse",
    "ground",
    "cluster",
    "occupancy",
    "distance",
    "voxel",
];

/// A scan, and what each pass is to make of it.
struct Work {
    scan: Scan,
    fuse: fuse::Params,
    ground: ground::Params,
    cluster: cluster::Params,
    occupancy: occupancy::Params,
    voxel: voxel::Params,
}

impl Work {
    fn of(lidars: usize) -> Self {
        let scan = Scan::of(lidars);
        let points = scan.points();
        let window = Window::about([0; 2], SIDE, 200);
        let bounds = voxel::Bounds::about([0; 3], 80_000, [-10_000, 10_000], 200);
        let bounds = bounds.expect("so many voxels fit in 32 bits");
        Self {
            fuse: fuse::Params {
                window,
                points,
                sweeps: lidars as u32,
                poses: scan::TICKS as u32,
                tick_shift: 0,
                range_squared: (80_000u32 / 32).pow(2),
                height_min: -10_000,
                height_max: 10_000,
                body_top: 1_500,
                body_min: BODY[0],
                body_max: BODY[1],
            },
            ground: ground::Params::new(window, &Transform::IDENTITY, points),
            cluster: cluster::Params {
                window,
                position: [0; 2],
                points,
                tolerance: ground::Params::TOLERANCE,
                clearance: 2_500,
                reach_mm: 200,
                reach_per_mille: 20,
                min_points: 5,
            },
            occupancy: occupancy::Params {
                window,
                last_origin: window.origin,
                base: [0; 2],
                base_x: [1 << 20, 0, 0, 0],
                base_y: [0, 1 << 20, 0, 0],
                body_min: BODY[0],
                body_max: BODY[1],
                points,
                sweeps: lidars as u32,
                poses: scan::TICKS as u32,
                ground_min: -400,
                obstacle_min: 300,
                obstacle_max: 2_700,
                hit: 900,
                miss: 500,
                least: -2_000,
                most: 2_500,
                decay: 500,
                pad: 0,
            },
            voxel: voxel::Params::new(&bounds, &[(0, points)]).expect("so many points are taken"),
            scan,
        }
    }

    fn points(&self) -> Vec<&[fuse::Point]> {
        self.scan.points.iter().map(Vec::as_slice).collect()
    }
}

struct Twins {
    fused: Vec<fuse::Fused>,
    cells: Vec<u32>,
    ground: ground::Twin,
    cluster: cluster::Twin,
    occupancy: occupancy::Twin,
    distance: distance::Twin,
    voxel: voxel::Twin,
}

impl Twins {
    fn new(work: &Work) -> Self {
        let points = work.fuse.points as usize;
        Self {
            fused: vec![[0; 4]; points],
            cells: vec![0; points],
            ground: ground::Twin::default(),
            cluster: cluster::Twin::default(),
            occupancy: occupancy::Twin::new(SIDE),
            distance: distance::Twin::new(SIDE),
            voxel: voxel::Twin::new(MAX_VOXELS),
        }
    }

    /// Runs a pass; how much it found.
    fn run(&mut self, work: &Work, pass: usize) -> usize {
        let Scan {
            sweeps,
            mounts,
            poses,
            ..
        } = &work.scan;
        let (fused, cells) = (&mut self.fused, &mut self.cells);
        match pass {
            0 => fuse::twin(&work.fuse, sweeps, poses, &work.points(), fused, cells)[0] as usize,
            1 => {
                self.ground.run(&work.ground, fused, cells);
                self.ground.heights.len()
            }
            2 => self
                .cluster
                .run(&work.cluster, fused, cells, &self.ground.heights),
            3 => {
                let scan = occupancy::Scan {
                    mounts,
                    poses,
                    fused,
                    cells,
                    heights: &self.ground.heights,
                    ground: &self.ground.ground,
                };
                self.occupancy.run(&work.occupancy, &scan).len()
            }
            4 => self.distance.run(self.occupancy.grid()).len(),
            _ => self.voxel.run(&work.voxel, fused).voxels as usize,
        }
    }
}

struct Kernels<'a> {
    context: &'a Context,
    fuse: (fuse::Pipeline, fuse::Bound),
    ground: (ground::Pipeline, ground::Bound),
    cluster: (cluster::Pipeline, cluster::Bound),
    occupancy: (occupancy::Pipeline, occupancy::Bound),
    distance: (distance::Pipeline, distance::Bound),
    voxel: (voxel::Pipeline, voxel::Bound),
}

impl<'a> Kernels<'a> {
    fn new(context: &'a Context, work: &Work) -> Self {
        let points = work.fuse.points;
        let fuse = fuse::Pipeline::new(context);
        let ground = ground::Pipeline::new(context);
        let cluster = cluster::Pipeline::new(context);
        let occupancy = occupancy::Pipeline::new(context);
        let distance = distance::Pipeline::new(context);
        let voxel = voxel::Pipeline::new(context);

        let fuse_bound = fuse.bind(context, points);
        let (fused, cells) = (&fuse_bound.fused, &fuse_bound.cells);
        let ground_bound = ground.bind(context, SIDE, work.ground.shift, points, fused, cells);
        let heights = &ground_bound.heights;
        let cluster_bound = cluster.bind(context, points, SIDE, fused, cells, heights);
        let inputs = occupancy::Inputs {
            poses: &fuse_bound.poses,
            fused,
            cells,
            heights,
            ground: &ground_bound.ground,
        };
        let occupancy_bound = occupancy.bind(context, SIDE, inputs);
        let distance_bound = distance.bind(context, SIDE, &occupancy_bound.grid);
        let voxel_bound = voxel.bind(context, points, MAX_VOXELS, fused);

        let scan = &work.scan;
        let queue = &context.queue;
        let points = work.points();
        fuse_bound.write(queue, &work.fuse, &scan.sweeps, &scan.poses, &points);
        ground_bound.write(queue, &work.ground);
        cluster_bound.write(queue, &work.cluster);
        occupancy_bound.write(queue, &work.occupancy, &scan.mounts);
        distance_bound.write(queue, &distance::Params { side: SIDE });
        voxel_bound.write(queue, &work.voxel);
        Self {
            context,
            fuse: (fuse, fuse_bound),
            ground: (ground, ground_bound),
            cluster: (cluster, cluster_bound),
            occupancy: (occupancy, occupancy_bound),
            distance: (distance, distance_bound),
            voxel: (voxel, voxel_bound),
        }
    }

    fn encode(&self, encoder: &mut CommandEncoder, work: &Work, pass: usize) {
        let side = distance::Params { side: SIDE };
        match pass {
            0 => self.fuse.0.encode(encoder, None, &self.fuse.1, &work.fuse),
            1 => self
                .ground
                .0
                .encode(encoder, None, &self.ground.1, &work.ground),
            2 => self
                .cluster
                .0
                .encode(encoder, None, &self.cluster.1, &work.cluster),
            3 => self
                .occupancy
                .0
                .encode(encoder, None, &self.occupancy.1, &work.occupancy),
            4 => self
                .distance
                .0
                .encode(encoder, None, &self.distance.1, &side),
            _ => self
                .voxel
                .0
                .encode(encoder, None, &self.voxel.1, &work.voxel),
        }
    }

    /// Runs some passes in one submission, and waits for them.
    fn run(&self, work: &Work, passes: impl Iterator<Item = usize>) {
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&Default::default());
        passes.for_each(|pass| self.encode(&mut encoder, work, pass));
        self.context.queue.submit([encoder.finish()]);
        self.context.wait().expect("the device goes on");
    }
}

fn passes(criterion: &mut Criterion) {
    let name = std::env::var("JANUS_TEST_DEVICE").unwrap_or_else(|_| "llvmpipe".into());
    let context = Context::open(&DeviceChoice::Named(name)).ok().flatten();
    for lidars in [1, 10] {
        let work = Work::of(lidars);
        let mut group = criterion.benchmark_group(format!("{} points", work.fuse.points));
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        let all = 0..PASSES.len();

        let mut twins = Twins::new(&work);
        for pass in all.clone() {
            assert!(twins.run(&work, pass) > 10, "{} found little", PASSES[pass]);
        }
        for (pass, name) in PASSES.iter().enumerate() {
            group.bench_function(format!("{name}/twin"), |b| {
                b.iter(|| twins.run(&work, pass));
            });
        }
        group.bench_function("chain/twin", |b| {
            b.iter(|| {
                all.clone()
                    .map(|pass| twins.run(&work, pass))
                    .sum::<usize>()
            });
        });

        let Some(context) = &context else { continue };
        let kernels = Kernels::new(context, &work);
        kernels.run(&work, all.clone());
        let device = &context.adapter.name;
        for (pass, name) in PASSES.iter().enumerate() {
            group.bench_function(format!("{name}/{device}"), |b| {
                b.iter(|| kernels.run(&work, pass..pass + 1));
            });
        }
        group.bench_function(format!("chain/{device}"), |b| {
            b.iter(|| kernels.run(&work, all.clone()));
        });
        context.check().expect("the device worked");
    }
}

/// Fifty objects with three hypotheses of ten steps each, over the window.
fn traffic() -> (forecast::Params, Vec<forecast::Footprint>) {
    let layers = 10;
    let footprints = (0..50 * 3 * layers).map(|i| {
        let (object, hypothesis, step) = (i / 30, i / 10 % 3, i % layers);
        let yaw = f64::from(object) * 2.4 + f64::from(hypothesis) * 0.1 * f64::from(step);
        let way = f64::from(step) * 4.0;
        let place = [
            (f64::from(object) * 0.754).sin() * 40.0 + yaw.cos() * way,
            (f64::from(object) * 1.319).cos() * 40.0 + yaw.sin() * way,
        ];
        let margin = 0.1 + 0.1 * f64::from(step);
        let footprint = forecast::Footprint::new(place, yaw, [4.5, 1.8], [margin; 2]);
        let footprint = footprint.expect("a car has such sides");
        footprint.at(step, 200, 80)
    });
    let footprints: Vec<_> = footprints.collect();
    let window = Window::about([0; 2], SIDE, 200);
    let params = forecast::Params::new(window, layers, footprints.len());
    (params.expect("so many cells are held"), footprints)
}

fn forecast(criterion: &mut Criterion) {
    let name = std::env::var("JANUS_TEST_DEVICE").unwrap_or_else(|_| "llvmpipe".into());
    let context = Context::open(&DeviceChoice::Named(name)).ok().flatten();
    let (params, footprints) = traffic();
    let mut group = criterion.benchmark_group(format!("{} footprints", footprints.len()));
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    let mut twin = forecast::Twin::default();
    assert_eq!(twin.run(&params, &footprints), Default::default());
    let filled = twin.layers().iter().filter(|&&weight| weight > 0).count();
    assert!(filled > 100_000, "the footprints touch little: {filled}");
    group.bench_function("forecast/twin", |b| {
        b.iter(|| twin.run(&params, &footprints));
    });
    let Some(context) = &context else { return };
    let pipeline = forecast::Pipeline::new(context);
    let bound = pipeline.bind(context, &params);
    group.bench_function(format!("forecast/{}", context.adapter.name), |b| {
        b.iter(|| {
            bound.write(&context.queue, &params, &footprints);
            let mut encoder = context.device.create_command_encoder(&Default::default());
            pipeline.encode(&mut encoder, None, &bound, &params);
            context.queue.submit([encoder.finish()]);
            context.wait().expect("the device goes on");
        });
    });
    context.check().expect("the device worked");
}

criterion_group!(benches, passes, forecast);
criterion_main!(benches);
