//! `janus plan MAP.yaml` and `janus plan CASE.csv`

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use janus_planning::{
    Driving, Map, Plan, PlanError, Planner, PlannerConfig, Pose2, Query, Sample, Task, Vehicle,
    check,
};
use serde::Serialize;

use super::counts;
use crate::Outcome;
use crate::cli::{self, misused};
use crate::config::Config;
use crate::drawing::Drawing;
use crate::export::write;
use crate::problem::{Problem, Source};
use crate::queries;
use crate::record::record_plan;
use crate::run::planner;

/// States that the search may expand if nothing else is said: nobody waits
/// for it as for the plans of a drive.
const BUDGET: u32 = 200_000;

/// The same where a deadline ends the search. It bounds the memory: a state
/// takes about a kilobyte with the ways that lead on from it.
const BUDGET_BY_DEADLINE: u32 = 4_000_000;

/// Kept free around the vehicle in a case, if nothing else is said, m: cells
/// that reach up to 7 cm beyond the polygons are a margin already.
const CASE_MARGIN_M: f64 = 0.05;

pub(crate) fn run(args: &cli::Plan) -> Result<Outcome> {
    let source = Source::open(&args.problem)?;
    let vehicle = match &args.vehicle {
        Some(path) => Vehicle::load(path)?,
        None => source.vehicle(),
    };
    let config = settings(args, &source)?;
    let problem = match (source, args.start, args.goal) {
        (Source::Map(map), None, None) if args.queries.is_some() => {
            return measure(args, &map, vehicle, config);
        }
        (Source::Map(map), Some(start), Some(goal)) => Problem::on_map(map, start, goal, &vehicle),
        (Source::Map(_), ..) => misused("a map needs --start and --goal, or --queries"),
        (Source::Case(_), ..) if args.queries.is_some() => misused("--queries needs a map"),
        (Source::Case(case), None, None) => Problem::of_case(case),
        (Source::Case(_), ..) => misused("a case has its own start and goal"),
    };

    let own = planner(vehicle, args.primitives.as_deref(), config.clone())?;
    let first = Attempt::make(&problem, own, args.deadline);
    let second = match &args.against {
        Some(path) => {
            let other = planner(Vehicle::load(path)?, None, config)?;
            Some(Attempt::make(&problem, other, args.deadline))
        }
        None => None,
    };
    first.keep(args, &problem)?;
    tell(args, &first, second.as_ref())?;
    for attempt in [Some(&first), second.as_ref()].into_iter().flatten() {
        if let Err(error) = &attempt.plan {
            return Err(anyhow!("{}: {error}", attempt.planner.vehicle().name));
        }
    }
    Ok(Outcome::Clean)
}

fn settings(args: &cli::Plan, source: &Source) -> Result<PlannerConfig> {
    let mut config = Config::load(args.config.as_deref())?.planner;
    if args.config.is_none() {
        config.budget = BUDGET;
        if args.deadline.is_some() {
            // Improved as long as there is time.
            (config.budget, config.inflation) = (BUDGET_BY_DEADLINE, 1.0);
        }
        // What is measured is what a drive would wait for.
        if args.queries.is_none() {
            config.improvement = config.budget;
        }
        if let Source::Case(_) = source {
            config.margin_m = CASE_MARGIN_M;
        }
    }
    config.budget = args.budget.unwrap_or(config.budget);
    Ok(config)
}

/// What became of a problem with one vehicle.
struct Attempt {
    planner: Planner,
    /// Start and goal in the grid's frame.
    ends: [Pose2; 2],
    plan: Result<Plan, PlanError>,
    took: Duration,
    deadline: Option<Duration>,
    course: Vec<Moment>,
}

/// A better plan, or a better bound, during a search.
#[derive(Clone, Copy, Debug, Serialize)]
struct Moment {
    ms: f64,
    /// In metres driven in the open.
    cost: f64,
    bound: f64,
    expansions: u32,
}

