//! The families of detectors, told apart by what they give.

use serde::{Deserialize, Serialize};

use super::coco;
use super::decoded::Decoded;
use super::detr::Detr;
use super::fastestdet::FastestDet;
use super::form::{Anchor, Channels, Element, Form, Padding};
use super::grid::cells;
use super::nanodet::NanoDet;
use super::ssd::Ssd;
use super::tensor::View;
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
    /// Cells of a grid, from the one that they belong to.
    Cells,
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

    /// The input that the family is trained on, of a network with this plain
    /// one.
    pub(super) fn form(&self, plain: Form) -> Form {
        let padded = |anchor, pad| Some(Padding { anchor, pad });
        let in_the_centre = Form {
            std: [255.0; 3],
            padding: padded(Anchor::Centre, 114),
            ..plain
        };
        let form = match self {
            Self::Yolox(_) => Form {
                channels: Channels::Bgr,
                padding: padded(Anchor::TopLeft, 114),
                ..plain
            },
            Self::YoloV5(_) | Self::YoloV8(_) => in_the_centre,
            Self::Ssd(head) if head.letterboxed() => in_the_centre,
            Self::NanoDet(_) => Form {
                channels: Channels::Bgr,
                mean: [103.53, 116.28, 123.675],
                std: [57.375, 57.12, 58.395],
                padding: padded(Anchor::Centre, 0),
                ..plain
            },
            Self::FastestDet(_) => Form {
                channels: Channels::Bgr,
                std: [255.0; 3],
                ..plain
            },
            Self::Detr(head) if head.imagenet() => Form {
                mean: [123.675, 116.28, 103.53],
                std: [58.395, 57.12, 57.375],
                ..plain
            },
            Self::Detr(_) | Self::Ssd(_) => Form {
                std: [255.0; 3],
                ..plain
            },
        };
        match plain.element {
            // Bytes are normalised by the network.
            Element::U8 => Form {
                mean: plain.mean,
                std: plain.std,
                ..form
            },
            Element::F32 | Element::F16 => form,
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

    /// How its labels are numbered, or the places of its classes.
    pub(super) fn numbering(&self) -> Numbering {
        match self {
            Self::Detr(head) => head.numbering(),
            Self::Ssd(head) => head.numbering(),
            _ => Numbering::FromZero,
        }
    }

    /// What its boxes are counted in, if it is one thing.
    pub(super) fn unit(&self) -> Option<Unit> {
        match self {
            Self::Yolox(head) => Some(head.unit()),
            Self::YoloV5(_) | Self::YoloV8(_) => Some(Unit::Pixels),
            Self::NanoDet(_) => Some(Unit::Cells),
            // Centres in cells, sizes in sides.
            Self::FastestDet(_) => None,
            Self::Detr(head) => Some(head.unit()),
            Self::Ssd(head) => Some(head.unit()),
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

impl Numbering {
    /// Its name in manifests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FromZero => "from-zero",
            Self::FromOne => "from-one",
            Self::CocoIds => "coco-ids",
        }
    }

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

impl Unit {
    /// Its name in manifests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Relative => "relative",
            Self::Cells => "cells",
        }
    }
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
}
