//! What a planner is asked.

use std::time::Duration;

use crate::error::PlanError;
use crate::plan::Plan;
use crate::pose::Pose2;
use crate::vehicle::{End, Vehicle};

/// From where to where, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Where the vehicle is, in the grid's frame.
    pub start: Pose2,
    /// How fast it moves there, m/s, with straight wheels and without
    /// acceleration; no faster than it can.
    pub speed: f64,
    /// The end that leads there; at standstill either may lead next.
    pub lead: End,
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
    /// From standstill, without an earlier plan and without a deadline.
    pub fn new(start: Pose2, goal: Pose2) -> Self {
        Self {
            start,
            speed: 0.0,
            lead: End::A,
            goal,
            previous: None,
            deadline: None,
        }
    }

    /// Whether it can be answered at all.
    pub(crate) fn validate(&self, vehicle: &Vehicle) -> Result<(), PlanError> {
        if !self.start.is_finite() || !self.goal.is_finite() || !self.speed.is_finite() {
            return Err(PlanError::NotFinite);
        }
        if !(0.0..=vehicle.max_speed).contains(&self.speed) {
            return Err(PlanError::TooFast);
        }
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            return Err(PlanError::Deadline { expansions: 0 });
        }
        Ok(())
    }
}
