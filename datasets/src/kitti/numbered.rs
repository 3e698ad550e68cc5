//! Folders of files that are named by their frame's number.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::info::{self, Sensor, SensorKind};

/// One sensor's files.
#[derive(Debug)]
pub(super) struct Numbered {
    /// Name of the sensor.
    pub(super) name: &'static str,
    folder: PathBuf,
    digits: usize,
    extension: &'static str,
    /// Numbers of the files that are there, ascending.
    pub(super) numbers: Vec<u64>,
}

impl Numbered {
    /// Lists a folder's files whose names are so many digits and the
    /// extension; `None` where there is none.
    pub(super) fn list(
        name: &'static str,
        folder: PathBuf,
        digits: usize,
        extension: &'static str,
    ) -> Result<Option<Self>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        let io = |cause| Error::Io {
            path: folder.clone(),
            cause,
        };
        let mut numbers = Vec::new();
        for entry in folder.read_dir().map_err(io)? {
            numbers.extend(number(&entry.map_err(io)?.path(), digits, extension));
        }
        numbers.sort_unstable();
        Ok((!numbers.is_empty()).then_some(Self {
            name,
            folder,
            digits,
            extension,
            numbers,
        }))
    }

    /// Where the file of a number is, or would be.
    pub(super) fn file(&self, number: u64) -> PathBuf {
        let (digits, extension) = (self.digits, self.extension);
        self.folder.join(format!("{number:0digits$}.{extension}"))
    }

    /// Its part in the log; `stamp` tells when a number was recorded.
    pub(super) fn info(
        &self,
        kind: SensorKind,
        resolution: Option<[u32; 2]>,
        stamp: impl Fn(u64) -> Option<i64>,
    ) -> Sensor {
        let ends = self.numbers.first().zip(self.numbers.last());
        let rate_hz = ends.and_then(|(&first, &last)| {
            info::rate_hz((first, stamp(first)?), (last, stamp(last)?))
        });
        Sensor {
            name: self.name.into(),
            kind,
            source: self.name.into(),
            count: self.numbers.len(),
            rate_hz,
            resolution,
        }
    }
}

/// The numbers of which some folder has a file, ascending.
pub(super) fn union<'a>(folders: impl Iterator<Item = &'a Numbered>) -> Vec<u64> {
    let mut numbers: Vec<u64> = folders.flat_map(|f| f.numbers.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The number in a name of so many digits and the extension.
fn number(path: &Path, digits: usize, extension: &str) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let is_number = stem.len() == digits && stem.bytes().all(|byte| byte.is_ascii_digit());
    let named = is_number && path.extension()? == extension;
    named.then(|| stem.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_files_count() {
        let of = |name| number(Path::new(name), 10, "bin");
        assert_eq!(of("data/0000000020.bin"), Some(20));
        assert_eq!(of("9999999999.bin"), Some(9_999_999_999));
        for other in [
            "20.bin",
            "0000000020.txt",
            "+000000020.bin",
            ".bin",
            "0000000020.bin.part",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
