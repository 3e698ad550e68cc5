//! nuScenes sets with something wrong, made here, and how one of several
//! scenes is named.

mod nuscenes_set;

use std::fs;
use std::path::{Path, PathBuf};

use janus_datasets::{BrokenFrame, Log, Loss};
use nuscenes_set::Keyframe;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A set of 21 small frames.
struct Set {
    folder: TempDir,
}

impl Set {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let files = TempDir::new().expect("a folder");
        Keyframe::made(files.path()).lay_out(&folder.path().join("set"));
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("set")
    }

    fn table(&self, name: &str) -> PathBuf {
        self.root().join(format!("v1.0-mini/{name}.json"))
    }

    /// Changes the records of a table.
    fn change(&self, table: &str, change: impl Fn(&mut Vec<Value>)) {
        let path = self.table(table);
        let text = fs::read_to_string(&path).expect("is there");
        let mut records = serde_json::from_str(&text).expect("is a table");
        change(&mut records);
        fs::write(path, serde_json::to_string(&records).expect("is JSON")).expect("written");
    }

    fn error(&self) -> String {
        let error = Log::open(&self.root()).expect_err("is broken").to_string();
        assert!(!error.contains('\n'), "one sentence: {error}");
        error
    }

    /// The broken frames, after a check that the others are whole.
    fn broken(&self) -> Vec<BrokenFrame> {
        let log = Log::open(&self.root()).expect("opens");
        let frames: Vec<_> = log.frames(None).collect();
        assert_eq!(frames.len(), 21);
        frames.into_iter().filter_map(Result::err).collect()
    }

    /// The first file of a folder.
    fn file(&self, folder: &str) -> PathBuf {
        let entries = self.root().join(folder).read_dir().expect("a folder");
        let files = entries.map(|entry| entry.expect("a file").path());
        files.min().expect("has one")
    }
}

#[test]
fn a_whole_set_is_read() {
    let set = Set::new();
    assert!(set.broken().is_empty());
    let log = Log::open(&set.root()).expect("is one");
    let frames: Vec<_> = log.frames(None).map(|f| f.expect("is whole")).collect();
    let points = &frames[0].sweeps[0].points;
    assert_eq!([points[0].x, points[0].y, points[0].z], [1000, 2500, -1500]);
    assert_eq!(
        (points[0].intensity(), points[1].is_valid()),
        (13_107, false)
    );
    // The camera is stamped 30 ms before the lidar, every 83 ms.
    let pictures: Vec<_> = frames.iter().map(|frame| frame.images.len()).collect();
    assert_eq!(pictures.iter().sum::<usize>(), 13);
    assert_eq!([pictures[0], pictures[10], pictures[20]], [1, 1, 1]);
    let moved = frames[20].pose.expect("has one").translation.x
        - frames[0].pose.expect("has one").translation.x;
    assert!((moved - 10.0).abs() < 1e-6, "{moved}");
    let velocity = frames[10].annotations[0].velocity.expect("has one");
    // The lidar's x is the vehicle's right.
    assert!((velocity[0] + 2.0).abs() < 1e-6 && (velocity[1] + 1.0).abs() < 1e-6);
    assert_eq!(frames[10].annotations[0].visibility, Some(0.2));
}

#[test]
fn one_of_several_scenes_is_named_in_the_path() {
    let set = Set::new();
    set.change("scene", |scenes| {
        let mut other = scenes[0].clone();
        other["name"] = json!("scene-0103");
        other["token"] = json!("0103");
        scenes.push(other);
    });
    let error = Log::open(&set.root()).expect_err("has two");
    assert_eq!(error.reason(), "which_scene");
    let error = error.to_string();
    let example = set.root().join("scene-0061").display().to_string();
    assert!(error.contains(&example), "{error}");
    assert!(error.contains("scene-0061, scene-0103"), "{error}");

    for part in ["scene-0061", "v1.0-mini/scene-0061"] {
        let path = set.root().join(part);
        let log = Log::open(&path).expect("names one");
        assert_eq!((log.indices().len(), log.path()), (21, path.as_path()));
    }
    let error = Log::open(&set.root().join("scene-0062")).expect_err("is none of them");
    assert_eq!(error.reason(), "which_scene");
    let error = Log::open(&set.root().join("v1.0-mini/scene-0103")).expect_err("is empty");
    assert!(error.to_string().contains("LIDAR_TOP"), "{error}");
    // What is there, but is no set, is no scene either.
    let error = Log::open(&set.root().join("samples")).expect_err("is no set");
    assert_eq!(error.reason(), "unknown_format");
    let error = Log::open(&set.root().join("nothing/scene-0061")).expect_err("is not there");
    assert_eq!(error.reason(), "io");

    set.change("scene", |scenes| {
        let many = (0..850).map(|number| {
            let name = format!("scene-{number:04}");
            json!({"token": name, "name": name})
        });
        *scenes = many.collect();
    });
    let error = set.error();
    assert!(error.contains("scene-0099 and 750 more"), "{error}");
    set.change("scene", Vec::clear);
    assert!(set.error().ends_with("the set has none"));
}

#[test]
fn a_scene_that_two_versions_have_is_one_scene() {
    let set = Set::new();
    let copy = set.root().join("v1.0-trainval");
    fs::create_dir(&copy).expect("made");
    for entry in set.root().join("v1.0-mini").read_dir().expect("a folder") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
    }
    assert_eq!(Log::open(&set.root()).expect("has one").indices().len(), 21);
    assert_eq!(Log::open(&copy).expect("has one").indices().len(), 21);
}

