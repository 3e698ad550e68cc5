//! The nuScenes reader on a recorded keyframe, laid out as a set with the
//! official tables, against the keyframe's own description.

mod nuscenes_set;
mod recorded;

use std::path::{Path, PathBuf};

use janus_datasets::{Class, Frame, Image, Log, Loss, Point, SensorKind};
use nalgebra::{Point3, UnitQuaternion, Vector3};
use nuscenes_set::{Keyframe, Pose, SCANS, STEP, TURN, infos, numbers, pose};
use tempfile::TempDir;

use recorded::recorded;

/// The wheelbase of a Renault Zoe is 2,588 mm.
const BASE_FROM_EGO: f64 = -1.294;
/// The middle keyframe's revolution.
const MIDDLE: u64 = SCANS as u64;

fn keyframe() -> Option<PathBuf> {
    recorded("logs/nuscenes_sample")
}

/// The keyframe, and the set that is made of it.
fn set() -> Option<(PathBuf, TempDir)> {
    let keyframe = keyframe()?;
    let root = TempDir::new().expect("a folder");
    Keyframe::recorded(&keyframe).lay_out(root.path());
    Some((keyframe, root))
}

fn open(root: &Path) -> Log {
    Log::open(root).expect("is a set of one scene")
}

fn frame(log: &Log, index: u64) -> Frame {
    let mut frames = log.frames(Some(index..index + 1));
    frames.next().expect("is in the log").expect("is whole")
}

/// How far apart two poses are: metres and radians.
fn apart(a: &Pose, b: &Pose) -> (f64, f64) {
    let step = a.inverse() * b;
    (step.translation.vector.norm(), step.rotation.angle())
}

#[test]
fn a_scene_is_told_without_reading_frames() {
    let Some((_, root)) = set() else { return };
    let log = open(root.path());
    assert_eq!((log.format(), log.path()), ("nuscenes", root.path()));
    assert_eq!(log.indices(), (0..=2 * MIDDLE).collect::<Vec<_>>());
    let info = log.info();
    assert!((info.duration_s - 1.0).abs() < 1e-9, "{}", info.duration_s);
    assert_eq!(info.pose_source, Some("ego_pose"));
    let sensors: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (&*s.name, s.kind, s.count))
        .collect();
    let camera = |name| (name, SensorKind::Camera, 13);
    assert_eq!(
        sensors,
        [
            ("LIDAR_TOP", SensorKind::Lidar, 21),
            camera("CAM_FRONT"),
            camera("CAM_FRONT_RIGHT"),
            camera("CAM_BACK_RIGHT"),
            camera("CAM_BACK"),
            camera("CAM_BACK_LEFT"),
            camera("CAM_FRONT_LEFT"),
        ]
    );
    let rates = info
        .sensors
        .iter()
        .map(|s| s.rate_hz.expect("has one").round());
    assert_eq!(
        rates.collect::<Vec<_>>(),
        [20.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0]
    );
    assert!(info.jumps.is_empty() && info.gaps.is_empty());
    let annotations = info.annotations.as_ref().expect("has some");
    // As many as the official development kit gives, frame by frame.
    assert_eq!((annotations.boxes, annotations.tracks), (1427, 69));
    // Every picture but the first of each camera, whose revolution is the
    // first, and those that a keyframe's revolution takes from its sweep.
    let read: usize = log
        .frames(None)
        .map(|f| f.expect("is whole").images.len())
        .sum();
    let unpaired = info.lost.get(&Loss::UnpairedImage).copied().unwrap_or(0);
    assert_eq!(read as u64 + unpaired, 6 * 13);
    assert!(unpaired < 6, "{unpaired} pictures are in no frame");
}

#[test]
fn a_keyframe_is_what_its_files_hold() {
    let Some((keyframe, root)) = set() else {
        return;
    };
    let described = &infos(&keyframe)["data_list"][0];
    let log = open(root.path());
    let frame = frame(&log, MIDDLE);
    assert_eq!(frame.stamp, 1_532_402_927_647_951_000);

    let global_from_ego = pose(&described["ego2global"]);
    let global_from_base = global_from_ego * Pose::translation(-BASE_FROM_EGO, 0.0, 0.0);
    let (metres, radians) = apart(&frame.pose.expect("has one"), &global_from_base);
    assert!(metres < 1e-6 && radians < 1e-6, "{metres} m, {radians}");

    let path = keyframe.join(
        described["lidar_points"]["lidar_path"]
            .as_str()
            .expect("a name"),
    );
    let scan = std::fs::read(path).expect("a scan");
    let [sweep] = frame.sweeps.as_slice() else {
        panic!("one lidar")
    };
    assert_eq!(
        (sweep.stamp, sweep.points.len()),
        (frame.stamp, scan.len() / 20)
    );
    for (point, record) in sweep.points.iter().zip(scan.chunks(20)) {
        let value = |i: usize| f32::from_le_bytes(record[4 * i..][..4].try_into().expect("four"));
        let found = [point.x, point.y, point.z].map(f64::from);
        for (i, found) in found.into_iter().enumerate() {
            assert!((f64::from(value(i)) * 1e3 - found).abs() <= 0.5 + 1e-6);
        }
        assert!((f32::from(point.intensity()) / 257.0 - value(3)).abs() < 1e-2);
        assert_eq!(point.after_ns(), 0);
    }

    assert_eq!(frame.images.len(), 6);
    for image in &frame.images {
        let camera = &log.rig().cameras[image.camera];
        let described = &described["images"][&camera.name];
        let seconds = described["timestamp"].as_f64().expect("a number");
        assert_eq!(image.stamp, (seconds * 1e6).round() as i64 * 1000);
        assert_eq!(image.decode().expect("is whole").dimensions(), (1600, 900));
        let [first, second]: [[f64; 3]; 2] = [0, 1].map(|row| numbers(&described["cam2img"][row]));
        assert_eq!(
            (camera.focal, camera.centre),
            ([first[0], second[1]], [first[2], second[2]])
        );
    }
}

