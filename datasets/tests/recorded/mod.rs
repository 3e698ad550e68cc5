//! The recorded data.
#![allow(dead_code)]

use std::path::PathBuf;

/// A part of the recorded data, in the folder that `JANUS_DATA` names or the
/// one beside the project; `None`, with a word about it, where there is no
/// such folder. Where there is one, nothing is skipped.
pub(crate) fn recorded(part: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let data = std::env::var_os("JANUS_DATA").map_or(beside.into(), PathBuf::from);
    if !data.is_dir() {
        eprintln!("skipped: {} is not there", data.display());
        return None;
    }
    Some(data.join(part))
}
