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

/// What a replay says of the geometry.
fn geometry(log: &Path, frames: &str) -> Value {
    let log = log.to_str().unwrap();
    let options = ["--json", "--device", "cpu", "--frames", frames];
    let ran = run(&[&["replay", log][..], &options[..]].concat());
    json(&ran.stdout)["geometry"].clone()
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
    assert_eq!(info["format"], "mcap");
    assert_eq!((&info["first"], &info["last"]), (&20.into(), &55.into()));
    let original = geometry(&drive, "20..32");
    assert_eq!(original["frames"].as_array().unwrap().len(), 12);
    assert_eq!(geometry(&out, "20..32"), original);
}

#[test]
fn a_drive_through_the_world_keeps_its_geometry() {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/scenarios");
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
    let original = geometry(&scenario.join("busy_street.toml"), "0..3");
    assert_eq!(original["frames"].as_array().unwrap().len(), 3);
    assert_eq!(geometry(&out, "0..3"), original);

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
    let told = said(&ran);
    assert!(
        told.contains("no_such_street") && told.contains("busy_street"),
        "{told}"
    );
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
