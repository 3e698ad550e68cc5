//! Writes a log as an MCAP file: `convert LOG OUT.mcap`; `synthetic` names
//! the synthetic drive.

use std::path::Path;
use std::process::ExitCode;

use janus_datasets::{Log, Result, convert, synth};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [log, out] = arguments.as_slice() else {
        eprintln!("usage: convert LOG OUT.mcap");
        return ExitCode::from(2);
    };
    match run(log, Path::new(out)) {
        Ok(converted) => {
            println!("{converted:?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(log: &str, out: &Path) -> Result<convert::Converted> {
    let log = match log {
        "synthetic" => Log::synthetic(synth::Drive::default())?,
        path => Log::open(Path::new(path))?,
    };
    convert::convert(&log, out, |_| {})
}
