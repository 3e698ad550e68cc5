//! A planner for a vehicle without a front.
//!
//! [`Planner::plan`] searches a lattice of motion primitives over an occupancy
//! grid, gives the path a speed profile, and has the checker verify the result.
//! Either end may lead; changing ends has a price. Poses are of `base_link` in
//! the grid's frame (odom or map); SI units and radians.

mod approach;
mod check;
mod collision;
mod config;
mod csv;
mod curve;
mod distance;
mod driving;
mod error;
mod file;
mod footing;
mod generator;
mod ground;
mod headings;
mod heuristic;
mod lattice;
mod map;
mod map_server;
#[cfg(test)]
mod optimum;
mod pgm;
mod plan;
mod polygon;
mod pose;
mod price;
mod primitive_set;
mod primitives;
mod query;
mod queue;
mod ramp;
mod route;
mod search;
mod shortcut;
mod speed;
mod stop;
mod sweep;
mod tpcap;
mod unobstructed;
mod vehicle;
mod window;

pub use check::{Fault, FaultKind, Surroundings, Task, check};
pub use config::{Costs, Degraded, GoalHeading, Invalid, PlannerConfig, Unknown};
pub use driving::Driving;
pub use error::PlanError;
pub use file::FileError;
pub use ground::Ground;
pub use janus_perception::{Cell, Grid, Health};
pub use map::Map;
pub use plan::{Plan, Sample};
pub use polygon::{Polygon, PolygonError};
pub use pose::Pose2;
pub use primitive_set::{PrimitiveSet, Shape, Steering};
pub use query::Query;
pub use route::goal_ahead;
pub use stop::Stop;
pub use tpcap::Case;
pub use vehicle::{End, Vehicle, VehicleError};

use collision::{Axis, Footprint, Obstacles, Room};
use primitives::{Limits, Primitives};
use std::time::{Duration, Instant};
use unobstructed::Unobstructed;

/// A better plan, or a better bound, while the planner is at work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Improvement {
    /// [`Plan::cost`] of the best plan so far; never rises.
    pub cost: f64,
    /// [`Plan::suboptimality_bound`] of it; infinite while nothing is known.
    pub bound: f64,
    /// States expanded so far.
    pub expansions: u32,
}

/// Plans for one vehicle.
#[derive(Clone, Debug)]
pub struct Planner {
    vehicle: Vehicle,
    config: PlannerConfig,
    primitives: Primitives,
    limits: Limits,
    unobstructed: Unobstructed,
    /// The vehicle with its margin, which the search keeps free.
    footprint: Footprint,
    /// The vehicle alone, of which clearance is reported.
    body: Footprint,
}

impl Planner {
    /// Generates the vehicle's motion primitives. Fails if a figure of the
    /// vehicle or the configuration is out of range.
    pub fn new(vehicle: Vehicle, config: PlannerConfig) -> Result<Self, Invalid> {
        let set = PrimitiveSet::generate(&vehicle, &config)?;
        Self::with_primitives(vehicle, &set, config)
    }

    /// The same with motion primitives that were made before, which also say
    /// what the lattice is. Fails if they are another vehicle's, too.
    pub fn with_primitives(
        vehicle: Vehicle,
        set: &PrimitiveSet,
        config: PlannerConfig,
    ) -> Result<Self, Invalid> {
        let config = PlannerConfig {
            headings: set.headings(),
            cell_m: set.cell_m(),
            ..config
        };
        vehicle.validate()?;
        config.validate()?;
        let limits = Limits::new(&vehicle, &config);
        let links = set.links(&vehicle, &limits)?;
        Ok(Self {
            primitives: Primitives::new(links, config.headings, config.cell_m, &limits),
            unobstructed: Unobstructed::new(&limits),
            limits,
            footprint: Footprint::new(&vehicle, config.margin_m),
            body: Footprint::new(&vehicle, 0.0),
            vehicle,
            config,
        })
    }

    /// Plans from standstill at `start` to standstill at `goal`. Either end may
    /// lead first, at no price.
    ///
    /// Equal input gives an equal plan. The start's heading is kept to within
    /// 4·10⁻¹⁰ rad.
    pub fn plan(&self, grid: &Grid, start: Pose2, goal: Pose2) -> Result<Plan, PlanError> {
        self.answer(grid, &Query::new(start, goal), |_| ())
    }

