//! What a vehicle does that keeps to its lane: it follows the centre line of
//! the lane that it is on, and of those that go on from it, at its own speed
//! but slower in bends. How well that fits is told by its place, heading and
//! turn rate, as in Houenou et al., "Vehicle trajectory prediction based on
//! motion model and maneuver recognition", IROS 2013.

use std::f64::consts::PI;

use janus_datasets::Class;
use janus_datasets::roads::{Lane, LaneKind, OnLane, Passage, Polyline, Roads};
use nalgebra::{Matrix2, Rotation2};

use super::filter::{Gaussian, nearest_axis};
use super::object::{FuturePose, Hypothesis, Manoeuvre};
use super::predict::{STEPS, TICK_S, TICKS_PER_STEP};

/// What is slower has no direction to follow a lane in, m/s.
const SLOWEST: f64 = 1.0;
/// Lanes are looked for so far away, m,
const REACH_M: f64 = 8.0;
/// and what is on one is no farther beside its border, m,
const BESIDE_M: f64 = 0.5;
/// nor headed farther from its direction, rad.
const ASTRAY: f64 = 0.8;
/// Standard deviations from the lane's centre, m, its direction, rad, and its
/// turn rate, rad/s, of what keeps to it.
const OFFSET: f64 = 1.0;
const TURNED: f64 = 0.2;
const RATE: f64 = 0.15;
/// How far ahead the lane tells the turn rate, s.
const AHEAD_S: f64 = 0.5;
/// Acceleration sideways in bends, and deceleration before them, m/s².
const SIDEWAYS: f64 = 2.0;
const BRAKES: f64 = 1.5;
/// How much too fast for the bends ahead something may still be that takes
/// them, m/s.
const TOO_FAST: f64 = 1.0;
/// The odds of a way decrease by e for so much that it turns, rad.
const TURN_ODDS: f64 = 1.4;
/// Out of a bend that held it back something speeds up by so much, m/s², up
/// to this, m/s.
const SPEEDS_UP: f64 = 1.2;
const IN_TOWN: f64 = 30.0 / 3.6;
/// A bend holds back what drives at so much of the speed that it allows.
const HELD_BACK: f64 = 0.7;
/// What is beside the centre comes back to it in such a time, s.
const RETURN_S: f64 = 1.5;
/// Standard deviation of the place beside the centre in the long run, m, and
/// of the acceleration along it, m/s²/√Hz.
const STRAYS: f64 = 0.5;
const JOLT: f64 = 1.2;
/// The most ways that are looked at, and that are told.
const MOST_WAYS: usize = 24;
const MOST: usize = 4;
/// A way leads over no more lanes.
const MOST_LANES: usize = 64;
/// Ways that end so close together are one, m.
const SAME_M: f64 = 1.0;

/// A way over lanes.
struct Way {
    line: Polyline,
    /// Where the vehicle is on it, m.
    station: f64,
    /// And beside it, to the left, m.
    offset: f64,
}

