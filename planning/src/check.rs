//! The checker: whether a trajectory is one that the vehicle can and may drive.
//!
//! It knows a trajectory by its samples alone and shares no code with what
//! makes them. Between two samples the acceleration changes evenly in time;
//! curvature and the angle between motion and axis change evenly with the
//! distance, and heading and place are integrated from them. Steering is turned
//! back into motion; rectangles meet cells by the separating axis theorem and
//! polygons by clipping their edges.

use std::f64::consts::PI;
use std::fmt;

use janus_perception::{Cell, Grid};

use crate::config::{GoalHeading, PlannerConfig, Unknown};
use crate::plan::Sample;
use crate::polygon::{Polygon, Rectangle};
use crate::pose::{Pose2, wrap, wrap_axis};
use crate::vehicle::{End, Vehicle};

/// What a trajectory was to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Where it begins.
    pub start: Pose2,
    /// Speed with which it begins, m/s.
    pub speed: f64,
    /// Where it ends. A stop ends nowhere in particular, and may brake at once,
    /// whatever the jerk.
    pub goal: Option<Pose2>,
}

/// What a trajectory must keep clear of, in its frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// A grid, which it must not leave either.
    pub grid: Option<&'a Grid>,
    /// Obstacles by their outlines.
    pub polygons: &'a [Polygon],
}

impl<'a> From<&'a Grid> for Surroundings<'a> {
    fn from(grid: &'a Grid) -> Self {
        Self {
            grid: Some(grid),
            polygons: &[],
        }
    }
}

impl<'a> From<&'a [Polygon]> for Surroundings<'a> {
    fn from(polygons: &'a [Polygon]) -> Self {
        Self {
            grid: None,
            polygons,
        }
    }
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
    /// Time does not begin at 0, or does not go on.
    Time,
    /// The place changes otherwise than speed and direction of motion say.
    Jump,
    /// The heading changes otherwise than the curvature says.
    Heading,
    /// The curvature is out of bounds.
    Curvature,
    /// The curvature changes over a shorter way than it may.
    CurvatureRate,
    /// An axle is steered farther than it can, or otherwise than the motion.
    Steer,
    /// An axle is steered faster than it can.
    SteerRate,
    /// Faster than the vehicle may, or backward.
    Speed,
    /// Acceleration is out of bounds, or not that of the speed.
    Accel,
    /// Acceleration changes faster than it may, or is there at standstill.
    Jerk,
    /// Acceleration across the path is out of bounds.
    LateralAccel,
    /// The leading end changes without a stop for the dwell.
    EndChange,
    /// The vehicle reaches out of the grid.
    Outside,
    /// The vehicle overlaps a blocked cell or a polygon.
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
            Self::Time => "time does not begin at 0 or does not go on",
            Self::Jump => "the place jumps",
            Self::Heading => "the heading does not follow the curvature",
            Self::Curvature => "the curvature is out of bounds",
            Self::CurvatureRate => "the curvature changes too fast",
            Self::Steer => "the steering angle is out of bounds or not that of the motion",
            Self::SteerRate => "the steering is too fast",
            Self::Speed => "the speed is out of bounds",
            Self::Accel => "the acceleration is out of bounds or not that of the speed",
            Self::Jerk => "the acceleration changes too fast",
            Self::LateralAccel => "the lateral acceleration is out of bounds",
            Self::EndChange => "the leading end changes without a stop",
            Self::Outside => "the vehicle leaves the grid",
            Self::Collision => "the vehicle overlaps an obstacle",
        })
    }
}

/// The farthest a point of the vehicle moves between two tests, m.
const COLLISION_STEP: f64 = 0.02;
/// The farthest that samples may be apart, m.
const APART: f64 = 100.0;
/// What rounding may do to a figure that is given exactly.
const EXACT: f64 = 1e-6;
/// How far a sample may lie from where the one before leads, m.
const PLACE: f64 = 1e-4;
/// How far its heading may be from where the one before leads, rad.
const ANGLE: f64 = 1e-4;

