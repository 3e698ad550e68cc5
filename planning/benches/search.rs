//! How fast the search is, on one thread:
//!
//! - states expanded per second on worlds of three kinds, with all that a plan
//!   takes beside, but for what is the same for all plans on a grid;
//! - the cases of the TPCAP parking benchmark, with its own car and with the
//!   shuttle;
//! - random queries on maps of warehouses.
//!
//! `cargo bench -p janus-planning --bench search -- [worlds] [cases] [maps]`
//! runs the parts that are named, or all. What needs data that is not there is
//! skipped, with a word.
//!
//! A state is expanded when all the primitives that leave it are offered. Those
//! that could be part of a better way are tested for collision when they are
//! due, within the same time.
#![allow(clippy::unwrap_used)]

#[path = "../../tools/src/queries.rs"]
#[allow(dead_code, reason = "a bench runs no tests")]
mod queries;

use std::f64::consts::FRAC_PI_2;
use std::path::PathBuf;
use std::time::Instant;

use janus_planning::{
    Case, Grid, Ground, Map, Plan, PlanError, Planner, PlannerConfig, Pose2, Query, Sample, Vehicle,
};

/// The cases that are there.
const CASES: [u32; 10] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19];
/// Maps, and how much smaller than itself the shuttle is on them.
const MAPS: [(&str, f64); 2] = [("warehouse", 0.5), ("depot", 0.25)];
const QUERIES: usize = 200;
const SEED: u64 = 1;

