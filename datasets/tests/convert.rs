//! Whole logs as MCAP files: what is written is what the log holds.

mod drive;
mod recorded;
mod ros;

use std::fs;
use std::path::Path;

use drive::{Drive, scan};
use janus_datasets::convert::{Converted, convert};
use janus_datasets::{Frame, Log, Pixels, Point, Trajectory, Waypoint, synth};
use tempfile::TempDir;

use recorded::recorded;

fn converted(log: &Log) -> (Converted, Vec<ros::Message>) {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.mcap");
    let converted = convert(log, &out, |_| {}).expect("is written");
    (converted, ros::messages(&out))
}

/// The poses of `/tf`.
fn way(messages: &[ros::Message]) -> Trajectory {
    let poses = ros::of(messages, "/tf")
        .into_iter()
        .flat_map(ros::transforms);
    let waypoints = poses.map(|tf| Waypoint {
        stamp: tf.stamp,
        pose: tf.pose,
    });
    Trajectory::new(waypoints.collect())
}

/// The points of a cloud, as a reader of it rounds them.
fn points(cloud: &ros::Cloud) -> Vec<Point> {
    let point = |([x, y, z, i], t): &([f32; 4], u32)| {
        let place = [*x, *y, *z].map(f64::from);
        Point::from_metres(place, f64::from(*i), i64::from(*t))
    };
    cloud.points.iter().map(point).collect()
}

/// Checks that the frames of a log are in the file with all they have.
fn holds(messages: &[ros::Message], log: &Log, frames: &[Frame]) {
    let way = way(messages);
    let rig = log.rig();
    for (i, lidar) in rig.lidars.iter().enumerate() {
        let clouds = ros::of(messages, &format!("/{}/points", lidar.name));
        let sweeps = frames
            .iter()
            .flat_map(|f| f.sweeps.iter().map(move |s| (f, s)));
        let sweeps: Vec<_> = sweeps.filter(|(_, sweep)| sweep.lidar == i).collect();
        assert_eq!(clouds.len(), sweeps.len());
        for (message, (frame, sweep)) in clouds.into_iter().zip(sweeps) {
            let cloud = ros::cloud(message);
            assert_eq!(
                (cloud.stamp, cloud.frame.as_str()),
                (sweep.stamp, &*lidar.name)
            );
            assert_eq!(u64::from(message.sequence), frame.index);
            assert!(points(&cloud) == sweep.points, "frame {}", frame.index);
        }
    }
    for (i, camera) in rig.cameras.iter().enumerate() {
        let topic = |kind| ros::of(messages, &format!("/{}/{kind}", camera.name));
        let (pictures, infos) = (topic("image"), topic("camera_info"));
        let images = frames.iter().flat_map(|frame| &frame.images);
        let images: Vec<_> = images.filter(|image| image.camera == i).collect();
        assert_eq!((pictures.len(), infos.len()), (images.len(), images.len()));
        for ((picture, info), image) in pictures.into_iter().zip(infos).zip(images) {
            let mut cdr = ros::Cdr::new(&picture.data);
            assert_eq!(cdr.header(), (image.stamp, camera.name.clone()));
            match &image.pixels {
                Pixels::Encoded(bytes) => {
                    assert_eq!(cdr.string(), "png");
                    assert!(cdr.bytes() == bytes);
                }
                Pixels::Rgb(rgb) => {
                    let size = [cdr.u32(), cdr.u32()];
                    assert_eq!(size, [rgb.height(), rgb.width()]);
                    let layout = (cdr.string(), cdr.u8(), cdr.u32());
                    assert_eq!(layout, ("rgb8".into(), 0, 3 * rgb.width()));
                    assert!(cdr.bytes() == rgb.as_raw().as_slice());
                }
            }
            let info = ros::camera_info(info);
            assert_eq!((info.stamp, info.frame), (image.stamp, camera.name.clone()));
            assert_eq!([info.width, info.height], camera.resolution);
            let [fx, fy] = camera.focal;
            let [cx, cy] = camera.centre;
            assert_eq!(info.k, [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]);
        }
    }
    for frame in frames {
        assert_eq!(way.at(frame.stamp), frame.pose, "frame {}", frame.index);
    }
    let fixed = ros::transforms(ros::of(messages, "/tf_static")[0]);
    assert_eq!(fixed.len(), rig.lidars.len() + rig.cameras.len());
    let sensors = rig.lidars.iter().map(|lidar| lidar.base_from_sensor);
    let sensors = sensors.chain(rig.cameras.iter().map(|camera| camera.base_from_sensor));
    for (fixed, sensor) in fixed.iter().zip(sensors) {
        assert_eq!((fixed.parent.as_str(), fixed.pose), ("base_link", sensor));
    }
    let first = messages.iter().map(|message| message.log_time).min();
    assert_eq!(Some(messages[0].log_time), first, "/tf_static comes first");
    assert_eq!(messages[0].topic, "/tf_static");
}

