//! The checker: whether a trajectory is one that the vehicle can and may drive.
//!
//! It knows a trajectory by its samples alone and shares no code with what
//! makes them. Between two samples the acceleration changes evenly in time;
//! curvature and the angle between motion and axis change evenly with the
//! distance, and heading and place are integrated from them. Steering is turned
//! back into motion; rectangles meet cells row by row, and polygons by clipping
//! their edges.

use std::f64::consts::PI;
use std::fmt;

use janus_perception::Grid;

use crate::config::{GoalHeading, PlannerConfig, Unknown};
use crate::driving::Driving;
use crate::plan::Sample;
use crate::polygon::{Polygon, Rectangle};
use crate::pose::{Pose2, wrap, wrap_axis};
use crate::vehicle::{End, Vehicle};

/// What a trajectory was to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Where it begins.
    pub start: Pose2,
    /// How the vehicle moves there.
    pub driving: Driving,
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
    /// The grid holds not as many cells as its size says, or they have no size.
    Grid,
    /// There are no samples.
    Empty,
    /// A figure is not a number.
    NotFinite,
    /// It begins elsewhere, or moving otherwise.
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
            Self::Grid => "the grid's size is not that of its cells, or they have none",
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
    let mut aims = Vec::with_capacity(samples.len());
    for (i, sample) in samples.iter().enumerate() {
        let aim = instant(sample, task, vehicle);
        aims.push(aim.map_err(|kind| Fault { sample: i, kind })?);
    }
    if !begins(first, task) {
        return fail(0, FaultKind::Start);
    }
    if first.t.abs() > EXACT {
        return fail(0, FaultKind::Time);
    }
    let stop = task.goal.is_none();
    if !stop && task.driving.is_still() && first.a.abs() > EXACT {
        return fail(0, FaultKind::Jerk);
    }
    let mut room = Room::new(vehicle, &around, config.unknown);
    room.stands_free(first.pose(), 0.0)
        .or_else(|kind| fail(0, kind))?;
    let mut poses = Vec::new();
    for (i, pair) in samples.windows(2).enumerate() {
        let passage = Passage::new(pair[0], pair[1], [aims[i], aims[i + 1]]);
        passage
            .holds(vehicle, stop, &mut poses)
            .and_then(|step| {
                poses
                    .iter()
                    .try_for_each(|pose| room.stands_free(*pose, step))
            })
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
    let cells = u64::from(grid.size[0]) * u64::from(grid.size[1]);
    grid.cell_mm > 0 && grid.log_odds.len() as u64 == cells
}

fn begins(first: &Sample, task: &Task) -> bool {
    first.pose().distance(task.start) <= EXACT
        && wrap(first.theta - task.start.theta).abs() <= EXACT
        && (first.v - task.driving.speed).abs() <= EXACT
        && (task.driving.is_still() || goes_on(first, &task.driving))
}

