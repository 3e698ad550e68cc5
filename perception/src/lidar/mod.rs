//! Lidar sweeps into one occupancy grid, on the GPU or on the CPU, with the
//! same bits on both.

mod cpu;
mod gpu;

use std::time::{Duration, Instant};

use bytemuck::cast_slice;
use janus_datasets::{Body, Frame, Point, Pose};
use janus_shaders::fixed::Transform;
use janus_shaders::{Context, fuse, occupancy};
use nalgebra::Isometry3;

use crate::config::{ConfigError, LidarConfig};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// A stage's name, as reports give it, and how long it took.
pub type Timing = (&'static str, Duration);

/// Fuses the sweeps of each frame and keeps the grid that they add up to.
#[derive(Debug)]
pub struct Lidar {
    config: LidarConfig,
    backend: Backend,
    /// The window's least corner at the last update.
    last_origin: Option<[i32; 2]>,
}

#[derive(Debug)]
enum Backend {
    Cpu(cpu::Chain),
    Gpu(Box<gpu::Chain>),
}

/// What the sweeps of one frame came to.
#[derive(Clone, Debug)]
pub struct LidarScene {
    /// The grid with this frame in it.
    pub grid: Grid,
    /// What became of the points.
    pub points: PointCounts,
    /// How long it took.
    pub timings: Vec<Timing>,
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
}

/// One frame as the kernels take it.
struct Input<'a> {
    fuse: fuse::Params,
    sweeps: Vec<fuse::Sweep>,
    points: Vec<&'a [fuse::Point]>,
    occupancy: occupancy::Params,
    sensors: Vec<occupancy::Sensor>,
}

/// What the kernels give back.
struct Output {
    counts: fuse::Counts,
    /// Log-odds by slot of the rolling window.
    slots: Vec<i16>,
    timings: Vec<Timing>,
}

impl Lidar {
    /// An empty grid; the kernels run on `context`, their twins without one.
    ///
    /// # Errors
    /// [`ConfigError`] if a setting makes no sense, or a GPU error.
    pub fn new(config: LidarConfig, context: Option<Context>) -> Result<Self> {
        config.check()?;
        let side = config.grid.side_cells;
        let backend = match context {
            None => Backend::Cpu(cpu::Chain::new(side)),
            Some(context) => Backend::Gpu(Box::new(gpu::Chain::new(context, side)?)),
        };
        Ok(Self {
            config,
            backend,
            last_origin: None,
        })
    }

    /// Folds a frame's sweeps into the grid.
    ///
    /// # Errors
    /// [`Error::NoPose`] or [`Error::Pose`] if the frame's pose or a sensor's
    /// cannot be used; [`Error::Gpu`] if the device failed, after which this
    /// grid cannot be trusted.
    pub fn step(&mut self, frame: &Frame) -> Result<LidarScene> {
        let (input, over_capacity) = self.input(frame)?;
        let output = match &mut self.backend {
            Backend::Cpu(chain) => chain.run(&input),
            Backend::Gpu(chain) => chain.run(&input)?,
        };
        let origin = input.occupancy.origin;
        self.last_origin = Some(origin);
        let side = self.config.grid.side_cells;
        let [kept, not_finite, out_of_range, own_body] = output.counts;
        Ok(LidarScene {
            grid: Grid {
                origin,
                size: [side; 2],
                cell_mm: input.occupancy.cell_mm as u32,
                log_odds: unroll(&output.slots, origin, side as usize),
            },
            points: PointCounts {
                kept,
                not_finite,
                out_of_range,
                own_body,
                over_capacity,
            },
            timings: output.timings,
        })
    }

