//! The families of detectors, told apart by what they give.

use serde::{Deserialize, Serialize};

use super::coco;
use super::detr::Detr;
use super::fastestdet::FastestDet;
use super::form::{Anchor, Channels, Element, Form, Layout, Padding};
use super::grid::cells;
use super::nanodet::NanoDet;
use super::nms::Candidate;
use super::ssd::Ssd;
use super::tensor::{View, finite};
use super::yolov5::YoloV5;
use super::yolov8::YoloV8;
use super::yolox::Yolox;

/// What a network's outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Family {
    Yolox,
    YoloV5,
    YoloV8,
    NanoDet,
    FastestDet,
    Detr,
    Ssd,
}

impl Family {
    /// In the order in which they are tried.
    const ALL: [Self; 7] = [
        Self::Yolox,
        Self::YoloV5,
        Self::YoloV8,
        Self::NanoDet,
        Self::FastestDet,
        Self::Detr,
        Self::Ssd,
    ];

    /// Its name in manifests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Yolox => "yolox",
            Self::YoloV5 => "yolov5",
            Self::YoloV8 => "yolov8",
            Self::NanoDet => "nanodet",
            Self::FastestDet => "fastestdet",
            Self::Detr => "detr",
            Self::Ssd => "ssd",
        }
    }
}

/// What is known of a network before its outputs are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Width and height of the input, pixels.
    pub(super) size: [u32; 2],
    /// Number of classes.
    pub(super) classes: usize,
    /// Whether the classes are COCO's.
    pub(super) coco: bool,
    /// The family that the manifest states.
    pub(super) family: Option<Family>,
    /// How the manifest says that labels are numbered.
    pub(super) numbering: Option<Numbering>,
    /// What the manifest says of the boxes' coordinates.
    pub(super) boxes: Option<Unit>,
    /// Whether the network takes the size to which it scales its boxes.
    pub(super) scales: bool,
}

/// How a network numbers its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Numbering {
    /// 0 is the first class.
    FromZero,
    /// 0 is the background, 1 the first class.
    FromOne,
    /// COCO's category identifiers.
    CocoIds,
}

/// What coordinates of boxes are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unit {
    /// Pixels of the input.
    Pixels,
    /// Sides of the input.
    Relative,
}

/// What a network gives for a picture, and how it is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Head {
    Yolox(Yolox),
    YoloV5(YoloV5),
    YoloV8(YoloV8),
    NanoDet(NanoDet),
    FastestDet(FastestDet),
    Detr(Detr),
    Ssd(Ssd),
}

/// The boxes in the outputs for one picture, in input pixels.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub(super) candidates: Vec<Candidate>,
    /// Predictions that hold something else than numbers, or boxes and scores
    /// that cannot be.
    pub(super) invalid: u64,
}

impl Head {
    /// The head whose outputs these are; `None` if it is none that is known,
    /// or another one than the manifest states.
    pub(super) fn recognise(outputs: &[View], known: &Known) -> Option<Self> {
        let stated = |family: &Family| known.family.is_none_or(|stated| stated == *family);
        let mut families = Family::ALL.into_iter().filter(stated);
        families.find_map(|family| match family {
            Family::Yolox => Yolox::recognise(outputs, known).map(Self::Yolox),
            Family::YoloV5 => YoloV5::recognise(outputs, known).map(Self::YoloV5),
            Family::YoloV8 => YoloV8::recognise(outputs, known).map(Self::YoloV8),
            Family::NanoDet => NanoDet::recognise(outputs, known).map(Self::NanoDet),
            Family::FastestDet => FastestDet::recognise(outputs, known).map(Self::FastestDet),
            Family::Detr => Detr::recognise(outputs, known).map(Self::Detr),
            Family::Ssd => Ssd::recognise(outputs, known).map(Self::Ssd),
        })
    }

    /// The boxes that score at least `threshold`, in the outputs for one
    /// picture. The outputs have the shapes by which the head was recognised.
    pub(super) fn decode(&self, outputs: &[View], threshold: f32) -> Decoded {
        match self {
            Self::Yolox(head) => head.decode(outputs, threshold),
            Self::YoloV5(head) => head.decode(outputs, threshold),
            Self::YoloV8(head) => head.decode(outputs, threshold),
            Self::NanoDet(head) => head.decode(outputs, threshold),
            Self::FastestDet(head) => head.decode(outputs, threshold),
            Self::Detr(head) => head.decode(outputs, threshold),
            Self::Ssd(head) => head.decode(outputs, threshold),
        }
    }

