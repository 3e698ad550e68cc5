//! From a picture to a network's input: scaled to fit, the rest padded.

use std::error::Error;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::Deserialize;

use super::error::DetectError;

/// The form in which a network wants its picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Form {
    /// Width and height of the input, pixels.
    pub(super) size: [u32; 2],
    /// Order of the colour planes.
    pub(super) channels: Channels,
    /// Subtracted from each plane's values of 0 to 255, in the planes' order.
    pub(super) mean: [f32; 3],
    /// What each plane is divided by after that, in the planes' order.
    pub(super) std: [f32; 3],
    /// Where the picture lies in the input.
    pub(super) anchor: Anchor,
    /// Value of every channel of the padding, from 0 to 255.
    pub(super) pad: u8,
}

/// Order of the colour planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Where the picture lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Anchor {
    /// The padding is at the right and the bottom.
    TopLeft,
    /// The padding is the same on opposite sides, within a pixel.
    Centre,
}

/// How a picture was laid into the input: `input = picture * scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Input pixels per picture pixel.
    pub(super) scale: f32,
    /// Input pixel of the picture's top left corner, x and y.
    pub(super) offset: [f32; 2],
}

impl Placement {
    /// A box in the input (x_min, y_min, x_max, y_max) as one in the picture.
    pub(super) fn to_picture(self, bbox: [f32; 4]) -> [f32; 4] {
        let [x, y] = self.offset;
        [
            (bbox[0] - x) / self.scale,
            (bbox[1] - y) / self.scale,
            (bbox[2] - x) / self.scale,
            (bbox[3] - y) / self.scale,
        ]
    }
}

/// Scales pictures into one tensor, which it keeps, as the official YOLOX
/// preprocessing does: the sides are multiplied by the greatest factor with
/// which both fit and truncated, values interpolated linearly between the
/// centres of the nearest pixels (OpenCV's `INTER_LINEAR`).
pub(super) struct Letterbox {
    form: Form,
    resizer: Resizer,
    scaled: Vec<u8>,
    tensor: Vec<f32>,
    /// What each of 256 values becomes, for each plane.
    tables: [[f32; 256]; 3],
}

impl Letterbox {
    /// A letterbox that fills inputs of this form.
    pub(super) fn new(form: Form) -> Self {
        let tables = [0, 1, 2].map(|plane| {
            std::array::from_fn(|value| (value as f32 - form.mean[plane]) / form.std[plane])
        });
        Self {
            form,
            resizer: Resizer::new(),
            scaled: vec![0; bytes(form.size)],
            tensor: vec![0.0; bytes(form.size)],
            tables,
        }
    }

    /// The input of the last picture: plane, row, column.
    pub(super) fn tensor(&self) -> &[f32] {
        &self.tensor
    }

    /// Lays a picture into the tensor.
    ///
    /// # Errors
    /// [`DetectError::Picture`] if the picture has no pixels.
    pub(super) fn fill(&mut self, picture: &RgbImage) -> Result<Placement, DetectError> {
        let (width, height) = picture.dimensions();
        let refuse = |reason: String| DetectError::Picture {
            width,
            height,
            reason,
        };
        if width == 0 || height == 0 {
            return Err(refuse("it has no pixels".into()));
        }
        let fit = Fit::new(&self.form, picture.dimensions());
        self.scale(picture, fit.size)
            .map_err(|error| refuse(error.to_string()))?;
        self.place(&fit);
        Ok(fit.placement())
    }

    /// Scales a picture to `self.scaled`.
    fn scale(&mut self, picture: &RgbImage, size: [u32; 2]) -> Result<(), Box<dyn Error>> {
        let (columns, rows) = picture.dimensions();
        // Typed images: the untyped ones compile the scaler for every kind of
        // pixel, which takes minutes.
        let source = TypedImageRef::<U8x3>::from_buffer(columns, rows, picture.as_raw())?;
        let [width, height] = size;
        let scaled = &mut self.scaled[..bytes(size)];
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, scaled)?;
        let bilinear = ResizeAlg::Interpolation(FilterType::Bilinear);
        let options = ResizeOptions::new().resize_alg(bilinear);
        Ok(self.resizer.resize_typed(&source, &mut target, &options)?)
    }

    /// Writes `self.scaled` and the padding around it to `self.tensor`.
    fn place(&mut self, fit: &Fit) {
        let input = self.form.size.map(|side| side as usize);
        let [width, _] = fit.size.map(|side| side as usize);
        let [left, top] = fit.offset.map(|side| side as usize);
        let planes = self.tensor.chunks_exact_mut(input[0] * input[1]);
        for (index, (plane, table)) in planes.zip(&self.tables).enumerate() {
            let channel = match self.form.channels {
                Channels::Rgb => index,
                Channels::Bgr => 2 - index,
            };
            plane.fill(table[usize::from(self.form.pad)]);
            let rows = plane.chunks_exact_mut(input[0]).skip(top);
            let scaled = self.scaled[..bytes(fit.size)].chunks_exact(3 * width);
            for (row, values) in rows.zip(scaled) {
                let pixels = values.as_chunks::<3>().0;
                for (out, pixel) in row[left..left + width].iter_mut().zip(pixels) {
                    *out = table[usize::from(pixel[channel])];
                }
            }
        }
    }
}

/// Number of values of three channels of this width and height.
fn bytes([width, height]: [u32; 2]) -> usize {
    3 * width as usize * height as usize
}

/// The picture's place in the input, in whole pixels.
struct Fit {
    scale: f64,
    size: [u32; 2],
    offset: [u32; 2],
}

