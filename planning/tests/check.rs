//! The checker refuses every kind of bad plan.
#![allow(clippy::unwrap_used)]

use std::f64::consts::PI;

use janus_planning::{
    Driving, End, FaultKind, Grid, Plan, Planner, PlannerConfig, Polygon, Pose2, Sample, Task,
    Vehicle, check,
};
use proptest::prelude::*;

/// A way with turns and a change of ends, in a free square.
fn good() -> (Planner, Grid, Task, Plan) {
    let planner = Planner::new(Vehicle::shuttle(), PlannerConfig::default()).unwrap();
    let grid = Grid {
        origin: [-60, -60],
        size: [120, 120],
        cell_mm: 200,
        log_odds: vec![-1; 14_400],
    };
    let (start, goal) = (Pose2::new(-2.0, -1.0, 0.4), Pose2::new(-1.5, 2.0, 0.9));
    let plan = planner.plan(&grid, start, goal).unwrap();
    assert!(plan.end_changes > 0 && plan.samples.iter().any(|s| s.kappa.abs() > 0.1));
    (
        planner,
        grid,
        Task {
            start,
            driving: Driving::STILL,
            goal: Some(goal),
        },
        plan,
    )
}

/// What the checker says after a change to a good plan.
fn after(change: impl Fn(&mut Vec<Sample>)) -> Option<FaultKind> {
    let (planner, grid, task, plan) = good();
    let mut samples = plan.samples;
    change(&mut samples);
    let verdict = check(&samples, &task, planner.vehicle(), &grid, planner.config());
    verdict.err().map(|fault| fault.kind)
}

/// Index of the fastest sample.
fn fastest(samples: &[Sample]) -> usize {
    (0..samples.len())
        .max_by(|&i, &j| samples[i].v.total_cmp(&samples[j].v))
        .unwrap()
}

/// Index of the sample with the greatest curvature.
fn tightest(samples: &[Sample]) -> usize {
    let kappa = |i: usize| samples[i].kappa.abs();
    (0..samples.len())
        .max_by(|&i, &j| kappa(i).total_cmp(&kappa(j)))
        .unwrap()
}

#[test]
fn a_good_plan_passes() {
    assert_eq!(after(|_| ()), None);
}

#[test]
fn nothing_is_not_a_plan() {
    assert_eq!(after(Vec::clear), Some(FaultKind::Empty));
}

#[test]
fn figures_must_be_finite() {
    let poisons: [fn(&mut Sample); 9] = [
        |s| s.t = f64::NAN,
        |s| s.x = f64::INFINITY,
        |s| s.y = f64::NAN,
        |s| s.theta = f64::NAN,
        |s| s.v = f64::NAN,
        |s| s.a = f64::NEG_INFINITY,
        |s| s.kappa = f64::NAN,
        |s| s.steer_a = f64::NAN,
        |s| s.steer_b = f64::NAN,
    ];
    for poison in poisons {
        assert_eq!(after(|s| poison(&mut s[5])), Some(FaultKind::NotFinite));
    }
}

#[test]
fn it_begins_at_the_start_and_ends_at_the_goal() {
    let late = |s: &mut Vec<Sample>| {
        s.remove(0);
    };
    assert_eq!(after(late), Some(FaultKind::Start));
    let short = |s: &mut Vec<Sample>| s.truncate(s.len() - 1);
    assert_eq!(after(short), Some(FaultKind::Moving));
    let stopped = |s: &mut Vec<Sample>| {
        let change = s.windows(2).position(|p| p[0].lead != p[1].lead).unwrap();
        s.truncate(change + 1);
    };
    assert_eq!(after(stopped), Some(FaultKind::Goal));
}

