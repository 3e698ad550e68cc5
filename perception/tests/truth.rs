//! What is made of the synthetic world's sweeps, against its truth.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use janus_datasets::synth::{Drive, Ego, Scenario, Simulation, Window};
use janus_datasets::{Frame, Log, Point, Sweep, Trajectory};
use janus_perception::{Cell, Cloud, Grid, Lidar, LidarConfig, LidarScene};

/// Frames before those that are looked at, so that the grid has begun.
const BEFORE: usize = 6;

/// Frames in a row.
const FRAMES: usize = 16;

/// Where in a scenario the rows begin, as parts of its length.
const BEGINS: [f64; 2] = [0.2, 0.6];

/// How many of how many.
#[derive(Clone, Copy, Default)]
struct Share {
    hits: u64,
    of: u64,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.of += 1;
    }

    fn value(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }
}

/// How good everything was.
#[derive(Default)]
struct Score {
    /// Points called ground or not: both, only by us, only truly.
    ground: [u64; 3],
    /// Objects that are a cluster of their own.
    clusters: Share,
    /// Occupied cells in sight that are called so.
    occupied: Share,
    /// Cells called free that are occupied, as are all around them.
    wrongly_free: Share,
    /// Cells called free that an object reaches into, however little.
    touched: Share,
    /// Cells called occupied where something was that has been gone for more
    /// than half a second, and from which nothing that stands came back since.
    trail: u64,
}

impl Score {
    fn f1(&self) -> f64 {
        let [both, ours, theirs] = self.ground.map(|n| n as f64);
        2.0 * both / (2.0 * both + ours + theirs).max(1.0)
    }

    fn print(&self, name: &str) {
        eprintln!(
            "{name:20} ground F1 {:.4}  clusters {:.4} of {:4}  occupied {:.4}  wrongly free {:.5}  \
             touched {:.5}  trail {}",
            self.f1(),
            self.clusters.value(),
            self.clusters.of,
            self.occupied.value(),
            self.wrongly_free.value(),
            self.touched.value(),
            self.trail,
        );
    }

    fn add(&mut self, other: &Self) {
        for i in 0..3 {
            self.ground[i] += other.ground[i];
        }
        for (share, more) in [
            (&mut self.clusters, other.clusters),
            (&mut self.occupied, other.occupied),
            (&mut self.wrongly_free, other.wrongly_free),
            (&mut self.touched, other.touched),
        ] {
            share.hits += more.hits;
            share.of += more.of;
        }
        self.trail += other.trail;
    }
}

/// Drives a part of a scenario, and scores what is perceived of it.
fn drive(scenario: &Scenario, begin: usize) -> Score {
    let log = Log::synthetic(Drive {
        scenario: scenario.clone(),
        frames: None,
        seed: None,
    });
    let way = log.unwrap().trajectory().clone();
    let mut world = Simulation::new(scenario);
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let mut score = Score::default();
    let mut memory = Memory::default();
    let ego = |tick: usize| ego(&way, tick);
    for tick in 0..begin {
        world.skip(&ego(tick), 0.1).unwrap();
    }
    for tick in begin..begin + BEFORE + FRAMES {
        let frame = world.step(&ego(tick), 0.1).unwrap();
        let scene = lidar.step(&frame).unwrap();
        let occupied = truth(&world, &scene.grid);
        let returns = returns(&world, &frame, &scene.grid);
        let cells = occupied.iter().enumerate().filter(|(_, is)| **is);
        memory.note(&scene.grid, cells.map(|(cell, _)| cell), frame.stamp);
        let stands = returns.iter().filter(|r| r.stands);
        memory.note(&scene.grid, stands.map(|r| r.cell), frame.stamp);
        if tick >= begin + BEFORE {
            of_points(&mut score, &frame, &scene);
            let truth = Truth {
                occupied: &occupied,
                returns: &returns,
                memory: &memory,
            };
            of_cells(&mut score, &scene.grid, frame.stamp, &truth);
        }
    }
    score
}

