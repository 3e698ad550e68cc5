//! What a thing may do in the next seconds.

use nalgebra::Matrix2;

use super::filter::{Covariance, Filter, Gaussian};
use super::object::{FuturePose, Hypothesis, Manoeuvre, Motion};

/// Time from one step of the motion to the next, s.
const TICK_S: f64 = 0.25;
const TICKS_PER_STEP: usize = (Hypothesis::STEP_S / TICK_S) as usize;
const STEPS: usize = (Hypothesis::HORIZON_S / Hypothesis::STEP_S) as usize;
/// How hard something brakes that comes to a stop, m/s².
const BRAKES: f64 = 2.0;
/// How likely it is that something brakes.
const BRAKE_WEIGHT: f64 = 0.15;
/// Turn rate that is as likely as not to go on, rad/s.
const TURN_RATE: f64 = 0.15;
/// How fast what stands is at most lost sight of, m/√s.
const DRIFT_M: f64 = 0.2;

/// What something may do, the likeliest first.
pub(super) fn hypotheses(filter: &Filter, motion: Motion) -> Vec<Hypothesis> {
    if motion == Motion::Standing {
        return vec![stay(&filter.estimate())];
    }
    let now = filter.moving;
    let turns = now.mean[5].abs() / (now.mean[5].abs() + TURN_RATE);
    let goes_on = 1.0 - BRAKE_WEIGHT;
    let mut all = vec![
        drive(&now, Manoeuvre::KeepTurning, goes_on * turns),
        drive(&now, Manoeuvre::Straighten, goes_on * (1.0 - turns)),
        drive(&now, Manoeuvre::Brake, BRAKE_WEIGHT),
    ];
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}

fn stay(now: &Gaussian) -> Hypothesis {
    let pose = |step: usize| {
        let seconds = step as f64 * Hypothesis::STEP_S;
        let wander = Matrix2::identity() * (DRIFT_M * DRIFT_M * seconds);
        pose(
            seconds,
            now,
            now.covariance.fixed_view::<2, 2>(0, 0) + wander,
        )
    };
    Hypothesis {
        manoeuvre: Manoeuvre::Stay,
        weight: 1.0,
        poses: (1..=STEPS).map(pose).collect(),
    }
}

fn pose(seconds: f64, state: &Gaussian, covariance: Matrix2<f64>) -> FuturePose {
    FuturePose {
        seconds,
        at: [state.mean[0], state.mean[1]],
        yaw: state.mean[2],
        covariance: covariance.into(),
    }
}

fn drive(now: &Gaussian, manoeuvre: Manoeuvre, weight: f64) -> Hypothesis {
    let mut state = *now;
    if manoeuvre == Manoeuvre::Straighten {
        state.mean[5] = 0.0;
    }
    let mut poses = Vec::with_capacity(STEPS);
    for tick in 1..=STEPS * TICKS_PER_STEP {
        state.go_on(TICK_S);
        match manoeuvre {
            Manoeuvre::KeepTurning => state.mean[5] = now.mean[5],
            Manoeuvre::Brake => slow_down(&mut state),
            _ => {}
        }
        if tick % TICKS_PER_STEP == 0 {
            let seconds = tick as f64 * TICK_S;
            let covariance = state.covariance.fixed_view::<2, 2>(0, 0).into_owned();
            poses.push(pose(seconds, &state, covariance));
        }
    }
    Hypothesis {
        manoeuvre,
        weight,
        poses,
    }
}

/// Takes speed from something that brakes.
fn slow_down(state: &mut Gaussian) {
    let speed = state.mean[3].hypot(state.mean[4]);
    let rest = (speed - BRAKES * TICK_S).max(0.0);
    let share = if speed > 0.0 { rest / speed } else { 0.0 };
    state.mean[3] *= share;
    state.mean[4] *= share;
    state.mean[5] *= share;
    // Once it stands, it strays no more.
    let mut scale = Covariance::identity();
    for k in 3..6 {
        scale[(k, k)] = share;
    }
    state.covariance = scale * state.covariance * scale.transpose();
}

#[cfg(test)]
mod tests {
    use super::super::filter::Place;
    use super::*;

    /// Something that was followed at a speed, m/s, and a turn rate, rad/s.
    fn followed(speed: f64, rate: f64) -> Filter {
        let place = |t: f64| Place {
            at: if rate == 0.0 {
                [speed * t, 0.0]
            } else {
                let r = speed / rate;
                [r * (rate * t).sin(), r * (1.0 - (rate * t).cos())]
            },
            covariance: Matrix2::identity() * 0.0025,
        };
        let mut filter = Filter::new(&place(0.0), 0.0, 0.1, 4.0);
        for i in 1..=30 {
            let t = f64::from(i) * 0.1;
            filter.predict(0.1);
            filter.update(&place(t), Some((rate * t, 0.05)), true);
        }
        filter
    }

    fn of(all: &[Hypothesis], manoeuvre: Manoeuvre) -> &Hypothesis {
        let found = all.iter().find(|h| h.manoeuvre == manoeuvre);
        found.expect("is one of them")
    }

    #[test]
    fn each_hypothesis_does_what_it_says() {
        let all = hypotheses(&followed(6.0, 0.3), Motion::Moving);
        let weights: f64 = all.iter().map(|h| h.weight).sum();
        assert!((weights - 1.0).abs() < 1e-9);
        assert!(all.is_sorted_by(|a, b| a.weight >= b.weight));
        for one in &all {
            assert_eq!(one.poses.len(), 10);
            let spread = one
                .poses
                .iter()
                .map(|p| p.covariance[0][0] + p.covariance[1][1]);
            assert!(spread.is_sorted(), "uncertainty grows");
        }
        let yaw = |m| of(&all, m).poses[5].yaw;
        assert!(yaw(Manoeuvre::KeepTurning) > yaw(Manoeuvre::Straighten) + 0.3);
        let braked = of(&all, Manoeuvre::Brake);
        let [a, b] = [&braked.poses[8], &braked.poses[9]];
        assert!(
            (a.at[0] - b.at[0]).hypot(a.at[1] - b.at[1]) < 0.05,
            "stands by then"
        );
    }

    #[test]
    fn straight_ahead_is_where_it_will_be() {
        let all = hypotheses(&followed(8.0, 0.0), Motion::Moving);
        let pose = of(&all, Manoeuvre::Straighten).poses[5];
        assert_eq!(pose.seconds, 3.0);
        assert!((pose.at[0] - 48.0).abs() < 0.6, "{pose:?}");
        assert_eq!(all[0].manoeuvre, Manoeuvre::Straighten);
    }

    #[test]
    fn what_stands_stays() {
        let all = hypotheses(&followed(0.0, 0.0), Motion::Standing);
        assert_eq!(all.len(), 1);
        let last = all[0].poses[9];
        assert!(last.at[0].hypot(last.at[1]) < 0.1 && last.seconds == 5.0);
    }
}
