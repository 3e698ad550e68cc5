//! The speed profile: as fast as the vehicle may go along a path.
//!
//! Of every cell of the path there is a greatest speed: the vehicle's own, that
//! of lateral acceleration, and those at which the axles steer as fast as they
//! can. Between two places that are passed without acceleration the fastest way
//! is a hump of jerk-limited ramps. Where one is faster than a cell allows, it is
//! cut at the slowest such cell into two that pass it at its speed, or as near to
//! that as they can. There are no more cuts than cells, so this comes to an end.
//! It is the phase plane's search for switching points (Bobrow, Dubowsky and Gibson,
//! "Time-Optimal Control of Robotic Manipulators Along Specified Paths", 1985)
//! with ramps of limited jerk in place of greatest acceleration, and with the
//! look-ahead over such ramps that machine tools use (Erkorkmaz and Altintas,
//! "High Speed CNC System Design, Part I", 2001).
//!
//! To cut at a cell is to level off there. Where its limit is too fast for that it
//! is passed on the way up instead, or down, with as much acceleration as the
//! limits around leave. That is still not always the fastest. The tests compare
//! with an optimum that is found numerically: on random ways of random vehicles
//! the duration is at most 6 % over it, and at most 0.6 % on the average.
//!
//! The wheels stand at the end of every curve as at the beginning of the next, so
//! that nothing has to be steered at standstill.

use std::f64::consts::PI;

use crate::curve::Curve;
use crate::driving::Driving;
use crate::lattice::Leg;
use crate::plan::Sample;
use crate::pose::{Pose2, wrap};
use crate::ramp::{Drive, Hump, Motion, Pass, Phase, Ramp, SAME, greatest};
use crate::vehicle::{End, Vehicle};

/// The greatest distance between samples, m, where the path is straight.
const STRAIGHT_STEP: f64 = 0.05;
/// The same where it is not.
const CURVED_STEP: f64 = 0.025;
/// By so much the heading between two samples may differ from that of a curvature
/// that changes evenly, a quarter of what the checker lets pass, rad.
const EVENLY: f64 = 2.5e-5;
/// Speeds that are less than a limit by a smaller share are held down by it.
const HELD: f64 = 1e-6;
/// How often the acceleration at a place is halved to find the greatest.
const EASINGS: u32 = 10;
/// Into so many parts a curve is divided to tell its time without acceleration.
const STEADY_PARTS: u32 = 8;
/// Instants nearer to each other are one, s.
const INSTANT: f64 = 1e-9;

/// Drives the legs to standstill from where the vehicle is, `at`, and from how
/// it moves there; `None` if that is too fast to be brought down in time.
pub(crate) fn profile(
    vehicle: &Vehicle,
    legs: &[Leg],
    at: Pose2,
    driving: Driving,
) -> Option<Vec<Sample>> {
    let Driving {
        speed,
        lead,
        curvature,
    } = driving;
    let [steer_a, steer_b] = vehicle.steer(curvature, 0.0, lead);
    let mut samples = vec![Sample {
        t: 0.0,
        x: at.x,
        y: at.y,
        theta: wrap(at.theta),
        v: speed,
        a: 0.0,
        kappa: curvature,
        steer_a,
        steer_b,
        lead,
    }];
    let stops_first = legs.first().is_none_or(|leg| leg.lead != lead);
    if speed > 0.0 && stops_first {
        return None;
    }
    let mut speed = speed;
    for stretch in legs.chunk_by(|a, b| a.lead == b.lead) {
        let lead = stretch[0].lead;
        if let Some(last) = samples.last().copied().filter(|last| last.lead != lead) {
            samples.push(Sample {
                t: last.t + vehicle.dwell,
                lead,
                ..last
            });
        }
        let path = Path::new(vehicle, stretch);
        let pieces = path.fastest(vehicle, speed)?;
        path.drive(vehicle, &pieces, &mut samples);
        speed = 0.0;
    }
    Some(samples)
}

/// On a way so long the vehicle can be brought from a speed to any that is
/// lower, m. It takes longer to come down to a third of it than to stop.
pub(crate) fn braking_distance(vehicle: &Vehicle, speed: f64) -> f64 {
    const TRIED: u32 = 16;
    /// What may lie between those that are tried.
    const BETWEEN: f64 = 1.02;
    let drive = Drive::of(vehicle);
    (0..TRIED)
        .map(|i| speed * f64::from(i) / f64::from(TRIED))
        .map(|to| drive.down(to, speed).length() * BETWEEN)
        .fold(0.0, f64::max)
}

/// On a way so long the wheels can be brought straight without slowing down, m.
pub(crate) fn straightening_distance(vehicle: &Vehicle, driving: Driving) -> f64 {
    /// Of wheels that are nearly straight, too.
    const LEAST: f64 = 0.2;
    /// What rounding may take.
    const SLACK: f64 = 1.001;
    if driving.curvature == 0.0 {
        return 0.0;
    }
    // Over the length ℓ the curvature of [`Curve::out_of_bend`] changes by at
    // most 2·κ/ℓ per metre, and an axle x metres from base_link steers by at
    // most x times that.
    let change = 2.0 * driving.curvature.abs();
    let rates = [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b];
    let steers = |(x, rate): (f64, f64)| (x.abs() * change * driving.speed, rate);
    let axles = vehicle.axles().into_iter().zip(rates).map(steers);
    axles
        .chain([(change, vehicle.max_curvature_rate)])
        .filter(|(asked, _)| *asked > 0.0)
        .map(|(asked, most)| SLACK * asked / most)
        .fold(LEAST, f64::max)
}