/// The ego vehicle at the end of a tick.
fn ego(way: &Trajectory, tick: usize) -> Ego {
    let [from, to] = [tick, tick + 1].map(|i| way.waypoints()[i]);
    let seconds = (to.stamp - from.stamp) as f64 * 1e-9;
    let velocity = (to.pose.translation.vector - from.pose.translation.vector) / seconds;
    Ego {
        pose: to.pose,
        velocity: [velocity.x, velocity.y],
    }
}

/// Which cells of a grid are occupied.
fn truth(world: &Simulation, grid: &Grid) -> Vec<bool> {
    let window = Window {
        origin: grid.origin.map(|c| f64::from(c) * grid.cell_m()),
        cell: grid.cell_m(),
        size: grid.size.map(|n| n as usize),
    };
    world.occupied(&window).unwrap()
}

/// A frame's points within 48 m of the vehicle, but those on itself: point,
/// place in base_link at the end of the sweep as far as it stood still, true
/// label and ours.
fn points<'a>(
    frame: &'a Frame,
    cloud: &'a Cloud,
) -> impl Iterator<Item = (&'a Point, [f64; 3], u16, u32)> {
    let all = frame.sweeps.iter().flat_map(|sweep| {
        let mount = frame.rig.lidars[sweep.lidar].base_from_sensor;
        let labels = sweep.labels.as_ref().unwrap();
        sweep.points.iter().zip(labels).map(move |(point, label)| {
            let place = mount * nalgebra::Point3::from(point.metres().map(f64::from));
            (point, [place.x, place.y, place.z], *label)
        })
    });
    assert_eq!(
        cloud.labels.len(),
        frame.sweeps.iter().map(|s| s.points.len()).sum::<usize>()
    );
    all.zip(&cloud.labels)
        .map(|((point, place, truth), ours)| (point, place, truth, *ours))
        .filter(|(point, [x, y, _], truth, _)| {
            let near = x.abs().max(y.abs()) < 48.0;
            point.is_valid() && near && *truth != Sweep::EGO
        })
}

fn of_points(score: &mut Score, frame: &Frame, scene: &LidarScene) {
    // How many points of each cluster each object has.
    let mut shared: BTreeMap<u16, BTreeMap<u32, u64>> = BTreeMap::new();
    for (_, [x, y, _], truth, ours) in points(frame, &scene.cloud) {
        let [is, called] = [truth == Sweep::GROUND, ours == Cloud::GROUND];
        score.ground[0] += u64::from(is && called);
        score.ground[1] += u64::from(called && !is);
        score.ground[2] += u64::from(is && !called);
        if truth >= Sweep::FIRST_OBJECT && x.hypot(y) < 40.0 {
            *shared.entry(truth).or_default().entry(ours).or_default() += 1;
        }
    }
    for clusters in shared.values() {
        let points: u64 = clusters.values().sum();
        if points < 30 {
            continue;
        }
        let best = clusters
            .iter()
            .filter(|(label, _)| **label >= Cloud::FIRST_CLUSTER);
        let best = best.map(|(label, both)| {
            let cluster = &scene.cloud.clusters[(label - Cloud::FIRST_CLUSTER) as usize];
            *both as f64 / (points + u64::from(cluster.points) - both) as f64
        });
        score.clusters.count(best.fold(0.0, f64::max) >= 0.5);
    }
}

/// When there was last something in each cell.
#[derive(Default)]
struct Memory(BTreeMap<[i32; 2], i64>);

impl Memory {
    fn note(&mut self, grid: &Grid, cells: impl Iterator<Item = usize>, stamp: i64) {
        self.0.extend(cells.map(|cell| (place(grid, cell), stamp)));
    }
}

fn place(grid: &Grid, index: usize) -> [i32; 2] {
    let width = grid.size[0] as usize;
    [
        (index % width) as i32 + grid.origin[0],
        (index / width) as i32 + grid.origin[1],
    ]
}

