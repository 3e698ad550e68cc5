//! What only cameras see, and what several of them do.

use std::collections::BTreeMap;
use std::sync::Arc;

use janus_datasets::synth::Pictures;
use janus_datasets::{Frame, Log};
use janus_perception::detect::Detection;
use janus_perception::{CameraScene, Cloud, Lidar, LidarConfig, LidarScene, Object, Objects};
use janus_perception::{ObjectsConfig, Source};
use nalgebra::{Translation3, UnitQuaternion};

use super::score::{Thing, median, things};
use super::{classes, drive};

/// Frames of a street, what the lidars make of them but for what stands on the
/// ground, and the boxes of each thing that is in full view.
fn bare_street(frames: std::ops::Range<u64>) -> Vec<(Frame, LidarScene, Vec<(u32, Detection)>)> {
    let drive = drive("busy_street", 11);
    let pictures = Pictures::new(&drive).unwrap();
    let log = Log::synthetic(drive).unwrap();
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let frames = log.frames(Some(frames)).map(|frame| {
        let frame = frame.unwrap();
        let mut scene = lidar.step(&frame).unwrap();
        scene.cloud.clusters.clear();
        for label in &mut scene.cloud.labels {
            if *label != Cloud::GROUND {
                *label = Cloud::UNLABELLED;
            }
        }
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

/// How far off along and across the line of sight an object is, as shares of
/// the range.
fn off(frame: &Frame, thing: &Thing, object: &Object) -> [f64; 2] {
    let base = frame.pose.unwrap().translation.vector;
    let toward = [thing.at[0] - base.x, thing.at[1] - base.y];
    let range = toward[0].hypot(toward[1]);
    let by = [
        object.centre[0] - thing.at[0],
        object.centre[1] - thing.at[1],
    ];
    let along = (by[0] * toward[0] + by[1] * toward[1]) / range;
    let across = (by[1] * toward[0] - by[0] * toward[1]) / range;
    [along.abs() / range, across.abs() / range]
}

#[test]
fn what_only_a_camera_sees_is_where_its_lower_edge_meets_the_ground() {
    let street = bare_street(150..165);
    let mut tracks: BTreeMap<u32, u32> = BTreeMap::new();
    for (track, _) in street.iter().flat_map(|(_, _, boxes)| boxes) {
        *tracks.entry(*track).or_default() += 1;
    }
    let (mut along, mut across) = (Vec::new(), Vec::new());
    let (mut seen, mut wanted) = (0, 0);
    for (track, _) in tracks.iter().filter(|(_, frames)| **frames >= 12) {
        // One thing at a time, so that it is clear which object is meant.
        let mut objects = Objects::new(ObjectsConfig::default(), &classes()).unwrap();
        let mut last = None;
        for (frame, scene, boxes) in &street {
            let its = boxes.iter().filter(|(of, _)| of == track);
            let its = scene_of(its.map(|(_, detection)| *detection).collect());
            let found = objects.step(frame, Some(&its), scene).objects;
            assert!(found.len() <= 1, "{found:?}");
            last = Some((frame, found));
        }
        let (frame, found) = last.unwrap();
        let things = things(frame);
        let thing = things.iter().find(|thing| thing.track == *track).unwrap();
        let base = frame.pose.unwrap().translation.vector;
        let range = (thing.at[0] - base.x).hypot(thing.at[1] - base.y);
        if range > 30.0 {
            continue;
        }
        wanted += 1;
        if let [object] = &found[..] {
            seen += 1;
            assert_eq!(object.source, Source::Camera);
            let [a, b] = off(frame, thing, object);
            eprintln!(
                "{:?} {range:.1} m: {a:.3} along, {b:.3} across",
                thing.class
            );
            along.push(a);
            across.push(b);
        }
    }
    assert!(wanted >= 8, "{wanted}");
    assert!(seen * 10 >= wanted * 9, "{seen} of {wanted}");
    // 8 % is what the tracker reckons with.
    assert!(median(&along) < 0.08, "{}", median(&along));
    assert!(along.iter().all(|off| *off < 0.25), "{along:?}");
    assert!(median(&across) < 0.02, "{}", median(&across));
}

/// The street with a fifth camera, beside the first and turned a little.
#[test]
fn what_two_cameras_see_is_one_object() {
    let street = bare_street(150..165);
    let lidars = super::street(150..165);
    let mut objects =
        [0, 1, 2].map(|_| Objects::new(ObjectsConfig::default(), &classes()).unwrap());
    let mut most = 0;
    let mut ends = [Vec::new(), Vec::new(), Vec::new()];
    for ((frame, scene, boxes), (_, with_clusters, _)) in street.iter().zip(&lidars) {
        let mut rig = (*frame.rig).clone();
        let mut second = rig.cameras[0].clone();
        let turn = UnitQuaternion::from_euler_angles(0.0, 0.2, 0.0);
        second.base_from_sensor *= Translation3::new(0.6, 0.0, 0.0) * turn;
        rig.cameras.push(second.clone());
        let mut frame = frame.clone();
        frame.rig = Arc::new(rig);
        let mut image = frame.images[0].clone();
        image.camera = 4;
        frame.images.push(image);

        // What both show, whole, in full view and near.
        let mut by_first = Vec::new();
        let mut by_second = Vec::new();
        for (track, detection) in boxes.iter().filter(|(_, d)| d.camera == 0) {
            let of_it = |a: &&janus_datasets::Annotation| a.track == track.to_string();
            let annotation = frame.annotations.iter().find(of_it).unwrap();
            let sensor_from_box = second.base_from_sensor.inverse() * annotation.base_from_box;
            let extent = second.extent(&sensor_from_box, annotation.size);
            let Some(extent) = extent.filter(|extent| second.clip(*extent) == *extent) else {
                continue;
            };
            if annotation.base_from_box.translation.vector.norm() < 30.0 {
                by_first.push(*detection);
                by_second.push(Detection {
                    camera: 4,
                    bbox: extent.map(|side| side as f32),
                    ..*detection
                });
            }
        }
        most = most.max(by_first.len());
        let both = scene_of([by_first.clone(), by_second].concat());
        let one = scene_of(by_first);
        let [alone, together, fused] = &mut objects;
        ends = [
            alone.step(&frame, Some(&one), scene).objects,
            together.step(&frame, Some(&both), scene).objects,
            fused.step(&frame, Some(&both), with_clusters).objects,
        ];
    }
    let [alone, together, fused] = &ends;
    assert!(most >= 3 && alone.len() >= 3, "{most}, {}", alone.len());
    assert_eq!(alone.len(), together.len());
    for list in [together, fused] {
        for (i, a) in list.iter().enumerate() {
            for b in &list[i + 1..] {
                let apart = (a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1]);
                assert!(apart > 0.4, "{a:?} {b:?}");
            }
        }
    }
    let by_both = |one: &&Object| one.source == Source::LidarAndCamera;
    assert!(fused.iter().filter(by_both).count() >= 3, "{fused:?}");
}
