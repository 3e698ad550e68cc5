//! A grid and where it lies.

use janus_perception::Grid;

use crate::pose::Pose2;

/// A grid whose own frame lies somewhere in the frame of its source, so that
/// cells need not begin at whole multiples of their size and may lie askew.
/// The planner works in the grid's frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The cells.
    pub grid: Grid,
    /// Pose of the grid's frame in that of the source.
    pub origin: Pose2,
}

impl Map {
    /// A pose of the source's frame in the grid's.
    pub fn in_grid(&self, pose: Pose2) -> Pose2 {
        self.origin.sees(pose)
    }

    /// A pose of the grid's frame in the source's.
    pub fn in_source(&self, pose: Pose2) -> Pose2 {
        self.origin.holds(pose)
    }
}
