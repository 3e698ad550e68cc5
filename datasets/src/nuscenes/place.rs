//! What a path means in a nuScenes set.

use std::path::{Path, PathBuf};

use super::tables::{Scene, Tables};
use crate::error::{Error, Result};

/// A set and what a path says about the scene in it.
#[derive(Debug)]
pub(super) struct Place {
    /// The set's folder.
    pub(super) root: PathBuf,
    /// The folder to which the name of a scene can be added.
    named: PathBuf,
    /// In the order of their names.
    versions: Vec<Tables>,
    scene: Option<String>,
}

impl Place {
    /// The set at a path, or before its last name; `None` if there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Self::set(path).or_else(|| {
            // The name of a scene is no file's.
            if path.symlink_metadata().is_ok() {
                return None;
            }
            let scene = path.file_name()?.to_str()?.into();
            Some(Self {
                scene: Some(scene),
                ..Self::set(&parent(path))?
            })
        })
    }

    /// The set in a folder, or that of which the folder is one version.
    fn set(folder: &Path) -> Option<Self> {
        let (root, versions) = match Tables::within(folder) {
            Some(version) => (parent(folder), vec![version]),
            None => {
                let entries = folder.read_dir().ok()?.flatten();
                let mut versions: Vec<Tables> = entries
                    .filter_map(|entry| Tables::within(&entry.path()))
                    .collect();
                versions.sort_by(|a, b| a.folder.cmp(&b.folder));
                (folder.into(), versions)
            }
        };
        (!versions.is_empty()).then(|| Self {
            root,
            named: folder.into(),
            versions,
            scene: None,
        })
    }

    /// The tables and the token of the scene that is meant: the one that is
    /// named, in the first version that has it, or else the only one.
    pub(super) fn scene(&self) -> Result<(Tables, String)> {
        let mut scenes = Vec::new();
        for tables in &self.versions {
            for Scene { token, name } in tables.records("scene", |_: &Scene| true)? {
                if self.scene.as_ref() == Some(&name) {
                    return Ok((tables.clone(), token));
                }
                scenes.push((name, tables, token));
            }
        }
        scenes.sort_by(|a, b| a.0.cmp(&b.0));
        scenes.dedup_by(|a, b| a.0 == b.0);
        match scenes.as_slice() {
            [(_, tables, token)] if self.scene.is_none() => Ok(((*tables).clone(), token.clone())),
            _ => Err(Error::WhichScene {
                path: self.named.clone(),
                scenes: scenes.into_iter().map(|(name, ..)| name).collect(),
            }),
        }
    }
}

/// The folder that holds a path.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}