impl Attempt {
    fn make(problem: &Problem, planner: Planner, deadline: Option<Duration>) -> Self {
        let ends = problem.ends(planner.vehicle());
        let mut course = Vec::new();
        let begin = Instant::now();
        let [start, goal] = ends;
        let query = Query {
            deadline,
            ..Query::new(start, goal)
        };
        let plan = planner.answer(&problem.map.grid, &query, |better| {
            course.push(Moment {
                ms: ms(begin.elapsed()),
                cost: better.cost,
                bound: better.bound,
                expansions: better.expansions,
            });
        });
        let took = begin.elapsed();
        let plan = plan.and_then(|plan| {
            // The planner knows them as cells.
            let task = Task {
                start,
                driving: Driving::STILL,
                goal: Some(goal),
            };
            let outlines = problem.polygons.as_slice();
            let (vehicle, config) = (planner.vehicle(), planner.config());
            check(&plan.samples, &task, vehicle, outlines, config)
                .map_err(PlanError::CheckFailed)?;
            Ok(plan)
        });
        Self {
            took,
            planner,
            ends,
            plan,
            deadline,
            course,
        }
    }

    /// Writes the files that were asked for.
    fn keep(&self, args: &cli::Plan, problem: &Problem) -> Result<()> {
        let vehicle = self.planner.vehicle();
        let plan = self.plan.as_ref().ok();
        if let Some(path) = &args.svg {
            let drawing = Drawing {
                problem,
                vehicle,
                ends: self.ends,
                plan,
            };
            write(path, |out| drawing.write(out))?;
        }
        if let Some(path) = &args.save {
            record_plan(path, &problem.map.grid, vehicle, self.ends, plan)?;
        }
        if let (Some(path), Some(plan)) = (&args.out, plan) {
            let placed = placed(plan, &problem.map);
            write(path, |out| placed.write_csv(out))?;
        }
        Ok(())
    }

    fn figures(&self) -> Figures<'_> {
        let plan = self.plan.as_ref().ok();
        let error = self.plan.as_ref().err();
        Figures {
            vehicle: &self.planner.vehicle().name,
            solved: plan.is_some(),
            reason: error.map(PlanError::reason),
            first_ms: plan.map(|_| self.course.first().map_or(ms(self.took), |first| first.ms)),
            total_ms: ms(self.took),
            deadline_ms: self.deadline.map(ms),
            expansions: match &self.plan {
                Ok(plan) => plan.expansions,
                Err(PlanError::NoPath { expansions } | PlanError::Deadline { expansions }) => {
                    *expansions
                }
                Err(PlanError::BudgetExhausted { budget }) => *budget,
                Err(_) => 0,
            },
            length_m: plan.map(|plan| plan.length_m),
            duration_s: plan.map(|plan| plan.duration_s),
            end_changes: plan.map(|plan| plan.end_changes),
            cusps: plan.map(|plan| cusps(&plan.samples)),
            min_clearance_m: plan.map(|plan| plan.min_clearance_m),
            suboptimality_bound: plan.map(|plan| plan.suboptimality_bound),
            course: &self.course,
        }
    }
}

/// A plan in the frame of the map's file instead of the grid's.
fn placed(plan: &Plan, map: &Map) -> Plan {
    let mut plan = plan.clone();
    for sample in &mut plan.samples {
        let pose = map.in_source(sample.pose());
        (sample.x, sample.y, sample.theta) = (pose.x, pose.y, pose.theta);
    }
    plan
}

