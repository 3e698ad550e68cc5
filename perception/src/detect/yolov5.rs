//! The output of YOLOv5 as its exporter writes it (Jocher, "YOLOv5 by
//! Ultralytics", 2020), and of YOLOv7, which has the same: three anchors in
//! each cell of the grids, already decoded; and of YOLOv6 (Li et al., arXiv
//! 2209.02976), which has one, and of which the objectness is 1.

use super::decoded::{Decoded, ROW_VALUES, corners, sure};
use super::family::Known;
use super::grid::{cells, in_pixels};
use super::tensor::View;

/// One row for each anchor: centre and size in input pixels, then objectness
/// and classes, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct YoloV5 {
    classes: usize,
}

impl YoloV5 {
    /// The number of rows is that of three anchors, or of one where the
    /// objectness is 1, on grids of 8, 16 and 32 pixels, or of 64 in addition;
    /// any, if a manifest states the family.
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        const ANCHORS: usize = 3;
        let &Known { size, classes, .. } = known;
        let [output] = outputs else { return None };
        let &[rows, values] = output.dims else {
            return None;
        };
        let usual = [&[8, 16, 32][..], &[8, 16, 32, 64]]
            .into_iter()
            .any(|strides| {
                let cells = cells(size, strides);
                rows == ANCHORS * cells
                    || rows == cells && sure(output) && in_pixels(output, size, strides)
            });
        (values == ROW_VALUES + classes && (usual || known.family.is_some()))
            .then_some(Self { classes })
    }

    /// The score is objectness times the best class, which is the box's
    /// class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        if let [output] = outputs {
            decoded.add_rows(output, self.classes, threshold, |_, bbox| corners(bbox));
        }
        decoded
    }
}