#[test]
fn it_does_not_jump() {
    assert_eq!(after(|s| s[9].x += 0.01), Some(FaultKind::Jump));
    assert_eq!(after(|s| s[9].y -= 0.01), Some(FaultKind::Jump));
    // Three samples left out, and their time.
    let cut = |s: &mut Vec<Sample>| {
        let at = fastest(s);
        let time = s[at].t - s[at - 3].t;
        s.iter_mut().skip(at).for_each(|s| s.t -= time);
        s.drain(at - 3..at);
    };
    assert!(matches!(
        after(cut),
        Some(FaultKind::Jump | FaultKind::Accel | FaultKind::Jerk)
    ));
    assert_eq!(after(|s| s[9].t = s[8].t - 0.1), Some(FaultKind::Time));
    let turned = after(|s| s.iter_mut().skip(9).for_each(|s| s.theta += 0.02));
    assert_eq!(turned, Some(FaultKind::Heading));
}

#[test]
fn motion_follows_the_steering() {
    let straightened = |s: &mut Vec<Sample>| {
        let at = tightest(s);
        (s[at].steer_a, s[at].steer_b) = (0.0, 0.0);
    };
    assert_eq!(after(straightened), Some(FaultKind::Steer));
    let unturned = |s: &mut Vec<Sample>| {
        for s in s.iter_mut() {
            (s.kappa, s.steer_a, s.steer_b) = (0.0, 0.0, 0.0);
        }
    };
    assert!(matches!(
        after(unturned),
        Some(FaultKind::Heading | FaultKind::Jump)
    ));
    let wrong_end = |s: &mut Vec<Sample>| {
        for s in s.iter_mut() {
            s.lead = s.lead.other();
            (s.steer_a, s.steer_b) = (s.steer_b, s.steer_a);
        }
    };
    assert_eq!(after(wrong_end), Some(FaultKind::Jump));
}

#[test]
fn the_end_changes_only_at_a_stop() {
    let early = |s: &mut Vec<Sample>| {
        let at = s.windows(2).position(|p| p[0].lead != p[1].lead).unwrap();
        s.iter_mut().skip(at + 1).for_each(|s| s.t -= 0.5);
    };
    assert_eq!(after(early), Some(FaultKind::EndChange));
    let rolling = |s: &mut Vec<Sample>| {
        let at = s
            .iter()
            .position(|s| s.v > 0.3 && s.kappa == 0.0)
            .unwrap_or(1);
        s[at].lead = s[at].lead.other();
    };
    assert!(matches!(
        after(rolling),
        Some(FaultKind::EndChange | FaultKind::Steer)
    ));
}

/// What another vehicle's checker says to the good plan.
fn driven_by(change: impl Fn(&mut Vehicle)) -> Option<FaultKind> {
    let (planner, grid, task, plan) = good();
    let mut vehicle = planner.vehicle().clone();
    change(&mut vehicle);
    let verdict = check(&plan.samples, &task, &vehicle, &grid, planner.config());
    verdict.err().map(|fault| fault.kind)
}

#[test]
fn every_limit_of_the_vehicle_holds() {
    let steer = |v: &mut Vehicle| (v.max_steer_a, v.max_steer_b) = (0.05, 0.05);
    assert!(matches!(
        driven_by(steer),
        Some(FaultKind::Steer | FaultKind::Curvature)
    ));
    let sharp = |v: &mut Vehicle| v.max_curvature_rate = 0.1;
    assert_eq!(driven_by(sharp), Some(FaultKind::CurvatureRate));
    assert_eq!(driven_by(|v| v.max_jerk = 0.3), Some(FaultKind::Jerk));
    assert_eq!(driven_by(|v| v.wheelbase = 2.0), Some(FaultKind::Steer));
    let rate = |v: &mut Vehicle| v.max_steer_rate_b = 0.05;
    assert_eq!(driven_by(rate), Some(FaultKind::SteerRate));
    assert_eq!(driven_by(|v| v.max_speed = 0.3), Some(FaultKind::Speed));
    assert_eq!(driven_by(|v| v.max_accel = 0.3), Some(FaultKind::Accel));
    assert_eq!(driven_by(|v| v.max_decel = 0.3), Some(FaultKind::Accel));
    let across = |v: &mut Vehicle| v.max_lateral_accel = 0.01;
    assert_eq!(driven_by(across), Some(FaultKind::LateralAccel));
    assert_eq!(driven_by(|v| v.dwell = 9.0), Some(FaultKind::EndChange));
    let negative = |s: &mut Vec<Sample>| s[9].v = -s[9].v;
    assert_eq!(after(negative), Some(FaultKind::Speed));
    assert_eq!(after(|s| s[9].a += 0.01), Some(FaultKind::Accel));
}

