//! Pictures, encoded as files or as rows of pixels.

use bytes::Bytes;
use image::RgbImage;

use super::fault::{Decoded, Fault};
use super::message::Header;
use crate::frame::{Image, Pixels};

/// A picture as a message holds it.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) header: Header,
    pub(super) content: Content,
}

/// What the pixels are.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A whole file, and the form that the message says it has.
    File { format: String, bytes: Bytes },
    /// Rows of pixels.
    Rows(Rows),
}

/// Pixels, row by row.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) width: usize,
    pub(super) height: usize,
    /// As `sensor_msgs/image_encodings` names it.
    pub(super) encoding: String,
    pub(super) big_endian: bool,
    /// From one row to the next, bytes.
    pub(super) step: usize,
    pub(super) data: Bytes,
}

/// How pixels lie in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// So many channels of a byte, of which these are red, green and blue.
    Channels(usize, [usize; 3]),
    /// One channel of 16 bits.
    Grey16,
    /// One byte behind a mosaic: the channels of the four pixels of a cell.
    Mosaic([usize; 4]),
}

impl Layout {
    fn of(encoding: &str) -> Option<Self> {
        const RED: usize = 0;
        const GREEN: usize = 1;
        const BLUE: usize = 2;
        Some(match encoding {
            "rgb8" => Self::Channels(3, [0, 1, 2]),
            // OpenCV's order, for want of a name.
            "bgr8" | "8UC3" => Self::Channels(3, [2, 1, 0]),
            "rgba8" => Self::Channels(4, [0, 1, 2]),
            "bgra8" | "8UC4" => Self::Channels(4, [2, 1, 0]),
            "mono8" | "8UC1" => Self::Channels(1, [0, 0, 0]),
            "mono16" => Self::Grey16,
            "bayer_rggb8" => Self::Mosaic([RED, GREEN, GREEN, BLUE]),
            "bayer_bggr8" => Self::Mosaic([BLUE, GREEN, GREEN, RED]),
            "bayer_gbrg8" => Self::Mosaic([GREEN, BLUE, RED, GREEN]),
            "bayer_grbg8" => Self::Mosaic([GREEN, RED, BLUE, GREEN]),
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::Channels(channels, _) => channels,
            Self::Grey16 => 2,
            Self::Mosaic(_) => 1,
        }
    }
}

impl Picture {
    /// Checks that the form is one that is read, and that the rows are there.
    pub(super) fn check(&self) -> Decoded<()> {
        match &self.content {
            Content::File { format, .. } => {
                let format = format.to_ascii_lowercase();
                let known = ["jpeg", "jpg", "png"]
                    .iter()
                    .any(|name| format.contains(name));
                if !known || format.contains("compresseddepth") {
                    let expected = format!("a picture in JPEG or PNG, found `{format}`");
                    return Err(Fault::new("format", expected));
                }
                Ok(())
            }
            Content::Rows(rows) => rows.layout().map(|_| ()),
        }
    }

    /// The pixels, in a form that every frame knows.
    pub(super) fn pixels(&self) -> Decoded<Pixels> {
        match &self.content {
            Content::File { bytes, .. } => Ok(Pixels::Encoded(bytes.to_vec())),
            Content::Rows(rows) => rows.rgb().map(Pixels::Rgb),
        }
    }
}

impl Rows {
    fn layout(&self) -> Decoded<Layout> {
        let layout = Layout::of(&self.encoding).ok_or_else(|| {
            let expected = "rgb8, bgr8, rgba8, bgra8, mono8, mono16 or an 8-bit Bayer pattern";
            Fault::new("encoding", format!("{expected}, found `{}`", self.encoding))
        })?;
        let sides = 1..=Image::MAX_SIDE as usize;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            let expected = format!("from 1 to {} pixels", Image::MAX_SIDE);
            return Err(Fault::new("width, height", expected));
        }
        let width = self.width * layout.bytes();
        if self.step < width {
            return Err(Fault::new("step", format!("{width} bytes or more")));
        }
        let needed = self
            .step
            .saturating_mul(self.height - 1)
            .saturating_add(width);
        if self.data.len() < needed {
            let found = self.data.len();
            let expected = format!("{needed} bytes for its rows, found {found}");
            return Err(Fault::new("data", expected));
        }
        Ok(layout)
    }

    fn rgb(&self) -> Decoded<RgbImage> {
        let layout = self.layout()?;
        let mut pixels = Vec::with_capacity(3 * self.width * self.height);
        for y in 0..self.height {
            let row = &self.data[y * self.step..][..self.width * layout.bytes()];
            match layout {
                Layout::Channels(3, [0, 1, 2]) => pixels.extend_from_slice(row),
                Layout::Channels(channels, rgb) => {
                    let each = row.chunks_exact(channels);
                    pixels.extend(each.flat_map(|pixel| rgb.map(|channel| pixel[channel])));
                }
                Layout::Grey16 => {
                    let high = usize::from(!self.big_endian);
                    pixels.extend(row.chunks_exact(2).flat_map(|pixel| [pixel[high]; 3]));
                }
                Layout::Mosaic(cell) => {
                    pixels.extend((0..self.width).flat_map(|x| self.unmixed(cell, x, y)));
                }
            }
        }
        let [width, height] = [self.width, self.height].map(|side| side as u32);
        RgbImage::from_raw(width, height, pixels)
            .ok_or_else(|| Fault::new("data", "three bytes for each pixel"))
    }

