//! Random queries on a map.

use std::f64::consts::PI;

use anyhow::{Result, bail};
use janus_planning::{Cell, Grid, Pose2, Vehicle};

/// Pairs of places, in the grid's frame, between which there is a way: the
/// circle around the vehicle, with the margin, fits along a chain of known
/// free cells from one to the other. Headings are random. Equal seeds give
/// equal queries.
pub(crate) fn random(
    grid: &Grid,
    vehicle: &Vehicle,
    margin: f64,
    count: usize,
    seed: u64,
) -> Result<Vec<[Pose2; 2]>> {
    let radius = vehicle.length.hypot(vehicle.width) / 2.0 + margin;
    let room = largest_part(grid, open_cells(grid, radius));
    if room.len() < 2 {
        bail!(
            "the vehicle `{}` fits nowhere on the map: a circle of {radius:.2} m must be free",
            vehicle.name
        );
    }
    let mut random = Random(seed);
    let mut place = || {
        let cell = room[(random.next() % room.len() as u64) as usize];
        let width = grid.size[0] as usize;
        let at =
            |cell: usize, k: usize| (cell as f64 + f64::from(grid.origin[k]) + 0.5) * grid.cell_m();
        let theta = (random.next() >> 11) as f64 / (1u64 << 52) as f64 * PI;
        let centre = Pose2::new(at(cell % width, 0), at(cell / width, 1), theta);
        centre.holds(Pose2::new(-vehicle.centre_x, 0.0, 0.0))
    };
    Ok((0..count).map(|_| [place(), place()]).collect())
}

/// The cells at whose centre a circle touches nothing but known free cells.
fn open_cells(grid: &Grid, radius: f64) -> Vec<bool> {
    let [width, height] = grid.size.map(|side| side as usize);
    // Between centres; a cell's corner is nearer than its centre.
    let radius = radius / grid.cell_m() + 0.5f64.sqrt();
    let reach = radius.ceil() as usize;
    // Cells from each to the nearest that is not free in its row.
    let mut aside = vec![0u32; width * height];
    for (row, cells) in aside.chunks_mut(width).zip(grid.log_odds.chunks(width)) {
        let mut free = 0;
        for (distance, &cell) in row.iter_mut().zip(cells) {
            free = if Cell::of(cell) == Cell::Free {
                free + 1
            } else {
                0
            };
            *distance = free;
        }
        free = 0;
        for (distance, &cell) in row.iter_mut().zip(cells).rev() {
            free = if Cell::of(cell) == Cell::Free {
                free + 1
            } else {
                0
            };
            *distance = free.min(*distance);
        }
    }
    let square = radius * radius;
    let open = |x: usize, y: usize| {
        let inside = y + 1 >= reach && height - y >= reach;
        inside
            && (y.saturating_sub(reach)..(y + reach + 1).min(height)).all(|row| {
                let up = row.abs_diff(y) as f64;
                let side = f64::from(aside[row * width + x]);
                up * up + side * side >= square
            })
    };
    (0..width * height)
        .map(|cell| open(cell % width, cell / width))
        .collect()
}

/// The largest set of cells that hang together by their sides.
fn largest_part(grid: &Grid, mut open: Vec<bool>) -> Vec<usize> {
    let width = grid.size[0] as usize;
    let mut largest = Vec::new();
    for first in 0..open.len() {
        if !std::mem::take(&mut open[first]) {
            continue;
        }
        let mut part = vec![first];
        let mut next = 0;
        while let Some(&cell) = part.get(next) {
            next += 1;
            let column = cell % width;
            let beside = [
                (column > 0).then(|| cell - 1),
                (column + 1 < width).then_some(cell + 1),
                cell.checked_sub(width),
                Some(cell + width).filter(|&above| above < open.len()),
            ];
            for cell in beside.into_iter().flatten() {
                if std::mem::take(&mut open[cell]) {
                    part.push(cell);
                }
            }
        }
        if part.len() > largest.len() {
            largest = part;
        }
    }
    largest
}

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 m by 10 m, of which a wall divides a smaller part off.
    fn grid() -> Grid {
        let free = |i: usize| i % 100 != 35;
        Grid {
            origin: [-10, 5],
            size: [100, 50],
            cell_mm: 200,
            log_odds: (0..5000)
                .map(|i| if free(i) { -900 } else { 900 })
                .collect(),
        }
    }

    #[test]
    fn places_are_free_and_open_to_one_another() {
        let shuttle = Vehicle::shuttle();
        let queries = random(&grid(), &shuttle, 0.1, 50, 7).expect("room");
        let room = shuttle.length.hypot(shuttle.width) / 2.0 + 0.1;
        for pose in queries.iter().flatten() {
            // Right of the wall, whose right side is at 5.2 m.
            assert!(pose.x >= 5.2 + room && pose.x <= 18.0 - room, "{pose:?}");
            assert!(pose.y >= 1.0 + room && pose.y <= 11.0 - room, "{pose:?}");
        }
        let again = random(&grid(), &shuttle, 0.1, 50, 7).expect("room");
        assert_eq!(queries, again);
        assert_ne!(
            queries,
            random(&grid(), &shuttle, 0.1, 50, 8).expect("room")
        );
        let said = random(&grid(), &shuttle, 5.0, 1, 1)
            .expect_err("no room")
            .to_string();
        assert!(said.contains("fits nowhere"), "{said}");
    }
}
