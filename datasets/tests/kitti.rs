//! The KITTI reader on recorded data.

mod recorded;

use std::path::PathBuf;

use janus_datasets::{Frame, Log, Point, SensorKind};
use nalgebra::{Point3, Vector3};

use recorded::recorded;

fn drive() -> Option<PathBuf> {
    recorded("logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync")
}

/// The numbers of a packet of the navigation system.
fn packet(drive: &std::path::Path, number: usize) -> Vec<f64> {
    let path = drive.join(format!("oxts/data/{number:010}.txt"));
    let text = std::fs::read_to_string(path).expect("a packet");
    text.split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect()
}

fn frame(log: &Log, index: u64) -> Frame {
    let mut frames = log.frames(Some(index..index + 1));
    let frame = frames.next().expect("is in the log").expect("is whole");
    assert!(frames.next().is_none());
    frame
}

#[test]
fn the_listing_is_told_without_reading_frames() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    assert_eq!((log.format(), log.path()), ("kitti_raw", drive.as_path()));
    assert_eq!(log.indices(), (20..=55).collect::<Vec<u64>>());
    assert_eq!(log.trajectory().waypoints().len(), 144);

    let info = log.info();
    assert_eq!(
        (info.frames, info.first, info.last),
        (36, Some(20), Some(55))
    );
    assert_eq!((info.gaps.len(), info.pose_source), (0, Some("oxts")));
    assert!((info.duration_s - 3.6).abs() < 0.1, "{}", info.duration_s);
    assert!(
        info.distance_m > 30.0 && info.distance_m < 50.0,
        "{}",
        info.distance_m
    );
    let found: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (&*s.source, s.kind, s.count))
        .collect();
    let expected = [
        ("velodyne_points", SensorKind::Lidar, 36),
        ("image_02", SensorKind::Camera, 36),
        ("oxts", SensorKind::Ins, 144),
    ];
    assert_eq!(found, expected);
    assert_eq!(info.sensors[1].resolution, Some([1242, 375]));
    for sensor in &info.sensors {
        let rate = sensor.rate_hz.expect("has a rate");
        assert!((9.0..11.0).contains(&rate), "{}: {rate} Hz", sensor.name);
    }
    let json = serde_json::to_value(info).expect("is JSON");
    assert_eq!(json["sensors"][0]["kind"], "lidar");
}

#[test]
fn a_frame_is_what_its_files_hold() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let frame = frame(&log, 20);
    let day = 1_316_995_200_000_000_000; // 26 September 2011
    let at = |h: i64, m: i64, ns: i64| day + (h * 3600 + m * 60) * 1_000_000_000 + ns;
    assert_eq!((frame.index, frame.stamp), (20, at(13, 10, 53_229_007_035)));
    assert_eq!(frame.pose, Some(log.trajectory().waypoints()[20].pose));
    assert_eq!(
        log.trajectory().waypoints()[20].stamp,
        at(13, 10, 53_245_912_425)
    );

    let scan = std::fs::read(drive.join("velodyne_points/data/0000000020.bin")).expect("a scan");
    let [sweep] = frame.sweeps.as_slice() else {
        panic!("one lidar")
    };
    assert_eq!(
        sweep.stamp, frame.stamp,
        "KITTI compensated its points to this time"
    );
    assert_eq!(sweep.points.len(), scan.len() / 16);
    for (point, record) in sweep.points.iter().zip(scan.chunks(16)) {
        let value = |i: usize| f32::from_le_bytes(record[4 * i..][..4].try_into().expect("four"));
        let expected = [0, 1, 2].map(|i| f64::from(value(i)) * 1e3);
        let found = [point.x, point.y, point.z].map(f64::from);
        assert!(
            expected
                .iter()
                .zip(found)
                .all(|(e, f)| (e - f).abs() <= 0.5)
        );
        assert!((f32::from(point.intensity()) / 65_535.0 - value(3)).abs() < 1e-4);
        assert_eq!(point.after_ns(), 0);
    }

    let [image] = frame.images.as_slice() else {
        panic!("one camera")
    };
    assert_eq!(image.stamp, at(13, 10, 53_239_613_440));
    assert!(image.source.ends_with("image_02/data/0000000020.png"));
    assert_eq!(image.decode().expect("is whole").dimensions(), (1242, 375));
}

#[test]
fn frames_come_in_order_and_within_the_range() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let read = |range| -> Vec<u64> {
        log.frames(range)
            .map(|frame| frame.expect("is whole").index)
            .collect()
    };
    assert_eq!(read(None), (20..=55).collect::<Vec<_>>());
    assert_eq!(read(Some(0..23)), [20, 21, 22]);
    assert_eq!(read(Some(54..1000)), [54, 55]);
    assert!(read(Some(0..20)).is_empty());
    #[expect(clippy::reversed_empty_ranges)]
    let reversed = 30..25;
    assert!(read(Some(reversed)).is_empty());
}

