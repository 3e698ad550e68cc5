//! The network that a detector is made of: the user's, or our own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use janus_perception::detect::{DetectError, Detector, DetectorOptions};

/// The name by which the built-in network goes.
const STREET: &str = "street";
const STREET_NETWORK: &[u8] = include_bytes!("../models/janus_street.onnx");
const STREET_MANIFEST: &str = include_str!("../models/janus_street.toml");

/// A network.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    /// The built-in one, which knows the synthetic world and nothing else.
    Street,
    /// That of an ONNX file.
    File(PathBuf),
}

impl Model {
    pub(crate) fn detector(&self, options: &DetectorOptions) -> Result<Detector, DetectError> {
        match self {
            Self::Street => Detector::from_memory(STREET, STREET_NETWORK, STREET_MANIFEST, options),
            Self::File(path) => Detector::load(path, options),
        }
    }
}

impl FromStr for Model {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == STREET {
            Self::Street
        } else {
            Self::File(text.into())
        })
    }
}
