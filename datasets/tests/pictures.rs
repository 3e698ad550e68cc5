//! Pictures of every kind: what can be seen is seen rightly, and what cannot
//! is an error that names the file. Alone in its process, for it counts the
//! memory that is held.

use std::io::Cursor;

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat};
use image::{Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use janus_datasets::{Image, Pixels};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

fn file(bytes: Vec<u8>) -> Image {
    Image {
        camera: 0,
        stamp: 0,
        source: "left/000007".into(),
        pixels: Pixels::Encoded(bytes),
    }
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    (picture.into().write_to(&mut bytes, format)).expect("encodes");
    bytes.into_inner()
}

/// The picture of a file, which has the size that its header gives.
fn decoded(bytes: Vec<u8>) -> RgbImage {
    let image = file(bytes);
    let picture = image.decode().expect("can be seen").into_owned();
    let resolution = image.resolution().expect("has a header");
    assert_eq!(<[u32; 2]>::from(picture.dimensions()), resolution);
    picture
}

/// A file that must be refused; what is wrong with it, after the file's name.
fn refused(bytes: Vec<u8>) -> String {
    let image = file(bytes);
    let Err(error) = image.decode().map(|seen| seen.dimensions()) else {
        panic!("what cannot be seen is seen");
    };
    assert_eq!(error.reason(), "broken_image");
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    let said = text.strip_prefix("left/000007: ");
    said.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn shade(x: u32, y: u32) -> u8 {
    (40 + 5 * x + 3 * y) as u8
}

#[test]
fn a_picture_may_have_one_pixel() {
    let one = RgbImage::from_pixel(1, 1, Rgb([200, 200, 200]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let seen = decoded(encoded(one.clone(), format));
        assert_eq!(seen, one, "{format:?}");
    }
}

#[test]
fn grey_is_as_much_red_as_green_as_blue() {
    let grey = GrayImage::from_fn(24, 16, |x, y| Luma([shade(x, y)]));
    let rgb = RgbImage::from_fn(24, 16, |x, y| Rgb([shade(x, y); 3]));
    assert_eq!(decoded(encoded(grey.clone(), ImageFormat::Png)), rgb);
    let lossy = decoded(encoded(grey, ImageFormat::Jpeg));
    for (seen, given) in lossy.pixels().zip(rgb.pixels()) {
        let [r, g, b] = seen.0;
        assert!(r == g && g == b && r.abs_diff(given[0]) <= 12, "{seen:?}");
    }
}

#[test]
fn what_is_transparent_keeps_its_colour() {
    let rgb = RgbImage::from_fn(24, 16, |x, y| Rgb([shade(x, y); 3]));
    let grey = GrayAlphaImage::from_fn(24, 16, |x, y| LumaA([shade(x, y), (9 * x) as u8]));
    let colour = RgbaImage::from_fn(24, 16, |x, y| {
        let v = shade(x, y);
        Rgba([v, v, v, (9 * x) as u8])
    });
    assert_eq!(decoded(encoded(grey, ImageFormat::Png)), rgb);
    assert_eq!(decoded(encoded(colour, ImageFormat::Png)), rgb);
}

#[test]
fn sixteen_bits_become_eight() {
    let value = |x: u32, y: u32| (x * 2_731 + y * 97) as u16;
    let near = |seen: u8, given: u16| (f64::from(seen) - f64::from(given) / 257.0).abs() <= 1.0;
    let grey = ImageBuffer::from_fn(24, 16, |x, y| Luma([value(x, y)]));
    let colour = ImageBuffer::from_fn(24, 16, |x, y| Rgb([value(x, y), value(y, x), 65_535]));
    let seen = decoded(encoded(DynamicImage::ImageLuma16(grey), ImageFormat::Png));
    for (x, y, pixel) in seen.enumerate_pixels() {
        assert!(pixel.0.iter().all(|&v| near(v, value(x, y))), "{pixel:?}");
    }
    let seen = decoded(encoded(DynamicImage::ImageRgb16(colour), ImageFormat::Png));
    for (x, y, pixel) in seen.enumerate_pixels() {
        let [r, g, b] = pixel.0;
        assert!(
            near(r, value(x, y)) && near(g, value(y, x)) && b == 255,
            "{pixel:?}"
        );
    }
}

/// Bits of a scan, the first the most significant; 0xFF is followed by zero.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|k| value >> k & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, k| {
                byte << 1 | u8::from(bits.get(k) != Some(&false))
            })
        };
        let bytes = self.0.chunks(8).map(byte);
        bytes
            .flat_map(|b| [b].into_iter().chain((b == 0xFF).then_some(0)))
            .collect()
    }
}

