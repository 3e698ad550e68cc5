//! What heads make of a network's outputs: the boxes that can be.

use super::nms::Candidate;
use super::tensor::{View, finite};

/// Values in front of the classes in a row of YOLOX and YOLOv5: centre, size,
/// objectness.
pub(super) const ROW_VALUES: usize = 5;

/// Whether every row of (centre, size, objectness, classes) has 1 for its
/// objectness: that of a network that has none.
pub(super) fn sure(output: &View) -> bool {
    let width = output.dims.last().map_or(ROW_VALUES, |width| *width);
    let mut rows = output.values.chunks(width.max(ROW_VALUES));
    rows.all(|row| row.get(ROW_VALUES - 1) == Some(&1.0))
}

/// The boxes in the outputs for one picture, in input pixels.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) candidates: Vec<Candidate>,
    /// Predictions that hold something else than numbers, or boxes and scores
    /// that cannot be.
    pub(super) invalid: u64,
}

impl Decoded {
    /// Takes the predictions of an output in rows of centre, size, objectness
    /// and so many classes, from 0 to 1: those of which the objectness times
    /// the best class, which is the box's class, is at least `threshold`.
    /// `bbox` makes a box of a row's place among the rows, centre and size.
    pub(super) fn add_rows(
        &mut self,
        output: &View,
        classes: usize,
        threshold: f32,
        bbox: impl Fn(usize, [f32; 4]) -> [f32; 4],
    ) {
        let sound = finite(output.values);
        let rows = output.values.chunks_exact(ROW_VALUES + classes);
        for (place, row) in rows.enumerate() {
            let Some((&[x, y, w, h, objectness], classes)) = row.split_first_chunk() else {
                continue;
            };
            if !sound && !finite(row) {
                self.invalid += 1;
                continue;
            }
            // No class from 0 to 1 lifts a score above the objectness. Whether
            // the classes of what is passed over here are, nobody looks.
            if objectness < threshold {
                continue;
            }
            if let Some((class, best)) = argmax(classes)
                && objectness * best >= threshold
            {
                let class = u16::try_from(class).ok();
                self.add(class, objectness * best, bbox(place, [x, y, w, h]));
            }
        }
    }

    /// Takes a prediction of a class, if the class is one, the score is from
    /// 0 to 1 and the box (x_min, y_min, x_max, y_max) could be near a
    /// picture. A score may miss its range by what rounding does.
    pub(super) fn add(&mut self, class: Option<u16>, score: f32, bbox: [f32; 4]) {
        const SLACK: f32 = 1e-3;
        const FAR: f32 = 1e6;
        let [x_min, y_min, x_max, y_max] = bbox;
        let near = bbox.iter().all(|v| v.abs() <= FAR) && x_min <= x_max && y_min <= y_max;
        match class {
            Some(class) if near && (0.0..=1.0 + SLACK).contains(&score) => {
                self.candidates.push(Candidate {
                    class,
                    score: score.min(1.0),
                    bbox,
                    cut: false,
                });
            }
            _ => self.invalid += 1,
        }
    }
}

/// Place and value of the greatest; of equals, the first.
pub(super) fn argmax(values: &[f32]) -> Option<(usize, f32)> {
    let values = values.iter().copied().enumerate();
    values.reduce(|a, b| if b.1 > a.1 { b } else { a })
}

/// The corners of a box from its centre and size.
pub(super) fn corners([x, y, width, height]: [f32; 4]) -> [f32; 4] {
    let half = [width / 2.0, height / 2.0];
    [x - half[0], y - half[1], x + half[0], y + half[1]]
}

/// The logistic function.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_counted() {
        let mut decoded = Decoded::default();
        let bbox = [0.0, 0.0, 1.0, 1.0];
        decoded.add(Some(1), 1.000_000_4, bbox);
        decoded.add(None, 0.5, bbox);
        decoded.add(Some(1), 1.1, bbox);
        decoded.add(Some(1), f32::NAN, bbox);
        decoded.add(Some(1), 0.5, [0.0, 0.0, f32::INFINITY, 1.0]);
        decoded.add(Some(1), 0.5, [0.0, 0.0, 1e7, 1.0]);
        decoded.add(Some(1), 0.5, [1.0, 0.0, 0.0, 1.0]);
        assert_eq!((decoded.candidates.len(), decoded.invalid), (1, 6));
        assert_eq!(decoded.candidates[0].score, 1.0);
    }
}
