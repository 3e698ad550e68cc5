//! One sensor's folder: numbered files and their timestamps.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::error::{Error, Result};
use crate::file;
use crate::info::{Sensor, SensorKind};

use super::numbered::Numbered;

/// A line has 30 bytes; a drive of a day has a million lines.
const TIMESTAMPS_LIMIT: u64 = 32 << 20;

/// What one sensor recorded.
#[derive(Debug)]
pub(super) struct Recording {
    /// Its folder, in which `data` holds the files.
    pub(super) folder: PathBuf,
    pub(super) files: Numbered,
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
        let Some(files) = Numbered::list(name, folder.join("data"), 10, extension)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            stamps: Timestamps::read(folder.join("timestamps.txt"))?,
            folder,
            files,
        }))
    }

    /// Its part in the log.
    pub(super) fn info(&self, kind: SensorKind, resolution: Option<[u32; 2]>) -> Sensor {
        let stamp = |number| self.stamps.at(number).ok();
        self.files.info(kind, resolution, stamp)
    }
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
