//! The whole way, from a grid to a checked plan.
#![allow(clippy::unwrap_used)]

use std::f64::consts::{FRAC_PI_2, PI};
use std::time::Duration;

use janus_perception::Impairment;
use janus_planning::{
    Case, Cell, Costs, Degraded, Driving, End, GoalHeading, Grid, Health, Plan, PlanError, Planner,
    PlannerConfig, Pose2, Query, Sample, Task, Unknown, Vehicle, check,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// A square window of 0.2 m cells about the origin, `half` cells either way,
/// told by what is at the centre of each cell, metres.
fn world(half: i32, at: impl Fn(f64, f64) -> Cell) -> Grid {
    let centre = |i: i32| (f64::from(i) + 0.5) * 0.2;
    let cells = (-half..half).flat_map(|y| (-half..half).map(move |x| (x, y)));
    Grid {
        origin: [-half, -half],
        size: [2 * half as u32, 2 * half as u32],
        cell_mm: 200,
        log_odds: cells
            .map(|(x, y)| match at(centre(x), centre(y)) {
                Cell::Unknown => Grid::UNKNOWN,
                Cell::Free => -700,
                Cell::Occupied => 700,
            })
            .collect(),
    }
}

/// Free where `free` holds, occupied elsewhere.
fn walls(half: i32, free: impl Fn(f64, f64) -> bool) -> Grid {
    world(half, |x, y| {
        if free(x, y) {
            Cell::Free
        } else {
            Cell::Occupied
        }
    })
}

fn planner_with(config: PlannerConfig) -> Planner {
    Planner::new(Vehicle::shuttle(), config).unwrap()
}

fn planner() -> Planner {
    planner_with(PlannerConfig::default())
}

/// For tight manoeuvres, which take more states than a drive's plans.
fn patient() -> PlannerConfig {
    PlannerConfig {
        budget: 100_000,
        improvement: 100_000,
        ..PlannerConfig::default()
    }
}

/// Plans, and has the result checked once more from outside.
fn plan(planner: &Planner, grid: &Grid, start: Pose2, goal: Pose2) -> Plan {
    let plan = planner.plan(grid, start, goal).unwrap();
    let task = Task {
        start,
        driving: Driving::STILL,
        goal: Some(goal),
    };
    check(
        &plan.samples,
        &task,
        planner.vehicle(),
        grid,
        planner.config(),
    )
    .unwrap();
    for pair in plan.samples.windows(2) {
        assert!(pair[0].pose().distance(pair[1].pose()) <= 0.05 + 1e-9);
    }
    let kept = plan.expansions.min(planner.config().trace);
    assert_eq!(plan.search.len(), kept as usize);
    plan
}

fn pose(x: f64, y: f64, theta: f64) -> Pose2 {
    Pose2::new(x, y, theta)
}

#[test]
fn a_straight_street() {
    let grid = walls(256, |_, y| y.abs() < 4.0);
    let plan = plan(&planner(), &grid, pose(0.0, 0.0, 0.0), pose(25.0, 0.0, 0.0));
    assert!((plan.length_m - 25.0).abs() < 1e-6);
    assert_eq!((plan.end_changes, plan.unknown_m), (0, 0.0));
    assert!(
        (plan.min_clearance_m - (4.0 - 0.9)).abs() < 1e-6,
        "{}",
        plan.min_clearance_m
    );
    assert!((plan.cost - 25.0).abs() < 1e-3, "{}", plan.cost);
    assert!(
        plan.samples
            .iter()
            .all(|s| s.lead == End::A && s.y.abs() < 1e-6)
    );
    // The goal behind is as near as the goal ahead, by the other end.
    let back = planner()
        .plan(&grid, pose(0.0, 0.0, 0.0), pose(-25.0, 0.0, 0.0))
        .unwrap();
    assert_eq!((back.cost, back.duration_s), (plan.cost, plan.duration_s));
    assert!(back.samples.iter().all(|s| s.lead == End::B));
}

#[test]
fn a_shift_to_the_side_is_driven_at_an_angle() {
    let grid = walls(100, |_, y| y.abs() < 4.0);
    let plan = plan(&planner(), &grid, pose(0.0, -0.5, 0.0), pose(8.0, 0.7, 0.0));
    assert!(
        plan.samples.iter().all(|s| s.theta.abs() < 1e-6),
        "the axis stays"
    );
    let crab = plan
        .samples
        .iter()
        .filter(|s| s.steer_a > 0.01 && s.steer_a == s.steer_b);
    assert!(crab.count() > 10);
    // Without crab it takes turns.
    let stiff = Vehicle {
        crab: false,
        ..Vehicle::shuttle()
    };
    let stiff = Planner::new(stiff, PlannerConfig::default()).unwrap();
    let turning = stiff
        .plan(&grid, pose(0.0, -0.5, 0.0), pose(8.0, 0.7, 0.0))
        .unwrap();
    assert!(turning.samples.iter().any(|s| s.theta.abs() > 0.1));
    assert!(
        turning
            .samples
            .iter()
            .all(|s| (s.steer_a + s.steer_b).abs() < 1e-9)
    );
}

#[test]
fn a_turn_at_a_crossing() {
    let grid = walls(128, |x, y| y.abs() < 4.0 || (x - 12.0).abs() < 4.0);
    let plan = plan(
        &planner(),
        &grid,
        pose(0.0, 0.0, 0.0),
        pose(12.0, 15.0, FRAC_PI_2),
    );
    assert_eq!(plan.end_changes, 0);
    assert!(plan.length_m < 27.0, "{}", plan.length_m);
    assert!(plan.samples.iter().any(|s| s.kappa > 0.1));
}

#[test]
fn out_of_a_dead_end_without_turning_round() {
    // A street that ends at x = 6; the goal's axis points the other way.
    let grid = walls(100, |x, y| x < 6.0 && y.abs() < 2.0);
    let (start, goal) = (pose(3.0, 0.0, 0.0), pose(-12.0, 0.0, PI));
    let out = plan(&planner(), &grid, start, goal);
    assert!(out.samples.iter().all(|s| s.lead == End::B));
    assert!((out.length_m - 15.0).abs() < 1e-6 && out.end_changes == 0);
}

#[test]
fn ends_change_where_that_is_cheaper() {
    // A side street at x = -6, too narrow to be entered from the dead end's
    // side with end B first and left with end B first.
    let grid = walls(128, |x, y| {
        y.abs() < 2.6 || ((x + 6.0).abs() < 3.5 && y > 0.0)
    });
    let (start, goal) = (pose(0.0, 0.0, 0.0), pose(0.0, 1.2, 0.0));
    let sideways = plan(&planner(), &grid, start, goal);
    assert!(sideways.end_changes >= 1);
    let dwells = sideways
        .samples
        .windows(2)
        .filter(|p| p[0].lead != p[1].lead);
    for pair in dwells {
        assert_eq!((pair[0].v, pair[1].v), (0.0, 0.0));
        assert!(pair[1].t - pair[0].t >= Vehicle::shuttle().dwell - 1e-9);
    }
}

#[test]
fn the_goal_may_ask_for_an_end() {
    let grid = walls(128, |_, _| true);
    let (start, goal) = (pose(0.0, 0.0, 0.0), pose(10.0, 0.0, PI));
    let either = plan(&planner(), &grid, start, goal);
    assert!((either.length_m - 10.0).abs() < 1e-6);
    let exact = PlannerConfig {
        goal_heading: GoalHeading::Exact,
        ..patient()
    };
    let turned = plan(&planner_with(exact), &grid, start, goal);
    let last = turned.samples.last().unwrap();
    assert!((last.theta.abs() - PI).abs() <= 3f64.to_radians() + 1e-6);
    assert!(turned.cost > either.cost + 1.0);
}

#[test]
fn a_gap_is_driven_if_the_vehicle_fits_with_its_margin() {
    let gap = |half: f64| {
        let free = move |x| if (3.0..5.0).contains(&x) { half } else { 2.5 };
        walls(64, move |x, y| y.abs() < free(x))
    };
    let (start, goal) = (pose(-8.0, 1.0, 0.0), pose(10.0, 1.0, 0.0));
    // 1.8 m wide with 0.1 m on either side: 2.0 m do, exactly.
    let through = plan(&planner_with(patient()), &gap(1.1), start, goal);
    assert!(
        (0.0999..0.31).contains(&through.min_clearance_m),
        "{}",
        through.min_clearance_m
    );
    let error = planner_with(patient())
        .plan(&gap(0.8), start, goal)
        .unwrap_err();
    assert!(matches!(error, PlanError::NoPath { .. }), "{error}");
}

/// A long shift to the side for one who pays for turning: the wheels stay at an
/// angle for metres, more than one curve from straight wheels to straight wheels
/// could shift the vehicle.
#[test]
fn a_long_shift_is_a_slide() {
    let config = PlannerConfig {
        costs: Costs {
            turn: 5.0,
            ..Costs::default()
        },
        ..patient()
    };
    let grid = walls(100, |_, y| y.abs() < 5.0);
    let (start, goal) = (pose(0.0, -2.5, 0.0), pose(15.0, 2.5, 0.0));
    let plan = plan(&planner_with(config), &grid, start, goal);
    assert!(
        plan.samples
            .iter()
            .all(|s| s.theta.abs() < 1e-6 && s.steer_a == s.steer_b)
    );
    // The angle that a lattice vector has, for as long as it is the same.
    let steady = |pair: &&[Sample]| pair[0].steer_a > 0.3 && pair[0].steer_a == pair[1].steer_a;
    let metres = |pair: &[Sample]| pair[0].pose().distance(pair[1].pose());
    let slid: f64 = plan.samples.windows(2).filter(steady).map(metres).sum();
    assert!(slid > 4.0, "{slid}");
}

/// From a moving vehicle's speed, with the end that leads.
#[test]
fn whoever_moves_goes_on_from_there() {
    let planner = planner();
    let street = walls(200, |_, y| y.abs() < 4.0);
    let going = |start, goal, driving: Driving| {
        let query = Query {
            driving,
            ..Query::new(start, goal)
        };
        let plan = planner.answer(&street, &query, |_| ())?;
        let task = Task {
            start,
            driving,
            goal: Some(goal),
        };
        check(
            &plan.samples,
            &task,
            planner.vehicle(),
            &street,
            planner.config(),
        )
        .unwrap();
        let first = plan.samples[0];
        assert_eq!((first.v, first.lead), (driving.speed, driving.lead));
        assert!((first.kappa - driving.curvature).abs() < 1e-12);
        Ok::<_, PlanError>(plan)
    };
    let moving = |start, goal, speed, lead| going(start, goal, Driving::straight(speed, lead));
    let (start, ahead) = (pose(0.0, 0.0, 0.0), pose(25.0, 0.5, 0.0));
    let fast = moving(start, ahead, 3.0, End::A).unwrap();
    let still = plan(&planner, &street, start, ahead);
    assert!(fast.duration_s < still.duration_s - 1.0);
    // The other end may lead the same way round.
    let flipped = moving(start.flipped(), ahead.flipped(), 3.0, End::B).unwrap();
    assert_eq!(
        (flipped.cost, flipped.duration_s),
        (fast.cost, fast.duration_s)
    );

    // What lies behind, or aside, it comes back to once it has stopped.
    let behind = moving(start, pose(-10.0, 0.0, 0.0), 3.0, End::A).unwrap();
    assert_eq!(behind.end_changes, 1);
    let overshot = behind.samples.iter().map(|s| s.x).fold(0.0, f64::max);
    assert!((4.0..8.0).contains(&overshot), "{overshot}");
    assert!(behind.cost > 10.0 + 2.0 * 4.0);

    // 8 m from the end of the street 4 m/s are too many.
    let late = pose(30.0, 0.0, 0.0);
    assert_eq!(
        moving(late, pose(20.0, 0.0, 0.0), 4.0, End::A),
        Err(PlanError::TooFast)
    );
    assert!(moving(late, pose(20.0, 0.0, 0.0), 4.0, End::B).is_ok());
    // Out of a bend to either side.
    let bent = |curvature| Driving {
        curvature,
        ..Driving::straight(3.0, End::A)
    };
    for curvature in [0.1, -0.1] {
        let bend = going(start, ahead, bent(curvature)).unwrap();
        assert_eq!(bend.end_changes, 0);
        let turned = bend.samples.iter().find(|s| s.x > 0.3).unwrap().theta;
        assert!(turned * curvature > 0.0, "{turned}");
    }
    for curvature in [1.0, -1.0, 0.3] {
        assert_eq!(
            going(start, ahead, bent(curvature)),
            Err(PlanError::TooFast),
            "sharper than it can at 3 m/s"
        );
    }

    for speed in [4.1, -0.1, 1e300] {
        assert_eq!(moving(start, ahead, speed, End::A), Err(PlanError::TooFast));
    }
    for speed in [f64::NAN, f64::INFINITY] {
        assert_eq!(
            moving(start, ahead, speed, End::A),
            Err(PlanError::NotFinite)
        );
    }
}

#[test]
fn what_cannot_be_relied_on_is_not_driven_on() {
    let street = walls(60, |_, y| y.abs() < 4.0);
    let plan = |degraded, health: &Health| {
        let planner = planner_with(PlannerConfig {
            degraded,
            ..PlannerConfig::default()
        });
        let query = Query {
            health,
            ..Query::new(pose(0.0, 0.0, 0.0), pose(6.0, 0.0, 0.0))
        };
        planner.answer(&street, &query, |_| ())
    };
    let late = Impairment::CameraStale {
        camera: 1,
        late_s: 0.4,
    };
    let late = Health::new(vec![late]);
    let blind = Health::new(vec![
        Impairment::NoLidar,
        Impairment::NoGround { returns: 3 },
    ]);
    assert!(plan(Degraded::Stop, &Health::Ok).is_ok());
    assert!(plan(Degraded::Drive, &late).is_ok());
    for (degraded, health, why) in [
        (Degraded::Stop, &late, "camera 1 is 0.40 s late"),
        (
            Degraded::Drive,
            &blind,
            "no lidar sees anything, no ground is seen (3 returns)",
        ),
    ] {
        let error = plan(degraded, health).unwrap_err();
        assert_eq!(error.reason(), "unfit");
        let told = format!("what was perceived cannot be relied on: {why}");
        assert_eq!(error.to_string(), told);
    }
}

/// A grid seen one after another, and what a plan was worth on the next.
#[test]
fn an_earlier_plan_saves_the_search() {
    let wall = |gap: f64| move |x: f64, y: f64| !(4.0..4.6).contains(&x) || (y - gap).abs() < 1.6;
    let seen = walls(64, wall(2.0));
    let (start, goal) = (pose(-8.0, 0.0, 0.0), pose(10.0, 1.0, 0.0));
    let first = plan(&planner(), &seen, start, goal);
    assert!(first.expansions > 0);
    let again = |grid: &Grid, start, goal| {
        let query = Query {
            previous: Some(&first),
            ..Query::new(start, goal)
        };
        planner().answer(grid, &query, |_| ()).unwrap()
    };

    // The same once more, and from a little farther on to a goal that moved.
    let same = again(&seen, start, goal);
    assert!(same.cost <= first.cost);
    assert!(same.expansions <= first.expansions);
    let (here, there) = (pose(-7.4, 0.02, 0.01), pose(10.5, 1.05, 0.02));
    let later = again(&seen, here, there);
    let fresh = plan(&planner(), &seen, here, there);
    assert!(later.cost <= fresh.cost * later.suboptimality_bound);
    assert!(
        later.expansions < fresh.expansions,
        "{} {}",
        later.expansions,
        fresh.expansions
    );
    let last = later.samples.last().unwrap().pose();
    assert!(last.distance(there) <= 0.02 + 1e-9);

    // Where the gap has moved, the old way is worth nothing.
    let moved = walls(64, wall(-2.0));
    let other = again(&moved, start, goal);
    assert!(other.samples.iter().all(|s| {
        let through = (4.0..4.6).contains(&s.x);
        !through || s.y < 0.0
    }));
    // Nor is it from somewhere else.
    let (here, there) = (pose(11.0, -9.0, 1.5), pose(8.0, 9.0, -1.0));
    let elsewhere = again(&seen, here, there);
    let fresh = plan(&planner(), &seen, here, there);
    assert!(elsewhere.cost <= fresh.cost * elsewhere.suboptimality_bound);
}

#[test]
fn a_wall_has_no_way_round() {
    let grid = walls(60, |x, _| !(5.0..5.4).contains(&x));
    let error = planner_with(patient())
        .plan(&grid, pose(0.0, 0.0, 0.0), pose(9.0, 0.0, 0.0))
        .unwrap_err();
    assert!(matches!(error, PlanError::NoPath { .. }));
    assert_eq!(error.reason(), "no_path");
}

#[test]
fn every_failure_has_its_type() {
    let grid = walls(60, |x, _| x < 6.0);
    let (here, there) = (pose(0.0, 0.0, 0.0), pose(-6.0, 0.5, 0.0));
    let fails = |start, goal| planner().plan(&grid, start, goal).unwrap_err();
    assert_eq!(fails(pose(5.0, 0.0, 0.0), there), PlanError::StartBlocked);
    assert_eq!(fails(pose(-11.0, 0.0, 0.0), there), PlanError::StartOutside);
    assert_eq!(fails(pose(1e300, 0.0, 0.0), there), PlanError::StartOutside);
    assert_eq!(fails(here, pose(5.0, 0.0, 0.0)), PlanError::GoalBlocked);
    assert_eq!(fails(here, pose(0.0, 11.5, 0.0)), PlanError::GoalOutside);
    for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(fails(pose(poison, 0.0, 0.0), there), PlanError::NotFinite);
        assert_eq!(fails(here, pose(0.0, 0.0, poison)), PlanError::NotFinite);
    }
    let around = walls(60, |x, y| !((3.0..3.6).contains(&x) && y.abs() < 5.0));
    let hasty = planner_with(PlannerConfig {
        budget: 3,
        ..PlannerConfig::default()
    });
    let error = hasty.plan(&around, here, pose(8.0, 0.0, 0.0)).unwrap_err();
    assert_eq!(error, PlanError::BudgetExhausted { budget: 3 });
}

