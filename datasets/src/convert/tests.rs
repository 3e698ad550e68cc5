//! On a log that is made here, with all that a log can have.

use std::sync::Arc;

use nalgebra::{Quaternion, Translation3, UnitQuaternion};
use proptest::prelude::*;

use super::*;
use crate::annotation::{Annotation, Class};
use crate::calibration::{Camera, Distortion, Lidar, Rig};
use crate::frame::{Image, Pixels};
use crate::geometry::{Point, Waypoint};
use crate::info::{Annotations, Info};
use crate::log::Source;

#[path = "../../tests/ros/mod.rs"]
mod ros;

/// Frames that are at hand; a number that is not among them is broken.
#[derive(Debug)]
struct Made(Vec<Frame>);

impl Source for Made {
    fn frame(&self, index: u64) -> Result<Frame> {
        let frame = self.0.iter().find(|frame| frame.index == index);
        let missing = || Error::MissingScan {
            path: "made".into(),
        };
        frame.cloned().ok_or_else(missing)
    }
}

fn log(rig: &Arc<Rig>, way: &Arc<Trajectory>, indices: Vec<u64>, frames: Vec<Frame>) -> Log {
    let has_poses = !way.waypoints().is_empty();
    let has_boxes = frames.iter().any(|frame| !frame.annotations.is_empty());
    Log {
        path: "made".into(),
        rig: rig.clone(),
        ego: way.clone(),
        info: Info {
            format: "made",
            path: "made".into(),
            frames: indices.len(),
            first: indices.first().copied(),
            last: indices.last().copied(),
            duration_s: 0.0,
            sensors: Vec::new(),
            pose_source: has_poses.then_some("made"),
            gaps: Vec::new(),
            jumps: Vec::new(),
            distance_m: 0.0,
            extent_m: None,
            topics: Vec::new(),
            annotations: has_boxes.then(Annotations::default),
            lost: Default::default(),
            notes: Vec::new(),
        },
        indices,
        source: Arc::new(Made(frames)),
    }
}

fn camera(name: &str, distortion: Distortion) -> Camera {
    Camera {
        name: name.into(),
        base_from_sensor: pose([1.0, 2.0, 3.0], [0.5, -0.5, 0.5, -0.5]),
        resolution: [640, 480],
        focal: [500.25, 501.5],
        centre: [319.5, 239.75],
        distortion,
    }
}

/// The quaternion is w, i, j, k.
fn pose(place: [f64; 3], [w, i, j, k]: [f64; 4]) -> Pose {
    let rotation = UnitQuaternion::new_normalize(Quaternion::new(w, i, j, k));
    Pose::from_parts(Translation3::from(place), rotation)
}

fn rig(cameras: Vec<Camera>) -> Arc<Rig> {
    let lidar = |name: &str, x| Lidar {
        name: name.into(),
        base_from_sensor: Pose::translation(x, 0.0, 2.0),
    };
    Arc::new(Rig {
        lidars: vec![lidar("a", 1.0), lidar("b", -1.0)],
        cameras,
        body: Some(Body {
            min: [-1.85, -0.95],
            max: [0.1 + 0.2, 1e22 / 7.0],
            height: 2.1,
        }),
        base_from_rect: None,
    })
}

fn frame(index: u64, stamp: i64, rig: &Arc<Rig>, way: &Arc<Trajectory>) -> Frame {
    Frame {
        index,
        begins: false,
        stamp,
        pose: way.at(stamp),
        ego: way.clone(),
        sweeps: Vec::new(),
        images: Vec::new(),
        annotations: Vec::new(),
        rig: rig.clone(),
        roads: None,
    }
}

fn converted(log: &Log) -> (Converted, Vec<ros::Message>) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.mcap");
    let mut calls = Vec::new();
    let converted = convert(log, &out, |done| calls.push(done)).expect("is written");
    assert_eq!(calls, (1..=log.indices().len() as u64).collect::<Vec<_>>());
    assert_eq!(folder.path().read_dir().expect("is there").count(), 1);
    (converted, ros::messages(&out))
}

/// The points of a cloud as a reader of such takes them.
fn points(cloud: &ros::Cloud) -> Vec<Point> {
    let point = |([x, y, z, i], t): &([f32; 4], u32)| {
        let place = [*x, *y, *z].map(f64::from);
        Point::from_metres(place, f64::from(*i), i64::from(*t))
    };
    cloud.points.iter().map(point).collect()
}

