//! Why there are no detections.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::InputSize;
use super::runtime::RuntimeError;

/// Why a detector cannot be loaded, or cannot look at a picture.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// There is no inference runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An option has a value that it cannot have.
    #[error("detector option {field}: expected {expected}, found {found}")]
    Option {
        /// The option.
        field: &'static str,
        /// The values that it can have.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// A file cannot be opened or read.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is not an ONNX model, or not a whole one.
    #[error("{}: expected a whole ONNX model, found {found}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What it is, or where it breaks off.
        found: String,
    },
    /// A model's manifest is not one.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The line or field and what was expected there.
        message: String,
    },
    /// The inference runtime refuses a model.
    #[error("{}: the inference runtime does not load this model: {cause}", path.display())]
    Load {
        /// The model.
        path: PathBuf,
        /// What the runtime said.
        cause: ort::Error,
    },
    /// A network does not run at the size that was asked for.
    #[error("{reason}: the network cannot be run at {size}")]
    InputSize {
        /// The size that was asked for.
        size: InputSize,
        /// What went wrong, with the model's name.
        reason: String,
    },
    /// A model's inputs or outputs are not those of a known family, or not
    /// those that its manifest states.
    #[error("{}: {field}: expected {expected}, found {found}", path.display())]
    Form {
        /// The model.
        path: PathBuf,
        /// The input or output, or what the manifest says of it.
        field: &'static str,
        /// What would have been understood.
        expected: String,
        /// What the model has.
        found: String,
    },
    /// An execution provider that was asked for is not to be had.
    #[error("execution provider {name}: {reason}; it needs {needs}")]
    Provider {
        /// The provider with its options.
        name: String,
        /// What is missing.
        reason: String,
        /// What has to be installed for it.
        needs: &'static str,
    },
    /// A picture without pixels.
    #[error("a picture of {width}x{height} pixels cannot be looked at")]
    Picture {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
    },
    /// The network did not run.
    #[error("{}: the network does not run: {reason}", path.display())]
    Run {
        /// The model.
        path: PathBuf,
        /// What the runtime said.
        reason: String,
    },
    /// The network was not done in time.
    #[error("{}: the network took longer than {limit:?}", path.display())]
    TimedOut {
        /// The model.
        path: PathBuf,
        /// How long a run may take.
        limit: Duration,
    },
    /// The network ran and gave something else than it gave when it was
    /// loaded.
    #[error("{}: outputs: expected {expected}, found {found}", path.display())]
    Output {
        /// The model.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What came.
        found: String,
    },
}

/// What of a network or of its manifest is not as it must be.
pub(super) struct Refused {
    pub(super) field: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Refused {
    /// The error of the model in this file.
    pub(super) fn at(self, path: &Path) -> DetectError {
        DetectError::Form {
            path: path.to_owned(),
            field: self.field,
            expected: self.expected,
            found: self.found,
        }
    }
}

impl DetectError {
    /// The key under which a camera that was not looked at is counted.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "detector_late",
            Self::Picture { .. } => "bad_picture",
            _ => "detector_failed",
        }
    }
}