/// A short piece of a path, over which the greatest speed stays the same.
#[derive(Clone, Copy, Debug)]
struct Cell<'a> {
    leg: &'a Leg,
    /// Fraction of the leg's curve at which it begins.
    u: f64,
    /// Where it begins, in the frame of the curve, m.
    at: [f64; 2],
    /// m/s.
    limit: f64,
}

impl Cell<'_> {
    /// What the vehicle does some metres after the cell's beginning, its motion
    /// left at zero.
    fn sample(&self, vehicle: &Vehicle, metres: f64) -> Sample {
        let Leg {
            from,
            direction,
            lead,
            curve,
        } = self.leg;
        let u = (self.u + metres / curve.length).min(1.0);
        let [x, y] = if metres > 0.0 {
            curve.place(self.at, self.u, u)
        } else {
            self.at
        };
        let (sin, cos) = direction.sin_cos();
        let motion = direction + curve.heading(u);
        let kappa = curve.turning(u);
        let slip = curve.direction(u) - curve.heading(u);
        let [steer_a, steer_b] = vehicle.steer(kappa, slip, *lead);
        Sample {
            t: 0.0,
            x: from[0] + cos * x - sin * y,
            y: from[1] + sin * x + cos * y,
            theta: match lead {
                End::A => wrap(motion),
                End::B => wrap(motion + PI),
            },
            v: 0.0,
            a: 0.0,
            kappa,
            steer_a,
            steer_b,
            lead: *lead,
        }
    }
}

/// Legs that are driven without a stop, in cells.
struct Path<'a> {
    cells: Vec<Cell<'a>>,
    /// Where each cell begins, and at last where the path ends, m along it.
    places: Vec<f64>,
}

/// Where the path is passed at some speed, and what follows.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Index of the cell that begins here.
    cell: usize,
    pass: Pass,
    /// The motion to the next such place, if it is known to keep all limits.
    hump: Option<Hump>,
}

impl Piece {
    fn level(cell: usize, speed: f64) -> Self {
        Self {
            cell,
            pass: Pass { speed, accel: 0.0 },
            hump: None,
        }
    }

    fn time(&self) -> f64 {
        self.hump.as_ref().map_or(0.0, Hump::time)
    }
}

/// The same way backward in time.
fn reversed(pieces: &[Piece]) -> Vec<Piece> {
    let before = |i: usize| i.checked_sub(1).and_then(|i| pieces[i].hump);
    let reversed = |(i, piece): (usize, &Piece)| Piece {
        pass: Pass {
            accel: -piece.pass.accel,
            ..piece.pass
        },
        hump: before(i).map(Hump::reversed),
        ..*piece
    };
    pieces.iter().enumerate().rev().map(reversed).collect()
}

impl<'a> Path<'a> {
    fn new(vehicle: &Vehicle, legs: &'a [Leg]) -> Self {
        let (mut cells, mut places, mut end) = (Vec::new(), vec![0.0], 0.0);
        for leg in legs {
            let curve = &leg.curve;
            let straight = curve.is_straight();
            let step = if straight { STRAIGHT_STEP } else { CURVED_STEP };
            // Over a part of u the heading differs from that of a curvature that
            // changes evenly by at most u³·(|turn| + 16·|bump| + |bent|).
            let parts = (curve.turn.abs() + 16.0 * curve.bump.abs() + curve.bent.abs()) / EVENLY;
            let count = (curve.length / step).max(parts.cbrt()).ceil().max(2.0) as usize;
            for (u, at) in curve.places(count).take(count) {
                let to = (u + 1.0 / count as f64).min(1.0);
                let limit = greatest_speed(vehicle, curve, u, to);
                cells.push(Cell { leg, u, at, limit });
                places.push(end + curve.length * to);
            }
            end += curve.length;
        }
        Self { cells, places }
    }

    /// How the path is driven from a speed; `None` if that is too fast for it.
    fn fastest(&self, vehicle: &Vehicle, speed: f64) -> Option<Vec<Piece>> {
        if speed > self.cells.first()?.limit {
            return None;
        }
        let drive = Drive::of(vehicle);
        let mut pieces = self.pieces(&drive, vehicle.max_speed, speed);
        let (_, driven) = pieces.split_last()?;
        let is_driven = driven.iter().all(|piece| piece.hump.is_some());
        if pieces[0].pass.speed < speed || !is_driven {
            return None;
        }
        self.ease(&drive, vehicle.max_speed, &mut pieces);
        let mut backward = reversed(&pieces);
        self.ease(&drive.reversed(), vehicle.max_speed, &mut backward);
        Some(reversed(&backward))
    }

