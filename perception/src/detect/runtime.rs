//! What runs the networks: ONNX Runtime where its library is found, else
//! tract, which is built in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{env, fmt, fs};

use ort::environment::{Environment, EnvironmentBuilder};
use ort::logging::LogLevel;
use serde::{Deserialize, Serialize};

use super::providers;

/// Names the library to be loaded, before any that would be found.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Which inference runtime to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inference {
    /// What the process uses already; else ONNX Runtime where its library is
    /// found; else the embedded runtime.
    #[default]
    Auto,
    /// ONNX Runtime.
    OnnxRuntime,
    /// tract, on one thread of the CPU.
    Embedded,
}

/// The inference runtime of this process.
pub struct Runtime {
    pub(super) environment: Environment,
    library: Option<PathBuf>,
}

/// Why there is no inference runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// ONNX Runtime was asked for and its library is nowhere.
    #[error(
        "ONNX Runtime's library was not found: expected ORT_DYLIB_PATH to name it, or {} beside \
         the executable or in target/onnxruntime/",
        library_name()
    )]
    NotFound,
    /// A library was named or found, and is not a usable ONNX Runtime.
    #[error("{}: expected an ONNX Runtime library, 1.{} or later: {cause}", path.display(), ort::MINOR_VERSION)]
    Library {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        cause: ort::LoadDynamicError,
    },
    /// The runtime did not start.
    #[error("the inference runtime does not start: {0}")]
    Start(ort::Error),
    /// A process has one runtime, and this one has another already.
    #[error("{wanted:?} was asked for, but this process runs {running} already")]
    Taken {
        /// What was asked for.
        wanted: Inference,
        /// What runs.
        running: String,
    },
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// The runtime of this process, started at the first call.
    ///
    /// ONNX Runtime's library is the one that the environment variable
    /// `ORT_DYLIB_PATH` names; else one beside the executable; else one in
    /// the folder `target/onnxruntime` of the current directory or of a
    /// folder above the executable.
    ///
    /// # Errors
    /// [`RuntimeError`]. A library that was named or found and does not load
    /// is an error under [`Inference::Auto`] as well.
    pub fn start(inference: Inference) -> Result<&'static Self, RuntimeError> {
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = RUNTIME.get() {
            return running.suits(inference);
        }
        let library = match inference {
            Inference::Embedded => None,
            Inference::Auto => find_library(),
            Inference::OnnxRuntime => Some(find_library().ok_or(RuntimeError::NotFound)?),
        };
        let builder = match &library {
            Some(path) => load(path)?,
            None => {
                ort::set_api(ort_tract::api());
                ort::init()
            }
        };
        let environment = (builder.with_name("janus").with_telemetry(false))
            .build()
            .map_err(RuntimeError::Start)?;
        if library.is_some() {
            environment.set_log_level(LogLevel::Warning);
        }
        Ok(RUNTIME.get_or_init(|| Self {
            environment,
            library,
        }))
    }

    fn suits(&'static self, inference: Inference) -> Result<&'static Self, RuntimeError> {
        let suits = match inference {
            Inference::Auto => true,
            Inference::OnnxRuntime => self.library.is_some(),
            Inference::Embedded => self.library.is_none(),
        };
        suits.then_some(self).ok_or_else(|| RuntimeError::Taken {
            wanted: inference,
            running: self.to_string(),
        })
    }

    /// ONNX Runtime's library; `None` if the runtime is the embedded one.
    pub fn library(&self) -> Option<&Path> {
        self.library.as_deref()
    }

    /// The version of ONNX Runtime, where its library's file name tells it.
    pub fn version(&self) -> Option<String> {
        let file = fs::canonicalize(self.library()?).ok()?;
        let version = version(file.file_name()?.to_str()?);
        let numbers: Vec<String> = version.iter().map(u32::to_string).collect();
        (!numbers.is_empty()).then(|| numbers.join("."))
    }

    /// What the runtime says of its own build.
    pub fn build(&self) -> &'static str {
        ort::info()
    }

    /// The execution providers that the runtime was built with, by ONNX
    /// Runtime's names for them. One that is listed may still fail to start,
    /// for want of a device or of a driver.
    pub fn providers(&self) -> Vec<&'static str> {
        if self.library.is_none() {
            return vec!["tract"];
        }
        providers::available()
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.library(), self.version()) {
            (None, _) => write!(f, "tract (embedded)"),
            (Some(path), None) => write!(f, "ONNX Runtime ({})", path.display()),
            (Some(path), Some(v)) => write!(f, "ONNX Runtime {v} ({})", path.display()),
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Loads ONNX Runtime. Its messages go to the log instead of to stderr.
fn load(path: &Path) -> Result<EnvironmentBuilder, RuntimeError> {
    let builder = ort::init_from(path).map_err(|cause| RuntimeError::Library {
        path: path.to_owned(),
        cause,
    })?;
    Ok(builder.with_logger(Arc::new(
        |level: LogLevel, _category: &str, _id: &str, location: &str, message: &str| match level {
            LogLevel::Error | LogLevel::Fatal => tracing::error!(location, "{message}"),
            LogLevel::Warning => tracing::warn!(location, "{message}"),
            LogLevel::Info | LogLevel::Verbose => tracing::debug!(location, "{message}"),
        },
    )))
}

fn find_library() -> Option<PathBuf> {
    if let Some(named) = env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return Some(named.into());
    }
    let executable = env::current_exe().unwrap_or_default();
    let beside = executable.parent().map(Path::to_owned);
    let above = executable.ancestors().skip(1).map(Path::to_owned);
    let in_target = (env::current_dir().into_iter().chain(above))
        .map(|folder| folder.join("target").join("onnxruntime"));
    beside
        .into_iter()
        .chain(in_target)
        .find_map(|folder| library_in(&folder))
}

