//! The models that go by a name: those of the models folders.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

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

    /// The model of a name.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let entries = self.entries().into_iter();
        entries
            .filter(|entry| entry.name == name)
            .map(|entry| entry.file)
            .next()
    }

    /// Every model, by its name.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for folder in &self.folders {
            // One that is not there holds nothing.
            let files = fs::read_dir(folder).into_iter().flatten().flatten();
            for file in files.map(|file| file.path()).filter(|file| is_model(file)) {
                let name = file.file_stem().and_then(OsStr::to_str);
                let Some(name) = name.filter(|name| is_name(name)) else {
                    continue;
                };
                if entries.iter().all(|entry| entry.name != name) {
                    let name = name.to_owned();
                    entries.push(Entry { name, file });
                }
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }
}

/// Whether a file is called as a model is.
pub(crate) fn is_model(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "onnx")
}

/// Whether a model can go by a name.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(plain)
        && !name.starts_with(['-', '.'])
        && !is_model(Path::new(name))
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
        ] {
            fs::write(file, "").expect("a writable folder");
        }
        let catalogue = Catalogue {
            folders: [first, Path::new("/nowhere"), second]
                .map(Path::to_owned)
                .into(),
            own: None,
        };
        let names: Vec<_> = catalogue.entries().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(catalogue.find("b"), Some(first.join("b.onnx")));
        assert_eq!(catalogue.find("c"), None);
    }

    #[test]
    fn names_are_no_paths() {
        for name in ["yolox_nano", "yolo11n-640", "v1.2"] {
            assert!(is_name(name), "{name}");
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
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