fn main() {
    let parts: Vec<String> = std::env::args()
        .skip(1)
        .filter(|part| !part.starts_with('-'))
        .collect();
    let all: [(&str, fn()); 3] = [("worlds", worlds), ("cases", cases), ("maps", maps)];
    for (name, part) in all {
        if parts.is_empty() || parts.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

/// Plans and keeps when the first plan was there, ms.
fn timed(ground: &Ground<'_>, [start, goal]: [Pose2; 2]) -> (Result<Plan, PlanError>, f64, f64) {
    let begun = Instant::now();
    let ms = || begun.elapsed().as_secs_f64() * 1e3;
    let mut first = None;
    let plan = ground.answer(&Query::new(start, goal), |_| {
        first.get_or_insert_with(ms);
    });
    (plan, first.unwrap_or(f64::INFINITY), ms())
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

/// States expanded per second.
fn worlds() {
    let aisle = |x: f64, y: f64| {
        // Shelves 2 m deep and 3.5 m apart, open at alternate ends.
        let row = (y / 5.5).floor();
        let end = if row.rem_euclid(2.0) == 0.0 { x } else { -x };
        y.rem_euclid(5.5) < 3.5 || end > 14.0
    };
    let worlds = [
        (
            "parking gap",
            grid(15.0, |x, y| {
                y.abs() < 3.0 || (x.abs() < 2.6 && (-5.2..0.0).contains(&y))
            }),
            [Pose2::new(-8.0, 1.0, 0.0), Pose2::new(0.0, -4.0, 0.0)],
        ),
        (
            "aisles",
            grid(20.0, aisle),
            [Pose2::new(-12.0, -14.7, 0.0), Pose2::new(10.0, 12.7, 0.0)],
        ),
        (
            "street",
            grid(40.0, |x, y| {
                let parked = (x.rem_euclid(12.0) - 6.0).abs() < 2.5 && y > 2.2;
                (y.abs() < 4.0 && !parked) || (x - 30.0).abs() < 4.0
            }),
            [
                Pose2::new(-35.0, 0.0, 0.0),
                Pose2::new(30.5, 20.0, FRAC_PI_2),
            ],
        ),
    ];
    let config = PlannerConfig {
        // Until the budget ends it, or the plan is proved to be the best.
        inflation: 1.0,
        budget: 150_000,
        improvement: 150_000,
        trace: 0,
        ..PlannerConfig::default()
    };
    let planner = Planner::new(Vehicle::shuttle(), config).unwrap();
    println!(
        "{:<12}{:>12}{:>10}{:>15}{:>10}{:>9}",
        "world", "expansions", "ms", "expansions/s", "cost", "ended by"
    );
    for (name, grid, ends) in worlds {
        let (plan, ms) = (0..3)
            .map(|_| timed(&planner.prepare(&grid).unwrap(), ends))
            .map(|(plan, _, ms)| (plan.unwrap(), ms))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap();
        println!(
            "{name:<12}{:>12}{ms:>10.1}{:>15.0}{:>10.2}{:>9}",
            plan.expansions,
            f64::from(plan.expansions) / ms * 1e3,
            plan.cost,
            if plan.suboptimality_bound > 1.0 {
                "budget"
            } else {
                "proof"
            },
        );
    }
}

/// The parking benchmark.
fn cases() {
    // As `janus plan` sets it.
    let config = PlannerConfig {
        budget: 200_000,
        improvement: 200_000,
        margin_m: 0.05,
        ..PlannerConfig::default()
    };
    for vehicle in [Case::car(), Vehicle::shuttle()] {
        println!(
            "{:<12}{:>10}{:>10}{:>12}{:>9}{:>9}{:>7}{:>8}",
            vehicle.name, "first ms", "all ms", "expansions", "length", "time s", "cusps", "bound"
        );
        let ahead = Pose2::new(Case::car().centre_x - vehicle.centre_x, 0.0, 0.0);
        let planner = Planner::new(vehicle, config.clone()).unwrap();
        for number in CASES {
            let path = data(&format!("tpcap/Case{number}.csv"));
            if !path.exists() {
                println!("skipped: {} is not there", path.display());
                continue;
            }
            let case = Case::load(&path).unwrap();
            let map = case.map(50);
            let ends = [case.start, case.goal].map(|pose| map.in_grid(pose).holds(ahead));
            let (plan, first, ms) = timed(&planner.prepare(&map.grid).unwrap(), ends);
            print!("case {number:<7}{first:>10.1}{ms:>10.1}");
            match plan {
                Ok(plan) => println!(
                    "{:>12}{:>9.2}{:>9.1}{:>7}{:>8.3}",
                    plan.expansions,
                    plan.length_m,
                    plan.duration_s,
                    cusps(&plan.samples),
                    plan.suboptimality_bound,
                ),
                Err(error) => println!("  {error}"),
            }
        }
    }
}

/// How often the motion turns back.
fn cusps(samples: &[Sample]) -> usize {
    let turned = |pair: &&[Sample]| pair[0].lead != pair[1].lead;
    samples.windows(2).filter(turned).count()
}

/// Random queries on maps.
fn maps() {
    println!(
        "{:<12}{:>8}{:>11}{:>11}{:>10}{:>10}{:>10}{:>12}",
        "map", "solved", "first p50", "first p95", "p50 ms", "p95 ms", "most ms", "length m"
    );
    for (name, scale) in MAPS {
        let path = data(&format!("nav2_maps/{name}.yaml"));
        if !path.exists() {
            println!("skipped: {} is not there", path.display());
            continue;
        }
        let map = Map::load(&path).unwrap();
        let mut vehicle = Vehicle::shuttle();
        for size in [
            &mut vehicle.length,
            &mut vehicle.width,
            &mut vehicle.height,
            &mut vehicle.wheelbase,
            &mut vehicle.min_speed,
        ] {
            *size *= scale;
        }
        // As the radii, so the ways over which the curvature changes.
        vehicle.max_curvature_rate /= scale * scale;
        let config = PlannerConfig {
            budget: 200_000,
            ..PlannerConfig::default()
        };
        let margin = config.margin_m;
        let planner = Planner::new(vehicle, config).unwrap();
        let queries = queries::random(&map.grid, planner.vehicle(), margin, QUERIES, SEED).unwrap();
        let ground = planner.prepare(&map.grid).unwrap();
        let (mut firsts, mut times, mut length) = (Vec::new(), Vec::new(), 0.0);
        for (i, ends) in queries.into_iter().enumerate() {
            let (plan, first, ms) = timed(&ground, ends);
            match plan {
                Ok(plan) => {
                    length += plan.length_m;
                    times.push(ms);
                    firsts.push(first);
                }
                Err(error) => println!("query {i}: {error}"),
            }
        }
        firsts.sort_by(f64::total_cmp);
        times.sort_by(f64::total_cmp);
        // The nearest rank.
        let rank = |of: &[f64], share: f64| {
            let rank = (of.len() as f64 * share).ceil() as usize;
            rank.checked_sub(1).map_or(f64::NAN, |rank| of[rank])
        };
        println!(
            "{name:<12}{:>8}{:>11.1}{:>11.1}{:>10.1}{:>10.1}{:>10.1}{length:>12.1}",
            times.len(),
            rank(&firsts, 0.5),
            rank(&firsts, 0.95),
            rank(&times, 0.5),
            rank(&times, 0.95),
            rank(&times, 1.0),
        );
    }
}

/// A file of the recorded planning data.
fn data(name: &str) -> PathBuf {
    let folder = std::env::var_os("JANUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    folder.join("planning").join(name)
}
