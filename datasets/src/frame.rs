//! One moment of a drive: what every log format is turned into.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use image::error::{DecodingError, ImageFormatHint};
use image::{ImageError, ImageFormat, ImageReader, ImageResult, Limits, RgbImage};

use crate::annotation::Annotation;
use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file;
use crate::geometry::{Point, Pose};
use crate::roads::Roads;
use crate::trajectory::Trajectory;

/// Everything that was recorded for one moment.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The log's own number of this frame.
    pub index: u64,
    /// Nanoseconds since the Unix epoch.
    pub stamp: i64,
    /// Whether it begins a scene of its own, to which nothing belongs that was
    /// seen before.
    pub begins: bool,
    /// `odom_from_base`, where the log has it: the pose at [`Frame::stamp`],
    /// or the one that the log itself pairs with this frame. A log without
    /// any poses stands still at the origin.
    pub pose: Option<Pose>,
    /// The way of the whole log, for the times of pictures and points.
    pub ego: Arc<Trajectory>,
    /// Lidar sweeps, in the order of the rig.
    pub sweeps: Vec<Sweep>,
    /// Pictures, in the order of the rig.
    pub images: Vec<Image>,
    /// What is known to be there, where the log tells.
    pub annotations: Vec<Annotation>,
    /// The vehicle that recorded it.
    pub rig: Arc<Rig>,
    /// The map of the roads, in odom, where the log comes with one.
    pub roads: Option<Arc<Roads>>,
}

/// One revolution of one lidar.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Index into [`Rig::lidars`].
    pub lidar: usize,
    /// Start of the revolution, from which the points' times count, ns since
    /// the Unix epoch. Where the log has compensated the vehicle's motion
    /// itself, every point's time is zero and the returns belong to
    /// [`Frame::pose`].
    pub stamp: i64,
    /// Returns in the sensor's frame, in the order of the log.
    pub points: Vec<Point>,
    /// What each point lies on, where the truth is known: as many as there
    /// are points. One of [`Sweep::GROUND`], [`Sweep::EGO`] and
    /// [`Sweep::BACKGROUND`], or from [`Sweep::FIRST_OBJECT`] on an object,
    /// whose [`Annotation::track`] is the label in decimal digits.
    pub labels: Option<Vec<u16>>,
}

impl Sweep {
    /// Label of a point on ground that can be driven on or over: roads,
    /// pavements, kerbs, ramps.
    pub const GROUND: u16 = 1;
    /// Label of a point on the vehicle that carries the lidar.
    pub const EGO: u16 = 2;
    /// Label of a point on what stands and is not annotated: houses, trees,
    /// posts.
    pub const BACKGROUND: u16 = 3;
    /// The least label of an annotated object.
    pub const FIRST_OBJECT: u16 = 4;
}

/// One picture of one camera.
#[derive(Clone, Debug)]
pub struct Image {
    /// Index into [`Rig::cameras`].
    pub camera: usize,
    /// Time of the exposure, ns since the Unix epoch.
    pub stamp: i64,
    /// Where it came from, as errors and exports name it.
    pub source: PathBuf,
    /// Its pixels.
    pub pixels: Pixels,
}

/// Pixels as the log holds them.
#[derive(Clone)]
pub enum Pixels {
    /// A PNG or JPEG file's bytes.
    Encoded(Vec<u8>),
    /// Rows of RGB.
    Rgb(RgbImage),
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encoded(bytes) => write!(f, "Encoded({} bytes)", bytes.len()),
            Self::Rgb(rgb) => write!(f, "Rgb({}×{})", rgb.width(), rgb.height()),
        }
    }
}

impl Image {
    /// The greatest width and height that is read, pixels.
    pub const MAX_SIDE: u32 = 8192;

    /// The largest picture file that is read, bytes.
    const FILE_LIMIT: u64 = 64 << 20;

    /// Reads a picture file of a camera, and checks that its header gives the
    /// size for which the camera was calibrated.
    pub(crate) fn read(
        camera: usize,
        stamp: i64,
        path: PathBuf,
        resolution: [u32; 2],
    ) -> Result<Self> {
        let bytes = file::read(&path, Self::FILE_LIMIT)
            .map_err(|error| file::missing(error, |path| Error::MissingImage { path }))?;
        let image = Self {
            camera,
            stamp,
            source: path,
            pixels: Pixels::Encoded(bytes),
        };
        let found = image.resolution()?;
        if found != resolution {
            return Err(Error::Resolution {
                path: image.source,
                found,
                expected: resolution,
            });
        }
        Ok(image)
    }