#[test]
fn each_lens_has_the_model_that_opencv_has_for_it() {
    let plumb = [-0.3, 0.1, 0.001, -0.002, 0.05, 0.0, 0.0, 0.0];
    let rational = [0.3, 0.1, 0.001, -0.002, 0.05, 0.6, 0.07, 0.008];
    let fisheye = [0.1, -0.02, 0.003, -0.0004];
    let lenses = [
        (Distortion::None, "plumb_bob", vec![0.0; 5]),
        (Distortion::Radial(plumb), "plumb_bob", plumb[..5].to_vec()),
        (
            Distortion::Radial(rational),
            "rational_polynomial",
            rational.to_vec(),
        ),
        (
            Distortion::Fisheye(fisheye),
            "equidistant",
            fisheye.to_vec(),
        ),
    ];
    let cameras = lenses.iter().enumerate();
    let rig = rig(cameras
        .map(|(i, lens)| camera(&format!("camera_{i}"), lens.0))
        .collect());
    let way = Arc::new(Trajectory::default());
    let mut frame = frame(3, 5_000_000_000, &rig, &way);
    let jpeg = Pixels::Encoded(vec![0xFF, 0xD8, 0xFF]);
    let rgb = Pixels::Rgb(image::RgbImage::from_pixel(4, 2, image::Rgb([1, 2, 3])));
    frame.images = (0..4)
        .map(|camera| Image {
            camera,
            stamp: 5_000_000_000 + camera as i64,
            source: "made".into(),
            pixels: if camera == 0 {
                rgb.clone()
            } else {
                jpeg.clone()
            },
        })
        .collect();
    let (result, messages) = converted(&log(&rig, &way, vec![3], vec![frame]));
    assert_eq!((result.frames, result.messages), (1, 9));
    for (i, (_, model, distortion)) in lenses.iter().enumerate() {
        let infos = ros::of(&messages, &format!("/camera_{i}/camera_info"));
        let info = ros::camera_info(infos[0]);
        assert_eq!((infos.len(), infos[0].sequence), (1, 3));
        assert_eq!((&*info.model, &info.distortion), (*model, distortion));
        assert_eq!([info.width, info.height], [640, 480]);
        assert_eq!(
            info.k,
            [500.25, 0.0, 319.5, 0.0, 501.5, 239.75, 0.0, 0.0, 1.0]
        );
        let stamp = 5_000_000_000 + i as i64;
        assert_eq!((info.stamp, info.frame), (stamp, format!("camera_{i}")));

        let images = ros::of(&messages, &format!("/camera_{i}/image"));
        let mut cdr = ros::Cdr::new(&images[0].data);
        assert_eq!(cdr.header(), (stamp, format!("camera_{i}")));
        if i == 0 {
            assert_eq!(images[0].schema, "sensor_msgs/msg/Image");
            assert_eq!([cdr.u32(), cdr.u32()], [2, 4]);
            assert_eq!((cdr.string(), cdr.u8(), cdr.u32()), ("rgb8".into(), 0, 12));
            assert_eq!(cdr.bytes(), [1, 2, 3].repeat(8));
        } else {
            assert_eq!(images[0].schema, "sensor_msgs/msg/CompressedImage");
            assert_eq!(cdr.string(), "jpeg");
            assert_eq!(cdr.bytes(), [0xFF, 0xD8, 0xFF]);
        }
        cdr.end();
    }
    let fixed = ros::transforms(ros::of(&messages, "/tf_static")[0]);
    let children: Vec<&str> = fixed.iter().map(|fixed| &*fixed.child).collect();
    assert_eq!(children[..3], ["a", "b", "camera_0"]);
    assert!(
        fixed
            .iter()
            .all(|f| f.parent == "base_link" && f.stamp == 5_000_000_000)
    );
    assert_eq!(fixed[1].pose, rig.lidars[1].base_from_sensor);
    assert_eq!(fixed[2].pose, rig.cameras[0].base_from_sensor);
    assert!(ros::of(&messages, "/tf").is_empty(), "there are no poses");
    assert!(ros::of(&messages, "/annotations").is_empty());
}

