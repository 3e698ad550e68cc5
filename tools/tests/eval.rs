//! `janus eval`.
#![allow(clippy::unwrap_used)]

mod janus;

use std::fs;

use janus::{janus, json, recorded, said};

#[test]
fn our_own_detector_is_scored_on_a_street() {
    let out = tempfile::tempdir().unwrap();
    let drawing = out.path().join("precision.svg");
    let ran = janus()
        .args(["eval", "datasets/scenarios/crossing.toml", "--json"])
        .args(["--frames", "120..124", "--model", "street", "--svg"])
        .arg(&drawing)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let scores = json(&ran.stdout);
    assert_eq!(
        (&scores["pictures"], &scores["lost"]),
        (&16.into(), &0.into())
    );
    assert_eq!(scores["invalid_predictions"], 0);
    assert_eq!(scores["truth"], "silhouettes");
    let classes = scores["classes"].as_array().unwrap();
    let car = classes.iter().find(|class| class["name"] == "car").unwrap();
    assert!(car["things"].as_u64().unwrap() > 0);
    assert!(car["ap_50"].as_f64().unwrap() > 0.5, "{scores}");
    // The groups of one kind share the things out.
    let count = |key: &str| -> u64 {
        let groups = scores[key].as_array().unwrap().iter();
        groups.map(|group| group["things"].as_u64().unwrap()).sum()
    };
    let all = scores["all"]["things"].as_u64().unwrap();
    assert_eq!([count("classes"), count("ranges")], [all; 2]);
    let drawn = fs::read_to_string(&drawing).unwrap();
    assert_eq!(drawn.matches("<polyline").count(), classes.len());
}

#[test]
fn a_published_detector_finds_the_cars_of_a_recorded_log() {
    let Some(log) = recorded("logs/kitti_object/training") else {
        return;
    };
    let model = recorded("models/yolox_nano_coco_416.onnx").unwrap();
    let ran = janus()
        .args(["eval", "--json", "--input-size", "384x1248", "--model"])
        .args([model, log])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let scores = json(&ran.stdout);
    assert_eq!(scores["truth"], "boxes");
    let classes = scores["classes"].as_array().unwrap();
    let car = classes.iter().find(|class| class["name"] == "car").unwrap();
    assert_eq!((&car["things"], &car["ap_50"]), (&2.into(), &1.0.into()));
}

#[test]
fn what_cannot_be_scored_is_told() {
    let scenario = "datasets/scenarios/crossing.toml";
    let ran = janus().args(["eval", scenario]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("eval needs a --model"));

    let Some(drive) = recorded("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync") else {
        return;
    };
    let ran = janus()
        .args(["eval", "--frames", "20..22", "--model", "street"])
        .arg(&drive)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(said(&ran).contains("no picture shows anything that the log has a box for"));
}
