//! Folders of PCD files: the recorded one, and such as are made here.

mod recorded;

use std::fs;

use janus_datasets::{Error, Frame, Gap, Log, Pose};
use nalgebra::Vector3;
use tempfile::TempDir;

use recorded::recorded;

/// A folder of scans of one point each, which says how many came before it.
struct Scans(TempDir);

impl Scans {
    fn new(names: &[&str]) -> Self {
        let scans = Self(TempDir::new().expect("a folder"));
        for (i, name) in names.iter().enumerate() {
            scans.write(name, scan("0 0 0 1 0 0 0", &format!("{i} 2 3 0.5")));
        }
        scans
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), content).expect("written");
    }

    fn open(&self) -> Log {
        Log::open(self.0.path()).expect("is a log")
    }
}

fn scan(viewpoint: &str, point: &str) -> String {
    format!(
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z intensity\n\
         SIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 1\nHEIGHT 1\n\
         VIEWPOINT {viewpoint}\nPOINTS 1\nDATA ascii\n{point}\n"
    )
}

/// A pose `x` ahead, as TUM has it.
fn tum(stamp: &str, x: f64) -> String {
    format!("{stamp} {x} 0 0 0 0 0 1\n")
}

/// A pose `x` ahead, as KITTI has it.
fn kitti(x: f64) -> String {
    format!("1 0 0 {x} 0 1 0 0 0 0 1 0\n")
}

fn frames(log: &Log) -> Vec<Frame> {
    log.frames(None)
        .map(|frame| frame.expect("is whole"))
        .collect()
}

/// Number, stamp and place ahead of each frame.
fn places(log: &Log) -> Vec<(u64, i64, f64)> {
    let place = |frame: &Frame| frame.pose.expect("has one").translation.x;
    let frames = frames(log);
    frames
        .iter()
        .map(|frame| (frame.index, frame.stamp, place(frame)))
        .collect()
}

fn noted(log: &Log, what: &str) -> bool {
    log.info().notes.iter().any(|note| note.contains(what))
}

/// A second, ns.
const S: i64 = 1_000_000_000;

#[test]
fn scans_alone_stand_still_at_ten_hertz() {
    let scans = Scans::new(&["scan_7.pcd", "scan_9.pcd", "scan_12.PCD"]);
    let log = scans.open();
    assert_eq!((log.format(), log.indices()), ("pcd", &[7, 9, 12][..]));
    let info = log.info();
    assert_eq!(
        info.gaps,
        [
            Gap { first: 8, last: 8 },
            Gap {
                first: 10,
                last: 11
            }
        ]
    );
    assert_eq!((info.pose_source, info.frames), (None, 3));
    assert!(noted(&log, "0.1 s apart") && noted(&log, "stand still") && noted(&log, "base_link"));
    assert_eq!(log.trajectory().waypoints(), []);
    assert_eq!(
        places(&log),
        [(7, 0, 0.0), (9, S / 10, 0.0), (12, S / 5, 0.0)]
    );
    for (i, frame) in (0..).zip(frames(&log)) {
        assert_eq!(frame.pose, Some(Pose::identity()));
        let [sweep] = frame.sweeps.as_slice() else {
            panic!("one lidar")
        };
        let point = sweep.points[0];
        assert_eq!([point.x, point.y, point.z], [1000 * i, 2000, 3000]);
        assert_eq!((point.intensity(), point.after_ns()), (32_768, 0));
    }
    let lidar = &log.rig().lidars[0];
    assert_eq!(
        (&*lidar.name, lidar.base_from_sensor),
        ("lidar", Pose::identity())
    );
}

#[test]
fn a_file_is_a_log_of_one_frame() {
    let scans = Scans::new(&["scan_7.pcd", "one.pcd"]);
    for (name, index) in [("scan_7.pcd", 7), ("one.pcd", 0)] {
        let log = Log::open(&scans.0.path().join(name)).expect("is one");
        assert_eq!((log.indices(), frames(&log).len()), (&[index][..], 1));
    }
}

#[test]
fn poses_of_tum_tell_the_time() {
    let scans = Scans::new(&["2.pcd", "3.pcd"]);
    scans.write("run_poses_tum.txt", tum("5.25", 1.0) + &tum("5.375", 2.0));
    let log = scans.open();
    assert_eq!(places(&log), [(2, S * 21 / 4, 1.0), (3, S * 43 / 8, 2.0)]);
    assert_eq!(log.info().pose_source, Some("TUM poses"));
    assert_eq!(log.info().distance_m, 1.0);
    assert!(noted(&log, "run_poses_tum.txt") && !noted(&log, "apart"));
    assert_eq!(log.trajectory().waypoints().len(), 2);
}

