//! KITTI drives with something wrong, made here: a broken frame costs that
//! frame, a broken calibration one clear sentence.

mod drive;

use std::fs;
use std::path::Path;

use drive::{CAMERAS, Drive, NUMBERS, oxts, picture, png, scan};
use janus_datasets::{Frame, Gap, Log};
use tempfile::TempDir;

fn read(log: &Log) -> Vec<Frame> {
    log.frames(None)
        .map(|frame| frame.expect("is whole"))
        .collect()
}

#[test]
fn a_whole_drive_is_read() {
    let drive = Drive::new();
    let log = drive.open();
    let frames = read(&log);
    assert_eq!(log.indices(), NUMBERS.collect::<Vec<_>>());
    for (frame, number) in frames.iter().zip(NUMBERS) {
        assert_eq!(frame.index, number);
        assert_eq!(frame.stamp % 10_000_000_000, number as i64 * 100_000_000);
        assert_eq!(frame.sweeps[0].stamp, frame.stamp);
        let points = &frame.sweeps[0].points;
        assert_eq!((points.len(), points[0].is_valid()), (2, false));
        assert_eq!([points[1].x, points[1].y, points[1].z], [7000, -2000, 250]);
        let cameras: Vec<_> = frame.images.iter().map(|image| image.camera).collect();
        assert_eq!(cameras, [0, 1]);
    }
    let [left, right] = log.rig().cameras.as_slice() else {
        panic!("two cameras")
    };
    let apart = left.base_from_sensor.inverse() * right.base_from_sensor;
    assert!((apart.translation.x + 2.0 / 40.0).abs() < 1e-9, "{apart}");
}

#[test]
fn a_drive_may_lack_a_kind_of_sensor() {
    let drive = Drive::new();
    drive.remove("velodyne_points");
    let frames = read(&drive.open());
    assert!(
        frames
            .iter()
            .all(|frame| frame.sweeps.is_empty() && frame.images.len() == 2)
    );
    assert_eq!(frames[0].stamp, frames[0].images[0].stamp);

    let drive = Drive::new();
    drive.remove("image_00");
    drive.remove("image_02");
    drive.remove("oxts");
    fs::remove_file(drive.folder.path().join("calib_cam_to_cam.txt")).expect("is not needed");
    let log = drive.open();
    assert!(
        read(&log)
            .iter()
            .all(|frame| frame.images.is_empty() && frame.pose.is_none())
    );
    assert_eq!(
        (log.trajectory().waypoints().len(), log.info().pose_source),
        (0, None)
    );
}

#[test]
fn a_broken_scan_costs_its_frame() {
    for (content, bytes) in [(vec![0; 40], "40 bytes"), (vec![], "0 bytes")] {
        let drive = Drive::new();
        drive.write(&scan(5), content);
        let broken = drive.broken();
        assert_eq!((broken.index, broken.error.reason()), (5, "truncated_scan"));
        let error = broken.to_string();
        assert!(error.contains(&scan(5)) && error.contains(bytes), "{error}");
        assert!(error.contains("points of 16 bytes"), "{error}");
    }
    let drive = Drive::new();
    let path = drive.path().join(scan(5));
    fs::File::options()
        .write(true)
        .open(path)
        .expect("is there")
        .set_len(1 << 30)
        .expect("grown");
    assert_eq!(drive.broken().error.reason(), "too_large");

    let drive = Drive::new();
    drive.remove(&scan(5));
    fs::create_dir(drive.path().join(scan(5))).expect("made");
    assert_eq!(drive.broken().error.reason(), "io");
}

#[test]
fn a_record_that_one_sensor_lacks_costs_its_frame() {
    for (name, reason) in [
        (scan(3), "missing_scan"),
        (picture("image_00", 6), "missing_image"),
        (oxts(8), "missing_pose"),
    ] {
        let drive = Drive::new();
        drive.remove(&name);
        let broken = drive.broken();
        assert_eq!(broken.error.reason(), reason);
        assert!(broken.to_string().contains(&name), "{broken}");
        assert!(drive.open().info().gaps.is_empty());
    }
}

#[test]
fn a_number_that_every_sensor_lacks_is_a_gap() {
    let drive = Drive::new();
    for number in [5, 6] {
        drive.remove(&scan(number));
        CAMERAS
            .iter()
            .for_each(|camera| drive.remove(&picture(camera, number)));
    }
    let log = drive.open();
    assert_eq!(
        read(&log)
            .iter()
            .map(|frame| frame.index)
            .collect::<Vec<_>>(),
        [3, 4, 7, 8]
    );
    assert_eq!(log.info().gaps, [Gap { first: 5, last: 6 }]);
    assert_eq!(log.trajectory().waypoints().len(), 6);
    let rate = log.info().sensors[0].rate_hz.expect("has one");
    assert!((rate - 10.0).abs() < 1e-9, "{rate}");
}

#[test]
fn a_picture_cut_in_half_breaks_when_it_is_decoded() {
    let drive = Drive::new();
    let whole = png(32, 16);
    drive.write(&picture("image_02", 4), &whole[..whole.len() / 2]);
    let decoded: Vec<_> = read(&drive.open())
        .iter()
        .map(|frame| frame.images[1].decode().map(|picture| picture.dimensions()))
        .map(|picture| picture.map_err(|error| (error.reason(), error.to_string())))
        .collect();
    let (reason, error) = decoded[1].clone().expect_err("is cut");
    assert_eq!(reason, "broken_image");
    assert!(error.contains(&picture("image_02", 4)), "{error}");
    assert_eq!(
        decoded
            .iter()
            .filter(|picture| **picture == Ok((32, 16)))
            .count(),
        5
    );
}