    /// The same, with all that can be asked. `see` is told of each better plan,
    /// and each better bound, when it is there; where the vehicle moves at the
    /// start, of the last alone: whether a way can be entered as fast as it moves
    /// shows at the end.
    pub fn answer(
        &self,
        grid: &Grid,
        query: &Query<'_>,
        see: impl FnMut(&Improvement),
    ) -> Result<Plan, PlanError> {
        let begun = Instant::now();
        query.validate(&self.vehicle, &self.config)?;
        let ground = self.prepare(grid)?;
        let left = |deadline: Duration| deadline.saturating_sub(begun.elapsed());
        let query = Query {
            deadline: query.deadline.map(left),
            ..*query
        };
        ground.answer(&query, see)
    }

    /// Does what is the same for all plans on one grid.
    pub fn prepare<'a>(&'a self, grid: &'a Grid) -> Result<Ground<'a>, PlanError> {
        grid_is_whole(grid)?;
        let mut obstacles = self.obstacles(grid);
        if self.config.unknown == Unknown::Price {
            let within = self.primitives.longest + self.primitives.drift;
            obstacles.price_unknown(&self.footprint, within);
        }
        Ok(Ground::new(self, grid, obstacles))
    }

    /// The vehicle.
    pub fn vehicle(&self) -> &Vehicle {
        &self.vehicle
    }

    /// The configuration.
    pub fn config(&self) -> &PlannerConfig {
        &self.config
    }

    fn obstacles<'a>(&self, grid: &'a Grid) -> Obstacles<'a> {
        let clearance = self.config.clearance_m.max(Plan::FARTHEST_M);
        let sight = self.footprint.reach() + clearance + self.primitives.drift;
        Obstacles::new(grid, self.config.unknown, sight)
    }

    /// A plan of which only the search is left out.
    fn measured(&self, samples: Vec<Sample>, obstacles: &Obstacles<'_>) -> Plan {
        let place = |sample: &Sample| {
            let axis = Axis::of(sample.pose());
            (obstacles.room(&self.body, &axis).ok(), axis)
        };
        let mut places: Vec<_> = samples.iter().map(place).collect();
        let (mut length_m, mut unknown_m, mut end_changes) = (0.0, 0.0, 0);
        for (pair, (room, axis)) in samples.windows(2).zip(places.iter().skip(1)) {
            let moved = pair[0].pose().distance(pair[1].pose());
            length_m += moved;
            end_changes += u32::from(pair[0].lead != pair[1].lead);
            let may_be_unknown = room.is_none_or(|room| room.unknown);
            if may_be_unknown && obstacles.over_unknown(&self.body, axis) {
                unknown_m += moved;
            }
        }
        // The likeliest nearest first, so that few are looked at closely.
        let clearance = |room: &Option<Room>| room.map_or(0.0, |room| room.clearance);
        places.sort_by(|(a, _), (b, _)| clearance(a).total_cmp(&clearance(b)));
        let nearer = |nearest: f64, (room, axis): &(Option<Room>, Axis)| {
            if clearance(room) >= nearest {
                nearest
            } else {
                obstacles.clearance(&self.body, axis, nearest)
            }
        };
        Plan {
            cost: 0.0,
            suboptimality_bound: 1.0,
            length_m,
            duration_s: samples.last().map_or(0.0, |last| last.t),
            end_changes,
            min_clearance_m: places.iter().fold(Plan::FARTHEST_M, nearer),
            unknown_m,
            expansions: 0,
            search: Vec::new(),
            legs: Vec::new(),
            samples,
        }
    }
}

/// Whether a grid holds as many cells as its size says, at cell coordinates
/// that exist.
fn grid_is_whole(grid: &Grid) -> Result<(), PlanError> {
    let cells = u64::from(grid.size[0]) * u64::from(grid.size[1]);
    if grid.log_odds.len() as u64 != cells {
        return Err(PlanError::Grid("its size is not that of its cells"));
    }
    if grid.cell_mm == 0 {
        return Err(PlanError::Grid("its cells have no size"));
    }
    let fits = |k: usize| i64::from(grid.origin[k]) + i64::from(grid.size[k]) < i64::from(i32::MAX);
    if !fits(0) || !fits(1) || grid.size.iter().any(|&n| n > distance::MOST_CELLS) {
        return Err(PlanError::Grid(
            "it has more than 16,384 cells along a side, or reaches farther than cell \
             coordinates do",
        ));
    }
    Ok(())
}