/// Against the unit's own speed, which it measures apart from its position.
#[test]
fn poses_move_as_fast_as_the_vehicle() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let way = log.trajectory().waypoints();
    let (mut travelled, mut integrated) = (0.0, 0.0);
    for number in 1..way.len() {
        let [from, to] = [number - 1, number].map(|n| packet(&drive, n));
        let dt = (way[number].stamp - way[number - 1].stamp) as f64 * 1e-9;
        let expected = (from[8] + to[8]) / 2.0 * dt;
        let step = way[number - 1].pose.inverse() * way[number].pose;
        let moved = step.translation.vector.norm();
        assert!(
            (moved - expected).abs() < 0.03,
            "{number}: {moved} m, not {expected}"
        );
        assert!(step.translation.x > 0.99 * moved, "moves ahead");
        travelled += moved;
        integrated += expected;
    }
    assert!(
        (travelled / integrated - 1.0).abs() < 0.01,
        "{travelled} {integrated}"
    );
}

/// Against the great circle, by the haversine formula, and the packet's own
/// height and angles.
#[test]
fn poses_lie_where_the_packets_say() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let unit = Point3::new(-1.405, 0.32, 0.93);
    let first = packet(&drive, 0);
    let start = log.trajectory().waypoints()[0].pose;
    assert!(start.translation.vector.norm() < 1e-6);
    for (number, waypoint) in log.trajectory().waypoints().iter().enumerate() {
        let here = packet(&drive, number);
        let [phi0, phi, d_lambda] = [first[0], here[0], here[1] - first[1]].map(f64::to_radians);
        let h = ((phi - phi0) / 2.0).sin().powi(2)
            + phi0.cos() * phi.cos() * (d_lambda / 2.0).sin().powi(2);
        let expected = 2.0 * 6_378_137.0 * h.sqrt().asin();
        let moved = waypoint.pose * unit - start * unit;
        assert!((moved.xy().norm() - expected).abs() < 0.01, "{number}");
        assert!((moved.z - (here[2] - first[2])).abs() < 1e-6);
        assert!(moved.y * (phi - phi0) >= 0.0 && moved.x * d_lambda >= 0.0);

        let ahead = waypoint.pose.rotation * Vector3::x();
        assert!((ahead.y.atan2(ahead.x) - here[5]).abs() < 1e-9);
        assert!(
            ((-ahead.z).asin() - here[4]).abs() < 1e-9,
            "positive pitch is front down"
        );
        let left = waypoint.pose.rotation * Vector3::y();
        assert!(
            (left.z - here[3].sin() * here[4].cos()).abs() < 1e-9,
            "roll is left side up"
        );
    }
}

/// The road around the vehicle is at height zero, and its own returns are
/// within its body.
#[test]
fn the_vehicle_stands_on_the_road() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let base_from_lidar = log.rig().lidars[0].base_from_sensor;
    let lidar = base_from_lidar.translation.vector;
    assert!(
        (lidar - Vector3::new(-0.595, 0.0, 1.73)).norm() < 0.05,
        "{lidar}"
    );
    for index in [20, 40, 55] {
        let frame = frame(&log, index);
        let place = |point: &Point| base_from_lidar * Point3::from(point.metres().map(f64::from));
        let places = frame.sweeps[0].points.iter().map(place);
        let mut heights: Vec<f64> = places
            .filter(|p| (3.0..10.0).contains(&p.x.abs()) && p.y.abs() < 2.0)
            .map(|p| p.z)
            .collect();
        heights.sort_by(f64::total_cmp);
        let median = heights[heights.len() / 2];
        assert!(
            heights.len() > 3_000 && median.abs() < 0.06,
            "{median} of {}",
            heights.len()
        );
    }
}

/// A place on flat road at depth z, seen from a height h, is f·h/z below the
/// horizon.
#[test]
fn the_camera_sees_the_road_where_the_lidar_meets_it() {
    let Some(drive) = drive() else { return };
    let log = Log::open(&drive).expect("is a drive");
    let camera = &log.rig().cameras[0];
    assert_eq!(
        (camera.name.as_str(), camera.resolution),
        ("image_02", [1242, 375])
    );
    let base_from_lidar = log.rig().lidars[0].base_from_sensor;
    let camera_from_base = camera.base_from_sensor.inverse();
    let mounted = camera.base_from_sensor.translation.vector;
    assert!((mounted.z - 1.65).abs() < 0.06 && mounted.x > base_from_lidar.translation.x);
    let axis = camera.base_from_sensor.rotation * Vector3::z();
    assert!(axis.x > 0.999, "looks ahead");

    let frame = frame(&log, 20);
    let (mut seen, mut ahead) = (0, 0);
    let mut off: Vec<f64> = Vec::new();
    for point in &frame.sweeps[0].points {
        let base = base_from_lidar * Point3::from(point.metres().map(f64::from));
        let place = camera_from_base * base;
        assert_eq!(camera.project(place.into()).is_some(), place.z > 0.0);
        let Some([u, v]) = camera.project(place.into()) else {
            continue;
        };
        ahead += 1;
        if !((0.0..1241.0).contains(&u) && (0.0..374.0).contains(&v)) {
            continue;
        }
        seen += 1;
        if base.z.abs() < 0.1 && place.z < 20.0 {
            off.push(v - camera.centre[1] - camera.focal[1] * mounted.z / place.z);
        }
    }
    // The picture spans some 80° of the 180° ahead, and most of the beams.
    assert!(seen > 15_000 && ahead > 2 * seen, "{seen} of {ahead}");
    off.sort_by(f64::total_cmp);
    let median = off[off.len() / 2];
    assert!(
        off.len() > 1_000 && median.abs() < 2.0,
        "{median} px of {}",
        off.len()
    );
}
