//! What can be set about detection.

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::DetectError;
use super::providers::ExecutionProvider;
use super::runtime::Inference;

/// More threads than any detector profits from.
const MAX_THREADS: usize = 256;

/// More objects than any picture is labelled with.
const MAX_DETECTIONS: usize = 10_000;

/// Longest side of an input, pixels.
pub(super) const MAX_SIDE: u32 = 8192;

/// Most pixels of an input.
pub(super) const MAX_PIXELS: u32 = 1 << 24;

/// Most pictures in one run.
const MAX_BATCH: usize = 64;

/// Most tiles of a picture along a side.
const MAX_TILES: u32 = 16;

/// What can be set about detection.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorOptions {
    /// Least score of a detection, from 0 to 1.
    pub score_threshold: f32,
    /// Which boxes rival each other.
    pub nms: Nms,
    /// Intersection over union, from 0 to 1, above which the worse of two
    /// rivals is left out.
    pub nms_threshold: f32,
    /// Most detections in one picture; the best ones stay. From 1 to 10,000.
    pub max_detections: usize,
    /// Size at which the network runs, instead of the one that its file
    /// states.
    pub input_size: Option<InputSize>,
    /// Look at parts of the picture as well, each as large as the network's
    /// input allows.
    pub tiles: Option<Tiles>,
    /// Most pictures, or tiles of pictures, in one run, from 1 to 64, of a
    /// network that leaves their number open; any other takes one. There are
    /// fewer where these would be more than 33,554,432 pixels.
    pub batch: usize,
    /// Threads within one operation of the network, from 1 to 256. The
    /// embedded runtime always uses one.
    pub threads: usize,
    /// How long one run of the network may take, ms, above 0; `None` is as
    /// long as it wants. ONNX Runtime stops at the next operation; what the
    /// embedded runtime gives too late is thrown away.
    pub time_limit_ms: Option<f64>,
    /// The same for each of the runs by which a network is known when it is
    /// loaded: those of a hostile one might never end. A provider that compiles
    /// the network in its first run may need longer.
    pub load_limit_ms: f64,
    /// The inference runtime.
    pub inference: Inference,
    /// What the runtime runs the network on.
    pub execution_provider: ExecutionProvider,
}

/// Which boxes rival each other, so that only the best of those that overlap
/// stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nms {
    /// Those of one class.
    #[default]
    ClassWise,
    /// All.
    Agnostic,
}

/// Height and width of a network's input, pixels; in writing `HxW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct InputSize {
    /// Height, pixels.
    pub height: u32,
    /// Width, pixels.
    pub width: u32,
}

/// How a picture is cut into tiles; in writing `RxC` or `RxC,OVERLAP`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tiles {
    /// Tiles from the top to the bottom, from 1 to 16.
    pub rows: u32,
    /// Tiles from the left to the right, from 1 to 16.
    pub columns: u32,
    /// Share of a tile's side that it has in common with the next tile, from
    /// 0 to 0.5.
    pub overlap: f32,
}

impl Default for DetectorOptions {
    fn default() -> Self {
        // The other half is for the lidar and the planner, which run beside it.
        let threads = thread::available_parallelism().map_or(1, |n| n.get() / 2);
        let threads = threads.clamp(1, MAX_THREADS);
        Self {
            score_threshold: 0.3,
            nms: Nms::ClassWise,
            nms_threshold: 0.45,
            max_detections: 300,
            input_size: None,
            tiles: None,
            batch: 8,
            threads,
            time_limit_ms: None,
            load_limit_ms: 60_000.0,
            inference: Inference::Auto,
            execution_provider: ExecutionProvider::default(),
        }
    }
}

impl DetectorOptions {
    /// Checks every option's range.
    ///
    /// # Errors
    /// [`DetectError::Option`] for the first that is out of it.
    pub fn check(&self) -> Result<(), DetectError> {
        let wrong = |field, expected, found| {
            Err(DetectError::Option {
                field,
                expected,
                found,
            })
        };
        for (field, share) in [
            ("score_threshold", self.score_threshold),
            ("nms_threshold", self.nms_threshold),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(field, "a number from 0 to 1", share.to_string());
            }
        }
        if !(1..=MAX_DETECTIONS).contains(&self.max_detections) {
            let found = self.max_detections.to_string();
            return wrong("max_detections", "a number from 1 to 10000", found);
        }
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return wrong("batch", "a number from 1 to 64", self.batch.to_string());
        }
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return wrong(
                "threads",
                "a number from 1 to 256",
                self.threads.to_string(),
            );
        }
        for (field, limit) in [
            ("time_limit_ms", self.time_limit_ms),
            ("load_limit_ms", Some(self.load_limit_ms)),
        ] {
            if let Some(ms) = limit
                && !(ms > 0.0 && ms <= 3.6e6)
            {
                let expected = "a time above 0 and up to 3600000 ms";
                return wrong(field, expected, ms.to_string());
            }
        }
        if let Some(size) = self.input_size
            && size.check().is_none()
        {
            return wrong("input_size", InputSize::EXPECTED, size.to_string());
        }
        if let Some(tiles) = self.tiles
            && tiles.check().is_none()
        {
            return wrong("tiles", Tiles::EXPECTED, tiles.to_string());
        }
        Ok(())
    }

    /// How long one run may take.
    pub(super) fn time_limit(&self) -> Option<Duration> {
        self.time_limit_ms.map(milliseconds)
    }

    /// How long a run may take while the network is loaded.
    pub(super) fn load_limit(&self) -> Duration {
        milliseconds(self.load_limit_ms)
    }
}