/// The greatest that a trajectory makes of something from sample to sample.
fn greatest(samples: &[Sample], of: impl Fn(&Sample, &Sample) -> f64) -> f64 {
    samples
        .windows(2)
        .filter(|p| p[0].lead == p[1].lead)
        .map(|p| of(&p[0], &p[1]))
        .fold(0.0, f64::max)
}

fn way(p: &Sample, q: &Sample) -> f64 {
    let time = q.t - p.t;
    time * (p.v + time * (2.0 * p.a + q.a) / 6.0)
}

#[test]
fn a_plan_may_be_at_the_very_limits_and_no_farther() {
    let (.., plan) = good();
    let s = &plan.samples;
    let steer_rate = |axle: fn(&Sample) -> f64| {
        greatest(s, |p, q| {
            (axle(q) - axle(p)).abs() / way(p, q) * p.v.max(q.v)
        })
    };
    let dwell = s
        .windows(2)
        .filter(|p| p[0].lead != p[1].lead)
        .map(|p| p[1].t - p[0].t)
        .fold(f64::INFINITY, f64::min);
    type Set = fn(&mut Vehicle, f64);
    let limits: [(f64, Set, FaultKind); 7] = [
        (
            greatest(s, |p, q| p.v.max(q.v)),
            |v, most| v.max_speed = most,
            FaultKind::Speed,
        ),
        (
            greatest(s, |p, q| p.a.max(q.a)),
            |v, most| v.max_accel = most,
            FaultKind::Accel,
        ),
        (
            greatest(s, |p, q| -p.a.min(q.a)),
            |v, most| v.max_decel = most,
            FaultKind::Accel,
        ),
        (
            greatest(s, |p, q| (q.a - p.a).abs() / (q.t - p.t).max(0.01)),
            |v, most| v.max_jerk = most,
            FaultKind::Jerk,
        ),
        (
            greatest(s, |p, q| (q.kappa - p.kappa).abs() / way(p, q)),
            |v, most| v.max_curvature_rate = most,
            FaultKind::CurvatureRate,
        ),
        (
            steer_rate(|s| s.steer_a),
            |v, most| v.max_steer_rate_a = most,
            FaultKind::SteerRate,
        ),
        (
            steer_rate(|s| s.steer_b),
            |v, most| v.max_steer_rate_b = most,
            FaultKind::SteerRate,
        ),
    ];
    for (most, set, kind) in limits {
        assert_eq!(driven_by(|v| set(v, most * (1.0 + 1e-6))), None, "{kind:?}");
        assert_eq!(driven_by(|v| set(v, most * 0.98)), Some(kind));
    }
    assert_eq!(driven_by(|v| v.dwell = dwell), None);
    let longer = driven_by(|v| v.dwell = dwell + 1e-3);
    assert_eq!(longer, Some(FaultKind::EndChange));
}

/// A quarter of a circle at the greatest curvature, up to the greatest lateral
/// acceleration and back to standstill, by few samples.
fn circle(vehicle: &Vehicle, radius: f64, speed: f64, jerk: f64) -> Vec<Sample> {
    // Jerk up and down, cruise, jerk down and up: no even acceleration.
    let bent = (speed / jerk).sqrt();
    let steer = vehicle.steer(1.0 / radius, 0.0, End::A);
    let mut at = [0.0, 0.0, 0.0, 0.0];
    let mut samples = Vec::new();
    let phases = [
        (jerk, bent),
        (-jerk, bent),
        (0.0, 1.0),
        (-jerk, bent),
        (jerk, bent),
    ];
    for (jerk, time) in [(0.0, 0.0)].into_iter().chain(phases) {
        let [t, s, v, a] = at;
        at = [
            t + time,
            s + time * (v + time * (a / 2.0 + time * jerk / 6.0)),
            v + time * (a + time * jerk / 2.0),
            a + time * jerk,
        ];
        let [t, s, v, a] = at;
        let (sin, cos) = (s / radius).sin_cos();
        samples.push(Sample {
            t,
            x: radius * sin,
            y: radius * (1.0 - cos),
            theta: s / radius,
            v,
            a,
            kappa: 1.0 / radius,
            steer_a: steer[0],
            steer_b: steer[1],
            lead: End::A,
        });
    }
    samples
}

