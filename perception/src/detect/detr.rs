//! The outputs of detection transformers: DETR (Carion et al., ECCV 2020) and
//! its kin RT-DETR (arXiv 2304.08069), D-FINE (arXiv 2410.13842) and RF-DETR
//! (2025). One prediction per query, none of them twice, so that nothing is
//! suppressed.

use super::decoded::{Decoded, argmax, corners, sigmoid};
use super::family::{Known, Numbering, Unit};
use super::tensor::{View, finite};

/// Columns of a network that numbers its classes by COCO's identifiers.
const COCO_COLUMNS: usize = 91;

/// Either centre and size in sides of the input, and a logit for each class;
/// or, of a network that takes the size to which it scales its boxes, their
/// corners, labels and scores.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Detr {
    size: [u32; 2],
    classes: usize,
    numbering: Numbering,
    /// Which output holds the boxes.
    boxes: usize,
    /// Whether pictures are normalised by the mean and deviation of ImageNet.
    imagenet: bool,
    scores: Scores,
}

/// What says which class a query shows.
#[derive(Clone, Debug, PartialEq)]
enum Scores {
    Logits {
        /// Which output holds them.
        place: usize,
        /// Logits of a query.
        columns: usize,
        /// Whether the last column is for no object, and the classes exclude
        /// each other.
        softmax: bool,
    },
    /// Labels and scores, an output for each.
    Given { labels: usize, scores: usize },
}

impl Detr {
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        if known.scales {
            Self::scored(outputs, known)
        } else {
            Self::with_logits(outputs, known)
        }
    }

    fn with_logits(outputs: &[View], known: &Known) -> Option<Self> {
        let [first, second] = outputs else {
            return None;
        };
        let (&[queries, a], &[other, b]) = (first.dims, second.dims) else {
            return None;
        };
        // Grids have thousands of cells, and other boxes.
        if queries != other || queries > 1000 && known.family.is_none() {
            return None;
        }
        let named = |output: &View| output.name.contains("box") || output.name.contains("dets");
        let (boxes, columns) = match (a, b) {
            (4, 4) => (usize::from(!named(first)), 4),
            (4, columns) => (0, columns),
            (columns, 4) => (1, columns),
            _ => return None,
        };
        let &Known { size, classes, .. } = known;
        let ids = known.coco && (columns == COCO_COLUMNS || columns == COCO_COLUMNS + 1);
        // RF-DETR calls its logits so.
        let rf_detr = outputs[1 - boxes].name == "labels";
        let one_more = columns == classes + 1 || known.coco && columns == COCO_COLUMNS + 1;
        if !(columns == classes || one_more || ids) {
            return None;
        }
        let softmax = one_more && !rf_detr;
        let counted = if ids {
            Numbering::CocoIds
        } else {
            Numbering::FromZero
        };
        Some(Self {
            size,
            classes,
            numbering: known.numbering.unwrap_or(counted),
            boxes,
            imagenet: rf_detr || softmax || ids,
            scores: Scores::Logits {
                place: 1 - boxes,
                columns,
                softmax,
            },
        })
    }

    fn scored(outputs: &[View], known: &Known) -> Option<Self> {
        let named = |word: &str| outputs.iter().position(|output| output.name.contains(word));
        let (boxes, labels, scores) = (named("box")?, named("label")?, named("score")?);
        let &[queries, 4] = outputs[boxes].dims else {
            return None;
        };
        let fits = [labels, scores]
            .iter()
            .all(|&place| outputs[place].dims == [queries]);
        fits.then_some(Self {
            size: known.size,
            classes: known.classes,
            numbering: known.numbering.unwrap_or(Numbering::FromZero),
            boxes,
            imagenet: false,
            scores: Scores::Given { labels, scores },
        })
    }

    /// Whether pictures are normalised by the mean and deviation of ImageNet:
    /// those of DETR and RF-DETR are, others' are from 0 to 1.
    pub(super) fn imagenet(&self) -> bool {
        self.imagenet
    }

    pub(super) fn numbering(&self) -> Numbering {
        self.numbering
    }

    pub(super) fn unit(&self) -> Unit {
        match self.scores {
            Scores::Logits { .. } => Unit::Relative,
            Scores::Given { .. } => Unit::Pixels,
        }
    }

    /// The score is that of the best class, which is the box's class.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        let Some(boxes) = outputs.get(self.boxes) else {
            return decoded;
        };
        let boxes = boxes.values.as_chunks::<4>().0;
        let values = |place: usize| outputs.get(place).map_or(&[][..], |output| output.values);
        match self.scores {
            Scores::Logits {
                place,
                columns,
                softmax,
            } => {
                let [width, height] = self.size.map(|side| side as f32);
                for (bbox, logits) in boxes.iter().zip(values(place).chunks_exact(columns)) {
                    if !finite(bbox) || !finite(logits) {
                        decoded.invalid += 1;
                        continue;
                    }
                    let Some((class, score)) = self.best(logits, softmax) else {
                        continue;
                    };
                    if score >= threshold {
                        let [x, y, w, h] = *bbox;
                        let bbox = [x * width, y * height, w * width, h * height];
                        decoded.add(Some(class), score, corners(bbox));
                    }
                }
            }
            Scores::Given { labels, scores } => {
                let rows = boxes.iter().zip(values(labels)).zip(values(scores));
                for ((bbox, &label), &score) in rows {
                    if !(finite(bbox) && label.is_finite() && score.is_finite()) {
                        decoded.invalid += 1;
                    } else if score >= threshold {
                        // A cast saturates.
                        let class = self.numbering.class(label as usize, self.classes);
                        decoded.add(class, score, *bbox);
                    }
                }
            }
        }
        decoded
    }

    /// Class and score of the best of the columns that are classes.
    fn best(&self, logits: &[f32], softmax: bool) -> Option<(u16, f32)> {
        let classes = logits.iter().enumerate().filter_map(|(column, &logit)| {
            let is_class = !softmax || column + 1 < logits.len();
            let class = self.numbering.class(column, self.classes);
            Some((class.filter(|_| is_class)?, logit))
        });
        // The first of equals.
        let (class, logit) = classes.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        if !softmax {
            return Some((class, sigmoid(logit)));
        }
        let (_, greatest) = argmax(logits)?;
        let sum: f32 = logits.iter().map(|l| (l - greatest).exp()).sum();
        Some((class, (logit - greatest).exp() / sum))
    }
}