#[test]
fn poses_of_kitti_go_by_the_number_where_there_are_others() {
    let scans = Scans::new(&["2.pcd", "3.pcd"]);
    scans.write("poses.txt", kitti(5.0) + &kitti(6.0));
    let log = scans.open();
    assert_eq!(places(&log), [(2, 0, 5.0), (3, S / 10, 6.0)]);
    assert_eq!(log.info().pose_source, Some("KITTI poses"));
    assert!(noted(&log, "0.1 s apart"));

    scans.write(
        "poses.txt",
        (0..8).map(|i| kitti(f64::from(i))).collect::<String>(),
    );
    assert_eq!(places(&scans.open()), [(2, 0, 2.0), (3, S / 10, 3.0)]);
    assert!(noted(
        &scans.open(),
        "8 poses for 2 scans, taken by the number"
    ));

    // A pose that is missing or broken costs its frame.
    scans.write(
        "poses.txt",
        (0..3).map(|i| kitti(f64::from(i))).collect::<String>(),
    );
    let log = scans.open();
    let broken = log.frames(None).find_map(Result::err).expect("has no pose");
    assert_eq!((broken.index, broken.error.reason()), (3, "missing_pose"));
    assert_eq!(log.trajectory().waypoints().len(), 1);
    scans.write("poses.txt", kitti(1.0) + "0 0 0 0 0 0 0 0 0 0 0 0\n");
    let broken = scans
        .open()
        .frames(None)
        .find_map(Result::err)
        .expect("is no pose");
    assert_eq!((broken.index, broken.error.reason()), (3, "malformed"));
    assert!(
        broken
            .to_string()
            .contains("poses.txt: pose 2: expected the 12 numbers"),
        "{broken}"
    );
    assert!(!broken.to_string().contains('\n'));
}

#[test]
fn names_that_are_stamps_are_numbered_in_their_order() {
    let names = [
        "1600000000.200000000.pcd",
        "1600000000.100000000.pcd",
        "1600000000.4.pcd",
    ];
    let scans = Scans::new(&names);
    let start = 1_600_000_000 * S;
    let expected = |places: [f64; 3]| {
        let at = |i: usize, tenths: i64| (i as u64, start + tenths * S / 10, places[i]);
        [at(0, 1), at(1, 2), at(2, 4)]
    };
    assert_eq!(places(&scans.open()), expected([0.0; 3]));
    let first = &frames(&scans.open())[0];
    assert_eq!(
        first.sweeps[0].points[0].x, 1000,
        "is the second that was written"
    );

    // Poses at other times: one that is the same but for its digits, one
    // between others, and one beyond.
    let poses = [
        ("1600000000.1000004", 1.0),
        ("1600000000.3", 3.0),
        ("1600000000.5", 5.0),
    ];
    let text = |poses: &[(&str, f64)]| poses.iter().map(|(s, x)| tum(s, *x)).collect::<String>();
    scans.write(
        "poses.tum",
        text(&[&poses[..], &[("1600000009", 9.0)]].concat()),
    );
    let log = scans.open();
    let found = places(&log);
    assert!(noted(&log, "4 poses for 3 scans, taken by time"));
    for (found, expected) in found.iter().zip(expected([1.0, 2.0, 4.0])) {
        assert_eq!((found.0, found.1), (expected.0, expected.1));
        assert!((found.2 - expected.2).abs() < 1e-4, "{found:?}");
    }
    assert_eq!(log.trajectory().waypoints().len(), 4);
    scans.write("poses.tum", text(&poses[..2]));
    let log = scans.open();
    let broken = log.frames(None).find_map(Result::err).expect("is beyond");
    assert_eq!((broken.index, broken.error.reason()), (2, "missing_pose"));
}

#[test]
fn the_viewpoint_is_the_pose_where_there_is_no_other() {
    let scans = Scans::new(&["1.pcd", "2.pcd"]);
    scans.write("2.pcd", scan("4 5 6 0.5 0.5 0.5 0.5", "1 2 3 4"));
    let log = scans.open();
    let pose = frames(&log)[1].pose.expect("has one");
    assert_eq!(pose.translation.vector, Vector3::new(4.0, 5.0, 6.0));
    assert!((pose.rotation * Vector3::x() - Vector3::y()).norm() < 1e-12);
    assert_eq!(log.info().pose_source, Some("VIEWPOINT"));
    assert_eq!(log.trajectory().waypoints().len(), 2);

    scans.write("poses.txt", kitti(1.0) + &kitti(2.0));
    assert_eq!(places(&scans.open()), [(1, 0, 1.0), (2, S / 10, 2.0)]);
}