#[test]
fn a_circle_at_the_limits_of_curvature_and_lateral_acceleration() {
    let vehicle = Vehicle {
        max_accel: 3.0,
        max_decel: 3.0,
        ..Vehicle::shuttle()
    };
    let grid = good().1;
    let judge = |radius: f64, lateral: f64, jerk: f64| {
        let samples = circle(&vehicle, radius, (lateral * radius).sqrt(), jerk);
        let task = Task {
            start: Pose2::default(),
            driving: Driving::STILL,
            goal: samples.last().map(Sample::pose),
        };
        let config = PlannerConfig::default();
        let verdict = check(&samples, &task, &vehicle, &grid, &config);
        verdict.err().map(|fault| fault.kind)
    };
    let least = 1.0 / vehicle.max_curvature();
    assert_eq!(judge(least, 1.0, 1.0), None);
    assert_eq!(judge(least * 0.999, 1.0, 1.0), Some(FaultKind::Curvature));
    assert_eq!(judge(least, 1.001, 1.0), Some(FaultKind::LateralAccel));
    assert_eq!(judge(least, 1.0, 1.001), Some(FaultKind::Jerk));
}

#[test]
fn the_speed_is_bounded_between_samples_too() {
    // From 3.9 m/s with +0.7 m/s² to 3.9 m/s with −0.7 m/s²: 4.145 m/s between.
    let sample = |t: f64, x: f64, v: f64, a: f64| Sample {
        t,
        x,
        y: 0.0,
        theta: 0.0,
        v,
        a,
        kappa: 0.0,
        steer_a: 0.0,
        steer_b: 0.0,
        lead: End::A,
    };
    let way = 1.4 * (3.9 + 1.4 * 0.7 / 6.0);
    let samples = [
        sample(0.0, -6.0, 3.9, 0.7),
        sample(1.4, way - 6.0, 3.9, -0.7),
    ];
    let task = Task {
        start: Pose2::new(-6.0, 0.0, 0.0),
        driving: Driving::straight(3.9, End::A),
        goal: None,
    };
    let grid = good().1;
    let judge = |max_speed: f64| {
        let vehicle = Vehicle {
            max_speed,
            ..Vehicle::shuttle()
        };
        let verdict = check(&samples, &task, &vehicle, &grid, &PlannerConfig::default());
        verdict.err().map(|fault| fault.kind)
    };
    assert_eq!(judge(4.14), Some(FaultKind::Speed));
    assert_eq!(judge(4.15), Some(FaultKind::Moving));
}

#[test]
fn polygons_are_obstacles() {
    let (planner, _, task, plan) = good();
    let judge = |vertices: &[[f64; 2]]| {
        let polygons = [Polygon::new(vertices.to_vec()).unwrap()];
        let verdict = check(
            &plan.samples,
            &task,
            planner.vehicle(),
            &polygons[..],
            planner.config(),
        );
        verdict.err().map(|fault| fault.kind)
    };
    let far = [[50.0, 0.0], [51.0, 0.0], [50.0, 1.0]];
    assert_eq!(judge(&far), None);
    let [x, y] = {
        let middle = plan.samples[plan.samples.len() / 2];
        [middle.x, middle.y]
    };
    let post = [[x, y], [x + 0.01, y], [x, y + 0.01]];
    assert_eq!(judge(&post), Some(FaultKind::Collision));
    // A fence around all of it, open at one side, and the same closed over it.
    let fence = [
        [-20.0, -20.0],
        [20.0, -20.0],
        [20.0, 20.0],
        [19.0, 20.0],
        [19.0, -19.0],
        [-20.0, -19.0],
    ];
    assert_eq!(judge(&fence), None);
    let slab = [[-20.0, -20.0], [20.0, -20.0], [20.0, 20.0], [-20.0, 20.0]];
    assert_eq!(judge(&slab), Some(FaultKind::Collision));
}

