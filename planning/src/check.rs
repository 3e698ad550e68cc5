//! The checker: whether a trajectory is one that the vehicle can and may drive.
//!
//! It knows a trajectory by its samples alone and shares no code with what
//! makes them: steering is turned back into motion, rectangles meet cells by
//! the separating axis theorem.

use std::f64::consts::PI;
use std::fmt;

use janus_perception::{Cell, Grid};

use crate::config::{GoalHeading, PlannerConfig, Unknown};
use crate::plan::Sample;
use crate::pose::{Pose2, wrap, wrap_axis};
use crate::vehicle::{End, Vehicle};

/// What a trajectory was to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Where it begins.
    pub start: Pose2,
    /// Speed with which it begins, m/s.
    pub speed: f64,
    /// Where it ends; for a stop, nowhere in particular.
    pub goal: Option<Pose2>,
}

/// What is wrong with a trajectory, and where first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (sample {sample})")]
pub struct Fault {
    /// Index of the sample at or after which it is wrong.
    pub sample: usize,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong with a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The grid holds not as many cells as its size says.
    Grid,
    /// There are no samples.
    Empty,
    /// A figure is not a number.
    NotFinite,
    /// It begins elsewhere, or at another speed.
    Start,
    /// It ends elsewhere than at the goal.
    Goal,
    /// It does not end at standstill.
    Moving,
    /// Time runs backward.
    Time,
    /// The place changes otherwise than speed and direction of motion say.
    Jump,
    /// The heading changes otherwise than the curvature says.
    Heading,
    /// An axle is steered farther than it can, or otherwise than the motion.
    Steer,
    /// An axle is steered faster than it can.
    SteerRate,
    /// Faster than the vehicle may, or backward.
    Speed,
    /// Acceleration is out of bounds, or not that of the speed.
    Accel,
    /// Acceleration across the path is out of bounds.
    LateralAccel,
    /// The leading end changes without a stop for the dwell.
    EndChange,
    /// The vehicle reaches out of the grid.
    Outside,
    /// The vehicle overlaps a blocked cell.
    Collision,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grid => "the grid's size is not that of its cells",
            Self::Empty => "there are no samples",
            Self::NotFinite => "a figure is not finite",
            Self::Start => "it does not begin at the start",
            Self::Goal => "it does not end at the goal",
            Self::Moving => "it does not end at standstill",
            Self::Time => "time runs backward",
            Self::Jump => "the place jumps",
            Self::Heading => "the heading does not follow the curvature",
            Self::Steer => "the steering angle is out of bounds or not that of the motion",
            Self::SteerRate => "the steering is too fast",
            Self::Speed => "the speed is out of bounds",
            Self::Accel => "the acceleration is out of bounds or not that of the speed",
            Self::LateralAccel => "the lateral acceleration is out of bounds",
            Self::EndChange => "the leading end changes without a stop",
            Self::Outside => "the vehicle leaves the grid",
            Self::Collision => "the vehicle overlaps a blocked cell",
        })
    }
}

/// The farthest a point of the vehicle moves between two tests, m.
const COLLISION_STEP: f64 = 0.02;
/// What rounding may do to a figure that is given exactly.
const EXACT: f64 = 1e-6;
/// How far a sample may lie from where the one before leads, m.
const PLACE: f64 = 5e-4;
/// How far its heading may be from where the one before leads, rad.
const ANGLE: f64 = 2e-3;
/// Room for what is measured between samples, as a share of its limit.
const MEASURED: f64 = 0.05;