#[test]
fn degenerate_grids_are_refused() {
    let grid = |size, log_odds| Grid {
        origin: [0, 0],
        size,
        cell_mm: 200,
        log_odds,
    };
    let plan = |grid: &Grid| {
        planner()
            .plan(grid, Pose2::default(), pose(1.0, 0.0, 0.0))
            .unwrap_err()
    };
    assert_eq!(plan(&grid([1, 1], vec![-1])), PlanError::StartOutside);
    assert_eq!(plan(&grid([0, 0], vec![])), PlanError::StartOutside);
    assert_eq!(plan(&grid([5, 5], vec![-1])).reason(), "grid");
    let flat = Grid {
        cell_mm: 0,
        ..grid([1, 1], vec![-1])
    };
    assert_eq!(plan(&flat).reason(), "grid");
    let far = Grid {
        origin: [i32::MAX - 1, 0],
        ..grid([2, 1], vec![-1, -1])
    };
    assert_eq!(plan(&far).reason(), "grid");
    let coarse = Grid {
        cell_mm: 1_000_000,
        ..grid([64, 64], vec![-1; 4096])
    };
    let middle = pose(32_000.0, 32_000.0, 0.0);
    assert_eq!(
        planner()
            .plan(&coarse, middle, middle)
            .unwrap_err()
            .reason(),
        "grid"
    );
}

