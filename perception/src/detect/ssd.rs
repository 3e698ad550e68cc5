//! The outputs of networks that suppress within themselves, as SSD (Liu et
//! al., ECCV 2016) does when it is exported with its non-maximum suppression:
//! boxes, their labels and scores.

use super::decoded::Decoded;
use super::family::{Known, Numbering, Unit};
use super::tensor::{View, finite};

/// Corners, labels and scores of boxes, and perhaps how many of them count.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ssd {
    size: [u32; 2],
    classes: usize,
    numbering: Numbering,
    /// Whether boxes are counted in sides of the input, not in its pixels.
    relative: bool,
    /// Whether y comes before x.
    y_first: bool,
    places: Places,
}

/// Where it all is.
#[derive(Clone, Debug, PartialEq)]
enum Places {
    /// An output for each, by its place.
    Apart {
        boxes: usize,
        labels: usize,
        scores: usize,
        count: Option<usize>,
    },
    /// Boxes with their scores in an output, labels in another.
    Scored { boxes: usize, labels: usize },
    /// Rows of a box, its score and its label.
    Rows,
}

impl Ssd {
    /// The outputs are told apart by their names. TensorFlow's
    /// (`detection_boxes`) are y first and relative to the sides, with COCO's
    /// identifiers for labels; torchvision's (`boxes`) are pixels, with the
    /// same labels; those of the ONNX model zoo (`bboxes`) are relative, and
    /// their labels begin with 1; all others are pixels, and their labels
    /// begin with 0.
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let named = |words: &[&str]| {
            let is = |output: &View| words.iter().any(|word| output.name.contains(word));
            outputs.iter().position(is)
        };
        let width = |place: usize| outputs[place].dims.last().copied();
        let count = named(&["num"]);
        let places = match (
            named(&["box", "dets"]),
            named(&["label", "class"]),
            named(&["score"]),
        ) {
            (Some(boxes), Some(labels), Some(scores)) if width(boxes) == Some(4) => Places::Apart {
                boxes,
                labels,
                scores,
                count,
            },
            (Some(boxes), Some(labels), None) if width(boxes) == Some(5) => {
                Places::Scored { boxes, labels }
            }
            _ if outputs.len() == 1 && matches!(outputs[0].dims, [_, 6]) => Places::Rows,
            _ => return None,
        };
        let boxes_name = match places {
            Places::Apart { boxes, .. } => outputs[boxes].name,
            Places::Scored { .. } | Places::Rows => "",
        };
        let ids = if known.coco {
            Numbering::CocoIds
        } else {
            Numbering::FromOne
        };
        let y_first = boxes_name.starts_with("detection_boxes");
        let (relative, numbering) = match boxes_name {
            _ if y_first => (true, ids),
            "boxes" => (false, ids),
            "bboxes" => (true, Numbering::FromOne),
            _ => (false, Numbering::FromZero),
        };
        Some(Self {
            size: known.size,
            classes: known.classes,
            numbering: known.numbering.unwrap_or(numbering),
            relative: match known.boxes {
                Some(Unit::Relative) => true,
                Some(Unit::Pixels) => false,
                None | Some(Unit::Cells) => relative,
            },
            y_first,
            places,
        })
    }

    pub(super) fn numbering(&self) -> Numbering {
        self.numbering
    }

    pub(super) fn unit(&self) -> Unit {
        match self.relative {
            true => Unit::Relative,
            false => Unit::Pixels,
        }
    }

    /// Whether pictures are fitted into the middle of the input: the YOLOs
    /// that are exported with their suppression, or need none, give rows.
    pub(super) fn letterboxed(&self) -> bool {
        self.places == Places::Rows
    }

    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        let mut decoded = Decoded::default();
        let values = |place: usize| outputs.get(place).map_or(&[][..], |output| output.values);
        match self.places {
            Places::Apart {
                boxes,
                labels,
                scores,
                count,
            } => {
                let boxes = values(boxes).as_chunks::<4>().0;
                let count = match count.map(values) {
                    None => boxes.len(),
                    // A cast saturates; what is no number counts nothing.
                    Some([count, ..]) if (0.0..=boxes.len() as f32).contains(count) => {
                        *count as usize
                    }
                    Some(_) => {
                        decoded.invalid += 1;
                        0
                    }
                };
                let rows = boxes.iter().zip(values(labels)).zip(values(scores));
                for ((&bbox, &label), &score) in rows.take(count) {
                    self.add(&mut decoded, threshold, bbox, score, label);
                }
            }
            Places::Scored { boxes, labels } => {
                let boxes = values(boxes).as_chunks::<5>().0;
                for (&[a, b, c, d, score], &label) in boxes.iter().zip(values(labels)) {
                    self.add(&mut decoded, threshold, [a, b, c, d], score, label);
                }
            }
            Places::Rows => {
                for &[a, b, c, d, score, label] in values(0).as_chunks::<6>().0 {
                    self.add(&mut decoded, threshold, [a, b, c, d], score, label);
                }
            }
        }
        decoded
    }

    fn add(&self, decoded: &mut Decoded, threshold: f32, bbox: [f32; 4], score: f32, label: f32) {
        if !(finite(&bbox) && score.is_finite() && label.is_finite()) {
            decoded.invalid += 1;
            return;
        }
        if score < threshold {
            return;
        }
        let [width, height] = match self.relative {
            true => self.size.map(|side| side as f32),
            false => [1.0; 2],
        };
        let [x_min, y_min, x_max, y_max] = match (self.y_first, bbox) {
            (false, bbox) => bbox,
            (true, [y_min, x_min, y_max, x_max]) => [x_min, y_min, x_max, y_max],
        };
        let bbox = [x_min * width, y_min * height, x_max * width, y_max * height];
        let whole = (label >= 0.0).then_some(label.round() as usize);
        let class = whole.and_then(|label| self.numbering.class(label, self.classes));
        decoded.add(class, score, bbox);
    }
}
