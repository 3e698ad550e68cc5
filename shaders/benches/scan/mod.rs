//! What a lidar of 64 rings sees from a street: ground, houses on both sides,
//! and boxes of the size of cars.
#![allow(dead_code)] // Each bench takes what it needs.

use janus_shaders::Window;
use janus_shaders::fuse::Fused;

/// The lidar's place over the ground, mm.
pub const HEIGHT: i32 = 1_900;

/// A scan over even ground at zero, about the origin.
pub struct Scan {
    pub window: Window,
    pub fused: Vec<Fused>,
    pub cells: Vec<u32>,
    pub heights: Vec<i32>,
    pub ground: Vec<i32>,
}

/// Some 117,000 returns.
pub fn scan() -> Scan {
    const RINGS: usize = 64;
    const COLUMNS: usize = 2_000;
    let window = Window::about([0; 2], 512, 200);
    let mut fused: Vec<Fused> = Vec::new();
    for column in 0..COLUMNS {
        for ring in 0..RINGS {
            let turn = column as f64 / COLUMNS as f64 * std::f64::consts::TAU;
            let rise = (2.0 - 27.0 * ring as f64 / (RINGS - 1) as f64).to_radians();
            let beam = [turn.cos() * rise.cos(), turn.sin() * rise.cos(), rise.sin()];
            let Some(range) = range(beam) else { continue };
            let [x, y, z] = beam.map(|c| (c * range * 1e3).round() as i32);
            fused.push([x, y, z + HEIGHT, 0]);
        }
    }
    let cells: Vec<u32> = fused.iter().map(|p| window.index(p[0], p[1])).collect();
    let heights = fused
        .iter()
        .zip(&cells)
        .map(|(p, &cell)| {
            if cell == Window::NOWHERE {
                i32::MIN
            } else {
                p[2]
            }
        })
        .collect();
    Scan {
        ground: vec![0; window.cells()],
        window,
        fused,
        cells,
        heights,
    }
}

/// How far a beam from the lidar goes, m.
fn range(beam: [f64; 3]) -> Option<f64> {
    let height = f64::from(HEIGHT) / 1e3;
    let ground = (beam[2] < 0.0).then(|| height / -beam[2]);
    let houses = [-11.0, 13.0].map(|y| slab(beam, [-200.0, y - 1.0, 0.0], [200.0, y + 1.0, 9.0]));
    let cars = (0..14).map(|i| {
        let x = f64::from(i) * 7.0 - 45.0;
        let y = if i % 2 == 0 { 3.5 } else { -5.0 };
        slab(beam, [x, y, 0.0], [x + 4.3, y + 1.8, 1.5])
    });
    let hits = cars.chain(houses).chain([ground]).flatten();
    hits.min_by(f64::total_cmp).filter(|&range| range < 120.0)
}

/// Where a beam enters a box.
fn slab(beam: [f64; 3], low: [f64; 3], high: [f64; 3]) -> Option<f64> {
    let from = [0.0, 0.0, f64::from(HEIGHT) / 1e3];
    let (mut enters, mut leaves) = (0.0f64, f64::INFINITY);
    for i in 0..3 {
        let [a, b] = [low[i], high[i]].map(|edge| (edge - from[i]) / beam[i]);
        enters = enters.max(a.min(b));
        leaves = leaves.min(a.max(b));
    }
    (enters <= leaves && enters > 0.0).then_some(enters)
}