/// Verifies a trajectory against its task, its vehicle and the grid: that it
/// begins and ends where it was to; that place, heading, speed, acceleration
/// and steering agree with one another and keep to the vehicle's limits; that
/// the leading end changes only at a stop; and that the vehicle's rectangle
/// (without margin) never overlaps a blocked cell or leaves the grid.
pub fn check(
    samples: &[Sample],
    task: &Task,
    vehicle: &Vehicle,
    grid: &Grid,
    config: &PlannerConfig,
) -> Result<(), Fault> {
    let fail = |sample, kind| Err(Fault { sample, kind });
    if grid.log_odds.len() as u64 != u64::from(grid.size[0]) * u64::from(grid.size[1]) {
        return fail(0, FaultKind::Grid);
    }
    let [first, .., last] = samples else {
        return match samples {
            [only] => check(&[*only, *only], task, vehicle, grid, config),
            _ => fail(0, FaultKind::Empty),
        };
    };
    for (i, sample) in samples.iter().enumerate() {
        instant(sample, task, vehicle).or_else(|kind| fail(i, kind))?;
    }
    let begun = first.pose().distance(task.start) <= EXACT
        && wrap(first.theta - task.start.theta).abs() <= EXACT
        && (first.v - task.speed).abs() <= EXACT;
    if !begun {
        return fail(0, FaultKind::Start);
    }
    for (i, pair) in samples.windows(2).enumerate() {
        let [from, to] = [pair[0], pair[1]];
        transition(&from, &to, vehicle).or_else(|kind| fail(i, kind))?;
        passage(&from, &to, vehicle, grid, config.unknown).or_else(|kind| fail(i, kind))?;
    }
    if last.v != 0.0 {
        return fail(samples.len() - 1, FaultKind::Moving);
    }
    match task.goal {
        Some(goal) if !arrived(last, goal, vehicle, config) => {
            fail(samples.len() - 1, FaultKind::Goal)
        }
        _ => Ok(()),
    }
}

fn arrived(last: &Sample, goal: Pose2, vehicle: &Vehicle, config: &PlannerConfig) -> bool {
    let either_way = vehicle.is_symmetric() && config.goal_heading == GoalHeading::Axis;
    let turn = last.theta - goal.theta;
    let turn = if either_way {
        wrap_axis(turn)
    } else {
        wrap(turn)
    };
    last.pose().distance(goal) <= config.tolerance_m + EXACT
        && turn.abs() <= config.tolerance_rad + EXACT
}

/// What holds of a sample by itself.
fn instant(s: &Sample, task: &Task, vehicle: &Vehicle) -> Result<(), FaultKind> {
    let figures = [
        s.t, s.x, s.y, s.theta, s.v, s.a, s.kappa, s.steer_a, s.steer_b,
    ];
    if figures.iter().any(|f| !f.is_finite()) {
        return Err(FaultKind::NotFinite);
    }
    // A stop may begin faster than the vehicle may drive.
    let max_speed = vehicle.max_speed.max(task.speed);
    if !(0.0..=max_speed + EXACT).contains(&s.v) {
        return Err(FaultKind::Speed);
    }
    if !(-vehicle.max_decel - EXACT..=vehicle.max_accel + EXACT).contains(&s.a) {
        return Err(FaultKind::Accel);
    }
    let [kappa, slip] = vehicle.motion([s.steer_a, s.steer_b], s.lead);
    let steered = s.steer_a.abs() <= vehicle.max_steer_a + EXACT
        && s.steer_b.abs() <= vehicle.max_steer_b + EXACT
        && slip.abs() <= vehicle.max_crab() + EXACT
        && (kappa - s.kappa).abs() <= EXACT;
    if steered {
        Ok(())
    } else {
        Err(FaultKind::Steer)
    }
}

/// What holds between two samples.
fn transition(p: &Sample, q: &Sample, vehicle: &Vehicle) -> Result<(), FaultKind> {
    let dt = q.t - p.t;
    let moved = p.pose().distance(q.pose());
    if dt < 0.0 {
        return Err(FaultKind::Time);
    }
    if p.lead != q.lead {
        let stands = p.v == 0.0 && q.v == 0.0 && moved <= EXACT;
        return if stands && dt >= vehicle.dwell - EXACT {
            Ok(())
        } else {
            Err(FaultKind::EndChange)
        };
    }
    if (q.v - p.v - p.a * dt).abs() > EXACT {
        return Err(FaultKind::Accel);
    }
    if (moved - 0.5 * (p.v + q.v) * dt).abs() > PLACE {
        return Err(FaultKind::Jump);
    }
    let turned = wrap(q.theta - p.theta);
    if (turned - 0.5 * (p.kappa + q.kappa) * moved).abs() > ANGLE {
        return Err(FaultKind::Heading);
    }
    let [before, after] = [p, q].map(|s| direction(s, vehicle));
    let bent = wrap(after - before);
    let (sin, cos) = (before + bent / 2.0).sin_cos();
    let [dx, dy] = [q.x - p.x, q.y - p.y];
    if (cos * dy - sin * dx).abs() > PLACE || cos * dx + sin * dy < -EXACT {
        return Err(FaultKind::Jump);
    }
    let steered = [q.steer_a - p.steer_a, q.steer_b - p.steer_b].map(f64::abs);
    let rates = [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b];
    if (0..2).any(|axle| steered[axle] > rates[axle] * dt + EXACT) {
        return Err(FaultKind::SteerRate);
    }
    // v²·κ, with the curvature of the path as it comes out.
    let across = p.v * q.v * bent.abs();
    if across > vehicle.max_lateral_accel * (1.0 + MEASURED) * moved + EXACT {
        return Err(FaultKind::LateralAccel);
    }
    Ok(())
}

