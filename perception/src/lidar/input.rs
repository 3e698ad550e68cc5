//! From a frame and the settings to what the kernels take.

use bytemuck::cast_slice;
use janus_datasets::{Body, Frame, Point, Pose};
use janus_shaders::fixed::Transform;
use janus_shaders::{Window, cluster, distance, fuse, ground, occupancy, voxel};

use super::history::History;
use super::motion::Motion;
use crate::config::{LidarConfig, millis};
use crate::error::{Error, Result};

/// One frame as the kernels take it.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) fuse: fuse::Params,
    pub(super) sweeps: Vec<fuse::Sweep>,
    pub(super) poses: Vec<Transform>,
    /// The points of each sweep.
    pub(super) points: Vec<&'a [fuse::Point]>,
    /// Where the sensor of each sweep is in base_link, mm.
    pub(super) mounts: Vec<occupancy::Mount>,
    pub(super) ground: ground::Params,
    pub(super) cluster: cluster::Params,
    pub(super) occupancy: occupancy::Params,
    pub(super) distance: distance::Params,
    voxel: voxel::Bounds,
    /// Points that were left out: see [`super::PointCounts::over_capacity`].
    pub(super) over_capacity: u32,
    /// Sweeps that stand for one moment.
    pub(super) still: u32,
}

impl<'a> Input<'a> {
    /// `last_origin` is that of the grid so far, or [`occupancy::FORGET`].
    ///
    /// # Errors
    /// [`Error::NoPose`], [`Error::NoMount`], [`Error::Pose`] or
    /// [`Error::TooFar`] if the frame's pose or a sensor's cannot be used.
    pub(super) fn new(
        config: &LidarConfig,
        frame: &'a Frame,
        last_origin: [i32; 2],
    ) -> Result<Self> {
        let pose = frame.pose.ok_or(Error::NoPose)?;
        let motion = Motion::new(frame, &pose)?;
        let mut room = config.max_points as usize;
        let mut over_capacity = 0;
        let mut first = 0;
        let (mut sweeps, mut mounts, mut points) = (Vec::new(), Vec::new(), Vec::new());
        for (i, sweep) in frame.sweeps.iter().enumerate() {
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
            let taken = &sweep.points[..sweep.points.len().min(room)];
            room -= taken.len();
            over_capacity += (sweep.points.len() - taken.len()) as u32;
            let [x, y, z] = base_from_sensor.translation();
            mounts.push([x, y, z, 0]);
            sweeps.push(motion.sweep(i, base_from_sensor, first));
            points.push(cast_slice::<Point, fuse::Point>(taken));
            first += taken.len() as u32;
        }
        let pose = &motion.poses[0];
        let fuse = fuse_params(config, frame, &motion, first, sweeps.len());
        Ok(Self {
            ground: ground::Params::new(fuse.window, pose, fuse.points),
            cluster: cluster_params(config, pose, &fuse),
            occupancy: occupancy_params(config, pose, &fuse, last_origin)?,
            distance: distance::Params {
                side: fuse.window.side,
            },
            voxel: config.voxel_box(pose).map_err(Error::TooFar)?,
            fuse,
            sweeps,
            still: motion.still(),
            poses: motion.poses,
            points,
            mounts,
            over_capacity,
        })
    }

    /// The voxels of the frames that are kept.
    pub(super) fn voxels(&self, history: &History) -> voxel::Params {
        voxel::Params::new(&self.voxel, &history.segments())
            .expect("the settings were checked: so many points and frames are taken")
    }
}

fn fuse_params(
    config: &LidarConfig,
    frame: &Frame,
    motion: &Motion,
    points: u32,
    sweeps: usize,
) -> fuse::Params {
    let grid = &config.grid;
    let [x, y, _] = motion.poses[0].translation();
    let body = frame.rig.body.unwrap_or(Body {
        min: [0.0; 2],
        max: [0.0; 2],
        height: 0.0,
    });
    fuse::Params {
        window: Window::about([x, y], grid.side_cells, millis(grid.cell_m)),
        points,
        sweeps: sweeps as u32,
        poses: motion.poses.len() as u32,
        tick_shift: motion.tick_shift,
        range_squared: (millis(config.range_m) as u32 / 32).pow(2),
        height_min: millis(config.height_min_m),
        height_max: millis(config.height_max_m),
        body_top: millis(body.height),
        body_min: body.min.map(millis),
        body_max: body.max.map(millis),
    }
}

fn cluster_params(config: &LidarConfig, pose: &Transform, fuse: &fuse::Params) -> cluster::Params {
    let cluster = &config.cluster;
    let [x, y, _] = pose.translation();
    cluster::Params {
        window: fuse.window,
        position: [x, y],
        points: fuse.points,
        tolerance: millis(config.ground.tolerance_m),
        clearance: millis(cluster.clearance_m),
        reach_mm: millis(cluster.reach_m) as u32,
        reach_per_mille: millis(cluster.reach_per_m) as u32,
        min_points: cluster.min_points,
    }
}

fn occupancy_params(
    config: &LidarConfig,
    pose: &Transform,
    fuse: &fuse::Params,
    last_origin: [i32; 2],
) -> Result<occupancy::Params> {
    let grid = &config.grid;
    let [x, y, _] = pose.translation();
    // Where the vehicle's x axis points, seen from above. A square root is
    // rounded alike everywhere, as sines are not.
    let (ahead, left) = (f64::from(pose.x[0]), f64::from(pose.y[0]));
    let length = (ahead * ahead + left * left).sqrt();
    let (cos, sin) = (ahead / length, left / length);
    let level = [[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]];
    let base_from_odom = Transform::new(level, [0.0; 3])?;
    Ok(occupancy::Params {
        window: fuse.window,
        last_origin,
        base: [x, y],
        base_x: base_from_odom.x,
        base_y: base_from_odom.y,
        body_min: fuse.body_min,
        body_max: fuse.body_max,
        points: fuse.points,
        sweeps: fuse.sweeps,
        poses: fuse.poses,
        ground_min: millis(grid.ground_min_m),
        obstacle_min: millis(grid.obstacle_min_m),
        obstacle_max: millis(grid.obstacle_max_m),
        hit: millis(grid.hit),
        miss: millis(grid.miss),
        least: millis(grid.least),
        most: millis(grid.most),
        decay: millis(grid.decay),
        pad: 0,
    })
}

/// A pose in fixed point.
pub(crate) fn fixed(pose: &Pose) -> Result<Transform> {
    let r = pose.rotation.to_rotation_matrix();
    let row = |i: usize| std::array::from_fn(|k| r[(i, k)]);
    let t = pose.translation.vector;
    Ok(Transform::new([row(0), row(1), row(2)], [t.x, t.y, t.z])?)
}
