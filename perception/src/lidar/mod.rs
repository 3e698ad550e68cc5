//! Lidar sweeps into an exact picture of the street: a cloud of voxels, what
//! is ground and what stands on it, and an occupancy grid. On the GPU or on
//! the CPU, with the same bits on both.

mod cpu;
mod gpu;
mod history;
mod input;
mod motion;

use std::time::{Duration, Instant};

use janus_datasets::Frame;
use janus_shaders::{Context, GpuError, cluster, fuse, ground, occupancy, voxel};

use crate::cloud::Cloud;
use crate::config::{LidarConfig, millis};
use crate::error::Result;
use crate::grid::Grid;
pub(crate) use input::fixed;
pub(crate) use motion::Motion;

use input::Input;

/// A stage's name, as reports give it, and how long it took.
pub type Timing = (&'static str, Duration);

/// Fuses the sweeps of each frame and keeps the grid that they add up to.
#[derive(Debug)]
pub struct Lidar {
    config: LidarConfig,
    backend: Backend,
    /// The grid of the last frame; `None` if nothing was seen yet.
    last: Option<Grid>,
    /// The frame before which the device is destroyed.
    lose_at: Option<u64>,
}

#[derive(Debug)]
enum Backend {
    Cpu(Box<cpu::Chain>),
    Gpu(Box<gpu::Chain>),
}

/// What the sweeps of one frame came to.
#[derive(Clone, Debug)]
pub struct LidarScene {
    /// The grid with this frame in it.
    pub grid: Grid,
    /// Of each cell of the grid, the squared distance from its centre to that
    /// of the nearest occupied cell, cells²; `u32::MAX` if none is.
    pub distances: Vec<u32>,
    /// Voxels, labels and clusters.
    pub cloud: Cloud,
    /// What is higher than this over the ground belongs to no cluster, m:
    /// [`crate::ClusterConfig::clearance_m`].
    pub clearance_m: f64,
    /// What became of the points.
    pub points: PointCounts,
    /// Sweeps whose points were taken to be of one moment, because they have
    /// no times of their own or nobody knows where the vehicle was at them.
    pub still_sweeps: u32,
    /// What was lost or degraded.
    pub faults: Vec<LidarFault>,
    /// How long it took.
    pub timings: Vec<Timing>,
}

/// What was lost or degraded while a frame was worked on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LidarFault {
    /// The device failed. This frame and those after it were worked on by the
    /// kernels' twins, from the same grid.
    #[error("{0}; the kernels' twins on the CPU go on")]
    DeviceLost(String),
    /// More voxels than there is room for: there are none.
    #[error("more than lidar.voxel.max_voxels = {room} voxels: none are given")]
    TooManyVoxels {
        /// For how many there is room.
        room: u32,
    },
    /// More clusters than there is room for: there are none, and no labels.
    #[error(
        "{found} clusters, and room for {}: none and no labels are given",
        cluster::CAPACITY
    )]
    TooManyClusters {
        /// How many were found.
        found: u32,
    },
}

/// What became of a frame's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PointCounts {
    /// In the cloud.
    pub kept: u32,
    /// Not finite.
    pub not_finite: u32,
    /// Too far, too high or too low.
    pub out_of_range: u32,
    /// On the vehicle itself.
    pub own_body: u32,
    /// Beyond [`LidarConfig::max_points`], or in sweeps beyond
    /// [`fuse::MAX_SWEEPS`].
    pub over_capacity: u32,
    /// Of those in the cloud and kept from the last frames: outside the box of
    /// the voxels, and so in none.
    pub outside_voxels: u32,
}

impl PointCounts {
    /// How many came in.
    pub fn total(&self) -> usize {
        let Self {
            kept,
            not_finite,
            out_of_range,
            own_body,
            over_capacity,
            outside_voxels: _,
        } = *self;
        let all = [kept, not_finite, out_of_range, own_body, over_capacity];
        all.iter().map(|&n| n as usize).sum()
    }
}

/// What the chains are made for.
#[derive(Clone, Copy, Debug)]
struct Setup {
    /// Cells along a side of the grid.
    side: u32,
    /// [`ground::Params::shift`].
    coarser: u32,
    max_points: u32,
    max_voxels: u32,
    /// Frames that the voxels are made of.
    accumulate: u32,
}

/// What a chain gives back.
struct Output {
    counts: fuse::Counts,
    /// In the order of the window.
    log_odds: Vec<i16>,
    distances: Vec<u32>,
    cloud: Cloud,
    voxels: voxel::Status,
    /// Number of clusters, be there room for them or not.
    clusters: u32,
    timings: Vec<Timing>,
}

impl Lidar {
    /// An empty grid; the kernels run on `context`, their twins without one.
    ///
    /// # Errors
    /// [`crate::ConfigError`] if a setting makes no sense, or [`GpuError`]: the
    /// device has no room for what the settings ask for, or failed.
    pub fn new(config: LidarConfig, context: Option<Context>) -> Result<Self> {
        config.check()?;
        let setup = Setup::new(&config);
        let backend = match context {
            None => Backend::Cpu(Box::new(cpu::Chain::new(&setup))),
            Some(context) => Backend::Gpu(Box::new(gpu::Chain::new(context, setup)?)),
        };
        Ok(Self {
            config,
            backend,
            last: None,
            lose_at: None,
        })
    }

