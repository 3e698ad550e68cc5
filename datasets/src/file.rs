//! Whole files of bounded size.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Opens a regular file, and says how long it is, bytes.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let io = |cause| Error::Io {
        path: path.into(),
        cause,
    };
    // Opening a pipe would wait for its writer.
    let found = std::fs::metadata(path).map_err(io)?;
    if !found.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    Ok((File::open(path).map_err(io)?, found.len()))
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let bytes = head(path, limit + 1)?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge {
            path: path.into(),
            limit,
        });
    }
    Ok(bytes)
}

/// Reads a regular file's first `limit` bytes, or all of a shorter one.
pub(crate) fn head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let (file, length) = open(path)?;
    let mut bytes = Vec::with_capacity(length.min(limit) as usize);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
    Ok(bytes)
}

/// Says what it means that a file is not there.
pub(crate) fn missing(error: Error, what: impl Fn(PathBuf) -> Error) -> Error {
    match error {
        Error::Io { path, cause } if cause.kind() == ErrorKind::NotFound => what(path),
        other => other,
    }
}

/// Reads a UTF-8 text of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|wrong| Error::Malformed {
        path: path.into(),
        field: format!("byte {}", wrong.utf8_error().valid_up_to()),
        expected: "text in UTF-8".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, [0x41; 8]).expect("written");
        assert_eq!(read_text(&path, 8).expect("fits"), "AAAAAAAA");
        assert_eq!(read(&path, 7).expect_err("does not").reason(), "too_large");
        assert_eq!(head(&path, 3).expect("is there"), [0x41; 3]);
        assert_eq!(head(&path, 9).expect("is there"), [0x41; 8]);
        std::fs::write(&path, [0x41, 0xFF]).expect("written");
        let error = read_text(&path, 8).expect_err("is no text");
        assert!(
            error.to_string().contains("byte 1: expected text"),
            "{error}"
        );
        assert_eq!(read(folder.path(), 8).expect_err("a folder").reason(), "io");
    }
}