    /// The input that the family is trained on.
    pub(super) fn form(&self, size: [u32; 2], layout: Layout, element: Element) -> Form {
        let form = Form {
            size,
            layout,
            element,
            channels: Channels::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
            padding: None,
        };
        let padded = |anchor, pad| Some(Padding { anchor, pad });
        match self {
            Self::Yolox(_) => Form {
                channels: Channels::Bgr,
                padding: padded(Anchor::TopLeft, 114),
                ..form
            },
            Self::YoloV5(_) | Self::YoloV8(_) => Form {
                std: [255.0; 3],
                padding: padded(Anchor::Centre, 114),
                ..form
            },
            Self::NanoDet(_) => Form {
                channels: Channels::Bgr,
                mean: [103.53, 116.28, 123.675],
                std: [57.375, 57.12, 58.395],
                padding: padded(Anchor::Centre, 0),
                ..form
            },
            Self::FastestDet(_) => Form {
                channels: Channels::Bgr,
                std: [255.0; 3],
                ..form
            },
            Self::Detr(head) if head.imagenet() => Form {
                mean: [123.675, 116.28, 103.53],
                std: [58.395, 57.12, 57.375],
                ..form
            },
            Self::Ssd(_) if element == Element::U8 => form,
            Self::Detr(_) | Self::Ssd(_) => Form {
                std: [255.0; 3],
                ..form
            },
        }
    }

    pub(super) fn family(&self) -> Family {
        match self {
            Self::Yolox(_) => Family::Yolox,
            Self::YoloV5(_) => Family::YoloV5,
            Self::YoloV8(_) => Family::YoloV8,
            Self::NanoDet(_) => Family::NanoDet,
            Self::FastestDet(_) => Family::FastestDet,
            Self::Detr(_) => Family::Detr,
            Self::Ssd(_) => Family::Ssd,
        }
    }

    /// How its labels are numbered and what its boxes are counted in, where
    /// the family leaves it open.
    pub(super) fn conventions(&self) -> (Option<Numbering>, Option<Unit>) {
        match self {
            Self::Yolox(head) => (None, head.unit()),
            Self::Detr(head) => (Some(head.numbering()), None),
            Self::Ssd(head) => (Some(head.numbering()), Some(head.unit())),
            _ => (None, None),
        }
    }

    /// Whether several boxes may show one object.
    pub(super) fn repeats(&self) -> bool {
        !matches!(self, Self::Detr(_) | Self::Ssd(_))
    }

    /// Whether every run has outputs of the same shapes.
    pub(super) fn is_fixed(&self) -> bool {
        !matches!(self, Self::Ssd(_))
    }
}

/// What would have been recognised, for an error.
pub(super) fn expected(known: &Known) -> String {
    let classes = known.classes;
    let cells = cells(known.size, &[8, 16, 32]);
    let [width, height] = known.size.map(|side| side.div_ceil(16));
    let form = |family: Family| {
        let outputs = match family {
            Family::Yolox => format!("[{cells}, {}]", 5 + classes),
            Family::YoloV5 => format!("[{}, {}]", 3 * cells, 5 + classes),
            Family::YoloV8 => format!("[{}, {cells}]", 4 + classes),
            Family::NanoDet => format!("three [n, {classes}] and three [n, 4 bins]"),
            Family::FastestDet => format!("[{}, {height}, {width}]", 5 + classes),
            Family::Detr => format!("boxes [n, 4] and logits [n, {classes}]"),
            Family::Ssd => "boxes, labels and scores".into(),
        };
        format!("{} {outputs}", family.name())
    };
    match known.family {
        Some(family) => format!(
            "{} for each picture, as the manifest states it with {classes} classes",
            form(family)
        ),
        None => {
            format!(
                "those of a detector of {classes} classes ({}), or a manifest that states others",
                Family::ALL.map(form).join("; ")
            )
        }
    }
}

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
            // No class can lift a score above the objectness.
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

impl Numbering {
    /// The class of a label, of so many classes.
    pub(super) fn class(self, label: usize, classes: usize) -> Option<u16> {
        let class = match self {
            Self::FromZero => Some(label),
            Self::FromOne => label.checked_sub(1),
            Self::CocoIds => coco::CATEGORIES
                .binary_search_by_key(&label, |&(id, _)| usize::from(id))
                .ok(),
        };
        u16::try_from(class.filter(|&class| class < classes)?).ok()
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
    fn labels_are_numbered_in_three_ways() {
        assert_eq!(Numbering::FromZero.class(0, 3), Some(0));
        assert_eq!(Numbering::FromZero.class(3, 3), None);
        assert_eq!(Numbering::FromOne.class(0, 3), None);
        assert_eq!(Numbering::FromOne.class(3, 3), Some(2));
        // Twelve was never annotated; the stop sign is the twelfth class.
        assert_eq!(Numbering::CocoIds.class(12, 80), None);
        assert_eq!(Numbering::CocoIds.class(13, 80), Some(11));
        assert_eq!(Numbering::CocoIds.class(90, 80), Some(79));
        assert_eq!(Numbering::CocoIds.class(usize::MAX, 80), None);
    }

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
