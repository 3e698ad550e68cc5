//! The occupancy grid: what is known of the ground plane around the vehicle.

/// A window of square cells in the odom frame.
///
/// Cells are addressed by their *cell coordinates*: the cell (i, j) covers
/// x from i to i + 1 and y from j to j + 1, in units of [`Grid::cell_mm`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cell coordinates of the corner with the least x and y.
    pub origin: [i32; 2],
    /// Number of cells along x and y.
    pub size: [u32; 2],
    /// Side of a cell, mm.
    pub cell_mm: u32,
    /// Log-odds of being occupied, in thousandths of a nat, or
    /// [`Grid::UNKNOWN`]; row-major, x fastest, from [`Grid::origin`].
    pub log_odds: Vec<i16>,
}

/// What is known of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Never observed, as likely one as the other, or outside of the window.
    Unknown,
    /// More likely free than not.
    Free,
    /// More likely occupied than not.
    Occupied,
}

impl Cell {
    /// What log-odds in thousandths of a nat tell.
    pub fn of(log_odds: i16) -> Self {
        match log_odds {
            Grid::UNKNOWN | 0 => Self::Unknown,
            1.. => Self::Occupied,
            _ => Self::Free,
        }
    }
}

impl Grid {
    /// The log-odds of a cell that was never observed.
    pub const UNKNOWN: i16 = i16::MIN;

    /// The log-odds of a cell that is only just free.
    pub const FREE: i16 = -1;

    /// The log-odds of a cell that is only just occupied.
    pub const OCCUPIED: i16 = 1;

    /// The state of the cell at cell coordinates (x, y).
    pub fn cell(&self, x: i32, y: i32) -> Cell {
        self.index(x, y)
            .map_or(Cell::Unknown, |index| Cell::of(self.log_odds[index]))
    }

    /// Its picture: a byte a cell, the first row at the greatest y.
    pub fn picture(&self, shade: impl Fn(Cell) -> u8) -> Vec<u8> {
        let rows = self.log_odds.chunks(self.size[0].max(1) as usize).rev();
        rows.flatten()
            .map(|&log_odds| shade(Cell::of(log_odds)))
            .collect()
    }

    /// Where the cell at cell coordinates (x, y) lies in [`Grid::log_odds`];
    /// `None` outside of the window.
    pub fn index(&self, x: i32, y: i32) -> Option<usize> {
        let column = x.checked_sub(self.origin[0])?;
        let row = y.checked_sub(self.origin[1])?;
        let [width, height] = self.size;
        let inside = (0..width as i32).contains(&column) && (0..height as i32).contains(&row);
        inside.then(|| row as usize * width as usize + column as usize)
    }

    /// Cell coordinates of the cell that holds a place in odom, metres.
    pub fn locate(&self, x: f64, y: f64) -> [i32; 2] {
        let cell_m = self.cell_m();
        [x, y].map(|c| (c / cell_m).floor() as i32)
    }

    /// Side of a cell, metres.
    pub fn cell_m(&self) -> f64 {
        f64::from(self.cell_mm) * 1e-3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_their_coordinates() {
        let grid = Grid {
            origin: [-2, 5],
            size: [3, 2],
            cell_mm: 200,
            log_odds: vec![Grid::UNKNOWN, 850, -400, 0, 1, -1],
        };
        assert_eq!(grid.cell(-2, 5), Cell::Unknown);
        assert_eq!(grid.cell(-1, 5), Cell::Occupied);
        assert_eq!(grid.cell(0, 5), Cell::Free);
        assert_eq!(grid.cell(-2, 6), Cell::Unknown);
        assert_eq!(grid.cell(0, 6), Cell::Free);
        for outside in [[1, 5], [-3, 5], [0, 4], [0, 7], [i32::MAX, i32::MIN]] {
            assert_eq!(grid.cell(outside[0], outside[1]), Cell::Unknown);
        }
        assert_eq!(grid.locate(-0.01, 1.0), [-1, 5]);
        assert_eq!(grid.picture(|cell| cell as u8), [0, 2, 1, 0, 2, 1]);
    }
}
