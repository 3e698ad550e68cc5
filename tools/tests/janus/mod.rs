//! The program under test, and the recorded data.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The program, which finds ONNX Runtime where the test script puts it.
pub(crate) fn janus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_janus"));
    command.current_dir(workspace());
    command
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A recorded file; `None`, and a note, where there is no recorded data.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("JANUS_DATA")
        .map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    if !data.is_dir() {
        eprintln!("skipped: there is no recorded data at {}", data.display());
        return None;
    }
    Some(data.join(name))
}

pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

/// What the program itself said on stderr. Where there is no desktop session,
/// the graphics libraries add a line of their own.
pub(crate) fn said(ran: &Output) -> String {
    let lines = String::from_utf8_lossy(&ran.stderr);
    let own = |line: &&str| !line.contains("XDG_RUNTIME_DIR");
    lines
        .lines()
        .filter(own)
        .map(|line| format!("{line}\n"))
        .collect()
}
