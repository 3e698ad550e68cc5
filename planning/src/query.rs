//! What a planner is asked.

use std::time::Duration;

use janus_perception::Grid;

use crate::plan::Plan;
use crate::pose::Pose2;

/// From where to where, among what, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Obstacles.
    pub grid: &'a Grid,
    /// Where the vehicle stands, in the grid's frame.
    pub start: Pose2,
    /// Where it is to stand.
    pub goal: Pose2,
    /// A plan from about there to about there, made on an earlier grid in the
    /// same frame by a planner for the same vehicle: what of it is still free
    /// need not be searched for.
    pub previous: Option<&'a Plan>,
    /// When the search ends with what it has, if it does not end by itself
    /// before.
    pub deadline: Option<Duration>,
}

impl<'a> Query<'a> {
    /// Without an earlier plan and without a deadline.
    pub fn new(grid: &'a Grid, start: Pose2, goal: Pose2) -> Self {
        Self {
            grid,
            start,
            goal,
            previous: None,
            deadline: None,
        }
    }
}
