//! The network that a detector is made of: the user's, or our own.

use std::convert::Infallible;
use std::path::{Path, PathBuf, is_separator};
use std::str::FromStr;

use anyhow::{Result, bail};
use janus_perception::detect::{Detector, DetectorOptions};

use crate::catalogue::{Catalogue, is_model};

/// The name by which the built-in network goes.
pub(crate) const STREET: &str = "street";
const STREET_NETWORK: &[u8] = include_bytes!("../models/janus_street.onnx");
const STREET_MANIFEST: &str = include_str!("../models/janus_street.toml");

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// The built-in one, which knows the synthetic world and nothing else.
    Street,
    /// One that is in a models folder.
    Named(String),
    /// That of an ONNX file.
    File(PathBuf),
}

impl Model {
    pub(crate) fn detector(&self, options: &DetectorOptions) -> Result<Detector> {
        Ok(match self {
            Self::Street => {
                Detector::from_memory(STREET, STREET_NETWORK, STREET_MANIFEST, options)?
            }
            Self::Named(name) => Detector::load(&find(name)?, options)?,
            Self::File(path) => Detector::load(path, options)?,
        })
    }
}

/// The file of a model that goes by a name.
fn find(name: &str) -> Result<PathBuf> {
    let contents = Catalogue::of_user().contents()?;
    if let Some(file) = contents.find(name) {
        return Ok(file.to_owned());
    }
    let names = contents.models.iter().map(|entry| entry.name.as_str());
    let names: Vec<&str> = [STREET].into_iter().chain(names).collect();
    bail!(
        "model `{name}`: expected a file, which has a / or ends in .onnx, or one of {}",
        names.join(", ")
    )
}

impl FromStr for Model {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == STREET {
            Self::Street
        } else if text.contains(is_separator) || is_model(Path::new(text)) {
            Self::File(text.into())
        } else {
            Self::Named(text.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_a_name() {
        let told = |text: &str| text.parse::<Model>().expect("always one");
        assert_eq!(told("street"), Model::Street);
        assert_eq!(told("yolox_nano"), Model::Named("yolox_nano".into()));
        for file in ["net.onnx", "./net", "models/street"] {
            assert_eq!(told(file), Model::File(file.into()));
        }
    }
}
