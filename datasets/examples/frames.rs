//! Prints what is read of a log as JSON, so that other programs can compare
//! it with what they read: a line about the log, then one for each frame.
//!
//! `cargo run -p janus-datasets --example frames -- LOG [FIRST END]`
//!
//! Poses are a translation in metres and a quaternion w, x, y, z; points are
//! x, y, z in millimetres, the intensity to 65,535 and the time in ns.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use janus_datasets::{Distortion, Frame, Log, Pose};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let range = match arguments.as_slice() {
        [_] => None,
        [_, first, end] => match (first.parse(), end.parse()) {
            (Ok(first), Ok(end)) => Some(first..end),
            _ => return usage(),
        },
        _ => return usage(),
    };
    match print(Path::new(&arguments[0]), range) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: frames LOG [FIRST END]");
    ExitCode::from(2)
}

fn print(path: &Path, range: Option<Range<u64>>) -> Result<(), Box<dyn std::error::Error>> {
    let log = Log::open(path)?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", about(&log))?;
    for read in log.frames(range) {
        let line = match read {
            Ok(read) => frame(&read),
            Err(broken) => json!({"index": broken.index, "error": broken.error.to_string()}),
        };
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn pose(pose: &Pose) -> Value {
    let q = pose.rotation;
    let translation = <[f64; 3]>::from(pose.translation.vector);
    json!({"translation": translation, "rotation": [q.w, q.i, q.j, q.k]})
}

fn about(log: &Log) -> Value {
    let lidars = log.rig().lidars.iter();
    let lidars =
        lidars.map(|l| json!({"name": l.name, "base_from_sensor": pose(&l.base_from_sensor)}));
    let cameras = log.rig().cameras.iter().map(|camera| {
        json!({
            "name": camera.name,
            "base_from_sensor": pose(&camera.base_from_sensor),
            "resolution": camera.resolution,
            "focal": camera.focal,
            "centre": camera.centre,
            "distorted": camera.distortion != Distortion::None,
        })
    });
    let way = log.trajectory().waypoints().iter();
    let way = way.map(|w| json!({"stamp": w.stamp, "pose": pose(&w.pose)}));
    json!({
        "info": log.info(),
        "lidars": lidars.collect::<Vec<_>>(),
        "cameras": cameras.collect::<Vec<_>>(),
        "trajectory": way.collect::<Vec<_>>(),
    })
}

fn frame(frame: &Frame) -> Value {
    let sweeps = frame.sweeps.iter().map(|sweep| {
        let points = sweep.points.iter();
        let points = points.map(|p| json!([p.x, p.y, p.z, p.intensity(), p.after_ns()]));
        json!({
            "lidar": sweep.lidar,
            "stamp": sweep.stamp,
            "points": points.collect::<Vec<_>>(),
        })
    });
    let images = frame
        .images
        .iter()
        .map(|image| json!({"camera": image.camera, "stamp": image.stamp, "source": image.source}));
    let annotations = frame.annotations.iter().map(|annotation| {
        json!({
            "track": annotation.track,
            "class": annotation.class,
            "label": annotation.label,
            "base_from_box": pose(&annotation.base_from_box),
            "size": annotation.size,
            "velocity": annotation.velocity,
            "points": annotation.points,
            "visibility": annotation.visibility,
        })
    });
    json!({
        "index": frame.index,
        "stamp": frame.stamp,
        "pose": frame.pose.as_ref().map(pose),
        "sweeps": sweeps.collect::<Vec<_>>(),
        "images": images.collect::<Vec<_>>(),
        "annotations": annotations.collect::<Vec<_>>(),
    })
}
