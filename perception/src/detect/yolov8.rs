//! The output of YOLOv8 and YOLO11 as their exporter writes it (Jocher et
//! al., "Ultralytics YOLO", 2023): anchor-free, already decoded, without
//! objectness, one column per prediction.

use super::decoded::{Decoded, corners};
use super::family::Known;
use super::grid::cells;
use super::tensor::{View, finite};

/// Values in front of the classes: centre, size.
const BOX_VALUES: usize = 4;

/// One column for each cell: centre and size in input pixels, then the
/// classes, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct YoloV8 {
    classes: usize,
}

impl YoloV8 {
    /// The number of columns is that of grids of 8, 16 and 32 pixels, or of
    /// 64 in addition; any, if a manifest states the family.
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let &Known { size, classes, .. } = known;
        let [output] = outputs else { return None };
        let &[values, columns] = output.dims else {
            return None;
        };
        let usual =
            columns == cells(size, &[8, 16, 32]) || columns == cells(size, &[8, 16, 32, 64]);
        (values == BOX_VALUES + classes && (usual || known.family.is_some()))
            .then_some(Self { classes })
    }

    /// The score is that of the best class, which is the box's class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        let [output] = outputs else { return decoded };
        let columns = output.values.len() / (BOX_VALUES + self.classes);
        let line = |value: usize| &output.values[value * columns..][..columns];
        let sound = finite(output.values);

        // The first of equals, as argmax has it; line by line, as it lies in
        // memory.
        let mut best = vec![(0, f32::NEG_INFINITY); columns];
        for class in 0..self.classes {
            for (best, &score) in best.iter_mut().zip(line(BOX_VALUES + class)) {
                if score > best.1 {
                    *best = (class, score);
                }
            }
        }
        for (place, (class, score)) in best.into_iter().enumerate() {
            let values = 0..BOX_VALUES + self.classes;
            if !sound && !values.map(|value| line(value)[place]).all(f32::is_finite) {
                decoded.invalid += 1;
            } else if score >= threshold {
                let bbox = corners([0, 1, 2, 3].map(|value| line(value)[place]));
                decoded.add(u16::try_from(class).ok(), score, bbox);
            }
        }
        decoded
    }
}