/// A JPEG of one block in the four colours of print, stored inverted, as
/// Adobe's programs do: baseline, all coefficients but the first zero.
fn cmyk([width, height]: [u16; 2], colour: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    let mut segment = |marker: u8, content: &[u8]| {
        bytes.extend([0xFF, marker]);
        bytes.extend((content.len() as u16 + 2).to_be_bytes());
        bytes.extend(content);
    };
    segment(0xEE, b"Adobe\0\x64\0\0\0\0\0");
    segment(0xDB, &[&[0][..], &[1; 64]].concat());
    let [[h, i], [w, j]] = [height, width].map(u16::to_be_bytes);
    let components = (1..=4).flat_map(|id| [id, 0x11, 0]);
    let frame: Vec<u8> = [8, h, i, w, j, 4].into_iter().chain(components).collect();
    segment(0xC0, &frame);
    // Twelve sizes of the first coefficient, four bits each; of the others the
    // end of the block alone, one bit.
    let mut first = vec![0; 17];
    first[4] = 12;
    first.extend(0..12);
    segment(0xC4, &first);
    let mut others = vec![0; 17];
    (others[0], others[1]) = (0x10, 1);
    others.push(0);
    segment(0xC4, &others);
    let components = (1..=4).flat_map(|id| [id, 0]);
    let scan: Vec<u8> = [4]
        .into_iter()
        .chain(components)
        .chain([0, 63, 0])
        .collect();
    segment(0xDA, &scan);
    let mut bits = Bits::default();
    for value in colour {
        let coefficient = 8 * (i32::from(value) - 128);
        let size = 32 - coefficient.unsigned_abs().leading_zeros();
        bits.put(size, 4);
        let stored = if coefficient < 0 {
            coefficient - 1
        } else {
            coefficient
        };
        bits.put(stored as u32, size);
        bits.put(0, 1);
    }
    bytes.extend(bits.bytes());
    bytes.extend([0xFF, 0xD9]);
    bytes
}

#[test]
fn the_colours_of_print_become_those_of_light() {
    for (stored, seen) in [
        ([255, 255, 255, 255], [255, 255, 255]),
        ([255, 0, 0, 255], [255, 0, 0]),
        ([0, 255, 255, 128], [0, 128, 128]),
        ([200, 100, 50, 0], [0, 0, 0]),
    ] {
        for pixel in decoded(cmyk([8, 8], stored)).pixels() {
            let apart = pixel
                .0
                .iter()
                .zip(&seen)
                .map(|(a, b): (&u8, &u8)| a.abs_diff(*b));
            assert!(apart.max() <= Some(2), "{pixel:?} for {seen:?}");
        }
    }
}

/// A PNG that says of itself that it is as large as this, and has no pixels.
fn claims(width: u32, height: u32) -> Vec<u8> {
    let mut png = encoded(RgbImage::new(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32fast::hash(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    png
}

#[test]
fn a_picture_that_is_too_large_is_refused_by_its_header() {
    let side = 16_384;
    for bytes in [
        claims(side, side),
        claims(side, 1),
        cmyk([side as u16; 2], [9; 4]),
    ] {
        HELD.reset_peak_usage();
        let said = refused(bytes);
        assert!(said.contains("limit"), "{said}");
        let held = HELD.peak_usage_as_mb();
        assert!(held < 8.0, "{held} MB");
    }
    // As large as may be, and without its pixels.
    HELD.reset_peak_usage();
    refused(claims(8_192, 8_192));
    let held = HELD.peak_usage_as_mb();
    assert!(held < 256.0, "{held} MB");
}

#[test]
fn half_a_picture_and_what_is_none_are_refused() {
    let whole = RgbImage::from_fn(64, 48, |x, y| Rgb([shade(x, y), x as u8, y as u8]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let bytes = encoded(whole.clone(), format);
        decoded(bytes.clone());
        for part in [8, 40, bytes.len() / 2, bytes.len() * 9 / 10] {
            refused(bytes[..part].to_vec());
        }
    }
    for bytes in [&b""[..], b"P5\n1 1\n255\n\x07", b"# no picture", &[0; 4096]] {
        refused(bytes.to_vec());
    }
    refused(encoded(whole, ImageFormat::Png)[..16].repeat(9));
}
