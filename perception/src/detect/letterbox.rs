//! From a picture to a network's input: scaled to fit, the rest padded.

use half::f16;
use image::RgbImage;

use super::bilinear::Bilinear;
use super::error::DetectError;
use super::form::{Anchor, Channels, Element, Form, Layout};
use super::tiles::Region;

/// How a part of a picture was laid into the input:
/// `input = (picture - origin) * scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Picture pixel of the part's top left corner, x and y.
    pub(super) origin: [f32; 2],
    /// Input pixels per picture pixel, along x and y.
    pub(super) scale: [f32; 2],
    /// Input pixel of the part's top left corner, x and y.
    pub(super) offset: [f32; 2],
}

impl Placement {
    /// A box in the input (x_min, y_min, x_max, y_max) as one in the picture.
    pub(super) fn to_picture(self, bbox: [f32; 4]) -> [f32; 4] {
        [0, 1, 2, 3].map(|i| {
            let axis = i % 2;
            (bbox[i] - self.offset[axis]) / self.scale[axis] + self.origin[axis]
        })
    }
}

/// The values of one run's pictures, in the order and type of the input.
#[derive(Clone, Copy)]
pub(super) enum Pixels<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    U8(&'a [u8]),
}

/// Scales pictures into one tensor, which it keeps, as the official YOLOX
/// preprocessing does: the sides are multiplied by the greatest factor with
/// which both fit and truncated, values interpolated as OpenCV does.
pub(super) struct Letterbox {
    form: Form,
    bilinear: Bilinear,
    scaled: Vec<u8>,
    tensor: Tensor,
}

/// A tensor of the input's type.
enum Tensor {
    F32(Values<f32>),
    F16(Values<f16>),
    U8(Values<u8>),
}

/// The values of a tensor.
struct Values<T> {
    values: Vec<T>,
    /// What each of 256 values becomes, for each plane.
    tables: Box<[[T; 256]; 3]>,
}

impl Letterbox {
    /// A letterbox that fills inputs of this form.
    pub(super) fn new(form: Form) -> Self {
        let tensor = match form.element {
            Element::F32 => Tensor::F32(Values::new(&form, |value| value)),
            Element::F16 => Tensor::F16(Values::new(&form, f16::from_f32)),
            // A cast saturates.
            Element::U8 => Tensor::U8(Values::new(&form, |value| value.round() as u8)),
        };
        Self {
            form,
            bilinear: Bilinear::default(),
            scaled: vec![0; values_in(form.size)],
            tensor,
        }
    }

    /// The input of the last pictures.
    pub(super) fn pixels(&self) -> Pixels<'_> {
        match &self.tensor {
            Tensor::F32(tensor) => Pixels::F32(&tensor.values),
            Tensor::F16(tensor) => Pixels::F16(&tensor.values),
            Tensor::U8(tensor) => Pixels::U8(&tensor.values),
        }
    }

    /// Makes room for this many pictures in one run; what is new is 0.
    pub(super) fn reserve(&mut self, count: usize) {
        let length = count * values_in(self.form.size);
        match &mut self.tensor {
            Tensor::F32(tensor) => tensor.values.resize(length, 0.0),
            Tensor::F16(tensor) => tensor.values.resize(length, f16::ZERO),
            Tensor::U8(tensor) => tensor.values.resize(length, 0),
        }
    }

    /// Lays a region of a picture into the tensor, as the picture at this
    /// place of the run. The region lies within the picture.
    ///
    /// # Errors
    /// [`DetectError::Picture`] if the picture has no pixels.
    pub(super) fn fill(
        &mut self,
        place: usize,
        picture: &RgbImage,
        region: Region,
    ) -> Result<Placement, DetectError> {
        let (width, height) = picture.dimensions();
        if width == 0 || height == 0 {
            return Err(DetectError::Picture { width, height });
        }
        let fit = Fit::new(&self.form, region.size);
        let scaled = &mut self.scaled[..values_in(fit.size)];
        self.bilinear.scale(picture, region, fit.size, scaled);
        let (form, scaled) = (&self.form, &self.scaled[..values_in(fit.size)]);
        match &mut self.tensor {
            Tensor::F32(tensor) => tensor.lay(form, &fit, scaled, place),
            Tensor::F16(tensor) => tensor.lay(form, &fit, scaled, place),
            Tensor::U8(tensor) => tensor.lay(form, &fit, scaled, place),
        }
        Ok(Placement {
            origin: region.origin.map(|side| side as f32),
            ..fit.placement()
        })
    }
}

impl<T: Copy> Values<T> {
    fn new(form: &Form, value: impl Fn(f32) -> T) -> Self {
        let tables = [0, 1, 2].map(|plane| {
            let (mean, std) = (form.mean[plane], form.std[plane]);
            std::array::from_fn(|byte| value((byte as f32 - mean) / std))
        });
        Self {
            values: Vec::new(),
            tables: Box::new(tables),
        }
    }

