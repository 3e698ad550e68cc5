//! The object benchmark's folder of the recorded data, and small sequences of
//! the odometry and tracking benchmarks, made here.

mod kitti_sets;
mod recorded;

use std::fs;

use janus_datasets::{Annotation, Camera, Class, Frame, Log};
use nalgebra::{Point3, Vector3};
use tempfile::TempDir;

use kitti_sets::{odometry, tracking, write};
use recorded::recorded;

fn frames(log: &Log) -> Vec<Frame> {
    let frames: Result<_, _> = log.frames(None).collect();
    frames.expect("are whole")
}

fn corners(annotation: &Annotation) -> impl Iterator<Item = Point3<f64>> {
    let half = Vector3::from(annotation.size) / 2.0;
    let pose = annotation.base_from_box;
    (0..8).map(move |i| {
        let side = |bit: i32| if i & bit == 0 { -1.0 } else { 1.0 };
        let signs = Vector3::new(side(1), side(2), side(4));
        pose * Point3::from(half.component_mul(&signs))
    })
}

/// The rectangle in which a camera sees a box: least x, y, greatest x, y.
fn seen(camera: &Camera, annotation: &Annotation) -> [f64; 4] {
    let camera_from_base = camera.base_from_sensor.inverse();
    let [width, height] = camera.resolution.map(f64::from);
    let mut rectangle = [f64::INFINITY, f64::INFINITY, 0.0, 0.0];
    for corner in corners(annotation) {
        let place = camera_from_base * corner;
        let [u, v] = camera.project(place.into()).expect("is ahead");
        let [u, v] = [u.clamp(0.0, width), v.clamp(0.0, height)];
        rectangle = [
            rectangle[0].min(u),
            rectangle[1].min(v),
            rectangle[2].max(u),
            rectangle[3].max(v),
        ];
    }
    rectangle
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let area = |r: [f64; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let both = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    both / (area(a) + area(b) - both)
}

#[test]
fn labelled_boxes_are_seen_where_the_labels_rectangles_are_and_hold_returns() {
    let Some(folder) = recorded("logs/kitti_object/training") else {
        return;
    };
    let log = Log::open(&folder).expect("is a folder of the object benchmark");
    assert_eq!(
        (log.format(), log.indices()),
        ("kitti_object", &[0, 1, 2][..])
    );
    let summary = log.info().annotations.clone().expect("has labels");
    let mut boxes = 0;
    for frame in frames(&log) {
        assert!(frame.begins && frame.sweeps[0].points.len() > 100_000);
        let camera = &frame.rig.cameras[0];
        let shown = frame.images[0].decode().expect("is whole");
        assert_eq!(camera.resolution, <[u32; 2]>::from(shown.dimensions()));
        let text = fs::read_to_string(folder.join(format!("label_2/{:06}.txt", frame.index)));
        let text = text.expect("has labels");
        let labels = text.lines().filter(|line| !line.starts_with("DontCare"));
        let labels: Vec<Vec<&str>> = labels.map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(labels.len(), frame.annotations.len());
        for (label, found) in labels.iter().zip(&frame.annotations) {
            boxes += 1;
            assert_eq!(label[0], found.label);
            let rectangle: Vec<f64> = label[4..8]
                .iter()
                .map(|w| w.parse().expect("a number"))
                .collect();
            let rectangle = [rectangle[0], rectangle[1], rectangle[2], rectangle[3]];
            let overlap = overlap(seen(camera, found), rectangle);
            assert!(
                overlap > 0.75,
                "frame {}: {}: {overlap}",
                frame.index,
                found.label
            );
            let mounting = frame.rig.lidars[0].base_from_sensor;
            let box_from_lidar = found.base_from_box.inverse() * mounting;
            let inside = frame.sweeps[0].points.iter().filter(|point| {
                let at = box_from_lidar * Point3::from(point.metres().map(f64::from));
                (0..3).all(|k| at[k].abs() <= found.size[k] / 2.0)
            });
            let inside = inside.count();
            assert!(
                inside >= 3,
                "frame {}: {}: {inside} returns",
                frame.index,
                found.label
            );
        }
    }
    assert_eq!(boxes, summary.boxes);
    assert!(summary.classes.contains_key(&Class::Pedestrian));
}

#[test]
fn an_odometry_sequence_follows_its_ground_truth() {
    let folder = TempDir::new().expect("a folder");
    let sequence = odometry(folder.path());
    let poses = fs::read_to_string(folder.path().join("poses/00.txt")).expect("is there");

    let log = Log::open(&sequence).expect("is a sequence");
    assert_eq!(log.format(), "kitti_odometry");
    assert_eq!(log.info().pose_source, Some("ground truth poses"));
    assert!((log.info().distance_m - 3.0).abs() < 1e-9);
    let frames = frames(&log);
    assert_eq!((frames[1].stamp, frames[1].begins), (103_700_000, false));
    for (i, frame) in frames.iter().enumerate() {
        let place = frame.pose.expect("has one").translation.vector;
        assert!(
            (place - Vector3::new(i as f64, 0.0, 0.0)).norm() < 1e-9,
            "{place}"
        );
        assert_eq!(frame.ego.at(frame.stamp), frame.pose);
        assert_eq!(
            (frame.sweeps[0].points[0].x, frame.images.len()),
            (1000 * i as i32, 1)
        );
    }

    // A frame beyond the poses is broken, and the others are not.
    write(
        folder.path().join("poses/00.txt"),
        &poses[..poses.len() / 2],
    );
    let log = Log::open(&sequence).expect("is a sequence");
    let whole: Vec<bool> = log.frames(None).map(|frame| frame.is_ok()).collect();
    assert_eq!(whole, [true, true, false, false]);
    let broken = log.frames(None).find_map(Result::err).expect("has no pose");
    let told = format!("{}: line 3", folder.path().join("poses/00.txt").display());
    assert!(broken.to_string().contains(&told), "{broken}");
    // Poses of which there are none are not those of a log without.
    write(folder.path().join("poses/00.txt"), "");
    let log = Log::open(&sequence).expect("is a sequence");
    assert!(log.frames(None).all(|frame| frame.is_err()));
    let times = sequence.join("times.txt");
    write(folder.path().join("poses/00.txt"), &poses);
    write(times.clone(), "0.0\n");
    let log = Log::open(&sequence).expect("is a sequence");
    let broken = log.frames(None).find_map(Result::err).expect("has no time");
    assert!(
        broken
            .to_string()
            .contains(&format!("{}: line 2", times.display())),
        "{broken}"
    );
    write(times, "0.0\n0.1037\n0.2074\n0.31\n");
    write(folder.path().join("poses/00.txt"), "1 0 0 0 0 1 0 0 0 0 1");
    let error = Log::open(&sequence)
        .expect_err("lacks a number")
        .to_string();
    assert!(
        error.contains("00.txt: line 1: expected 12 numbers"),
        "{error}"
    );
    fs::remove_file(folder.path().join("poses/00.txt")).expect("removed");
    let log = Log::open(&sequence).expect("is a sequence without poses");
    assert_eq!((log.info().pose_source, log.info().notes.len()), (None, 1));
}

#[test]
fn a_tracking_sequence_is_named_after_its_folder() {
    let folder = TempDir::new().expect("a folder");
    let root = tracking(folder.path(), &["0000", "0004"]);
    let error = Log::open(&root).expect_err("has two").to_string();
    assert!(error.contains("0000") && error.contains("0004"), "{error}");
    let log = Log::open(&root.join("0004")).expect("is one of them");
    assert_eq!((log.format(), log.indices().len()), ("kitti_tracking", 3));
    let summary = log.info().annotations.clone().expect("has labels");
    assert_eq!((summary.boxes, summary.tracks), (2, 1));
    let frames = frames(&log);
    assert!(frames[0].annotations.is_empty());
    let van = &frames[1].annotations[0];
    assert_eq!((van.class, &*van.track), (Class::Van, "7"));
    // Twelve metres ahead of the camera and three to its left, its length
    // lies across.
    let lidar = frames[1].rig.lidars[0].base_from_sensor.translation.vector;
    let centre = van.base_from_box.translation.vector - lidar;
    assert!(
        (centre - Vector3::new(12.0, 3.0, -0.7)).norm() < 1e-9,
        "{centre}"
    );
    assert!((van.base_from_box.rotation * Vector3::x() + Vector3::y()).norm() < 1e-9);
    let way = frames[2].pose.expect("has one").translation.x;
    assert!((1.4..1.5).contains(&way), "{way}");
    assert!(Log::open(&root.join("0001")).is_err());
}
