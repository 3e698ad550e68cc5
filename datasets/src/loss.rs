//! Records of a log that are part of no frame.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// Why records are part of no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// No frame is near enough in time, or another record is nearer to it.
    Unpaired,
    /// The same of pictures, where they alone are paired.
    UnpairedImage,
    /// Boxes of a moment that has no frame.
    UnpairedAnnotation,
    /// Of equal stamps of one sensor the first record stays.
    Duplicate,
    /// The stamp lies far behind those that came before.
    Late,
    /// A message or a record that says something impossible, or ends early.
    Malformed,
    /// A compressed chunk that cannot be unpacked, with all that it holds.
    BrokenChunk,
    /// A record longer than any that is read.
    TooLarge,
    /// A file breaks off within a record. What came behind is not known, and
    /// counts for one.
    BrokenOff,
    /// A file of several that a log names and that is not there.
    MissingFile,
    /// A scan whose folder is not there.
    MissingScan,
    /// A picture whose folder is not there.
    MissingImage,
    /// The log does not say where the sensor sits.
    NoTransform,
    /// Pictures of a camera without a calibration.
    UncalibratedImage,
    /// A pose farther from the first than any drive leads.
    FarPose,
    /// A map of the roads that cannot be used: there is none.
    BrokenMap,
}

/// How many records are part of no frame, by the reason.
pub type Lost = BTreeMap<Loss, u64>;

impl Loss {
    /// Whether it means that data are broken or cannot be used. The others
    /// are what happens in every log whose sensors run at different rates.
    pub fn is_fault(self) -> bool {
        self.row().1
    }

    /// A short key under which reports count it.
    pub fn reason(self) -> &'static str {
        self.row().0
    }

    /// The key, whether it is a fault, and what is wrong with such records.
    fn row(self) -> (&'static str, bool, &'static str) {
        const APART: &str = "no frame is near enough in time";
        const NOWHERE: &str = "the log names them, and they are not there";
        match self {
            Self::Unpaired => ("unpaired", false, APART),
            Self::UnpairedImage => ("unpaired_image", false, APART),
            Self::UnpairedAnnotation => ("unpaired_annotation", false, APART),
            Self::Duplicate => ("duplicate", false, "another has the same stamp"),
            Self::Late => ("late", true, "their time had passed when they came"),
            Self::Malformed => ("malformed", true, "they cannot be read"),
            Self::BrokenChunk => ("broken_chunk", true, "they cannot be unpacked"),
            Self::TooLarge => ("too_large", true, "they are longer than any that is read"),
            Self::BrokenOff => ("broken_off", true, "a file ends within them"),
            Self::MissingFile => ("missing_file", true, NOWHERE),
            Self::MissingScan => ("missing_scan", true, NOWHERE),
            Self::MissingImage => ("missing_image", true, NOWHERE),
            Self::NoTransform => ("no_transform", true, "where their sensor sits is not known"),
            Self::UncalibratedImage => (
                "uncalibrated_image",
                true,
                "their camera has no calibration",
            ),
            Self::BrokenMap => ("broken_map", true, "the map of the roads cannot be used"),
            Self::FarPose => ("far_pose", true, "they lie too far from the first"),
        }
    }
}

/// What is wrong with the records.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_by_their_reasons() {
        let lost = Lost::from([(Loss::Malformed, 3), (Loss::Unpaired, 1)]);
        let told = serde_json::to_string(&lost).expect("is told");
        assert_eq!(told, r#"{"unpaired":1,"malformed":3}"#);
        assert!(Loss::Malformed.is_fault() && !Loss::Unpaired.is_fault());
    }
}
