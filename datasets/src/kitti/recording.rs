//! One sensor's folder: numbered files and their timestamps.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::error::{Error, Result};
use crate::file;
use crate::info::{self, Sensor, SensorKind};

/// A line has 30 bytes; a drive of a day has a million lines.
const TIMESTAMPS_LIMIT: u64 = 32 << 20;

/// What one sensor recorded.
#[derive(Debug)]
pub(super) struct Recording {
    /// Name of its folder.
    pub(super) name: &'static str,
    /// Its folder, in which `data` holds the files.
    pub(super) folder: PathBuf,
    /// Extension of its files.
    pub(super) extension: &'static str,
    /// Numbers of the files that are there, ascending.
    pub(super) numbers: Vec<u64>,
    /// When each was recorded.
    pub(super) stamps: Timestamps,
}

impl Recording {
    /// Lists the folder `name` of a drive; `None` where it holds no file.
    pub(super) fn list(
        drive: &Path,
        name: &'static str,
        extension: &'static str,
    ) -> Result<Option<Self>> {
        let folder = drive.join(name);
        let data = folder.join("data");
        if !data.is_dir() {
            return Ok(None);
        }
        let io = |source| Error::Io {
            path: data.clone(),
            source,
        };
        let mut numbers = Vec::new();
        for entry in data.read_dir().map_err(io)? {
            numbers.extend(number(&entry.map_err(io)?.path(), extension));
        }
        if numbers.is_empty() {
            return Ok(None);
        }
        numbers.sort_unstable();
        Ok(Some(Self {
            stamps: Timestamps::read(folder.join("timestamps.txt"))?,
            name,
            folder,
            extension,
            numbers,
        }))
    }

    /// Where the file of a number is, or would be.
    pub(super) fn file(&self, number: u64) -> PathBuf {
        let name = format!("{number:010}.{}", self.extension);
        self.folder.join("data").join(name)
    }

    /// Its part in the log.
    pub(super) fn info(&self, kind: SensorKind, resolution: Option<[u32; 2]>) -> Sensor {
        let ends = self.numbers.first().zip(self.numbers.last());
        let rate_hz = ends.and_then(|(&first, &last)| {
            let [from, to] = [first, last].map(|n| Some((n, self.stamps.at(n).ok()?)));
            info::rate_hz(from?, to?)
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

/// The number in a name of ten digits and the extension.
fn number(path: &Path, extension: &str) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let digits = stem.len() == 10 && stem.bytes().all(|byte| byte.is_ascii_digit());
    let named = digits && path.extension()? == extension;
    named.then(|| stem.parse().ok())?
}

/// A timestamp file.
#[derive(Debug)]
pub(super) struct Timestamps {
    path: PathBuf,
    /// By number; `None` where the line is no timestamp, as KITTI itself
    /// leaves lines of missing scans empty.
    stamps: Vec<Option<i64>>,
}

impl Timestamps {
    /// Reads a timestamp file.
    pub(super) fn read(path: PathBuf) -> Result<Self> {
        let text = file::read_text(&path, TIMESTAMPS_LIMIT)?;
        let stamps = text.lines().map(parse).collect();
        Ok(Self { path, stamps })
    }

    /// When the file of a number was recorded, ns since the Unix epoch.
    pub(super) fn at(&self, number: u64) -> Result<i64> {
        let line = usize::try_from(number).ok();
        line.and_then(|line| *self.stamps.get(line)?)
            .ok_or_else(|| Error::Malformed {
                path: self.path.clone(),
                field: format!("line {}", number.saturating_add(1)),
                expected: "a timestamp like 2011-09-26 13:10:51.158069617".into(),
            })
    }
}

/// A date and time of UTC, in ns since the Unix epoch.
fn parse(line: &str) -> Option<i64> {
    let time: DateTime = line.trim().parse().ok()?;
    let stamp = Offset::UTC.to_timestamp(time).ok()?;
    stamp.as_nanosecond().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timestamps_are_exact_to_the_nanosecond() {
        assert_eq!(parse("1970-01-01 00:00:00.000000001"), Some(1));
        assert_eq!(parse("1969-12-31 23:59:59.5"), Some(-500_000_000));
        // 15,243 days after the epoch.
        let day = 15_243 * 86_400;
        let expected = (day + 13 * 3600 + 10 * 60 + 51) * 1_000_000_000 + 158_069_617;
        assert_eq!(parse("2011-09-26 13:10:51.158069617\r"), Some(expected));
        for wrong in [
            "",
            "2011-09-26",
            "2011-02-30 00:00:00",
            "9000-01-01 00:00:00",
        ] {
            // A date alone is midnight.
            let midnight = (wrong == "2011-09-26").then_some(day * 1_000_000_000);
            assert_eq!(parse(wrong), midnight, "{wrong}");
        }
    }

    #[test]
    fn only_numbered_files_count() {
        let of = |name| number(Path::new(name), "bin");
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

    proptest! {
        #[test]
        fn any_line_is_a_stamp_or_none(line in "\\PC{0,40}") {
            parse(&line);
        }

        #[test]
        fn stamps_survive_being_written(ns in 0i64..4_000_000_000_000_000_000) {
            let time = jiff::Timestamp::from_nanosecond(i128::from(ns)).expect("in range");
            let text = time.to_string().replace('T', " ").replace('Z', "");
            prop_assert_eq!(parse(&text), Some(ns));
        }
    }
}