/// Against the boxes in the lidar's frame, and the returns that nuScenes
/// counted in them.
#[test]
fn a_keyframe_has_its_boxes() {
    let Some((keyframe, root)) = set() else {
        return;
    };
    let described = infos(&keyframe)["data_list"][0]["instances"].clone();
    let described = described.as_array().expect("a list");
    let log = open(root.path());
    let frame = frame(&log, MIDDLE);
    assert_eq!((frame.annotations.len(), described.len()), (69, 69));
    let base_from_lidar = log.rig().lidars[0].base_from_sensor;
    let points: Vec<Point3<f64>> = frame.sweeps[0].points.iter().map(|p| place(*p)).collect();
    let (mut counted, mut velocities) = (0, 0);
    for (found, described) in frame.annotations.iter().zip(described) {
        let [x, y, z, length, width, height, yaw] = numbers(&described["bbox_3d"]);
        let lidar_from_box = Pose::new(Vector3::new(x, y, z), Vector3::z() * yaw);
        let (metres, radians) = apart(&found.base_from_box, &(base_from_lidar * lidar_from_box));
        assert!(metres < 1e-6 && radians < 1e-6, "{metres} m, {radians}");
        assert_eq!(found.size, [length, width, height]);

        let box_from_lidar = found.base_from_box.inverse() * base_from_lidar;
        let inside = |p: &&Point3<f64>| {
            let p = box_from_lidar * **p;
            let sides = [p.x, p.y, p.z].into_iter().zip(found.size);
            sides.into_iter().all(|(c, side)| c.abs() <= side / 2.0)
        };
        let lies = points.iter().filter(inside).count() as i64;
        let said = found.points.expect("is a keyframe");
        assert_eq!(Some(u64::from(said)), described["num_lidar_pts"].as_u64());
        // Of the boxes' turn the description has kept the yaw alone.
        counted += i64::from((lies - i64::from(said)).abs() <= 2 + i64::from(said) / 20);

        let velocity = described["velocity"].as_array().expect("a list");
        let expected = velocity[0].as_f64().zip(velocity[1].as_f64());
        assert_eq!(found.velocity.is_some(), expected.is_some());
        if let (Some([vx, vy]), Some((x, y))) = (found.velocity, expected) {
            let turned = base_from_lidar.rotation * Vector3::new(x, y, 0.0);
            assert!((turned.x - vx).abs() < 1e-3 && (turned.y - vy).abs() < 1e-3);
            velocities += 1;
        }
    }
    assert!(
        counted >= 67,
        "{counted} of 69 boxes hold the returns that they should"
    );
    assert!(velocities >= 50, "{velocities}");
    let classes = |class| {
        frame
            .annotations
            .iter()
            .filter(|a| a.class == class)
            .count()
    };
    let described = |labels: &[i64]| {
        let labelled = |d: &&serde_json::Value| {
            labels.contains(&d["bbox_label_3d"].as_i64().expect("a class"))
        };
        described.iter().filter(labelled).count()
    };
    assert_eq!(classes(Class::Car), described(&[0]));
    assert_eq!(classes(Class::Truck), described(&[1, 4]));
    assert_eq!(classes(Class::Pedestrian), described(&[7]));
    assert_eq!(classes(Class::Obstacle), described(&[8, 9, -1]));
    assert_eq!(classes(Class::Other), 0);
}

