//! The speed profile: as fast as the vehicle may go along a path.
//!
//! Speed is first bounded at each knot by the vehicle's greatest, by lateral
//! acceleration and by how fast the axles steer; then a pass forward bounds it
//! by acceleration and a pass backward by deceleration (Bobrow, Dubowsky and
//! Gibson, "Time-Optimal Control of Robotic Manipulators Along Specified
//! Paths", 1985). The wheels stand straight at each end of every curve, so that
//! nothing has to be steered at standstill.

use crate::lattice::Leg;
use crate::plan::Sample;
use crate::pose::{Pose2, wrap};
use crate::vehicle::{End, Vehicle};

/// The greatest distance between samples, m, where the path is straight.
const STRAIGHT_STEP: f64 = 0.05;
/// The same where it is not.
const CURVED_STEP: f64 = 0.025;

/// A place on a path, without time.
#[derive(Clone, Copy, Debug)]
struct Knot {
    pose: Pose2,
    kappa: f64,
    steer: [f64; 2],
    /// Curvature of the path, 1/m.
    bend: f64,
    /// Distance to the next knot along the path, m; 0 at the last.
    ahead: f64,
}

/// Drives the legs from standstill to standstill; `at` is where the vehicle
/// stands and `lead` the end that leads first.
pub(crate) fn profile(vehicle: &Vehicle, legs: &[Leg], at: Pose2, lead: End) -> Vec<Sample> {
    let mut samples = vec![Sample {
        t: 0.0,
        x: at.x,
        y: at.y,
        theta: wrap(at.theta),
        v: 0.0,
        a: 0.0,
        kappa: 0.0,
        steer_a: 0.0,
        steer_b: 0.0,
        lead,
    }];
    for stretch in legs.chunk_by(|a, b| a.lead == b.lead) {
        let lead = stretch[0].lead;
        if let Some(last) = samples.last().copied().filter(|last| last.lead != lead) {
            samples.push(Sample {
                t: last.t + vehicle.dwell,
                lead,
                ..last
            });
        }
        let knots = knots(vehicle, stretch);
        let speeds = speeds(vehicle, &knots);
        drive(&knots, &speeds, lead, &mut samples);
    }
    samples
}

/// The most samples of a stop: it may begin faster than the vehicle can drive.
const MOST_STOP_SAMPLES: f64 = 20_000.0;

/// Brakes as hard as the vehicle may, straight on from a pose.
pub(crate) fn brake(vehicle: &Vehicle, from: Pose2, speed: f64, lead: End) -> Vec<Sample> {
    let distance = speed * speed / (2.0 * vehicle.max_decel);
    let count = (distance / STRAIGHT_STEP).ceil().min(MOST_STOP_SAMPLES);
    let step = if count > 0.0 { distance / count } else { 0.0 };
    let (sin, cos) = from.theta.sin_cos();
    let at = |i: usize| {
        let left = (1.0 - i as f64 / count.max(1.0)).max(0.0);
        let v = speed * left.sqrt();
        let moved = lead.sign() * step * i as f64;
        Sample {
            t: (speed - v) / vehicle.max_decel,
            x: from.x + moved * cos,
            y: from.y + moved * sin,
            theta: wrap(from.theta),
            v,
            a: if v > 0.0 { -vehicle.max_decel } else { 0.0 },
            kappa: 0.0,
            steer_a: 0.0,
            steer_b: 0.0,
            lead,
        }
    };
    (0..=count as usize).map(at).collect()
}

fn knots(vehicle: &Vehicle, stretch: &[Leg]) -> Vec<Knot> {
    let mut knots: Vec<Knot> = Vec::new();
    for leg in stretch {
        let Leg {
            from,
            direction,
            lead,
            curve,
        } = leg;
        let straight = curve.turn == 0.0 && curve.bump == 0.0;
        let step = if straight { STRAIGHT_STEP } else { CURVED_STEP };
        let count = (curve.length / step).ceil().max(8.0) as usize;
        let (sin, cos) = direction.sin_cos();
        // The end of one leg is the beginning of the next.
        knots.pop();
        knots.extend(curve.places(count).map(|(u, [x, y])| {
            let motion = direction + curve.heading(u);
            let bend = curve.bend(u);
            let kappa = if curve.crab { 0.0 } else { bend };
            let slip = curve.direction(u) - curve.heading(u);
            Knot {
                pose: Pose2 {
                    x: from[0] + cos * x - sin * y,
                    y: from[1] + sin * x + cos * y,
                    theta: match lead {
                        End::A => wrap(motion),
                        End::B => wrap(motion + std::f64::consts::PI),
                    },
                },
                kappa,
                steer: vehicle.steer(kappa, slip, *lead),
                bend,
                ahead: if u < 1.0 {
                    curve.length / count as f64
                } else {
                    0.0
                },
            }
        }));
    }
    knots
}

