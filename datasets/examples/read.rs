//! Reads a log to its end, frame by frame, and says how much memory that took:
//! `read LOG`.

use std::path::Path;
use std::process::ExitCode;

use janus_datasets::Log;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path] = arguments.as_slice() else {
        eprintln!("usage: read LOG");
        return ExitCode::from(2);
    };
    let log = match Log::open(Path::new(path)) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("opened: {} frames, {}", log.indices().len(), peak());
    let (mut whole, mut points) = (0, 0);
    for frame in log.frames(None).filter_map(Result::ok) {
        whole += 1;
        points += frame.sweeps.iter().map(|s| s.points.len()).sum::<usize>();
    }
    println!("read: {whole} frames, {points} points, {}", peak());
    ExitCode::SUCCESS
}

/// The most memory that the process has had, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    format!("at most {} of memory", peak.map_or("?", str::trim))
}