    /// Width and height, pixels; of an encoded picture only the header is
    /// read.
    ///
    /// # Errors
    /// [`Error::Image`] if the header is not one of a whole PNG or JPEG.
    pub fn resolution(&self) -> Result<[u32; 2]> {
        let (width, height) = match &self.pixels {
            Pixels::Rgb(rgb) => rgb.dimensions(),
            Pixels::Encoded(bytes) => reader(bytes)
                .and_then(ImageReader::into_dimensions)
                .map_err(|cause| self.broken(cause))?,
        };
        Ok([width, height])
    }

    /// The picture in RGB.
    ///
    /// # Errors
    /// [`Error::Image`] if the bytes are not a whole PNG or JPEG of at most
    /// [`Image::MAX_SIDE`] pixels a side.
    pub fn decode(&self) -> Result<Cow<'_, RgbImage>> {
        match &self.pixels {
            Pixels::Rgb(rgb) => Ok(Cow::Borrowed(rgb)),
            Pixels::Encoded(bytes) => reader(bytes)
                .and_then(ImageReader::decode)
                .map(|picture| Cow::Owned(picture.into_rgb8()))
                .map_err(|cause| self.broken(cause)),
        }
    }

    fn broken(&self, cause: ImageError) -> Error {
        Error::Image {
            path: self.source.clone(),
            cause,
        }
    }
}

/// A reader that takes PNG and JPEG alone, whatever else the decoder was
/// built with, and refuses to grow without bound.
fn reader(bytes: &[u8]) -> ImageResult<ImageReader<Cursor<&[u8]>>> {
    let format = image::guess_format(bytes)?;
    let hint = ImageFormatHint::Exact(format);
    match format {
        ImageFormat::Png => {}
        ImageFormat::Jpeg if jpeg_ends(bytes) => {}
        ImageFormat::Jpeg => {
            let reason = "the picture breaks off before its end";
            return Err(ImageError::Decoding(DecodingError::new(hint, reason)));
        }
        _ => return Err(ImageError::Unsupported(hint.into())),
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(Image::MAX_SIDE);
    limits.max_image_height = Some(Image::MAX_SIDE);
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    Ok(reader)
}

/// Whether a JPEG's end-of-image marker follows its last scan. The decoder
/// would fill up what is missing with grey. Neither marker can occur within a
/// scan, where 0xFF is followed by zero or a restart marker.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xFF, 0xD9]) > last([0xFF, 0xDA])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(format: ImageFormat) -> Vec<u8> {
        let rgb = RgbImage::from_fn(31, 17, |x, y| {
            image::Rgb([x as u8 * 7, y as u8 * 13, (x * y) as u8])
        });
        let mut bytes = Cursor::new(Vec::new());
        rgb.write_to(&mut bytes, format).expect("encodes");
        bytes.into_inner()
    }

    fn encoded(bytes: &[u8]) -> Image {
        Image {
            camera: 0,
            stamp: 0,
            source: "picture".into(),
            pixels: Pixels::Encoded(bytes.to_vec()),
        }
    }

    #[test]
    fn whole_pictures_are_decoded() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let image = encoded(&picture(format));
            assert_eq!(image.resolution().expect("has a header"), [31, 17]);
            assert_eq!(image.decode().expect("is whole").dimensions(), (31, 17));
        }
    }

    #[test]
    fn an_enormous_picture_is_refused_by_its_header() {
        let mut png = picture(ImageFormat::Png);
        // Width and height of IHDR; the checksum of the chunk follows it.
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = png[12..29].iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        png[29..33].copy_from_slice(&(!checksum).to_be_bytes());
        let error = encoded(&png).decode().expect_err("is 65,536 pixels a side");
        assert_eq!(error.reason(), "broken_image");
        assert!(error.to_string().contains("limit"), "{error}");
    }

    proptest! {
        #[test]
        fn a_cut_picture_is_broken(part in 0.0..0.9f64, jpeg: bool) {
            let format = if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png };
            let whole = picture(format);
            let cut = &whole[..(whole.len() as f64 * part) as usize];
            let error = encoded(cut).decode().expect_err("is cut");
            prop_assert_eq!(error.reason(), "broken_image");
        }

        #[test]
        fn spoilt_bytes_never_panic(at in 0usize..400, byte: u8, jpeg: bool) {
            let format = if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png };
            let mut bytes = picture(format);
            let at = at % bytes.len();
            bytes[at] = byte;
            let image = encoded(&bytes);
            // Either outcome is right; that one comes back is what is tested.
            if let Ok(rgb) = image.decode() {
                let [width, height] = image.resolution().expect("was decoded");
                prop_assert_eq!(rgb.dimensions(), (width, height));
            }
        }
    }
}
