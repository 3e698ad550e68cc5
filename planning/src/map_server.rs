//! Maps of map_server: a description in YAML and a picture.
//!
//! The form is that of ROS' `map_server` and Nav2's `nav2_map_server`. The
//! darker a pixel, the likelier it is occupied (`negate` turns that round);
//! `mode` says how shades become cells.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, ImageReader, Limits, Rgba};
use janus_perception::Grid;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::file::{FileError, read_bytes, read_text};
use crate::map::Map;
use crate::pgm::Pgm;
use crate::pose::Pose2;

/// The longest description, bytes.
const DESCRIPTION_LIMIT: u64 = 64 << 10;
/// The most cells along a side.
const MOST_ALONG: u32 = 1 << 14;
/// The most cells of a map.
const MOST_CELLS: u64 = 16 << 20;
/// The largest picture, in its file and in memory, bytes.
const PICTURE_LIMIT: u64 = 64 << 20;

impl Map {
    /// Reads a map: `description` is the YAML file, which names its picture
    /// (PGM, plain or raw, or PNG).
    ///
    /// The cells keep the places that the description gives them; the lower
    /// left corner of the picture is the origin of the grid's frame.
    pub fn load(description: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = description.as_ref();
        let said = Description::read(path)?;
        let picture = Picture::read(&path.with_file_name(&said.image))?;
        Ok(Self {
            grid: Grid {
                origin: [0, 0],
                size: picture.size,
                cell_mm: said.cell_mm,
                log_odds: said.cells(&picture),
            },
            origin: said.origin,
        })
    }
}

/// How shades become cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Occupied over one threshold, free under the other, else unknown.
    Trinary,
    /// Between the thresholds as probable as its shade.
    Scale,
    /// The shade is the probability in per cent; over 100 it is unknown.
    Raw,
}

/// The YAML file.
#[derive(Clone, Debug)]
struct Description {
    image: String,
    cell_mm: u32,
    origin: Pose2,
    negate: bool,
    occupied: f64,
    free: f64,
    mode: Mode,
}

/// A value of the YAML file, before it is known what it should be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Truth(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Other(IgnoredAny),
}

impl Description {
    fn read(path: &Path) -> Result<Self, FileError> {
        let text = read_text(path, DESCRIPTION_LIMIT)?;
        let values: BTreeMap<String, Value> = serde_saphyr::from_str(&text).map_err(|wrong| {
            let said = wrong.without_snippet().to_string().replace('\n', " ");
            FileError::malformed(path, "YAML", format!("a map's description: {said}"))
        })?;
        let wrong = |field: &str, expected: String| FileError::malformed(path, field, expected);
        let number = |field: &str, expected: &str| match values.get(field) {
            Some(Value::Number(number)) => Ok(*number),
            Some(_) => Err(wrong(field, format!("{expected}, found no number"))),
            None => Err(wrong(field, format!("{expected}, found nothing"))),
        };
        let share = |field: &str| {
            let expected = "a share from 0 to 1";
            let share = number(field, expected)?;
            if (0.0..=1.0).contains(&share) {
                return Ok(share);
            }
            Err(wrong(field, format!("{expected}, found {share}")))
        };

        let image = match values.get("image") {
            Some(Value::Text(name)) if !name.is_empty() => name.clone(),
            _ => return Err(wrong("image", "the name of a picture".into())),
        };
        let expected = "whole millimetres from 0.001 to 10 metres";
        let resolution = number("resolution", expected)?;
        let millimetres = resolution * 1e3;
        let whole = (millimetres - millimetres.round()).abs() < 1e-6;
        if !whole || !(0.999..=10_000.001).contains(&millimetres) {
            return Err(wrong(
                "resolution",
                format!("{expected}, found {resolution}"),
            ));
        }
        let origin = match values.get("origin") {
            Some(Value::Numbers(at))
                if at.len() == 3 && at.iter().all(|c| c.abs() <= FARTHEST_M) =>
            {
                Pose2::new(at[0], at[1], at[2])
            }
            _ => {
                return Err(wrong(
                    "origin",
                    "x and y in metres, at most 10¹⁰, and yaw in radians".into(),
                ));
            }
        };
        let negate = match values.get("negate") {
            Some(Value::Truth(negate)) => *negate,
            Some(Value::Number(0.0)) => false,
            Some(Value::Number(1.0)) => true,
            _ => return Err(wrong("negate", "0 or 1".into())),
        };
        let (occupied, free) = (share("occupied_thresh")?, share("free_thresh")?);
        if free >= occupied {
            return Err(wrong(
                "free_thresh",
                format!("less than occupied_thresh ({occupied}), found {free}"),
            ));
        }
        let mode = match values.get("mode") {
            None => Mode::Trinary,
            Some(Value::Text(mode)) if mode == "trinary" => Mode::Trinary,
            Some(Value::Text(mode)) if mode == "scale" => Mode::Scale,
            Some(Value::Text(mode)) if mode == "raw" => Mode::Raw,
            Some(_) => return Err(wrong("mode", "trinary, scale or raw".into())),
        };
        Ok(Self {
            image,
            cell_mm: millimetres.round() as u32,
            origin,
            negate,
            occupied,
            free,
            mode,
        })
    }

