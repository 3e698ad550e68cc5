//! What only cameras see, and what several of them do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use janus_datasets::synth::Pictures;
use janus_datasets::{Annotation, Frame, Log};
use janus_perception::detect::Detection;
use janus_perception::{CameraScene, Cloud, Lidar, LidarConfig, LidarScene, Object, Objects};
use janus_perception::{ObjectsConfig, Source};
use nalgebra::{Translation3, UnitQuaternion};

use super::truth::{Thing, median, things};
use super::{classes, drive};

/// A frame, what lidars make of it that see neither the ground nor what stands
/// on it, and the box of each thing that is whole in a picture, with its track.
type Bare = (Frame, LidarScene, Vec<(u32, Detection)>);

fn bare(name: &str, frames: Range<u64>) -> Vec<Bare> {
    let drive = drive(name, 11);
    let pictures = Pictures::new(&drive).unwrap();
    let log = Log::synthetic(drive).unwrap();
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let frames = log.frames(Some(frames)).map(|frame| {
        let frame = frame.unwrap();
        let mut scene = lidar.step(&frame).unwrap();
        scene.cloud.clusters.clear();
        scene.cloud.labels.fill(Cloud::UNLABELLED);
        let sight = pictures.sight(frame.index).unwrap();
        let whole = sight.silhouettes.iter().filter(|seen| {
            let [x_min, _, x_max, y_max] = seen.extent;
            seen.visibility > 0.97 && x_min > 4 && x_max < 635 && y_max < 380
        });
        let boxes = whole.map(|seen| {
            let detection = Detection {
                camera: seen.camera,
                class: super::class_index(seen.class),
                score: 0.9,
                bbox: seen.extent.map(|side| side as f32),
            };
            (seen.track.parse().unwrap(), detection)
        });
        let boxes = boxes.collect();
        (frame, scene, boxes)
    });
    frames.collect()
}

fn scene_of(detections: Vec<Detection>) -> CameraScene {
    CameraScene {
        detections,
        ..CameraScene::default()
    }
}

/// How far off along and across the line of sight an object is, m, and the
/// range of the thing.
fn off(frame: &Frame, thing: &Thing, object: &Object) -> [f64; 3] {
    let base = frame.pose.unwrap().translation.vector;
    let toward = [thing.at[0] - base.x, thing.at[1] - base.y];
    let range = toward[0].hypot(toward[1]);
    let by = [0, 1].map(|k| object.centre[k] - thing.at[k]);
    let along = (by[0] * toward[0] + by[1] * toward[1]) / range;
    let across = (by[1] * toward[0] - by[0] * toward[1]) / range;
    [along.abs(), across.abs(), range]
}

#[test]
fn what_only_a_camera_sees_is_where_its_lower_edge_meets_the_ground() {
    let (mut along, mut across) = (Vec::new(), Vec::new());
    let (mut seen, mut wanted) = (0, 0);
    for (name, begin) in [("busy_street", 150), ("crossing", 120)] {
        let street = bare(name, begin..begin + 12);
        let mut tracks: BTreeMap<u32, u32> = BTreeMap::new();
        for (track, _) in street.iter().flat_map(|(_, _, boxes)| boxes) {
            *tracks.entry(*track).or_default() += 1;
        }
        for (track, _) in tracks.iter().filter(|(_, frames)| **frames >= 10) {
            // One thing at a time, so that it is clear which object is meant.
            let mut objects = Objects::new(ObjectsConfig::default(), &classes()).unwrap();
            for (number, (frame, scene, boxes)) in street.iter().enumerate() {
                let its = boxes.iter().filter(|(of, _)| of == track);
                let its = scene_of(its.map(|(_, detection)| *detection).collect());
                let found = objects.step(frame, Some(&its), scene).objects;
                assert!(found.len() <= 1, "{found:?}");
                let things = things(frame);
                let thing = things.iter().find(|thing| thing.track == *track).unwrap();
                let base = frame.pose.unwrap().translation.vector;
                let range = (thing.at[0] - base.x).hypot(thing.at[1] - base.y);
                if number < 6 || !(8.0..35.0).contains(&range) {
                    continue;
                }
                wanted += 1;
                if let [object] = &found[..] {
                    seen += 1;
                    assert_eq!(object.source, Source::Camera);
                    let [a, b, range] = off(frame, thing, object);
                    along.push(a / range);
                    across.push(b);
                }
            }
        }
    }
    along.sort_by(f64::total_cmp);
    across.sort_by(f64::total_cmp);
    let p95 = |sorted: &[f64]| sorted[sorted.len() * 95 / 100];
    eprintln!(
        "{seen} of {wanted}: along {:.3}, p95 {:.3} of the range; across {:.2}, p95 {:.2} m",
        median(&along),
        p95(&along),
        median(&across),
        p95(&across)
    );
    assert!(wanted >= 30, "{wanted}");
    assert!(seen * 10 >= wanted * 8, "{seen} of {wanted}");
    // The tracker reckons with 8 % of the range.
    assert!(median(&along) < 0.08 && p95(&along) < 0.16, "{along:?}");
    assert!(median(&across) < 0.5 && p95(&across) < 1.0, "{across:?}");
}

