//! The synthetic drive, from outside.

use janus_datasets::synth::Drive;
use janus_datasets::{Frame, Log, Point, SensorKind};

fn frames(log: &Log, range: Option<std::ops::Range<u64>>) -> Vec<Frame> {
    log.frames(range)
        .map(|frame| frame.expect("whole"))
        .collect()
}

/// Everything in a frame that can be compared.
fn content(frame: &Frame) -> (u64, i64, Vec<&[Point]>, Vec<u8>) {
    let points = frame.sweeps.iter().map(|sweep| sweep.points.as_slice());
    let pictures = frame
        .images
        .iter()
        .map(|image| image.decode().expect("decodes"));
    let pixels = pictures
        .flat_map(|picture| picture.as_raw().clone())
        .collect();
    (frame.index, frame.stamp, points.collect(), pixels)
}

#[test]
fn a_seed_gives_the_same_frames() {
    let drive = Drive {
        frames: 5,
        ..Drive::default()
    };
    let log = Log::synthetic(drive.clone()).expect("is in range");
    let again = Log::synthetic(drive.clone()).expect("is in range");
    let all = frames(&log, None);
    assert_eq!(
        all.iter().map(|frame| frame.index).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    for (one, other) in all.iter().zip(&frames(&again, None)) {
        assert!(content(one) == content(other) && one.pose == other.pose);
    }
    let part = frames(&log, Some(2..4));
    assert_eq!(part.len(), 2);
    assert!(
        content(&part[1]) == content(&all[3]),
        "whatever was read before"
    );

    let other = Log::synthetic(Drive { seed: 2, ..drive }).expect("is in range");
    assert!(content(&frames(&other, None)[0]) != content(&all[0]));
}

#[test]
fn a_goal_lies_ahead_of_every_frame() {
    let log = Log::synthetic(Drive::default()).expect("is in range");
    let all = frames(&log, None);
    assert_eq!(
        (all.len(), log.indices().len(), log.info().frames),
        (30, 30, 30)
    );
    let way = log.trajectory().waypoints();
    for frame in &all {
        let i = frame.index as usize;
        assert_eq!((Some(way[i].pose), way[i].stamp), (frame.pose, frame.stamp));
        let ahead: f64 = way[i..]
            .windows(2)
            .map(|pair| (pair[1].pose.translation.vector - pair[0].pose.translation.vector).norm())
            .sum();
        assert!(ahead > 25.0, "{ahead} m ahead of frame {i}");
    }
    let (first, last) = (all[0].pose.expect("one"), all[29].pose.expect("one"));
    let turned = first.rotation.angle_to(&last.rotation);
    assert!(turned > 0.01 && turned < 0.6, "{turned} rad");
}

#[test]
fn info_tells_what_is_in_it() {
    let drive = Drive {
        frames: 11,
        rate_hz: 20.0,
        speed: 10.0,
        ..Drive::default()
    };
    let log = Log::synthetic(drive).expect("is in range");
    let info = log.info();
    assert_eq!(
        (log.format(), info.first, info.last),
        ("synthetic", Some(0), Some(10))
    );
    assert_eq!(info.duration_s, 0.5);
    assert!((info.distance_m - 5.0).abs() < 1e-3, "{}", info.distance_m);
    let kinds: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (s.name.as_str(), s.kind, s.rate_hz))
        .collect();
    let rate = Some(20.0);
    assert_eq!(
        kinds,
        [
            ("lidar_a", SensorKind::Lidar, rate),
            ("lidar_b", SensorKind::Lidar, rate),
            ("camera_a", SensorKind::Camera, rate),
        ]
    );
    assert_eq!(info.sensors[2].resolution, Some([640, 360]));
}

#[test]
fn parameters_out_of_range_are_named() {
    let right = Drive::default();
    for (drive, field) in [
        (
            Drive {
                frames: 0,
                ..right.clone()
            },
            "frames",
        ),
        (
            Drive {
                frames: u64::MAX,
                ..right.clone()
            },
            "frames",
        ),
        (
            Drive {
                rate_hz: f64::NAN,
                ..right.clone()
            },
            "rate_hz",
        ),
        (
            Drive {
                rate_hz: 0.0,
                ..right.clone()
            },
            "rate_hz",
        ),
        (
            Drive {
                speed: f64::INFINITY,
                ..right.clone()
            },
            "speed",
        ),
        (
            Drive {
                speed: -5.0,
                ..right.clone()
            },
            "speed",
        ),
    ] {
        let error = Log::synthetic(drive).expect_err("is out of range");
        assert_eq!(error.reason(), "parameter");
        assert!(error.to_string().contains(field), "{error}");
    }
    let longest = Drive {
        frames: 10_000,
        rate_hz: 1.0,
        speed: 20.0,
        seed: 0,
    };
    let log = Log::synthetic(longest).expect("is in range");
    let last = frames(&log, Some(9_999..u64::MAX));
    assert!(
        last[0]
            .sweeps
            .iter()
            .all(|sweep| sweep.points.len() > 10_000)
    );
}