    /// Log-odds of the picture's pixels, row by row from the bottom.
    fn cells(&self, picture: &Picture) -> Vec<i16> {
        let of_shade = picture.shades.iter();
        let of_shade = of_shade.map(|shade| shade.map_or(Grid::UNKNOWN, |shade| self.cell(shade)));
        let of_shade: Vec<_> = of_shade.collect();
        let rows = picture.pixels.chunks(picture.size[0] as usize).rev();
        let pixels = rows.flatten().map(|&pixel| of_shade[usize::from(pixel)]);
        pixels.collect()
    }

    /// Log-odds of a shade, from 0 for black to 1 for white.
    fn cell(&self, shade: f64) -> i16 {
        let occupied = if self.negate { shade } else { 1.0 - shade };
        match self.mode {
            Mode::Raw => match (shade * 255.0).round() {
                percent @ 0.0..=100.0 => log_odds(percent),
                _ => Grid::UNKNOWN,
            },
            _ if occupied > self.occupied => log_odds(100.0),
            _ if occupied < self.free => log_odds(0.0),
            Mode::Trinary => Grid::UNKNOWN,
            Mode::Scale => {
                let share = (occupied - self.free) / (self.occupied - self.free);
                log_odds((share * 100.0).round())
            }
        }
    }
}

/// The farthest that a map lies from the origin of its frame, m.
const FARTHEST_M: f64 = 1e10;

/// Thousandths of a nat of a probability in per cent; none is taken for
/// certain.
fn log_odds(percent: f64) -> i16 {
    let p = percent.clamp(1.0, 99.0) / 100.0;
    (1e3 * (p / (1.0 - p)).ln()).round() as i16
}

/// A picture's shades, from 0 for black to 1 for white, from the top; of
/// what is transparent, none.
struct Picture {
    size: [u32; 2],
    /// One for each pixel: a place in `shades`.
    pixels: Vec<u16>,
    shades: Vec<Option<f64>>,
}

impl Picture {
    fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bytes(path, PICTURE_LIMIT)?;
        let broken = |said: String| FileError::malformed(path, "picture", said.replace('\n', " "));
        if Pgm::recognises(&bytes) {
            let pgm = Pgm::parse(&bytes, fits).map_err(broken)?;
            let white = f64::from(pgm.white);
            return Ok(Self {
                size: pgm.size,
                pixels: pgm.pixels,
                shades: (0..=pgm.white)
                    .map(|grey| Some(f64::from(grey) / white))
                    .collect(),
            });
        }
        let whole = |error: image::ImageError| broken(format!("a whole PNG: {error}"));
        let reader = || ImageReader::with_format(Cursor::new(&bytes[..]), ImageFormat::Png);
        if !bytes.starts_with(PNG) {
            return Err(broken("PGM or PNG".into()));
        }
        let (width, height) = reader().into_dimensions().map_err(whole)?;
        fits([width, height]).map_err(broken)?;
        let mut reader = reader();
        let mut limits = Limits::default();
        limits.max_alloc = Some(PICTURE_LIMIT);
        reader.limits(limits);
        let picture = reader.decode().map_err(whole)?.to_rgba8();
        // The mean of three bytes has 766 values.
        let shade = |&Rgba([red, green, blue, alpha]): &Rgba<u8>| match alpha {
            255 => u16::from(red) + u16::from(green) + u16::from(blue),
            _ => 766,
        };
        let shades = (0..766).map(|sum| Some(f64::from(sum) / 765.0));
        Ok(Self {
            size: [width, height],
            pixels: picture.pixels().map(shade).collect(),
            shades: shades.chain([None]).collect(),
        })
    }
}