#[test]
fn the_body_is_tested_to_its_last_millimetre() {
    // A metre and a half straight, by six samples.
    let vehicle = Vehicle::shuttle();
    let samples = Vec::from_iter(circle(&vehicle, 1e9, 0.6, 1.0).into_iter().map(|s| Sample {
        theta: 0.0,
        y: 0.0,
        kappa: 0.0,
        steer_a: 0.0,
        steer_b: 0.0,
        ..s
    }));
    let end = samples.last().unwrap().x;
    let task = Task {
        start: Pose2::default(),
        driving: Driving::STILL,
        goal: samples.last().map(Sample::pose),
    };
    let judge = |x: f64| {
        let post = vec![[x, 0.0], [x + 0.005, -0.01], [x + 0.005, 0.01]];
        let polygons = [Polygon::new(post).unwrap()];
        let config = PlannerConfig::default();
        let verdict = check(&samples, &task, &vehicle, &polygons[..], &config);
        verdict.err().map(|fault| fault.kind)
    };
    assert_eq!(judge(1.8 + end / 2.0), Some(FaultKind::Collision));
    assert_eq!(judge(1.8 + end - 0.001), Some(FaultKind::Collision));
    assert_eq!(judge(1.8 + end + 0.001), None);
}

#[test]
fn crab_is_for_vehicles_that_can() {
    let (planner, grid, ..) = good();
    let (start, goal) = (Pose2::new(-5.0, 0.0, 0.0), Pose2::new(1.0, 1.0, 0.0));
    let plan = planner.plan(&grid, start, goal).unwrap();
    let task = Task {
        start,
        driving: Driving::STILL,
        goal: Some(goal),
    };
    let stiff = Vehicle {
        crab: false,
        ..Vehicle::shuttle()
    };
    let verdict = check(&plan.samples, &task, &stiff, &grid, planner.config());
    assert_eq!(verdict.unwrap_err().kind, FaultKind::Steer);
}

#[test]
fn one_occupied_cell_under_the_body_is_a_collision() {
    let (planner, grid, task, plan) = good();
    let judge = |grid: &Grid| {
        let verdict = check(
            &plan.samples,
            &task,
            planner.vehicle(),
            grid,
            planner.config(),
        );
        verdict.err().map(|fault| fault.kind)
    };
    let (mut hit, mut clear) = (0, 0);
    for i in (0..grid.log_odds.len()).step_by(17) {
        let mut with = grid.clone();
        with.log_odds[i] = 1;
        let centre = [i % 120, i / 120].map(|c| (c as f64 - 60.0 + 0.5) * 0.2);
        // How far the cell's centre is outside of the body, at the nearest.
        let outside = plan.samples.iter().map(|s| {
            let (sin, cos) = s.theta.sin_cos();
            let [dx, dy] = [centre[0] - s.x, centre[1] - s.y];
            let (along, left) = (cos * dx + sin * dy, cos * dy - sin * dx);
            (along.abs() - 1.8).max(left.abs() - 0.9)
        });
        let outside = outside.fold(f64::INFINITY, f64::min);
        let verdict = judge(&with);
        if outside < 0.0 {
            assert_eq!(verdict, Some(FaultKind::Collision));
            hit += 1;
        } else if outside > 0.15 {
            assert_eq!(verdict, None);
            clear += 1;
        }
    }
    assert!(hit > 10 && clear > 100, "{hit} {clear}");
    let cut = Grid {
        origin: [-60, -60],
        size: [45, 120],
        log_odds: vec![-1; 5400],
        ..grid.clone()
    };
    assert_eq!(judge(&cut), Some(FaultKind::Outside));
    let torn = Grid {
        size: [121, 120],
        ..grid.clone()
    };
    assert_eq!(judge(&torn), Some(FaultKind::Grid));
}

