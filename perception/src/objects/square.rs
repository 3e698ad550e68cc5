//! The square about the vehicle in which things are told.

use janus_datasets::Point;

use crate::grid::Grid;

/// No return is farther from its sensor, m, and no sensor so far from the
/// vehicle's centre.
const FARTHEST_M: f64 = Point::LIMIT as f64 * 1e-3 + 10.0;

/// A square of cells in odom: that of the occupancy grid, as far as lidars
/// reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    /// Its least x and y, m.
    origin: [f64; 2],
    /// Side of a cell, m.
    cell_m: f64,
    /// Cells along a side.
    side: usize,
}

impl Square {
    /// The square of a grid about a vehicle there, m in odom.
    pub(super) fn over(grid: &Grid, from: [f64; 2], cell_m: f64) -> Self {
        let origin = grid.origin.map(|cells| f64::from(cells) * grid.cell_m());
        let side = f64::from(grid.size[0].max(grid.size[1])) * grid.cell_m();
        Self {
            origin: [0, 1].map(|k| origin[k].max(from[k] - FARTHEST_M)),
            cell_m,
            side: (side.min(2.0 * FARTHEST_M) / cell_m).ceil() as usize,
        }
    }

    /// How many cells it has.
    pub(super) fn cells(&self) -> usize {
        self.side * self.side
    }

    /// Cells from one row to the next.
    pub(super) fn row(&self) -> usize {
        self.side
    }

    /// Column and row of the cell that holds a place, m; those of one outside
    /// may be negative, or too great.
    pub(super) fn cell(&self, place: [f64; 2]) -> [isize; 2] {
        [0, 1].map(|k| {
            let cells = (place[k] - self.origin[k]) / self.cell_m;
            // What `floor` gives, without the call of a function.
            let toward_zero = cells as isize;
            toward_zero - isize::from(cells < toward_zero as f64)
        })
    }

    /// Where the cell of a column and a row is; `None` outside.
    pub(super) fn index(&self, [column, row]: [isize; 2]) -> Option<usize> {
        let inside = |c: isize| (0..self.side as isize).contains(&c);
        (inside(column) && inside(row)).then(|| row as usize * self.side + column as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(cells: i32, cell_mm: u32) -> Grid {
        Grid {
            origin: [-cells / 2; 2],
            size: [cells as u32; 2],
            cell_mm,
            log_odds: Vec::new(),
        }
    }

    #[test]
    fn it_is_that_of_the_grid_as_far_as_lidars_reach() {
        let of = |cells, cell_mm| Square::over(&grid(cells, cell_mm), [1.0, 0.0], 0.4);
        let holds = |square: Square, x: f64| square.index(square.cell([x, 0.0])).is_some();
        let small = of(512, 200);
        assert!(holds(small, -51.1) && holds(small, 51.1));
        assert!(!holds(small, -51.3) && !holds(small, 51.3));
        // Two hundred metres across, and eighty kilometres.
        assert!(holds(of(1024, 200), 102.0));
        let vast = of(8192, 10_000);
        assert!(holds(vast, 525.0) && !holds(vast, 540.0));
        assert!(vast.cells() < 8_000_000);
    }
}
