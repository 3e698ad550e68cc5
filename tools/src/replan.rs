//! Plans along a log, frame after frame, each begun from the last.

use std::sync::Arc;

use janus_datasets::{Frame, Log, Pose, Trajectory};
use janus_perception::{Forecast, Grid, Scene};
use janus_planning::{
    Driving, End, Plan, PlanError, Planner, Pose2, Query, Stop, Vehicle, goal_ahead,
};

use crate::cli;

/// Slower than this a logged vehicle stands, m/s: its pose is not known better.
const AT_REST: f64 = 0.05;

/// What is so likely to come to a place, of 255, that it is kept free.
const LIKELY: u8 = 100;

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
        scene: &Scene,
    ) -> (Option<Pose2>, Result<Plan, Halt>) {
        if frame.begins {
            self.forget();
        }
        let start = frame.pose.as_ref().map_or_else(Pose2::default, on_ground);
        let grid = occupied_when_reached(scene, start, self.planner.vehicle());
        let goal = self.route.goal(frame.stamp);
        let logged = self.route.driving(frame.stamp);
        let plan = match goal {
            Some(goal) => {
                let query = Query {
                    previous: self.last.as_ref(),
                    driving: logged.within(self.planner.vehicle()),
                    health: &scene.health,
                    ..Query::new(start, goal)
                };
                self.planner.answer(&grid, &query, |_| ())
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
            let stop = self.planner.stop(&grid, start, logged).ok();
            Halt { error, stop }
        });
        (goal, plan)
    }
}

/// What stands, and where what moves may be by the time that a vehicle gets
/// there from a pose at its greatest speed, or up to a step of the forecast
/// later. What may come where it is now is left to those who come.
fn occupied_when_reached(scene: &Scene, start: Pose2, vehicle: &Vehicle) -> Grid {
    let mut grid = scene.still.clone();
    let (side, cell_m) = (grid.size[0].max(1) as usize, grid.cell_m());
    let corner = grid.origin.map(|c| f64::from(c) * cell_m);
    let reach = vehicle.length.hypot(vehicle.width) / 2.0;
    let step_m = vehicle.max_speed * Forecast::STEP_S;
    for (layer, weights) in scene.forecast.layers().enumerate() {
        // Where the vehicle first comes in this step, or in the one before.
        let from = reach + step_m * (layer as f64 - 1.0).max(0.0);
        let ring = from..reach + step_m * (layer as f64 + 1.0);
        for (index, _) in weights.iter().enumerate().filter(|(_, w)| **w >= LIKELY) {
            let at = [index % side, index / side].map(|c| (c as f64 + 0.5) * cell_m);
            let metres = (corner[0] + at[0] - start.x).hypot(corner[1] + at[1] - start.y);
            if ring.contains(&metres) {
                grid.log_odds[index] = Grid::OCCUPIED;
            }
        }
    }
    grid
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

    /// How the logged vehicle moves at about `stamp`: by the tenth of a second
    /// before, or after at the beginning.
    fn driving(&self, stamp: i64) -> Driving {
        const SPAN_NS: i64 = 100_000_000;
        let between = |from: i64, to: i64| {
            let [here, there] = [self.way.at(from)?, self.way.at(to)?].map(|p| on_ground(&p));
            Some(driven(here, there, (to - from) as f64 * 1e-9))
        };
        let before = || between(stamp.saturating_sub(SPAN_NS), stamp);
        before()
            .or_else(|| between(stamp, stamp.saturating_add(SPAN_NS)))
            .unwrap_or(Driving::STILL)
    }
}

/// How a vehicle moves that comes from one pose to another.
fn driven(here: Pose2, there: Pose2, seconds: f64) -> Driving {
    let metres = here.distance(there);
    let speed = metres / seconds;
    if !(AT_REST..).contains(&speed) {
        return Driving::STILL;
    }
    let along = (there.x - here.x) * here.theta.cos() + (there.y - here.y) * here.theta.sin();
    let turn = there.theta - here.theta;
    Driving {
        speed,
        lead: if along < 0.0 { End::B } else { End::A },
        curvature: turn.sin().atan2(turn.cos()) / metres,
    }
}

fn on_ground(pose: &Pose) -> Pose2 {
    let axis = pose.rotation * nalgebra::Vector3::x();
    Pose2::new(pose.translation.x, pose.translation.y, axis.y.atan2(axis.x))
}
