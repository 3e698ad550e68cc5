//! How fast each format is read, in frames and bytes a second, beside the bare
//! cost of reading and decoding the same files.
//!
//! `cargo bench -p janus-datasets --bench read`; recorded data is looked for
//! in `JANUS_DATA`.
#![allow(missing_docs)]

use std::hint::black_box;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use image::ImageReader;
use janus_datasets::{Frame, Log};

const LOGS: [(&str, &str); 4] = [
    (
        "kitti_raw",
        "logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync",
    ),
    ("kitti_object", "logs/kitti_object/training"),
    (
        "argoverse2",
        "logs/argoverse2/7fab2350-7eaf-3b7e-a39d-6937a4c1bede",
    ),
    ("mcap", "logs/mcap/kitti_raw_0013_frames20-27.mcap"),
];

fn data() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    std::env::var_os("JANUS_DATA").map_or(beside.into(), PathBuf::from)
}

/// Bytes of a file, or of all files below a folder.
fn size(path: &Path) -> u64 {
    match path.read_dir() {
        Ok(entries) => entries.flatten().map(|entry| size(&entry.path())).sum(),
        Err(_) => path.metadata().map_or(0, |metadata| metadata.len()),
    }
}

fn whole(frame: Frame) -> Frame {
    for image in &frame.images {
        black_box(image.decode().expect("is whole"));
    }
    frame
}

/// Once without the pictures' decoding, once with it.
fn read(group: &mut BenchmarkGroup<'_, WallTime>, log: &Log) {
    // Of a log that begins before its poses do, the first is broken.
    let frames = || log.frames(None).filter_map(Result::ok);
    group.bench_function("read", |bench| {
        bench.iter(|| frames().map(black_box).count())
    });
    group.bench_function("read and decode", |bench| {
        bench.iter(|| frames().map(whole).map(black_box).count())
    });
}

fn formats(criterion: &mut Criterion) {
    for (name, path) in LOGS {
        let path = data().join(path);
        let Ok(log) = Log::open(&path) else {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        };
        for (unit, throughput) in [
            ("frames", Throughput::Elements(log.indices().len() as u64)),
            ("bytes", Throughput::Bytes(size(&path))),
        ] {
            let mut group = criterion.benchmark_group(format!("{name}, {unit}"));
            group.throughput(throughput).sample_size(10);
            read(&mut group, &log);
        }
    }
}

/// What reading a KITTI drive must cost: its files, their numbers as floats,
/// and its pictures.
fn bare(criterion: &mut Criterion) {
    let drive = data().join(LOGS[0].1);
    if !drive.is_dir() {
        return;
    }
    let files = |folder: &str| -> Vec<PathBuf> {
        let entries = drive.join(folder).read_dir().expect("is there").flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let scans = files("velodyne_points/data");
    let pictures = files("image_02/data");
    let mut group = criterion.benchmark_group("kitti_raw, frames");
    group
        .throughput(Throughput::Elements(scans.len() as u64))
        .sample_size(10);
    let points = |path: &PathBuf| -> Vec<[f32; 4]> {
        let bytes = std::fs::read(path).expect("is read");
        let (records, _) = bytes.as_chunks::<16>();
        records
            .iter()
            .map(|record| bytemuck::cast(*record))
            .collect()
    };
    group.bench_function("bare read", |bench| {
        bench.iter(|| {
            scans.iter().for_each(|path| drop(black_box(points(path))));
            pictures
                .iter()
                .for_each(|path| drop(black_box(std::fs::read(path))));
        });
    });
    group.bench_function("bare read and decode", |bench| {
        bench.iter(|| {
            scans.iter().for_each(|path| drop(black_box(points(path))));
            for path in &pictures {
                let bytes = Cursor::new(std::fs::read(path).expect("is read"));
                let reader = ImageReader::new(bytes)
                    .with_guessed_format()
                    .expect("has one");
                black_box(reader.decode().expect("is whole").into_rgb8());
            }
        });
    });
}

criterion_group!(benches, formats, bare);
criterion_main!(benches);