#[test]
fn a_broken_file_costs_its_frame() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 5] = [
        (
            "samples/LIDAR_TOP",
            |path| drop(fs::remove_file(path)),
            "missing_scan",
        ),
        (
            "sweeps/LIDAR_TOP",
            |path| replace(path, &[0; 33]),
            "truncated_scan",
        ),
        (
            "sweeps/LIDAR_TOP",
            |path| replace(path, &[]),
            "truncated_scan",
        ),
        (
            "samples/CAM_FRONT",
            |path| drop(fs::remove_file(path)),
            "missing_image",
        ),
        (
            "sweeps/CAM_FRONT",
            |path| replace(path, b"no picture"),
            "broken_image",
        ),
    ];
    for (folder, spoil, reason) in cases {
        let set = Set::new();
        let file = set.file(folder);
        spoil(&file);
        let broken = set.broken();
        let [broken] = broken.as_slice() else {
            panic!("one frame")
        };
        assert_eq!(broken.error.reason(), reason);
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert!(broken.to_string().contains(name), "{broken}");
    }
}

/// All the sets' files are links to one.
fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).expect("is there");
    fs::write(path, content).expect("written");
}

#[test]
fn a_set_without_its_sweeps_has_its_keyframes() {
    let set = Set::new();
    fs::remove_dir_all(set.root().join("sweeps")).expect("removed");
    let log = Log::open(&set.root()).expect("is a set");
    let frames: Vec<_> = log.frames(None).map(|f| f.expect("is whole")).collect();
    assert_eq!(frames.len(), 3);
    assert!(frames.iter().all(|frame| frame.images.len() == 1));
    assert_eq!(log.info().lost.get(&Loss::MissingScan), Some(&18));
    assert_eq!(log.info().lost.get(&Loss::MissingImage), Some(&10));

    fs::remove_dir_all(set.root().join("samples/CAM_FRONT")).expect("removed");
    let log = Log::open(&set.root()).expect("is a set");
    assert!(log.rig().cameras.is_empty());
}

#[test]
fn an_ego_pose_that_is_none_costs_its_frame() {
    for pose in [json!([0, 0, 0, 0]), json!([1, 1, 0, 0])] {
        let set = Set::new();
        set.change("ego_pose", |poses| poses[4]["rotation"] = pose.clone());
        let broken = set.broken();
        assert_eq!((broken.len(), broken[0].index), (1, 4));
        assert_eq!(broken[0].error.reason(), "missing_pose");
    }
    let set = Set::new();
    set.change("ego_pose", |poses| poses.clear());
    assert_eq!(set.broken().len(), 21);
}

#[test]
fn a_broken_table_is_told_in_one_sentence() {
    let cases: [(&str, &str, Value, &str); 12] = [
        (
            "calibrated_sensor",
            "rotation",
            json!([0, 0, 0, 0]),
            "unit quaternion",
        ),
        (
            "calibrated_sensor",
            "translation",
            json!([1e300, 0, 0]),
            "translation",
        ),
        (
            "calibrated_sensor",
            "token",
            json!("other"),
            "a record with it",
        ),
        (
            "calibrated_sensor",
            "camera_intrinsic",
            json!([[1, 2, 3]]),
            "three rows",
        ),
        (
            "sample_data",
            "filename",
            json!("../../secret"),
            "folder of the set",
        ),
        (
            "sample_data",
            "filename",
            json!("/etc/passwd"),
            "folder of the set",
        ),
        ("sample_data", "timestamp", json!("now"), "invalid type"),
        (
            "sample_annotation",
            "size",
            json!([1, -2, 3]),
            "size from 0",
        ),
        (
            "sample_annotation",
            "rotation",
            json!([0, 0, 0, 0]),
            "unit quaternion",
        ),
        (
            "sample_annotation",
            "instance_token",
            json!("other"),
            "instance_token",
        ),
        (
            "sample_annotation",
            "num_lidar_pts",
            json!(-1),
            "invalid value",
        ),
        ("sample", "timestamp", json!(null), "invalid type"),
    ];
    for (table, field, value, expected) in cases {
        let set = Set::new();
        set.change(table, |records| records[0][field] = value.clone());
        let error = set.error();
        let table = format!("{table}.json");
        assert!(
            error.contains(&table) && error.contains(expected),
            "{error}"
        );
    }
    for camera in [json!([[0, 0, 0], [0, 0, 0], [0, 0, 0]]), json!([])] {
        let set = Set::new();
        set.change("calibrated_sensor", |records| {
            records[1]["camera_intrinsic"] = camera.clone();
        });
        assert!(set.error().contains("camera_intrinsic"));
    }
    let set = Set::new();
    fs::remove_file(set.table("ego_pose")).expect("removed");
    assert!(set.error().contains("ego_pose.json"));
}

/// Stamps at the ends of what 64 bits hold, and keyframes out of order.
#[test]
fn times_that_cannot_be_do_no_harm() {
    for stamp in [i64::MIN, i64::MAX, 0] {
        let set = Set::new();
        set.change("sample", |records| records[1]["timestamp"] = json!(stamp));
        set.change("sample_data", |records| {
            records[3]["timestamp"] = json!(stamp)
        });
        set.change("ego_pose", |records| records[3]["timestamp"] = json!(stamp));
        assert!(set.broken().is_empty());
    }
}
