//! What goes wrong is said in one sentence and told by the exit code.
#![allow(clippy::unwrap_used)]

#[path = "../../datasets/tests/drive/mod.rs"]
mod drive;
mod janus;

use std::fs;
use std::path::Path;
use std::process::Output;

use drive::{Drive, NUMBERS, picture, png, scan};
use janus::{janus, json, said};

/// The small drive, on a street: its scans see the ground.
fn street() -> Drive {
    let drive = Drive::new();
    let ring = |radius: f32| {
        (0..90).map(move |i| {
            let (sin, cos) = (i as f32 * 4.0).to_radians().sin_cos();
            [radius * cos, radius * sin, -1.73, 0.3]
        })
    };
    let ground: Vec<u8> = (4..20)
        .flat_map(|radius| ring(radius as f32))
        .flatten()
        .flat_map(f32::to_le_bytes)
        .collect();
    for number in NUMBERS {
        drive.write(&scan(number), &ground);
    }
    drive
}

fn replay(log: &Path, more: &[&str]) -> Output {
    janus()
        .args(["replay", "--json", "--device", "cpu"])
        .arg(log)
        .args(more)
        .output()
        .unwrap()
}

/// The exit code is 1 and stderr one sentence with all of `parts`.
fn fails(ran: &Output, parts: &[&str]) {
    let said = said(ran);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: ") && said.lines().count() == 1,
        "{said}"
    );
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(ran.stdout.is_empty());
}

#[test]
fn a_cause_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing");
    let file = file.to_str().unwrap();
    let [model, case] = ["onnx", "csv"].map(|ending| format!("{file}.{ending}"));
    let drive = street();
    let log = drive.path();
    for (arguments, named) in [
        (&["info", file][..], file),
        (
            &["replay", log.to_str().unwrap(), "--model", &model],
            &model,
        ),
        (&["primitives", file, "out.toml"], file),
        (&["plan", &case], &case),
    ] {
        let ran = janus().args(arguments).output().unwrap();
        let told = format!("error: {named}: No such file or directory (os error 2)\n");
        assert_eq!((ran.status.code(), said(&ran)), (Some(1), told));
    }
}

