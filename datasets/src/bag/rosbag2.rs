//! The folders that rosbag2 writes: a `metadata.yaml` that names the files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::compression;
use super::container::{self, Container, Files};
use super::mcap::Mcap;
use super::sqlite::Sqlite;
use crate::error::{Error, Result};
use crate::file;

const METADATA: &str = "metadata.yaml";
/// The longest description that is read, bytes.
const METADATA_LIMIT: u64 = 1 << 20;

#[derive(Deserialize)]
struct Metadata {
    rosbag2_bagfile_information: Bag,
}

#[derive(Deserialize)]
struct Bag {
    relative_file_paths: Vec<PathBuf>,
    #[serde(default)]
    compression_format: String,
    #[serde(default)]
    compression_mode: String,
}

/// Whether a folder holds what rosbag2 writes.
pub(super) fn recognises(folder: &Path) -> bool {
    let described = file::read_text(&folder.join(METADATA), METADATA_LIMIT);
    described.is_ok_and(|text| text.contains("rosbag2_bagfile_information"))
        || !parts(folder).is_empty()
}

/// The files in a folder that hold messages, in the order of their numbers.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let named = path.extension().is_some_and(|e| e == "mcap" || e == "db3");
            named && (Mcap::recognises(path) || Sqlite::recognises(path))
                || compression::recognises(path)
        })
        .collect();
    // `bag_10` comes after `bag_9`.
    parts.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    parts
}

/// Opens the files of a folder.
pub(super) fn open(folder: &Path) -> Result<Files> {
    let path = folder.join(METADATA);
    let mut notes = Vec::new();
    let (there, missing): (Vec<PathBuf>, Vec<PathBuf>) = if path.exists() {
        let bag = describe(&path)?;
        // By name alone: older versions put the folder before it. However
        // often a file is named, it is opened once.
        let names = bag.relative_file_paths.iter();
        let mut known = HashSet::new();
        let names = names.filter_map(|path| path.file_name().filter(|name| known.insert(*name)));
        names
            .map(|name| folder.join(name))
            .partition(|path| path.is_file())
    } else {
        let path = path.display();
        notes.push(format!(
            "{path}: missing: the log may not have been finished."
        ));
        (parts(folder), Vec::new())
    };
    if there.is_empty() {
        return Err(Error::Malformed {
            path,
            field: "relative_file_paths".into(),
            expected: "a file that is there".into(),
        });
    }
    let files: Result<Vec<Box<dyn Container>>> = there.into_iter().map(container::open).collect();
    Ok(Files {
        files: files?,
        missing,
        notes,
    })
}

fn describe(path: &Path) -> Result<Bag> {
    let text = file::read_text(path, METADATA_LIMIT)?;
    let metadata: Metadata = serde_saphyr::from_str(&text).map_err(|wrong| Error::Malformed {
        path: path.into(),
        field: METADATA.into(),
        expected: format!(
            "the description that rosbag2 writes: {}",
            wrong.without_snippet()
        ),
    })?;
    let bag = metadata.rosbag2_bagfile_information;
    let format = bag.compression_format.to_ascii_lowercase();
    let none = ["", "none"].contains(&&*bag.compression_mode.to_ascii_lowercase());
    if none || ["", "zstd"].contains(&&*format) {
        return Ok(bag);
    }
    Err(Error::Malformed {
        path: path.into(),
        field: "compression_format".into(),
        expected: format!("zstd, found `{format}`; `ros2 bag convert` unpacks such a log"),
    })
}
