//! The tables of a nuScenes set: JSON arrays of records, linked by tokens.
//!
//! The larger ones have a gigabyte, of which a scene needs a thousandth: they
//! are read record by record, and only what is wanted is kept.

use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::error::{Error, Result};
use crate::file;

/// A scene of 20 s has some 3,000 records of sensors, and as many boxes.
const MOST_RECORDS: usize = 50_000;

/// The folder of one version of a set: `v1.0-mini` and so on.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) folder: PathBuf,
}

impl Tables {
    /// Those in a folder, if it is one of tables.
    pub(super) fn within(folder: &Path) -> Option<Self> {
        let name = folder.file_name()?.to_str()?;
        let tables = ["scene", "sample_data"].map(|table| folder.join(format!("{table}.json")));
        (name.starts_with("v1.0-") && tables.iter().all(|table| table.is_file())).then(|| Self {
            folder: folder.into(),
        })
    }

    /// The file of a table.
    pub(super) fn file(&self, table: &str) -> PathBuf {
        self.folder.join(format!("{table}.json"))
    }

    /// The wanted records of a table, in its order.
    pub(super) fn records<T: DeserializeOwned>(
        &self,
        table: &str,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>> {
        let path = self.file(table);
        let (table, _) = file::open(&path)?;
        let table = BufReader::with_capacity(1 << 18, table);
        let mut json = serde_json::Deserializer::from_reader(table);
        let records = json.deserialize_seq(Records {
            kept: Vec::new(),
            wanted,
        });
        let records = records.and_then(|records| json.end().map(|()| records));
        records.map_err(|error| match error.is_io() {
            true => Error::Io {
                path,
                cause: error.into(),
            },
            false => Error::Malformed {
                path,
                field: format!("line {}", error.line()),
                expected: format!("records of nuScenes' schema, but {error}"),
            },
        })
    }

    /// That a record refers to another that is not there, or is none.
    pub(super) fn broken(&self, table: &str, token: &str, expected: &str) -> Error {
        Error::Malformed {
            path: self.file(table),
            field: format!("token `{token}`"),
            expected: expected.into(),
        }
    }
}

/// Keeps the wanted records of an array.
struct Records<T, W> {
    kept: Vec<T>,
    wanted: W,
}

impl<'de, T: Deserialize<'de>, W: Fn(&T) -> bool> Visitor<'de> for Records<T, W> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Vec<T>, A::Error> {
        while let Some(record) = array.next_element()? {
            if !(self.wanted)(&record) {
                continue;
            }
            if self.kept.len() == MOST_RECORDS {
                let reason = format!("there are more than {MOST_RECORDS} of one scene");
                return Err(de::Error::custom(reason));
            }
            self.kept.push(record);
        }
        Ok(self.kept)
    }
}

/// A record of `scene`: 20 s of a log.
#[derive(Deserialize)]
pub(super) struct Scene {
    pub(super) token: String,
    pub(super) name: String,
}

/// A record of `sample`: a keyframe.
#[derive(Deserialize)]
pub(super) struct Sample {
    pub(super) token: String,
    pub(super) scene_token: String,
    /// Microseconds since the Unix epoch, as all times of the tables.
    pub(super) timestamp: i64,
    /// Token of the keyframe before; empty in the first.
    pub(super) prev: String,
}

/// A record of `sample_data`: one file of one sensor.
#[derive(Deserialize)]
pub(super) struct SampleData {
    /// The keyframe to which it belongs, or the next one after it.
    pub(super) sample_token: String,
    pub(super) ego_pose_token: String,
    pub(super) calibrated_sensor_token: String,
    /// Where it is, in the folder of the set.
    pub(super) filename: String,
    pub(super) timestamp: i64,
    pub(super) is_key_frame: bool,
    /// Pixels, of pictures.
    #[serde(default)]
    pub(super) width: Option<u32>,
    #[serde(default)]
    pub(super) height: Option<u32>,
}

/// A record of `ego_pose`.
#[derive(Deserialize)]
pub(super) struct EgoPose {
    pub(super) token: String,
    pub(super) timestamp: i64,
    /// Metres.
    pub(super) translation: [f64; 3],
    /// w, x, y, z.
    pub(super) rotation: [f64; 4],
}

/// A record of `sensor`.
#[derive(Deserialize)]
pub(super) struct Sensor {
    pub(super) token: String,
    /// `CAM_FRONT`, `LIDAR_TOP` and so on.
    pub(super) channel: String,
}

/// A record of `calibrated_sensor`: where a sensor sits in the ego frame.
#[derive(Deserialize)]
pub(super) struct CalibratedSensor {
    pub(super) token: String,
    pub(super) sensor_token: String,
    /// Metres.
    pub(super) translation: [f64; 3],
    /// w, x, y, z.
    pub(super) rotation: [f64; 4],
    pub(super) camera_intrinsic: Intrinsic,
}

