//! One grid made ready, and a plan on it from the query to the check.

use std::time::Instant;

use janus_perception::Grid;

use crate::check::{Task, check};
use crate::collision::{Axis, Obstacles, Obstruction};
use crate::config::GoalHeading;
use crate::curve::Curve;
use crate::driving::Driving;
use crate::error::PlanError;
use crate::footing::Footing;
use crate::heuristic::Heuristic;
use crate::lattice::{Frame, Leg, Reach, Setting};
use crate::plan::{Plan, Sample};
use crate::pose::Pose2;
use crate::price::Prices;
use crate::primitives::Motion;
use crate::query::Query;
use crate::search::{self, Effort, Found, Search, Standing};
use crate::shortcut::Shortcuts;
use crate::speed;
use crate::sweep;
use crate::vehicle::End;
use crate::window::Window;
use crate::{Improvement, Planner};

/// A grid made ready for one planner, for many plans on it.
pub struct Ground<'a> {
    planner: &'a Planner,
    grid: &'a Grid,
    obstacles: Obstacles<'a>,
    footing: Footing,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(planner: &'a Planner, grid: &'a Grid, obstacles: Obstacles<'a>) -> Self {
        Self {
            footing: Footing::new(&obstacles, &planner.footprint, &planner.primitives),
            planner,
            grid,
            obstacles,
        }
    }

    /// As [`Planner::plan`].
    pub fn plan(&self, start: Pose2, goal: Pose2) -> Result<Plan, PlanError> {
        self.answer(&Query::new(start, goal), |_| ())
    }

    /// As [`Planner::answer`].
    pub fn answer(
        &self,
        query: &Query<'_>,
        mut see: impl FnMut(&Improvement),
    ) -> Result<Plan, PlanError> {
        let begun = Instant::now();
        let planner = self.planner;
        query.validate(&planner.vehicle, &planner.config)?;
        let &Query { start, goal, .. } = query;
        self.ends_are_free(start, goal)?;
        let mut effort = Effort::within(planner.config.budget);
        let (found, samples) = self.driven(query, begun, &mut effort, &mut see)?;
        let task = Task {
            start,
            driving: query.driving,
            goal: Some(goal),
        };
        check(
            &samples,
            &task,
            &planner.vehicle,
            self.grid,
            &planner.config,
        )
        .map_err(PlanError::CheckFailed)?;
        let standing = found.standing;
        Ok(Plan {
            cost: Prices::in_metres(standing.price),
            suboptimality_bound: search::bound(standing.price, standing.least),
            expansions: effort.expansions,
            search: effort.trace,
            legs: found.legs,
            ..planner.measured(samples, &self.obstacles)
        })
    }

    /// A way with its speeds. Where the vehicle moves it first brings its wheels
    /// straight, as soon as it can. If that leads to no way that it can enter as
    /// fast as it is, it does so over as many metres as it takes to stop, for
    /// which half of what may be spent is kept.
    fn driven(
        &self,
        query: &Query<'_>,
        begun: Instant,
        effort: &mut Effort,
        see: &mut impl FnMut(&Improvement),
    ) -> Result<(Found, Vec<Sample>), PlanError> {
        let vehicle = &self.planner.vehicle;
        let &Query { start, driving, .. } = query;
        let late = |share: u32| {
            let most = query.deadline.map(|deadline| deadline / share);
            move || most.is_some_and(|most| begun.elapsed() >= most)
        };
        if driving.is_still() {
            let found = self.search(query, None, effort, &mut late(1), see)?;
            let from = Driving::straight(0.0, found.lead);
            let samples = speed::profile(vehicle, &found.legs, start, from);
            // From standstill no way is too fast.
            return Ok((found, samples.ok_or(PlanError::TooFast)?));
        }
        let straightening = speed::straightening_distance(vehicle, driving);
        let braking = speed::braking_distance(vehicle, driving.speed).max(straightening);
        let budget = effort.budget;
        let mut error = PlanError::TooFast;
        for (metres, share) in [(straightening, 2), (braking, 1)] {
            effort.budget = (budget / share).max(1);
            match self.search_ahead(query, metres, effort, &mut late(share)) {
                Ok(found) => {
                    if let Some(samples) = speed::profile(vehicle, &found.legs, start, driving) {
                        see(&Improvement::from(found.standing));
                        return Ok((found, samples));
                    }
                }
                Err(PlanError::TooFast) => {}
                Err(other) => error = other,
            }
        }
        Err(error)
    }

    /// On over some metres, at the end of which the wheels are straight, and
    /// from there by a search.
    fn search_ahead(
        &self,
        query: &Query<'_>,
        metres: f64,
        effort: &mut Effort,
        out_of_time: &mut impl FnMut() -> bool,
    ) -> Result<Found, PlanError> {
        let Driving {
            lead, curvature, ..
        } = query.driving;
        let moving = Some(lead);
        if metres == 0.0 {
            return self.search(query, moving, effort, out_of_time, &mut |_| ());
        }
        let planner = self.planner;
        let &Query { start, goal, .. } = query;
        let on = Leg::from_pose(start, lead, Curve::out_of_bend(curvature, metres));
        let query = Query {
            start: on.end(),
            ..*query
        };
        self.ends_are_free(query.start, goal)
            .map_err(|_| PlanError::TooFast)?;
        let frame = Frame::new(start, goal, self.either_way());
        let along = [if lead == frame.end { 1.0 } else { -1.0 }, 0.0];
        let motion = Motion::new(on.curve, [1.0, 0.0], &planner.limits);
        let surcharge = sweep::surcharge(self.setting(), &frame, [0.0; 2], along, lead, &motion)
            .ok_or(PlanError::TooFast)?;
        let mut found = self.search(&query, moving, effort, out_of_time, &mut |_| ())?;
        found.begin_with(on, motion.price + surcharge);
        Ok(found)
    }

    /// Searches from the start, on a lattice that ends at the goal by poses as
    /// fine as it takes; where the start is what the lattice is too coarse for,
    /// from the goal, and turns the way round. If the vehicle moves at the start,
    /// an end leads there, and the other costs a change of ends.
    fn search(
        &self,
        query: &Query<'_>,
        moving: Option<End>,
        effort: &mut Effort,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(&Improvement),
    ) -> Result<Found, PlanError> {
        let forth = self.search_from(query, moving, effort, out_of_time, see);
        let Err(PlanError::NoPath { .. }) = forth else {
            return forth;
        };
        let back = Query::new(query.goal, query.start);
        let mut found = self
            .search_from(&back, None, effort, out_of_time, see)?
            .reversed(query.start);
        found.enter(moving, &self.planner.limits.prices);
        Ok(found)
    }

    fn search_from(
        &self,
        query: &Query<'_>,
        moving: Option<End>,
        effort: &mut Effort,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(&Improvement),
    ) -> Result<Found, PlanError> {
        let &Query { start, goal, .. } = query;
        let planner = self.planner;
        let (either_way, setting) = (self.either_way(), self.setting());
        let from_start = Frame::new(start, goal, either_way);
        let from_goal = Frame::new(goal, start, either_way);
        let window = || Window::new(&from_start, &self.obstacles, &planner.primitives);
        let heuristic = Heuristic::new(setting, &from_start, &self.footing, window()?);
        let ahead = Reach::new(setting, &from_start, window()?, heuristic, moving);
        let shortcuts = Shortcuts {
            setting,
            frame: &from_start,
            sweeps: &ahead.sweeps,
            moving,
        };
        let known = shortcuts.best(query.previous.map_or(&[], |plan| &plan.legs));
        Search::new(setting, ahead, &from_goal, known, effort)
            .run(out_of_time, |standing| see(&Improvement::from(standing)))
    }

    /// Whether the goal may be reached either way round.
    fn either_way(&self) -> bool {
        let Planner {
            vehicle, config, ..
        } = self.planner;
        vehicle.is_symmetric() && config.goal_heading == GoalHeading::Axis
    }

    fn setting(&self) -> Setting<'_> {
        let planner = self.planner;
        Setting {
            config: &planner.config,
            primitives: &planner.primitives,
            limits: &planner.limits,
            unobstructed: &planner.unobstructed,
            footprint: &planner.footprint,
            obstacles: &self.obstacles,
        }
    }

    fn ends_are_free(&self, start: Pose2, goal: Pose2) -> Result<(), PlanError> {
        let at = |pose| {
            self.obstacles
                .stands(&self.planner.footprint, &Axis::of(pose))
        };
        at(start).map_err(|obstruction| match obstruction {
            Obstruction::Outside => PlanError::StartOutside,
            Obstruction::Blocked => PlanError::StartBlocked,
        })?;
        at(goal).map_err(|obstruction| match obstruction {
            Obstruction::Outside => PlanError::GoalOutside,
            Obstruction::Blocked => PlanError::GoalBlocked,
        })
    }
}

impl From<Standing> for Improvement {
    fn from(standing: Standing) -> Self {
        Self {
            cost: Prices::in_metres(standing.price),
            bound: search::bound(standing.price, standing.least),
            expansions: standing.expansions,
        }
    }
}
