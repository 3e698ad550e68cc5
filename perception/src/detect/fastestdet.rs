//! The output of FastestDet (Ma Xuehao, "FastestDet", 2022): anchor-free, one
//! prediction per cell of a single grid.

use super::decoded::{Decoded, corners, sigmoid};
use super::family::Known;
use super::tensor::{View, finite};

/// Input pixels per cell.
const STRIDE: u32 = 16;

/// Values in front of the classes: objectness, centre, size.
const BOX_VALUES: usize = 5;

/// One plane for each value, one place in it for each cell: objectness from 0
/// to 1; the centre's distance from the cell, of which the hyperbolic tangent
/// is in cells; the size, of which the logistic function is in sides of the
/// input; classes from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FastestDet {
    size: [u32; 2],
    classes: usize,
}

impl FastestDet {
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let &Known { size, classes, .. } = known;
        let [output] = outputs else { return None };
        let [width, height] = size.map(|side| side.div_ceil(STRIDE) as usize);
        (output.dims == [BOX_VALUES + classes, height, width]).then_some(Self { size, classes })
    }

    /// The score is objectness times the best class, which is the box's
    /// class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        let [output] = outputs else { return decoded };
        let [columns, rows] = self.size.map(|side| side.div_ceil(STRIDE) as usize);
        let cells = columns * rows;
        if output.values.len() != cells * (BOX_VALUES + self.classes) {
            return decoded;
        }
        let sound = finite(output.values);
        for cell in 0..cells {
            let value = |plane: usize| output.values[plane * cells + cell];
            let mut planes = 0..BOX_VALUES + self.classes;
            if !sound && !planes.all(|plane| value(plane).is_finite()) {
                decoded.invalid += 1;
                continue;
            }
            // The first of equals.
            let classes = (0..self.classes).map(|class| (class, value(BOX_VALUES + class)));
            let best = classes.reduce(|a, b| if b.1 > a.1 { b } else { a });
            let Some((class, best)) = best else { continue };
            let score = value(0) * best;
            if score < threshold {
                continue;
            }
            let side = |axis: usize| self.size[axis] as f32;
            let x = ((cell % columns) as f32 + value(1).tanh()) * side(0) / columns as f32;
            let y = ((cell / columns) as f32 + value(2).tanh()) * side(1) / rows as f32;
            let size = [sigmoid(value(3)) * side(0), sigmoid(value(4)) * side(1)];
            let bbox = corners([x, y, size[0], size[1]]);
            decoded.add(u16::try_from(class).ok(), score, bbox);
        }
        decoded
    }
}
