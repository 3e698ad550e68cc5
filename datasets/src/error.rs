//! What can be wrong with a log.

use std::fmt::Display;
use std::path::PathBuf;

/// Result of reading a log.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a log, or one frame of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path is no log of any known format.
    #[error("{}: not a log that Janus knows; expected {expected}", line(path.display()))]
    UnknownFormat {
        /// What was given.
        path: PathBuf,
        /// What would have been recognised.
        expected: String,
    },
    /// The path is a set of scenes, and leaves open which is meant.
    #[error("{}: expected the name of a scene at the end of the path, as in {}; the set has {}",
            line(path.display()), line(path.join(first(scenes)).display()), line(named(scenes)))]
    WhichScene {
        /// The set.
        path: PathBuf,
        /// The names of its scenes.
        scenes: Vec<String>,
    },
    /// A file cannot be opened or read.
    #[error("{}: {}", line(path.display()), line(cause))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file's content is not what its format demands.
    #[error("{}: {}: expected {}", line(path.display()), line(field), line(expected))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The field, line or record.
        field: String,
        /// What should have been there.
        expected: String,
    },
    /// A picture cannot be decoded.
    #[error("{}: not a whole PNG or JPEG picture: {}", line(path.display()), line(cause))]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        cause: image::ImageError,
    },
    /// A picture is not of its camera's size.
    #[error("{}: a picture of {}×{} pixels: expected {}×{}, as calibrated", line(path.display()), found[0], found[1], expected[0], expected[1])]
    Resolution {
        /// The file.
        path: PathBuf,
        /// Its width and height, pixels.
        found: [u32; 2],
        /// The calibration's width and height, pixels.
        expected: [u32; 2],
    },
    /// A lidar scan is not a whole number of points.
    #[error("{}: {bytes} bytes: expected one or more points of {record} bytes each", line(path.display()))]
    TruncatedScan {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        bytes: usize,
        /// Size of a point, bytes.
        record: usize,
    },
    /// A file is larger than any of its kind can be.
    #[error("{}: too large: expected at most {limit} bytes", line(path.display()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, bytes.
        limit: u64,
    },
    /// The log has no lidar scan of this frame.
    #[error("{}: missing: expected a lidar scan of this frame", line(path.display()))]
    MissingScan {
        /// Where it should have been.
        path: PathBuf,
    },
    /// The log has no picture of this frame.
    #[error("{}: missing: expected a picture of this frame", line(path.display()))]
    MissingImage {
        /// Where it should have been.
        path: PathBuf,
    },
    /// The log has no ego pose of this frame.
    #[error("{}: missing: expected the ego pose of this frame", line(path.display()))]
    MissingPose {
        /// Where it should have been.
        path: PathBuf,
    },
    /// A parameter of the synthetic drive is out of range.
    #[error("synthetic drive: {field}: expected {expected}")]
    Parameter {
        /// The parameter.
        field: &'static str,
        /// Its range.
        expected: &'static str,
    },
}

/// A text in one line. Names and paths that a log gives may have several, and
/// what decoders say may end with one.
fn line(text: impl Display) -> String {
    let mut line = String::new();
    for c in text.to_string().trim_end().chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// A name to show how one is given.
fn first(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}

/// Names in one line, which a whole set would make too long.
fn named(names: &[String]) -> String {
    const MOST: usize = 100;
    let (shown, rest) = names.split_at(names.len().min(MOST));
    match rest.len() {
        0 if shown.is_empty() => "none".into(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Error {
    /// A short key under which reports count what was lost.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => "unknown_format",
            Self::WhichScene { .. } => "which_scene",
            Self::Io { .. } => "io",
            Self::Malformed { .. } => "malformed",
            Self::Image { .. } | Self::Resolution { .. } => "broken_image",
            Self::TruncatedScan { .. } => "truncated_scan",
            Self::TooLarge { .. } => "too_large",
            Self::MissingScan { .. } => "missing_scan",
            Self::MissingImage { .. } => "missing_image",
            Self::MissingPose { .. } => "missing_pose",
            Self::Parameter { .. } => "parameter",
        }
    }
}

/// A frame that the log announces and that cannot be read; the frames after
/// it can.
#[derive(Debug, thiserror::Error)]
#[error("frame {index}: {error}")]
pub struct BrokenFrame {
    /// The log's own number of the frame.
    pub index: u64,
    /// What is wrong with it.
    pub error: Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_a_log_says() {
        let error = Error::Malformed {
            path: "a\nb".into(),
            field: "topic `\r\u{1b}[2J`".into(),
            expected: "a name".into(),
        };
        let said = r"a\nb: topic `\r\u{1b}[2J`: expected a name";
        assert_eq!(error.to_string(), said);
        let path = "a\nb.jpg".into();
        let error = Error::MissingImage { path }.to_string();
        assert!(error.starts_with(r"a\nb.jpg: missing"), "{error}");
        let cause = std::io::Error::other("no more bytes\n");
        let path = "a.jpg".into();
        let error = Error::Io { path, cause }.to_string();
        assert_eq!(error, "a.jpg: no more bytes");
    }
}
