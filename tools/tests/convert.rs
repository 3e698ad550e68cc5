//! Logs written as MCAP files, and replayed from them.
#![allow(missing_docs, clippy::unwrap_used)]

mod janus;

use std::path::Path;
use std::process::Output;

use janus::{janus, json, recorded, said};
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    janus().args(args).output().unwrap()
}

/// The hashes of a log's frames.
fn geometry(log: &Path, frames: &str) -> Vec<Value> {
    let log = log.to_str().unwrap();
    let ran = run(&[
        "replay", "--json", "--device", "cpu", "--frames", frames, log,
    ]);
    let report = json(&ran.stdout);
    let frames = report["geometry"]["frames"].as_array().unwrap().iter();
    frames.map(|frame| frame["sha256"].clone()).collect()
}

#[test]
fn a_recorded_drive_keeps_its_geometry() {
    let Some(drive) = recorded("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive.mcap");
    let ran = run(&["convert", drive.to_str().unwrap(), out.to_str().unwrap()]);
    assert!(ran.status.success(), "{}", said(&ran));
    let info = json(&run(&["info", "--json", out.to_str().unwrap()]).stdout);
    assert_eq!(
        (&info["format"], &info["frames"]),
        (&"mcap".into(), &36.into())
    );
    let original = geometry(&drive, "20..32");
    assert_eq!(original.len(), 12);
    assert_eq!(geometry(&out, "0..12"), original);
}

#[test]
fn a_drive_through_the_world_is_a_log_of_topics() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive.mcap");
    let written = [
        "synth",
        "busy_street",
        out.to_str().unwrap(),
        "--frames",
        "3",
    ];
    let ran = run(&written);
    assert!(ran.status.success(), "{}", said(&ran));
    let info = String::from_utf8(run(&["info", out.to_str().unwrap()]).stdout).unwrap();
    for line in [
        "format     mcap",
        "frames     3, numbered 0 to 2",
        "sensor_msgs/msg/PointCloud2",
    ] {
        assert!(info.contains(line), "{info}");
    }
}

#[test]
fn what_cannot_be_converted_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive.mcap");
    let out = out.to_str().unwrap();
    let ran = run(&["synth", "no_such_street", out]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(said(&ran).contains("no_such_street"), "{}", said(&ran));
    assert!(said(&ran).contains("busy_street"), "{}", said(&ran));
    let ran = run(&["synth", "busy_street", "/no/such/folder/drive.mcap"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        said(&ran).contains("/no/such/folder/drive.mcap"),
        "{}",
        said(&ran)
    );
    let ran = run(&["convert", folder.path().to_str().unwrap(), out]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        said(&ran).contains("not a log that Janus knows"),
        "{}",
        said(&ran)
    );
    assert!(!Path::new(out).exists());
}
