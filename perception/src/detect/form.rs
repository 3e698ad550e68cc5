//! The form in which a network takes a picture.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The form in which a network wants its picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Form {
    /// Width and height of the input, pixels.
    pub(super) size: [u32; 2],
    /// Order of the input's dimensions.
    pub(super) layout: Layout,
    /// Type of the input's values.
    pub(super) element: Element,
    /// Order of the colour planes.
    pub(super) channels: Channels,
    /// Subtracted from each plane's values of 0 to 255, in the planes' order.
    pub(super) mean: [f32; 3],
    /// What each plane is divided by after that, in the planes' order.
    pub(super) std: [f32; 3],
    /// What surrounds the picture; `None` stretches it over the whole input.
    pub(super) padding: Option<Padding>,
}

/// Order of the input's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Layout {
    /// Batch, plane, row, column.
    Nchw,
    /// Batch, row, column, plane.
    Nhwc,
}

/// Type of the input's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F16,
    U8,
}

/// Order of the colour planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [width, height] = self.size;
        let layout = match self.layout {
            Layout::Nchw => "NCHW",
            Layout::Nhwc => "NHWC",
        };
        let element = match self.element {
            Element::F32 => "f32",
            Element::F16 => "f16",
            Element::U8 => "u8",
        };
        let channels = match self.channels {
            Channels::Rgb => "RGB",
            Channels::Bgr => "BGR",
        };
        write!(f, "{width} × {height}, {element} {layout}, {channels} ")?;
        match (self.mean, self.std) {
            ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]) => write!(f, "from 0 to 255")?,
            ([0.0, 0.0, 0.0], [255.0, 255.0, 255.0]) => write!(f, "from 0 to 1")?,
            (mean, std) => write!(f, "less {mean:?} over {std:?}")?,
        }
        match self.padding {
            None => write!(f, ", stretched"),
            Some(Padding { anchor, pad }) => {
                let place = match anchor {
                    Anchor::TopLeft => "at the top left",
                    Anchor::Centre => "in the centre",
                };
                write!(f, ", {place} of {pad}")
            }
        }
    }
}

/// Where the picture lies in the input, and what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Padding {
    pub(super) anchor: Anchor,
    /// Value of every channel, from 0 to 255.
    pub(super) pad: u8,
}

/// Where the picture lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Anchor {
    /// The padding is at the right and the bottom.
    TopLeft,
    /// The padding is the same on opposite sides, within a pixel.
    Centre,
}
