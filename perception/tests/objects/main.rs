//! Things of the synthetic world, followed, against its truth.
#![allow(clippy::unwrap_used)]

mod broken;
mod score;

use janus_datasets::synth::{Drive, Pictures, Scenario};
use janus_datasets::{Class, Frame, Log};
use janus_perception::detect::Detection;
use janus_perception::{CameraScene, Lidar, LidarConfig, Objects, ObjectsConfig};
use score::{Judge, Score};

/// The classes of the perfect detector.
fn classes() -> Vec<String> {
    ["car", "van", "bicycle", "pedestrian"]
        .map(String::from)
        .into()
}

/// What a perfect detector finds in the pictures of a frame.
fn perfect(pictures: &Pictures, index: u64) -> CameraScene {
    let sight = pictures.sight(index).unwrap();
    let seen = sight
        .silhouettes
        .iter()
        .filter(|s| s.visibility > 0.3 && s.extent[3] - s.extent[1] >= 8);
    let detections = seen.map(|s| Detection {
        camera: s.camera,
        class: match s.class {
            Class::Car => 0,
            Class::Van => 1,
            Class::Bicycle => 2,
            _ => 3,
        },
        score: 0.9,
        bbox: s.extent.map(|c| c as f32),
    });
    CameraScene {
        detections: detections.collect(),
        ..CameraScene::default()
    }
}

fn drive(name: &str, seed: u64) -> Drive {
    Drive {
        scenario: Scenario::named(name).unwrap(),
        frames: None,
        seed: Some(seed),
    }
}

/// Drives a part of a scenario, and scores what is followed.
fn follow(name: &str, seed: u64, frames: std::ops::Range<u64>, looks: bool, loud: bool) -> Score {
    let drive = drive(name, seed);
    let pictures = looks.then(|| Pictures::new(&drive).unwrap());
    let log = Log::synthetic(drive).unwrap();
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let mut objects = Objects::new(ObjectsConfig::default(), &classes()).unwrap();
    let mut judge = Judge::default();
    judge.loud = loud;
    for frame in log.frames(Some(frames)) {
        let frame: Frame = frame.unwrap();
        let cameras = pictures
            .as_ref()
            .map(|pictures| perfect(pictures, frame.index));
        let scene = lidar.step(&frame).unwrap();
        let found = objects.step(&frame, cameras.as_ref(), &scene);
        if loud && frame.index % 20 == 0 {
            eprintln!(
                "{:?} {:?} of {}",
                found.timings,
                found.health,
                found.objects.len()
            );
        }
        judge.take(&frame, &found.objects);
    }
    judge.score
}

#[test]
fn tuning() {
    let get = |name: &str| std::env::var(name).ok();
    let seed = get("SEED").map_or(101, |s| s.parse().unwrap());
    let only = get("ONLY");
    let looks = get("LOOKS").is_some();
    let span: u64 = get("SPAN").map_or(80, |s| s.parse().unwrap());
    let loud = get("LOUD").is_some();
    let mut all = Score::default();
    for (i, name) in Scenario::names().enumerate() {
        if only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            continue;
        }
        let frames = Scenario::named(name).unwrap().frames();
        let begin = (frames * 2 / 5).min(frames - span.min(frames));
        let score = follow(name, seed, begin..(begin + span).min(frames), looks, loud);
        score.print(name);
        all.add(score, i as u64);
    }
    all.print("all");
}