    /// Writes a scaled picture and the padding around it to its place in the
    /// tensor, all planes in one pass.
    fn lay(&mut self, form: &Form, fit: &Fit, scaled: &[u8], place: usize) {
        let Self { values, tables } = self;
        let [width, height] = form.size.map(|side| side as usize);
        let [columns, rows] = fit.size.map(|side| side as usize);
        let [left, top] = fit.offset.map(|side| side as usize);
        let channel = match form.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let pad = usize::from(form.padding.map_or(0, |padding| padding.pad));
        let pad = [tables[0][pad], tables[1][pad], tables[2][pad]];
        let area = width * height;
        let out = &mut values[place * 3 * area..][..3 * area];
        let inside = |y: usize| (top..top + rows).contains(&y);
        let scaled_row = |y: usize| {
            scaled[(y - top) * 3 * columns..][..3 * columns]
                .as_chunks::<3>()
                .0
        };
        match form.layout {
            Layout::Nchw => {
                let (first, rest) = out.split_at_mut(area);
                let (second, third) = rest.split_at_mut(area);
                let mut planes = [first, second, third];
                for y in 0..height {
                    let mut lines = planes
                        .each_mut()
                        .map(|plane| &mut plane[y * width..][..width]);
                    if !inside(y) {
                        (lines.iter_mut().zip(pad)).for_each(|(line, pad)| line.fill(pad));
                        continue;
                    }
                    for (line, pad) in lines.iter_mut().zip(pad) {
                        line[..left].fill(pad);
                        line[left + columns..].fill(pad);
                    }
                    let [first, second, third] = lines.map(|line| &mut line[left..][..columns]);
                    let values = first.iter_mut().zip(second).zip(third);
                    for (((a, b), c), pixel) in values.zip(scaled_row(y)) {
                        *a = tables[0][usize::from(pixel[channel[0]])];
                        *b = tables[1][usize::from(pixel[channel[1]])];
                        *c = tables[2][usize::from(pixel[channel[2]])];
                    }
                }
            }
            Layout::Nhwc => {
                for (y, line) in out
                    .as_chunks_mut::<3>()
                    .0
                    .chunks_exact_mut(width)
                    .enumerate()
                {
                    if !inside(y) {
                        line.fill(pad);
                        continue;
                    }
                    line[..left].fill(pad);
                    line[left + columns..].fill(pad);
                    for (value, pixel) in line[left..][..columns].iter_mut().zip(scaled_row(y)) {
                        *value = [0, 1, 2].map(|i| tables[i][usize::from(pixel[channel[i]])]);
                    }
                }
            }
        }
    }
}

/// Number of values of three channels of this width and height.
pub(super) fn values_in([width, height]: [u32; 2]) -> usize {
    3 * width as usize * height as usize
}

/// The picture's place in the input, in whole pixels.
struct Fit {
    scale: [f64; 2],
    size: [u32; 2],
    offset: [u32; 2],
}

impl Fit {
    fn new(form: &Form, picture: [u32; 2]) -> Self {
        let scale = [0, 1].map(|i| f64::from(form.size[i]) / f64::from(picture[i]));
        let Some(padding) = form.padding else {
            return Self {
                scale,
                size: form.size,
                offset: [0, 0],
            };
        };
        let scale = scale[0].min(scale[1]);
        // A picture much longer than high would lose its last row.
        let side = |i: usize| (f64::from(picture[i]) * scale) as u32;
        let size = [0, 1].map(|i| side(i).clamp(1, form.size[i]));
        let offset = match padding.anchor {
            Anchor::TopLeft => [0, 0],
            Anchor::Centre => [0, 1].map(|i| (form.size[i] - size[i]) / 2),
        };
        Self {
            scale: [scale; 2],
            size,
            offset,
        }
    }