/// Direction of motion, rad.
fn direction(s: &Sample, vehicle: &Vehicle) -> f64 {
    let [_, slip] = vehicle.motion([s.steer_a, s.steer_b], s.lead);
    match s.lead {
        End::A => s.theta + slip,
        End::B => s.theta + slip + PI,
    }
}

/// Whether the vehicle stands free all the way between two samples.
fn passage(
    p: &Sample,
    q: &Sample,
    vehicle: &Vehicle,
    grid: &Grid,
    unknown: Unknown,
) -> Result<(), FaultKind> {
    let turned = wrap(q.theta - p.theta);
    let reach = vehicle.length + vehicle.width + vehicle.centre_x.abs();
    let moved = p.pose().distance(q.pose()) + turned.abs() * reach;
    let steps = (moved / COLLISION_STEP).ceil().max(1.0);
    for step in 0..=steps as u32 {
        let share = f64::from(step) / steps;
        let pose = Pose2 {
            x: p.x + (q.x - p.x) * share,
            y: p.y + (q.y - p.y) * share,
            theta: p.theta + turned * share,
        };
        stands_free(pose, vehicle, grid, unknown)?;
    }
    Ok(())
}

fn stands_free(
    pose: Pose2,
    vehicle: &Vehicle,
    grid: &Grid,
    unknown: Unknown,
) -> Result<(), FaultKind> {
    let (sin, cos) = pose.theta.sin_cos();
    let cell = grid.cell_m();
    let (half_length, half_width) = (vehicle.length / 2.0, vehicle.width / 2.0);
    let centre = [
        pose.x + cos * vehicle.centre_x,
        pose.y + sin * vehicle.centre_x,
    ];
    // Half the extent of the rectangle along the grid's axes.
    let extent = [
        half_length * cos.abs() + half_width * sin.abs(),
        half_length * sin.abs() + half_width * cos.abs(),
    ];
    let mut range = [(0, 0); 2];
    for k in 0..2 {
        let low = f64::from(grid.origin[k]) * cell;
        let high = low + f64::from(grid.size[k]) * cell;
        if centre[k] - extent[k] < low - EXACT || centre[k] + extent[k] > high + EXACT {
            return Err(FaultKind::Outside);
        }
        let at = |place: f64| (place / cell).floor() as i32;
        range[k] = (
            at(centre[k] - extent[k] + EXACT),
            at(centre[k] + extent[k] - EXACT),
        );
    }
    let half_cell = 0.5 * cell * (cos.abs() + sin.abs());
    for y in range[1].0..=range[1].1 {
        for x in range[0].0..=range[0].1 {
            let blocked = match grid.cell(x, y) {
                Cell::Occupied => true,
                Cell::Unknown => unknown == Unknown::Blocked,
                Cell::Free => false,
            };
            if !blocked {
                continue;
            }
            // The grid's own axes separate nothing within these ranges; the
            // rectangle's may.
            let [dx, dy] = [
                (f64::from(x) + 0.5) * cell - centre[0],
                (f64::from(y) + 0.5) * cell - centre[1],
            ];
            let apart = (cos * dx + sin * dy).abs() >= half_length + half_cell - EXACT
                || (cos * dy - sin * dx).abs() >= half_width + half_cell - EXACT;
            if !apart {
                return Err(FaultKind::Collision);
            }
        }
    }
    Ok(())
}