#[test]
fn boxes_become_detections() {
    let rig = rig(Vec::new());
    let way = Arc::new(Trajectory::default());
    let annotation = |label: &str, track: &str| Annotation {
        track: track.into(),
        class: Class::Pedestrian,
        label: label.into(),
        base_from_box: pose([4.0, 5.0, 6.0], [0.1, 0.2, 0.3, 0.4]),
        size: [0.5, 0.6, 1.7],
        velocity: Some([1.0, 0.0]),
        points: None,
        visibility: None,
    };
    let boxes = [
        annotation("human.pedestrian.adult", "17"),
        annotation("pedestrian", ""),
        annotation("", ""),
    ];
    let mut with = frame(0, 0, &rig, &way);
    with.annotations = boxes.to_vec();
    let without = frame(1, 100, &rig, &way);
    let (_, messages) = converted(&log(&rig, &way, vec![0, 1], vec![with, without]));
    let arrays = ros::of(&messages, "/annotations");
    let (stamp, frame, detections) = ros::detections(arrays[0]);
    assert_eq!((stamp, &*frame, detections.len()), (0, "base_link", 3));
    let classes: Vec<_> = detections.iter().map(|d| d.classes.clone()).collect();
    assert_eq!(classes[0], ["pedestrian", "human.pedestrian.adult"]);
    assert_eq!(classes[1..], [["pedestrian"], ["pedestrian"]]);
    assert_eq!((&*detections[0].id, &*detections[1].id), ("17", ""));
    for detection in detections {
        assert_eq!(detection.pose, boxes[0].base_from_box);
        assert_eq!(detection.size, [0.5, 0.6, 1.7]);
    }
    let (stamp, _, none) = ros::detections(arrays[1]);
    assert_eq!(
        (stamp, none.len()),
        (100, 0),
        "that there is none is known, too"
    );
}

#[test]
fn the_body_is_told_to_the_last_bit() {
    let rig = rig(Vec::new());
    let way = Arc::new(Trajectory::default());
    let log = log(&rig, &way, Vec::new(), Vec::new());
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.mcap");
    let result = convert(&log, &out, |_| {}).expect("is written");
    assert_eq!((result.frames, result.messages), (0, 1));
    let file = fs::read(&out).expect("is there");
    let summary = mcap::Summary::read(&file)
        .expect("is one")
        .expect("is there");
    let index = &summary.metadata_indexes[0];
    assert_eq!(index.name, BODY);
    let metadata = mcap::read::metadata(&file, index).expect("is one").metadata;
    let number = |key: &str| metadata[key].parse::<f64>().expect("a number");
    let Body { min, max, height } = rig.body.expect("has one");
    assert_eq!([number("min_x"), number("min_y")], min);
    assert_eq!([number("max_x"), number("max_y")], max);
    assert_eq!(number("height"), height);
}

#[test]
fn what_ros_cannot_state_costs_its_frame() {
    let rig = rig(Vec::new());
    let way = Arc::new(Trajectory::default());
    let end = (1i64 << 31) * 1_000_000_000;
    let stamps = [(4, -end), (5, -end - 1), (6, end), (7, end - 1)];
    let frames = stamps.map(|(index, stamp)| frame(index, stamp, &rig, &way));
    let mut log = log(&rig, &way, vec![3, 4, 5, 6, 7], frames.into());
    let (result, _) = converted(&log);
    assert_eq!(result.frames, 2);
    assert_eq!(
        result.skipped,
        [("malformed", 2), ("missing_scan", 1)].into()
    );

    // Poses of no such time make the whole log unfit.
    let pose = Pose::identity();
    let far = Waypoint { stamp: end, pose };
    log.ego = Arc::new(Trajectory::new(vec![far]));
    let folder = tempfile::tempdir().expect("a folder");
    let error = convert(&log, &folder.path().join("out.mcap"), |_| {}).expect_err("is too late");
    assert!(error.to_string().contains("from 1901 to 2038"), "{error}");
    assert_eq!(folder.path().read_dir().expect("is there").count(), 0);
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let rig = rig(Vec::new());
    let way = Arc::new(Trajectory::default());
    let mut large = frame(0, 0, &rig, &way);
    let points = (0..200_000).map(|i: i32| Point {
        x: i,
        y: i.wrapping_mul(0x9E37_79B9u32 as i32) >> 13,
        z: i.wrapping_mul(0x85EB_CA6Bu32 as i32) >> 13,
        tag: 0,
    });
    large.sweeps.push(Sweep {
        lidar: 0,
        stamp: 0,
        points: points.collect(),
        labels: None,
    });
    let frames = (0..4)
        .map(|index| Frame {
            index,
            ..large.clone()
        })
        .collect();
    let log = log(&rig, &way, vec![0, 1, 2, 3], frames);

    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("none/out.mcap");
    assert_eq!(
        convert(&log, &nowhere, |_| {})
            .expect_err("no folder")
            .reason(),
        "io"
    );

    // What is there already stays as it is.
    let out = folder.path().join("out.mcap");
    fs::write(&out, "old").expect("written");
    #[cfg(target_os = "linux")]
    {
        std::os::unix::fs::symlink("/dev/full", part(&out)).expect("linked");
        let error = convert(&log, &out, |_| {}).expect_err("the disk is full");
        assert!(error.to_string().contains("out.mcap: No space"), "{error}");
        assert_eq!(fs::read(&out).expect("is there"), b"old");
    }
    assert_eq!(folder.path().read_dir().expect("is there").count(), 1);

    let own = Log {
        path: out.clone(),
        ..log
    };
    let error = convert(&own, &out, |_| {}).expect_err("reads from it");
    assert!(error.to_string().ends_with("is the log itself"), "{error}");
}

