//! Logs of every format, spoilt at random but the same way every time: they
//! are told what is wrong with, or give frames that hold what every frame
//! does, and take no more memory than their files account for.

mod argoverse2_log;
mod drive;
mod kitti_sets;
mod mutation;
mod nuscenes_set;
mod small_logs;
mod topics;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use janus_datasets::{BrokenFrame, Error, Frame, Log, Point};
use mutation::Mutator;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a log may take beyond the size of its files, bytes.
const ALLOWANCE: usize = 64 << 20;
/// How often each log is spoilt.
const TIMES: usize = 250;

/// Held by what measures its memory, or takes much itself.
static ALONE: Mutex<()> = Mutex::new(());

/// `JANUS_SMALL_LOGS` names a folder into which they are written, for the
/// fuzzer to begin with.
#[test]
fn small_logs_are_whole() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let root = std::env::var_os("JANUS_SMALL_LOGS");
    let root = root.map_or(folder.path().into(), PathBuf::from);
    small_logs::lay_out(&root);
    for small in &small_logs::ALL {
        let log = Log::open(&root.join(small.name).join(small.opens)).expect(small.name);
        let frames: Result<Vec<_>, _> = log.frames(None).collect();
        let frames = frames.expect(small.name);
        assert_eq!(frames.len(), small.frames, "{}", small.name);
        let swept = frames.iter().all(|frame| !frame.sweeps.is_empty());
        assert!(swept, "{}", small.name);
    }
}

#[test]
fn kitti_logs() {
    spoil("kitti");
}

#[test]
fn nuscenes_sets() {
    spoil("nuscenes");
}

#[test]
fn argoverse2_logs() {
    spoil("argoverse2");
}

#[test]
fn mcap_files() {
    spoil("mcap");
}

#[test]
fn rosbag2_folders() {
    spoil("rosbag2");
}

#[test]
fn pcd_folders() {
    spoil("pcd");
}

#[test]
fn scenarios() {
    spoil("scenario");
}

/// Spoils the small logs of a format, each many times.
fn spoil(format: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    small_logs::lay_out(root);
    let small = small_logs::ALL.iter();
    let (mut whole, mut broken) = (0, 0);
    for small in small.filter(|small| small.name.starts_with(format)) {
        let path = root.join(small.name);
        let files = small_logs::files(&path);
        let mut mutator = Mutator::new(7);
        for time in 0..TIMES {
            let (name, content) = &files[mutator.below(files.len())];
            let (_, other) = &files[mutator.below(files.len())];
            let mut spoilt = content.clone();
            let ways: Vec<_> = (0..=mutator.below(2))
                .map(|_| mutator.spoil(&mut spoilt, other))
                .collect();
            // Making a frame of the synthetic world takes its time.
            let most = if small.name == "scenario" && time % 25 != 0 {
                0
            } else {
                usize::MAX
            };
            let size: usize = files.iter().map(|(_, content)| content.len()).sum();
            eprintln!("{}, {}: {}", small.name, name.display(), ways.join(", "));
            fs::write(path.join(name), &spoilt).expect("written");
            MEMORY.reset_peak_usage();
            let before = MEMORY.current_usage();
            match read(&path.join(small.opens), root, most) {
                0 => whole += 1,
                _ => broken += 1,
            }
            let taken = MEMORY.peak_usage() - before;
            let allowed = ALLOWANCE + size + spoilt.len();
            assert!(taken <= allowed, "{taken} bytes of memory");
            fs::write(path.join(name), content).expect("written");
        }
    }
    // Spoiling must not be in vain, nor end at the door.
    assert!(whole > 10 && broken > 10, "{whole} whole, {broken} broken");
}

/// Reads a log below `root`, and checks what it gives; the count of what is
/// broken.
fn read(path: &Path, root: &Path, most: usize) -> usize {
    let log = match Log::open(path) {
        Ok(log) => log,
        Err(error) => {
            told(&error, root);
            return 1;
        }
    };
    let mut way = log.trajectory().waypoints().iter();
    assert!(way.clone().is_sorted_by_key(|waypoint| waypoint.stamp));
    assert!(way.all(|waypoint| waypoint.pose.to_homogeneous().iter().all(|c| c.is_finite())));
    assert!(log.indices().is_sorted_by(|a, b| a < b));
    let mut broken = 0;
    let mut before: Option<(u64, i64)> = None;
    for frame in log.frames(None).take(most) {
        match frame {
            Ok(frame) => {
                holds(&frame);
                if let Some((index, _)) = before.filter(|(_, stamp)| frame.stamp < *stamp) {
                    let jumps = log.info().jumps.iter();
                    let mut back = jumps.filter(|jump| jump.step_s < 0.0);
                    let told = back.any(|jump| index < jump.frame && jump.frame <= frame.index);
                    assert!(told || frame.begins, "time goes back at {}", frame.index);
                }
                before = Some((frame.index, frame.stamp));
            }
            Err(BrokenFrame { error, .. }) => {
                told(&error, root);
                broken += 1;
            }
        }
    }
    broken
}

/// Checks what holds of every frame.
fn holds(frame: &Frame) {
    if let Some(pose) = frame.pose {
        let matrix = pose.to_homogeneous();
        assert!(matrix.iter().all(|c| c.is_finite()), "{pose}");
    }
    for sweep in &frame.sweeps {
        assert!(sweep.lidar < frame.rig.lidars.len());
        let within = |c: i32| c.abs() <= Point::LIMIT;
        let right = |p: &Point| !p.is_valid() || [p.x, p.y, p.z].into_iter().all(within);
        assert!(sweep.points.iter().all(right));
        let labels = sweep.labels.as_ref().map_or(sweep.points.len(), Vec::len);
        assert_eq!(labels, sweep.points.len());
    }
    for image in &frame.images {
        assert!(image.camera < frame.rig.cameras.len());
    }
    for annotation in &frame.annotations {
        let matrix = annotation.base_from_box.to_homogeneous();
        assert!(matrix.iter().chain(&annotation.size).all(|c| c.is_finite()));
    }
}

/// Checks that an error is a sentence that names a file of the log.
fn told(error: &Error, root: &Path) {
    let text = error.to_string();
    assert!(text.contains(&root.display().to_string()), "{text}");
    assert!(!text.contains('\n'), "{text}");
}