/// Whether a cell, or one of the eight around it, is so.
fn near(grid: &Grid, [x, y]: [i32; 2], is: impl Fn([i32; 2], usize) -> bool) -> bool {
    let around = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| [x + dx, y + dy]));
    around
        .filter_map(|cell| grid.index(cell[0], cell[1]).map(|index| (cell, index)))
        .any(|(cell, index)| is(cell, index))
}

/// A return that is not the ground's.
struct Return {
    /// Index of its cell.
    cell: usize,
    /// Height over the ground, m.
    height: f64,
    /// Whether it came from what never moves.
    stands: bool,
}

fn returns(world: &Simulation, frame: &Frame, grid: &Grid) -> Vec<Return> {
    let mut returns = Vec::new();
    for sweep in &frame.sweeps {
        let mount = frame.rig.lidars[sweep.lidar].base_from_sensor;
        for (point, &label) in sweep.points.iter().zip(sweep.labels.as_ref().unwrap()) {
            let stamp = sweep.stamp + point.after_ns();
            let (true, Some(pose)) = (label >= Sweep::BACKGROUND, frame.ego.at(stamp)) else {
                continue;
            };
            let place = point.metres().map(f64::from);
            let at = pose * mount * nalgebra::Point3::from(place);
            let [x, y] = grid.locate(at.x, at.y);
            returns.extend(grid.index(x, y).map(|cell| Return {
                cell,
                height: at.z - world.height(at.x, at.y),
                stands: label == Sweep::BACKGROUND,
            }));
        }
    }
    returns
}

/// What a grid should tell.
struct Truth<'a> {
    /// Of each cell.
    occupied: &'a [bool],
    returns: &'a [Return],
    memory: &'a Memory,
}

fn of_cells(score: &mut Score, grid: &Grid, stamp: i64, truth: &Truth<'_>) {
    let Truth {
        occupied,
        returns,
        memory,
    } = truth;
    let called = |index: usize| Cell::of(grid.log_odds[index]);
    // In sight is what a return of this frame came from, lower than the roof.
    let mut in_sight = vec![false; occupied.len()];
    for seen in returns.iter().filter(|r| r.height < 2.0) {
        in_sight[seen.cell] = true;
    }
    for (index, &is) in occupied.iter().enumerate() {
        let cell = place(grid, index);
        if is && in_sight[index] {
            let found = near(grid, cell, |_, index| called(index) == Cell::Occupied);
            score.occupied.count(found);
        }
        match called(index) {
            // The cells along an outline are occupied in part only.
            Cell::Free => {
                let inside = is && !near(grid, cell, |_, index| !occupied[index]);
                score.wrongly_free.count(inside);
                score.touched.count(is);
            }
            Cell::Occupied if !near(grid, cell, |_, index| occupied[index]) => {
                let last = |cell: [i32; 2]| memory.0.get(&cell).copied();
                let was = near(grid, cell, |cell, _| last(cell).is_some());
                let recent = |cell| last(cell).is_some_and(|last| stamp - last <= 500_000_000);
                score.trail += u64::from(was && !near(grid, cell, |cell, _| recent(cell)));
            }
            _ => {}
        }
    }
}

#[test]
fn the_street_is_seen_as_it_is() {
    let mut all = Score::default();
    for name in Scenario::names() {
        let scenario = Scenario::named(name).unwrap();
        let mut score = Score::default();
        for part in BEGINS {
            let begin = part * scenario.frames() as f64;
            score.add(&drive(&scenario, begin as usize));
        }
        score.print(name);
        if name == "hill_and_ramp" {
            assert!(score.f1() >= 0.95, "{name}: {}", score.f1());
        }
        all.add(&score);
    }
    all.print("all");
    assert!(all.f1() >= 0.98, "{}", all.f1());
    assert!(all.clusters.value() >= 0.95, "{}", all.clusters.value());
    assert!(all.occupied.value() >= 0.95, "{}", all.occupied.value());
    let wrong = all.wrongly_free.value();
    assert!(wrong <= 0.001, "{wrong}");
    assert_eq!(all.trail, 0);
}
