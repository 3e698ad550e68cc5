//! What a user can set of perception.

use serde::{Deserialize, Serialize};

/// How lidar returns become an occupancy grid.
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
    /// The occupancy grid.
    pub grid: GridConfig,
}

/// The window of the occupancy grid, and what counts as evidence.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridConfig {
    /// Side of a cell, m.
    pub cell_m: f64,
    /// Cells along a side: a power of two from 16 to 4096.
    pub side_cells: u32,
    /// Returns lower than this under the vehicle's ground plane are no ground, m.
    pub ground_min_m: f64,
    /// Returns higher than this over the vehicle's ground plane are obstacles, m.
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
}

impl Default for LidarConfig {
    fn default() -> Self {
        Self {
            range_m: 80.0,
            height_min_m: -3.0,
            height_max_m: 8.0,
            max_points: 4_000_000,
            grid: GridConfig::default(),
        }
    }
}

impl Default for GridConfig {
    fn default() -> Self {
        Self {
            cell_m: 0.2,
            side_cells: 512,
            ground_min_m: -1.0,
            obstacle_min_m: 0.3,
            obstacle_max_m: 2.5,
            hit: 0.85,
            miss: 0.4,
            least: -2.0,
            most: 3.5,
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
        let grid = &self.grid;
        let side = f64::from(grid.side_cells);
        let whole = (16..=4096).contains(&grid.side_cells) && grid.side_cells.is_power_of_two();
        let within = |value: f64, least: f64, most: f64| (least..=most).contains(&value);
        #[rustfmt::skip]
        let rules = [
            ("lidar.range_m", self.range_m, within(self.range_m, 1.0, 500.0), "1 to 500 m"),
            ("lidar.height_min_m", self.height_min_m, within(self.height_min_m, -100.0, 100.0), "-100 to 100 m"),
            ("lidar.height_max_m", self.height_max_m, within(self.height_max_m, self.height_min_m, 100.0), "lidar.height_min_m to 100 m"),
            ("lidar.max_points", f64::from(self.max_points), within(f64::from(self.max_points), 1.0, 8e6), "1 to 8 million points"),
            ("lidar.grid.cell_m", grid.cell_m, within(grid.cell_m, 0.05, 10.0), "0.05 to 10 m"),
            ("lidar.grid.side_cells", side, whole, "a power of two from 16 to 4096"),
            ("lidar.grid.ground_min_m", grid.ground_min_m, within(grid.ground_min_m, -100.0, 0.0), "-100 to 0 m"),
            ("lidar.grid.obstacle_min_m", grid.obstacle_min_m, within(grid.obstacle_min_m, 0.01, 10.0), "0.01 to 10 m"),
            ("lidar.grid.obstacle_max_m", grid.obstacle_max_m, within(grid.obstacle_max_m, grid.obstacle_min_m, 100.0), "lidar.grid.obstacle_min_m to 100 m"),
            ("lidar.grid.hit", grid.hit, within(grid.hit, 0.001, 30.0), "0.001 to 30 nats"),
            ("lidar.grid.miss", grid.miss, within(grid.miss, 0.001, 30.0), "0.001 to 30 nats"),
            ("lidar.grid.least", grid.least, within(grid.least, -30.0, -0.001), "-30 to -0.001 nats"),
            ("lidar.grid.most", grid.most, within(grid.most, 0.001, 30.0), "0.001 to 30 nats"),
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
            "lidar.grid.side_cells = 500: expected a power of two from 16 to 4096"
        );
        for (set, field) in [
            (
                (|c| c.range_m = f64::NAN) as fn(&mut LidarConfig),
                "lidar.range_m",
            ),
            (|c| c.height_max_m = -4.0, "lidar.height_max_m"),
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