/// A hypothesis for each way that a vehicle may follow, and how well it fits,
/// up to 1; the best first.
pub(super) fn follow(roads: &Roads, class: Class, now: &Gaussian) -> Vec<(Hypothesis, f64)> {
    let [vx, vy] = [now.mean[3], now.mean[4]];
    let speed = vx.hypot(vy);
    let mut found: Vec<(Hypothesis, f64)> = Vec::new();
    if speed < SLOWEST {
        return found;
    }
    let course = vy.atan2(vx);
    let at = [now.mean[0], now.mean[1]];
    let near = roads.near(at, REACH_M).into_iter();
    let on = near.filter_map(|on| Some((on, drives(&roads.lanes()[on.lane], &on, class, course)?)));
    let mut left = MOST_WAYS;
    for (on, backwards) in on {
        let first = Passage {
            lane: on.lane,
            backwards,
        };
        for way in ways(roads, first, at, speed, &mut left) {
            let fit = way.fit(now, speed, course);
            found.push((way.drive(now, speed, course, class), fit));
        }
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut told: Vec<(Hypothesis, f64)> = Vec::new();
    for one in found {
        let again = told.iter().any(|other| apart(&one.0, &other.0) < SAME_M);
        if told.len() < MOST && !again {
            told.push(one);
        }
    }
    told
}

/// Whether something that is on a lane drives it backwards; `None` if it does
/// not drive it.
fn drives(lane: &Lane, on: &OnLane, class: Class, course: f64) -> Option<bool> {
    let for_it = match lane.kind {
        LaneKind::Vehicle | LaneKind::Bus => true,
        LaneKind::Bicycle => class == Class::Bicycle,
        LaneKind::Pedestrian | LaneKind::Other => false,
    };
    let beside = on.beside.offset.abs();
    let within = beside <= lane.width(on.beside.station) / 2.0 + BESIDE_M;
    let along = on.beside.distance <= beside + BESIDE_M;
    let backwards = lane.both_ways && (course - on.heading).cos() < 0.0;
    let heading = on.heading + if backwards { PI } else { 0.0 };
    let ahead = (course - heading).cos() >= ASTRAY.cos();
    (for_it && within && along && ahead).then_some(backwards)
}

/// The ways on from a lane, as far as one can get. `left` is how many may
/// still be told.
fn ways(roads: &Roads, first: Passage, at: [f64; 2], speed: f64, left: &mut usize) -> Vec<Way> {
    // Past the horizon by the length over which curvature is told.
    let far = speed * Hypothesis::HORIZON_S + 4.0 * WINDOW_M;
    let mut ways = Vec::new();
    let mut open = vec![vec![first]];
    while let Some(passages) = open.pop() {
        let Some(line) = joined(roads, &passages) else {
            continue;
        };
        let beside = line.project(at);
        let last = passages[passages.len() - 1];
        let onward = roads.onward(last.lane, last.backwards);
        let goes_round = passages[..passages.len() - 1].contains(&last);
        let far_enough = line.length() - beside.station >= far || passages.len() >= MOST_LANES;
        if onward.is_empty() || goes_round || far_enough {
            if *left == 0 {
                break;
            }
            *left -= 1;
            ways.push(Way {
                line,
                station: beside.station,
                offset: beside.offset,
            });
            continue;
        }
        // Only so many are looked at, those of the lower index first.
        for next in onward.iter().take(*left).rev() {
            let mut passages = passages.clone();
            passages.push(*next);
            open.push(passages);
        }
    }
    ways
}

/// One line along lanes.
fn joined(roads: &Roads, passages: &[Passage]) -> Option<Polyline> {
    let points = passages.iter().flat_map(|passage| {
        let points = roads.lanes()[passage.lane].centre.points();
        let along = points
            .iter()
            .take(if passage.backwards { 0 } else { usize::MAX });
        let against = points
            .iter()
            .rev()
            .take(if passage.backwards { usize::MAX } else { 0 });
        along.chain(against).copied()
    });
    Polyline::new(points)
}

/// Half the length over which a line's curvature is told, m.
const WINDOW_M: f64 = 2.0;

impl Way {
    /// From x towards y, 1/m.
    fn curvature(&self, station: f64) -> f64 {
        let [before, after] = [-WINDOW_M, WINDOW_M].map(|off| self.line.at(station + off).heading);
        (nearest_axis(after, before, 2.0 * PI) - before) / (2.0 * WINDOW_M)
    }

    /// The speed at which the line is driven there, squared, m²/s².
    fn bend(&self, station: f64) -> f64 {
        SIDEWAYS / self.curvature(station).abs().max(1e-6)
    }

    /// The speed at which bends ahead can be driven, m/s.
    fn limit(&self, station: f64, speed: f64) -> f64 {
        let reach = speed * speed / (2.0 * BRAKES);
        let steps = (reach / WINDOW_M).ceil().min(200.0) as u32;
        let limits = (0..=steps).map(|i| {
            let ahead = f64::from(i) * WINDOW_M;
            (self.bend(station + ahead) + 2.0 * BRAKES * ahead).sqrt()
        });
        limits.fold(f64::INFINITY, f64::min)
    }

    /// The speed that something likes to drive that drives at this one: no
    /// other, but where a bend holds it back, m/s.
    fn likes(&self, speed: f64) -> f64 {
        let allows = self.bend(self.station).sqrt();
        if allows < IN_TOWN && speed > HELD_BACK * allows {
            speed.max(IN_TOWN)
        } else {
            speed
        }
    }

    /// How well something fits to following it, up to 1.
    fn fit(&self, now: &Gaussian, speed: f64, course: f64) -> f64 {
        let heading = self.line.at(self.station).heading;
        let turned = nearest_axis(course, heading, 2.0 * PI) - heading;
        let rate = self.curvature(self.station + speed * AHEAD_S / 2.0) * speed;
        let rate_noise = RATE * RATE + now.covariance[(5, 5)];
        let place_noise = OFFSET * OFFSET + now.covariance[(0, 0)] + now.covariance[(1, 1)];
        let yaw_noise = TURNED * TURNED + now.covariance[(2, 2)];
        let off = self.offset.powi(2) / place_noise
            + turned.powi(2) / yaw_noise
            + (rate - now.mean[5]).powi(2) / rate_noise;
        let fast = (speed - self.limit(self.station, speed)).max(0.0);
        let far = self.line.at(self.station + speed * Hypothesis::HORIZON_S);
        let bends = (nearest_axis(far.heading, heading, 2.0 * PI) - heading).abs();
        (-0.5 * (off + (fast / TOO_FAST).powi(2)) - bends / TURN_ODDS).exp()
    }

    fn drive(&self, now: &Gaussian, speed: f64, course: f64, class: Class) -> Hypothesis {
        let heading = self.line.at(self.station).heading;
        // Bicycles keep to the side on which they are.
        let goal = if class == Class::Bicycle {
            self.offset
        } else {
            0.0
        };
        let off = self.offset - goal;
        let drift = speed * (course - heading).sin() + off / RETURN_S;
        let likes = self.likes(speed);
        let (mut station, mut fast) = (self.station, speed);
        let mut poses = Vec::with_capacity(STEPS);
        for tick in 1..=STEPS * TICKS_PER_STEP {
            let limit = self.limit(station, fast).min(likes);
            let next = limit.clamp(fast - 2.0 * BRAKES * TICK_S, fast + SPEEDS_UP * TICK_S);
            station += (fast + next) / 2.0 * TICK_S;
            fast = next;
            if tick % TICKS_PER_STEP != 0 {
                continue;
            }
            let t = tick as f64 * TICK_S;
            let decay = (-t / RETURN_S).exp();
            let aside = goal + (off + drift * t) * decay;
            let slides = (drift - (off + drift * t) / RETURN_S) * decay;
            let there = self.line.at(station);
            // Past the end of what is known it goes straight on.
            let beyond = (station - self.line.length()).max(0.0);
            let (sin, cos) = there.heading.sin_cos();
            poses.push(FuturePose {
                seconds: t,
                at: [
                    there.at[0] + beyond * cos - aside * sin,
                    there.at[1] + beyond * sin + aside * cos,
                ],
                yaw: there.heading + slides.atan2(fast.max(SLOWEST)),
                covariance: spread(now, there.heading, t).into(),
            });
        }
        Hypothesis {
            manoeuvre: Manoeuvre::FollowLane,
            weight: 0.0,
            poses,
        }
    }
}

/// Covariance of the place of something that follows a line of a direction,
/// after a time, m².
pub(super) fn spread(now: &Gaussian, heading: f64, t: f64) -> Matrix2<f64> {
    let here = now.covariance.fixed_view::<2, 2>(0, 0);
    let speed = now.covariance[(3, 3)].max(now.covariance[(4, 4)]);
    let along = speed * t * t + JOLT * JOLT * t.powi(3) / 3.0;
    let across = STRAYS * STRAYS * (1.0 - (-t / RETURN_S).exp());
    let turn = Rotation2::new(heading);
    let grown = turn * Matrix2::new(along, 0.0, 0.0, across) * turn.inverse();
    here + grown
}

/// How far apart two hypotheses come, m.
fn apart(a: &Hypothesis, b: &Hypothesis) -> f64 {
    let pairs = a.poses.iter().zip(&b.poses);
    let off = pairs.map(|(a, b)| (a.at[0] - b.at[0]).hypot(a.at[1] - b.at[1]));
    off.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::filter::{Covariance, State};
    use super::*;
    use janus_datasets::roads::Draft;

    /// A lane along a line of places, 3.5 m wide.
    fn lane(id: u64, line: &[[f64; 2]], successors: &[u64]) -> Draft {
        let border = |side: f64| {
            let points = line.iter().enumerate().map(|(i, at)| {
                let [from, to] = [line[i.saturating_sub(1)], line[(i + 1).min(line.len() - 1)]];
                let length = (to[0] - from[0]).hypot(to[1] - from[1]);
                let [x, y] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
                [at[0] - y * side, at[1] + x * side, 0.0]
            });
            points.collect()
        };
        Draft {
            successors: successors.to_vec(),
            ..Draft::new(id, LaneKind::Vehicle, border(1.75), border(-1.75))
        }
    }

    /// A lane east from the origin, from which one goes on and one turns off
    /// to the left after 30 m.
    fn fork() -> Roads {
        let bend: Vec<[f64; 2]> = (0..=10)
            .map(|i| {
                let (sin, cos) = (f64::from(i) * PI / 20.0).sin_cos();
                [30.0 + 10.0 * sin, 10.0 - 10.0 * cos]
            })
            .collect();
        let lanes = vec![
            lane(1, &[[0.0, 0.0], [30.0, 0.0]], &[2, 3]),
            lane(2, &[[30.0, 0.0], [90.0, 0.0]], &[]),
            lane(3, &bend, &[4]),
            lane(4, &[[40.0, 10.0], [40.0, 60.0]], &[]),
        ];
        Roads::new(lanes, vec![]).expect("is sound")
    }

    fn moving(at: [f64; 2], yaw: f64, speed: f64, rate: f64) -> Gaussian {
        let mean = [
            at[0],
            at[1],
            yaw,
            speed * yaw.cos(),
            speed * yaw.sin(),
            rate,
        ];
        Gaussian {
            mean: State::from(mean),
            covariance: Covariance::identity() * 0.01,
        }
    }

    #[test]
    fn each_way_on_is_followed() {
        let roads = fork();
        let found = follow(&roads, Class::Car, &moving([10.0, 0.4], 0.0, 8.0, 0.0));
        let [on, off] = found.as_slice() else {
            panic!("two ways: {found:?}");
        };
        assert!(on.1 > off.1 && on.1 > 0.8, "straight on is likelier");
        let end = on.0.poses[9];
        assert!(
            (end.at[0] - 50.0).abs() < 0.1 && end.at[1].abs() < 0.1,
            "{end:?}"
        );
        // It slows for the bend of 10 m about (30, 10), and keeps to it.
        let end = off.0.poses[9];
        let [x, y] = [end.at[0] - 30.0, 10.0 - end.at[1]];
        let turned = x.atan2(y);
        assert!((x.hypot(y) - 10.0).abs() < 0.3, "{end:?}");
        assert!((end.yaw - turned).abs() < 0.1, "{end:?}");
        let late = 8.0 * 5.0 - (20.0 + 10.0 * turned);
        assert!(late > 3.0 && turned > 0.5, "{end:?} {late}");
        for (one, _) in &found {
            let spread = one
                .poses
                .iter()
                .map(|p| p.covariance[0][0] + p.covariance[1][1]);
            assert!(one.poses.len() == STEPS && spread.is_sorted());
        }
    }

    #[test]
    fn what_turns_already_is_known_to() {
        let roads = fork();
        // 0.6 rad into the bend, at its rate.
        let (sin, cos) = 0.6f64.sin_cos();
        let at = [30.0 + 10.0 * sin, 10.0 - 10.0 * cos];
        let found = follow(&roads, Class::Car, &moving(at, 0.6, 4.0, 0.4));
        let best = &found[0];
        assert!(best.1 > 0.3, "{}", best.1);
        assert!(best.0.poses[9].at[1] > 15.0, "{:?}", best.0.poses[9]);
    }

    #[test]
    fn nothing_is_followed_beside_across_or_against() {
        let roads = fork();
        let none = |now: Gaussian, class| follow(&roads, class, &now).is_empty();
        assert!(
            none(moving([10.0, 3.0], 0.0, 8.0, 0.0), Class::Car),
            "beside"
        );
        assert!(
            none(moving([10.0, 0.0], 1.5, 8.0, 0.0), Class::Car),
            "across"
        );
        assert!(
            none(moving([10.0, 0.0], PI, 8.0, 0.0), Class::Car),
            "against"
        );
        assert!(none(moving([10.0, 0.0], 0.0, 0.5, 0.0), Class::Car), "slow");
        assert!(
            none(moving([-3.0, 0.0], 0.0, 8.0, 0.0), Class::Car),
            "before it"
        );
        assert!(
            follow(
                &Roads::default(),
                Class::Car,
                &moving([0.0; 2], 0.0, 8.0, 0.0)
            )
            .is_empty()
        );
    }

    #[test]
    fn a_single_track_is_followed_backwards() {
        let mut track = lane(1, &[[0.0, 0.0], [60.0, 0.0]], &[]);
        track.both_ways = true;
        let roads = Roads::new(vec![track], vec![]).expect("is sound");
        let found = follow(&roads, Class::Van, &moving([50.0, 0.5], PI, 6.0, 0.0));
        assert_eq!(found.len(), 1);
        let end = found[0].0.poses[9];
        assert!(
            (end.at[0] - 20.0).abs() < 0.2 && end.at[1].abs() < 0.1,
            "{end:?}"
        );
    }

    #[test]
    fn bicycles_keep_their_side() {
        let roads = fork();
        let side = |class| {
            let found = follow(&roads, class, &moving([5.0, -1.2], 0.0, 4.0, 0.0));
            found[0].0.poses[9].at[1]
        };
        assert!((side(Class::Bicycle) + 1.2).abs() < 0.01);
        assert!(side(Class::Car) > -0.3);
    }
}
