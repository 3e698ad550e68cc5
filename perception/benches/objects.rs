//! What it takes to follow a hundred things: `cargo bench -p janus-perception
//! --bench objects`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use janus_datasets::Log;
use janus_datasets::synth::{Drive, Scenario};
use janus_perception::{Lidar, LidarConfig, LidarScene, Objects, ObjectsConfig};

/// Frames of a scenario, and what the lidars make of them.
fn frames(name: &str) -> Vec<(janus_datasets::Frame, LidarScene)> {
    let log = Log::synthetic(Drive {
        scenario: Scenario::named(name).unwrap(),
        frames: None,
        seed: None,
    });
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let frames = log.unwrap().frames(Some(180..200));
    frames
        .map(|frame| {
            let frame = frame.unwrap();
            let scene = lidar.step(&frame).unwrap();
            (frame, scene)
        })
        .collect()
}

fn follow(criterion: &mut Criterion) {
    for name in ["busy_street", "roundabout"] {
        let frames = frames(name);
        let ((last, scene), before) = frames.split_last().unwrap();
        let mut objects = Objects::new(ObjectsConfig::default(), &[]).unwrap();
        for (frame, scene) in before {
            objects.step(frame, None, scene);
        }
        let clusters = scene.cloud.clusters.len();
        let found = objects.clone().step(last, None, scene).objects.len();
        let id = format!("objects/{name}: {clusters} clusters, {found} objects");
        criterion.bench_function(&id, |bencher| {
            bencher.iter_batched(
                || objects.clone(),
                |mut objects| black_box(objects.step(last, None, scene)),
                BatchSize::LargeInput,
            );
        });
    }
}

criterion_group!(benches, follow);
criterion_main!(benches);