/// What a PNG begins with.
const PNG: &[u8] = b"\x89PNG";

fn fits([width, height]: [u32; 2]) -> Result<(), String> {
    let cells = u64::from(width) * u64::from(height);
    if (1..=MOST_CELLS).contains(&cells) && width.max(height) <= MOST_ALONG {
        return Ok(());
    }
    Err(format!(
        "1 to {MOST_CELLS} pixels, at most {MOST_ALONG} along a side, found {width} × {height}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_perception::Cell;
    use proptest::prelude::*;
    use std::fs;

    const GOOD: &str = "image: m.pgm\nresolution: 0.05\norigin: [1.5, -2.0, 0.0]\nnegate: 0\n\
                        occupied_thresh: 0.65\nfree_thresh: 0.196\n";
    /// Free, occupied; unknown, free.
    const PLAIN: &[u8] = b"P2\n# drawn by hand\n2 2\n255\n254 0\n205 255\n";

    fn load(yaml: &str, picture: &[u8]) -> Result<Map, FileError> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("m.pgm"), picture).expect("written");
        let path = folder.path().join("m.yaml");
        fs::write(&path, yaml).expect("written");
        Map::load(path)
    }

    fn cells(map: &Map) -> Vec<Cell> {
        map.grid.log_odds.iter().copied().map(Cell::of).collect()
    }

    fn raw(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = format!("P5\n{width} {height}\n255\n").into_bytes();
        bytes.extend_from_slice(pixels);
        bytes
    }

    #[test]
    fn the_first_row_of_the_picture_is_the_farthest() {
        use Cell::{Free, Occupied, Unknown};
        let map = load(GOOD, PLAIN).expect("a map");
        assert_eq!((map.grid.size, map.grid.cell_mm), ([2, 2], 50));
        assert_eq!(map.origin, Pose2::new(1.5, -2.0, 0.0));
        assert_eq!(cells(&map), [Unknown, Free, Free, Occupied]);
        let three = load(GOOD, &raw(1, 3, &[0, 205, 255])).expect("a map");
        assert_eq!(cells(&three), [Free, Unknown, Occupied]);
        assert_eq!(
            load(GOOD, &raw(2, 2, &[254, 0, 205, 255])).expect("a map"),
            map
        );
    }

    #[test]
    fn shades_are_read_as_the_mode_says() {
        let shades = raw(5, 1, &[0, 100, 101, 128, 255]);
        let of = |yaml: &str| load(yaml, &shades).expect("a map").grid.log_odds;
        let (free, occupied) = (log_odds(0.0), log_odds(100.0));
        let unknown = Grid::UNKNOWN;
        assert_eq!(of(GOOD), [occupied, unknown, unknown, unknown, free]);
        let negated = GOOD.replace("negate: 0", "negate: 1");
        assert_eq!(of(&negated), [free, unknown, unknown, unknown, occupied]);
        let raw = of(&format!("{GOOD}mode: raw\n"));
        assert_eq!(raw, [free, occupied, unknown, unknown, unknown]);
        let scale = of(&format!("{GOOD}mode: scale\n"));
        assert_eq!([scale[0], scale[4]], [occupied, free]);
        // (1 − 100/255 − 0.196) / (0.65 − 0.196) is 0.91.
        assert_eq!(scale[1], log_odds(91.0));
        assert!(scale[3] > 0 && scale[3] < scale[2]);
    }

    #[test]
    fn a_png_is_read_and_what_is_transparent_is_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.png");
        let pixels = vec![255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 0];
        let picture = image::RgbaImage::from_raw(3, 1, pixels).expect("a picture");
        picture.save(&path).expect("written");
        let yaml = folder.path().join("m.yaml");
        fs::write(&yaml, GOOD.replace("m.pgm", "m.png")).expect("written");
        let map = Map::load(&yaml).expect("a map");
        assert_eq!(cells(&map), [Cell::Free, Cell::Occupied, Cell::Unknown]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_its_field() {
        let says = |yaml: &str, picture: &[u8]| {
            let said = load(yaml, picture).expect_err("no map").to_string();
            assert_eq!(said.lines().count(), 1, "{said}");
            said
        };
        for (from, to, field) in [
            ("image: m.pgm", "image: 3", "image: expected"),
            ("image: m.pgm", "image: none.pgm", "none.pgm: "),
            (
                "resolution: 0.05",
                "resolution: 0.0255",
                "resolution: expected whole",
            ),
            ("resolution: 0.05", "resolution: -0.05", "resolution: "),
            ("resolution: 0.05", "resolution: .nan", "YAML: expected"),
            ("resolution: 0.05", "resolution: fine", "found no number"),
            (
                "resolution: 0.05",
                "",
                "resolution: expected whole millimetres from 0.001 to 10 metres, found nothing",
            ),
            ("[1.5, -2.0, 0.0]", "[1.5, -2.0]", "origin: "),
            ("[1.5, -2.0, 0.0]", "[.inf, -2.0, 0.0]", "YAML: expected"),
            ("negate: 0", "negate: 2", "negate: expected 0 or 1"),
            (
                "occupied_thresh: 0.65",
                "occupied_thresh: 65",
                "occupied_thresh: expected a share from 0 to 1, found 65",
            ),
            (
                "free_thresh: 0.196",
                "free_thresh: 0.7",
                "free_thresh: expected less than occupied_thresh (0.65), found 0.7",
            ),
            (
                "negate: 0",
                "negate: 0\nmode: ternary",
                "mode: expected trinary, scale or raw",
            ),
            ("origin: ", "origin: {", "m.yaml: YAML: "),
        ] {
            let said = says(&GOOD.replace(from, to), PLAIN);
            assert!(said.contains(field), "{said}");
        }
        let broken: &[(&[u8], &str)] = &[
            (b"P5\n2 2\n255\n\x00\x00\x00", "m.pgm: picture: "),
            (b"P5\n100000 100000\n255\n", "m.pgm: picture: expected 1 to"),
            (b"P5\n0 4\n255\n", "found 0 × 4"),
            (b"P5\n1 1\n0\n\x00", "a greatest value from 1 to 65535"),
            (b"P5\nwide", "a width in its header"),
            (b"P2\n1 1\n10\n11\n", "values up to 10, found 11 at pixel 0"),
            (
                b"\x89PNG\r\n\x1a\n",
                "m.pgm: picture: expected a whole PNG: ",
            ),
            (b"P2\n2 2\n255\n1 2 x 4\n", "m.pgm: picture: "),
            (b"GIF89a", "m.pgm: picture: expected PGM or PNG"),
            (b"", "m.pgm: picture: expected PGM or PNG"),
        ];
        for (picture, field) in broken {
            let said = says(GOOD, picture);
            assert!(said.contains(field), "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(yaml in any::<Vec<u8>>(), picture in any::<Vec<u8>>(), kind in 0..3usize) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("m.yaml");
            fs::write(&path, yaml).expect("written");
            prop_assert!(Map::load(&path).is_err());
            let head = [&b"P2\n3 2\n255\n"[..], b"P5 9 9 65535 ", b""][kind];
            let whole = load(GOOD, &[head, &picture[..]].concat());
            prop_assert!(whole.is_err() || kind < 2);
        }
    }
}
