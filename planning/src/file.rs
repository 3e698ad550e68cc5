//! The files that hold what there is to plan.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Why a file cannot be used. Every message is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A field does not hold what it should.
    #[error("{}: {field}: expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The field, or what else is wrong in it.
        field: String,
        /// What it should have held, and what it held.
        expected: String,
    },
}

impl FileError {
    pub(crate) fn malformed(
        path: &Path,
        field: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            path: path.into(),
            field: field.into(),
            expected: expected.into(),
        }
    }
}

/// Reads a file of at most so many bytes.
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let io = |cause| FileError::Io {
        path: path.into(),
        cause,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > most {
        let expected = format!("at most {most} bytes");
        return Err(FileError::malformed(path, "size", expected));
    }
    Ok(bytes)
}

/// Reads a text of at most so many bytes.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    String::from_utf8(read_bytes(path, most)?)
        .map_err(|_| FileError::malformed(path, "text", "UTF-8"))
}
