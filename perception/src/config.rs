//! What a user can set of perception.

use janus_shaders::Window;
use janus_shaders::fixed::Transform;
use janus_shaders::voxel::{self, VoxelError};
use serde::{Deserialize, Serialize};

/// How lidar returns become a cloud, clusters and an occupancy grid.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LidarConfig {
    /// Greatest horizontal range from `base_link`, m.
    pub range_m: f64,
    /// Least height over `base_link`, m.
    pub height_min_m: f64,
    /// Greatest height over `base_link`, m.
    pub height_max_m: f64,
    /// Points of one frame beyond this number are dropped and counted.
    pub max_points: u32,
    /// Frames whose points make up the voxels, the present one included.
    pub accumulate: u32,
    /// The voxels.
    pub voxel: VoxelConfig,
    /// The ground.
    pub ground: GroundConfig,
    /// The clusters.
    pub cluster: ClusterConfig,
    /// The occupancy grid.
    pub grid: GridConfig,
}

/// How points become voxels.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoxelConfig {
    /// Side of a voxel, m.
    pub size_m: f64,
    /// The most voxels that there is room for. A frame with more has none,
    /// which is a fault.
    pub max_voxels: u32,
}

/// What is ground.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroundConfig {
    /// Points up to this height over the ground are on it, m.
    pub tolerance_m: f64,
}

/// What belongs together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// How far apart two cells are at most that belong together, at the
    /// vehicle, m.
    pub reach_m: f64,
    /// How much more that is at a distance, m a metre.
    pub reach_per_m: f64,
    /// What is higher than this over the ground connects nothing, m.
    pub clearance_m: f64,
    /// Clusters of fewer points are none.
    pub min_points: u32,
}

/// The window of the occupancy grid, and what counts as evidence. Heights are
/// over the ground.
///
/// By default a cell is free for as long as it is seen free and a frame or two
/// more, and no longer once something was seen in it: what drives into free
/// cells is seen at its outline alone.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridConfig {
    /// Side of a cell, m.
    pub cell_m: f64,
    /// Cells along a side: a power of two from 16 to 8192.
    pub side_cells: u32,
    /// Returns lower than this are errors, m.
    pub ground_min_m: f64,
    /// Returns higher than this are obstacles, m.
    pub obstacle_min_m: f64,
    /// Returns higher than this hang above the vehicle, m.
    pub obstacle_max_m: f64,
    /// Log-odds added to a cell that was hit, nats.
    pub hit: f64,
    /// Log-odds taken from a cell that was seen free, nats.
    pub miss: f64,
    /// Least log-odds, nats.
    pub least: f64,
    /// Greatest log-odds, nats.
    pub most: f64,
    /// By so much the log-odds of a cell of which nothing was seen come nearer
    /// to zero in a frame, nats.
    pub decay: f64,
}

impl Default for LidarConfig {
    fn default() -> Self {
        Self {
            range_m: 80.0,
            height_min_m: -10.0,
            height_max_m: 10.0,
            max_points: 4_000_000,
            accumulate: 1,
            voxel: VoxelConfig::default(),
            ground: GroundConfig::default(),
            cluster: ClusterConfig::default(),
            grid: GridConfig::default(),
        }
    }
}

impl Default for VoxelConfig {
    fn default() -> Self {
        Self {
            size_m: 0.2,
            max_voxels: 1 << 18,
        }
    }
}

impl Default for GroundConfig {
    fn default() -> Self {
        Self { tolerance_m: 0.125 }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            reach_m: 0.2,
            reach_per_m: 0.02,
            clearance_m: 2.5,
            min_points: 5,
        }
    }
}

