//! What is wrong with a message, before it is known whose.

use std::path::Path;

use crate::error::Error;

/// A field that is not what it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// The field.
    pub(super) field: String,
    /// What should have been there.
    pub(super) expected: String,
}

/// What a message says, or its first fault.
pub(super) type Decoded<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(super) fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            expected: expected.into(),
        }
    }

    /// The error of the log that holds the message.
    pub(super) fn at(self, path: &Path) -> Error {
        Error::Malformed {
            path: path.into(),
            field: self.field,
            expected: self.expected,
        }
    }
}
