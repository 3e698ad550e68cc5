//! What someone on foot does who crosses the road where there is a crossing.

use std::f64::consts::PI;

use janus_datasets::roads::{Crossing, Roads};

use super::filter::{Gaussian, nearest_axis};
use super::lanes::spread;
use super::object::{FuturePose, Hypothesis, Manoeuvre, Motion};
use super::predict::STEPS;

/// Who is this near to a crossing may be about to cross, m.
const NEAR_M: f64 = 3.0;
/// How people walk who stand before a crossing and then cross, m/s (Bohannon,
/// "Comfortable and maximum walking speed of adults", Age and Ageing 1997).
const WALKS: f64 = 1.35;
/// How likely someone who stands there does.
const STARTS: f64 = 0.25;
/// Standard deviation of the direction of who crosses, rad.
const TURNED: f64 = 0.4;

/// A hypothesis for each crossing that someone may walk over, and how well it
/// fits, up to 1.
pub(super) fn cross(roads: &Roads, now: &Gaussian, motion: Motion) -> Vec<(Hypothesis, f64)> {
    let crossings = roads.crossings().iter();
    crossings
        .filter_map(|crossing| over(crossing, now, motion))
        .collect()
}

fn over(crossing: &Crossing, now: &Gaussian, motion: Motion) -> Option<(Hypothesis, f64)> {
    let at = [now.mean[0], now.mean[1]];
    let way = &crossing.way;
    let beside = way.project(at);
    if beside.distance > NEAR_M && !crossing.holds(at) {
        return None;
    }
    let [vx, vy] = [now.mean[3], now.mean[4]];
    let course = vy.atan2(vx);
    let along = way.at(beside.station).heading;
    // Who moves goes on the way that it goes, who stands to the other side.
    let forwards = match motion {
        Motion::Moving => (course - along).cos() > 0.0,
        Motion::Standing => beside.station < way.length() / 2.0,
    };
    let far = way.at(if forwards { f64::INFINITY } else { 0.0 }).at;
    // To the other end, as far beside the middle as now but on the crossing.
    let [dx, dy] = [far[0] - at[0], far[1] - at[1]];
    if dx.hypot(dy) < NEAR_M {
        return None;
    }
    let toward = dy.atan2(dx);
    let (speed, fit) = match motion {
        Motion::Standing => (WALKS, STARTS),
        Motion::Moving => {
            let off = (nearest_axis(course, toward, 2.0 * PI) - toward) / TURNED;
            (vx.hypot(vy), (-0.5 * off * off).exp())
        }
    };
    let pose = |step: usize| {
        let seconds = step as f64 * Hypothesis::STEP_S;
        let walked = speed * seconds;
        FuturePose {
            seconds,
            at: [at[0] + walked * toward.cos(), at[1] + walked * toward.sin()],
            yaw: toward,
            covariance: spread(now, toward, seconds).into(),
        }
    };
    let hypothesis = Hypothesis {
        manoeuvre: Manoeuvre::Cross,
        weight: 0.0,
        poses: (1..=STEPS).map(pose).collect(),
    };
    Some((hypothesis, fit))
}

#[cfg(test)]
mod tests {
    use super::super::filter::{Covariance, State};
    use super::*;

    /// Over a road of 8 m along x.
    fn roads() -> Roads {
        let edge = |x: f64| vec![[x, -4.0, 0.0], [x, 4.0, 0.0]];
        let crossing = Crossing::between(edge(-1.5), edge(1.5)).expect("is one");
        Roads::new(vec![], vec![crossing]).expect("is sound")
    }

    fn walker(at: [f64; 2], velocity: [f64; 2]) -> Gaussian {
        let [x, y] = at;
        Gaussian {
            mean: State::from([x, y, 0.0, velocity[0], velocity[1], 0.0]),
            covariance: Covariance::identity() * 0.01,
        }
    }

    #[test]
    fn who_stands_at_a_crossing_may_cross_it() {
        let waits = walker([0.5, -5.5], [0.0; 2]);
        let found = cross(&roads(), &waits, Motion::Standing);
        let [(one, fit)] = found.as_slice() else {
            panic!("one crossing");
        };
        assert_eq!((one.manoeuvre, *fit), (Manoeuvre::Cross, STARTS));
        let end = one.poses[9].at;
        assert!(
            end[0].abs() < 0.5 && (0.5..2.0).contains(&end[1]),
            "{end:?}"
        );
        let other_side = cross(&roads(), &walker([0.0, 5.0], [0.0; 2]), Motion::Standing);
        assert!(other_side[0].0.poses[9].at[1] < 0.0);
    }

    #[test]
    fn who_walks_away_or_past_hardly_crosses() {
        let fit = |velocity| {
            let found = cross(&roads(), &walker([0.0, -4.5], velocity), Motion::Moving);
            found.first().map_or(0.0, |(_, fit)| *fit)
        };
        assert!(fit([0.0, 1.4]) > 0.99);
        assert!(fit([1.4, 0.2]) < 0.01);
        assert_eq!(fit([0.0, -1.4]), 0.0, "it is on the other side already");
        let far = walker([9.0, -4.5], [0.0, 1.4]);
        assert!(cross(&roads(), &far, Motion::Moving).is_empty());
    }
}