#[test]
fn unknown_is_priced_or_blocked() {
    let grid = world(100, |_, _| Cell::Unknown);
    let (start, goal) = (pose(0.0, 0.0, 0.0), pose(10.0, 0.0, 0.0));
    let over = plan(&planner(), &grid, start, goal);
    assert!((over.unknown_m - 10.0).abs() < 1e-6 && (over.cost - 15.0).abs() < 1e-3);
    let blocked = PlannerConfig {
        unknown: Unknown::Blocked,
        ..PlannerConfig::default()
    };
    let error = planner_with(blocked).plan(&grid, start, goal).unwrap_err();
    assert_eq!(error, PlanError::StartBlocked);
    // A detour over known ground is taken if it is short enough.
    let patch = world(100, |x, y| {
        if (4.0..6.0).contains(&x) && (-9.0..1.0).contains(&y) {
            Cell::Unknown
        } else {
            Cell::Free
        }
    });
    let dear = PlannerConfig {
        costs: Costs {
            unknown: 50.0,
            ..Default::default()
        },
        ..patient()
    };
    assert_eq!(
        plan(&planner_with(dear), &patch, start, goal).unknown_m,
        0.0
    );
    let free = PlannerConfig {
        costs: Costs {
            unknown: 0.0,
            ..Default::default()
        },
        ..PlannerConfig::default()
    };
    assert!(plan(&planner_with(free), &patch, start, goal).unknown_m > 1.0);
}

