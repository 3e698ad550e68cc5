//! How far every cell of a grid is from the nearest of a kind.

/// The most cells along a side: so many that the arithmetic of squared
/// distances fits 32 bits.
pub(crate) const MOST_CELLS: u32 = 1 << 14;

/// Squared distance, in cells, from the centre of each cell to the centre of
/// the nearest source; row-major and exact, up to a reach.
///
/// Meijster, Roerdink and Hesselink, "A General Algorithm for Computing
/// Distance Transforms in Linear Time", 2000: distances along the columns,
/// then the lower envelope of their parabolas along each row.
#[derive(Clone, Debug)]
pub(crate) struct DistanceField {
    squared: Vec<u32>,
}

impl DistanceField {
    /// From cells in rows of `width`, at most [`MOST_CELLS`] along a side,
    /// that are told one by one whether they are sources. Cells farther than
    /// `reach` cells from the nearest count as that far.
    pub(crate) fn new(width: usize, sources: impl Iterator<Item = bool>, reach: u32) -> Self {
        let reach = reach.min(MOST_CELLS);
        let far = reach + 1;
        let mut squared: Vec<u32> = sources.map(|is| if is { 0 } else { far }).collect();
        if !squared.is_empty() {
            along_columns(&mut squared, width, far);
            let mut envelope = Envelope::new(reach);
            for row in squared.chunks_exact_mut(width) {
                envelope.lower(row);
            }
        }
        Self { squared }
    }

    /// Squared distance of a cell, cells.
    pub(crate) fn squared(&self, index: usize) -> u32 {
        self.squared[index]
    }

    /// Every cell's squared distance.
    pub(crate) fn cells(&self) -> &[u32] {
        &self.squared
    }
}

/// Unsquared distance to the nearest source in the same column.
fn along_columns(distances: &mut [u32], width: usize, far: u32) {
    let step = |from: u32| (from + 1).min(far);
    for cell in width..distances.len() {
        distances[cell] = distances[cell].min(step(distances[cell - width]));
    }
    for cell in (0..distances.len() - width).rev() {
        distances[cell] = distances[cell].min(step(distances[cell + width]));
    }
}

/// The lower envelope of the parabolas (x − i)² + g(i)² of one row.
struct Envelope {
    reach: u32,
    /// Column of each parabola, its g², and the first x where it is lowest.
    parabolas: Vec<(i32, i32, i32)>,
}

impl Envelope {
    fn new(reach: u32) -> Self {
        Self {
            reach,
            parabolas: Vec::new(),
        }
    }

    /// Replaces the column distances of a row by squared distances. Across a
    /// source no parabola is the lowest, so each part of the row between two
    /// sources is done for itself.
    fn lower(&mut self, row: &mut [u32]) {
        let mut start = 0;
        while start < row.len() {
            let rest = row[start..].iter();
            let end = start + rest.take_while(|&&distance| distance != 0).count();
            if end > start {
                let next = (end + 1).min(row.len());
                self.lower_part(&mut row[start.saturating_sub(1)..next]);
            }
            start = end + 1;
        }
    }

    fn lower_part(&mut self, row: &mut [u32]) {
        let width = row.len() as i32;
        let at = |x: i32, (i, g): (i32, i32)| (x - i) * (x - i) + g;
        self.parabolas.clear();
        for (i, &g) in row.iter().enumerate() {
            // Beyond the reach a source lowers nothing.
            if g > self.reach {
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
                Some(&(j, h, _)) => {
                    let (rise, run) = (i * i - j * j + g - h, i - j);
                    // Mostly they are neighbours, and a division takes long.
                    1 + if run == 1 {
                        rise >> 1
                    } else {
                        rise.div_euclid(2 * run)
                    }
                }
            };
            if from < width {
                self.parabolas.push((i, g, from));
            }
        }
        let far = self.reach * self.reach;
        let mut end = row.len();
        for &(i, g, from) in self.parabolas.iter().rev() {
            for (x, distance) in (from..).zip(&mut row[from as usize..end]) {
                *distance = (at(x, (i, g)) as u32).min(far);
            }
            end = from as usize;
        }
        row[..end].fill(far);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_source_everything_is_far() {
        let field = |cells, width| DistanceField::new(width, vec![false; cells].into_iter(), 7);
        assert_eq!(field(6, 3).cells(), [49; 6]);
        assert!(field(0, 0).cells().is_empty());
        assert!(field(0, 9).cells().is_empty());
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            width in 1usize..40,
            height in 1usize..40,
            seeds in proptest::collection::vec((0usize..40, 0usize..40), 0..12),
            reach in 1u32..60,
        ) {
            let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            let sources = cells.clone().map(|cell| seeds.contains(&cell));
            let field = DistanceField::new(width, sources, reach);
            let inside = seeds.iter().filter(|s| s.0 < width && s.1 < height);
            for (i, (x, y)) in cells.enumerate() {
                let to = |s: &(usize, usize)| x.abs_diff(s.0).pow(2) + y.abs_diff(s.1).pow(2);
                let nearest = inside.clone().map(to).min().unwrap_or(usize::MAX);
                prop_assert_eq!(field.squared(i) as usize, nearest.min(reach.pow(2) as usize));
            }
        }
    }
}
