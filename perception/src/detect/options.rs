//! What can be set about detection.

use std::thread;

use serde::{Deserialize, Serialize};

use super::error::DetectError;
use super::runtime::Inference;

/// More threads than any detector profits from.
const MAX_THREADS: usize = 256;

/// More objects than any picture is labelled with.
const MAX_DETECTIONS: usize = 10_000;

/// What can be set about detection.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorOptions {
    /// Least score of a detection, from 0 to 1.
    pub score_threshold: f32,
    /// Intersection over union, from 0 to 1, above which the worse of two
    /// boxes of one class is left out.
    pub nms_threshold: f32,
    /// Most detections in one picture; the best ones stay. From 1 to 10,000.
    pub max_detections: usize,
    /// Threads within one operation of the network, from 1 to 256. The
    /// embedded runtime always uses one.
    pub threads: usize,
    /// The inference runtime.
    pub inference: Inference,
    /// What the runtime runs the network on.
    pub execution_provider: ExecutionProvider,
}

/// What the runtime runs a network on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionProvider {
    /// The processor.
    #[default]
    Cpu,
}

impl Default for DetectorOptions {
    fn default() -> Self {
        // The other half is for the lidar and the planner, which run beside it.
        let threads = thread::available_parallelism().map_or(1, |n| n.get() / 2);
        let threads = threads.clamp(1, MAX_THREADS);
        Self {
            score_threshold: 0.3,
            nms_threshold: 0.45,
            max_detections: 300,
            threads,
            inference: Inference::Auto,
            execution_provider: ExecutionProvider::Cpu,
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
        if !(1..=MAX_THREADS).contains(&self.threads) {
            return wrong(
                "threads",
                "a number from 1 to 256",
                self.threads.to_string(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_checked() {
        let options: DetectorOptions =
            toml::from_str("score_threshold = 0.1\ninference = \"onnxruntime\"")
                .expect("good options");
        assert_eq!(options.score_threshold, 0.1);
        assert_eq!(options.inference, Inference::OnnxRuntime);
        assert_eq!(options.max_detections, 300);
        assert!(options.check().is_ok());
        for (text, said) in [
            ("score_treshold = 0.1", "unknown field `score_treshold`"),
            (
                "execution_provider = \"cuda\"",
                "unknown variant `cuda`, expected `cpu`",
            ),
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
            ("threads = 0", "threads"),
            ("threads = 100000", "threads"),
        ] {
            let options: DetectorOptions = toml::from_str(text).expect("a number");
            let error = options.check().expect_err("out of range").to_string();
            assert!(
                error.starts_with(&format!("detector option {field}: expected")),
                "{error}"
            );
        }
    }
}