    /// The colour of a pixel behind a mosaic: of each channel the mean of
    /// those around it that have it (bilinear interpolation).
    fn unmixed(&self, cell: [usize; 4], x: usize, y: usize) -> [u8; 3] {
        let channel = |x: usize, y: usize| cell[(y % 2) * 2 + x % 2];
        let value = |x: usize, y: usize| u32::from(self.data[y * self.step + x]);
        let (mut sum, mut count) = ([0; 3], [0; 3]);
        for v in y.saturating_sub(1)..=(y + 1).min(self.height - 1) {
            for u in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                sum[channel(u, v)] += value(u, v);
                count[channel(u, v)] += 1;
            }
        }
        let own = channel(x, y);
        (sum[own], count[own]) = (value(x, y), 1);
        // A picture of one row or column lacks a channel.
        std::array::from_fn(|k| (sum[k] / count[k].max(1)) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(encoding: &str, width: usize, height: usize, step: usize, data: &[u8]) -> Rows {
        Rows {
            width,
            height,
            encoding: encoding.into(),
            big_endian: false,
            step,
            data: data.to_vec().into(),
        }
    }

    #[test]
    fn every_encoding_becomes_rgb() {
        for (encoding, pixel) in [
            ("rgb8", &[10u8, 20, 30][..]),
            ("bgr8", &[30, 20, 10]),
            ("rgba8", &[10, 20, 30, 0]),
            ("bgra8", &[30, 20, 10, 0]),
        ] {
            // Two rows of one pixel, each padded by a byte.
            let data = [pixel, &[99], pixel].concat();
            let rgb = rows(encoding, 1, 2, pixel.len() + 1, &data)
                .rgb()
                .expect("is whole");
            assert_eq!(rgb.as_raw(), &[10, 20, 30, 10, 20, 30], "{encoding}");
        }
        let grey = |rows: Rows| rows.rgb().expect("is whole").into_raw();
        assert_eq!(grey(rows("mono8", 2, 1, 2, &[7, 9])), [7, 7, 7, 9, 9, 9]);
        let deep = rows("mono16", 1, 1, 2, &[0x34, 0x12]);
        assert_eq!(grey(deep.clone()), [0x12; 3]);
        assert_eq!(
            grey(Rows {
                big_endian: true,
                ..deep
            }),
            [0x34; 3]
        );
    }

    #[test]
    fn an_even_colour_survives_every_mosaic() {
        let colour = [200, 100, 50];
        for (name, cell) in [
            ("rggb", "rggb"),
            ("bggr", "bggr"),
            ("gbrg", "gbrg"),
            ("grbg", "grbg"),
        ] {
            let cell: Vec<u8> = cell
                .chars()
                .map(|c| colour["rgb".find(c).expect("one")])
                .collect();
            let data: Vec<u8> = (0..24).map(|i| cell[(i / 6 % 2) * 2 + i % 2]).collect();
            let rgb = rows(&format!("bayer_{name}8"), 6, 4, 6, &data)
                .rgb()
                .expect("is whole");
            assert!(rgb.pixels().all(|pixel| pixel.0 == colour), "{name}");
        }
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let fault = |rows: Rows| rows.rgb().expect_err("is wrong").field;
        assert_eq!(fault(rows("32FC1", 1, 1, 4, &[0; 4])), "encoding");
        assert_eq!(fault(rows("rgb8", 2, 1, 5, &[0; 6])), "step");
        assert_eq!(fault(rows("rgb8", 2, 2, 6, &[0; 11])), "data");
        assert_eq!(
            fault(rows("mono8", 9000, 1, 9000, &[0; 9000])),
            "width, height"
        );
        assert_eq!(fault(rows("mono8", 1, 0, 1, &[])), "width, height");
        let file = |format: &str| Picture {
            header: Header {
                stamp: 0,
                frame: String::new(),
            },
            content: Content::File {
                format: format.into(),
                bytes: Bytes::new(),
            },
        };
        assert!(file("rgb8; jpeg compressed bgr8").check().is_ok() && file("png").check().is_ok());
        assert!(
            file("16UC1; compressedDepth png").check().is_err() && file("h264").check().is_err()
        );
    }

    proptest! {
        #[test]
        fn any_rows_are_a_picture_or_a_fault(
            kind in 0usize..8, width in 0usize..9, height in 0usize..9, step in 0usize..40, data: Vec<u8>,
        ) {
            let encodings = ["rgb8", "bgra8", "mono8", "mono16", "bayer_rggb8", "bayer_gbrg8", "8UC3", "yuv"];
            let _ = rows(encodings[kind], width, height, step, &data).rgb();
        }
    }
}