/// The exit code is 3, and one of six frames is counted under `reason`.
fn loses_one(ran: &Output, reason: &str) {
    let said = said(ran);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    let report = json(&ran.stdout);
    let frames = &report["frames"];
    assert_eq!(
        (frames["in"].as_u64(), frames["out"].as_u64()),
        (Some(6), Some(5))
    );
    assert_eq!(frames["dropped"].to_string(), format!("{{\"{reason}\":1}}"));
    assert_eq!(report["faults"].as_array().unwrap().len(), 1);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_whole_drive_is_clean() {
    let ran = replay(&street().path(), &[]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    assert_eq!(said(&ran), "");
}

#[test]
fn what_is_no_log_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fails(
        &replay(folder.path(), &[]),
        &[&folder.path().display().to_string(), "not a log"],
    );
    let nowhere = folder.path().join("nowhere");
    fails(&replay(&nowhere, &[]), &["nowhere"]);
    let ran = janus().arg("info").arg(folder.path()).output().unwrap();
    fails(&ran, &["not a log"]);
}

#[test]
fn a_truncated_scan_costs_its_frame() {
    let drive = street();
    drive.write(&scan(5), [0; 17]);
    loses_one(&replay(&drive.path(), &[]), "truncated_scan");
}

#[test]
fn a_picture_that_cannot_be_seen_costs_its_frame() {
    let whole = png(32, 16);
    for bytes in [&whole[..whole.len() / 2], b"", b"# no picture"] {
        let drive = street();
        drive.write(&picture("image_02", 5), bytes);
        let ran = replay(&drive.path(), &[]);
        loses_one(&ran, "broken_image");
        assert!(said(&ran).contains("0000000005.png: "), "{}", said(&ran));
    }
}

/// A drive as an MCAP file, and its bytes.
fn converted(drive: &Drive) -> (std::path::PathBuf, Vec<u8>) {
    let out = drive.folder.path().join("drive.mcap");
    let ran = janus().arg("convert").arg(drive.path()).arg(&out).output();
    assert!(ran.unwrap().status.success());
    let bytes = fs::read(&out).unwrap();
    (out, bytes)
}

#[test]
fn a_record_that_cannot_be_read_is_reported() {
    let drive = street();
    let (log, mut bytes) = converted(&drive);
    // A message too short for its header, before all that is whole.
    bytes.splice(8..8, [&[5, 3][..], &[0; 7], &[1, 0, 1]].concat());
    fs::write(&log, bytes).unwrap();
    let ran = replay(&log, &[]);
    let told = said(&ran);
    assert_eq!(ran.status.code(), Some(3), "{told}");
    let report = json(&ran.stdout);
    assert_eq!(report["log"]["dropped"], json(b"{\"malformed\":1}"));
    assert_eq!(
        (&report["frames"]["in"], &report["frames"]["out"]),
        (&6.into(), &6.into())
    );
    assert_eq!(report["faults"].as_array().unwrap().len(), 1);
    assert!(
        told.contains("drive.mcap: records lost: 1 malformed"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");

    let copy = drive.folder.path().join("copy.mcap");
    let ran = janus()
        .arg("convert")
        .arg(&log)
        .arg(&copy)
        .output()
        .unwrap();
    assert_eq!((ran.status.code(), said(&ran)), (Some(3), told));
}

#[test]
fn pictures_between_the_sweeps_are_counted_and_no_fault() {
    let drive = street();
    let stamps: String = (0..12)
        .map(|i| format!("2011-09-26 13:10:{:02}.{}30000000\n", 50 + i / 10, i % 10))
        .collect();
    drive.write("image_00/timestamps.txt", stamps);
    let (log, mut bytes) = converted(&drive);
    // Without its own list of frames they are made by time.
    let name = b"janus.frames";
    let at = bytes
        .windows(name.len())
        .position(|part| part == name)
        .unwrap();
    bytes[at..at + name.len()].copy_from_slice(b"other.frames");
    fs::write(&log, bytes).unwrap();
    let ran = replay(&log, &["--tolerance", "5"]);
    assert_eq!((ran.status.code(), said(&ran)), (Some(0), String::new()));
    let report = json(&ran.stdout);
    assert_eq!(report["log"]["dropped"], json(b"{\"unpaired\":6}"));
    assert_eq!(report["faults"], json(b"[]"));
}

#[test]
fn a_calibration_without_a_line_is_named() {
    let drive = street();
    drive.write("../calib_velo_to_cam.txt", "R: 0 -1 0 0 0 -1 1 0 0\n");
    fails(&replay(&drive.path(), &[]), &["calib_velo_to_cam.txt", "T"]);
}

#[test]
fn a_model_that_is_none_is_named() {
    let drive = street();
    let model = drive.path().join("model.onnx");
    fs::write(&model, "not a model").unwrap();
    for inference in ["embedded", "auto"] {
        let ran = replay(
            &drive.path(),
            &["--model", model.to_str().unwrap(), "--inference", inference],
        );
        fails(&ran, &["model.onnx"]);
    }
    let ran = replay(&drive.path(), &["--model", "/nowhere/model.onnx"]);
    fails(&ran, &["/nowhere/model.onnx"]);
}

#[test]
fn a_device_that_is_not_there_is_named_with_those_that_are() {
    let ran = janus()
        .args(["replay", "--device", "abacus"])
        .arg(street().path())
        .output()
        .unwrap();
    fails(&ran, &["device `abacus`: no such adapter; there are: "]);
}

#[test]
fn a_setting_that_makes_no_sense_is_named() {
    let drive = street();
    let config = drive.path().join("janus.toml");
    for (text, field) in [
        ("lidar.range = 4", "range"),
        ("lidar.range_m = -4", "lidar.range_m"),
    ] {
        fs::write(&config, text).unwrap();
        let ran = replay(&drive.path(), &["--config", config.to_str().unwrap()]);
        assert_eq!(ran.status.code(), Some(1));
        let said = said(&ran);
        assert!(
            said.contains("janus.toml") && said.contains(field),
            "{said}"
        );
    }
    fs::write(&config, "wheels = 3").unwrap();
    let ran = replay(&drive.path(), &["--vehicle", config.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(1));
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    for line in [
        &["replay"][..],
        &["replay", "x", "--frames", "9..3"],
        &["replay", "x", "--ahead", "-3"],
        &["replay", "x", "--inference", "maybe"],
        &["replay", "x", "--spawn", "--connect"],
        &["replay", "x", "--tiles", "1x3"],
        &["bench", "x", "--threads", "2"],
        &["plan", "x", "--queries", "3", "--deadline", "9"],
        &["drive-home"],
        &[],
    ] {
        let ran = janus().args(line).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{line:?}");
    }
    assert_eq!(
        janus().arg("--help").output().unwrap().status.code(),
        Some(0)
    );
}

#[test]
fn what_cannot_be_written_is_named() {
    let drive = street();
    let file = drive.path().join("calib.txt");
    fs::write(&file, "").unwrap();
    let below = file.join("below");
    fails(
        &replay(&drive.path(), &["--save", "/dev/full"]),
        &["/dev/full"],
    );
    for flag in ["--save", "--report", "--export"] {
        let ran = replay(&drive.path(), &[flag, below.to_str().unwrap()]);
        assert_eq!(ran.status.code(), Some(1), "{flag}");
        assert!(
            String::from_utf8_lossy(&ran.stderr).contains("calib.txt"),
            "{flag}"
        );
    }
}

#[test]
#[cfg(unix)]
fn a_recording_that_breaks_off_is_reported() {
    let drive = street();
    let recording = drive.path().join("run.rrd");
    // No file may grow beyond 16 blocks, and the attempt is an error.
    let ran = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_janus"))
        .args(["replay", "--json", "--device", "cpu", "--save"])
        .arg(&recording)
        .arg(drive.path())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3), "{}", said(&ran));
    let report = json(&ran.stdout);
    assert_eq!(report["frames"]["out"], 6);
    let fault = report["faults"][0].as_str().unwrap();
    assert!(fault.starts_with("recording: "), "{fault}");
    assert!(fs::metadata(&recording).unwrap().len() <= 16 * 1024);
}

#[test]
fn a_viewer_that_does_not_listen_is_reported() {
    let drive = street();
    // The discard port: nobody is there.
    let ran = replay(
        &drive.path(),
        &["--connect", "rerun+http://127.0.0.1:9/proxy"],
    );
    assert_eq!(ran.status.code(), Some(3));
    let report = json(&ran.stdout);
    assert_eq!(report["frames"]["out"], 6);
    assert!(
        report["faults"][0]
            .as_str()
            .unwrap()
            .starts_with("recording: ")
    );
    fails(
        &replay(&drive.path(), &["--connect", "http://x"]),
        &["`http://x` is no viewer's address"],
    );
}