fn any_point() -> impl Strategy<Value = Point> {
    let mm = || -Point::LIMIT..=Point::LIMIT;
    let valid = (mm(), mm(), mm(), any::<u32>());
    let valid = valid.prop_map(|(x, y, z, tag)| Point { x, y, z, tag });
    prop_oneof![9 => valid, 1 => Just(Point::INVALID)]
}

fn any_pose() -> impl Strategy<Value = Pose> {
    let place = prop::array::uniform3(-1e5..1e5f64);
    let quaternion = prop::array::uniform4(-1.0..1.0f64);
    let quaternion = quaternion.prop_filter("is a direction", |q| q.iter().any(|c| c.abs() > 0.1));
    (place, quaternion).prop_map(|(place, quaternion)| pose(place, quaternion))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Points, stamps and poses come back bit for bit, and where the log has
    /// a frame's vehicle, there has the file the vehicle at the frame's stamp.
    #[test]
    fn frames_come_back_as_they_were(
        sweeps in prop::collection::vec(
            (prop::collection::vec(any_point(), 0..60), prop::collection::vec(any_point(), 1..60)),
            1..6,
        ),
        poses in prop::collection::vec(any_pose(), 12),
        start in -3_000_000_000i64..2_000_000_000_000_000_000,
        lag in prop::collection::vec(-40_000_000i64..40_000_000, 6),
        paired: bool,
    ) {
        let rig = rig(Vec::new());
        // Two poses for each frame, the second at the frame's time or near it.
        let stamp = |i: usize| start + i as i64 * 100_000_000;
        let waypoints = poses.chunks(2).enumerate().flat_map(|(i, pair)| {
            let lag = if paired { lag[i] } else { 0 };
            let stamps = [stamp(i) - 50_000_000, stamp(i) + lag];
            std::array::from_fn::<_, 2, _>(|k| Waypoint { stamp: stamps[k], pose: pair[k] })
        });
        let way = Arc::new(Trajectory::new(waypoints.collect()));
        let frames: Vec<Frame> = sweeps.iter().enumerate().map(|(i, (a, b))| {
            let mut frame = frame(i as u64, stamp(i), &rig, &way);
            frame.pose = Some(poses[2 * i + 1]);
            frame.sweeps = [a, b].into_iter().enumerate().map(|(lidar, points)| Sweep {
                lidar,
                stamp: stamp(i) + lidar as i64 * 1000,
                points: points.clone(), labels: None }).collect();
            frame
        }).collect();
        let log = log(&rig, &way, (0..frames.len() as u64).collect(), frames.clone());
        let (result, messages) = converted(&log);
        prop_assert_eq!(result.frames as usize, frames.len());
        prop_assert_eq!(result.messages as usize, messages.len());

        let moved = ros::of(&messages, "/tf").into_iter().flat_map(ros::transforms);
        let moved: Vec<ros::Transform> = moved.collect();
        prop_assert!(moved.iter().all(|tf| tf.parent == "odom" && tf.child == "base_link"));
        prop_assert!(moved.windows(2).all(|pair| pair[0].stamp < pair[1].stamp));
        prop_assert_eq!(moved.len(), way.waypoints().len());
        let unpaired = way.waypoints().iter().step_by(2);
        for waypoint in unpaired {
            let same = |tf: &ros::Transform| tf.stamp == waypoint.stamp && tf.pose == waypoint.pose;
            prop_assert!(moved.iter().any(same));
        }
        for frame in &frames {
            let there = moved.iter().find(|tf| tf.stamp == frame.stamp);
            prop_assert_eq!(there.map(|tf| tf.pose), frame.pose);
            for (sweep, name) in frame.sweeps.iter().zip(["a", "b"]) {
                let message = ros::of(&messages, &format!("/{name}/points"))[frame.index as usize];
                let cloud = ros::cloud(message);
                prop_assert_eq!(&points(&cloud), &sweep.points);
                let dense = sweep.points.iter().all(|point| point.is_valid());
                prop_assert_eq!((&*cloud.frame, cloud.is_dense), (name, dense));
                let compensated = sweep.points.iter().all(|point| point.after_ns() == 0);
                let stamp = if compensated { frame.stamp } else { sweep.stamp };
                prop_assert_eq!(cloud.stamp, stamp);
                prop_assert_eq!(message.log_time, stamp.max(0) as u64);
                prop_assert_eq!(u64::from(message.sequence), frame.index);
            }
        }
    }
}