/// Speed at each knot, m/s, from standstill to standstill.
fn speeds(vehicle: &Vehicle, knots: &[Knot]) -> Vec<f64> {
    let mut speeds: Vec<f64> = knots
        .iter()
        .map(|knot| {
            vehicle
                .max_speed
                .min((vehicle.max_lateral_accel / knot.bend.abs()).sqrt())
        })
        .collect();
    let rates = [vehicle.max_steer_rate_a, vehicle.max_steer_rate_b];
    for (i, pair) in knots.windows(2).enumerate() {
        for (axle, rate) in rates.into_iter().enumerate() {
            let steered = (pair[1].steer[axle] - pair[0].steer[axle]).abs();
            if steered > 0.0 {
                let limit = rate * pair[0].ahead / steered;
                speeds[i] = speeds[i].min(limit);
                speeds[i + 1] = speeds[i + 1].min(limit);
            }
        }
    }
    if let [start, .., end] = speeds.as_mut_slice() {
        (*start, *end) = (0.0, 0.0);
    }
    for i in 1..speeds.len() {
        let gain = 2.0 * vehicle.max_accel * knots[i - 1].ahead;
        speeds[i] = speeds[i].min((speeds[i - 1].powi(2) + gain).sqrt());
    }
    for i in (1..speeds.len()).rev() {
        let loss = 2.0 * vehicle.max_decel * knots[i - 1].ahead;
        speeds[i - 1] = speeds[i - 1].min((speeds[i].powi(2) + loss).sqrt());
    }
    speeds
}

/// Appends the knots in time, at constant acceleration between two of them.
fn drive(knots: &[Knot], speeds: &[f64], lead: End, samples: &mut Vec<Sample>) {
    // The first knot is where the samples end.
    let mut t = samples.pop().map_or(0.0, |last| last.t);
    for (i, (knot, &v)) in knots.iter().zip(speeds).enumerate() {
        let next = speeds.get(i + 1).copied().unwrap_or(0.0);
        let moving = knot.ahead > 0.0;
        samples.push(Sample {
            t,
            x: knot.pose.x,
            y: knot.pose.y,
            theta: knot.pose.theta,
            v,
            a: if moving {
                (next * next - v * v) / (2.0 * knot.ahead)
            } else {
                0.0
            },
            kappa: knot.kappa,
            steer_a: knot.steer[0],
            steer_b: knot.steer[1],
            lead,
        });
        if moving {
            t += 2.0 * knot.ahead / (v + next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::Curve;

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
    fn a_straight_way_takes_as_long_as_a_trapezoid() {
        let vehicle = Vehicle::shuttle();
        let samples = profile(
            &vehicle,
            &[leg(0.0, End::A, straight(40.0))],
            Pose2::default(),
            End::A,
        );
        // 4 m/s after 10 m and 5 s; braking takes 6.67 m and 3.33 s.
        let (up, down) = (16.0 / 1.6, 16.0 / 2.4);
        let expected = 5.0 + 4.0 / 1.2 + (40.0 - up - down) / 4.0;
        let last = samples.last().expect("samples");
        assert!((last.t - expected).abs() < 0.02, "{} {expected}", last.t);
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
        let samples = profile(&vehicle, &legs, Pose2::default(), End::A);
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
            let samples = profile(vehicle, &[leg(0.0, End::A, turn)], Pose2::default(), End::A);
            samples.last().map_or(0.0, |last| last.t)
        };
        // There and back through the greatest angle at 0.1 rad/s.
        let steered = 2.0 * slow.steer(turn.peak_bend(), 0.0, End::A)[0];
        assert!(time(&slow) >= steered / 0.1);
        assert!(time(&Vehicle::shuttle()) < steered / 0.1);
    }
}