/// Verifies a trajectory against its task, its vehicle and what is around it:
/// that it begins and ends where it was to; that place, heading, speed,
/// acceleration and steering agree with one another and keep to the vehicle's
/// limits at every instant; that the leading end changes only at a stop; and
/// that the vehicle's rectangle (without margin) never overlaps an obstacle or
/// leaves the grid, tested wherever a point of it has moved by 2 cm.
pub fn check<'a>(
    samples: &[Sample],
    task: &Task,
    vehicle: &Vehicle,
    surroundings: impl Into<Surroundings<'a>>,
    config: &PlannerConfig,
) -> Result<(), Fault> {
    let around = surroundings.into();
    let fail = |sample, kind| Err(Fault { sample, kind });
    if around.grid.is_some_and(|grid| !is_whole(grid)) {
        return fail(0, FaultKind::Grid);
    }
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return fail(0, FaultKind::Empty);
    };
    for (i, sample) in samples.iter().enumerate() {
        instant(sample, task, vehicle).or_else(|kind| fail(i, kind))?;
    }
    if !begins(first, task) {
        return fail(0, FaultKind::Start);
    }
    if first.t.abs() > EXACT {
        return fail(0, FaultKind::Time);
    }
    let stop = task.goal.is_none();
    if !stop && task.speed == 0.0 && first.a.abs() > EXACT {
        return fail(0, FaultKind::Jerk);
    }
    let free = |pose| stands_free(pose, vehicle, &around, config.unknown);
    free(first.pose()).or_else(|kind| fail(0, kind))?;
    for (i, pair) in samples.windows(2).enumerate() {
        let passage = Passage::new(pair[0], pair[1], vehicle);
        passage
            .holds(vehicle, stop)
            .and_then(|()| passage.poses(vehicle).try_for_each(free))
            .or_else(|kind| fail(i, kind))?;
    }
    let end = samples.len() - 1;
    if last.v.abs() > EXACT {
        return fail(end, FaultKind::Moving);
    }
    if !stop && last.a.abs() > EXACT {
        return fail(end, FaultKind::Jerk);
    }
    match task.goal {
        Some(goal) if !arrived(last, goal, vehicle, config) => fail(end, FaultKind::Goal),
        _ => Ok(()),
    }
}

fn is_whole(grid: &Grid) -> bool {
    grid.log_odds.len() as u64 == u64::from(grid.size[0]) * u64::from(grid.size[1])
}