    /// Cuts the way from a speed to standstill until every hump keeps to the
    /// speed of every cell.
    fn pieces(&self, drive: &Drive, max_speed: f64, speed: f64) -> Vec<Piece> {
        let mut pieces = vec![Piece::level(0, speed), Piece::level(self.cells.len(), 0.0)];
        let mut k = 0;
        while k + 1 < pieces.len() {
            let [from, to] = [pieces[k], pieces[k + 1]];
            let hump = from
                .hump
                .or_else(|| self.hump(drive, max_speed, from.pass, [from.cell, to.cell], to.pass));
            let cuts = match hump {
                Some(hump) if from.hump.is_none() => self.cuts(&hump, from.cell, to.cell),
                _ => [None; 2],
            };
            if cuts == [None; 2] {
                pieces[k].hump = hump;
                k += 1;
            }
            // The later first, so that the index of the earlier stays.
            let here = k;
            for cell in cuts.into_iter().rev().flatten() {
                k = k.min(self.cut(drive, &mut pieces, here, cell));
            }
        }
        pieces
    }

    /// The fastest motion from where a cell begins to where another does, either
    /// way, by its ends; within one cell it keeps to its limit.
    fn hump(
        &self,
        drive: &Drive,
        max_speed: f64,
        from: Pass,
        cells: [usize; 2],
        to: Pass,
    ) -> Option<Hump> {
        let most = if cells[0].abs_diff(cells[1]) == 1 {
            self.cells[cells[0].min(cells[1])].limit
        } else {
            max_speed
        };
        Hump::new(drive, from, to, self.distance(cells), most)
    }

    /// m.
    fn distance(&self, cells: [usize; 2]) -> f64 {
        (self.places[cells[1]] - self.places[cells[0]]).abs()
    }

    /// Does without levelling off where it is only done because the limit cannot be
    /// reached level: such places are passed on the way up.
    fn ease(&self, drive: &Drive, max_speed: f64, pieces: &mut Vec<Piece>) {
        let held = |piece: &Piece| {
            piece.pass.accel != 0.0 || piece.pass.speed >= self.limit(piece.cell) * (1.0 - HELD)
        };
        let mut k = 1;
        while k + 1 < pieces.len() {
            let before = pieces[k - 1];
            if !held(&pieces[k]) && before.pass.accel >= 0.0 {
                let rest = pieces[k + 1..].iter().position(held);
                let far = rest.map_or(pieces.len() - 1, |rest| k + 1 + rest);
                for to in [far, k + 1] {
                    let now: f64 = pieces[k - 1..to].iter().map(Piece::time).sum();
                    let eased = self.eased(drive, max_speed, &before, pieces[k].cell, &pieces[to]);
                    if let Some([rise, on]) = eased.filter(|[a, b]| a.time() + b.time() < now) {
                        pieces[k - 1] = rise;
                        pieces[k] = on;
                        pieces.drain(k + 1..to);
                        break;
                    }
                }
            }
            k += 1;
        }
    }

    /// The way from one place to another with the greatest acceleration where a cell
    /// between them begins, as two pieces.
    fn eased(
        &self,
        drive: &Drive,
        max_speed: f64,
        from: &Piece,
        cell: usize,
        to: &Piece,
    ) -> Option<[Piece; 2]> {
        if to.pass.accel > 0.0 {
            return None;
        }
        let limit = self.limit(cell);
        let by = |accel: f64| {
            let distance = self.distance([from.cell, cell]);
            let (rise, speed) = Hump::rise(drive, from.pass, accel, distance, limit)?;
            let pass = Pass { speed, accel };
            let on = self.hump(drive, max_speed, pass, [cell, to.cell], to.pass)?;
            let keep = self.keeps(rise, [from.cell, cell]) && self.keeps(on, [cell, to.cell]);
            keep.then_some([
                Piece {
                    hump: Some(rise),
                    ..*from
                },
                Piece {
                    cell,
                    pass,
                    hump: Some(on),
                },
            ])
        };
        let (mut least, mut most, mut best) = (0.0, drive.accel, None);
        for _ in 0..EASINGS {
            let accel = (least + most) / 2.0;
            match by(accel) {
                Some(eased) => (least, best) = (accel, Some(eased)),
                None => most = accel,
            }
        }
        best
    }

    /// Whether a motion keeps to the limits of the cells between two, either way.
    fn keeps(&self, hump: Hump, cells: [usize; 2]) -> bool {
        if cells[0] < cells[1] {
            self.cuts(&hump, cells[0], cells[1]) == [None; 2]
        } else {
            self.cuts(&hump.reversed(), cells[1], cells[0]) == [None; 2]
        }
    }

