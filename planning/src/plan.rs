//! What the planner produces.

use crate::lattice::Leg;
use crate::pose::Pose2;
use crate::vehicle::End;

/// One instant of a plan. Its fields are the columns of [`Plan::write_csv`].
///
/// Between two samples the acceleration changes evenly in time, so that the speed
/// is a square and the distance a cubic of it; curvature and steering angles
/// change evenly with the distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Time since the plan began, s.
    pub t: f64,
    /// x of `base_link`, m, in the frame of the start and the grid.
    pub x: f64,
    /// y of `base_link`, m.
    pub y: f64,
    /// Heading of end A, rad, in (−π, π].
    pub theta: f64,
    /// Speed, m/s, never negative: [`Sample::lead`] tells which way.
    pub v: f64,
    /// Acceleration along the path, m/s²: to the next sample it changes evenly
    /// in time.
    pub a: f64,
    /// Turning of the vehicle per metre moved, 1/m, counterclockwise positive:
    /// θ changes at the rate v·kappa whichever end leads.
    pub kappa: f64,
    /// Steering angle of the axle at end A, rad, counterclockwise from +x.
    pub steer_a: f64,
    /// Steering angle of the axle at end B, rad, counterclockwise from +x.
    pub steer_b: f64,
    /// The end that leads.
    pub lead: End,
}

impl Sample {
    /// Where the vehicle is.
    pub fn pose(&self) -> Pose2 {
        Pose2::new(self.x, self.y, self.theta)
    }
}

/// A trajectory that the checker has verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The trajectory; never empty. At most 5 cm apart.
    pub samples: Vec<Sample>,
    /// Price of the way in units of one metre driven in the open; 0 for a stop.
    pub cost: f64,
    /// The plan costs at most so many times as much as the cheapest of those that
    /// the search looks at: over the lattice, to the poses found about the goal;
    /// 1 if it is that.
    pub suboptimality_bound: f64,
    /// Length of the way, m.
    pub length_m: f64,
    /// Time it takes, s.
    pub duration_s: f64,
    /// How often the leading end changes.
    pub end_changes: u32,
    /// Least distance of the body from a blocked cell or the grid's edge, m;
    /// at most [`Plan::FARTHEST_M`].
    pub min_clearance_m: f64,
    /// Metres driven with any unknown cell under the body.
    pub unknown_m: f64,
    /// States that the search expanded.
    pub expansions: u32,
    /// Their places, in order, as far as they are kept; m.
    pub search: Vec<[f64; 2]>,
    /// The curves of the way; none of a stop.
    pub(crate) legs: Vec<Leg>,
}

impl Plan {
    /// How far [`Plan::min_clearance_m`] looks, m.
    pub const FARTHEST_M: f64 = 5.0;
}
