//! What a thing may do in the next seconds.

use janus_datasets::Class;
use janus_datasets::roads::Roads;
use nalgebra::Matrix2;

use super::crossing::cross;
use super::filter::{Covariance, Filter, Gaussian};
use super::lanes::follow;
use super::object::{FuturePose, Hypothesis, Manoeuvre, Motion};

/// Time from one step of the motion to the next, s.
pub(super) const TICK_S: f64 = 0.25;
pub(super) const TICKS_PER_STEP: usize = (Hypothesis::STEP_S / TICK_S) as usize;
pub(super) const STEPS: usize = (Hypothesis::HORIZON_S / Hypothesis::STEP_S) as usize;
/// How hard something brakes that comes to a stop, m/s².
const BRAKES: f64 = 2.0;
/// How likely it is that something brakes.
const BRAKE_WEIGHT: f64 = 0.15;
/// Turn rate that is as likely as not to go on, rad/s.
const TURN_RATE: f64 = 0.15;
/// Something that fits to the map this well, of at most 1, as likely as not
/// goes by the map.
const MAP_FIT: f64 = 0.2;
/// How fast what stands is at most lost sight of, m/√s.
const DRIFT_M: f64 = 0.2;

/// What something may do, the likeliest first: what its motion says, and
/// where there are roads, what these lead to.
pub(super) fn hypotheses(
    filter: &Filter,
    motion: Motion,
    class: Class,
    roads: Option<&Roads>,
) -> Vec<Hypothesis> {
    let by_map = roads.map_or(Vec::new(), |roads| by_map(roads, class, filter, motion));
    let mut all = by_motion(filter, motion);
    share(&mut all, by_map, motion);
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    all
}

/// What its motion alone says.
fn by_motion(filter: &Filter, motion: Motion) -> Vec<Hypothesis> {
    if motion == Motion::Standing {
        return vec![stay(&filter.estimate())];
    }
    let now = filter.moving;
    let turns = now.mean[5].abs() / (now.mean[5].abs() + TURN_RATE);
    let goes_on = 1.0 - BRAKE_WEIGHT;
    vec![
        drive(&now, Manoeuvre::KeepTurning, goes_on * turns),
        drive(&now, Manoeuvre::Straighten, goes_on * (1.0 - turns)),
        drive(&now, Manoeuvre::Brake, BRAKE_WEIGHT),
    ]
}

/// What roads lead it to, and how well each fits, up to 1.
fn by_map(roads: &Roads, class: Class, filter: &Filter, motion: Motion) -> Vec<(Hypothesis, f64)> {
    match (class, motion) {
        (Class::Pedestrian, Motion::Standing) => cross(roads, &filter.estimate(), motion),
        (Class::Pedestrian, Motion::Moving) => cross(roads, &filter.moving, motion),
        (
            Class::Car
            | Class::Van
            | Class::Truck
            | Class::Bus
            | Class::Trailer
            | Class::Motorcycle
            | Class::Bicycle,
            Motion::Moving,
        ) => follow(roads, class, &filter.moving),
        _ => Vec::new(),
    }
}

/// Gives what roads lead to its part of the weight of what goes on, or stays:
/// the better the best of it fits, the more.
fn share(all: &mut Vec<Hypothesis>, by_map: Vec<(Hypothesis, f64)>, motion: Motion) {
    let best = by_map.iter().map(|(_, fit)| *fit).fold(0.0, f64::max);
    let sum: f64 = by_map.iter().map(|(_, fit)| fit).sum();
    if best <= 0.0 {
        return;
    }
    let (part, whole) = match motion {
        Motion::Standing => (best, 1.0),
        Motion::Moving => (best / (best + MAP_FIT), 1.0 - BRAKE_WEIGHT),
    };
    let going_on = all.iter_mut().filter(|h| h.manoeuvre != Manoeuvre::Brake);
    going_on.for_each(|h| h.weight *= 1.0 - part);
    all.extend(by_map.into_iter().map(|(hypothesis, fit)| Hypothesis {
        weight: whole * part * fit / sum,
        ..hypothesis
    }));
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
    use janus_datasets::roads::{Crossing, Draft, LaneKind};

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

    /// Where there is no map.
    fn by_itself(filter: &Filter, motion: Motion) -> Vec<Hypothesis> {
        hypotheses(filter, motion, Class::Car, None)
    }

    /// A straight lane east of the origin.
    fn street() -> Roads {
        let border = |y: f64| vec![[0.0, y, 0.0], [200.0, y, 0.0]];
        let lane = Draft::new(1, LaneKind::Vehicle, border(2.0), border(-2.0));
        Roads::new(vec![lane], vec![]).expect("is sound")
    }

    #[test]
    fn a_lane_that_fits_is_likelier_than_motion_alone() {
        let filter = followed(8.0, 0.0);
        let all = hypotheses(&filter, Motion::Moving, Class::Car, Some(&street()));
        assert_eq!(all[0].manoeuvre, Manoeuvre::FollowLane);
        let weights: f64 = all.iter().map(|h| h.weight).sum();
        assert!((weights - 1.0).abs() < 1e-9);
        assert!(all.is_sorted_by(|a, b| a.weight >= b.weight));
        assert_eq!(of(&all, Manoeuvre::Brake).weight, BRAKE_WEIGHT);
        // Whatever is no vehicle, or far from any lane, goes by its motion.
        let alone = by_itself(&filter, Motion::Moving);
        let obstacle = hypotheses(&filter, Motion::Moving, Class::Obstacle, Some(&street()));
        assert_eq!(obstacle, alone);
        let turning = followed(6.0, 0.6);
        let lost = hypotheses(&turning, Motion::Moving, Class::Car, Some(&street()));
        assert_eq!(lost, by_itself(&turning, Motion::Moving));
    }

    #[test]
    fn who_stands_at_a_crossing_stays_or_crosses() {
        let filter = followed(0.0, 0.0);
        let edge = |x: f64| vec![[x, 1.0, 0.0], [x, 9.0, 0.0]];
        let crossing = Crossing::between(edge(-2.0), edge(2.0)).expect("is one");
        let roads = Roads::new(vec![], vec![crossing]).expect("is sound");
        let all = hypotheses(&filter, Motion::Standing, Class::Pedestrian, Some(&roads));
        let told: Vec<_> = all.iter().map(|h| h.manoeuvre).collect();
        assert_eq!(told, [Manoeuvre::Stay, Manoeuvre::Cross]);
        assert!((all[0].weight + all[1].weight - 1.0).abs() < 1e-9 && all[1].weight > 0.1);
    }

    fn of(all: &[Hypothesis], manoeuvre: Manoeuvre) -> &Hypothesis {
        let found = all.iter().find(|h| h.manoeuvre == manoeuvre);
        found.expect("is one of them")
    }

    #[test]
    fn each_hypothesis_does_what_it_says() {
        let all = by_itself(&followed(6.0, 0.3), Motion::Moving);
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
        let all = by_itself(&followed(8.0, 0.0), Motion::Moving);
        let pose = of(&all, Manoeuvre::Straighten).poses[5];
        assert_eq!(pose.seconds, 3.0);
        assert!((pose.at[0] - 48.0).abs() < 0.6, "{pose:?}");
        assert_eq!(all[0].manoeuvre, Manoeuvre::Straighten);
    }

    #[test]
    fn what_stands_stays() {
        let all = by_itself(&followed(0.0, 0.0), Motion::Standing);
        assert_eq!(all.len(), 1);
        let last = all[0].poses[9];
        assert!(last.at[0].hypot(last.at[1]) < 0.1 && last.seconds == 5.0);
    }
}
