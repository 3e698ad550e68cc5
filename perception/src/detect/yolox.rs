//! The output of YOLOX (Ge et al., "YOLOX: Exceeding YOLO Series in 2021",
//! arXiv 2107.08430): anchor-free, one prediction per cell of three grids.

use super::decoded::{Decoded, ROW_VALUES, corners, sure};
use super::family::{Known, Unit};
use super::grid::{cells, in_pixels, places};
use super::tensor::View;

/// Input pixels per cell of each grid, in the order of the output's rows.
const STRIDES: [u32; 3] = [8, 16, 32];

/// One row for each cell: centre relative to the cell and logarithm of the
/// size, both in cells, then objectness and classes, from 0 to 1. An exporter
/// may make centre and size pixels of the input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Yolox {
    size: [u32; 2],
    classes: usize,
    in_pixels: bool,
}

impl Yolox {
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let &Known { size, classes, .. } = known;
        let [output] = outputs else { return None };
        if output.dims != [cells(size, &STRIDES), ROW_VALUES + classes] {
            return None;
        }
        let in_pixels = match known.boxes {
            Some(Unit::Pixels) => true,
            Some(Unit::Cells) => false,
            None | Some(Unit::Relative) => in_pixels(output, size, &STRIDES),
        };
        // YOLOv6 has the same rows and another input.
        if in_pixels && known.family.is_none() && sure(output) {
            return None;
        }
        Some(Self {
            size,
            classes,
            in_pixels,
        })
    }

    /// What boxes are counted in.
    pub(super) fn unit(&self) -> Unit {
        match self.in_pixels {
            true => Unit::Pixels,
            false => Unit::Cells,
        }
    }

    /// The score is objectness times the best class, which is the box's
    /// class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        let [output] = outputs else { return decoded };
        if self.in_pixels {
            decoded.add_rows(output, self.classes, threshold, |_, bbox| corners(bbox));
            return decoded;
        }
        let cells: Vec<_> = places(self.size, &STRIDES).collect();
        decoded.add_rows(output, self.classes, threshold, |place, [cx, cy, w, h]| {
            // A row without a cell is no box.
            let Some(&[stride, x, y]) = cells.get(place) else {
                return [f32::NAN; 4];
            };
            let centre = [(cx + x) * stride, (cy + y) * stride];
            corners([centre[0], centre[1], w.exp() * stride, h.exp() * stride])
        });
        decoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [64, 32];
    const CLASSES: usize = 3;
    const WIDTH: usize = ROW_VALUES + CLASSES;

    fn decode(output: &[f32], threshold: f32) -> Decoded {
        let head = Yolox {
            size: SIZE,
            classes: CLASSES,
            in_pixels: false,
        };
        let view = View {
            name: "output",
            dims: &[cells(SIZE, &STRIDES), WIDTH],
            values: output,
        };
        head.decode(&[view], threshold)
    }

    /// An output without objects, but for the given rows.
    fn output(rows: &[(usize, [f32; WIDTH])]) -> Vec<f32> {
        let mut output = vec![0.0; cells(SIZE, &STRIDES) * WIDTH];
        for (index, row) in rows {
            output[index * WIDTH..][..WIDTH].copy_from_slice(row);
        }
        output
    }

    #[test]
    fn a_row_becomes_a_box_of_its_cell() {
        let two = 2.0_f32.ln();
        // The grids are 8x4, 4x2 and 2x1 cells; rows run along x.
        let output = output(&[
            (8 + 3, [0.5, 0.5, 0.0, two, 0.5, 0.1, 0.8, 0.2]),
            (32 + 4 + 1, [0.0, 1.0, two, 0.0, 1.0, 0.9, 0.9, 0.0]),
            (32 + 8 + 1, [0.5, 0.5, 0.0, 0.0, 0.8, 0.0, 0.0, 1.0]),
        ]);
        let found = decode(&output, 0.3).candidates;
        let expected = [
            (1, 0.5 * 0.8, [24.0, 4.0, 32.0, 20.0]),
            (0, 0.9, [0.0, 24.0, 32.0, 40.0]),
            (2, 0.8, [32.0, 0.0, 64.0, 32.0]),
        ];
        assert_eq!(found.len(), expected.len());
        for (found, (class, score, bbox)) in found.iter().zip(expected) {
            assert_eq!((found.class, found.score), (class, score));
            for (got, want) in found.bbox.iter().zip(bbox) {
                assert!((got - want).abs() < 1e-4, "{:?} for {bbox:?}", found.bbox);
            }
        }
    }

    #[test]
    fn rows_below_the_threshold_are_left_out() {
        let row = |objectness, class| [0.0, 0.0, 0.0, 0.0, objectness, class, 0.0, 0.0];
        let output = output(&[(0, row(0.5, 0.5)), (1, row(0.5, 0.49)), (2, row(0.2, 1.0))]);
        let found = decode(&output, 0.25).candidates;
        assert_eq!(found.iter().map(|c| c.score).collect::<Vec<_>>(), [0.25]);
    }

    #[test]
    fn rows_that_are_no_prediction_are_counted() {
        let good = [0.5, 0.5, 0.0, 0.0, 0.9, 0.9, 0.1, 0.1];
        let mut poisoned = Vec::new();
        for column in 0..WIDTH {
            for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut row = good;
                row[column] = poison;
                poisoned.push(row);
            }
        }
        poisoned.push([0.5, 0.5, 100.0, 0.0, 0.9, 0.9, 0.1, 0.1]);
        poisoned.push([0.5, 0.5, 0.0, 0.0, 1.1, 0.99, 0.1, 0.1]);
        poisoned.push([0.5, 0.5, 0.0, 0.0, 0.9, 1.2, 0.1, 0.1]);
        let rows: Vec<_> = poisoned.into_iter().enumerate().collect();
        assert!(rows.len() <= cells(SIZE, &STRIDES));
        let found = decode(&output(&rows), 0.3);
        assert_eq!(found.candidates, []);
        assert_eq!(found.invalid, rows.len() as u64);
        let found = decode(&output(&[(0, good)]), 0.3);
        assert_eq!((found.candidates.len(), found.invalid), (1, 0));
    }
}
