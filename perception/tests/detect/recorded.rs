//! Recorded pictures, and what YOLOX's own code finds in them.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use janus_perception::detect::{Detection, Detector, DetectorOptions, Found, Inference};
use serde::Deserialize;

/// Largest difference of a box's side, pixels.
const PIXELS: f32 = 1.0;
/// Largest difference of a score.
const SCORE: f32 = 0.005;

/// One file written by `tools/scripts/reference_detections.py`.
#[derive(Deserialize)]
struct Reference {
    model: String,
    picture: String,
    score_threshold: f32,
    nms_threshold: f32,
    detections: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    class: u16,
    score: f32,
    bbox: [f32; 4],
}

/// The folder of recorded data, where there is one.
pub(crate) fn data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let beside = workspace.and_then(Path::parent)?.join("shared/data");
    let folder = env::var_os("JANUS_DATA").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no recorded data in {}", folder.display());
    None
}

/// Compares what the detector finds with every committed reference.
pub(crate) fn compare(data: &Path, inference: Inference) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let pictures = data.join("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync/image_02/data");
    let mut detectors: BTreeMap<String, Detector> = BTreeMap::new();
    let mut compared = 0;
    for entry in fs::read_dir(&folder).expect("the references") {
        let path = entry.expect("a reference").path();
        let text = fs::read_to_string(&path).expect("a reference");
        let reference: Reference = serde_json::from_str(&text).expect("a reference");
        assert!(!reference.detections.is_empty(), "{}", path.display());

        let options = DetectorOptions {
            score_threshold: reference.score_threshold,
            nms_threshold: reference.nms_threshold,
            inference,
            ..DetectorOptions::default()
        };
        let model = data.join("models").join(&reference.model);
        let detector = (detectors.entry(reference.model.clone()))
            .or_insert_with(|| Detector::load(&model, &options).expect("the detector loads"));
        let picture = image::open(pictures.join(&reference.picture)).expect("a picture");
        let found = (detector.detect(0, &picture.into_rgb8())).expect("the network runs");
        assert_eq!(found.invalid, 0);
        match_all(&reference, &found.detections);
        compared += 1;
    }
    assert_eq!(compared, 5);
}

/// What a detector sees in a picture of the drive.
pub(crate) fn look(data: &Path, model: &str, options: DetectorOptions, picture: &str) -> Found {
    let model = data.join("models").join(model);
    let pictures = data.join("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync/image_02/data");
    let picture = image::open(pictures.join(picture)).expect("a picture");
    let mut detector = Detector::load(&model, &options).expect("the detector loads");
    let found = detector.detect(0, &picture.into_rgb8());
    found.expect("the network runs")
}

/// The class of cars.
pub(crate) const CAR: u16 = 2;

/// Detectors of other families see the cars that YOLOX is sure of, where it
/// sees them.
pub(crate) fn families(data: &Path, inference: Inference, models: &[&str]) {
    let options = DetectorOptions {
        inference,
        ..DetectorOptions::default()
    };
    let look = |model: &str, picture: &str| look(data, model, options.clone(), picture);
    for picture in ["0000000040.png", "0000000044.png"] {
        let sure = look("yolox_nano_coco_416.onnx", picture).detections;
        let sure: Vec<_> = (sure.iter())
            .filter(|d| d.class == CAR && d.score > 0.7 && d.bbox[2] - d.bbox[0] > 60.0)
            .collect();
        assert!(!sure.is_empty(), "{picture}");
        for model in models {
            let found = look(model, picture);
            assert_eq!(found.invalid, 0, "{model}");
            for car in &sure {
                let same = |d: &Detection| d.class == CAR && overlap(&d.bbox, &car.bbox) > 0.6;
                let found = &found.detections;
                assert!(
                    found.iter().any(same),
                    "{model} {picture}: {car:?} {found:#?}"
                );
            }
        }
    }
}

/// Intersection over union.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[x0, y0, x1, y1]: [f32; 4]| (x1 - x0).max(0.0) * (y1 - y0).max(0.0);
    let shared = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    shared / (area(*a) + area(*b) - shared)
}

/// Every expected box is found once, and nothing else is found. Whether a
/// score within tolerance of the threshold counts is anybody's guess.
fn match_all(reference: &Reference, found: &[Detection]) {
    let mut left: Vec<&Detection> = found.iter().collect();
    let sure = |score: f32| score >= reference.score_threshold + SCORE;
    for expected in &reference.detections {
        let same = left.iter().position(|d| {
            let apart = d.bbox.iter().zip(&expected.bbox);
            d.class == expected.class
                && (d.score - expected.score).abs() <= SCORE
                && apart.into_iter().all(|(a, b)| (a - b).abs() <= PIXELS)
        });
        match same {
            Some(index) => drop(left.remove(index)),
            None => assert!(
                !sure(expected.score),
                "{}: class {} {} {:?} is not in {found:#?}",
                reference.picture,
                expected.class,
                expected.score,
                expected.bbox
            ),
        }
    }
    left.retain(|d| sure(d.score));
    assert!(
        left.is_empty(),
        "{}: not expected: {left:#?}",
        reference.picture
    );
}
