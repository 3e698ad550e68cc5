//! A model in a folder of its own.

use std::fs;
use std::path::PathBuf;

use janus_perception::detect::{DetectError, Detector, DetectorOptions, Inference};
use tempfile::TempDir;

/// A folder with one model, and perhaps a manifest.
pub(crate) struct Given {
    folder: TempDir,
    pub(crate) options: DetectorOptions,
}

impl Given {
    pub(crate) fn new(model: &[u8], manifest: Option<&str>, inference: Inference) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("net.onnx"), model).expect("a writable folder");
        if let Some(text) = manifest {
            fs::write(folder.path().join("net.toml"), text).expect("a writable folder");
        }
        let options = DetectorOptions {
            inference,
            threads: 1,
            ..DetectorOptions::default()
        };
        Self { folder, options }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("net.onnx")
    }

    pub(crate) fn load(&self) -> Result<Detector, DetectError> {
        Detector::load(&self.path(), &self.options)
    }

    /// Loads what must not load; the error's sentence after the file's name.
    pub(crate) fn refusal(&self) -> String {
        let text = match self.load() {
            Ok(_) => panic!("a broken model loads"),
            Err(error) => error.to_string(),
        };
        let folder = format!("{}/", self.folder.path().display());
        (text.strip_prefix(&folder))
            .unwrap_or_else(|| panic!("{text:?} does not begin with the file"))
            .to_owned()
    }
}