#[test]
fn the_motion_at_the_start_is_the_vehicles_own() {
    let (planner, grid, ..) = good();
    let start = Pose2::new(0.0, 0.0, 0.0);
    let bend = Driving {
        curvature: 0.1,
        ..Driving::straight(3.0, End::A)
    };
    for begun in [Driving::straight(3.0, End::A), bend] {
        let stop = planner.stop(&grid, start, begun).unwrap();
        let verdict = |driving| {
            let task = Task {
                start,
                driving,
                goal: None,
            };
            check(
                &stop.plan.samples,
                &task,
                planner.vehicle(),
                &grid,
                planner.config(),
            )
        };
        assert_eq!(verdict(begun), Ok(()));
        let curvature = begun.curvature + 0.01;
        for other in [
            Driving {
                speed: 2.0,
                ..begun
            },
            Driving {
                lead: End::B,
                ..begun
            },
            Driving { curvature, ..begun },
        ] {
            assert_eq!(verdict(other).unwrap_err().kind, FaultKind::Start);
        }
    }
}

/// A square window about the origin, 12 m either way, of 0.2 m cells, and the
/// occupied ones.
fn strewn() -> impl Strategy<Value = (Grid, Vec<Polygon>)> {
    let cells = prop::collection::vec((-40i32..40, -40i32..40), 0..12);
    cells.prop_map(|occupied| {
        let mut grid = Grid {
            origin: [-60, -60],
            size: [120, 120],
            cell_mm: 200,
            log_odds: vec![-1; 14_400],
        };
        let square = |&(x, y): &(i32, i32)| {
            let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
            let metres = |(x, y)| [f64::from(x) * 0.2, f64::from(y) * 0.2];
            Polygon::new(corners.map(metres).to_vec()).unwrap()
        };
        for (x, y) in &occupied {
            grid.log_odds[((y + 60) * 120 + x + 60) as usize] = 1;
        }
        (grid, occupied.iter().map(square).collect())
    })
}

proptest! {
    #[test]
    fn polygons_and_the_cells_that_they_fill_judge_alike(
        (grid, polygons) in strewn(),
        (x, y, theta) in (-3.0..3.0f64, -3.0..3.0f64, -PI..PI),
        radius in 3.0..30.0f64,
        speed in 0.3..1.4f64,
    ) {
        let vehicle = Vehicle {
            max_accel: 3.0,
            max_decel: 3.0,
            ..Vehicle::shuttle()
        };
        let start = Pose2::new(x, y, theta);
        let samples: Vec<_> = circle(&vehicle, radius, speed, 1.0)
            .into_iter()
            .map(|s| {
                let at = start.holds(s.pose());
                Sample { x: at.x, y: at.y, theta: at.theta, ..s }
            })
            .collect();
        let task = Task {
            start,
            driving: Driving::STILL,
            goal: samples.last().map(Sample::pose),
        };
        let config = PlannerConfig::default();
        let by_cells = check(&samples, &task, &vehicle, &grid, &config);
        let by_outlines = check(&samples, &task, &vehicle, &polygons[..], &config);
        prop_assert_eq!(by_cells, by_outlines);
        // Every pose of the way by itself, without what a test of one says of the
        // next.
        let hit = samples.iter().any(|s| {
            let (sin, cos) = s.theta.sin_cos();
            let stands = [Sample { t: 0.0, v: 0.0, a: 0.0, ..*s }];
            let task = Task { start: s.pose(), driving: Driving::STILL, goal: Some(s.pose()) };
            let verdict = check(&stands, &task, &vehicle, &polygons[..], &config);
            let middle = [s.x, s.y];
            let inside = polygons.iter().any(|polygon| {
                polygon.vertices().iter().any(|v| {
                    let [dx, dy] = [v[0] - middle[0], v[1] - middle[1]];
                    (cos * dx + sin * dy).abs() < 1.8 - 1e-5 && (cos * dy - sin * dx).abs() < 0.9 - 1e-5
                })
            });
            assert!(!inside || verdict.is_err(), "a vertex is in the body");
            verdict.is_err()
        });
        prop_assert!(!hit || by_cells.is_err());
    }
}
