//! Logs with files that a fuzzer made.
//!
//! A target begins with small whole logs. An input says which of them is
//! opened and what some of its files hold instead; the others stay as they
//! were, so that what is wrong gets deep into a reader.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use janus_datasets::{BrokenFrame, Error, Frame, Log, Point};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a log may take beyond the size of its files, bytes.
const ALLOWANCE: usize = 64 << 20;
/// How many frames are read of a log.
const FRAMES: usize = 8;
/// What stands between two files of an input.
const SEPARATOR: &[u8] = b"\n%%%%\n";

/// The logs of a target, in a folder for temporary files.
pub struct Logs {
    logs: Vec<Small>,
    /// The files that the last input overwrote.
    spoilt: Mutex<Vec<(usize, usize)>>,
}

/// A log whose files are whole.
struct Small {
    opens: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Of all files, bytes.
    size: usize,
}

impl Logs {
    /// Copies the logs of a target, given by the names of their folders and
    /// of what is opened in them, and makes the inputs to begin with.
    ///
    /// # Panics
    /// If the logs are not there or cannot be copied.
    pub fn new(target: &str, logs: &[(&str, &str)]) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copies = std::env::temp_dir().join(format!("janus-fuzz-{}", std::process::id()));
        let corpus = here.join("corpus").join(target);
        fs::create_dir_all(&corpus).expect("a folder can be made");
        let logs = logs.iter().enumerate().map(|(number, (name, opens))| {
            let copy = copies.join(name);
            let mut files = Vec::new();
            list(&here.join("logs").join(name), &copy, &mut files);
            files.sort();
            assert!(files.len() <= 256, "{name}: a byte tells the file");
            for (file, (path, content)) in files.iter().enumerate() {
                let folder = path.parent().expect("has one");
                fs::create_dir_all(folder).expect("a folder can be made");
                fs::write(path, content).expect("a file can be written");
                let seed = [&[number as u8, file as u8][..], content].concat();
                let path = corpus.join(format!("seed-{number}-{file}"));
                fs::write(path, seed).expect("a file can be written");
            }
            Small {
                opens: copy.join(opens),
                size: files.iter().map(|(_, content)| content.len()).sum(),
                files,
            }
        });
        Self {
            logs: logs.collect(),
            spoilt: Mutex::default(),
        }
    }

    /// Reads the log that an input makes: a byte that tells which it is, and
    /// files, each a byte that tells which it is and its content.
    ///
    /// # Panics
    /// If the log's reader breaks a promise.
    pub fn read(&self, input: &[u8]) {
        let Some((&number, files)) = input.split_first() else {
            return;
        };
        let mut spoilt = self.spoilt.lock().unwrap_or_else(PoisonError::into_inner);
        for (log, file) in spoilt.drain(..) {
            let (path, content) = &self.logs[log].files[file];
            fs::write(path, content).expect("a file can be written");
        }
        let number = usize::from(number) % self.logs.len();
        let log = &self.logs[number];
        for part in parts(files) {
            let Some((&file, content)) = part.split_first() else {
                continue;
            };
            let file = usize::from(file) % log.files.len();
            spoilt.push((number, file));
            fs::write(&log.files[file].0, content).expect("a file can be written");
        }

        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        // A frame of the synthetic world takes as long as a hundred openings.
        let synthetic = log.opens.extension().is_some_and(|e| e == "toml");
        let frames = match synthetic {
            true => usize::from(input.len().is_multiple_of(64)),
            false => FRAMES,
        };
        read(&log.opens, frames);
        let taken = MEMORY.peak_usage() - before;
        let most = ALLOWANCE + log.size + input.len();
        assert!(
            taken <= most,
            "{taken} bytes of memory: expected at most {most}"
        );
    }
}

/// Opens a log, and reads its first frames.
fn read(path: &Path, most: usize) {
    let log = match Log::open(path) {
        Ok(log) => log,
        Err(error) => return told(&error),
    };
    let stamps = log.trajectory().waypoints().iter().map(|w| w.stamp);
    assert!(stamps.is_sorted(), "waypoints in the order of time");
    assert!(
        log.indices().is_sorted_by(|a, b| a < b),
        "ascending numbers"
    );
    for frame in log.frames(None).take(most) {
        match frame {
            Ok(frame) => whole(&frame),
            Err(BrokenFrame { error, .. }) => told(&error),
        }
    }
}

/// Checks what holds of every frame.
fn whole(frame: &Frame) {
    if let Some(pose) = frame.pose {
        let finite = pose.to_homogeneous().iter().all(|c| c.is_finite());
        assert!(finite, "a finite pose: {pose}");
    }
    for sweep in &frame.sweeps {
        assert!(sweep.lidar < frame.rig.lidars.len());
        let within = |c: i32| c.abs() <= Point::LIMIT;
        let right = |p: &Point| !p.is_valid() || [p.x, p.y, p.z].into_iter().all(within);
        assert!(sweep.points.iter().all(right), "points within the limit");
        let labels = sweep.labels.as_ref().map_or(sweep.points.len(), Vec::len);
        assert_eq!(labels, sweep.points.len());
    }
    for image in &frame.images {
        assert!(image.camera < frame.rig.cameras.len());
    }
    for annotation in &frame.annotations {
        let pose = annotation.base_from_box.to_homogeneous();
        assert!(pose.iter().all(|c| c.is_finite()), "a finite box: {pose}");
        let size = annotation.size;
        assert!(size.iter().all(|side| side.is_finite()), "{size:?}");
    }
}

/// Checks that an error is a sentence that names a file.
fn told(error: &Error) {
    let text = error.to_string();
    assert!(text.contains("janus-fuzz-"), "the name of a file: {text}");
    assert!(!text.contains('\n'), "one sentence: {text}");
}

/// The files of an input.
fn parts(mut input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let find = |input: &[u8]| input.windows(SEPARATOR.len()).position(|w| w == SEPARATOR);
    while let Some(at) = find(input) {
        parts.push(&input[..at]);
        input = &input[at + SEPARATOR.len()..];
    }
    parts.push(input);
    parts
}

/// The files below a folder, and where they are copied to.
fn list(from: &Path, to: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    let entries = from.read_dir().unwrap_or_else(|error| {
        panic!("{}: {error}: tools/scripts/fuzz makes it", from.display());
    });
    for entry in entries {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => list(&entry.path(), &to, files),
            false => files.push((to, fs::read(entry.path()).expect("a file"))),
        }
    }
}