#[test]
fn who_pays_for_time_takes_the_wider_turn() {
    let grid = walls(120, |_, _| true);
    let (start, goal) = (pose(-6.0, -6.0, 0.0), pose(6.0, 6.0, FRAC_PI_2));
    let paying = |time| PlannerConfig {
        costs: Costs {
            length: 1.0,
            turn: 0.0,
            time,
            ..Default::default()
        },
        inflation: 1.0,
        ..patient()
    };
    let [near, soon] = [0.0, 20.0].map(|time| {
        let planner = planner_with(paying(time));
        plan(&planner, &grid, start, goal)
    });
    assert!(
        soon.length_m > near.length_m,
        "{} {}",
        soon.length_m,
        near.length_m
    );
    assert!(
        soon.duration_s < near.duration_s,
        "{} {}",
        soon.duration_s,
        near.duration_s
    );
    // A second costs at least what it is said to.
    assert!(soon.cost > 20.0 * soon.length_m / planner().vehicle().max_speed);
}

#[test]
fn at_the_goal_there_is_nothing_to_drive() {
    let grid = walls(60, |_, _| true);
    let stay = plan(&planner(), &grid, pose(1.0, 1.0, 0.3), pose(1.01, 1.0, 0.3));
    assert_eq!(
        (stay.samples.len(), stay.length_m, stay.duration_s),
        (1, 0.0, 0.0)
    );
}