/// ONNX Runtime's library in a folder; of several, that of the last version.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            is_library(&name).then(|| (version(&name), name, entry.path()))
        })
        .max()
        .map(|(_, _, path)| path)
}

/// What ONNX Runtime's library is called on this system, without a version.
fn library_name() -> String {
    use env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

/// Whether a file is called as ONNX Runtime's library is, on any system, with
/// or without its version, and not as one of the providers beside it.
fn is_library(name: &str) -> bool {
    let Some((stem, rest)) = name.split_once("onnxruntime") else {
        return false;
    };
    match stem {
        "" => rest == ".dll",
        "lib" => rest.starts_with('.') && (is_shared_object(rest) || rest.ends_with(".dylib")),
        _ => false,
    }
}

/// Whether the end of a file's name is `.so`, or that with a version.
fn is_shared_object(name: &str) -> bool {
    let Some(version) = name.strip_prefix(".so") else {
        return false;
    };
    let numbers = version.strip_prefix('.').map(|v| v.split('.'));
    numbers.map_or(version.is_empty(), |mut parts| {
        parts.all(|part| part.parse::<u32>().is_ok())
    })
}

/// The version in a library's file name; empty where it has none.
fn version(name: &str) -> Vec<u32> {
    name.split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_by_name() {
        for name in [
            "libonnxruntime.so",
            "libonnxruntime.so.1",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime.dylib",
            "libonnxruntime.1.31.1.dylib",
            "onnxruntime.dll",
        ] {
            assert!(is_library(name), "{name}");
        }
        for name in [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime_providers_cuda.dylib",
            "onnxruntime_providers_shared.dll",
            "libonnxruntime.a",
            "libonnxruntime.so.dbg",
            "myonnxruntime.dll",
            "libort.so",
        ] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn of_several_libraries_the_last_version_is_taken() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(library_in(folder.path()), None);
        assert_eq!(library_in(&folder.path().join("absent")), None);
        for name in [
            "libonnxruntime.so",
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime_providers_shared.so",
            "notes.txt",
        ] {
            fs::write(folder.path().join(name), "").expect("a writable folder");
        }
        let found = library_in(folder.path());
        assert_eq!(found, Some(folder.path().join("libonnxruntime.so.1.31.1")));
    }
}
