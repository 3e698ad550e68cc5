//! What a detector sees in pictures, and how long each look took, as JSON:
//! `detect MODEL OPTIONS ROUNDS PICTURE...`, where OPTIONS are those of
//! detection in TOML. `tools/scripts/compare-detections` runs it.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use janus_perception::detect::{Detector, DetectorOptions, Found};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, options, rounds, pictures @ ..] = arguments.as_slice() else {
        return Err("usage: detect MODEL OPTIONS ROUNDS PICTURE...".into());
    };
    let options: DetectorOptions = toml::from_str(options)?;
    let rounds: usize = rounds.parse()?;
    let mut detector = Detector::load(Path::new(model), &options)?;
    let seen: Result<Vec<Value>, Box<dyn Error>> = pictures
        .iter()
        .map(|path| {
            let picture = image::open(path)?.into_rgb8();
            let found: Result<Vec<Found>, _> =
                (0..rounds).map(|_| detector.detect(0, &picture)).collect();
            Ok(report(path, &found?))
        })
        .collect();
    let version = detector.runtime().version();
    println!("{}", json!({"version": version, "pictures": seen?}));
    Ok(())
}

/// What was found in a picture, the same every time.
fn report(path: &str, rounds: &[Found]) -> Value {
    let detections = rounds.first().map(|found| {
        let boxes = found.detections.iter();
        let boxes = boxes.map(|d| json!({"class": d.class, "score": d.score, "bbox": d.bbox}));
        boxes.collect::<Vec<_>>()
    });
    let times = |of: fn(&Found) -> Duration| -> Vec<f64> {
        rounds
            .iter()
            .map(|found| of(found).as_secs_f64() * 1e3)
            .collect()
    };
    json!({
        "path": path,
        "detections": detections,
        "preprocess_ms": times(|found| found.timings.preprocess),
        "run_ms": times(|found| found.timings.run),
        "postprocess_ms": times(|found| found.timings.postprocess),
    })
}