#[test]
fn a_plan_ends_at_the_goal_itself() {
    let grid = walls(100, |_, y| y.abs() < 4.0);
    for goal in [pose(7.13, 0.71, 0.21), pose(-6.07, -0.33, 2.9)] {
        let plan = plan(&planner(), &grid, pose(0.0, 0.5, 0.1), goal);
        let last = plan.samples.last().unwrap().pose();
        let turn = (2.0 * (last.theta - goal.theta)).sin().abs();
        assert!(last.distance(goal) < 1e-6 && turn < 1e-6, "{last:?}");
    }
}

#[test]
fn time_may_end_a_search() {
    let grid = walls(60, |_, _| true);
    let (start, goal) = (pose(0.0, 0.0, 0.0), pose(-6.0, 0.5, 0.0));
    let until = |time| {
        let query = Query {
            deadline: Some(time),
            ..Query::new(start, goal)
        };
        planner().answer(&grid, &query, |_| ())
    };
    let error = until(Duration::ZERO).unwrap_err();
    assert_eq!(error.reason(), "deadline");
    // A time that does not end it changes nothing.
    let plan = planner().plan(&grid, start, goal);
    assert_eq!(until(Duration::from_secs(3600)), plan);
}

#[test]
fn a_conventional_car_parks() {
    let planner = Planner::new(Case::car(), patient()).unwrap();
    let grid = walls(128, |x, y| y > -2.0 || (x.abs() < 2.0 && y > -9.0));
    // Into a bay across the street, body first out of it.
    let parked = plan(
        &planner,
        &grid,
        pose(-8.0, 1.5, 0.0),
        pose(0.0, -6.5, FRAC_PI_2),
    );
    let last = parked.samples.last().unwrap();
    assert!((last.theta - FRAC_PI_2).abs() < 0.06 && last.lead == End::B);
    assert!(parked.end_changes >= 1);
}

