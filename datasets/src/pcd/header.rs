//! The head of a PCD file: version 0.7, as the documentation of the Point
//! Cloud Library states it, and the versions before it.

use std::collections::HashMap;

use nalgebra::{Quaternion, Translation3, UnitQuaternion};

use super::Wrong;
use crate::geometry::Pose;

/// What a file holds, and how.
#[derive(Debug)]
pub(super) struct Header {
    /// In their order.
    pub(super) fields: Vec<Field>,
    /// Bytes of one point.
    pub(super) record: usize,
    /// Values of one point.
    pub(super) values: usize,
    pub(super) points: usize,
    /// Where the points were taken from.
    pub(super) viewpoint: Pose,
    pub(super) encoding: Encoding,
    /// Where the points begin, bytes from the file's start.
    pub(super) end: usize,
}

/// One dimension of a point.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: Number,
    /// Bytes of all its elements.
    pub(super) bytes: usize,
    /// Bytes of a point before it.
    pub(super) offset: usize,
    /// Values of a point before it.
    pub(super) first: usize,
}

/// How the points are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// A line of text each.
    Ascii,
    /// One after the other.
    Binary,
    /// Field after field, compressed.
    BinaryCompressed,
}

/// TYPE and SIZE of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl Number {
    fn new(kind: &str, size: &str) -> Option<Self> {
        Some(match (kind, size) {
            ("I", "1") => Self::I8,
            ("I", "2") => Self::I16,
            ("I", "4") => Self::I32,
            ("I", "8") => Self::I64,
            ("U", "1") => Self::U8,
            ("U", "2") => Self::U16,
            ("U", "4") => Self::U32,
            ("U", "8") => Self::U64,
            ("F", "4") => Self::F32,
            ("F", "8") => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The little-endian number at the start of `bytes`; what is missing of
    /// it counts as zeros.
    pub(super) fn read(self, bytes: &[u8]) -> f64 {
        let mut raw = [0; 8];
        let size = self.size().min(bytes.len());
        raw[..size].copy_from_slice(&bytes[..size]);
        let word = u64::from_le_bytes(raw);
        match self {
            Self::I8 => f64::from(word as i8),
            Self::I16 => f64::from(word as i16),
            Self::I32 => f64::from(word as i32),
            Self::I64 => word as i64 as f64,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => word as f64,
            Self::F32 => f64::from(f32::from_bits(word as u32)),
            Self::F64 => f64::from_bits(word),
        }
    }
}

impl Header {
    /// The most bytes that a head has; those of real files have 200 to 400.
    pub(super) const LIMIT: usize = 16 << 10;
    /// The most bytes that a point has.
    const RECORD_LIMIT: usize = 64 << 10;

    /// Reads the head at the start of a file, of which [`Header::LIMIT`]
    /// bytes suffice.
    pub(super) fn parse(file: &[u8]) -> Result<Self, Wrong> {
        let file = &file[..file.len().min(Self::LIMIT)];
        let mut entries: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut end = 0;
        while !entries.contains_key("DATA") {
            let line = file[end..].split_inclusive(|byte| *byte == b'\n').next();
            let line = line.filter(|line| line.ends_with(b"\n"));
            let text = line.and_then(|line| str::from_utf8(line).ok());
            let (Some(line), Some(text)) = (line, text) else {
                let expected = "the head of a PCD file: lines of text, of which the last is DATA";
                return Err(Wrong::new("head", expected));
            };
            end += line.len();
            let mut words = text.split_whitespace();
            match words.next() {
                Some(key) if !key.starts_with('#') => entries.insert(key, words.collect()),
                _ => None,
            };
        }
        let entries = Entries(entries);
        let fields = entries.fields()?;
        Ok(Self {
            record: fields.last().map_or(0, |last| last.offset + last.bytes),
            values: fields
                .last()
                .map_or(0, |last| last.first + last.bytes / last.number.size()),
            fields,
            points: entries.points()?,
            viewpoint: entries.viewpoint()?,
            encoding: entries.encoding()?,
            end,
        })
    }

    /// The first field that has one of `names`.
    pub(super) fn field(&self, names: &[&str]) -> Option<&Field> {
        let mut names = names.iter();
        names.find_map(|name| self.fields.iter().find(|field| field.name == *name))
    }
}

/// The words of each line, by its key.
struct Entries<'a>(HashMap<&'a str, Vec<&'a str>>);

impl Entries<'_> {
    fn get(&self, key: &str) -> Option<&[&str]> {
        self.0.get(key).map(Vec::as_slice)
    }

    fn fields(&self) -> Result<Vec<Field>, Wrong> {
        // Up to version 0.5 the line was called so.
        let names = self.get("FIELDS").or(self.get("COLUMNS"));
        let names = names.ok_or_else(|| Wrong::new("FIELDS", "a line with the names of fields"))?;
        let of_each = |key, words: Option<&[&str]>| match words {
            Some(words) if words.len() == names.len() => {
                Ok(words.iter().map(|word| word.to_string()).collect())
            }
            None if key == "COUNT" => Ok(vec!["1".into(); names.len()]),
            _ => {
                let expected = format!("a word for each of the {} FIELDS", names.len());
                Err(Wrong::new(key, expected))
            }
        };
        let sizes: Vec<String> = of_each("SIZE", self.get("SIZE"))?;
        let kinds: Vec<String> = of_each("TYPE", self.get("TYPE"))?;
        let counts: Vec<String> = of_each("COUNT", self.get("COUNT"))?;

        let (mut offset, mut first) = (0, 0);
        let mut fields = Vec::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            let number = Number::new(&kinds[i], &sizes[i]).ok_or_else(|| {
                let expected = "I or U of 1, 2, 4 or 8 bytes, or F of 4 or 8";
                Wrong::new(format!("TYPE and SIZE of {name}"), expected)
            })?;
            let count = counts[i].parse().ok();
            let count = count.filter(|count| (1..=Header::RECORD_LIMIT).contains(count));
            let bytes = count.map(|count| count * number.size());
            let bytes = bytes.filter(|bytes| offset + bytes <= Header::RECORD_LIMIT);
            let bytes = bytes.ok_or_else(|| {
                let expected = "a number from 1 that makes points of at most 65,536 bytes";
                Wrong::new(format!("COUNT of {name}"), expected)
            })?;
            fields.push(Field {
                name: name.to_string(),
                number,
                bytes,
                offset,
                first,
            });
            offset += bytes;
            first += bytes / number.size();
        }
        Ok(fields)
    }

    /// POINTS, or where that is not there, WIDTH × HEIGHT; where both are
    /// there they must agree.
    fn points(&self) -> Result<usize, Wrong> {
        let number = |key: &str| -> Result<Option<usize>, Wrong> {
            let Some(words) = self.get(key) else {
                return Ok(None);
            };
            let number = match words {
                [word] => word.parse().ok(),
                _ => None,
            };
            let wrong = || Wrong::new(key, "a whole number");
            number.map(Some).ok_or_else(wrong)
        };
        let points = number("POINTS")?;
        let area = number("WIDTH")?.map(|width| {
            let height = number("HEIGHT")?.unwrap_or(1);
            Ok(width.checked_mul(height))
        });
        match (points, area.transpose()?) {
            (Some(points), None) => Ok(points),
            (None, Some(Some(area))) => Ok(area),
            (Some(points), Some(Some(area))) if points == area => Ok(points),
            _ => Err(Wrong::new(
                "POINTS",
                "a line whose number is WIDTH × HEIGHT",
            )),
        }
    }

    fn viewpoint(&self) -> Result<Pose, Wrong> {
        let Some(words) = self.get("VIEWPOINT") else {
            return Ok(Pose::identity());
        };
        let numbers: Vec<f64> = words
            .iter()
            .filter_map(|word| word.parse().ok())
            .filter(|number: &f64| number.is_finite())
            .collect();
        let pose = match numbers[..] {
            [x, y, z, w, i, j, k] if words.len() == 7 => {
                let rotation = UnitQuaternion::try_new(Quaternion::new(w, i, j, k), 1e-6);
                rotation.map(|rotation| Pose::from_parts(Translation3::new(x, y, z), rotation))
            }
            _ => None,
        };
        let expected = "a translation x y z and a quaternion w x y z: seven numbers";
        pose.ok_or_else(|| Wrong::new("VIEWPOINT", expected))
    }

    fn encoding(&self) -> Result<Encoding, Wrong> {
        match self.get("DATA") {
            Some(["ascii"]) => Ok(Encoding::Ascii),
            Some(["binary"]) => Ok(Encoding::Binary),
            Some(["binary_compressed"]) => Ok(Encoding::BinaryCompressed),
            _ => Err(Wrong::new("DATA", "ascii, binary or binary_compressed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n\
        FIELDS x y z _ t\nSIZE 4 8 4 1 4\nTYPE F F F U U\nCOUNT 1 1 1 4 1\nWIDTH 5\nHEIGHT 2\n\
        VIEWPOINT 1 2 3 1 0 0 0\nPOINTS 10\nDATA binary\n";

    #[test]
    fn a_head_tells_where_each_field_is() {
        let header = Header::parse(HEAD.as_bytes()).expect("is one");
        assert_eq!((header.record, header.values, header.points), (24, 8, 10));
        assert_eq!(
            (header.end, header.encoding),
            (HEAD.len(), Encoding::Binary)
        );
        assert_eq!(header.viewpoint, Pose::translation(1.0, 2.0, 3.0));
        let t = header.field(&["time", "t"]).expect("is there");
        assert_eq!(
            (t.number, t.offset, t.first, t.bytes),
            (Number::U32, 20, 7, 4)
        );
        assert!(header.field(&["intensity"]).is_none());

        let old = "COLUMNS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 3\nDATA ascii\r\n1 2 3";
        let header = Header::parse(old.as_bytes()).expect("is one");
        assert_eq!((header.record, header.points), (12, 3));
        assert_eq!(
            (header.end, header.viewpoint),
            (old.len() - 5, Pose::identity())
        );
    }

    #[test]
    fn a_head_that_is_wrong_names_its_line() {
        for (from, to, field) in [
            ("FIELDS", "FELDS", "FIELDS"),
            ("SIZE 4 8", "SIZE 8", "SIZE"),
            ("TYPE F F", "TYPE F F F F", "TYPE"),
            ("TYPE F F F", "TYPE F X F", "TYPE and SIZE of y"),
            ("SIZE 4 8", "SIZE 3 8", "TYPE and SIZE of x"),
            ("COUNT 1", "COUNT 0", "COUNT of x"),
            ("COUNT 1", "COUNT 18446744073709551615", "COUNT of x"),
            ("1 4 1\n", "1 65520 1\n", "COUNT of t"),
            ("POINTS 10", "POINTS 11", "POINTS"),
            ("POINTS 10", "POINTS -1", "POINTS"),
            ("WIDTH 5", "WIDTH five", "WIDTH"),
            ("WIDTH 5", "WIDTH 18446744073709551615", "POINTS"),
            ("1 0 0 0\n", "0 0 0 0\n", "VIEWPOINT"),
            ("1 0 0 0\n", "1 0 0 nan\n", "VIEWPOINT"),
            ("1 0 0 0\n", "1 0 0\n", "VIEWPOINT"),
            ("DATA binary", "DATA morse", "DATA"),
            ("DATA binary", "DATE binary", "head"),
        ] {
            assert!(HEAD.contains(from));
            let head = HEAD.replacen(from, to, 1);
            let wrong = Header::parse(head.as_bytes()).expect_err(to);
            assert_eq!(wrong.field, field, "{to}");
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_typed() {
        let read = |kind, size, bytes: &[u8]| Number::new(kind, size).map(|n| n.read(bytes));
        assert_eq!(read("I", "1", &[0xFF]), Some(-1.0));
        assert_eq!(read("U", "1", &[0xFF, 7]), Some(255.0));
        assert_eq!(read("I", "2", &[0xFE, 0xFF]), Some(-2.0));
        assert_eq!(read("I", "4", &(-70_000i32).to_le_bytes()), Some(-70_000.0));
        assert_eq!(
            read("I", "8", &(-1i64 << 40).to_le_bytes()),
            Some(-(2f64.powi(40)))
        );
        assert_eq!(read("U", "8", &u64::MAX.to_le_bytes()), Some(2f64.powi(64)));
        assert_eq!(read("F", "4", &1.5f32.to_le_bytes()), Some(1.5));
        assert_eq!(read("F", "8", &(-0.1f64).to_le_bytes()), Some(-0.1));
        assert_eq!(read("F", "2", &[0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_wrong(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Header::parse(&bytes);
        }

        #[test]
        fn any_words_are_a_head_or_wrong(
            lines in prop::collection::vec(
                "(FIELDS|SIZE|TYPE|COUNT|WIDTH|HEIGHT|POINTS|VIEWPOINT|DATA)( ([0-9]{1,20}|x|y|F|U|ascii)){0,4}\n",
                0..12,
            ),
        ) {
            if let Ok(header) = Header::parse(lines.concat().as_bytes()) {
                prop_assert!(header.record <= Header::RECORD_LIMIT);
                prop_assert!(header.values <= header.record);
            }
        }
    }
}
