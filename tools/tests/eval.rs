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
    let scores = &json(&ran.stdout)["detections"];
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
    assert!(scores["tracks"].is_null(), "{scores}");
    assert!(
        said(&ran).contains("tracks are not scored"),
        "{}",
        said(&ran)
    );
    let scores = &scores["detections"];
    assert_eq!(scores["truth"], "boxes");
    let classes = scores["classes"].as_array().unwrap();
    let car = classes.iter().find(|class| class["name"] == "car").unwrap();
    assert_eq!((&car["things"], &car["ap_50"]), (&2.into(), &1.0.into()));
}

#[test]
fn what_is_followed_on_a_street_is_scored_without_a_detector() {
    let run = |more: &[&str]| {
        let ran = janus()
            .args([
                "eval",
                "datasets/scenarios/crossing.toml",
                "--frames",
                "120..150",
            ])
            .args(["--device", "cpu"])
            .args(more)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
        ran.stdout
    };
    let scores = json(&run(&["--json"]));
    assert!(scores["detections"].is_null());
    let tracks = &scores["tracks"];
    assert_eq!(
        (&tracks["frames"], &tracks["lost"]),
        (&30.into(), &0.into())
    );
    let number = |of: &serde_json::Value, key: &str| of[key].as_f64().unwrap();
    let all = &tracks["all"];
    // The first frames in which nothing is followed yet count as well.
    assert!(number(all, "idf1") > 0.8, "{all}");
    assert!(
        number(all, "hota") > 0.7 && number(all, "mota") > 0.7,
        "{all}"
    );
    let (det, ass) = (number(all, "det_a"), number(all, "ass_a"));
    assert!((0.5..=1.0).contains(&det) && (0.5..=1.0).contains(&ass));
    assert_eq!(
        number(all, "hits") + number(all, "misses"),
        number(all, "boxes")
    );
    let centre = &all["errors"]["centre_m"];
    assert!(number(centre, "median") < 0.25 && number(centre, "p95") < 2.0);
    assert_eq!(number(centre, "count"), number(all, "hits"));
    assert_eq!(all["forecasts"][2]["horizon_s"], 5.0);
    let [one, three] = [0, 1].map(|i| &all["forecasts"][i]);
    assert!(number(one, "count") > number(three, "count"));
    assert!(number(one, "min_ade_m") <= number(one, "ade_m"));
    // Each thing is of one class; a track of another counts with both.
    let classes = tracks["classes"].as_array().unwrap();
    let sum = |key: &str| classes.iter().map(|of| number(of, key)).sum::<f64>();
    assert!(classes.len() > 1, "{classes:?}");
    assert_eq!(sum("boxes"), number(all, "boxes"));
    assert_eq!(sum("things"), number(all, "things"));

    // What has to be followed is what --range and --least-points say.
    let near = json(&run(&["--json", "--range", "20", "--least-points", "100"]));
    let near = &near["tracks"]["all"];
    assert!(number(near, "boxes") < number(all, "boxes"), "{near}");
    let table = String::from_utf8(run(&[])).unwrap();
    assert!(
        table.contains("HOTA") && table.contains("speed, m/s"),
        "{table}"
    );
}

#[test]
fn what_cannot_be_scored_is_told() {
    let scenario = "datasets/scenarios/crossing.toml";
    let ran = janus()
        .args(["eval", scenario, "--svg", "x.svg"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("--svg needs a --model"));

    let Some(drive) = recorded("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync") else {
        return;
    };
    let ran = janus().arg("eval").arg(&drive).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(said(&ran).contains("without a --model nothing else is"));
    let ran = janus()
        .args(["eval", "--frames", "20..22", "--model", "street"])
        .arg(&drive)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(said(&ran).contains("no picture shows anything that the log has a box for"));
}
