//! Rectified pictures.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::file::{self, missing};
use crate::frame::{Image, Pixels};

const IMAGE_LIMIT: u64 = 64 << 20;

/// Reads a picture, which must be of the size `expected`, if that is known.
pub(super) fn read(
    path: PathBuf,
    camera: usize,
    stamp: i64,
    expected: Option<[u32; 2]>,
) -> Result<Image> {
    let bytes = file::read(&path, IMAGE_LIMIT)
        .map_err(|error| missing(error, |path| Error::MissingImage { path }))?;
    let image = Image {
        camera,
        stamp,
        source: path,
        pixels: Pixels::Encoded(bytes),
    };
    let found = image.resolution()?;
    match expected.filter(|expected| *expected != found) {
        None => Ok(image),
        Some(expected) => Err(Error::Resolution {
            path: image.source,
            found,
            expected,
        }),
    }
}
