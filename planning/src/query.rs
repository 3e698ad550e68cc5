//! What a planner is asked.

use std::time::Duration;

use janus_perception::Health;

use crate::config::{Degraded, PlannerConfig};
use crate::driving::Driving;
use crate::error::PlanError;
use crate::plan::Plan;
use crate::pose::Pose2;
use crate::vehicle::Vehicle;

/// From where to where, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Where the vehicle is, in the grid's frame.
    pub start: Pose2,
    /// How it moves there, no faster and in no sharper bend than it can.
    pub driving: Driving,
    /// Where it is to stand.
    pub goal: Pose2,
    /// How far the grid can be relied on.
    pub health: &'a Health,
    /// A plan from about there to about there, made on an earlier grid in the
    /// same frame by a planner for the same vehicle: what of it is still free
    /// need not be searched for.
    pub previous: Option<&'a Plan>,
    /// When the search ends with what it has, if it does not end by itself
    /// before.
    pub deadline: Option<Duration>,
}

impl<'a> Query<'a> {
    /// From standstill on a grid that can be relied on, without an earlier plan
    /// and without a deadline.
    pub fn new(start: Pose2, goal: Pose2) -> Self {
        Self {
            start,
            driving: Driving::STILL,
            goal,
            health: &Health::Ok,
            previous: None,
            deadline: None,
        }
    }

    /// Whether it can be answered at all.
    pub(crate) fn validate(
        &self,
        vehicle: &Vehicle,
        config: &PlannerConfig,
    ) -> Result<(), PlanError> {
        let may_drive = match self.health {
            Health::Ok => true,
            Health::Degraded(_) => config.degraded == Degraded::Drive,
            Health::Unfit(_) => false,
        };
        if !may_drive {
            return Err(PlanError::unfit(self.health));
        }
        if !self.start.is_finite() || !self.goal.is_finite() || !self.driving.is_finite() {
            return Err(PlanError::NotFinite);
        }
        if self.driving != self.driving.within(vehicle) {
            return Err(PlanError::TooFast);
        }
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            return Err(PlanError::Deadline { expansions: 0 });
        }
        Ok(())
    }
}