/// How often the motion turns back: by more than a right angle at once.
fn cusps(samples: &[Sample]) -> usize {
    let moves = samples.windows(2).map(|pair| {
        let [p, q] = [pair[0].pose(), pair[1].pose()];
        [q.x - p.x, q.y - p.y]
    });
    let moves: Vec<_> = moves.filter(|[x, y]| x.hypot(*y) > 1e-9).collect();
    let turns = moves.windows(2);
    turns
        .filter(|pair| pair[0][0] * pair[1][0] + pair[0][1] * pair[1][1] < 0.0)
        .count()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// An attempt for programs.
#[derive(Debug, Serialize)]
struct Figures<'a> {
    vehicle: &'a str,
    solved: bool,
    /// Why not.
    reason: Option<&'static str>,
    first_ms: Option<f64>,
    total_ms: f64,
    deadline_ms: Option<f64>,
    expansions: u32,
    length_m: Option<f64>,
    duration_s: Option<f64>,
    end_changes: Option<u32>,
    cusps: Option<usize>,
    min_clearance_m: Option<f64>,
    suboptimality_bound: Option<f64>,
    /// How the plan, or what is known of it, became better.
    course: &'a [Moment],
}

/// One or two attempts for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    problem: String,
    #[serde(flatten)]
    first: Figures<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Figures<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<Saved>,
}

/// What the first vehicle has less of than the second.
#[derive(Debug, Serialize)]
struct Saved {
    length_m: f64,
    duration_s: f64,
    end_changes: i64,
    cusps: i64,
}

impl Saved {
    fn between(first: &Plan, second: &Plan) -> Self {
        let cusps = |plan: &Plan| cusps(&plan.samples) as i64;
        Self {
            length_m: second.length_m - first.length_m,
            duration_s: second.duration_s - first.duration_s,
            end_changes: i64::from(second.end_changes) - i64::from(first.end_changes),
            cusps: cusps(second) - cusps(first),
        }
    }
}

fn tell(args: &cli::Plan, first: &Attempt, second: Option<&Attempt>) -> Result<()> {
    let saved = match (&first.plan, second.map(|second| &second.plan)) {
        (Ok(first), Some(Ok(second))) => Some(Saved::between(first, second)),
        _ => None,
    };
    let told = Told {
        problem: args.problem.display().to_string(),
        first: first.figures(),
        against: second.map(Attempt::figures),
        saved,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else if told.against.is_some() {
        print!("{}", Table(&told));
    } else if told.first.solved {
        print!("{}", Lines(&told.first));
    }
    Ok(())
}

/// One attempt for people.
struct Lines<'a>(&'a Figures<'a>);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(figures) = self;
        writeln!(f, "vehicle    {}", figures.vehicle)?;
        writeln!(
            f,
            "solved     in {:.1} ms, the first time in {:.1} ms; {} states expanded",
            figures.total_ms,
            figures.first_ms.unwrap_or_default(),
            figures.expansions
        )?;
        writeln!(f, "length     {} m", number(figures.length_m, 2))?;
        writeln!(f, "time       {} s", number(figures.duration_s, 1))?;
        writeln!(
            f,
            "changes    {} of the leading end, {} of direction",
            number(figures.end_changes.map(f64::from), 0),
            number(figures.cusps.map(|cusps| cusps as f64), 0)
        )?;
        writeln!(f, "clearance  {} m", number(figures.min_clearance_m, 3))?;
        let bound = number(figures.suboptimality_bound, 2);
        writeln!(
            f,
            "bound      at most {bound} times the cheapest of those looked at"
        )
    }
}

