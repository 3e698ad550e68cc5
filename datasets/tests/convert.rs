//! Whole logs as MCAP files: what is written is what the log holds.

mod drive;
mod recorded;
mod ros;

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
