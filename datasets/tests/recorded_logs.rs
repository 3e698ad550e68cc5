//! The readers of topics on recorded data.

mod recorded;

use janus_datasets::{Frame, Log, Options, Pose, SensorKind};

use recorded::recorded;

/// The same eight frames as ROS messages and as KITTI's own files.
fn both() -> Option<[Log; 2]> {
    let parts = [
        "logs/mcap/kitti_raw_0013_frames20-27.mcap",
        "logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync",
    ];
    let [bag, drive] = parts.map(recorded);
    Some([bag?, drive?].map(|path| Log::open(&path).expect("is a log")))
}

/// KITTI's navigation system on its vehicle; the file calls it `base_link`.
fn base_from_imu() -> Pose {
    Pose::translation(0.76 - 2.71 / 2.0 - 0.81, 0.32, 0.93)
}

#[test]
fn the_file_is_listed() {
    let Some([log, _]) = both() else { return };
    let info = log.info();
    assert_eq!((info.format, info.frames, info.last), ("mcap", 8, Some(7)));
    assert_eq!((info.pose_source, info.topics.len()), (Some("tf"), 6));
    let sensors: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (&*s.source, s.kind, s.count))
        .collect();
    let expected = [
        ("/kitti/velodyne_points", SensorKind::Lidar, 8),
        ("/kitti/camera_color_left/image_raw", SensorKind::Camera, 8),
        ("/kitti/imu", SensorKind::Ins, 8),
    ];
    assert_eq!(sensors, expected);
    assert_eq!(info.sensors[1].resolution, Some([1242, 375]));
    assert!(info.lost.is_empty() && info.jumps.is_empty());
}

/// The first sweep was measured 17 ms before the first pose of the file.
#[test]
fn frames_hold_the_same_points_and_pictures() {
    let Some([log, drive]) = both() else { return };
    let pairs = log.frames(None).zip(drive.frames(Some(20..28)));
    let mut whole = 0;
    for (found, expected) in pairs {
        let expected = expected.expect("is whole");
        let found: Frame = match found {
            Ok(frame) => frame,
            Err(broken) => {
                assert_eq!((broken.index, broken.error.reason()), (0, "missing_pose"));
                continue;
            }
        };
        whole += 1;
        assert_eq!(found.index + 20, expected.index);
        assert_eq!(found.stamp, expected.stamp);
        assert_eq!(found.sweeps[0].stamp, expected.sweeps[0].stamp);
        assert!(
            found.sweeps[0].points == expected.sweeps[0].points,
            "{}",
            found.index
        );
        let [picture, original] = [&found, &expected].map(|frame| &frame.images[0]);
        assert_eq!(picture.stamp, original.stamp);
        let [picture, original] =
            [picture, original].map(|image| image.decode().expect("is whole"));
        assert!(picture.as_raw() == original.as_raw(), "{}", found.index);
    }
    assert_eq!(whole, 7);
}

#[test]
fn the_vehicle_goes_the_same_way() {
    let Some([log, drive]) = both() else { return };
    let found = log.trajectory().waypoints();
    let expected = &drive.trajectory().waypoints()[20..28];
    assert_eq!(found.len(), 8);
    for (found, expected) in found.windows(2).zip(expected.windows(2)) {
        assert_eq!(found[1].stamp, expected[1].stamp);
        let found = found[0].pose.inverse() * found[1].pose;
        let [from, to] = [0, 1].map(|i| expected[i].pose * base_from_imu());
        let off = (from.inverse() * to).inverse() * found;
        let degrees = off.rotation.angle().to_degrees();
        assert!(
            off.translation.vector.norm() < 0.01 && degrees < 0.1,
            "{off}"
        );
    }
}

#[test]
fn sensors_sit_in_the_same_places() {
    let Some([log, drive]) = both() else { return };
    let [found, expected] = [log.rig(), drive.rig()];
    let off = |found: &Pose, expected: &Pose| {
        let off = (base_from_imu().inverse() * expected).inverse() * found;
        (off.translation.vector.norm(), off.rotation.angle())
    };
    let lidar = [found, expected].map(|rig| &rig.lidars[0].base_from_sensor);
    let (metres, radians) = off(lidar[0], lidar[1]);
    assert!(metres < 1e-3 && radians < 1e-5, "{metres} m, {radians} rad");
    // The file's transform leaves out the projection's offset from camera 0's
    // rectified frame in two axes, which is some millimetres.
    let camera = [found, expected].map(|rig| &rig.cameras[0].base_from_sensor);
    let (metres, radians) = off(camera[0], camera[1]);
    assert!(metres < 0.01 && radians < 1e-5, "{metres} m, {radians} rad");
    assert_eq!(found.cameras[0].focal, expected.cameras[0].focal);
    assert_eq!(found.cameras[0].centre, expected.cameras[0].centre);
}

/// What ROS 2 itself wrote, without a lidar or a camera.
#[test]
fn a_log_without_sensors_is_listed() {
    for (part, topics) in [
        (
            "logs/rosbag2/full_bag_nav",
            &[("/cmd_vel", 578), ("/scan", 177)][..],
        ),
        (
            "logs/rosbag2/full_bag_nav/full_bag_nav_0.db3",
            &[("/cmd_vel", 578), ("/scan", 177)],
        ),
        (
            "logs/rosbag2/rosbag2_py_mcap/talker",
            &[("/parameter_events", 0), ("/rosout", 10), ("/topic", 10)],
        ),
        (
            "logs/rosbag2/rosbag2_py_mcap/wbag",
            &[
                ("AAA", 804),
                ("BBB", 742),
                ("CCC", 742),
                ("DDD", 753),
                ("EEE", 804),
                ("FFF", 772),
                ("GGG", 731),
                ("HHH", 726),
            ],
        ),
    ] {
        let Some(path) = recorded(part) else { return };
        let log = Log::open(&path).expect("is a log");
        let info = log.info();
        let found: Vec<_> = info
            .topics
            .iter()
            .map(|t| (t.name.as_str(), t.count))
            .collect();
        assert_eq!(found, topics, "{part}");
        assert_eq!(
            (info.format, info.frames, log.frames(None).count()),
            ("rosbag2", 0, 0)
        );
        assert!(
            info.topics
                .iter()
                .all(|topic| !topic.read && topic.encoding == "cdr")
        );
        let note =
            "There is no topic of a lidar or a camera that can be read, so there are no frames.";
        assert_eq!(info.notes, [note]);

        let options = Options {
            topics: vec!["/points".into()],
            ..Options::default()
        };
        let error = Log::open_with(&path, &options)
            .expect_err("is not there")
            .to_string();
        assert!(
            error.contains("`/points`") && topics.iter().all(|(topic, _)| error.contains(topic)),
            "{error}"
        );
    }
}
