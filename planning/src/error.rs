//! Why there is no plan.

use janus_perception::Health;

use crate::check::Fault;

/// Why the planner gives no plan. The caller then stops; see
/// [`crate::Planner::stop`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The start, the goal or a speed is not a number.
    #[error("the start or the goal is not finite")]
    NotFinite,
    /// The grid contradicts itself, or has more lattice points than the
    /// planner takes on.
    #[error("the grid cannot be planned on: {0}")]
    Grid(&'static str),
    /// What was perceived cannot be relied on.
    #[error("what was perceived cannot be relied on: {0}")]
    Unfit(String),
    /// There is nothing to plan towards.
    #[error("there is no goal")]
    NoGoal,
    /// The vehicle at the start, with its margin, overlaps a blocked cell.
    #[error("the vehicle does not stand free at the start")]
    StartBlocked,
    /// The vehicle at the start, with its margin, reaches out of the grid.
    #[error("the start is outside of the grid")]
    StartOutside,
    /// The vehicle at the goal, with its margin, would overlap a blocked cell.
    #[error("the vehicle would not stand free at the goal")]
    GoalBlocked,
    /// The vehicle at the goal, with its margin, would reach out of the grid.
    #[error("the goal is outside of the grid")]
    GoalOutside,
    /// The vehicle moves faster or in a sharper bend than it can, or too fast to
    /// stop in the room that there is.
    #[error("the vehicle is too fast for the room there is")]
    TooFast,
    /// Everything that can be reached was searched.
    #[error("no way to the goal: all {expansions} reachable states searched")]
    NoPath {
        /// States expanded.
        expansions: u32,
    },
    /// The search expanded as many states as it may.
    #[error("no way to the goal found within {budget} states")]
    BudgetExhausted {
        /// States it may expand.
        budget: u32,
    },
    /// The time was over before there was a plan.
    #[error(
        "no way to the goal found in the time there was, in which {expansions} states were searched"
    )]
    Deadline {
        /// States expanded.
        expansions: u32,
    },
    /// The planner's own checker refused the plan.
    #[error("the plan failed its check: {0}")]
    CheckFailed(Fault),
}

impl PlanError {
    /// That of a scene's health.
    pub(crate) fn unfit(health: &Health) -> Self {
        let impairments = health.impairments().iter().map(ToString::to_string);
        Self::Unfit(impairments.collect::<Vec<_>>().join(", "))
    }

    /// A stable key for reports.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::Grid(_) => "grid",
            Self::Unfit(_) => "unfit",
            Self::NoGoal => "no_goal",
            Self::StartBlocked => "start_blocked",
            Self::StartOutside => "start_outside",
            Self::GoalBlocked => "goal_blocked",
            Self::GoalOutside => "goal_outside",
            Self::NoPath { .. } => "no_path",
            Self::BudgetExhausted { .. } => "budget_exhausted",
            Self::Deadline { .. } => "deadline",
            Self::TooFast => "too_fast",
            Self::CheckFailed(_) => "check_failed",
        }
    }
}
