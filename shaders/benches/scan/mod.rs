//! What lidars of 64 rings see from a street: ground, houses on both sides,
//! and boxes of the size of cars.

use janus_shaders::fixed::Transform;
use janus_shaders::fuse::{Point, Sweep};
use janus_shaders::occupancy::Mount;

/// The lidars' place over the ground, mm.
const HEIGHT: i32 = 1_900;

/// The vehicle's speed, mm a tick.
const SPEED: i32 = 10;

/// Ticks of a turn of a lidar; a pose lasts one.
pub const TICKS: usize = 100;

/// Sweeps of some lidars over the same turn, each of some 117,000 returns.
pub struct Scan {
    pub sweeps: Vec<Sweep>,
    pub points: Vec<Vec<Point>>,
    pub mounts: Vec<Mount>,
    pub poses: Vec<Transform>,
}

impl Scan {
    pub fn of(lidars: usize) -> Self {
        let points: Vec<_> = (0..lidars).map(|i| sweep(place(i))).collect();
        let mut first = 0;
        let sweeps = points.iter().enumerate().map(|(i, points)| {
            let sweep = Sweep {
                base_from_sensor: at(place(i)),
                first,
                pose: 0,
                tick: 0,
                mask: 0xffff,
            };
            first += points.len() as u32;
            sweep
        });
        Self {
            sweeps: sweeps.collect(),
            points,
            mounts: (0..lidars)
                .map(|i| [place(i)[0], place(i)[1], place(i)[2], 0])
                .collect(),
            poses: (0..TICKS as i32).map(|i| at([i * SPEED, 0, 0])).collect(),
        }
    }

    pub fn points(&self) -> u32 {
        self.points.iter().map(|sweep| sweep.len() as u32).sum()
    }
}

/// Where a lidar is mounted, mm: no two at the same place.
fn place(lidar: usize) -> [i32; 3] {
    let lidar = lidar as i32;
    [lidar * 370 % 1_000, -lidar * 230 % 700, HEIGHT + lidar * 13]
}

/// Turned nowhere.
fn at(place: [i32; 3]) -> Transform {
    let unit = |i: usize| std::array::from_fn(|k| f64::from(u8::from(i == k)));
    let place = place.map(|c| f64::from(c) / 1e3);
    Transform::new([unit(0), unit(1), unit(2)], place).expect("it turns nowhere")
}

/// Column by column, as the lidar turns.
fn sweep(place: [i32; 3]) -> Vec<Point> {
    const RINGS: usize = 64;
    const COLUMNS: usize = 1_840;
    let columns = (0..COLUMNS).flat_map(|column| (0..RINGS).map(move |ring| (column, ring)));
    let returns = columns.filter_map(|(column, ring)| {
        let tick = column * TICKS / COLUMNS;
        let turn = column as f64 / COLUMNS as f64 * std::f64::consts::TAU;
        let rise = (2.0 - 27.0 * ring as f64 / (RINGS - 1) as f64).to_radians();
        let beam = [turn.cos() * rise.cos(), turn.sin() * rise.cos(), rise.sin()];
        let from = [place[0] + tick as i32 * SPEED, place[1], place[2]];
        let range = range(from.map(|c| f64::from(c) / 1e3), beam)?;
        let [x, y, z] = beam.map(|c| (c * range * 1e3).round() as i32);
        Some([x, y, z, ((tick << 16) | (ring * 997)) as i32])
    });
    returns.collect()
}

/// How far a beam goes, m.
fn range(from: [f64; 3], beam: [f64; 3]) -> Option<f64> {
    let ground = (beam[2] < 0.0).then(|| from[2] / -beam[2]);
    let slab = |low, high| slab(from, beam, low, high);
    let houses = [-11.0, 13.0].map(|y| slab([-200.0, y - 1.0, 0.0], [200.0, y + 1.0, 9.0]));
    let cars = (0..14).map(|i| {
        let x = f64::from(i) * 7.0 - 45.0;
        let y = if i % 2 == 0 { 3.5 } else { -5.0 };
        slab([x, y, 0.0], [x + 4.3, y + 1.8, 1.5])
    });
    let hits = cars.chain(houses).chain([ground]).flatten();
    hits.min_by(f64::total_cmp).filter(|&range| range < 120.0)
}

/// Where a beam enters a box.
fn slab(from: [f64; 3], beam: [f64; 3], low: [f64; 3], high: [f64; 3]) -> Option<f64> {
    let (mut enters, mut leaves) = (0.0f64, f64::INFINITY);
    for i in 0..3 {
        let [a, b] = [low[i], high[i]].map(|edge| (edge - from[i]) / beam[i]);
        enters = enters.max(a.min(b));
        leaves = leaves.min(a.max(b));
    }
    (enters <= leaves && enters > 0.0).then_some(enters)
}
