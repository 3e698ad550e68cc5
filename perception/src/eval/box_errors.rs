//! How far the boxes of tracks are from those of the truths that they are of.

use std::f64::consts::{PI, TAU};

use serde::Serialize;

use super::moment::ObjectState;

/// Errors of many pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many pairs there are.
    pub count: usize,
    /// Of the errors' magnitudes; between the two in the middle, their mean.
    pub median: f64,
    /// Root of the mean square.
    pub rms: f64,
    /// The least magnitude that 95 % do not exceed.
    pub p95: f64,
}

impl Spread {
    /// That of some errors; `None` of none. What is no number is left out.
    pub fn of(errors: impl IntoIterator<Item = f64>) -> Option<Self> {
        let finite = errors.into_iter().filter(|error| error.is_finite());
        let mut errors: Vec<f64> = finite.map(f64::abs).collect();
        errors.sort_by(f64::total_cmp);
        let count = errors.len();
        let (low, high) = (
            errors.get(count.checked_sub(1)? / 2)?,
            errors.get(count / 2)?,
        );
        let p95 = errors.get((count * 95).div_ceil(100).checked_sub(1)?)?;
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        Some(Self {
            count,
            median: (low + high) / 2.0,
            rms: (squares / count as f64).sqrt(),
            p95: *p95,
        })
    }
}

/// Errors of the boxes of tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoxErrors {
    /// Distance of the centres over the ground, m.
    pub centre: Option<Spread>,
    /// Of the lengths, m.
    pub length: Option<Spread>,
    /// Of the widths, m.
    pub width: Option<Spread>,
    /// Of the heights, m.
    pub height: Option<Spread>,
    /// Between the directions of the lengths, whichever end leads: at most a
    /// quarter turn, radians.
    pub axis: Option<Spread>,
    /// Between the directions: at most half a turn, radians.
    pub yaw: Option<Spread>,
    /// Of the speeds, where both are known, m/s.
    pub speed: Option<Spread>,
    /// Length of the difference of the velocities, where both are known, m/s.
    pub velocity: Option<Spread>,
}

/// Errors of some pairs of a truth and its track.
pub fn box_errors(pairs: &[(ObjectState, ObjectState)]) -> BoxErrors {
    let errors = |error: fn(&ObjectState, &ObjectState) -> f64| {
        Spread::of(pairs.iter().map(|(truth, track)| error(truth, track)))
    };
    let velocities = || {
        let both = pairs
            .iter()
            .map(|(truth, track)| truth.velocity.zip(track.velocity));
        both.flatten()
    };
    BoxErrors {
        centre: errors(|a, b| (a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1])),
        length: errors(|a, b| a.size[0] - b.size[0]),
        width: errors(|a, b| a.size[1] - b.size[1]),
        height: errors(|a, b| a.size[2] - b.size[2]),
        axis: errors(|a, b| turn(a.yaw - b.yaw, PI)),
        yaw: errors(|a, b| turn(a.yaw - b.yaw, TAU)),
        speed: Spread::of(velocities().map(|([ax, ay], [bx, by])| ax.hypot(ay) - bx.hypot(by))),
        velocity: Spread::of(velocities().map(|([ax, ay], [bx, by])| (ax - bx).hypot(ay - by))),
    }
}

/// The least turn that is the same as this one but for whole periods.
fn turn(angle: f64, period: f64) -> f64 {
    let rest = angle.rem_euclid(period);
    rest.min(period - rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_datasets::Class;
    use proptest::prelude::*;

    #[test]
    fn errors_are_those_of_known_differences() {
        let truth = ObjectState {
            class: Class::Car,
            centre: [10.0, 0.0, 1.0],
            yaw: 0.1,
            size: [4.0, 2.0, 1.5],
            velocity: Some([3.0, 4.0]),
        };
        let off = |x: f64, yaw: f64, velocity| ObjectState {
            centre: [10.0 + x, x, 5.0],
            yaw,
            size: [4.0 - x, 2.0, 1.5],
            velocity,
            ..truth
        };
        let errors = box_errors(&[
            (truth, off(1.0, 0.1 + PI - 0.2, Some([4.0, 3.0]))),
            (truth, off(2.0, 0.1 - TAU, None)),
            (truth, off(-3.0, 0.4, Some([0.0, 0.0]))),
        ]);
        let is = |found: Option<Spread>, count, median: f64, square: f64| {
            let found = found.expect("has errors");
            assert_eq!(found.count, count);
            assert!((found.median - median).abs() < 1e-9, "{found:?}");
            let rms = (square / count as f64).sqrt();
            assert!((found.rms - rms).abs() < 1e-9, "{found:?}");
        };
        is(
            errors.centre,
            3,
            2.0 * 2.0f64.sqrt(),
            2.0 * (1.0 + 4.0 + 9.0),
        );
        is(errors.length, 3, 2.0, 14.0);
        is(errors.width, 3, 0.0, 0.0);
        is(errors.axis, 3, 0.2, 0.04 + 0.09);
        is(errors.yaw, 3, 0.3, (PI - 0.2).powi(2) + 0.09);
        is(errors.speed, 2, 2.5, 25.0);
        is(errors.velocity, 2, (2.0f64.sqrt() + 5.0) / 2.0, 27.0);
        assert_eq!(box_errors(&[]), BoxErrors::default());
    }

    #[test]
    fn nineteen_of_twenty_are_within_p95() {
        let of = |count: i32| Spread::of((1..=count).map(f64::from)).map(|spread| spread.p95);
        assert_eq!(
            [0, 1, 19, 20, 21, 100].map(of),
            [
                None,
                Some(1.0),
                Some(19.0),
                Some(19.0),
                Some(20.0),
                Some(95.0)
            ]
        );
    }

    proptest! {
        #[test]
        fn a_turn_is_at_most_half_a_period(angle in -50.0..50.0f64, whole in -5..5i32) {
            for period in [PI, TAU] {
                let found = turn(angle, period);
                prop_assert!((0.0..=period / 2.0).contains(&found));
                let further = turn(angle + f64::from(whole) * period, period);
                prop_assert!((found - further).abs() < 1e-9);
                prop_assert!((found - turn(-angle, period)).abs() < 1e-9);
            }
        }
    }
}