    /// Where a hump over some cells is to be cut, if it is too fast.
    fn cuts(&self, hump: &Hump, first: usize, end: usize) -> [Option<usize>; 2] {
        let (start, stop) = (self.places[first], self.places[end]);
        let (mut cuts, mut lowest) = ([None; 2], hump.peak);
        for (i, cell) in (first..end).zip(&self.cells[first..end]) {
            if cell.limit >= lowest {
                continue;
            }
            // Between these two places it is faster.
            let [rise, fall] = hump.faster(cell.limit);
            let (rise, fall) = (start + rise + SAME, stop - fall - SAME);
            let [from, to] = [self.places[i], self.places[i + 1]];
            if to <= rise || from >= fall {
                continue;
            }
            lowest = cell.limit;
            let inside = from <= rise && to >= fall;
            cuts = [
                ((from > rise || inside) && i > first).then_some(i),
                ((to < fall || inside) && i + 1 < end).then_some(i + 1),
            ];
        }
        cuts
    }

    /// Cuts the piece `k` where a cell begins, and slows its neighbours as far as
    /// they no longer can be reached. Returns the first piece that has changed.
    fn cut(&self, drive: &Drive, pieces: &mut Vec<Piece>, k: usize, cell: usize) -> usize {
        let new = Piece::level(cell, self.limit(cell));
        let before = pieces[k];
        let speed = self.reachable(before, new, |to| drive.up(before.pass.speed, to));
        pieces.insert(k + 1, Piece::level(cell, speed));
        pieces[k].hump = None;
        let mut changed = k + 1;
        for next in k + 2..pieces.len() {
            let [from, to] = [pieces[next - 1], pieces[next]];
            let speed = self.reachable(from, to, |speed| drive.up(from.pass.speed, speed));
            if speed >= to.pass.speed {
                break;
            }
            pieces[next] = Piece::level(to.cell, speed);
            changed = next;
        }
        let mut first = k;
        for last in (0..=changed.min(pieces.len() - 2)).rev() {
            let [from, to] = [pieces[last], pieces[last + 1]];
            let speed = self.reachable(to, from, |speed| drive.down(to.pass.speed, speed));
            if speed < from.pass.speed {
                pieces[last] = Piece::level(from.cell, speed);
                if let Some(before) = last.checked_sub(1) {
                    pieces[before].hump = None;
                    first = first.min(before);
                }
            } else if last <= k {
                break;
            }
        }
        first
    }

    /// The greatest speed where a cell begins, m/s.
    fn limit(&self, cell: usize) -> f64 {
        let before = cell.checked_sub(1).map_or(0.0, |i| self.cells[i].limit);
        before.min(self.cells.get(cell).map_or(0.0, |cell| cell.limit))
    }

    /// The speed of a piece, or what can be reached of it from another.
    fn reachable(&self, from: Piece, to: Piece, ramp: impl Fn(f64) -> Ramp) -> f64 {
        let [from_speed, to_speed] = [from.pass.speed, to.pass.speed];
        if to_speed <= from_speed {
            return to_speed;
        }
        let distance = self.distance([from.cell, to.cell]);
        greatest(from_speed, to_speed, distance, |speed| ramp(speed).length())
    }

    /// Appends the path in time: a sample where each cell begins and wherever
    /// the jerk changes.
    fn drive(&self, vehicle: &Vehicle, pieces: &[Piece], samples: &mut Vec<Sample>) {
        // The first place is where the samples end.
        let mut t = samples.pop().map_or(0.0, |last| last.t);
        let begun = samples.len();
        let mut log = |cell: usize, t: f64, at: Motion| {
            let metres = at.s - self.places[cell];
            if samples.len() > begun && samples.last().is_some_and(|last| t - last.t < INSTANT) {
                samples.pop();
            }
            samples.push(Sample {
                t,
                // But for rounding it is.
                v: at.v.max(0.0),
                a: at.a,
                ..self.cells[cell].sample(vehicle, metres)
            });
        };
        for (piece, next) in pieces.iter().zip(&pieces[1..]) {
            let mut at = Motion {
                s: self.places[piece.cell],
                v: piece.pass.speed,
                a: piece.pass.accel,
            };
            log(piece.cell, t, at);
            let mut cell = piece.cell;
            let phases = piece.hump.iter().flat_map(Hump::phases);
            let mut phases = phases.filter(|phase| phase.time > 0.0).peekable();
            while let Some(phase) = phases.next() {
                let end = at.after(phase.jerk, phase.time);
                let mut passed = 0.0;
                while cell + 1 < next.cell && self.places[cell + 1] < end.s - SAME {
                    cell += 1;
                    passed = time_to(at, phase, passed, self.places[cell]);
                    let s = self.places[cell];
                    log(
                        cell,
                        t + passed,
                        Motion {
                            s,
                            ..at.after(phase.jerk, passed)
                        },
                    );
                }
                (t, at) = (t + phase.time, end);
                if phases.peek().is_none() {
                    break;
                }
                if cell + 1 < next.cell && end.s >= self.places[cell + 1] - SAME {
                    cell += 1;
                    at.s = self.places[cell];
                }
                log(cell, t, at);
            }
        }
        let s = self.places[self.cells.len()];
        log(self.cells.len() - 1, t, Motion { s, v: 0.0, a: 0.0 });
    }
}

