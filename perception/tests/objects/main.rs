//! Things of the synthetic world, followed, against its truth.
#![allow(clippy::unwrap_used)]

mod broken;
mod cameras;
mod hidden;
mod impaired;
mod recorded;
mod truth;

use std::ops::Range;

use janus_datasets::synth::{Drive, Pictures, Scenario};
use janus_datasets::{Class, Frame, Log};
use janus_perception::detect::Detection;
use janus_perception::eval::{
    Displacement, ForecastErrors, HotaAt, Moments, Relevance, Similarity, Spread, TrackingScore,
    score_tracking,
};
use janus_perception::{CameraScene, Lidar, LidarConfig, LidarScene, Objects, ObjectsConfig};

/// What houses, parked cars and noise are made from; nothing was tuned on it.
const SEED: u64 = 7;

/// Frames before those that are judged, so that things are followed.
const BEFORE: u64 = 5;

/// The classes of the perfect detector.
fn classes() -> Vec<String> {
    ["car", "van", "bicycle", "pedestrian"]
        .map(String::from)
        .into()
}

/// The place of a class among them.
fn class_index(class: Class) -> u16 {
    match class {
        Class::Car => 0,
        Class::Van => 1,
        Class::Bicycle => 2,
        _ => 3,
    }
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
        class: class_index(s.class),
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

/// A few frames of a scenario, with what the lidars make of them and what a
/// perfect detector finds.
fn street(name: &str, frames: Range<u64>) -> Vec<(Frame, LidarScene, CameraScene)> {
    let drive = drive(name, 11);
    let pictures = Pictures::new(&drive).unwrap();
    let log = Log::synthetic(drive).unwrap();
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let frames = log.frames(Some(frames)).map(|frame| {
        let frame = frame.unwrap();
        let scene = lidar.step(&frame).unwrap();
        let cameras = perfect(&pictures, frame.index);
        (frame, scene, cameras)
    });
    frames.collect()
}

/// What follows things, with a map of the roads or without, and what it said.
struct Run {
    has_map: bool,
    objects: Objects,
    all: Moments,
}

impl Run {
    fn new(has_map: bool) -> Self {
        Self {
            has_map,
            objects: Objects::new(ObjectsConfig::default(), &classes()).unwrap(),
            all: Moments::new(false),
        }
    }
}

/// Follows things through a part of a scenario with each run, and prints how
/// well.
fn follow(runs: &mut [Run; 2], name: &str, frames: Range<u64>, looks: bool) {
    let drive = drive(name, SEED);
    let pictures = looks.then(|| Pictures::new(&drive).unwrap());
    let log = Log::synthetic(drive).unwrap();
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let mut moments = [(); 2].map(|()| Moments::new(false));
    for frame in log.frames(Some(frames.clone())) {
        let mut frame: Frame = frame.unwrap();
        let cameras = pictures
            .as_ref()
            .map(|pictures| perfect(pictures, frame.index));
        let scene = lidar.step(&frame).unwrap();
        let roads = frame.roads.take();
        for (run, moments) in runs.iter_mut().zip(&mut moments) {
            frame.begins = frame.index == frames.start;
            frame.roads = roads.clone().filter(|_| run.has_map);
            let found = run.objects.step(&frame, cameras.as_ref(), &scene);
            if frame.index >= frames.start + BEFORE {
                // Another drive, to those who judge.
                frame.begins = frame.index == frames.start + BEFORE;
                moments.add(&frame, &found.objects).unwrap();
                run.all.add(&frame, &found.objects).unwrap();
            }
        }
    }
    for (run, moments) in runs.iter().zip(moments) {
        let map = if run.has_map { "map" } else { "no map" };
        print(&format!("{name}, {map}"), &score(moments));
    }
}

/// Scores what is followed, of road users within 40 m with 30 returns.
fn score(moments: Moments) -> TrackingScore {
    let relevance = Relevance {
        classes: vec![
            Class::Car,
            Class::Van,
            Class::Truck,
            Class::Bus,
            Class::Trailer,
            Class::Train,
            Class::Motorcycle,
            Class::Bicycle,
            Class::Pedestrian,
        ],
        neighbours: vec![Class::Animal, Class::Obstacle, Class::Other],
        range: 40.0,
        least_points: 30,
        similarity: Similarity::Nearness(2.0),
        least: 1e-6,
    };
    score_tracking(&moments.finish(), &relevance, 5).unwrap()
}

fn print(name: &str, score: &TrackingScore) {
    let TrackingScore {
        hota,
        clear,
        identity,
        boxes,
        right_class,
        moving,
        ..
    } = score;
    let found = clear.hits as f64;
    let median = |of: &Option<Spread>| of.map_or(f64::NAN, |of| of.median);
    let ahead = &moving[1];
    eprintln!(
        "{name:26} IDF1 {:.3} HOTA {:.3} recall {:.3} precision {:.3} switches {:3} class {:.3} \
         centre {:.3} size {:.2} {:.2} {:.2} speed {:.2} ADE {:.2} FDE {:.2} miss {:.2} \
         best {:.2} {:.2} {:.2} of {}",
        identity.idf1(),
        hota.mean(HotaAt::hota),
        found / (clear.hits + clear.misses) as f64,
        found / (clear.hits + clear.false_alarms) as f64,
        clear.switches,
        right_class.unwrap_or(f64::NAN),
        median(&boxes.centre),
        median(&boxes.length),
        median(&boxes.width),
        median(&boxes.height),
        boxes.speed.map_or(f64::NAN, |speed| speed.rms),
        ahead.likeliest.ade,
        ahead.likeliest.fde,
        ahead.likeliest.miss_rate,
        ahead.best.ade,
        ahead.best.fde,
        ahead.best.miss_rate,
        ahead.count,
    );
}

/// Follows a stretch of each of these scenarios, with their maps and without.
fn follow_all<'a>(
    names: impl Iterator<Item = &'a str>,
    frames: u64,
    looks: bool,
) -> [TrackingScore; 2] {
    let mut runs = [true, false].map(Run::new);
    for name in names {
        let whole = Scenario::named(name).unwrap().frames();
        let begin = (whole * 2 / 5).min(whole - frames);
        follow(&mut runs, name, begin..begin + frames, looks);
    }
    let scores = runs.map(|run| score(run.all));
    print("all, map", &scores[0]);
    print("all, no map", &scores[1]);
    scores
}