    /// Destroys the device before the frame of this number, to rehearse its
    /// loss.
    pub fn lose_device_at(&mut self, frame: u64) {
        self.lose_at = Some(frame);
    }

    /// Folds a frame's sweeps into the grid.
    ///
    /// If the device fails, the frame is worked on again by the kernels' twins,
    /// which go on from the grid of the frame before; its
    /// [`LidarScene::faults`] say so.
    ///
    /// # Errors
    /// [`crate::Error::NoPose`], [`crate::Error::NoMount`],
    /// [`crate::Error::Pose`] or [`crate::Error::TooFar`] if the frame's pose
    /// or a sensor's cannot be used.
    pub fn step(&mut self, frame: &Frame) -> Result<LidarScene> {
        if frame.begins {
            self.forget();
        }
        let last_origin = self.last.as_ref().map(|grid| grid.origin);
        let last_origin = last_origin.unwrap_or(occupancy::FORGET);
        let input = Input::new(&self.config, frame, last_origin)?;
        let mut faults = Vec::new();
        let output = match &mut self.backend {
            Backend::Cpu(chain) => chain.run(&input),
            Backend::Gpu(chain) => match chain.run(&input, self.lose_at == Some(frame.index)) {
                Ok(output) => output,
                Err(error) => {
                    faults.push(LidarFault::DeviceLost(error.to_string()));
                    self.fall_back().run(&input)
                }
            },
        };
        Ok(self.scene(&input, output, faults))
    }

    /// Forgets all that was seen.
    pub fn forget(&mut self) {
        self.last = None;
        match &mut self.backend {
            Backend::Cpu(chain) => chain.forget(),
            Backend::Gpu(chain) => chain.forget(),
        }
    }

    /// Goes on with the twins, from the grid of the last frame.
    fn fall_back(&mut self) -> &mut cpu::Chain {
        let mut chain = cpu::Chain::new(&Setup::new(&self.config));
        if let Some(last) = &self.last {
            chain.restore(&last.log_odds);
        }
        self.backend = Backend::Cpu(Box::new(chain));
        match &mut self.backend {
            Backend::Cpu(chain) => chain,
            Backend::Gpu(_) => unreachable!("was set to the twins"),
        }
    }

    fn scene(
        &mut self,
        input: &Input<'_>,
        output: Output,
        mut faults: Vec<LidarFault>,
    ) -> LidarScene {
        let room = self.config.voxel.max_voxels;
        if output.voxels.made(room).is_none() {
            faults.push(LidarFault::TooManyVoxels { room });
        }
        let found = output.clusters;
        if found as usize > cluster::CAPACITY {
            faults.push(LidarFault::TooManyClusters { found });
        }
        let window = input.fuse.window;
        let grid = Grid {
            origin: window.origin,
            size: [window.side; 2],
            cell_mm: window.cell_mm as u32,
            log_odds: output.log_odds,
        };
        self.last = Some(grid.clone());
        let [kept, not_finite, out_of_range, own_body] = output.counts;
        let points = PointCounts {
            kept,
            not_finite,
            out_of_range,
            own_body,
            over_capacity: input.over_capacity,
            outside_voxels: output.voxels.outside,
        };
        let mut cloud = output.cloud;
        cloud.labels.resize(points.total(), Cloud::UNLABELLED);
        LidarScene {
            grid,
            distances: output.distances,
            cloud,
            clearance_m: self.config.cluster.clearance_m,
            points,
            still_sweeps: input.still,
            faults,
            timings: output.timings,
        }
    }
}

impl Setup {
    fn new(config: &LidarConfig) -> Self {
        Self {
            side: config.grid.side_cells,
            coarser: ground::Params::shift(millis(config.grid.cell_m)),
            max_points: config.max_points,
            max_voxels: config.voxel.max_voxels,
            accumulate: config.accumulate,
        }
    }

    /// Whether a device can hold all buffers.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] names the first that it cannot.
    fn fits(&self, context: &Context) -> Result<(), GpuError> {
        let cells = u64::from(self.side).pow(2);
        let points = u64::from(self.max_points);
        let kept = points * u64::from(self.accumulate);
        for (what, bytes) in [
            ("lidar.grid.side_cells", 8 * cells),
            ("lidar.max_points", size_of::<fuse::Point>() as u64 * points),
            ("lidar.accumulate", size_of::<fuse::Fused>() as u64 * kept),
            (
                "lidar.voxel.max_voxels",
                voxel::table_bytes(self.max_voxels),
            ),
        ] {
            context.fits(what, bytes)?;
        }
        Ok(())
    }
}

/// Runs `step` and notes how long it took.
fn timed<T>(timings: &mut Vec<Timing>, stage: &'static str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    timings.push((stage, start.elapsed()));
    result
}