impl Default for GridConfig {
    fn default() -> Self {
        Self {
            cell_m: 0.2,
            side_cells: 512,
            ground_min_m: -0.4,
            obstacle_min_m: 0.3,
            obstacle_max_m: 2.7,
            hit: 0.8,
            miss: 0.5,
            least: -0.8,
            most: 2.5,
            decay: 0.5,
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} = {value}: expected {expected}")]
pub struct ConfigError {
    /// The field, with the tables that it is in.
    pub field: &'static str,
    /// What it was set to.
    pub value: f64,
    /// What would have made sense.
    pub expected: &'static str,
}

impl LidarConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ConfigError`] for the first field that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self {
            voxel,
            ground,
            cluster,
            grid,
            ..
        } = self;
        let side = f64::from(grid.side_cells);
        let whole =
            (16..=Window::MAX_SIDE).contains(&grid.side_cells) && grid.side_cells.is_power_of_two();
        let within = |value: f64, least: f64, most: f64| (least..=most).contains(&value);
        let all = u64::from(self.accumulate) * u64::from(self.max_points);
        let kept = (1..=voxel::MAX_SEGMENTS as u32).contains(&self.accumulate)
            && all <= u64::from(voxel::MAX_POINTS);
        #[rustfmt::skip]
        let rules = [
            ("lidar.range_m", self.range_m, within(self.range_m, 1.0, 500.0), "1 to 500 m"),
            ("lidar.height_min_m", self.height_min_m, within(self.height_min_m, -100.0, 100.0), "-100 to 100 m"),
            ("lidar.height_max_m", self.height_max_m, within(self.height_max_m, self.height_min_m, 100.0), "lidar.height_min_m to 100 m"),
            ("lidar.max_points", f64::from(self.max_points), within(f64::from(self.max_points), 1.0, f64::from(voxel::MAX_POINTS)), "1 to 4,194,304 points"),
            ("lidar.accumulate", f64::from(self.accumulate), kept, "1 to 32 frames, which together with lidar.max_points make at most 4,194,304 points"),
            ("lidar.voxel.size_m", voxel.size_m, within(voxel.size_m, 0.05, 1.0), "0.05 to 1 m"),
            ("lidar.voxel.size_m", voxel.size_m, self.voxel_box(&Transform::IDENTITY).is_ok(), "a size of which fewer than 4,294,967,295 fit in lidar.range_m and the heights"),
            ("lidar.voxel.max_voxels", f64::from(voxel.max_voxels), within(f64::from(voxel.max_voxels), 1.0, f64::from(voxel::MAX_VOXELS)), "1 to 2,097,152 voxels"),
            ("lidar.ground.tolerance_m", ground.tolerance_m, within(ground.tolerance_m, 0.01, 2.0), "0.01 to 2 m"),
            ("lidar.cluster.reach_m", cluster.reach_m, within(cluster.reach_m, 0.0, 10.0), "0 to 10 m"),
            ("lidar.cluster.reach_per_m", cluster.reach_per_m, within(cluster.reach_per_m, 0.0, 1.0), "0 to 1 m a metre"),
            ("lidar.cluster.clearance_m", cluster.clearance_m, within(cluster.clearance_m, ground.tolerance_m, 100.0), "lidar.ground.tolerance_m to 100 m"),
            ("lidar.cluster.min_points", f64::from(cluster.min_points), within(f64::from(cluster.min_points), 1.0, 1e6), "1 to a million points"),
            ("lidar.grid.cell_m", grid.cell_m, within(grid.cell_m, 0.05, 10.0), "0.05 to 10 m"),
            ("lidar.grid.side_cells", side, whole, "a power of two from 16 to 8192"),
            ("lidar.grid.ground_min_m", grid.ground_min_m, within(grid.ground_min_m, -100.0, 0.0), "-100 to 0 m"),
            ("lidar.grid.obstacle_min_m", grid.obstacle_min_m, within(grid.obstacle_min_m, 0.01, 10.0), "0.01 to 10 m"),
            ("lidar.grid.obstacle_max_m", grid.obstacle_max_m, within(grid.obstacle_max_m, grid.obstacle_min_m, 100.0), "lidar.grid.obstacle_min_m to 100 m"),
            ("lidar.grid.hit", grid.hit, within(grid.hit, 0.001, 30.0), "0.001 to 30 nats"),
            ("lidar.grid.miss", grid.miss, within(grid.miss, 0.001, 30.0), "0.001 to 30 nats"),
            ("lidar.grid.least", grid.least, within(grid.least, -30.0, -0.001), "-30 to -0.001 nats"),
            ("lidar.grid.most", grid.most, within(grid.most, 0.001, 30.0), "0.001 to 30 nats"),
            ("lidar.grid.decay", grid.decay, within(grid.decay, 0.0, 30.0), "0 to 30 nats"),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            None => Ok(()),
            Some((field, value, _, expected)) => Err(ConfigError {
                field,
                value,
                expected,
            }),
        }
    }
}

impl LidarConfig {
    /// The box of voxels about the vehicle. Heights are the vehicle's own, so
    /// that a box for a vehicle on a slope must be higher, where there are not
    /// too many voxels in it then.
    ///
    /// # Errors
    /// [`VoxelError`] if there are too many in any case, or the vehicle is too
    /// far from odom's origin.
    pub(crate) fn voxel_box(&self, pose: &Transform) -> Result<voxel::Bounds, VoxelError> {
        let range = millis(self.range_m);
        let [low, high] = [self.height_min_m, self.height_max_m].map(millis);
        let size = millis(self.voxel.size_m);
        let about =
            |low, high| voxel::Bounds::about(pose.translation(), range as u32, [low, high], size);
        // The vertical of base_link is off by so much at the greatest range.
        let tilt = pose.z[0].unsigned_abs().max(pose.z[1].unsigned_abs());
        let rise = ((2 * i64::from(range) * i64::from(tilt)) >> 20) as i32;
        match about(low - rise, high + rise) {
            Err(VoxelError::Extent(_)) => about(low, high),
            made => made,
        }
    }
}

/// Thousandths, rounded to the nearest: m to mm, nats to thousandths.
pub(crate) fn millis(value: f64) -> i32 {
    (value * 1e3).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense() {
        assert_eq!(LidarConfig::default().check(), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let mut config = LidarConfig::default();
        config.grid.side_cells = 500;
        let error = config.check().expect_err("500 is no power of two");
        assert_eq!(
            error.to_string(),
            "lidar.grid.side_cells = 500: expected a power of two from 16 to 8192"
        );
        for (set, field) in [
            (
                (|c| c.range_m = f64::NAN) as fn(&mut LidarConfig),
                "lidar.range_m",
            ),
            (|c| c.height_max_m = -11.0, "lidar.height_max_m"),
            (|c| c.grid.cell_m = 0.0, "lidar.grid.cell_m"),
            (|c| c.grid.obstacle_max_m = 0.1, "lidar.grid.obstacle_max_m"),
            (|c| c.grid.least = 0.0, "lidar.grid.least"),
        ] {
            let mut config = LidarConfig::default();
            set(&mut config);
            assert_eq!(config.check().expect_err(field).field, field);
        }
    }
}