impl Fit {
    fn new(form: &Form, (width, height): (u32, u32)) -> Self {
        let picture = [width, height].map(f64::from);
        let input = form.size.map(f64::from);
        let scale = (input[0] / picture[0]).min(input[1] / picture[1]);
        // A picture much longer than high would lose its last row.
        let size = [0, 1].map(|i| ((picture[i] * scale) as u32).clamp(1, form.size[i]));
        let offset = match form.anchor {
            Anchor::TopLeft => [0, 0],
            Anchor::Centre => [0, 1].map(|i| (form.size[i] - size[i]) / 2),
        };
        Self {
            scale,
            size,
            offset,
        }
    }

    fn placement(&self) -> Placement {
        Placement {
            scale: self.scale as f32,
            offset: self.offset.map(|side| side as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    const YOLOX: Form = Form {
        size: [416, 416],
        channels: Channels::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        anchor: Anchor::TopLeft,
        pad: 114,
    };

    fn filled(form: Form, picture: &RgbImage) -> (Vec<f32>, Placement) {
        let mut letterbox = Letterbox::new(form);
        let placement = letterbox.fill(picture).expect("a picture with pixels");
        (letterbox.tensor.clone(), placement)
    }

    #[test]
    fn a_kitti_picture_takes_the_top() {
        let picture = RgbImage::from_pixel(1242, 375, Rgb([10, 20, 30]));
        let (tensor, placement) = filled(YOLOX, &picture);
        assert_eq!(placement.scale, 416.0 / 1242.0);
        // int(375 * 416 / 1242) rows.
        for (plane, value) in tensor.chunks_exact(416 * 416).zip([30.0, 20.0, 10.0]) {
            assert!(plane[..125 * 416].iter().all(|&v| v == value));
            assert!(plane[125 * 416..].iter().all(|&v| v == 114.0));
        }
    }

    #[test]
    fn the_last_picture_leaves_nothing_behind() {
        let mut letterbox = Letterbox::new(YOLOX);
        let high = RgbImage::from_pixel(10, 400, Rgb([255; 3]));
        letterbox.fill(&high).expect("a picture with pixels");
        let wide = RgbImage::from_pixel(400, 10, Rgb([7, 8, 9]));
        letterbox.fill(&wide).expect("a picture with pixels");
        assert_eq!(letterbox.tensor, filled(YOLOX, &wide).0);
    }

    #[test]
    fn planes_are_ordered_and_normalised() {
        let form = Form {
            size: [1, 1],
            channels: Channels::Rgb,
            mean: [1.0, 2.0, 3.0],
            std: [2.0, 4.0, 8.0],
            ..YOLOX
        };
        let picture = RgbImage::from_pixel(1, 1, Rgb([11, 22, 43]));
        assert_eq!(filled(form, &picture).0, [5.0, 5.0, 5.0]);
        let form = Form {
            channels: Channels::Bgr,
            ..form
        };
        assert_eq!(filled(form, &picture).0, [21.0, 5.0, 1.0]);
    }

    #[test]
    fn a_centred_picture_is_padded_on_both_sides() {
        let form = Form {
            size: [4, 8],
            anchor: Anchor::Centre,
            ..YOLOX
        };
        let (tensor, placement) = filled(form, &RgbImage::new(2, 2));
        assert_eq!((placement.scale, placement.offset), (2.0, [0.0, 2.0]));
        for plane in tensor.chunks_exact(32) {
            assert!(plane[..8].iter().all(|&v| v == 114.0));
            assert!(plane[8..24].iter().all(|&v| v == 0.0));
            assert!(plane[24..].iter().all(|&v| v == 114.0));
        }
        assert_eq!(
            placement.to_picture([0.0, 2.0, 4.0, 6.0]),
            [0.0, 0.0, 2.0, 2.0]
        );
    }

    /// Linear interpolation between pixel centres, in plain arithmetic.
    fn interpolated(picture: &RgbImage, size: [u32; 2], x: u32, y: u32, channel: usize) -> f64 {
        let axis = |at: u32, from: u32, to: u32| {
            let centre = (f64::from(at) + 0.5) * f64::from(from) / f64::from(to) - 0.5;
            let low = centre.floor();
            let index = |i: f64| i.clamp(0.0, f64::from(from - 1)) as u32;
            (index(low), index(low + 1.0), centre - low)
        };
        let (x0, x1, u) = axis(x, picture.width(), size[0]);
        let (y0, y1, v) = axis(y, picture.height(), size[1]);
        let value = |x, y| f64::from(picture.get_pixel(x, y)[channel]);
        let top = value(x0, y0) * (1.0 - u) + value(x1, y0) * u;
        let bottom = value(x0, y1) * (1.0 - u) + value(x1, y1) * u;
        top * (1.0 - v) + bottom * v
    }

    proptest! {
        #[test]
        fn values_are_interpolated_between_pixel_centres(
            width in 1..70_u32,
            height in 1..70_u32,
            seed in any::<u32>(),
        ) {
            let picture = RgbImage::from_fn(width, height, |x, y| {
                let mix = (x * 71 + y * 1931).wrapping_add(seed).wrapping_mul(2_654_435_761);
                Rgb([(mix >> 24) as u8, (mix >> 16) as u8, (mix >> 8) as u8])
            });
            let form = Form { size: [32, 32], ..YOLOX };
            let fit = Fit::new(&form, (width, height));
            let (tensor, _) = filled(form, &picture);
            for y in 0..fit.size[1] {
                for x in 0..fit.size[0] {
                    let expected = interpolated(&picture, fit.size, x, y, 2);
                    let got = f64::from(tensor[(y * 32 + x) as usize]);
                    // Rounded to whole values after each of two passes.
                    prop_assert!((got - expected).abs() <= 1.01, "{got} for {expected}");
                }
            }
        }
    }
}
