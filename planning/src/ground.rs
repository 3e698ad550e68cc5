//! One grid made ready, and a plan on it from the query to the check.

use std::time::Instant;

use janus_perception::Grid;

use crate::check::{Task, check};
use crate::collision::{Axis, Obstacles, Obstruction};
use crate::config::GoalHeading;
use crate::error::PlanError;
use crate::footing::Footing;
use crate::heuristic::Heuristic;
use crate::lattice::{Frame, Leg, Reach, Setting};
use crate::plan::{Plan, Sample};
use crate::pose::Pose2;
use crate::price::Prices;
use crate::primitives::Motion;
use crate::query::Query;
use crate::search::{self, Found, Search, Standing};
use crate::shortcut::Shortcuts;
use crate::speed;
use crate::sweep;
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
        query.validate(&planner.vehicle)?;
        let &Query { start, goal, .. } = query;
        self.ends_are_free(start, goal)?;
        let late = |deadline| begun.elapsed() >= deadline;
        let mut out_of_time = || query.deadline.is_some_and(late);
        let (found, samples) = self.driven(query, &mut out_of_time, &mut see)?;
        let task = Task {
            start,
            speed: query.speed,
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
        Ok(Plan {
            cost: Prices::in_metres(found.price),
            suboptimality_bound: search::bound(found.price, found.least),
            expansions: found.expansions,
            search: found.trace,
            legs: found.legs,
            ..planner.measured(samples, &self.obstacles)
        })
    }

    /// A way with its speeds. Where it cannot be entered as fast as the vehicle
    /// moves, the vehicle drives straight on first, as far as it takes to stop.
    fn driven(
        &self,
        query: &Query<'_>,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(&Improvement),
    ) -> Result<(Found, Vec<Sample>), PlanError> {
        let vehicle = &self.planner.vehicle;
        let &Query {
            start, speed, lead, ..
        } = query;
        if speed == 0.0 {
            let found = self.search(query, out_of_time, see)?;
            let samples = speed::profile(vehicle, &found.legs, start, (0.0, found.lead));
            // From standstill no way is too fast.
            return Ok((found, samples.ok_or(PlanError::TooFast)?));
        }
        let found = self.search(query, out_of_time, &mut |_| ())?;
        let straight_away = speed::profile(vehicle, &found.legs, start, (speed, lead));
        let (found, samples) = match straight_away {
            Some(samples) => (found, samples),
            None => {
                let found = self.search_ahead(query, out_of_time)?;
                let samples = speed::profile(vehicle, &found.legs, start, (speed, lead));
                (found, samples.ok_or(PlanError::TooFast)?)
            }
        };
        see(&Improvement::from(found.standing()));
        Ok((found, samples))
    }

    /// Straight on as far as it takes to stop, and from there by a search.
    fn search_ahead(
        &self,
        query: &Query<'_>,
        out_of_time: &mut impl FnMut() -> bool,
    ) -> Result<Found, PlanError> {
        let planner = self.planner;
        let &Query {
            start, goal, lead, ..
        } = query;
        let metres = speed::braking_distance(&planner.vehicle, query.speed);
        let on = Leg::straight(start, lead, metres);
        let query = Query {
            start: on.end(),
            previous: None,
            ..*query
        };
        self.ends_are_free(query.start, goal)
            .map_err(|_| PlanError::TooFast)?;
        let frame = Frame::new(start, goal, self.either_way());
        let along = [if lead == frame.end { 1.0 } else { -1.0 }, 0.0];
        let motion = Motion::new(on.curve, [1.0, 0.0], &planner.limits);
        let surcharge = sweep::surcharge(self.setting(), &frame, [0.0; 2], along, lead, &motion)
            .ok_or(PlanError::TooFast)?;
        let mut found = self.search(&query, out_of_time, &mut |_| ())?;
        let price = motion.price + surcharge;
        found.begin_with(on, price, &planner.limits.prices);
        Ok(found)
    }

    /// Searches from the start, on a lattice that ends at the goal by poses as
    /// fine as it takes; where the start is what the lattice is too coarse for,
    /// from the goal, and turns the way round.
    fn search(
        &self,
        query: &Query<'_>,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(&Improvement),
    ) -> Result<Found, PlanError> {
        let forth = self.search_from(query, 0, out_of_time, see);
        let Err(PlanError::NoPath { expansions }) = forth else {
            return forth;
        };
        let back = Query::new(query.goal, query.start);
        self.search_from(&back, expansions, out_of_time, see)
            .map(|found| found.reversed(query.start))
    }

    fn search_from(
        &self,
        query: &Query<'_>,
        spent: u32,
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
        let ahead = Reach::new(setting, &from_start, window()?, heuristic);
        let shortcuts = Shortcuts {
            setting,
            frame: &from_start,
            sweeps: &ahead.sweeps,
        };
        let known = shortcuts.best(query.previous.map_or(&[], |plan| &plan.legs));
        Search::new(setting, ahead, &from_goal, known, spent)
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