/// How long a curve takes at the greatest speed of each of its parts, s: no
/// acceleration is looked at.
pub(crate) fn steady_time(vehicle: &Vehicle, curve: &Curve) -> f64 {
    let part = |i: u32| [i, i + 1].map(|i| f64::from(i) / f64::from(STEADY_PARTS));
    let speeds = (0..STEADY_PARTS)
        .map(part)
        .map(|[from, to]| greatest_speed(vehicle, curve, from, to));
    let metres = curve.length / f64::from(STEADY_PARTS);
    speeds.map(|speed| metres / speed).sum()
}

/// The greatest speed at which a curve can be driven between two fractions of
/// it, m/s.
fn greatest_speed(vehicle: &Vehicle, curve: &Curve, from: f64, to: f64) -> f64 {
    let bend = if curve.slips() && curve.turn != 0.0 {
        // As the checker has it, which knows how the axis turns and by how much
        // the slip changes, and not where in between.
        let [axis, slip] = [curve.axis(), curve.slipping()];
        axis.peak_bend_within(from, to) + slip.peak_bend_within(from, to)
    } else {
        curve.peak_bend_within(from, to)
    };
    let steered = steered(vehicle, curve, from, to);
    let rates = [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b];
    (0..2)
        .filter(|&axle| steered[axle] > 0.0)
        .map(|axle| rates[axle] / steered[axle])
        .fold(vehicle.max_speed, f64::min)
        .min((vehicle.max_lateral_accel / bend).sqrt())
}

/// The most that each axle steers per metre between two fractions of a curve,
/// rad/m.
fn steered(vehicle: &Vehicle, curve: &Curve, from: f64, to: f64) -> [f64; 2] {
    if !curve.slips() {
        // The axles stand at atan(x·κ), x metres from base_link.
        let change = curve.peak_bend_rate_within(from, to);
        let ends = curve.bend(from).abs().min(curve.bend(to).abs());
        let least = (ends - change * curve.length * (to - from) / 2.0).max(0.0);
        return vehicle
            .axles()
            .map(|x| x.abs() * change / (1.0 + (x * least).powi(2)));
    }
    let axis = curve.axis();
    if axis.turn == 0.0 {
        // The wheels point along the motion.
        return [curve.peak_bend_within(from, to); 2];
    }
    // They stand at atan(tan β + x·κ/cos β) at a slip of β: bounded term by term.
    let slipping = curve.slipping().peak_bend_within(from, to);
    let (sin, cos) = curve.peak_slip().sin_cos();
    let turning = axis.peak_bend_within(from, to);
    let change = axis.peak_bend_rate_within(from, to);
    vehicle.axles().map(|x| {
        slipping / cos.powi(2) + x.abs() * (change / cos + turning * slipping * sin / cos.powi(2))
    })
}

