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
    assert_eq!(aside, "");
    for stage in [
        "read",
        "decode",
        "detect.run",
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
    assert_ne!(report["machine"]["inference"], "none");
    assert_eq!(report["frames"]["in"], report["frames"]["out"]);
    assert_eq!(report["geometry"]["sha256"], GEOMETRY);
    assert_eq!(report["planning"]["plans"], report["frames"]["out"]);
    // A tree and two posts beside the way; nobody who moves is near in these three
    // seconds.
    assert_eq!(report["objects"]["identities"], 3);
    assert_eq!(report["objects"]["impaired"], serde_json::json!({}));
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

#[test]
fn our_own_detector_sees_a_street_alike_in_either_runtime() {
    let found = ["onnxruntime", "embedded"].map(|inference| {
        let out = tempfile::tempdir().unwrap();
        let ran = janus()
            .args(["replay", "datasets/scenarios/crossing.toml", "--json"])
            .args(["--frames", "100..102", "--device", "cpu"])
            .args(["--model", "street", "--inference", inference, "--export"])
            .arg(out.path())
            .output()
            .unwrap();
        // It also sees vans, which COCO does not have.
        let aside = aside_of(&ran);
        assert!(
            ran.status.success() || aside.contains("COCO does not have"),
            "{aside}"
        );
        let left_out = json(&ran.stdout)["detection"]["left_out"].as_u64().unwrap();
        assert_eq!(
            left_out > 0,
            aside.contains(&format!("without {left_out} "))
        );
        let found = json(&fs::read(out.path().join("detections.json")).unwrap());
        found.as_array().unwrap().clone()
    });
    let [theirs, ours] = &found;
    assert!(
        theirs.iter().any(|found| found["category_id"] == 3),
        "no car"
    );
    assert_eq!(theirs.len(), ours.len());
    for (a, b) in theirs.iter().zip(ours) {
        assert_eq!(a["category_id"], b["category_id"]);
        let figures = |of: &serde_json::Value| {
            let sides = of["bbox"].as_array().unwrap().iter();
            sides
                .chain([&of["score"]])
                .map(|v| v.as_f64().unwrap())
                .collect::<Vec<_>>()
        };
        for (p, q) in figures(a).iter().zip(figures(b)) {
            assert!((p - q).abs() < 0.01, "{a} and {b}");
        }
    }
}
