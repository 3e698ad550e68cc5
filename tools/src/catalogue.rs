//! The models that go by a name: those of the models folders.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::model::STREET;

/// Names the first models folder.
const VARIABLE: &str = "JANUS_MODELS";

/// More than any name needs.
const MAX_NAME: usize = 100;

/// A model in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The file's name without its ending.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

/// What the models folders hold.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By their names.
    pub(crate) models: Vec<Entry>,
    pub(crate) nameless: Vec<Nameless>,
}

/// A model in a folder that its file's name keeps from being found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Nameless {
    pub(crate) file: PathBuf,
    pub(crate) reason: String,
}

/// Where models are looked for. Of two of one name the first counts.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    folders: Vec<PathBuf>,
    /// The folder to which models are added.
    own: Option<PathBuf>,
}

impl Catalogue {
    /// The folder that `JANUS_MODELS` names, `models` beside the program, and
    /// `janus/models` where the user's data is (`XDG_DATA_HOME`, or else
    /// `~/.local/share`). Models are added to the first, or else the last.
    pub(crate) fn of_user() -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let named = variable(VARIABLE).map(PathBuf::from);
        let program = env::current_exe().ok();
        let beside = program.and_then(|program| Some(program.parent()?.join("models")));
        let home = || variable("HOME").map(|home| Path::new(&home).join(".local/share"));
        let data = variable("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
        let data = data.map(|data| data.join("janus/models"));
        Self {
            own: named.clone().or_else(|| data.clone()),
            folders: [named, beside, data].into_iter().flatten().collect(),
        }
    }

    /// Where models are looked for, in this order.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The folder to which models are added, if there can be one.
    pub(crate) fn own(&self) -> Option<&Path> {
        self.own.as_deref()
    }

    /// What the folders hold. One that is not there holds nothing.
    ///
    /// # Errors
    /// The folder that cannot be read.
    pub(crate) fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        for folder in &self.folders {
            for file in models(folder)? {
                contents.take(file);
            }
        }
        contents.models.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(contents)
    }
}

impl Contents {
    /// The model of a name.
    pub(crate) fn find(&self, name: &str) -> Option<&Path> {
        let mut models = self.models.iter();
        let entry = models.find(|entry| entry.name == name)?;
        Some(&entry.file)
    }

    fn take(&mut self, file: PathBuf) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        match check(&name) {
            Err(reason) => self.nameless.push(Nameless { file, reason }),
            Ok(()) if self.find(&name).is_some() => {}
            Ok(()) => self.models.push(Entry {
                name: name.into_owned(),
                file,
            }),
        }
    }
}

/// The models of a folder.
fn models(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{}: the models folder cannot be read", folder.display());
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.with_context(cannot)?,
    };
    let files: io::Result<Vec<PathBuf>> = listed.map(|entry| Ok(entry?.path())).collect();
    let mut files = files.with_context(cannot)?;
    files.retain(|file| is_model(file));
    files.sort();
    Ok(files)
}

/// Whether a file is called as a model is.
pub(crate) fn is_model(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "onnx")
}

/// Checks that a model can go by a name.
///
/// # Errors
/// Why it cannot, with what would be one.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(plain)
        && !name.starts_with(['-', '.'])
        && !is_model(Path::new(name));
    if !is_name {
        return Err(format!(
            "expected at most {MAX_NAME} letters, digits and `-`, `_` or `.` within, \
             found `{name}`"
        ));
    }
    if name == STREET {
        return Err(format!(
            "`{STREET}` is the built-in model; expected another name"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_models_of_one_name_the_first_counts() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let [first, second] = folders.each_ref().map(|folder| folder.path());
        for file in [
            first.join("b.onnx"),
            second.join("a.onnx"),
            second.join("b.onnx"),
            second.join("notes.txt"),
            second.join(".hidden.onnx"),
            second.join("street.onnx"),
            second.join("net (1).onnx"),
        ] {
            fs::write(file, "").expect("a writable folder");
        }
        let catalogue = Catalogue {
            folders: [first, Path::new("/nowhere"), second]
                .map(Path::to_owned)
                .into(),
            own: None,
        };
        let contents = catalogue.contents().expect("folders that can be read");
        let names: Vec<_> = contents.models.iter().map(|e| &e.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(contents.find("b"), Some(&*first.join("b.onnx")));
        assert_eq!(contents.find("c"), None);
        let nameless = contents.nameless.into_iter();
        let nameless: Vec<_> = nameless.map(|n| (n.file, n.reason)).collect();
        let expected = [".hidden", "net (1)", STREET].map(|name| {
            let reason = check(name).expect_err("no name");
            (second.join(format!("{name}.onnx")), reason)
        });
        assert_eq!(nameless, expected);
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let catalogue = Catalogue {
            folders: vec![file.path().to_owned()],
            own: None,
        };
        let error = catalogue.contents().expect_err("no folder");
        let path = file.path().display();
        let said = format!("{path}: the models folder cannot be read: Not a directory");
        assert!(format!("{error:#}").starts_with(&said), "{error:#}");
    }

    #[test]
    fn names_are_no_paths() {
        for name in ["yolox_nano", "yolo11n-640", "v1.2"] {
            assert_eq!(check(name), Ok(()));
        }
        for name in [
            "",
            "a/b",
            "..",
            "net.onnx",
            "-f",
            "a b",
            "ü",
            &"a".repeat(101),
            STREET,
        ] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