#[test]
fn a_picture_that_is_none_or_of_another_size_costs_its_frame() {
    for (content, what) in [
        (vec![], "picture"),
        (b"GIF89a no picture of ours".to_vec(), "picture"),
        (png(32, 16)[..20].to_vec(), "picture"),
        (png(16, 32), "16×32 pixels: expected 32×16"),
    ] {
        let drive = Drive::new();
        drive.write(&picture("image_02", 7), content);
        let broken = drive.broken();
        assert_eq!((broken.index, broken.error.reason()), (7, "broken_image"));
        let error = broken.to_string();
        assert!(
            error.contains(&picture("image_02", 7)) && error.contains(what),
            "{error}"
        );
    }
}

#[test]
fn a_broken_packet_costs_its_frame_and_its_waypoint() {
    let nan = format!("49 8.4 114 0 NaN 0{}", " 0.5".repeat(24));
    let far = format!("52 8.4 114 0 0 0{}", " 0.5".repeat(24));
    for (packet, field) in [
        ("", "30 numbers, found 0"),
        (&nan, "pitch"),
        (&far, "within 100 km"),
    ] {
        let drive = Drive::new();
        drive.write(&oxts(4), packet);
        let broken = drive.broken();
        assert_eq!((broken.index, broken.error.reason()), (4, "malformed"));
        let error = broken.to_string();
        assert!(error.contains(&oxts(4)) && error.contains(field), "{error}");
        assert_eq!(drive.open().trajectory().waypoints().len(), 5);
    }
    let drive = Drive::new();
    NUMBERS.for_each(|number| drive.write(&oxts(number), ""));
    assert!(
        drive.error().contains(&oxts(3)),
        "no packet at all can be read"
    );
}

#[test]
fn a_timestamp_that_is_missing_costs_its_frame() {
    let drive = Drive::new();
    let path = drive.path().join("velodyne_points/timestamps.txt");
    let text = fs::read_to_string(&path).expect("is there");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[4] = "";
    drive.write("velodyne_points/timestamps.txt", lines.join("\n"));
    let broken = drive.broken();
    assert_eq!((broken.index, broken.error.reason()), (4, "malformed"));
    let error = broken.to_string();
    assert!(
        error.contains("velodyne_points/timestamps.txt: line 5"),
        "{error}"
    );

    drive.write("velodyne_points/timestamps.txt", &text);
    drive.write(
        "image_02/timestamps.txt",
        lines[..8].join("\n").replace("\n\n", "\nx\n"),
    );
    let lost: Vec<u64> = drive
        .open()
        .frames(None)
        .filter_map(Result::err)
        .map(|b| b.index)
        .collect();
    assert_eq!(lost, [4, 8]);

    drive.remove("oxts/timestamps.txt");
    assert!(drive.error().contains("oxts/timestamps.txt"));
}

#[test]
fn a_broken_calibration_is_told_in_one_sentence() {
    let cameras = "calib_cam_to_cam.txt";
    let cases: [(&str, &str, &str, &str); 6] = [
        (
            cameras,
            "P_rect_02:",
            "P_rect_99:",
            "P_rect_02: expected a line `P_rect_02:`",
        ),
        (
            cameras,
            "S_rect_00: 32 16",
            "S_rect_00: 32",
            "S_rect_00: expected 2 numbers",
        ),
        (
            cameras,
            "P_rect_00: 40",
            "P_rect_00: NaN",
            "P_rect_00: expected 12 numbers",
        ),
        (
            cameras,
            "R_rect_00: 1 0",
            "R_rect_00: 1 1",
            "R_rect_00: expected a rotation",
        ),
        (
            "calib_imu_to_velo.txt",
            "-0.2",
            "inf",
            "T: expected 3 numbers",
        ),
        (
            "calib_velo_to_cam.txt",
            "R:",
            "Q:",
            "R: expected a line `R:`",
        ),
    ];
    for (file, from, to, expected) in cases {
        let drive = Drive::new();
        let text = fs::read_to_string(drive.folder.path().join(file)).expect("is there");
        assert!(text.contains(from));
        drive.write(&format!("../{file}"), text.replace(from, to));
        let error = drive.error();
        assert!(error.contains(file) && error.contains(expected), "{error}");
    }
    let drive = Drive::new();
    fs::remove_file(drive.folder.path().join(cameras)).expect("removed");
    assert!(drive.error().contains(cameras));
    drive.write("../calib_cam_to_cam.txt", [0xFF, 0xFE, 0x00]);
    assert!(
        drive
            .error()
            .contains("calib_cam_to_cam.txt: byte 0: expected text in UTF-8")
    );
}

#[test]
fn what_is_no_log_is_told_what_would_be() {
    let reason = |path: &Path| Log::open(path).map_err(|error| (error.reason(), error.to_string()));
    let folder = TempDir::new().expect("a folder");
    let (key, error) = reason(folder.path()).expect_err("is empty");
    assert_eq!(key, "unknown_format");
    assert!(error.contains("velodyne_points/data"), "{error}");

    let file = folder.path().join("file");
    fs::write(&file, "text").expect("written");
    assert_eq!(reason(&file).expect_err("a file").0, "unknown_format");
    let (key, error) = reason(&folder.path().join("nowhere")).expect_err("is not there");
    assert!(key == "io" && error.contains("nowhere"), "{error}");

    fs::create_dir_all(folder.path().join("velodyne_points/data")).expect("made");
    let (key, error) = reason(folder.path()).expect_err("has no frame");
    assert!(
        key == "malformed" && error.contains("0000000000.bin"),
        "{error}"
    );
}
