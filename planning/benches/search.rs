//! How fast the search is: plans per second on worlds of three kinds, and on
//! stderr the states expanded per second with all that a plan takes beside.
//!
//! A state is expanded when all the primitives that leave it are offered. Those
//! that could be part of a better way are tested for collision when they are
//! due, within the same time.
#![allow(clippy::unwrap_used)]

use std::f64::consts::FRAC_PI_2;
use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use janus_planning::{Grid, Planner, PlannerConfig, Pose2, Vehicle};

struct World {
    name: &'static str,
    grid: Grid,
    start: Pose2,
    goal: Pose2,
}

/// A square of 10 cm cells about the origin, `half` m either way.
fn grid(half: f64, free: impl Fn(f64, f64) -> bool) -> Grid {
    let n = (half * 10.0) as i32;
    let centre = |i: i32| (f64::from(i) + 0.5) * 0.1;
    let cells = (-n..n).flat_map(|y| (-n..n).map(move |x| (x, y)));
    Grid {
        origin: [-n, -n],
        size: [2 * n as u32; 2],
        cell_mm: 100,
        log_odds: cells
            .map(|(x, y)| {
                if free(centre(x), centre(y)) {
                    -700
                } else {
                    700
                }
            })
            .collect(),
    }
}

fn worlds() -> [World; 3] {
    let aisle = |x: f64, y: f64| {
        // Shelves 2 m deep and 3.5 m apart, open at alternate ends.
        let row = (y / 5.5).floor();
        let end = if row.rem_euclid(2.0) == 0.0 { x } else { -x };
        y.rem_euclid(5.5) < 3.5 || end > 14.0
    };
    [
        World {
            name: "parking gap",
            grid: grid(15.0, |x, y| {
                y.abs() < 3.0 || (x.abs() < 2.6 && (-5.2..0.0).contains(&y))
            }),
            start: Pose2::new(-8.0, 1.0, 0.0),
            goal: Pose2::new(0.0, -4.0, 0.0),
        },
        World {
            name: "aisles",
            grid: grid(20.0, aisle),
            start: Pose2::new(-12.0, -14.7, 0.0),
            goal: Pose2::new(10.0, 12.7, 0.0),
        },
        World {
            name: "street",
            grid: grid(40.0, |x, y| {
                let parked = (x.rem_euclid(12.0) - 6.0).abs() < 2.5 && y > 2.2;
                (y.abs() < 4.0 && !parked) || (x - 30.0).abs() < 4.0
            }),
            start: Pose2::new(-35.0, 0.0, 0.0),
            goal: Pose2::new(30.5, 20.0, FRAC_PI_2),
        },
    ]
}

fn search(criterion: &mut Criterion) {
    let config = PlannerConfig {
        // Without end, so that the budget is what ends it.
        inflation: 1.0,
        budget: 20_000,
        trace: 0,
        ..PlannerConfig::default()
    };
    let planner = Planner::new(Vehicle::shuttle(), config).unwrap();
    let mut group = criterion.benchmark_group("search");
    group.sample_size(10);
    for world in worlds() {
        let plan = || planner.plan(&world.grid, world.start, world.goal);
        let begun = Instant::now();
        match plan() {
            Ok(plan) => {
                let rate = f64::from(plan.expansions) / begun.elapsed().as_secs_f64();
                eprintln!("{}: {rate:.0} expansions/s", world.name);
            }
            Err(error) => eprintln!("{}: {error}", world.name),
        }
        group.bench_function(world.name, |bencher| bencher.iter(|| black_box(plan())));
    }
    group.finish();
}

criterion_group!(benches, search);
criterion_main!(benches);
