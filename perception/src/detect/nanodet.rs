//! The outputs of NanoDet (RangiLyu, "NanoDet", 2020): anchor-free, a map of
//! classes and one of boxes on each of three grids. A side of a box is given
//! as a distribution over its distance from the cell's centre (Li et al.,
//! "Generalized Focal Loss", NeurIPS 2020).

use super::decoded::{Decoded, argmax};
use super::family::Known;
use super::tensor::{View, finite};

/// Input pixels per cell of each grid.
const STRIDES: [u32; 3] = [8, 16, 32];

/// Classes from 0 to 1, and for each of left, top, right and bottom the
/// logits of a distance of 0, 1, 2... cells; a row for each cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NanoDet {
    classes: usize,
    levels: [Level; 3],
}

/// One grid.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    /// Cells in a row.
    columns: usize,
    /// Input pixels per cell.
    stride: u32,
    /// Distances that a distribution is over.
    bins: usize,
    /// Which output holds the classes.
    scores: usize,
    /// Which output holds the boxes.
    boxes: usize,
}

impl NanoDet {
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let [a, b, c] = STRIDES.map(|stride| Level::recognise(outputs, known, stride));
        (outputs.len() == 6).then_some(Self {
            classes: known.classes,
            levels: [a?, b?, c?],
        })
    }

    /// The score is that of the best class, which is the box's class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        for level in &self.levels {
            let (Some(scores), Some(boxes)) = (outputs.get(level.scores), outputs.get(level.boxes))
            else {
                continue;
            };
            let sound = finite(scores.values) && finite(boxes.values);
            let scores = scores.values.chunks_exact(self.classes);
            let boxes = boxes.values.chunks_exact(4 * level.bins);
            for (cell, (scores, sides)) in scores.zip(boxes).enumerate() {
                if !(sound || finite(scores) && finite(sides)) {
                    decoded.invalid += 1;
                    continue;
                }
                match argmax(scores) {
                    Some((class, score)) if score >= threshold => {
                        let class = u16::try_from(class).ok();
                        decoded.add(class, score, level.bbox(cell, sides));
                    }
                    _ => {}
                }
            }
        }
        decoded
    }
}

impl Level {
    /// The two outputs that have as many rows as this grid has cells.
    fn recognise(outputs: &[View], known: &Known, stride: u32) -> Option<Self> {
        let [columns, rows] = known.size.map(|side| side.div_ceil(stride) as usize);
        let mut maps = outputs.iter().enumerate().filter_map(|(place, output)| {
            let &[cells, values] = output.dims else {
                return None;
            };
            (cells == columns * rows).then_some((place, values))
        });
        let pair = [maps.next()?, maps.next()?];
        let level = |scores: (usize, usize), boxes: (usize, usize)| {
            let fits = scores.1 == known.classes && boxes.1 >= 8 && boxes.1.is_multiple_of(4);
            fits.then_some(Self {
                columns,
                stride,
                bins: boxes.1 / 4,
                scores: scores.0,
                boxes: boxes.0,
            })
        };
        level(pair[0], pair[1]).or_else(|| level(pair[1], pair[0]))
    }

    /// The box of a cell.
    fn bbox(&self, cell: usize, sides: &[f32]) -> [f32; 4] {
        let stride = self.stride as f32;
        let centre = [cell % self.columns, cell / self.columns];
        let [x, y] = centre.map(|place| (place as f32 + 0.5) * stride);
        let mut distances = sides
            .chunks_exact(self.bins)
            .map(|side| expectation(side) * stride);
        let [left, top, right, bottom] = [(); 4].map(|()| distances.next().unwrap_or(0.0));
        [x - left, y - top, x + right, y + bottom]
    }
}

/// The mean place in a distribution that is given as logits.
fn expectation(logits: &[f32]) -> f32 {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (place, logit) in logits.iter().enumerate() {
        let weight = (logit - greatest).exp();
        sum += weight;
        weighted += weight * place as f32;
    }
    weighted / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_has_a_mean() {
        assert_eq!(expectation(&[0.0; 11]), 5.0);
        assert!((expectation(&[0.0, 0.0, 90.0, 0.0]) - 2.0).abs() < 1e-6);
        assert!((expectation(&[2.0_f32.ln(), 0.0, f32::MIN]) - 1.0 / 3.0).abs() < 1e-6);
    }
}
