//! How many of the vehicles that people annotated in recorded sweeps are found.

#[path = "../../../datasets/tests/nuscenes_set/mod.rs"]
mod nuscenes_set;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use janus_datasets::{Class, Frame, Log, Trajectory, Waypoint};
use janus_perception::eval::{Moment, Moments, TrackedObject};
use janus_perception::{Lidar, LidarConfig, Objects, ObjectsConfig};

/// How often a recorded moment is shown.
const SHOWN: i64 = 10;
/// From one time to the next, ns.
const PERIOD: i64 = 100_000_000;

const VEHICLES: [Class; 6] = [
    Class::Car,
    Class::Van,
    Class::Truck,
    Class::Bus,
    Class::Trailer,
    Class::Train,
];

/// A part of the recorded data; `None`, with a word about it, where there is
/// none.
fn recorded(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("JANUS_DATA").map_or(beside, PathBuf::from);
    if !data.is_dir() {
        eprintln!("skipped: {} is not there", data.display());
        return None;
    }
    Some(data.join(part))
}

/// The same frame again, so much later: the vehicle goes the same way in it.
fn later(frame: &Frame, by: i64) -> Frame {
    let mut frame = frame.clone();
    let around = (-20..=20).map(|i| frame.stamp + i * 10_000_000);
    let way = around.filter_map(|stamp| {
        let pose = frame.ego.at(stamp)?;
        let stamp = stamp + by;
        Some(Waypoint { stamp, pose })
    });
    frame.ego = Arc::new(Trajectory::new(way.collect()));
    frame.stamp += by;
    frame.sweeps.iter_mut().for_each(|sweep| sweep.stamp += by);
    frame.images.clear();
    frame
}

/// What is followed by lidar when one moment is shown again and again, as if
/// all stood still: two sweeps in a row are too few for a track to be sure of.
fn shown(frame: &Frame) -> Moment {
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let mut objects = Objects::new(ObjectsConfig::default(), &[]).unwrap();
    let mut moments = Moments::new(false);
    for i in 0..SHOWN {
        let frame = later(frame, i * PERIOD);
        let scene = lidar.step(&frame).unwrap();
        let found = objects.step(&frame, None, &scene);
        moments.add(&frame, &found.objects).unwrap();
    }
    moments.finish().pop().unwrap()
}

/// Of the annotated vehicles within 40 m with 30 returns: in the boxes of how
/// many, widened by half a metre, is the middle of an object that is called a
/// vehicle; in how many that of any object; and how many there are.
fn recall(moment: &Moment) -> [usize; 3] {
    let wanted = moment.truths.iter().filter(|truth| {
        let [x, y] = [0, 1].map(|k| truth.state.centre[k] - moment.vehicle[k]);
        let near = x.hypot(y) <= 40.0 && truth.points >= Some(30);
        VEHICLES.contains(&truth.state.class) && near
    });
    let (mut called, mut found, mut all) = (0, 0, 0);
    for truth in wanted {
        let (sin, cos) = truth.state.yaw.sin_cos();
        let holds = |track: &&TrackedObject| {
            let [x, y] = [0, 1].map(|k| track.state.centre[k] - truth.state.centre[k]);
            let [along, across] = [x * cos + y * sin, y * cos - x * sin].map(f64::abs);
            along < truth.state.size[0] / 2.0 + 0.5 && across < truth.state.size[1] / 2.0 + 0.5
        };
        let its: Vec<_> = moment.tracks.iter().filter(holds).collect();
        all += 1;
        found += usize::from(!its.is_empty());
        called += usize::from(its.iter().any(|one| VEHICLES.contains(&one.state.class)));
    }
    [called, found, all]
}

#[test]
fn vehicles_of_a_nuscenes_keyframe_are_found() {
    let Some(keyframe) = recorded("logs/nuscenes_sample") else {
        return;
    };
    let root = tempfile::tempdir().unwrap();
    nuscenes_set::Keyframe::recorded(&keyframe).lay_out(root.path());
    let log = Log::open(root.path()).unwrap();
    let middle = nuscenes_set::SCANS as u64;
    let frame = log
        .frames(Some(middle..middle + 1))
        .next()
        .unwrap()
        .unwrap();
    let [called, found, all] = recall(&shown(&frame));
    eprintln!("nuScenes: {called} called vehicles, {found} found, of {all}");
    assert!(all == 2 && called == 2, "{called} of {all}");
}

#[test]
fn vehicles_of_two_argoverse_sweeps_are_found() {
    let log = "logs/argoverse2/7fab2350-7eaf-3b7e-a39d-6937a4c1bede";
    let Some(path) = recorded(log) else { return };
    let log = Log::open(&path).unwrap();
    // One car is annotated twice.
    for frame in log.frames(None) {
        let frame = frame.unwrap();
        let [called, found, all] = recall(&shown(&frame));
        eprintln!("Argoverse 2: {called} called vehicles, {found} found, of {all}");
        assert!(all == 14 && called >= 8 && found >= 11, "{called}, {found}");
    }
}