fn goes_on(first: &Sample, driving: &Driving) -> bool {
    first.lead == driving.lead && (first.kappa - driving.curvature).abs() <= EXACT
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

/// Whether a sample by itself is within the limits. Gives the angle from the
/// vehicle's +x to its motion, rad.
fn instant(s: &Sample, task: &Task, vehicle: &Vehicle) -> Result<f64, FaultKind> {
    let figures = [
        s.t, s.x, s.y, s.theta, s.v, s.a, s.kappa, s.steer_a, s.steer_b,
    ];
    if figures.iter().any(|f| !f.is_finite()) {
        return Err(FaultKind::NotFinite);
    }
    // A stop may begin faster than the vehicle may drive.
    let max_speed = vehicle.max_speed.max(task.driving.speed);
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
    if !steered {
        return Err(FaultKind::Steer);
    }
    Ok(match s.lead {
        End::A => slip,
        End::B => slip + PI,
    })
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
    fn new(from: Sample, to: Sample, aim: [f64; 2]) -> Self {
        let time = to.t - from.t;
        Self {
            aim,
            way: time * (from.v + time * (2.0 * from.a + to.a) / 6.0),
            time,
            from,
            to,
        }
    }

    /// Whether the samples agree with each other and all limits hold between.
    /// Gives the poses on the way, and how far a point of the vehicle moves at
    /// the most from each to the next, m.
    fn holds(
        &self,
        vehicle: &Vehicle,
        stop: bool,
        poses: &mut Vec<Pose2>,
    ) -> Result<f64, FaultKind> {
        let fails = |bad: bool, kind| if bad { Err(kind) } else { Ok(()) };
        let Self {
            from: p,
            to: q,
            time,
            way,
            ..
        } = *self;
        // A change of ends may take no time.
        let backward = time < 0.0 || (time == 0.0 && p.lead == q.lead);
        fails(backward, FaultKind::Time)?;
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
        let step = self.follows(vehicle, poses)?;

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
            return Ok(step);
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
        fails(too_wide, FaultKind::LateralAccel).map(|()| step)
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
    fn follows(&self, vehicle: &Vehicle, poses: &mut Vec<Pose2>) -> Result<f64, FaultKind> {
        let step = self.trace(vehicle, poses);
        if let Some(end) = poses.last() {
            if wrap(self.to.theta - end.theta).abs() > ANGLE {
                return Err(FaultKind::Heading);
            }
            if self.to.pose().distance(*end) > PLACE {
                return Err(FaultKind::Jump);
            }
        }
        Ok(step)
    }

    /// Replaces `poses` by those on the way, the last of them where it ends; no point
    /// of the vehicle moves farther than a collision step between two. Gives how far
    /// it moves at the most, with what the next sample may be off, m.
    fn trace(&self, vehicle: &Vehicle, poses: &mut Vec<Pose2>) -> f64 {
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
        let metres = way / count;
        poses.clear();
        let (mut x, mut y, mut before) = (p.x, p.y, motion(0.0));
        for step in 0..count as u32 {
            let [from, to] = [step, step + 1].map(|i| f64::from(i) / count);
            // Simpson's rule.
            let (middle, after) = (motion((from + to) / 2.0), motion(to));
            x += metres / 6.0 * (before.1 + 4.0 * middle.1 + after.1);
            y += metres / 6.0 * (before.0 + 4.0 * middle.0 + after.0);
            before = after;
            poses.push(Pose2::new(x, y, heading(to)));
        }
        metres.abs() * swing + PLACE + ANGLE * reach
    }
}

/// What is around the vehicle on its way.
struct Room<'a> {
    vehicle: &'a Vehicle,
    around: &'a Surroundings<'a>,
    unknown: Unknown,
    /// How far each point of the vehicle may move from where it is before it may
    /// meet anything, m: known from a test with that much about the vehicle.
    left: f64,
    /// How much about the vehicle is tested next, m.
    wide: f64,
}

impl<'a> Room<'a> {
    /// The most and the least that are tested about the vehicle, and by what the
    /// one follows from the other, m.
    const WIDEST: f64 = 1.28;
    const NARROWEST: f64 = 0.04;
    const CLOSER: f64 = 4.0;

    fn new(vehicle: &'a Vehicle, around: &'a Surroundings<'a>, unknown: Unknown) -> Self {
        Self {
            vehicle,
            around,
            unknown,
            // Nothing is known yet.
            left: f64::NEG_INFINITY,
            wide: Self::WIDEST,
        }
    }

    /// Whether the vehicle overlaps nothing here, when no point of it has moved
    /// by more than `step` metres since it was last asked.
    fn stands_free(&mut self, pose: Pose2, step: f64) -> Result<(), FaultKind> {
        self.left -= step;
        if self.left >= 0.0 {
            return Ok(());
        }
        while self.wide >= Self::NARROWEST {
            if self.overlaps(pose, self.wide).is_ok() {
                self.left = self.wide;
                self.wide = (self.wide * Self::CLOSER).min(Self::WIDEST);
                return Ok(());
            }
            self.wide /= Self::CLOSER;
        }
        self.wide = Self::NARROWEST;
        self.left = 0.0;
        self.overlaps(pose, 0.0)
    }

    /// Whether the vehicle and so much about it overlaps nothing.
    fn overlaps(&self, pose: Pose2, wide: f64) -> Result<(), FaultKind> {
        let vehicle = self.vehicle;
        let (sin, cos) = pose.theta.sin_cos();
        // What only touches does not overlap.
        let half = |side: f64| side / 2.0 + wide - EXACT;
        let body = Rectangle {
            centre: [
                pose.x + cos * vehicle.centre_x,
                pose.y + sin * vehicle.centre_x,
            ],
            along: [cos, sin],
            half: [half(vehicle.length), half(vehicle.width)],
        };
        if let Some(grid) = self.around.grid {
            free_of_cells(&body, grid, self.unknown)?;
        }
        let polygons = self.around.polygons;
        if polygons.iter().any(|polygon| polygon.overlaps(&body)) {
            return Err(FaultKind::Collision);
        }
        Ok(())
    }
}

/// Whether a rectangle lies in the grid, and over no blocked cell.
fn free_of_cells(body: &Rectangle, grid: &Grid, unknown: Unknown) -> Result<(), FaultKind> {
    let cell = grid.cell_m();
    let corners = body.corners().map(|[x, y]| {
        [
            x / cell - f64::from(grid.origin[0]),
            y / cell - f64::from(grid.origin[1]),
        ]
    });
    let extent = |k: usize| {
        let values = corners.map(|corner| corner[k]);
        values
            .into_iter()
            .fold((f64::MAX, f64::MIN), |(low, high), v| {
                (low.min(v), high.max(v))
            })
    };
    let [width, height] = grid.size.map(f64::from);
    let ((left, right), (bottom, top)) = (extent(0), extent(1));
    if left < 0.0 || bottom < 0.0 || right > width || top > height {
        return Err(FaultKind::Outside);
    }
    for y in bottom as usize..(top.ceil() as usize).min(grid.size[1] as usize) {
        // The part of the rectangle in this row of cells is convex, and so it is
        // over each cell between its least and its greatest x.
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        for i in 0..4 {
            let (p, q) = (corners[i], corners[(i + 1) % 4]);
            let (low, high) = if p[1] <= q[1] { (p, q) } else { (q, p) };
            let [from, to] = [y as f64, y as f64 + 1.0];
            if high[1] <= from || low[1] >= to {
                continue;
            }
            let at = |y: f64| low[0] + (high[0] - low[0]) * (y - low[1]) / (high[1] - low[1]);
            for x in [
                if low[1] < from { at(from) } else { low[0] },
                if high[1] > to { at(to) } else { high[0] },
            ] {
                (least, most) = (least.min(x), most.max(x));
            }
        }
        let row = y * grid.size[0] as usize;
        let last = (most.ceil().max(0.0) as usize).min(grid.size[0] as usize);
        let first = (least.max(0.0) as usize).min(last);
        // Every cell is looked at, which is faster than to stop at the first.
        let cells = grid.log_odds[row + first..row + last].iter();
        if cells.fold(false, |any, &cell| any | is_blocked(cell, unknown)) {
            return Err(FaultKind::Collision);
        }
    }
    Ok(())
}

/// Whether a cell with these log-odds is one that the vehicle must not overlap.
/// In place of [`janus_perception::Cell`], so that many are judged at once.
fn is_blocked(log_odds: i16, unknown: Unknown) -> bool {
    let known = (log_odds != 0) & (log_odds != Grid::UNKNOWN);
    (log_odds > 0) | (!known & (unknown == Unknown::Blocked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_perception::Cell;

    #[test]
    fn blocked_are_the_occupied_cells_and_the_unknown_if_so_told() {
        for log_odds in i16::MIN..=i16::MAX {
            let cell = Cell::of(log_odds);
            let occupied = cell == Cell::Occupied;
            assert_eq!(is_blocked(log_odds, Unknown::Price), occupied);
            let either = occupied || cell == Cell::Unknown;
            assert_eq!(is_blocked(log_odds, Unknown::Blocked), either);
        }
    }
}
