//! Plans along a log, frame after frame, each begun from the last.

use std::sync::Arc;

use janus_datasets::{Frame, Log, Pose, Trajectory};
use janus_perception::Grid;
use janus_planning::{End, Plan, PlanError, Planner, Pose2, Query, Stop, goal_ahead};

use crate::cli;

/// Slower than this a logged vehicle stands, m/s: its pose is not known better.
const AT_REST: f64 = 0.05;

/// A planner on its way along a log.
pub(crate) struct Replanner {
    planner: Planner,
    route: Route,
    /// Of the frame before.
    last: Option<Plan>,
}

impl Replanner {
    pub(crate) fn new(planner: Planner, log: &Log, settings: &cli::Run) -> Self {
        Self {
            planner,
            route: Route::new(log, settings.ahead, settings.goal),
            last: None,
        }
    }

    /// Forgets the last plan, as at the beginning of another drive.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Plans from where the log has the vehicle, and from how fast it is there as
    /// far as it can be that fast, to its goal; the goal is given back too.
    pub(crate) fn plan(
        &mut self,
        frame: &Frame,
        grid: &Grid,
    ) -> (Option<Pose2>, Result<Plan, Halt>) {
        if frame.begins {
            self.forget();
        }
        let start = frame.pose.as_ref().map_or_else(Pose2::default, on_ground);
        let goal = self.route.goal(frame.stamp);
        let (logged, lead) = self.route.motion(frame.stamp);
        let speed = if logged < AT_REST { 0.0 } else { logged };
        let plan = match goal {
            Some(goal) => {
                let query = Query {
                    previous: self.last.as_ref(),
                    speed: speed.min(self.planner.vehicle().max_speed),
                    lead,
                    ..Query::new(start, goal)
                };
                self.planner.answer(grid, &query, |_| ())
            }
            None => Err(PlanError::NoGoal),
        };
        if let Ok(plan) = &plan {
            tracing::debug!(
                frame = frame.index,
                expansions = plan.expansions,
                cost = plan.cost,
                bound = plan.suboptimality_bound,
                "planned"
            );
        }
        self.last = plan.as_ref().ok().cloned();
        let plan = plan.map_err(|error| {
            let stop = self.planner.stop(grid, start, logged, lead).ok();
            Halt { error, stop }
        });
        (goal, plan)
    }
}

/// What the vehicle does where there is no plan.
pub(crate) struct Halt {
    pub(crate) error: PlanError,
    /// `None` if not even a stop makes sense: the pose is not finite.
    pub(crate) stop: Option<Stop>,
}

/// The way that the log took.
struct Route {
    way: Arc<Trajectory>,
    poses: Vec<Pose2>,
    /// How far ahead of the vehicle the goal lies, m.
    ahead: f64,
    /// Where it lies instead, odom.
    fixed: Option<Pose2>,
}

impl Route {
    fn new(log: &Log, ahead: f64, fixed: Option<Pose2>) -> Self {
        let way = log.trajectory().clone();
        let poses = way.waypoints().iter();
        Self {
            poses: poses.map(|waypoint| on_ground(&waypoint.pose)).collect(),
            way,
            ahead,
            fixed,
        }
    }

    /// The given goal, or the logged pose that lies ahead of the one nearest in
    /// time to `stamp`.
    fn goal(&self, stamp: i64) -> Option<Pose2> {
        let ahead = || goal_ahead(&self.poses, self.way.nearest(stamp)?, self.ahead);
        self.fixed.or_else(ahead)
    }

    /// The logged speed nearest in time to `stamp`, m/s, and the end that led.
    fn motion(&self, stamp: i64) -> (f64, End) {
        let still = (0.0, End::A);
        let Some(to) = self.way.nearest(stamp).map(|nearest| nearest.max(1)) else {
            return still;
        };
        let (Some(here), Some(there)) = (self.poses.get(to - 1), self.poses.get(to)) else {
            return still;
        };
        let stamp = |i: usize| self.way.waypoints()[i].stamp;
        let seconds = (stamp(to) - stamp(to - 1)) as f64 * 1e-9;
        let along = (there.x - here.x) * here.theta.cos() + (there.y - here.y) * here.theta.sin();
        let speed = here.distance(*there) / seconds;
        let lead = if along < 0.0 { End::B } else { End::A };
        if speed.is_finite() {
            (speed, lead)
        } else {
            still
        }
    }
}

fn on_ground(pose: &Pose) -> Pose2 {
    let axis = pose.rotation * nalgebra::Vector3::x();
    Pose2::new(pose.translation.x, pose.translation.y, axis.y.atan2(axis.x))
}