#[test]
fn lidars_alone_follow_what_is_on_the_road() {
    let [all, no_map] = follow_all(Scenario::names(), 50, false);
    let TrackingScore {
        hota,
        clear,
        identity,
        boxes,
        ..
    } = &all;
    assert!(identity.idf1() >= 0.92, "{}", identity.idf1());
    assert!(hota.mean(HotaAt::hota) >= 0.75, "{hota:?}");
    assert!(clear.switches <= 20, "{}", clear.switches);
    assert!(boxes.centre.unwrap().median <= 0.1, "{boxes:?}");
    for size in [boxes.length, boxes.width, boxes.height] {
        assert!(size.unwrap().median <= 0.35, "{boxes:?}");
    }
    assert!(boxes.speed.unwrap().rms <= 0.5, "{boxes:?}");
    // With roads the mean is what it is meant to be. Without, what turns off
    // at the crossing is not foreseen.
    let [with, without] = [&all, &no_map].map(|score| &score.moving[1]);
    assert!(with.count >= 100, "{with:?}");
    assert!(with.likeliest.ade <= 0.8, "{with:?}");
    assert!(without.likeliest.ade <= 1.2, "{without:?}");
    let figures = |of: &ForecastErrors| {
        let Displacement {
            ade,
            fde,
            miss_rate,
        } = of.likeliest;
        [ade, fde, miss_rate]
    };
    let [with, without] = [figures(with), figures(without)];
    assert!(
        (0..3).all(|k| with[k] <= without[k]),
        "{with:?} {without:?}"
    );
    // What is followed is the same.
    assert_eq!(identity, &no_map.identity);
}

#[test]
fn pictures_tell_what_it_is() {
    let names = ["busy_street", "delivery_stop", "crossing"];
    let [all, _] = follow_all(names.into_iter(), 30, true);
    assert!(all.right_class.unwrap() >= 0.95, "{:?}", all.right_class);
    assert!(all.identity.idf1() >= 0.85, "{:?}", all.identity);
}
