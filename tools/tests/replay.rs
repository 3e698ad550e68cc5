//! The whole way on the recorded drive, run as a user runs it.
#![allow(clippy::unwrap_used)]

mod janus;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use janus::{janus, json, recorded, said};
use janus_datasets::kitti_tracks;
use serde_json::Value;

const DRIVE: &str = "logs/kitti_raw/2011_09_26/2011_09_26_drive_0013_sync";
const MODEL: &str = "models/yolox_nano_coco_416.onnx";

/// The geometry of all 36 frames. It changes only with what the lidars'
/// points are made into.
const GEOMETRY: &str = "5035ce463b4f407440edc7bee69ab1bdd4d439d87fae10b1906b8bc1ffeed128";

fn geometry(report: &Value) -> &str {
    report["geometry"]["sha256"].as_str().unwrap()
}

#[test]
fn the_recorded_drive_runs_whole() {
    let Some(drive) = recorded(DRIVE) else { return };
    let model = recorded(MODEL).unwrap();
    let out = tempfile::tempdir().unwrap();
    let at = |name: &str| out.path().join(name);
    let ran = janus()
        .args(["replay", "--json", "--device", "cpu"])
        .arg(&drive)
        .arg("--model")
        .arg(&model)
        .arg("--save")
        .arg(at("run.rrd"))
        .arg("--report")
        .arg(at("report.json"))
        .arg("--export")
        .arg(at("export"))
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let report = json(&ran.stdout);
    assert_eq!(report, json(&fs::read(at("report.json")).unwrap()));

    assert_eq!(report["schema"], "janus.report/1");
    assert_eq!(report["log"]["format"], "kitti_raw");
    assert_eq!(report["frames"]["in"], 36);
    assert_eq!(report["frames"]["out"], 36);
    assert_eq!(report["frames"]["dropped"], json(b"{}"));
    assert_eq!(report["faults"], json(b"[]"));
    assert_eq!(geometry(&report), GEOMETRY);
    let hashed: Vec<_> = report["geometry"]["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["index"].as_u64().unwrap())
        .collect();
    assert_eq!(hashed, (20..56).collect::<Vec<_>>());
    for stage in [
        "read",
        "decode",
        "detect.preprocess",
        "detect.run",
        "detect.postprocess",
        "lidar.upload",
        "lidar.fuse",
        "lidar.occupancy",
        "lidar.readback",
        "fuse",
        "plan",
        "record",
    ] {
        assert_eq!(report["stages"][stage]["count"], 36, "{stage}");
    }
    let planning = &report["planning"];
    let failures: u64 = planning["failures"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    let plans = planning["plans"].as_u64().unwrap();
    assert_eq!(plans + failures, 36);
    // In the bend the car is too fast for a vehicle with straight wheels.
    assert!(plans >= 31, "{planning}");
    assert!(planning["min_clearance_m"].as_f64().unwrap() > 0.0);

    check_recording(&at("run.rrd"));
    check_export(&at("export"), plans as usize);
}

fn check_recording(path: &Path) {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(b"RRF2"), "{:?}", &bytes[..4]);
    // Points, pictures and grids of 36 frames.
    assert!(bytes.len() > 30_000_000, "{}", bytes.len());
}

fn check_export(folder: &Path, plans: usize) {
    let listed = |part: &str| {
        let mut names: Vec<_> = fs::read_dir(folder.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(listed("grid").len(), 72);
    assert_eq!(listed("grid")[..2], ["000020.pgm", "000020.yaml"]);
    let pgm = fs::read(folder.join("grid/000055.pgm")).unwrap();
    let header = b"P5\n512 512\n255\n";
    assert!(pgm.starts_with(header));
    assert_eq!(pgm.len(), header.len() + 512 * 512);
    let share = |shade| {
        let cells = &pgm[header.len()..];
        cells.iter().filter(|cell| **cell == shade).count() as f64 / cells.len() as f64
    };
    // A street: something occupied, much free, much unseen.
    assert!(share(0) > 0.005 && share(254) > 0.05 && share(205) > 0.2);

    assert_eq!(listed("plan").len(), plans);
    let csv = fs::read_to_string(folder.join("plan").join(&listed("plan")[0])).unwrap();
    assert_eq!(
        csv.lines().next(),
        Some("t,x,y,theta,v,a,kappa,steer_a,steer_b,lead")
    );

    assert_eq!(listed("objects").len(), 36);
    let objects = json(&fs::read(folder.join("objects/000055.json")).unwrap());
    let objects = objects.as_array().unwrap();
    assert!(!objects.is_empty());
    for object in objects {
        let sides = ["length", "width", "height"].map(|side| object[side].as_f64().unwrap());
        assert!(
            sides.iter().all(|side| (0.1..30.0).contains(side)),
            "{object}"
        );
        let ahead = object["predicted"].as_array().unwrap();
        assert_eq!((ahead.len(), &ahead[9]["t"]), (10, &Value::from(5.0)));
    }

    // The car ahead and the one that overtakes are each one track.
    let tracks = folder.join("tracks/2011_09_26_drive_0013_sync.txt");
    let mut frames: BTreeMap<u64, usize> = BTreeMap::new();
    for line in kitti_tracks::read(&tracks).unwrap() {
        assert!((20..56).contains(&line.frame));
        let [x_min, y_min, x_max, y_max] = line.bbox;
        assert!(0.0 <= x_min && x_min < x_max && x_max <= 1242.0, "{line}");
        assert!(0.0 <= y_min && y_min < y_max && y_max <= 375.0, "{line}");
        let at = line.rect_from_box.translation.vector;
        // On the road ahead: not far aside, and its middle below the camera.
        if line.label == "Car" && at.x.abs() < 5.0 && at.y > 0.0 {
            *frames.entry(line.track).or_default() += 1;
        }
    }
    let lasting = frames.values().filter(|frames| **frames >= 20);
    assert_eq!(lasting.count(), 2, "{frames:?}");

    let poses = fs::read_to_string(folder.join("poses.tum")).unwrap();
    assert_eq!(poses.lines().count(), 36);
    assert!(poses.lines().all(|line| line.split(' ').count() == 8));

    let detections = json(&fs::read(folder.join("detections.json")).unwrap());
    let detections = detections.as_array().unwrap();
    assert!(detections.len() >= 36, "{}", detections.len());
    // COCO numbers cars 3.
    assert!(detections.iter().any(|d| d["category_id"] == 3));
    for detection in detections {
        let id = detection["image_id"].as_u64().unwrap();
        assert!((20..56).contains(&id));
        assert_eq!(detection["file_name"], format!("{id:010}.png"));
        assert_eq!(detection["bbox"].as_array().unwrap().len(), 4);
    }
    let images = json(&fs::read(folder.join("images.json")).unwrap());
    assert_eq!(images.as_array().unwrap().len(), 36);
    for (image, id) in images.as_array().unwrap().iter().zip(20..) {
        assert_eq!(
            (&image["id"], &image["looked_at"]),
            (&Value::from(id), &Value::from(true))
        );
        assert_eq!(
            (&image["width"], &image["height"]),
            (&Value::from(1242), &Value::from(375))
        );
    }
}

#[test]
fn every_device_gives_one_geometry() {
    let Some(drive) = recorded(DRIVE) else { return };
    let run = |device: &str, threads: &str| {
        let ran = janus()
            .args(["replay", "--json", "--device", device])
            .env("RAYON_NUM_THREADS", threads)
            .arg(&drive)
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        json(&ran.stdout)
    };
    let vulkan = run("vulkan llvmpipe", "2");
    let device = vulkan["machine"]["device"].as_str().unwrap();
    assert!(device.contains("llvmpipe"), "{device}");
    assert_eq!(geometry(&vulkan), GEOMETRY);
    let single = run("cpu", "1");
    assert_eq!(single["machine"]["device"], "cpu");
    assert_eq!(vulkan["geometry"], single["geometry"]);
}

/// Some frames of the drive through a command; its exit code and its report.
fn some_frames(drive: &Path, command: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let ran = janus()
        .args([command, "--json", "--frames", "20..24"])
        .args(more)
        .arg(drive)
        .output()
        .unwrap();
    let said = said(&ran).to_owned();
    let report = if ran.stdout.is_empty() {
        Value::Null
    } else {
        json(&ran.stdout)
    };
    (ran.status.code(), report, said)
}

#[test]
fn a_benchmark_goes_over_the_same_frames_again() {
    let Some(drive) = recorded(DRIVE) else { return };
    let (code, replayed, _) = some_frames(&drive, "replay", &["--device", "cpu"]);
    assert_eq!(code, Some(0));
    let (code, report, _) = some_frames(&drive, "bench", &["--device", "cpu", "--rounds", "3"]);
    assert_eq!(code, Some(0));
    assert_eq!(report["geometry"], replayed["geometry"]);
    assert_eq!(
        report["points"]["in"],
        3 * replayed["points"]["in"].as_u64().unwrap()
    );
    assert_eq!(report["machine"]["kernel_times"], "wall");
    for stage in [
        "fuse",
        "ground",
        "cluster",
        "occupancy",
        "distance",
        "voxel",
    ] {
        assert_eq!(report["stages"][format!("lidar.{stage}")]["count"], 12);
    }
    assert!(report["stages"].get("read").is_none());
}

#[test]
fn a_lost_device_is_told_and_measures_nothing() {
    let Some(drive) = recorded(DRIVE) else { return };
    let (_, whole, _) = some_frames(&drive, "replay", &["--device", "cpu"]);
    let lose = ["--device", "vulkan llvmpipe", "--lose-device-at", "22"];
    let (code, report, _) = some_frames(&drive, "replay", &lose);
    assert_eq!(code, Some(3));
    assert_eq!(report["geometry"], whole["geometry"]);
    let faults = report["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1);
    let fault = faults[0].as_str().unwrap();
    assert!(fault.starts_with("frame 22: device `llvmpipe"), "{fault}");
    let (code, _, said) = some_frames(&drive, "bench", &lose);
    assert_eq!(code, Some(1));
    assert!(said.contains("this is no measurement"), "{said}");
}

/// The first and the last pose of the plan of a frame: x, y, heading.
fn planned(folder: &Path, frame: u32) -> [[f64; 3]; 2] {
    let plan = fs::read_to_string(folder.join(format!("plan/{frame:06}.csv"))).unwrap();
    let pose = |line: &str| {
        let figures: Vec<f64> = line
            .split(',')
            .skip(1)
            .take(3)
            .map(|x| x.parse().unwrap())
            .collect();
        [figures[0], figures[1], figures[2]]
    };
    [plan.lines().nth(1), plan.lines().last()].map(|line| pose(line.unwrap()))
}

#[test]
fn a_goal_may_be_given() {
    let Some(drive) = recorded(DRIVE) else { return };
    let replay = |frames: &str, goal: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let ran = janus()
            .args(["replay", "--json", "--device", "cpu", "--frames", frames])
            .args(goal)
            .arg("--export")
            .args([out.path(), &drive])
            .output()
            .unwrap();
        (json(&ran.stdout), out)
    };
    let (_, out) = replay("30..31", &[]);
    let [_, [x, y, heading]] = planned(out.path(), 30);
    let goal = format!("{x},{y},{}", heading.to_degrees());
    let (report, out) = replay("28..32", &["--goal", &goal]);
    assert_eq!(report["planning"]["plans"], 4);
    let mut starts = Vec::new();
    for frame in 28..32 {
        let [start, [end_x, end_y, end_heading]] = planned(out.path(), frame);
        assert!((end_x - x).hypot(end_y - y) <= 0.02);
        // Either end may point either way.
        assert!((end_heading - heading).sin().abs() <= 0.5_f64.to_radians());
        starts.push(start);
    }
    // From where the log has the vehicle, which drives on.
    assert!(starts.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn frames_are_taken_by_their_numbers() {
    let Some(drive) = recorded(DRIVE) else { return };
    let ran = janus()
        .args(["replay", "--json", "--device", "cpu", "--frames", "30..33"])
        .arg(&drive)
        .output()
        .unwrap();
    let report = json(&ran.stdout);
    let indices: Vec<_> = report["geometry"]["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| frame["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indices, [30, 31, 32]);
    let ran = janus()
        .args(["replay", "--frames", "100..110"])
        .arg(&drive)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(
        said(&ran),
        "error: --frames: the log has none of these frames, only 20..56\n"
    );
}

#[test]
fn without_a_camera_no_tracks_are_exported_and_that_is_told() {
    let log = "logs/argoverse2/7fab2350-7eaf-3b7e-a39d-6937a4c1bede";
    let Some(log) = recorded(log) else { return };
    let out = tempfile::tempdir().unwrap();
    let ran = janus()
        .arg("replay")
        .arg(&log)
        .args(["--device", "cpu", "--export"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(said(&ran).contains("it has no camera"), "{}", said(&ran));
    assert!(out.path().join("poses.tum").is_file());
    assert!(!out.path().join("tracks").exists());
}

#[test]
fn a_log_without_frames_is_no_clean_run() {
    let Some(bag) = recorded("logs/rosbag2/full_bag_nav") else {
        return;
    };
    let ran = janus().arg("replay").arg(&bag).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let expected = "full_bag_nav: no frames: There is no topic of a lidar or a camera";
    assert!(said(&ran).contains(expected), "{}", said(&ran));
}

#[test]
fn an_interrupted_run_saves_what_was_done() {
    let Some(drive) = recorded(DRIVE) else { return };
    let out = tempfile::tempdir().unwrap();
    let report = out.path().join("report.json");
    let poses = out.path().join("export/poses.tum");
    let mut running = janus()
        .args(["replay", "--realtime", "--device", "cpu"])
        .arg(&drive)
        .arg("--report")
        .arg(&report)
        .arg("--export")
        .arg(out.path().join("export"))
        .arg("--save")
        .arg(out.path().join("run.rrd"))
        .spawn()
        .unwrap();
    // The second frame's grid: the run is well under way.
    let second = out.path().join("export/grid/000021.pgm");
    while !second.exists() {
        assert!(
            running.try_wait().unwrap().is_none(),
            "ended before it was interrupted"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(running.wait().unwrap().code(), Some(3));
    let report = json(&fs::read(report).unwrap());
    let done = report["frames"]["out"].as_u64().unwrap();
    assert!((2..36).contains(&done), "{done}");
    let faults = report["faults"].as_array().unwrap();
    let interrupted = |fault: &Value| fault.as_str().unwrap().starts_with("interrupted");
    assert!(faults.iter().any(interrupted), "{faults:?}");
    assert_eq!(
        fs::read_to_string(poses).unwrap().lines().count() as u64,
        done
    );
    assert!(
        fs::read(out.path().join("run.rrd"))
            .unwrap()
            .starts_with(b"RRF2")
    );
}

#[test]
fn a_log_says_what_it_holds() {
    let Some(drive) = recorded(DRIVE) else { return };
    let ran = janus()
        .args(["info", "--json"])
        .arg(&drive)
        .output()
        .unwrap();
    assert!(ran.status.success());
    let info = json(&ran.stdout);
    assert_eq!(info["format"], "kitti_raw");
    assert_eq!(info["frames"], 36);
    assert_eq!(
        (info["first"].as_u64(), info["last"].as_u64()),
        (Some(20), Some(55))
    );
    let kinds: Vec<_> = info["sensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sensor| sensor["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"lidar") && kinds.contains(&"camera"),
        "{kinds:?}"
    );
    let ran = janus().arg("info").arg(&drive).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(
        said.contains("36, numbered 20 to 55") && said.contains("1242 × 375"),
        "{said}"
    );
}

#[test]
fn a_picture_that_is_looked_at_too_late_is_unknown() {
    let Some(drive) = recorded(DRIVE) else { return };
    let out = tempfile::tempdir().unwrap();
    let ran = janus()
        .args(["replay", "--json", "--device", "cpu", "--frames", "40..42"])
        .args(["--time-limit", "0.001", "--model"])
        .arg(recorded(MODEL).unwrap())
        .arg("--export")
        .arg(out.path())
        .arg(&drive)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3));
    let report = json(&ran.stdout);
    assert_eq!(report["frames"]["out"], 2);
    assert_eq!(report["detection"]["unseen"]["detector_late"], 2);
    let fault = report["faults"][0].as_str().unwrap();
    assert!(
        fault.starts_with("frame 40: camera image_02: ") && fault.contains("took longer than"),
        "{fault}"
    );
    let images = json(&fs::read(out.path().join("images.json")).unwrap());
    for image in images.as_array().unwrap() {
        assert_eq!(
            (&image["looked_at"], &image["reason"]),
            (&Value::from(false), &Value::from("detector_late"))
        );
    }
}
