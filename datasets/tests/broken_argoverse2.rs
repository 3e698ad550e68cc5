//! Argoverse 2 logs made here: one with pictures, and ones with something
//! wrong.

mod argoverse2_log;

use std::fs;
use std::sync::Arc;

use argoverse2_log::*;
use arrow_array::{ArrayRef, UInt8Array, UInt16Array};
use janus_datasets::{Class, Distortion, Log, Loss};

#[test]
fn a_whole_log_is_read() {
    let drive = Drive::new();
    let log = Log::open(&drive.path()).expect("is a log");
    let frames: Vec<_> = log.frames(None).map(|f| f.expect("is whole")).collect();
    assert_eq!(frames.iter().map(|f| f.stamp).collect::<Vec<_>>(), STAMPS);
    let [up, down] = frames[0].sweeps.as_slice() else {
        panic!("two lidars")
    };
    let of = |p: &janus_datasets::Point| [p.x, p.y, p.z];
    assert_eq!(of(&up.points[0]), [8650, 500, -1890]);
    assert!(!up.points[1].is_valid());
    assert_eq!(of(&down.points[0]), [-5850, 2000, -1530]);
    assert_eq!(of(&down.points[1]), [6650, -8000, 2470]);
    let intensities = down.points.iter().map(|p| p.intensity());
    assert_eq!(intensities.collect::<Vec<_>>(), [13_107, 65_535]);

    // The axle is half a wheelbase behind the centre, and 0.33 m up.
    let pose = frames[0].pose.expect("has one").translation;
    assert!((pose.x - (2000.5 + 1.425)).abs() < 1e-9 && (pose.z - 11.67).abs() < 1e-9);
    let bus = &frames[0].annotations[0];
    assert_eq!(
        (bus.class, &*bus.track, bus.points),
        (Class::Bus, "a", Some(500))
    );
    assert!((bus.base_from_box.translation.x - 18.575).abs() < 1e-9);
    assert_eq!(bus.size, [12.0, 3.0, 3.5]);
    let counts = frames.iter().map(|f| f.annotations.len());
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2, 0, 0, 0]);
}

/// One camera has pictures, two for each sweep, of which the nearer is read.
#[test]
fn pictures_belong_to_the_nearest_sweep() {
    let drive = Drive::new();
    let log = Log::open(&drive.path()).expect("is a log");
    let [camera] = log.rig().cameras.as_slice() else {
        panic!("one camera")
    };
    assert_eq!(
        (&*camera.name, camera.resolution),
        ("ring_front_center", [32, 16])
    );
    assert_eq!(
        (camera.focal, camera.distortion),
        ([40.0; 2], Distortion::None)
    );
    for frame in log.frames(None) {
        let frame = frame.expect("is whole");
        let [image] = frame.images.as_slice() else {
            panic!("one picture")
        };
        assert_eq!(image.stamp, frame.stamp + 10_000_000);
        assert_eq!(image.decode().expect("is whole").dimensions(), (32, 16));
    }
    assert_eq!(log.info().lost.get(&Loss::UnpairedImage), Some(&5));
    assert_eq!(log.info().lost.get(&Loss::UnpairedAnnotation), Some(&1));

    let other = drive.path().join("sensors/cameras/stereo_front_left");
    fs::create_dir(&other).expect("made");
    fs::write(other.join("1000000000.jpg"), "none").expect("written");
    let log = Log::open(&drive.path()).expect("is a log");
    assert_eq!(log.info().lost.get(&Loss::UncalibratedImage), Some(&1));
    assert!(
        log.info()
            .notes
            .iter()
            .any(|note| note.contains("stereo_front_left"))
    );
}

#[test]
fn what_a_log_lacks_is_told() {
    let drive = Drive::new();
    fs::remove_file(drive.path().join("annotations.feather")).expect("removed");
    fs::remove_file(drive.path().join("city_SE3_egovehicle.feather")).expect("removed");
    let log = Log::open(&drive.path()).expect("is a log");
    assert_eq!(
        (log.info().pose_source, log.info().annotations.is_none()),
        (None, true)
    );
    assert!(
        log.info()
            .notes
            .iter()
            .any(|note| note.contains("stand still"))
    );
    for frame in log.frames(None) {
        assert_eq!(
            frame.expect("is whole").pose,
            Some(janus_datasets::Pose::identity())
        );
    }

    let drive = Drive::new();
    fs::remove_dir_all(drive.path().join("sensors/lidar")).expect("removed");
    assert!(drive.error().contains("a sweep like sensors/lidar/"));
    let drive = Drive::new();
    fs::remove_file(drive.path().join("calibration/intrinsics.feather")).expect("removed");
    assert!(drive.error().contains("intrinsics.feather"));
}