/// A street with a parking gap along it, 1.3 m longer than the benchmark's car.
fn gap() -> (Planner, Grid, [Pose2; 2]) {
    let planner = Planner::new(Case::car(), patient()).unwrap();
    let grid = walls(100, |x, y| {
        y.abs() < 3.0 || (x.abs() < 3.0 && (-5.6..0.0).contains(&y))
    });
    let ends = [pose(-9.0, 0.0, 0.0), pose(-1.4155, -4.2, 0.0)];
    (planner, grid, ends)
}

#[test]
fn a_goal_may_be_narrower_than_the_lattice_is_fine() {
    let (planner, grid, [street, gap]) = gap();
    let parked = plan(&planner, &grid, street, gap);
    assert!(parked.end_changes >= 2, "{}", parked.end_changes);
}

#[test]
fn so_may_a_start() {
    let (planner, grid, [street, gap]) = gap();
    let out = plan(&planner, &grid, gap, street);
    assert!(out.end_changes >= 2, "{}", out.end_changes);
}

#[test]
fn many_plans_on_one_ground_are_the_plans_on_its_grid() {
    let grid = walls(100, |_, y| y.abs() < 4.0);
    let planner = planner();
    let ground = planner.prepare(&grid).unwrap();
    for goal in [
        pose(8.0, 1.0, 0.2),
        pose(-9.0, 0.0, 0.0),
        pose(0.0, 9.0, 0.0),
    ] {
        let start = pose(0.0, 0.0, 0.1);
        assert_eq!(ground.plan(start, goal), planner.plan(&grid, start, goal));
    }
}