/// When in a phase a motion that began at `from` comes to a place, s; not before
/// `least`.
fn time_to(from: Motion, phase: Phase, least: f64, place: f64) -> f64 {
    let (mut low, mut high) = (least, phase.time);
    let begun = from.after(phase.jerk, least);
    let mut t = least + ((place - begun.s) / begun.v.max(1e-3)).min(high - least);
    // Newton's method, kept between bounds.
    for _ in 0..60 {
        let at = from.after(phase.jerk, t);
        let over = at.s - place;
        if over > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let newton = t - over / at.v;
        let next = if (low..=high).contains(&newton) {
            newton
        } else {
            (low + high) / 2.0
        };
        let done = (next - t).abs() <= 1e-12 * phase.time;
        t = next;
        if done {
            break;
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::check::{Surroundings, Task, check};
    use crate::curve::Follows;
    use crate::optimum::Course;
    use crate::primitives::Limits;
    use crate::{Case, PlannerConfig};

    fn leg(x: f64, lead: End, curve: Curve) -> Leg {
        let direction = if lead == End::A {
            0.0
        } else {
            std::f64::consts::PI
        };
        Leg {
            from: [x, 0.0],
            direction,
            lead,
            curve,
        }
    }

    fn straight(metres: f64) -> Curve {
        Curve::turn([metres, 0.0], 0.0).expect("straight")
    }

    #[test]
    fn a_straight_way_takes_as_long_as_two_ramps_and_a_cruise() {
        let vehicle = Vehicle::shuttle();
        let samples = profile(
            &vehicle,
            &[leg(0.0, End::A, straight(40.0))],
            Pose2::default(),
            Driving::STILL,
        )
        .expect("from standstill");
        // 4 m/s after 5.8 s; braking takes 4.53 s; half the speed all the while.
        let (up, down) = (4.0 / 0.8 + 0.8 / 1.0, 4.0 / 1.2 + 1.2 / 1.0);
        let expected = up + down + (40.0 - 2.0 * (up + down)) / 4.0;
        let last = samples.last().expect("samples");
        assert!((last.t - expected).abs() < 1e-9, "{} {expected}", last.t);
        assert!((last.x - 40.0).abs() < 1e-9);
        assert!(
            samples
                .windows(2)
                .all(|p| p[1].x - p[0].x <= STRAIGHT_STEP + 1e-9)
        );
    }

    #[test]
    fn a_change_of_ends_is_a_stop_for_the_dwell() {
        let vehicle = Vehicle::shuttle();
        let legs = [
            leg(0.0, End::A, straight(3.0)),
            leg(3.0, End::B, straight(5.0)),
        ];
        let samples =
            profile(&vehicle, &legs, Pose2::default(), Driving::STILL).expect("from standstill");
        let at = samples
            .iter()
            .position(|s| s.lead == End::B)
            .expect("B leads");
        let (before, after) = (samples[at - 1], samples[at]);
        assert_eq!((before.v, after.v), (0.0, 0.0));
        assert!((after.t - before.t - vehicle.dwell).abs() < 1e-12);
        let last = samples.last().expect("samples");
        assert!((last.x + 2.0).abs() < 1e-9 && last.theta.abs() < 1e-9);
    }

    #[test]
    fn the_steering_rate_slows_a_tight_turn() {
        let turn = Curve::turn([2.5, 1.0], 0.75).expect("a turn");
        let slow = Vehicle {
            max_steer_rate_a: 0.1,
            max_steer_rate_b: 0.1,
            ..Vehicle::shuttle()
        };
        let time = |vehicle: &Vehicle| {
            let way = [leg(0.0, End::A, turn)];
            let samples =
                profile(vehicle, &way, Pose2::default(), Driving::STILL).expect("from standstill");
            samples.last().map_or(0.0, |last| last.t)
        };
        // There and back through the greatest angle at 0.1 rad/s.
        let steered = 2.0 * slow.steer(turn.peak_bend(), 0.0, End::A)[0];
        assert!(time(&slow) >= steered / 0.1);
        assert!(time(&Vehicle::shuttle()) < steered / 0.1);
    }
    /// A curve by its length, its turn and its bump.
    fn curve(length: f64, turn: f64, bump: f64, axis: Follows) -> Curve {
        Curve {
            turn,
            bump,
            axis,
            ..Curve::straight(length)
        }
    }

    /// Into a slide, on in it and out of it.
    fn slide([into, on, out]: [f64; 3], slip: f64) -> Vec<Curve> {
        let ramp = |length| curve(length, slip, 0.0, Follows::Nothing);
        let on = Curve {
            slip,
            ..curve(on, 0.0, 0.0, Follows::Nothing)
        };
        vec![ramp(into), on, ramp(out).reversed()]
    }

    /// Curves one after the other, each with whether the ends change before it.
    fn way(curves: &[(Curve, bool)], theta: f64, lead: End) -> Vec<Leg> {
        let (mut from, mut lead) = ([0.0, 0.0], lead);
        let mut direction = if lead == End::A { theta } else { theta + PI };
        let mut legs = Vec::new();
        for &(curve, changes) in curves {
            if changes {
                (lead, direction) = (lead.other(), direction + PI);
            }
            legs.push(Leg {
                from,
                direction,
                lead,
                curve,
            });
            let end = curve.places(64).last().expect("places").1;
            let (sin, cos) = direction.sin_cos();
            from = [
                from[0] + cos * end[0] - sin * end[1],
                from[1] + sin * end[0] + cos * end[1],
            ];
            direction += curve.direction(1.0);
        }
        legs
    }

    fn drive(vehicle: &Vehicle, legs: &[Leg]) -> Vec<Sample> {
        let from = Driving::straight(0.0, legs[0].lead);
        profile(vehicle, legs, Pose2::default(), from).expect("from standstill")
    }

    fn duration(vehicle: &Vehicle, legs: &[Leg]) -> f64 {
        drive(vehicle, legs).last().expect("samples").t
    }

    fn curves() -> impl Strategy<Value = Vec<(Curve, bool)>> {
        let turn = (0.8..8.0f64, -0.5..0.5f64, -0.15..0.15f64).prop_map(|(length, turn, bump)| {
            let scale = (length / 4.0).min(1.0);
            vec![curve(length, turn * scale, bump * scale, Follows::Motion)]
        });
        let crab = (0.8..8.0f64, -0.4..0.4f64)
            .prop_map(|(l, bump)| vec![curve(l, 0.0, bump, Follows::Turn)]);
        let straight = (0.05..12.0f64).prop_map(|l| vec![Curve::straight(l)]);
        let mixed = (1.5..8.0f64, -0.6..0.6f64, -0.3..0.3f64)
            .prop_map(|(l, turn, bump)| vec![curve(l, turn, bump, Follows::Turn)]);
        let slide = ([0.6..3.0f64, 0.05..6.0, 0.6..3.0], -0.44..0.44f64)
            .prop_map(|(lengths, slip)| slide(lengths, slip));
        let any = prop_oneof![3 => turn, 1 => crab, 1 => mixed, 1 => straight, 1 => slide];
        let all = prop::collection::vec((any, prop::bool::weighted(0.15)), 1..8);
        // Where the ends change before a slide they change in it too.
        all.prop_map(|all| {
            let each = |(curves, changes): (Vec<Curve>, bool)| {
                let places = curves.into_iter().enumerate();
                let each = places.map(move |(i, curve)| (curve, changes && i < 2));
                each.collect::<Vec<_>>()
            };
            all.into_iter().flat_map(each).collect()
        })
    }

    fn vehicles() -> impl Strategy<Value = Vehicle> {
        let limits = (0.5..6.0f64, 0.2..3.0f64, 0.2..3.0f64, 0.2..8.0f64);
        (limits, 0.2..3.0f64, 0.1..1.5f64, 0.1..1.5f64).prop_map(
            |((speed, accel, decel, jerk), lateral, rate_a, rate_b)| Vehicle {
                max_speed: speed,
                max_accel: accel,
                max_decel: decel,
                max_jerk: jerk,
                max_lateral_accel: lateral,
                max_steer_rate_a: rate_a,
                max_steer_rate_b: rate_b,
                ..Vehicle::shuttle()
            },
        )
    }

    /// How much of each limit is used at the most, at instants between samples,
    /// on the very curves.
    fn used(vehicle: &Vehicle, legs: &[Leg], samples: &[Sample]) -> f64 {
        const PARTS: u32 = 4;
        let (mut leg, mut begun, mut s, mut most) = (0, 0.0, 0.0, 0.0f64);
        for pair in samples.windows(2) {
            let [p, q] = [pair[0], pair[1]];
            let time = q.t - p.t;
            assert!(time > 0.0 && p.v >= 0.0, "{p:?} {q:?}");
            if p.lead != q.lead {
                assert_eq!((p.v, p.a, q.v, q.a), (0.0, 0.0, 0.0, 0.0));
                continue;
            }
            let jerk = (q.a - p.a) / time;
            most = most.max((q.a - p.a).abs() / (vehicle.max_jerk * time + 1e-9));
            let from = Motion { s, v: p.v, a: p.a };
            for part in 0..=PARTS {
                let at = from.after(jerk, time * f64::from(part) / f64::from(PARTS));
                while leg + 1 < legs.len() && at.s > begun + legs[leg].curve.length {
                    begun += legs[leg].curve.length;
                    leg += 1;
                }
                let curve = &legs[leg].curve;
                let u = ((at.s - begun) / curve.length).clamp(0.0, 1.0);
                most = most.max(at.v / vehicle.max_speed);
                most = most.max(at.a / vehicle.max_accel);
                most = most.max(-at.a / vehicle.max_decel);
                let across = at.v * at.v * curve.bend(u).abs();
                most = most.max(across / vehicle.max_lateral_accel);
                let angles = |u: f64| {
                    let kappa = curve.turning(u);
                    let slip = curve.direction(u) - curve.heading(u);
                    vehicle.steer(kappa, slip, legs[leg].lead)
                };
                let du = 1e-6;
                let [before, after] = [(u - du).max(0.0), (u + du).min(1.0)];
                let metres = (after - before) * curve.length;
                for (axle, rate) in [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b]
                    .into_iter()
                    .enumerate()
                {
                    let steered = (angles(after)[axle] - angles(before)[axle]).abs();
                    most = most.max(steered / metres * at.v / rate);
                }
            }
            s = from.after(jerk, time).s;
        }
        let length: f64 = legs.iter().map(|leg| leg.curve.length).sum();
        assert!((s - length).abs() < 1e-6, "{s} {length}");
        most
    }

    fn optimum(vehicle: &Vehicle, legs: &[Leg]) -> f64 {
        let stretches = legs.chunk_by(|a, b| a.lead == b.lead);
        let times = stretches.map(|legs| {
            let path = Path::new(vehicle, legs);
            let limits = path.cells.iter().map(|cell| cell.limit);
            Course::new(&path.places, limits, Drive::of(vehicle)).duration()
        });
        let count = legs.chunk_by(|a, b| a.lead == b.lead).count() as f64;
        times.sum::<f64>() + (count - 1.0) * vehicle.dwell
    }

    /// By how much ways with up to eight curves take longer than the fastest
    /// there is, as a factor: each, and on the average.
    const OVER: [f64; 2] = [1.06, 1.006];

    #[test]
    fn it_is_almost_as_fast_as_can_be() {
        let mut runner = TestRunner::deterministic();
        let mut factors = Vec::new();
        for _ in 0..40 {
            let curves = curves().new_tree(&mut runner).expect("curves").current();
            let any = vehicles()
                .new_tree(&mut runner)
                .expect("a vehicle")
                .current();
            let legs = way(&curves, 0.0, End::A);
            for vehicle in [any, Vehicle::shuttle()] {
                factors.push(duration(&vehicle, &legs) / optimum(&vehicle, &legs));
            }
        }
        let most = factors.iter().copied().fold(0.0, f64::max);
        let mean = factors.iter().sum::<f64>() / factors.len() as f64;
        assert!(most <= OVER[0] && mean <= OVER[1], "{most} {mean}");
        // Nor is it ever faster, so that the reference is one.
        let least = factors.iter().copied().fold(f64::MAX, f64::min);
        assert!(least >= 1.0 - 1e-3, "{least}");
    }

    proptest! {
        #[test]
        fn no_limit_is_exceeded_at_any_instant(curves in curves(), vehicle in vehicles()) {
            let legs = way(&curves, 0.3, End::A);
            let samples = drive(&vehicle, &legs);
            let used = used(&vehicle, &legs, &samples);
            prop_assert!(used <= 1.0 + 1e-5, "{used}");
            // What is given is what happens: v and a agree.
            for p in samples.windows(2) {
                let gained = (p[1].t - p[0].t) * (p[0].a + p[1].a) / 2.0;
                prop_assert!((p[1].v - p[0].v - gained).abs() < 1e-7);
                prop_assert!(p[0].pose().distance(p[1].pose()) <= STRAIGHT_STEP + 1e-9);
            }
            let last = samples.last().expect("samples");
            prop_assert_eq!((last.v, last.a), (0.0, 0.0));
        }

        #[test]
        fn the_checker_passes_what_the_limits_allow(curves in curves(), vehicle in vehicles(), car in any::<bool>()) {
            let vehicle = if car { Case::car() } else { vehicle };
            let config = PlannerConfig::default();
            let limits = Limits::new(&vehicle, &config);
            let curves: Vec<_> = curves.into_iter().filter(|(curve, _)| limits.allow(curve)).collect();
            prop_assume!(!curves.is_empty());
            let samples = drive(&vehicle, &way(&curves, 0.0, End::A));
            let task = Task {
                start: Pose2::default(),
                driving: Driving::STILL,
                goal: samples.last().map(Sample::pose),
            };
            let nothing = Surroundings::default();
            prop_assert_eq!(check(&samples, &task, &vehicle, nothing, &config), Ok(()));
        }

        #[test]
        fn whoever_moves_goes_on_from_there_or_is_too_fast(
            curves in curves(),
            vehicle in vehicles(),
            share in 0.01..1.0f64,
            bent in prop_oneof![Just(0.0), -1.0..1.0f64],
        ) {
            let driving = Driving {
                curvature: bent * vehicle.max_curvature(),
                ..Driving::straight(share * vehicle.max_speed, End::A)
            };
            let driving = driving.within(&vehicle);
            let straightening = straightening_distance(&vehicle, driving);
            let on = braking_distance(&vehicle, driving.speed).max(straightening);
            let config = PlannerConfig::default();
            let limits = Limits::new(&vehicle, &config);
            let curves: Vec<_> = curves.into_iter().filter(|(curve, _)| limits.allow(curve)).collect();
            let after = |metres: f64| {
                let on = (metres > 0.0).then(|| (Curve::out_of_bend(driving.curvature, metres), false));
                let curves: Vec<_> = on.into_iter().chain(curves.clone()).collect();
                profile(&vehicle, &way(&curves, 0.0, End::A), Pose2::default(), driving)
            };
            // With as much way as it takes to stop, nothing is too fast.
            let ahead = after(on);
            prop_assert!(ahead.is_some());
            for samples in [ahead, after(straightening)].into_iter().flatten() {
                prop_assert_eq!(samples[0].v, driving.speed);
                prop_assert!((samples[0].kappa - driving.curvature).abs() < 1e-12);
                let task = Task {
                    start: Pose2::default(),
                    driving,
                    goal: samples.last().map(Sample::pose),
                };
                let nothing = Surroundings::default();
                prop_assert_eq!(check(&samples, &task, &vehicle, nothing, &config), Ok(()));
            }
        }

        #[test]
        fn the_other_end_drives_the_same_way_alike(curves in curves(), vehicle in vehicles()) {
            let vehicle = Vehicle { max_steer_rate_b: vehicle.max_steer_rate_a, ..vehicle };
            let there = drive(&vehicle, &way(&curves, 0.0, End::A));
            let legs: Vec<_> = way(&curves, 0.0, End::A)
                .into_iter()
                .map(|leg| Leg { lead: leg.lead.other(), ..leg })
                .collect();
            let flipped = drive(&vehicle, &legs);
            prop_assert_eq!(there.len(), flipped.len());
            for (s, f) in there.iter().zip(&flipped).skip(1) {
                prop_assert_eq!((s.t, s.x, s.y, s.v, s.a, s.kappa), (f.t, f.x, f.y, f.v, f.a, f.kappa));
                prop_assert_eq!((s.steer_a, s.steer_b, s.lead), (f.steer_b, f.steer_a, f.lead.other()));
            }
        }

        #[test]
        fn slower_limits_make_no_plan_faster(curves in curves(), vehicle in vehicles(), limit in 0..7, share in 0.3..1.0f64) {
            let legs = way(&curves, 0.0, End::A);
            let mut slow = vehicle.clone();
            match limit {
                0 => slow.max_speed *= share,
                1 => slow.max_accel *= share,
                2 => slow.max_decel *= share,
                3 => slow.max_jerk *= share,
                4 => slow.max_lateral_accel *= share,
                5 => slow.max_steer_rate_a *= share,
                _ => slow.dwell *= share,
            }
            let [fast, slow] = [duration(&vehicle, &legs), duration(&slow, &legs)];
            if limit == 6 {
                prop_assert!(slow <= fast);
            } else {
                // The fastest there is takes no longer than before.
                prop_assert!(slow >= fast / OVER[0], "{slow} {fast} {}", slow / fast);
            }
        }
    }
}