fn begins(first: &Sample, task: &Task) -> bool {
    first.pose().distance(task.start) <= EXACT
        && wrap(first.theta - task.start.theta).abs() <= EXACT
        && (first.v - task.speed).abs() <= EXACT
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
    if !(-EXACT..=max_speed + EXACT).contains(&s.v) {
        return Err(FaultKind::Speed);
    }
    if !(-vehicle.max_decel - EXACT..=vehicle.max_accel + EXACT).contains(&s.a) {
        return Err(FaultKind::Accel);
    }
    if s.kappa.abs() > vehicle.max_curvature() + EXACT {
        return Err(FaultKind::Curvature);
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

/// What happens from one sample to the next.
struct Passage {
    from: Sample,
    to: Sample,
    /// Time, s.
    time: f64,
    /// Distance along the path, m.
    way: f64,
    /// Angle from the vehicle's +x to its motion at either sample, rad.
    aim: [f64; 2],
}

impl Passage {
    fn new(from: Sample, to: Sample, vehicle: &Vehicle) -> Self {
        let time = to.t - from.t;
        let aim = |s: &Sample| {
            let [_, slip] = vehicle.motion([s.steer_a, s.steer_b], s.lead);
            match s.lead {
                End::A => slip,
                End::B => slip + PI,
            }
        };
        Self {
            aim: [aim(&from), aim(&to)],
            way: time * (from.v + time * (2.0 * from.a + to.a) / 6.0),
            time,
            from,
            to,
        }
    }

    /// Whether the samples agree with each other and all limits hold between.
    fn holds(&self, vehicle: &Vehicle, stop: bool) -> Result<(), FaultKind> {
        let fails = |bad: bool, kind| if bad { Err(kind) } else { Ok(()) };
        let Self {
            from: p,
            to: q,
            time,
            way,
            ..
        } = *self;
        fails(time <= 0.0, FaultKind::Time)?;
        let moved = p.pose().distance(q.pose());
        let stands = [p.v, p.a, q.v, q.a, moved, way]
            .iter()
            .all(|f| f.abs() <= EXACT);
        if p.lead != q.lead {
            let changes = stands && time >= vehicle.dwell - EXACT;
            fails(!changes, FaultKind::EndChange)?;
        }
        let gained = time * (p.a + q.a) / 2.0;
        fails((q.v - p.v - gained).abs() > EXACT, FaultKind::Accel)?;
        let jerked = (q.a - p.a).abs() > vehicle.max_jerk * time + EXACT;
        fails(jerked && !stop, FaultKind::Jerk)?;
        let [slowest, fastest] = self.speeds();
        let too_fast = fastest > vehicle.max_speed.max(p.v).max(q.v) + EXACT;
        fails(slowest < -EXACT || too_fast, FaultKind::Speed)?;
        fails(way > APART, FaultKind::Jump)?;
        self.follows(vehicle)?;

        let steered = [q.steer_a - p.steer_a, q.steer_b - p.steer_b].map(f64::abs);
        let rates = [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b];
        for (steered, rate) in steered.into_iter().zip(rates) {
            // Angles follow the distance, which is made fastest at the fastest.
            let too_fast = if stands {
                steered > rate * time + EXACT
            } else {
                steered * fastest > rate * way + EXACT
            };
            fails(too_fast, FaultKind::SteerRate)?;
        }
        if stands {
            return Ok(());
        }
        let bent = (q.kappa - p.kappa).abs();
        let sharp = bent > vehicle.max_curvature_rate * way + EXACT;
        fails(sharp, FaultKind::CurvatureRate)?;
        // v²·κ with the curvature of the path: that of the axis and that at which
        // the motion turns away from it.
        let aside = wrap(self.aim[1] - self.aim[0]);
        let bend = (p.kappa * way + aside)
            .abs()
            .max((q.kappa * way + aside).abs());
        let across = fastest * fastest * bend;
        let too_wide = across > vehicle.max_lateral_accel * way + EXACT * (EXACT + way);
        fails(too_wide, FaultKind::LateralAccel)
    }

    /// The least and the greatest speed on the way, m/s.
    fn speeds(&self) -> [f64; 2] {
        let Self {
            from: p,
            to: q,
            time,
            ..
        } = *self;
        let ends = [p.v.min(q.v), p.v.max(q.v)];
        if p.a * q.a >= 0.0 {
            return ends;
        }
        let turning = time * p.a / (p.a - q.a);
        let speed = p.v + turning * p.a / 2.0;
        [ends[0].min(speed), ends[1].max(speed)]
    }

    /// Whether place and heading change as curvature and steering say.
    fn follows(&self, vehicle: &Vehicle) -> Result<(), FaultKind> {
        let Some(end) = self.poses(vehicle).last() else {
            return Ok(());
        };
        if wrap(self.to.theta - end.theta).abs() > ANGLE {
            return Err(FaultKind::Heading);
        }
        if self.to.pose().distance(end) > PLACE {
            return Err(FaultKind::Jump);
        }
        Ok(())
    }

    /// Poses on the way, the last of them where it ends; no point of the vehicle
    /// moves farther than a collision step between two.
    fn poses(&self, vehicle: &Vehicle) -> impl Iterator<Item = Pose2> + use<> {
        let Self {
            from: p,
            to: q,
            way,
            aim,
            ..
        } = *self;
        let aside = wrap(aim[1] - aim[0]);
        let heading = move |u: f64| p.theta + way * u * (p.kappa + u * (q.kappa - p.kappa) / 2.0);
        let motion = move |u: f64| (heading(u) + aim[0] + aside * u).sin_cos();
        let reach = (vehicle.length + vehicle.width) / 2.0 + vehicle.centre_x.abs();
        let swing = 1.0 + reach * p.kappa.abs().max(q.kappa.abs());
        let count = (way * swing / COLLISION_STEP).ceil().max(1.0);
        (0..count as u32).scan([p.x, p.y], move |at, step| {
            let [from, to] = [step, step + 1].map(|i| f64::from(i) / count);
            // Simpson's rule.
            for (u, weight) in [(from, 1.0), ((from + to) / 2.0, 4.0), (to, 1.0)] {
                let (sin, cos) = motion(u);
                at[0] += way / count * weight / 6.0 * cos;
                at[1] += way / count * weight / 6.0 * sin;
            }
            Some(Pose2::new(at[0], at[1], heading(to)))
        })
    }
}

/// Whether the vehicle overlaps nothing here.
fn stands_free(
    pose: Pose2,
    vehicle: &Vehicle,
    around: &Surroundings<'_>,
    unknown: Unknown,
) -> Result<(), FaultKind> {
    if let Some(grid) = around.grid {
        free_of_cells(pose, vehicle, grid, unknown)?;
    }
    let (sin, cos) = pose.theta.sin_cos();
    let body = Rectangle {
        centre: [
            pose.x + cos * vehicle.centre_x,
            pose.y + sin * vehicle.centre_x,
        ],
        along: [cos, sin],
        half: [vehicle.length / 2.0 - EXACT, vehicle.width / 2.0 - EXACT],
    };
    if around
        .polygons
        .iter()
        .any(|polygon| polygon.overlaps(&body))
    {
        return Err(FaultKind::Collision);
    }
    Ok(())
}

fn free_of_cells(
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
