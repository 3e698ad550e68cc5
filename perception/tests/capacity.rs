//! What a frame takes of the machine's memory, and what becomes of one that
//! holds more points than are allowed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../../shaders/benches/scan/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod scan;

use std::sync::Arc;

use janus_datasets::{Body, Frame, Lidar as Mount, Point, Pose, Rig, Sweep, Trajectory};
use janus_perception::{Lidar, LidarConfig, LidarScene};
use janus_shaders::{Context, DeviceChoice};
use scan::Scan;

/// What a chain may take above the points that it is given, MiB.
const MOST_MIB: u64 = 256;

/// A figure of this process, MiB.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// Lets the greatest memory be that of now.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// A frame of some lidars' sweeps, each repeated so many times.
fn frame(lidars: usize, times: usize) -> Frame {
    let scan = Scan::of(lidars);
    let sweep = |(lidar, points): (usize, &Vec<_>)| Sweep {
        lidar,
        stamp: 0,
        points: bytemuck::cast_slice::<_, Point>(points).repeat(times),
        labels: None,
    };
    let mount = |sweep: &janus_shaders::fuse::Sweep| {
        let [x, y, z] = sweep.base_from_sensor.translation();
        let [x, y, z] = [x, y, z].map(|mm| f64::from(mm) / 1e3);
        Mount {
            name: format!("{}", sweep.first),
            base_from_sensor: Pose::translation(x, y, z),
        }
    };
    Frame {
        index: 0,
        stamp: 100_000_000,
        begins: false,
        pose: Some(Pose::translation(0.0, 0.0, 0.0)),
        ego: Arc::<Trajectory>::default(),
        sweeps: scan.points.iter().enumerate().map(sweep).collect(),
        images: Vec::new(),
        annotations: Vec::new(),
        rig: Arc::new(Rig {
            lidars: scan.sweeps.iter().map(mount).collect(),
            body: Some(Body {
                min: [-1.0; 2],
                max: [1.0; 2],
                height: 1.5,
            }),
            ..Rig::default()
        }),
        roads: None,
    }
}

/// What three frames take above what there was before, MiB, and the last scene.
fn taken(frame: &Frame, context: Option<Context>) -> (u64, LidarScene) {
    forget_peak();
    let before = status("VmRSS");
    let mut lidar = Lidar::new(LidarConfig::default(), context).unwrap();
    let scenes: Vec<_> = (0..3).map(|_| lidar.step(frame).unwrap()).collect();
    let taken = status("VmHWM").saturating_sub(before);
    (taken, scenes.into_iter().next_back().unwrap())
}

// One test, as all that a process does counts as its memory.
#[test]
fn memory_is_bounded_and_points_beyond_the_limit_are_counted() {
    let software = Context::open(&DeviceChoice::Named("llvmpipe".into())).unwrap();
    let one = frame(1, 1);
    let points = one.sweeps[0].points.len();
    assert!(points > 100_000, "{points}");
    for (device, context) in [("the CPU", None), ("llvmpipe", software)] {
        let (taken, scene) = taken(&one, context);
        eprintln!("{points} points on {device}: {taken} MiB");
        assert!(taken <= MOST_MIB, "{device}: {taken} MiB");
        assert!(!scene.cloud.clusters.is_empty());
    }

    // Of ten million points as many are taken as are allowed.
    let many = frame(10, 9);
    let points: usize = many.sweeps.iter().map(|sweep| sweep.points.len()).sum();
    assert!(points > 10_000_000, "{points}");
    let (taken, scene) = taken(&many, None);
    eprintln!("{points} points on the CPU: {taken} MiB");
    let most = LidarConfig::default().max_points as usize;
    assert_eq!(scene.points.total(), points);
    assert_eq!(scene.points.over_capacity as usize, points - most);
    assert_eq!(scene.cloud.labels.len(), points);
    assert!(scene.points.kept > 0 && !scene.cloud.clusters.is_empty());
    assert!(scene.faults.is_empty(), "{:?}", scene.faults);
}