#[test]
fn times_of_points_count_from_the_scan_or_from_their_own_clock() {
    let scans = Scans::new(&["1.pcd"]);
    let start = |times: &str| {
        let cloud = format!(
            "FIELDS x y z timestamp\nSIZE 4 4 4 8\nTYPE F F F F\nPOINTS 2\nDATA ascii\n{times}"
        );
        scans.write("1.pcd", cloud);
        let frame = &frames(&scans.open())[0];
        let after = frame.sweeps[0].points.iter().map(|point| point.after_ns());
        (
            frame.stamp,
            frame.sweeps[0].stamp,
            after.collect::<Vec<_>>(),
        )
    };
    let at = 1_600_000_000 * S;
    let clock = "1 2 3 1600000000.5\n1 2 3 1600000000.25\n";
    let after = vec![S / 4, 0];
    assert_eq!(
        start(clock),
        (0, 0, after.clone()),
        "another clock than the scan's"
    );
    scans.write("poses.tum", tum("1600000000.5", 1.0));
    assert_eq!(start(clock), (at + S / 2, at + S / 4, after.clone()));
    assert_eq!(
        start("1 2 3 0\n1 2 3 -0.25\n"),
        (at + S / 2, at + S / 4, after.clone())
    );
    assert_eq!(
        start("1 2 3 0.25\n1 2 3 0\n"),
        (at + S / 2, at + S / 2, after)
    );
}

#[test]
fn a_broken_file_costs_its_frame() {
    for (content, what) in [
        (String::new(), "head: expected the head of a PCD file"),
        (
            scan("0 0 0 1 0 0 0", ""),
            "DATA: expected 1 lines of a point each, found 0",
        ),
        (
            scan("0 0 0 1 0 0 0", "1 2 3"),
            "point 1: expected 4 numbers",
        ),
        (
            scan("0 0 0 0 0 0 0", "1 2 3 4"),
            "VIEWPOINT: expected a translation",
        ),
        (
            scan("0 0 0 1 0 0 0", "1 2 3 4").replace("POINTS 1", "POINTS 9"),
            "POINTS",
        ),
    ] {
        let scans = Scans::new(&["1.pcd", "2.pcd", "3.pcd"]);
        scans.write("2.pcd", content);
        let log = scans.open();
        let broken: Vec<_> = log.frames(None).filter_map(Result::err).collect();
        assert_eq!((broken.len(), broken[0].index), (1, 2));
        assert_eq!(broken[0].error.reason(), "malformed");
        let text = broken[0].to_string();
        assert!(
            text.contains("2.pcd") && text.contains(what) && !text.contains('\n'),
            "{text}"
        );
    }
    let scans = Scans::new(&["1.pcd"]);
    let log = scans.open();
    fs::remove_file(scans.0.path().join("1.pcd")).expect("removed");
    let broken = log.frames(None).find_map(Result::err).expect("is gone");
    assert!(matches!(broken.error, Error::Io { .. }));
}

#[test]
fn a_broken_poses_file_is_told_in_one_sentence() {
    for content in ["", "1 2 3\n", "# nothing\n"] {
        let scans = Scans::new(&["1.pcd"]);
        scans.write("poses.txt", content);
        let error = Log::open(scans.0.path()).expect_err("is none").to_string();
        assert!(
            error.contains("poses.txt: poses: expected lines of 8 numbers"),
            "{error}"
        );
    }
}

#[test]
fn the_recorded_cloud_is_what_its_file_holds() {
    let Some(folder) = recorded("logs/pcd") else {
        return;
    };
    let log = Log::open(&folder).expect("is a log");
    assert_eq!((log.indices(), log.info().pose_source), (&[0][..], None));
    let frame = &frames(&log)[0];
    let points = &frame.sweeps[0].points;
    assert_eq!(points.len(), 115_385);
    let file = fs::read(folder.join("cloudini_lidar.pcd")).expect("is there");
    let head = b"DATA binary\n";
    let head_ends = |at: &usize| file[..*at].ends_with(head);
    let start = (0..file.len()).find(head_ends).expect("has a head");
    let records = &file[start..][..16 * points.len()];
    for (point, record) in points.iter().zip(records.chunks(16)) {
        let value = |i: usize| f32::from_le_bytes(record[4 * i..][..4].try_into().expect("four"));
        let mm = [0, 1, 2].map(|i| f64::from(value(i)) * 1e3);
        for (found, expected) in [point.x, point.y, point.z].into_iter().zip(mm) {
            assert!((f64::from(found) - expected).abs() <= 0.5 + 1e-9);
        }
    }
    let single = Log::open(&folder.join("cloudini_lidar.pcd")).expect("is a log");
    assert_eq!(frames(&single)[0].sweeps[0].points, *points);
}