    fn placement(&self) -> Placement {
        Placement {
            origin: [0.0; 2],
            scale: self.scale.map(|scale| scale as f32),
            offset: self.offset.map(|side| side as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::super::form::Padding;
    use super::*;

    const YOLOX: Form = Form {
        size: [416, 416],
        layout: Layout::Nchw,
        element: Element::F32,
        channels: Channels::Bgr,
        mean: [0.0; 3],
        std: [1.0; 3],
        padding: Some(Padding {
            anchor: Anchor::TopLeft,
            pad: 114,
        }),
    };

    fn fill(letterbox: &mut Letterbox, place: usize, picture: &RgbImage) -> Placement {
        let placement = letterbox.fill(place, picture, Region::whole(picture));
        placement.expect("a picture with pixels")
    }

    fn filled(form: Form, picture: &RgbImage) -> (Vec<f32>, Placement) {
        let mut letterbox = Letterbox::new(form);
        letterbox.reserve(1);
        let placement = fill(&mut letterbox, 0, picture);
        (floats(&letterbox), placement)
    }

    /// The tensor, whatever it holds.
    fn floats(letterbox: &Letterbox) -> Vec<f32> {
        match letterbox.pixels() {
            Pixels::F32(values) => values.to_vec(),
            Pixels::F16(values) => values.iter().map(|v| v.to_f32()).collect(),
            Pixels::U8(values) => values.iter().map(|&v| f32::from(v)).collect(),
        }
    }

    #[test]
    fn a_kitti_picture_takes_the_top() {
        let picture = RgbImage::from_pixel(1242, 375, Rgb([10, 20, 30]));
        let (tensor, placement) = filled(YOLOX, &picture);
        assert_eq!(placement.scale, [416.0 / 1242.0; 2]);
        // int(375 * 416 / 1242) rows.
        for (plane, value) in tensor.chunks_exact(416 * 416).zip([30.0, 20.0, 10.0]) {
            assert!(plane[..125 * 416].iter().all(|&v| v == value));
            assert!(plane[125 * 416..].iter().all(|&v| v == 114.0));
        }
    }

    #[test]
    fn the_last_picture_leaves_nothing_behind() {
        let mut letterbox = Letterbox::new(YOLOX);
        letterbox.reserve(1);
        let high = RgbImage::from_pixel(10, 400, Rgb([255; 3]));
        fill(&mut letterbox, 0, &high);
        let wide = RgbImage::from_pixel(400, 10, Rgb([7, 8, 9]));
        fill(&mut letterbox, 0, &wide);
        assert_eq!(floats(&letterbox), filled(YOLOX, &wide).0);
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
            padding: Some(Padding {
                anchor: Anchor::Centre,
                pad: 114,
            }),
            ..YOLOX
        };
        let (tensor, placement) = filled(form, &RgbImage::new(2, 2));
        assert_eq!((placement.scale, placement.offset), ([2.0; 2], [0.0, 2.0]));
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

    #[test]
    fn a_stretched_picture_fills_the_input() {
        let form = Form {
            size: [8, 2],
            padding: None,
            ..YOLOX
        };
        let (tensor, placement) = filled(form, &RgbImage::from_pixel(2, 4, Rgb([1, 2, 3])));
        assert_eq!(placement.scale, [4.0, 0.5]);
        assert!(
            tensor
                .chunks(16)
                .zip([3.0, 2.0, 1.0])
                .all(|(p, v)| p.iter().all(|&x| x == v))
        );
        assert_eq!(
            placement.to_picture([4.0, 1.0, 8.0, 2.0]),
            [1.0, 2.0, 2.0, 4.0]
        );
    }

    #[test]
    fn every_layout_and_element_holds_the_same_picture() {
        let picture = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8 * 50, y as u8 * 80, 7]));
        let form = Form {
            size: [10, 9],
            ..YOLOX
        };
        let (planes, _) = filled(form, &picture);
        for element in [Element::F32, Element::F16, Element::U8] {
            let same = Form { element, ..form };
            assert_eq!(filled(same, &picture).0, planes, "{element:?}");
            let (pixels, _) = filled(
                Form {
                    layout: Layout::Nhwc,
                    ..same
                },
                &picture,
            );
            for (i, pixel) in pixels.chunks(3).enumerate() {
                assert_eq!(pixel, [planes[i], planes[90 + i], planes[180 + i]]);
            }
        }
    }

    #[test]
    fn a_region_is_a_picture_of_its_own() {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 0]));
        let form = Form {
            size: [16, 16],
            ..YOLOX
        };
        let mut letterbox = Letterbox::new(form);
        letterbox.reserve(2);
        fill(&mut letterbox, 0, &picture);
        let region = Region {
            origin: [10, 20],
            size: [8, 4],
        };
        let placement = letterbox.fill(1, &picture, region).expect("a region");
        let alone = image::imageops::crop_imm(&picture, 10, 20, 8, 4).to_image();
        assert_eq!(floats(&letterbox)[768..], filled(form, &alone).0);
        assert_eq!(
            placement.to_picture([0.0, 0.0, 16.0, 8.0]),
            [10.0, 20.0, 18.0, 24.0]
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
            let fit = Fit::new(&form, [width, height]);
            let (tensor, _) = filled(form, &picture);
            for y in 0..fit.size[1] {
                for x in 0..fit.size[0] {
                    let expected = interpolated(&picture, fit.size, x, y, 2);
                    let got = f64::from(tensor[(y * 32 + x) as usize]);
                    // Rounded to whole values, with weights in 2048ths.
                    prop_assert!((got - expected).abs() <= 0.8, "{got} for {expected}");
                }
            }
        }
    }
}
