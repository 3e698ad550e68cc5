//! A long log takes as much memory as a short one. Alone in its process, for
//! it counts what that holds.

mod drive;

use std::fs;
use std::path::Path;

use drive::{Drive, oxts, picture, scan};
use janus_datasets::{Log, convert};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

const FRAMES: u64 = 300;
/// Of one scan, 64 kB.
const POINTS: usize = 4_000;

/// A drive of many frames, whose files are those of its first.
fn long(drive: &Drive) {
    let first = *drive::NUMBERS.start();
    let values = [7.0, 1.5, 0.5, 0.25].map(f32::to_le_bytes).concat();
    drive.write(&scan(first), values.repeat(POINTS));
    let stamps: String = (0..FRAMES)
        .map(|i| {
            format!(
                "2011-09-26 13:{:02}:{:02}.{}00000000\n",
                i / 600,
                i / 10 % 60,
                i % 10
            )
        })
        .collect();
    for folder in ["velodyne_points", "oxts", "image_00", "image_02"] {
        drive.write(&format!("{folder}/timestamps.txt"), &stamps);
    }
    let names = |number| {
        [scan(number), oxts(number)]
            .into_iter()
            .chain(drive::CAMERAS.map(|camera| picture(camera, number)))
    };
    for number in (0..FRAMES).filter(|number| *number != first) {
        for (name, of) in names(number).zip(names(first)) {
            let link = drive.path().join(name);
            let _ = fs::remove_file(&link);
            fs::hard_link(drive.path().join(of), link).expect("linked");
        }
    }
}

/// What is held after each frame of a log, bytes.
fn held(path: &Path) -> Vec<usize> {
    let log = Log::open(path).expect("is a log");
    assert_eq!(log.indices().len() as u64, FRAMES);
    let mut held = Vec::with_capacity(FRAMES as usize);
    for frame in log.frames(None) {
        let frame = frame.expect("is whole");
        assert_eq!(frame.sweeps[0].points.len(), POINTS);
        drop(frame);
        held.push(HELD.current_usage());
    }
    held
}

#[test]
fn what_is_held_does_not_grow_with_the_frames() {
    let drive = Drive::new();
    long(&drive);
    let copy = drive.folder.path().join("copy.mcap");
    convert::convert(&drive.open(), &copy, |_| {}).expect("is written");
    for path in [drive.path(), copy] {
        HELD.reset_peak_usage();
        let before = HELD.current_usage();
        let held = held(&path);
        // Chunks are kept as they come, until their bound is reached; of 75
        // frames' points alone are there 4.8 MB.
        let (settled, last) = (held[held.len() * 3 / 4], held[held.len() - 1]);
        assert!(
            last < settled + (2 << 20),
            "{}: {settled} to {last}",
            path.display()
        );
        let peak = HELD.peak_usage() - before;
        assert!(peak < 64 << 20, "{}: {peak} bytes", path.display());
    }
}
