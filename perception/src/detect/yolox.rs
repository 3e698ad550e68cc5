//! The output of YOLOX (Ge et al., "YOLOX: Exceeding YOLO Series in 2021",
//! arXiv 2107.08430): anchor-free, one prediction per cell of three grids.

use super::letterbox::{Anchor, Channels, Form};
use super::nms::Candidate;

/// Input pixels per cell of each grid, in the order of the output's rows.
const STRIDES: [u32; 3] = [8, 16, 32];

/// Sides of an input must be whole numbers of the coarsest cell.
pub(super) const SIDE_MULTIPLE: u32 = 32;

/// Values in front of the classes: centre, size, objectness.
pub(super) const BOX_VALUES: usize = 5;

/// The input that YOLOX is trained on: BGR, 0 to 255, padded with 114.
pub(super) fn form(size: [u32; 2]) -> Form {
    Form {
        size,
        channels: Channels::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        anchor: Anchor::TopLeft,
        pad: 114,
    }
}

/// Number of predictions for an input of this width and height, pixels.
pub(super) fn predictions([width, height]: [u32; 2]) -> usize {
    STRIDES
        .iter()
        .map(|stride| (width / stride) as usize * (height / stride) as usize)
        .sum()
}

/// The predictions that score at least `threshold`, in input pixels.
///
/// `rows` holds [`predictions`] rows of [`BOX_VALUES`] + `classes` values,
/// as the network gives them: centre relative to its cell and logarithm of
/// the size, both in cells, then objectness and classes, from 0 to 1. The
/// score is objectness times the best class, which is the box's class. Rows
/// that are not finite, or score outside of 0 to 1, are ignored.
pub(super) fn decode(
    rows: &[f32],
    classes: usize,
    [width, height]: [u32; 2],
    threshold: f32,
) -> Vec<Candidate> {
    let cells = STRIDES.iter().flat_map(|&stride| {
        (0..height / stride).flat_map(move |y| (0..width / stride).map(move |x| (stride, x, y)))
    });
    rows.chunks_exact(BOX_VALUES + classes)
        .zip(cells)
        .filter_map(|(row, cell)| candidate(row, cell, threshold))
        .collect()
}

fn candidate(row: &[f32], (stride, x, y): (u32, u32, u32), threshold: f32) -> Option<Candidate> {
    let (&[cx, cy, w, h, objectness], classes) = row.split_first_chunk()?;
    // No class can lift a score above the objectness.
    if !(threshold..=1.0).contains(&objectness) || !row.iter().all(|v| v.is_finite()) {
        return None;
    }
    // The first of equals, as argmax has it.
    let (class, best) =
        (classes.iter().enumerate()).reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let score = objectness * best;
    if !(0.0..=1.0).contains(best) || score < threshold {
        return None;
    }
    let stride = stride as f32;
    let centre = [(cx + x as f32) * stride, (cy + y as f32) * stride];
    let half = [w.exp() * stride / 2.0, h.exp() * stride / 2.0];
    let bbox = [
        centre[0] - half[0],
        centre[1] - half[1],
        centre[0] + half[0],
        centre[1] + half[1],
    ];
    bbox.iter().all(|v| v.is_finite()).then_some(Candidate {
        class: u16::try_from(class).ok()?,
        score,
        bbox,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [64, 32];
    const CLASSES: usize = 3;
    const WIDTH: usize = BOX_VALUES + CLASSES;

    /// An output without objects, but for the given rows.
    fn output(rows: &[(usize, [f32; WIDTH])]) -> Vec<f32> {
        let mut output = vec![0.0; predictions(SIZE) * WIDTH];
        for (index, row) in rows {
            output[index * WIDTH..][..WIDTH].copy_from_slice(row);
        }
        output
    }

    #[test]
    fn predictions_are_counted_over_three_grids() {
        assert_eq!(predictions([416, 416]), 3549);
        assert_eq!(predictions([640, 640]), 8400);
        assert_eq!(predictions([1248, 384]), 9828);
        assert_eq!(predictions(SIZE), 32 + 8 + 2);
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
        let found = decode(&output, CLASSES, SIZE, 0.3);
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
        let found = decode(&output, CLASSES, SIZE, 0.25);
        assert_eq!(found.iter().map(|c| c.score).collect::<Vec<_>>(), [0.25]);
    }

    #[test]
    fn rows_that_are_no_prediction_are_ignored() {
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
        poisoned.push([0.5, 0.5, 0.0, 0.0, 1.1, 0.9, 0.1, 0.1]);
        poisoned.push([0.5, 0.5, 0.0, 0.0, 0.9, 1.1, 0.1, 0.1]);
        poisoned.push([0.5, 0.5, 0.0, 0.0, -0.9, -0.9, -1.0, -1.0]);
        let rows: Vec<_> = poisoned.into_iter().enumerate().collect();
        assert!(rows.len() <= predictions(SIZE));
        for threshold in [0.0, 0.3] {
            let found = decode(&output(&rows), CLASSES, SIZE, threshold);
            let real = found.iter().filter(|c| c.score > 0.0).count();
            assert_eq!(real, 0);
        }
        assert_eq!(decode(&output(&[(0, good)]), CLASSES, SIZE, 0.3).len(), 1);
    }
}