/// Two attempts side by side for people.
struct Table<'a>(&'a Told<'a>);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Told {
            first,
            against: Some(second),
            saved,
            ..
        }) = self
        else {
            return Ok(());
        };
        let width = |figures: &Figures<'_>| figures.vehicle.chars().count().max(10) + 2;
        let (left, right) = (width(first), width(second));
        let (one, two) = (first.vehicle, second.vehicle);
        writeln!(f, "{:<20}{one:>left$}{two:>right$}{:>10}", "", "saved")?;
        let mut row = |name: &str, of: &dyn Fn(&Figures<'_>) -> Option<f64>, saved, places| {
            let (one, two) = (number(of(first), places), number(of(second), places));
            let saved = number(saved, places);
            writeln!(f, "{name:<20}{one:>left$}{two:>right$}{saved:>10}")
        };
        let saved = saved.as_ref();
        row("length, m", &|p| p.length_m, saved.map(|s| s.length_m), 2)?;
        row("time, s", &|p| p.duration_s, saved.map(|s| s.duration_s), 1)?;
        row(
            "changes of end",
            &|p| p.end_changes.map(f64::from),
            saved.map(|s| s.end_changes as f64),
            0,
        )?;
        row(
            "turns back",
            &|p| p.cusps.map(|cusps| cusps as f64),
            saved.map(|s| s.cusps as f64),
            0,
        )?;
        row("planned in, ms", &|p| Some(p.total_ms), None, 1)
    }
}

/// A figure, or that there is none.
fn number(figure: Option<f64>, places: usize) -> String {
    figure.map_or("-".into(), |figure| format!("{figure:.places$}"))
}

/// Many plans for programs.
#[derive(Debug, Serialize)]
struct Measured<'a> {
    problem: String,
    vehicle: &'a str,
    queries: usize,
    seed: u64,
    solved: usize,
    failures: BTreeMap<&'static str, u64>,
    /// What was done once for all of them.
    prepare_ms: f64,
    /// Of the solved, each.
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    max_ms: Option<f64>,
    length_m: f64,
    end_changes: u32,
}

/// Plans between random places of a map.
fn measure(
    args: &cli::Plan,
    map: &Map,
    vehicle: Vehicle,
    config: PlannerConfig,
) -> Result<Outcome> {
    let count = args.queries.unwrap_or_default();
    let planner = planner(vehicle, args.primitives.as_deref(), config)?;
    let margin = planner.config().margin_m;
    let queries = queries::random(&map.grid, planner.vehicle(), margin, count, args.seed)?;
    let mut times = Vec::with_capacity(count);
    let mut measured = Measured {
        problem: args.problem.display().to_string(),
        vehicle: &planner.vehicle().name,
        queries: count,
        seed: args.seed,
        solved: 0,
        failures: BTreeMap::new(),
        prepare_ms: 0.0,
        p50_ms: None,
        p95_ms: None,
        max_ms: None,
        length_m: 0.0,
        end_changes: 0,
    };
    let begin = Instant::now();
    let ground = planner.prepare(&map.grid)?;
    measured.prepare_ms = ms(begin.elapsed());
    for [start, goal] in queries {
        let begin = Instant::now();
        let plan = ground.plan(start, goal);
        let took = ms(begin.elapsed());
        match plan {
            Ok(plan) => {
                times.push(took);
                measured.length_m += plan.length_m;
                measured.end_changes += plan.end_changes;
            }
            Err(error) => {
                tracing::debug!(?start, ?goal, %error, "no plan");
                *measured.failures.entry(error.reason()).or_default() += 1;
            }
        }
    }
    times.sort_by(f64::total_cmp);
    // The nearest rank.
    let rank = |share: f64| {
        let rank = (times.len() as f64 * share).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied()
    };
    measured.solved = times.len();
    (measured.p50_ms, measured.p95_ms, measured.max_ms) = (rank(0.5), rank(0.95), rank(1.0));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        println!(
            "solved     {} of {count}; failures: {}",
            measured.solved,
            counts(&measured.failures)
        );
        println!(
            "took       p50 {} ms, p95 {} ms, at most {} ms; {:.1} ms once for all",
            number(measured.p50_ms, 1),
            number(measured.p95_ms, 1),
            number(measured.max_ms, 1),
            measured.prepare_ms
        );
        println!(
            "length     {:.1} m in all, changes of ends: {}",
            measured.length_m, measured.end_changes
        );
    }
    Ok(match measured.solved == count {
        true => Outcome::Clean,
        false => Outcome::Degraded,
    })
}