/// Boxes strewn over a square of 24 m.
fn strewn() -> impl Strategy<Value = Grid> {
    let boxes = prop::collection::vec((-11.0..11.0f64, -11.0..11.0f64, 0.2..1.5f64), 0..10);
    (boxes, 0.0..0.3f64).prop_map(|(boxes, unknown)| {
        world(60, |x, y| {
            let hit = |&(bx, by, r): &(f64, f64, f64)| (x - bx).abs() < r && (y - by).abs() < r;
            if boxes.iter().any(hit) {
                Cell::Occupied
            } else if (x * 0.7 + y * 0.3).sin().abs() < unknown {
                Cell::Unknown
            } else {
                Cell::Free
            }
        })
    })
}

fn anywhere() -> impl Strategy<Value = Pose2> {
    (-9.0..9.0f64, -9.0..9.0f64, -PI..PI).prop_map(|(x, y, theta)| pose(x, y, theta))
}

/// The same plan with the ends swapped.
fn same_but_for_the_ends(plan: &Plan, flipped: &Plan) {
    assert_eq!(plan.samples.len(), flipped.samples.len());
    for (s, f) in plan.samples.iter().zip(&flipped.samples) {
        assert_eq!(
            (s.t, s.x, s.y, s.v, s.a, s.kappa),
            (f.t, f.x, f.y, f.v, f.a, f.kappa)
        );
        assert_eq!(
            (s.steer_a, s.steer_b, s.lead),
            (f.steer_b, f.steer_a, f.lead.other())
        );
        let apart = (f.theta - s.theta).abs();
        assert!((apart - PI).abs() < 1e-8, "{apart}");
    }
    assert_eq!(
        (plan.cost, plan.expansions),
        (flipped.cost, flipped.expansions)
    );
    assert_eq!(plan.search, flipped.search);
}

/// A grid turned by a quarter about the origin.
fn turned(grid: &Grid) -> Grid {
    let [width, height] = grid.size;
    let (columns, rows) = (width as usize, height as usize);
    let cells = (0..columns).flat_map(|y| (0..rows).map(move |x| (x, y)));
    Grid {
        origin: [-grid.origin[1] - height as i32, grid.origin[0]],
        size: [height, width],
        cell_mm: grid.cell_mm,
        log_odds: cells
            .map(|(x, y)| grid.log_odds[(rows - 1 - x) * columns + y])
            .collect(),
    }
}

