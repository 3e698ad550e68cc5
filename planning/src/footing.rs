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