#[test]
fn a_broken_record_costs_its_frame() {
    let file = "sensors/lidar/1100000000.feather";
    let cut = |drive: &Drive| {
        let path = drive.path().join(file);
        let bytes = fs::read(&path).expect("is there");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    };
    let column = |drive: &Drive, name: &str, column: Option<ArrayRef>| {
        let mut columns = sweep();
        columns.retain(|(other, _)| *other != name);
        columns.extend(column.map(|column| ("laser_number", column)));
        drive.table("sensors/lidar/1100000000", columns);
    };
    let wrong = Arc::new(UInt8Array::from(vec![0, 1, 2, 64]));
    type Spoil<'a> = &'a dyn Fn(&Drive);
    let cases: [(Spoil<'_>, &str); 5] = [
        (&cut, "footer: expected that of a whole Feather"),
        (
            &|drive| fs::write(drive.path().join(file), "").expect("written"),
            "footer",
        ),
        (
            &|drive| column(drive, "z", None),
            "column `z`: expected numbers",
        ),
        (
            &|drive| column(drive, "laser_number", None),
            "column `laser_number`",
        ),
        (
            &|drive| column(drive, "laser_number", Some(wrong.clone())),
            "lasers from 0 to 63",
        ),
    ];
    for (spoil, expected) in cases {
        let drive = Drive::new();
        spoil(&drive);
        let broken = drive.broken();
        assert_eq!((broken.index, broken.error.reason()), (1, "malformed"));
        let error = broken.to_string();
        assert!(error.contains(file) && error.contains(expected), "{error}");
    }
    let drive = Drive::new();
    let picture = drive
        .path()
        .join("sensors/cameras/ring_front_center/1210000000.jpg");
    fs::write(picture, b"no picture").expect("written");
    assert_eq!(drive.broken().error.reason(), "broken_image");
}

#[test]
fn poses_that_cannot_be_are_left_out() {
    let drive = Drive::new();
    let mut way = vec![(
        "timestamp_ns",
        longs(&[STAMPS[0], STAMPS[1], STAMPS[3], STAMPS[4]]),
    )];
    way.extend(poses(&[
        [0.0; 3],
        [f64::NAN, 0.0, 0.0],
        [3.0, 0.0, 0.0],
        [1e9, 0.0, 0.0],
    ]));
    drive.table("city_SE3_egovehicle", way);
    let log = Log::open(&drive.path()).expect("is a log");
    assert_eq!(log.trajectory().waypoints().len(), 2);
    let broken: Vec<_> = log.frames(None).filter_map(Result::err).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(
        (broken[0].index, broken[0].error.reason()),
        (4, "missing_pose")
    );
}

#[test]
fn a_broken_calibration_is_told_in_one_sentence() {
    let drive = Drive::new();
    let mut extrinsics = vec![("sensor_name", texts(&["up_lidar", "down_lidar"]))];
    extrinsics.extend(poses(&[[0.0; 3], [f64::INFINITY, 0.0, 0.0]]));
    drive.table("calibration/egovehicle_SE3_sensor", extrinsics);
    assert!(drive.error().contains("down_lidar with a place in metres"));

    for (focal, width, expected) in [(f64::NAN, 32, "focal lengths"), (40.0, 0, "`width_px`")] {
        let drive = Drive::new();
        let one = |value| doubles(&[value]);
        let side = |value| -> ArrayRef { Arc::new(UInt16Array::from(vec![value])) };
        let intrinsics = vec![
            ("sensor_name", texts(&["ring_front_center"])),
            ("fx_px", one(focal)),
            ("fy_px", one(40.0)),
            ("cx_px", one(16.0)),
            ("cy_px", one(8.0)),
            ("height_px", side(16)),
            ("width_px", side(width)),
        ];
        drive.table("calibration/intrinsics", intrinsics);
        let error = drive.error();
        assert!(
            error.contains("intrinsics.feather") && error.contains(expected),
            "{error}"
        );
    }
}

/// A drive whose map is broken is replayed without.
#[test]
fn a_broken_map_is_told_and_costs_no_frame() {
    let drive = Drive::new();
    let log = Log::open(&drive.path()).expect("is a log");
    let roads = log.roads().expect("has them");
    assert_eq!((roads.lanes().len(), roads.crossings().len()), (2, 1));
    assert_eq!(log.info().lost.get(&Loss::BrokenMap), None);
    for broken in [r#"{"lane_segments": {}"#, "", "\u{0}"] {
        fs::write(drive.map(), broken).expect("written");
        let log = Log::open(&drive.path()).expect("is a log");
        assert!(log.roads().is_none());
        assert_eq!(log.info().lost.get(&Loss::BrokenMap), Some(&1));
        let told = |note: &String| note.contains("log_map_archive_small.json: line 1, column");
        assert!(log.info().notes.iter().any(told), "{:?}", log.info().notes);
        let frames = log.frames(None).filter(|frame| frame.is_ok());
        assert_eq!(frames.count(), 5);
    }
    fs::remove_file(drive.map()).expect("is removed");
    let log = Log::open(&drive.path()).expect("is a log");
    assert!(log.roads().is_none() && !log.info().lost.contains_key(&Loss::BrokenMap));
}
