//! How far every cell of a grid is from the nearest of a kind.

use janus_perception::{Cell, Grid};

/// Stands for no such cell in the whole grid.
pub(crate) const NONE: u32 = u32::MAX;

/// The most cells along a side: so many that the arithmetic of squared
/// distances fits 32 bits.
pub(crate) const MOST_CELLS: u32 = 1 << 14;

/// Squared distance, in cells, from the centre of each cell to the centre of
/// the nearest cell for which `is_source` holds; [`u32::MAX`] where there is none.
/// Row-major like [`Grid::log_odds`], and exact. The grid must hold as many
/// cells as its size says, and no side more than [`MOST_CELLS`].
///
/// Meijster, Roerdink and Hesselink, "A General Algorithm for Computing
/// Distance Transforms in Linear Time", 2000: distances along the columns,
/// then the lower envelope of their parabolas along each row.
pub fn squared_distances(grid: &Grid, is_source: impl Fn(Cell) -> bool) -> Vec<u32> {
    let cells = grid.log_odds.iter().map(|&log_odds| Cell::of(log_odds));
    transform(grid.size[0] as usize, cells.map(is_source))
}

/// The same for cells that are told one by one whether they are sources.
pub(crate) fn transform(width: usize, sources: impl Iterator<Item = bool>) -> Vec<u32> {
    let mut distances: Vec<u32> = sources
        .map(|source| if source { 0 } else { NONE })
        .collect();
    if !distances.is_empty() {
        along_columns(&mut distances, width);
        let mut envelope = Envelope::default();
        for row in distances.chunks_exact_mut(width) {
            envelope.lower(row);
        }
    }
    distances
}

/// Unsquared distance to the nearest source in the same column.
fn along_columns(distances: &mut [u32], width: usize) {
    let step = |from: u32| from.saturating_add(1);
    for cell in width..distances.len() {
        distances[cell] = distances[cell].min(step(distances[cell - width]));
    }
    for cell in (0..distances.len() - width).rev() {
        distances[cell] = distances[cell].min(step(distances[cell + width]));
    }
}

/// The lower envelope of the parabolas (x − i)² + g(i)² of one row.
#[derive(Default)]
struct Envelope {
    /// Column of each parabola, its g², and the first x where it is lowest.
    parabolas: Vec<(i32, i32, i32)>,
}

impl Envelope {
    /// Replaces the column distances of a row by squared distances.
    fn lower(&mut self, row: &mut [u32]) {
        let width = row.len() as i32;
        let at = |x: i32, (i, g): (i32, i32)| (x - i) * (x - i) + g;
        self.parabolas.clear();
        for (i, &g) in row.iter().enumerate() {
            if g == NONE {
                continue;
            }
            let (i, g) = (i as i32, (g * g) as i32);
            while let Some(&(j, h, from)) = self.parabolas.last() {
                if at(from, (i, g)) >= at(from, (j, h)) {
                    break;
                }
                self.parabolas.pop();
            }
            let from = match self.parabolas.last() {
                None => 0,
                Some(&(j, h, _)) => 1 + (i * i - j * j + g - h).div_euclid(2 * (i - j)),
            };
            if from < width {
                self.parabolas.push((i, g, from));
            }
        }
        let mut end = width;
        for &(i, g, from) in self.parabolas.iter().rev() {
            for x in from..end {
                row[x as usize] = at(x, (i, g)) as u32;
            }
            end = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(size: [u32; 2], occupied: impl Fn(u32, u32) -> bool) -> Grid {
        let cells = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y)));
        Grid {
            origin: [-3, 7],
            size,
            cell_mm: 200,
            log_odds: cells
                .map(|(x, y)| if occupied(x, y) { 1 } else { -1 })
                .collect(),
        }
    }

    fn occupied(cell: Cell) -> bool {
        cell == Cell::Occupied
    }

    #[test]
    fn without_a_source_there_is_no_distance() {
        assert_eq!(
            squared_distances(&grid([3, 2], |_, _| false), occupied),
            [NONE; 6]
        );
        assert!(squared_distances(&grid([0, 0], |_, _| true), occupied).is_empty());
        assert!(squared_distances(&grid([0, 9], |_, _| true), occupied).is_empty());
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            width in 1u32..40,
            height in 1u32..40,
            seeds in proptest::collection::vec((0u32..40, 0u32..40), 0..12),
        ) {
            let grid = grid([width, height], |x, y| seeds.contains(&(x, y)));
            let distances = squared_distances(&grid, occupied);
            let inside = seeds.iter().filter(|s| s.0 < width && s.1 < height);
            for (i, &distance) in distances.iter().enumerate() {
                let (x, y) = (i as u32 % width, i as u32 / width);
                let nearest = inside.clone().map(|s| x.abs_diff(s.0).pow(2) + y.abs_diff(s.1).pow(2)).min();
                prop_assert_eq!(distance, nearest.unwrap_or(NONE));
            }
        }
    }
}