/// Against the centres that the description has in each picture, which it
/// reaches through the ego poses at the times of both.
#[test]
fn cameras_see_the_boxes_where_the_description_has_them() {
    let Some((keyframe, root)) = set() else {
        return;
    };
    let described = &infos(&keyframe)["data_list"][0];
    let log = open(root.path());
    let frame = frame(&log, MIDDLE);
    let odom_from_base = frame.pose.expect("has one");
    let mut seen = 0;
    for image in &frame.images {
        let camera = &log.rig().cameras[image.camera];
        let odom_from_camera = camera_at(&frame, image) * camera.base_from_sensor;
        let centres: Vec<[f64; 2]> = frame
            .annotations
            .iter()
            .filter_map(|annotation| {
                let centre = odom_from_base * annotation.base_from_box * Point3::origin();
                camera.project((odom_from_camera.inverse() * centre).into())
            })
            .collect();
        let instances = described["cam_instances"][&camera.name].as_array();
        for instance in instances.expect("a list") {
            let [u, v] = numbers(&instance["center_2d"]);
            let near = |[x, y]: &[f64; 2]| (x - u).hypot(y - v) < 0.5;
            assert!(centres.iter().any(near), "{}: {u} {v}", camera.name);
            seen += 1;
        }
    }
    assert_eq!(seen, 84);
}

fn camera_at(frame: &Frame, image: &Image) -> Pose {
    frame.ego.at(image.stamp).expect("is in the log")
}

#[test]
fn boxes_move_evenly_between_keyframes() {
    let Some((_, root)) = set() else { return };
    let log = open(root.path());
    let odom = |index| -> Vec<_> {
        let frame = frame(&log, index);
        let odom_from_base = frame.pose.expect("has one");
        let boxes = frame.annotations.into_iter();
        let boxes = boxes.map(|a| {
            (
                a.track,
                odom_from_base * a.base_from_box,
                a.velocity,
                a.points,
            )
        });
        boxes.collect()
    };
    let middle = odom(MIDDLE);
    // Those that are in the middle keyframe alone stand there before it.
    let followed = middle.iter().filter(|b| b.2.is_some()).count();
    assert!((50..69).contains(&followed));
    assert_eq!(
        [odom(0).len(), odom(2 * MIDDLE).len()],
        [followed, followed]
    );
    assert_eq!([odom(5).len(), odom(15).len()], [69, followed]);
    let first = odom(0);
    for (track, pose, velocity, points) in odom(7) {
        assert_eq!(points, None);
        let at = |boxes: &[(String, Pose, _, _)]| boxes.iter().find(|b| b.0 == track).map(|b| b.1);
        let to = at(&middle).expect("is in the middle");
        let Some(from) = at(&first) else {
            assert!(velocity.is_none() && apart(&pose, &to).0 < 1e-6);
            continue;
        };
        let place = from.translation.vector.lerp(&to.translation.vector, 0.7);
        assert!((pose.translation.vector - place).norm() < 1e-6);
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), -0.3 * TURN);
        assert!((turn * to.rotation).angle_to(&pose.rotation) < 1e-6);
    }
}

/// The road around the vehicle is at height zero, and pictures are taken in
/// the revolution to whose frame they belong.
#[test]
fn the_vehicle_stands_on_the_road() {
    let Some((_, root)) = set() else { return };
    let log = open(root.path());
    let base_from_lidar = log.rig().lidars[0].base_from_sensor;
    let mounted = base_from_lidar.translation.vector;
    assert!(
        (mounted.z - 1.84).abs() < 0.01 && mounted.y.abs() < 0.01,
        "{mounted}"
    );
    let frame = frame(&log, MIDDLE);
    let places = frame.sweeps[0]
        .points
        .iter()
        .map(|p| base_from_lidar * place(*p));
    let mut heights: Vec<f64> = places
        .filter(|p| (3.0..10.0).contains(&p.x.abs()) && p.y.abs() < 2.0)
        .map(|p| p.z)
        .collect();
    heights.sort_by(f64::total_cmp);
    let median = heights[heights.len() / 2];
    assert!(
        heights.len() > 500 && median.abs() < 0.1,
        "{median} of {}",
        heights.len()
    );
    for frame in log.frames(None) {
        let frame = frame.expect("is whole");
        for image in &frame.images {
            let before = frame.stamp - image.stamp;
            assert!((0..=60_000_000).contains(&before), "{before} ns");
        }
    }
}

/// Along the way, between the poses of 91 records a second, too.
#[test]
fn poses_are_those_of_all_records() {
    let Some((_, root)) = set() else { return };
    let log = open(root.path());
    let way = log.trajectory().waypoints();
    // Three of the cameras' stamps fall on others'.
    assert!(way.len() > 90 && way.len() <= 21 + 6 * 13, "{}", way.len());
    let [first, last] = [way[0], way[way.len() - 1]];
    let spans = (last.stamp - first.stamp) / 1000;
    assert!((2 * STEP..2 * STEP + 60_000).contains(&spans));
    for frame in log.frames(None) {
        let frame = frame.expect("is whole");
        assert_eq!(frame.pose, log.trajectory().at(frame.stamp));
    }
}

fn place(point: Point) -> Point3<f64> {
    Point3::from([point.x, point.y, point.z].map(|c| f64::from(c) * 1e-3))
}