/// The same plan, its poses moved, to what rounding leaves.
fn same_but_for_the_place(
    plan: &Result<Plan, PlanError>,
    other: &Result<Plan, PlanError>,
    moved: impl Fn(Pose2) -> Pose2,
) -> Result<(), TestCaseError> {
    let (plan, other) = match (plan, other) {
        (Ok(plan), Ok(other)) => (plan, other),
        (Err(error), Err(other)) => {
            prop_assert_eq!(error, other);
            return Ok(());
        }
        _ => return Err(TestCaseError::fail(format!("{plan:?} and {other:?}"))),
    };
    prop_assert!(
        (plan.cost - other.cost).abs() < 1e-5,
        "{} {}",
        plan.cost,
        other.cost
    );
    prop_assert_eq!(plan.expansions, other.expansions);
    prop_assert_eq!(plan.samples.len(), other.samples.len());
    for (sample, other) in plan.samples.iter().zip(&other.samples) {
        let (expected, found) = (moved(sample.pose()), other.pose());
        prop_assert!(expected.distance(found) < 1e-6, "{expected:?} {found:?}");
        prop_assert!((expected.theta - found.theta).sin().abs() < 1e-6);
        prop_assert_eq!(sample.lead, other.lead);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn plans_are_checked_repeat_and_flip(grid in strewn(), start in anywhere(), goal in anywhere()) {
        for goal_heading in [GoalHeading::Axis, GoalHeading::Exact] {
            let config = PlannerConfig { goal_heading, budget: 5_000, ..PlannerConfig::default() };
            let planner = planner_with(config);
            let first = planner.plan(&grid, start, goal);
            prop_assert_eq!(&first, &planner.plan(&grid, start, goal));
            let flipped = planner.plan(&grid, start.flipped(), goal.flipped());
            match (&first, &flipped) {
                (Ok(plan), Ok(flipped)) => same_but_for_the_ends(plan, flipped),
                (Err(error), Err(flipped)) => prop_assert_eq!(error, flipped),
                _ => prop_assert!(false, "{first:?} and {flipped:?}"),
            }
            prop_assert!(!matches!(first, Err(PlanError::CheckFailed(_))), "{first:?}");
            if let (GoalHeading::Axis, Ok(plan)) = (goal_heading, &first) {
                // The goal's ends are alike, too.
                let flipped = planner.plan(&grid, start.flipped(), goal).unwrap();
                same_but_for_the_ends(plan, &flipped);
            }
        }
    }

    #[test]
    fn plans_only_improve(grid in strewn(), start in anywhere(), goal in anywhere()) {
        let config = PlannerConfig { inflation: 1.0, budget: 4_000, improvement: 4_000, ..PlannerConfig::default() };
        let planner = planner_with(config);
        let mut seen = Vec::new();
        let plan = planner.answer(&grid, &Query::new(start, goal), |better| seen.push(*better));
        for pair in seen.windows(2) {
            prop_assert!(pair[1].cost <= pair[0].cost && pair[1].bound <= pair[0].bound);
            prop_assert!(pair[1].expansions >= pair[0].expansions);
        }
        if let (Ok(plan), Some(last)) = (plan, seen.last()) {
            prop_assert_eq!((plan.cost, plan.suboptimality_bound), (last.cost, last.bound));
            prop_assert!(last.bound >= 1.0);
        } else {
            prop_assert!(seen.is_empty());
        }
    }

    #[test]
    fn a_world_turned_or_shifted_has_its_plan_turned_or_shifted(
        grid in strewn(),
        start in anywhere(),
        goal in anywhere(),
        shift in (-500i32..500, -500i32..500),
    ) {
        // Lattices lie along axes, which have no sense: a turn that takes an axis
        // past the half turn may settle what costs the same otherwise.
        let within_a_quarter =
            |p: Pose2| pose(p.x, p.y, p.theta.rem_euclid(FRAC_PI_2).clamp(0.01, 1.56));
        let [start, goal] = [start, goal].map(within_a_quarter);
        let config = PlannerConfig { budget: 3_000, ..PlannerConfig::default() };
        let planner = planner_with(config);
        let plan = planner.plan(&grid, start, goal);

        let turned_pose = |p: Pose2| pose(-p.y, p.x, p.theta + FRAC_PI_2);
        let turned = planner.plan(&turned(&grid), turned_pose(start), turned_pose(goal));
        same_but_for_the_place(&plan, &turned, turned_pose)?;

        let shifted_grid = Grid {
            origin: [grid.origin[0] + shift.0, grid.origin[1] + shift.1],
            ..grid
        };
        let (dx, dy) = (f64::from(shift.0) * 0.2, f64::from(shift.1) * 0.2);
        let shifted_pose = |p: Pose2| pose(p.x + dx, p.y + dy, p.theta);
        let shifted = planner.plan(&shifted_grid, shifted_pose(start), shifted_pose(goal));
        same_but_for_the_place(&plan, &shifted, shifted_pose)?;
    }

    #[test]
    fn more_room_makes_no_plan_dearer(
        boxes in prop::collection::vec((-11.0..11.0f64, -11.0..11.0f64, 0.2..1.5f64), 1..10),
        start in anywhere(),
        goal in anywhere(),
    ) {
        let free_but_for = |boxes: &[(f64, f64, f64)]| walls(60, |x, y| {
            !boxes.iter().any(|&(bx, by, r)| (x - bx).abs() < r && (y - by).abs() < r)
        });
        let config = PlannerConfig { budget: 20_000, ..PlannerConfig::default() };
        let planner = planner_with(config);
        let narrow = planner.plan(&free_but_for(&boxes), start, goal);
        let wide = planner.plan(&free_but_for(&boxes[1..]), start, goal);
        if let Ok(narrow) = narrow {
            // As far as it is known how dear the cheapest is.
            let wide = wide.unwrap();
            let most = narrow.cost * wide.suboptimality_bound;
            prop_assert!(wide.cost <= most + 1e-6, "{} {}", wide.cost, most);
        }
    }
}