/// What is followed of a drive by its cameras, by twice as many (beside each
/// there is another that is turned a little), and by these and the lidars.
/// Things are seen that both of two cameras show whole, within 30 m.
fn follow_by_twice_as_many(name: &str, frames: Range<u64>) -> [Vec<Object>; 3] {
    let street = bare(name, frames.clone());
    let lidars = super::street(name, frames);
    let new = || Objects::new(ObjectsConfig::default(), &classes()).unwrap();
    let [mut alone, mut together, mut fused] = [new(), new(), new()];
    let mut ends = [Vec::new(), Vec::new(), Vec::new()];
    for ((frame, scene, boxes), (_, with_clusters, _)) in street.iter().zip(&lidars) {
        let mut frame = frame.clone();
        let mut rig = (*frame.rig).clone();
        let cameras = rig.cameras.len();
        for camera in 0..cameras {
            let mut beside = rig.cameras[camera].clone();
            let turn = UnitQuaternion::from_euler_angles(0.0, 0.15, 0.0);
            beside.base_from_sensor *= Translation3::new(0.6, 0.0, 0.0) * turn;
            rig.cameras.push(beside);
            let mut image = frame.images[camera].clone();
            image.camera = camera + cameras;
            frame.images.push(image);
        }
        // What both of two cameras show whole.
        let (mut by_first, mut by_second) = (Vec::new(), Vec::new());
        for (track, detection) in boxes {
            let beside = &rig.cameras[detection.camera + cameras];
            let of_it = |known: &&Annotation| known.track == track.to_string();
            let known = frame.annotations.iter().find(of_it).unwrap();
            let sensor_from_box = beside.base_from_sensor.inverse() * known.base_from_box;
            let extent = beside.extent(&sensor_from_box, known.size);
            let Some(extent) = extent.filter(|extent| beside.clip(*extent) == *extent) else {
                continue;
            };
            if known.base_from_box.translation.vector.norm() < 30.0 {
                by_first.push(*detection);
                by_second.push(Detection {
                    camera: detection.camera + cameras,
                    bbox: extent.map(|side| side as f32),
                    ..*detection
                });
            }
        }
        frame.rig = Arc::new(rig);
        let both = scene_of([by_first.clone(), by_second].concat());
        ends = [
            alone.step(&frame, Some(&scene_of(by_first)), scene),
            together.step(&frame, Some(&both), scene),
            fused.step(&frame, Some(&both), with_clusters),
        ]
        .map(|step| step.objects);
    }
    ends
}

#[test]
fn what_two_cameras_see_is_one_object() {
    let (mut by_one, mut by_both) = (0, 0);
    for (name, begin) in [("busy_street", 150), ("crossing", 120)] {
        let [alone, together, fused] = follow_by_twice_as_many(name, begin..begin + 12);
        by_one += alone.len();
        assert_eq!(alone.len(), together.len(), "{together:?}");
        for (i, a) in fused.iter().enumerate() {
            for b in &fused[i + 1..] {
                let apart = (a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1]);
                assert!(apart > 0.4, "{a:?} {b:?}");
            }
        }
        let both = |one: &&Object| one.source == Source::LidarAndCamera;
        by_both += fused.iter().filter(both).count();
    }
    assert!(by_one >= 3 && by_both >= 3, "{by_one} {by_both}");
}
