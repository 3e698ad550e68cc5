//! Where a disc in the vehicle's place could stand, for the heuristic.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::collision::{Footprint, Obstacles};
use crate::distance::DistanceField;
use crate::primitives::Primitives;

/// The disc could stand here, or where a primitive passes whose chain has a
/// point here.
const HOLDS: u8 = 1;
/// A primitive that passes here can only be over unknown cells.
const ONLY_UNKNOWN: u8 = 2;

/// What the greatest disc about `base_link` inside the vehicle finds at each
/// place of a grid: a byte a cell, as it is waited for.
pub(crate) struct Footing {
    cells: Vec<u8>,
    /// A place outside of the grid holds the disc if it is nearer to it than
    /// this, m.
    beyond: f64,
}

impl Footing {
    pub(crate) fn new(
        obstacles: &Obstacles<'_>,
        footprint: &Footprint,
        primitives: &Primitives,
    ) -> Self {
        let cell = obstacles.cell();
        let width = obstacles.size()[0] as usize;
        let radius = footprint.inscribed_radius();
        let near = (radius - primitives.drift) / cell - FRAC_1_SQRT_2;
        let squared = |cells: f64| (cells.max(0.0).powi(2).floor()).min(1e9) as u32;
        // Less by one, for rounding.
        let holds = squared(near).saturating_sub(1);
        let mut cells: Vec<u8> = obstacles
            .field()
            .iter()
            .map(|&to_blocked| if to_blocked >= holds { HOLDS } else { 0 })
            .collect();
        let [columns, rows] = obstacles.size().map(|n| n as usize);
        // The distance of a cell's centre to the grid's edge.
        let edge = |i: usize, count: usize| i.min(count - 1 - i) as f64 + 0.5;
        for (y, row) in cells.chunks_exact_mut(columns.max(1)).enumerate() {
            for (x, holds) in row.iter_mut().enumerate() {
                if edge(x, columns).min(edge(y, rows)) < near {
                    *holds = 0;
                }
            }
        }
        if let Some(unknown) = obstacles.unknown_field() {
            let within = primitives.longest + primitives.drift;
            // Where `base_link` may be without the vehicle's being over any.
            let reach = radius / cell - FRAC_1_SQRT_2;
            let is_known = |(&unknown, &blocked): (&u32, &u32)| {
                f64::from(unknown).sqrt() > reach && f64::from(blocked).sqrt() >= reach
            };
            let known = unknown.iter().zip(obstacles.field());
            let far = within / cell + SQRT_2;
            let known = DistanceField::new(width, known.map(is_known), far.ceil() as u32 + 1);
            let far = squared(far) + 1;
            for (cell, &to_known) in cells.iter_mut().zip(known.cells()) {
                *cell |= if to_known > far { ONLY_UNKNOWN } else { 0 };
            }
        }
        Self {
            cells,
            beyond: primitives.drift - radius,
        }
    }

    /// Whether the disc, or a place on a primitive whose chain has a point here,
    /// could be here. Errs towards yes.
    pub(crate) fn holds(&self, obstacles: &Obstacles<'_>, place: [f64; 2]) -> bool {
        match obstacles.index(place) {
            Some(index) => self.cells[index] & HOLDS != 0,
            None => -obstacles.edge_distance(place) <= self.beyond,
        }
    }

    /// Whether a primitive that passes here can only be over unknown cells. Errs
    /// towards no.
    pub(crate) fn is_only_unknown(&self, obstacles: &Obstacles<'_>, place: [f64; 2]) -> bool {
        let index = obstacles.index(place);
        index.is_some_and(|index| self.cells[index] & ONLY_UNKNOWN != 0)
    }
}

#[cfg(test)]
mod tests {
    use janus_perception::Grid;
    use proptest::prelude::*;

    use super::*;
    use crate::config::{PlannerConfig, Unknown};
    use crate::primitives::Limits;
    use crate::vehicle::Vehicle;

    /// Cells of 0.2 m from x = −6 and y = −4 to the other side.
    const SIZE: [i32; 2] = [60, 40];
    const CELL: f64 = 0.2;

    /// How far a place is from a cell, m.
    fn apart(place: [f64; 2], cell: [i32; 2]) -> f64 {
        let beyond = [0, 1].map(|k| {
            let low = f64::from(cell[k] - SIZE[k] / 2) * CELL;
            (low - place[k]).max(place[k] - low - CELL).max(0.0)
        });
        beyond[0].hypot(beyond[1])
    }

    proptest! {
        /// It errs on the side that keeps the heuristic a lower bound.
        #[test]
        fn what_could_hold_the_disc_does_and_what_is_known_is_not_unknown(
            blocked in prop::collection::vec((0..SIZE[0], 0..SIZE[1]), 0..30),
            known_to in -1..SIZE[0],
            place in (-6.0..6.0f64, -4.0..4.0f64),
        ) {
            let cells = (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).map(move |x| (x, y)));
            let log_odds = |cell: (i32, i32)| match blocked.contains(&cell) {
                true => 500,
                false if cell.0 <= known_to => -500,
                false => 0,
            };
            let grid = Grid {
                origin: SIZE.map(|n| -n / 2),
                size: SIZE.map(|n| n as u32),
                cell_mm: 200,
                log_odds: cells.map(log_odds).collect(),
            };
            let (vehicle, config) = (Vehicle::shuttle(), PlannerConfig::default());
            let limits = Limits::new(&vehicle, &config);
            let none = vec![Vec::new(); usize::from(config.headings) / 4];
            let mut primitives = Primitives::new(&none, config.headings, config.cell_m, &limits);
            (primitives.drift, primitives.longest) = (0.1, 0.8);
            let footprint = Footprint::new(&vehicle, config.margin_m);
            let mut obstacles = Obstacles::new(&grid, Unknown::Price, 5.0);
            obstacles.price_unknown(&footprint, primitives.longest + primitives.drift);
            let footing = Footing::new(&obstacles, &footprint, &primitives);

            let place = [place.0, place.1];
            let radius = footprint.inscribed_radius();
            let room = blocked.iter().map(|&(x, y)| apart(place, [x, y]));
            let room = room.fold(6.0 - place[0].abs(), f64::min).min(4.0 - place[1].abs());
            if room + primitives.drift >= radius {
                prop_assert!(footing.holds(&obstacles, place), "{room}");
            }
            // Over no unknown cell, a disc stands here.
            let to_unknown = f64::from(known_to + 1 - SIZE[0] / 2) * CELL - place[0];
            if to_unknown > radius && room >= radius {
                prop_assert!(!footing.is_only_unknown(&obstacles, place), "{to_unknown}");
            }
        }
    }
}
