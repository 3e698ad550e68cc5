//! The demonstration, on a machine that has nothing.
#![allow(clippy::unwrap_used)]

mod janus;

use std::fs;

use janus::{janus, json, said as aside_of};

/// The geometry of the drive over the crossing.
const GEOMETRY: &str = "2f2a26ae5c932c4b97878e8e706f797381eeb28adb1493c6ada6d26e147b1f04";

#[test]
fn the_demo_needs_nothing() {
    let out = tempfile::tempdir().unwrap();
    let ran = janus()
        .args(["demo", "--device", "cpu", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    let aside = aside_of(&ran);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{aside}");
    assert_eq!(
        aside,
        "no --model is given: the demo runs without object detection\n"
    );
    for stage in [
        "read",
        "decode",
        "lidar.fuse",
        "lidar.occupancy",
        "plan",
        "record",
    ] {
        assert!(said.lines().any(|line| line.starts_with(stage)), "{said}");
    }
    let recording = out.path().join("run.rrd");
    assert!(
        said.ends_with(&format!("rerun {}\n", recording.display())),
        "{said}"
    );
    assert!(fs::read(&recording).unwrap().starts_with(b"RRF2"));

    let report = json(&fs::read(out.path().join("report.json")).unwrap());
    assert_eq!(report["log"]["format"], "synthetic");
    assert_eq!(report["machine"]["inference"], "none");
    assert_eq!(report["frames"]["in"], report["frames"]["out"]);
    assert_eq!(report["geometry"]["sha256"], GEOMETRY);
    assert_eq!(report["planning"]["plans"], report["frames"]["out"]);
}

#[test]
fn the_demo_has_one_geometry_on_every_device() {
    let out = tempfile::tempdir().unwrap();
    let ran = janus()
        .args(["demo", "--json", "--device", "vulkan llvmpipe", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(json(&ran.stdout)["geometry"]["sha256"], GEOMETRY);
}