fn whole(log: &Log) -> Vec<Frame> {
    log.frames(None).filter_map(Result::ok).collect()
}

#[test]
fn a_kitti_drive_is_written_without_its_broken_frames() {
    let drive = Drive::new();
    drive.write(&scan(5), "");
    drive.remove("oxts/data/0000000007.txt");
    let log = drive.open();
    let frames = whole(&log);
    let (result, messages) = converted(&log);
    assert_eq!(result.frames, 4);
    assert_eq!(
        result.skipped,
        [("missing_pose", 1), ("truncated_scan", 1)].into()
    );
    assert_eq!(result.messages as usize, messages.len());
    holds(&messages, &log, &frames);
    // That of the broken scan is there, too.
    assert_eq!(
        way(&messages).waypoints().len(),
        log.trajectory().waypoints().len()
    );
}

#[test]
fn the_synthetic_drive_is_written_whole() {
    let drive = synth::Drive {
        frames: Some(3),
        ..Default::default()
    };
    let log = Log::synthetic(drive).expect("is one");
    let (result, messages) = converted(&log);
    assert_eq!((result.frames, result.skipped.len()), (3, 0));
    holds(&messages, &log, &whole(&log));
    let poses = way(&messages);
    assert_eq!(poses.waypoints(), log.trajectory().waypoints());
}

#[test]
fn recorded_logs_are_written_whole() {
    for name in [
        "logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync",
        "logs/pcd",
    ] {
        let Some(path) = recorded(name) else { continue };
        let log = Log::open(&path).expect("is a log");
        let (result, messages) = converted(&log);
        assert_eq!(result.frames as usize, log.indices().len());
        assert_eq!(result.messages as usize, messages.len());
        // A file says little of poses; that of a log without any says none.
        let posed = log.info().pose_source.is_some();
        assert_eq!(ros::of(&messages, "/tf").is_empty(), !posed);
        let mut frames = whole(&log);
        if !posed {
            frames.iter_mut().for_each(|frame| frame.pose = None);
        }
        holds(&messages, &log, &frames);
    }
}

/// A folder of the object benchmark whose frames differ in the sizes of their
/// pictures and in where the sensors sit; the last is as the first.
fn object_folder(root: &Path) {
    let write = |name: String, content: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    };
    for (number, kind) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
        let cast = f64::from(kind);
        let (c, s) = ((0.01 * cast).cos(), (0.01 * cast).sin());
        let calibration = format!(
            "P2: {fx} 0 16 {px} 0 {fx} 8 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\n\
             Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27\n\
             Tr_imu_to_velo: {c} {minus} 0 -0.81 {s} {c} 0 0.32 0 0 1 -0.8\n",
            fx = 40.0 + cast,
            px = 2.0 * cast,
            minus = -s,
        );
        write(format!("calib/{number:06}.txt"), calibration.as_bytes());
        let point = [number as f32, 1.5, -1.0, 0.5].map(f32::to_le_bytes);
        write(format!("velodyne/{number:06}.bin"), &point.concat());
        let picture = drive::png(32 + kind, 16);
        write(format!("image_2/{number:06}.png"), &picture);
    }
}

#[test]
fn each_frame_of_the_object_benchmark_keeps_its_own_calibration() {
    let folder = TempDir::new().expect("a folder");
    object_folder(folder.path());
    let original = Log::open(folder.path()).expect("is a folder of the benchmark");
    let out = folder.path().join("copy.mcap");
    convert(&original, &out, |_| {}).expect("is written");
    let copy = Log::open(&out).expect("is a log");
    assert!(copy.info().lost.is_empty(), "{:?}", copy.info().lost);
    let (expected, found) = (whole(&original), whole(&copy));
    assert_eq!((expected.len(), found.len()), (4, 4));
    for (found, expected) in found.iter().zip(&expected) {
        let number = expected.index;
        assert_eq!((found.index, found.begins), (number, true));
        assert_eq!(found.sweeps[0].points, expected.sweeps[0].points);
        let [found, expected] = [found, expected].map(|frame| &*frame.rig);
        let [lidar, known] = [found, expected].map(|rig| rig.lidars[0].base_from_sensor);
        assert_eq!(lidar, known, "frame {number}");
        let [camera, known] = [found, expected].map(|rig| &rig.cameras[0]);
        assert_eq!(camera.base_from_sensor, known.base_from_sensor);
        assert_eq!(
            (camera.resolution, camera.focal),
            (known.resolution, known.focal)
        );
    }
    // The frames do differ, and nothing is written twice that stays.
    assert_ne!(
        expected[0].rig.cameras[0].focal,
        expected[1].rig.cameras[0].focal
    );
    let mounted = |i: usize| expected[i].rig.lidars[0].base_from_sensor;
    assert_ne!(mounted(0), mounted(1));
    assert_eq!(mounted(0), mounted(3));
    let messages = ros::messages(&out);
    assert_eq!(ros::of(&messages, "/tf_static").len(), 4);
}