    fn input<'a>(&self, frame: &'a Frame) -> Result<(Input<'a>, u32)> {
        let pose = frame.pose.ok_or(Error::NoPose)?;
        let odom_from_base = fixed(&pose)?;
        let centre = odom_from_base.translation();
        let up = fixed(&Isometry3::from_parts(
            Default::default(),
            pose.rotation.inverse(),
        ))?
        .z;

        let mut room = self.config.max_points as usize;
        let mut over_capacity = 0;
        let mut first = 0;
        let (mut sweeps, mut sensors, mut points) = (Vec::new(), Vec::new(), Vec::new());
        for sweep in &frame.sweeps {
            if sweeps.len() == fuse::MAX_SWEEPS {
                over_capacity += sweep.points.len() as u32;
                continue;
            }
            let lidar = frame
                .rig
                .lidars
                .get(sweep.lidar)
                .ok_or(Error::NoMount { lidar: sweep.lidar })?;
            let base_from_sensor = fixed(&lidar.base_from_sensor)?;
            let odom_from_sensor = fixed(&(pose * lidar.base_from_sensor))?;
            let taken = &sweep.points[..sweep.points.len().min(room)];
            room -= taken.len();
            over_capacity += (sweep.points.len() - taken.len()) as u32;
            let [x, y, _] = odom_from_sensor.translation();
            sensors.push([x, y, base_from_sensor.translation()[2], 0]);
            sweeps.push(fuse::Sweep {
                base_from_sensor,
                odom_from_sensor,
                first,
                pad: [0; 3],
            });
            points.push(cast_slice::<Point, fuse::Point>(taken));
            first += taken.len() as u32;
        }

        let grid = &self.config.grid;
        let cell_mm = millis(grid.cell_m);
        let origin: [i32; 2] =
            std::array::from_fn(|i| centre[i].div_euclid(cell_mm) - grid.side_cells as i32 / 2);
        let body = frame.rig.body.unwrap_or(Body {
            min: [0.0; 2],
            max: [0.0; 2],
            height: 0.0,
        });
        let input = Input {
            fuse: fuse::Params {
                points: first,
                sweeps: sweeps.len() as u32,
                range_squared: (millis(self.config.range_m) as u32 / 32).pow(2),
                height_min: millis(self.config.height_min_m),
                height_max: millis(self.config.height_max_m),
                body_top: millis(body.height),
                body_min: body.min.map(millis),
                body_max: body.max.map(millis),
            },
            occupancy: occupancy::Params {
                plane: up,
                centre: [centre[0], centre[1], centre[2], 0],
                origin,
                last_origin: self.last_origin(frame, origin),
                side: grid.side_cells,
                cell_mm,
                points: first,
                ground_min: millis(grid.ground_min_m),
                obstacle_min: millis(grid.obstacle_min_m),
                obstacle_max: millis(grid.obstacle_max_m),
                hit: millis(grid.hit),
                miss: millis(grid.miss),
                least: millis(grid.least),
                most: millis(grid.most),
                pad: [0; 2],
            },
            sweeps,
            points,
            sensors,
        };
        Ok((input, over_capacity))
    }

    /// Where the window was. A scene that begins finds it a whole window off,
    /// so that nothing is left in it.
    fn last_origin(&self, frame: &Frame, origin: [i32; 2]) -> [i32; 2] {
        match self.last_origin {
            Some(_) if frame.begins => {
                origin.map(|c| c.wrapping_add(self.config.grid.side_cells as i32))
            }
            last => last.unwrap_or(origin),
        }
    }
}

/// Thousandths, rounded to the nearest: m to mm, nats to thousandths.
fn millis(value: f64) -> i32 {
    (value * 1e3).round() as i32
}

fn fixed(pose: &Pose) -> Result<Transform> {
    let r = pose.rotation.to_rotation_matrix();
    let row = |i: usize| std::array::from_fn(|k| r[(i, k)]);
    let t = pose.translation.vector;
    Ok(Transform::new([row(0), row(1), row(2)], [t.x, t.y, t.z])?)
}

/// Takes cells from the slots of the rolling window into the window's order.
fn unroll(slots: &[i16], origin: [i32; 2], side: usize) -> Vec<i16> {
    let [first_column, first_row] = origin.map(|c| c.rem_euclid(side as i32) as usize);
    let mut cells = Vec::with_capacity(slots.len());
    for row in 0..side {
        let start = (row + first_row) % side * side;
        let slots = &slots[start..start + side];
        cells.extend_from_slice(&slots[first_column..]);
        cells.extend_from_slice(&slots[..first_column]);
    }
    cells
}

/// Runs `step` and notes how long it took.
fn timed<T>(timings: &mut Vec<Timing>, stage: &'static str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    timings.push((stage, start.elapsed()));
    result
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