impl InputSize {
    const EXPECTED: &'static str =
        "HEIGHTxWIDTH in pixels, sides from 1 to 8192, 16777216 pixels at most";

    /// The size, if it is one that a network can have.
    pub(super) fn check(self) -> Option<Self> {
        let sides = [self.height, self.width];
        let fits = sides.iter().all(|side| (1..=MAX_SIDE).contains(side));
        (fits && self.height * self.width <= MAX_PIXELS).then_some(self)
    }
}

impl Tiles {
    const EXPECTED: &'static str =
        "ROWSxCOLUMNS[,OVERLAP] from 1 to 16 and from 0 to 0.5, such as 1x3,0.2";

    fn check(self) -> Option<Self> {
        let counts = [self.rows, self.columns];
        let fits = counts.iter().all(|count| (1..=MAX_TILES).contains(count));
        (fits && (0.0..=0.5).contains(&self.overlap)).then_some(self)
    }
}

/// A checked time.
fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms * 1e-3).unwrap_or(Duration::MAX)
}

/// Two numbers with an x between.
fn pair(text: &str) -> Option<[u32; 2]> {
    let (first, second) = text.split_once(['x', 'X'])?;
    Some([first.trim().parse().ok()?, second.trim().parse().ok()?])
}

impl FromStr for InputSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = pair(text).map(|[height, width]| Self { height, width });
        size.and_then(Self::check)
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

impl FromStr for Tiles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (counts, overlap) = text.split_once(',').unwrap_or((text, "0.2"));
        let parsed = pair(counts).zip(overlap.trim().parse().ok());
        let tiles = parsed.map(|([rows, columns], overlap)| Self {
            rows,
            columns,
            overlap,
        });
        tiles
            .and_then(Self::check)
            .ok_or_else(|| format!("expected {}, found {text:?}", Self::EXPECTED))
    }
}

impl fmt::Display for InputSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl fmt::Display for Tiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{},{}", self.rows, self.columns, self.overlap)
    }
}

impl TryFrom<String> for InputSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Tiles {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<InputSize> for String {
    fn from(size: InputSize) -> Self {
        size.to_string()
    }
}

impl From<Tiles> for String {
    fn from(tiles: Tiles) -> Self {
        tiles.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_checked() {
        let options: DetectorOptions = toml::from_str(
            "score_threshold = 0.1\ninference = \"onnxruntime\"\nnms = \"agnostic\"\n\
             input_size = \"384x1248\"\ntiles = \"1x3\"\ntime_limit_ms = 50\n\
             execution_provider = \"cuda,device_id=1\"",
        )
        .expect("good options");
        assert_eq!(options.score_threshold, 0.1);
        assert_eq!(options.inference, Inference::OnnxRuntime);
        assert_eq!(options.max_detections, 300);
        assert_eq!(options.nms, Nms::Agnostic);
        let size = options.input_size.expect("a size");
        assert_eq!((size.height, size.width), (384, 1248));
        let tiles = options.tiles.expect("tiles");
        assert_eq!((tiles.rows, tiles.columns, tiles.overlap), (1, 3, 0.2));
        assert_eq!(options.time_limit(), Some(Duration::from_millis(50)));
        assert!(options.check().is_ok());
        let written = toml::to_string(&options).expect("options are TOML");
        assert_eq!(toml::from_str(&written), Ok(options));
        for (text, said) in [
            ("score_treshold = 0.1", "unknown field `score_treshold`"),
            ("input_size = \"416\"", "expected HEIGHTxWIDTH"),
            ("input_size = \"0x416\"", "expected HEIGHTxWIDTH"),
            ("input_size = \"8192x8192\"", "expected HEIGHTxWIDTH"),
            ("tiles = \"0x3\"", "expected ROWSxCOLUMNS"),
            ("tiles = \"1x3,0.9\"", "expected ROWSxCOLUMNS"),
            ("nms = \"soft\"", "unknown variant `soft`"),
            ("execution_provider = \"cudda\"", "expected one of"),
        ] {
            let error = toml::from_str::<DetectorOptions>(text).expect_err("bad options");
            assert!(error.message().starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        for (text, field) in [
            ("score_threshold = -0.1", "score_threshold"),
            ("score_threshold = nan", "score_threshold"),
            ("nms_threshold = 1.5", "nms_threshold"),
            ("max_detections = 0", "max_detections"),
            ("max_detections = 1000000000000", "max_detections"),
            ("batch = 0", "batch"),
            ("batch = 65", "batch"),
            ("threads = 0", "threads"),
            ("threads = 100000", "threads"),
            ("time_limit_ms = 0.0", "time_limit_ms"),
            ("time_limit_ms = nan", "time_limit_ms"),
            ("load_limit_ms = -1.0", "load_limit_ms"),
        ] {
            let options: DetectorOptions = toml::from_str(text).expect("a number");
            let error = options.check().expect_err("out of range").to_string();
            assert!(
                error.starts_with(&format!("detector option {field}: expected")),
                "{error}"
            );
        }
        let options = DetectorOptions {
            input_size: Some(InputSize {
                height: 0,
                width: 9,
            }),
            ..DetectorOptions::default()
        };
        let error = options.check().expect_err("out of range").to_string();
        assert!(error.ends_with("found 0x9"), "{error}");
    }
}