/// The matrix K of a camera; an empty array for other sensors.
pub(super) struct Intrinsic(pub(super) Option<[[f64; 3]; 3]>);

impl<'de> Deserialize<'de> for Intrinsic {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_seq(Rows)
    }
}

/// Reads three rows or none.
struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = Intrinsic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("three rows of three numbers, or none")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Intrinsic, A::Error> {
        let Some(first) = array.next_element()? else {
            return Ok(Intrinsic(None));
        };
        let mut row = |count| {
            array
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(count, &Rows))
        };
        let rows = [first, row(1)?, row(2)?];
        match array.next_element::<IgnoredAny>()? {
            None => Ok(Intrinsic(Some(rows))),
            Some(_) => Err(de::Error::invalid_length(4, &Rows)),
        }
    }
}

/// A record of `sample_annotation`: a box in a keyframe, in the global frame.
#[derive(Deserialize)]
pub(super) struct SampleAnnotation {
    pub(super) token: String,
    pub(super) sample_token: String,
    pub(super) instance_token: String,
    /// Empty where it was not annotated.
    pub(super) visibility_token: String,
    /// Of the centre, m.
    pub(super) translation: [f64; 3],
    /// Width, length and height, m.
    pub(super) size: [f64; 3],
    /// w, x, y, z.
    pub(super) rotation: [f64; 4],
    pub(super) num_lidar_pts: u32,
    /// Tokens of the same object's boxes before and after; empty at the ends.
    pub(super) prev: String,
    pub(super) next: String,
}

/// A record of `instance`: an object.
#[derive(Deserialize)]
pub(super) struct Instance {
    pub(super) token: String,
    pub(super) category_token: String,
}

/// A record of `category`.
#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) token: String,
    pub(super) name: String,
}

/// A record of `visibility`.
#[derive(Deserialize)]
pub(super) struct Visibility {
    pub(super) token: String,
    /// `v0-40`, `v40-60`, `v60-80` or `v80-100`.
    pub(super) level: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The scenes of a table of that text.
    fn scenes(text: &[u8]) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("scene.json"), text).expect("written");
        let tables = Tables {
            folder: folder.path().into(),
        };
        let scenes = tables.records("scene", |scene: &Scene| scene.token != "b")?;
        Ok(scenes.into_iter().map(|scene| scene.name).collect())
    }

    #[test]
    fn what_is_not_wanted_is_not_kept() {
        let text = br#"[{"token": "a", "name": "1", "more": {"x": [1, {}]}},
            {"name": "2", "token": "b"}, {"token": "c", "name": "3"}]"#;
        assert_eq!(scenes(text).expect("is a table"), ["1", "3"]);
        assert!(scenes(b"[]").expect("is a table").is_empty());
    }

    #[test]
    fn a_broken_table_is_told_in_one_sentence() {
        for (text, expected) in [
            ("", "line 1: expected records of nuScenes' schema, but EOF"),
            ("{}", "an array of records"),
            ("[{\"token\": \"a\"}]", "missing field `name`"),
            ("[\n{\"token\": 3}]", "line 2"),
            (
                "[{\"token\": \"a\", \"name\": \"1\"}",
                "EOF while parsing a list",
            ),
            ("[] []", "trailing characters"),
        ] {
            let error = scenes(text.as_bytes()).expect_err("is broken");
            assert_eq!(error.reason(), "malformed");
            let error = error.to_string();
            assert!(
                error.contains("scene.json") && error.contains(expected),
                "{error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn more_records_than_a_scene_can_have_are_refused() {
        let record = "{\"token\":\"\",\"name\":\"\"},";
        let text = format!(
            "[{}]",
            record.repeat(MOST_RECORDS + 1).trim_end_matches(',')
        );
        let error = scenes(text.as_bytes()).expect_err("is too long");
        assert!(error.to_string().contains("more than 50000"), "{error}");
    }

    #[test]
    fn a_matrix_has_three_rows_or_none() {
        let of = |text| serde_json::from_str::<Intrinsic>(text).map(|matrix| matrix.0);
        assert_eq!(of("[]").expect("is none"), None);
        let rows = of("[[1, 0, 2], [0, 3, 4], [0, 0, 1]]").expect("is one");
        assert_eq!(
            rows,
            Some([[1.0, 0.0, 2.0], [0.0, 3.0, 4.0], [0.0, 0.0, 1.0]])
        );
        for wrong in [
            "[[1, 0, 2]]",
            "[[1], [2], [3]]",
            "[[1,0,0],[0,1,0],[0,0,1],[0,0,0]]",
            "3",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_an_error(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = scenes(&text);
        }

        #[test]
        fn any_json_is_a_table_or_an_error(text in "(\\[|\\]|\\{|\\}|\"token\":|\"name\":|,|\"a\"|1|1e999|null){0,40}") {
            let _ = scenes(text.as_bytes());
        }
    }
}
