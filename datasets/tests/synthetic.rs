//! The synthetic world, from outside.

use std::fs;
use std::path::Path;

use janus_datasets::synth::{Drive, Ego, Scenario, Simulation, Window};
use janus_datasets::{Annotation, Class, Frame, Log, Pose, SensorKind, Sweep};
use nalgebra::{Point3, Vector3};
use sha2::{Digest, Sha256};

fn log(name: &str) -> Log {
    Log::synthetic(Drive {
        scenario: Scenario::named(name).expect("is built in"),
        frames: None,
        seed: None,
    })
    .expect("is right")
}

fn frames(log: &Log, range: std::ops::Range<u64>) -> Vec<Frame> {
    log.frames(Some(range))
        .map(|frame| frame.expect("whole"))
        .collect()
}

/// Of everything in a frame that is of whole numbers, and of the boxes.
fn digest(frame: &Frame) -> String {
    let mut hash = Sha256::new();
    hash.update(frame.index.to_le_bytes());
    hash.update(frame.stamp.to_le_bytes());
    for sweep in &frame.sweeps {
        for point in &sweep.points {
            for c in [point.x, point.y, point.z] {
                hash.update(c.to_le_bytes());
            }
            hash.update(point.tag.to_le_bytes());
        }
        for label in sweep.labels.iter().flatten() {
            hash.update(label.to_le_bytes());
        }
    }
    for image in &frame.images {
        hash.update(image.decode().expect("decodes").as_raw());
    }
    let pose = |hash: &mut Sha256, pose: &Pose| {
        for c in pose
            .translation
            .vector
            .iter()
            .chain(pose.rotation.coords.iter())
        {
            hash.update(c.to_bits().to_le_bytes());
        }
    };
    pose(&mut hash, &frame.pose.expect("has one"));
    for found in &frame.annotations {
        hash.update(found.track.as_bytes());
        pose(&mut hash, &found.base_from_box);
        hash.update(found.points.expect("are counted").to_le_bytes());
    }
    let bytes = hash.finalize();
    bytes[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The 71st frame of every scenario, on every platform.
const GOLDEN: [(&str, &str); 9] = [
    ("busy_street", "dfc2fdb5968463b1"),
    ("crossing", "758021efaed7f57a"),
    ("dead_end_alley", "d5dd49d41e6f9785"),
    ("delivery_stop", "275f43f9712d8fee"),
    ("hidden_pedestrian", "f2b6f1ab6120ccb1"),
    ("hill_and_ramp", "47e2cf38325cc7f9"),
    ("narrow_street", "7b4be27f81a0c4b7"),
    ("parking_pocket", "5270d694b8177530"),
    ("roundabout", "43d287c9c6859df6"),
];

#[test]
fn a_seed_gives_the_same_bits_everywhere() {
    assert!(Scenario::names().eq(GOLDEN.map(|(name, _)| name)));
    let found = GOLDEN.map(|(name, _)| (name, digest(&frames(&log(name), 70..71)[0])));
    let found = found.each_ref().map(|(name, hash)| (*name, hash.as_str()));
    assert_eq!(found, GOLDEN);
}

#[test]
fn frames_are_the_same_whatever_was_read_before() {
    let all = frames(&log("busy_street"), 0..4);
    assert_eq!(
        all.iter().map(|f| f.index).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    let log = log("busy_street");
    assert_eq!(digest(&frames(&log, 3..4)[0]), digest(&all[3]));
    let other = Log::synthetic(Drive {
        seed: Some(99),
        ..Drive::default()
    });
    let other = other.expect("is right");
    assert_eq!((other.indices().len(), other.info().frames), (30, 30));
    assert_ne!(digest(&frames(&other, 3..4)[0]), digest(&all[3]));
}

/// A box at another time, by its velocity.
fn odom_from_box(frame: &Frame, found: &Annotation, stamp: i64) -> Pose {
    let odom_from_base = frame.pose.expect("has one");
    let [x, y] = found.velocity.expect("is known");
    let seconds = (stamp - frame.stamp) as f64 * 1e-9;
    let moved = odom_from_base.rotation * Vector3::new(x, y, 0.0) * seconds;
    let mut pose = odom_from_base * found.base_from_box;
    pose.translation.vector += moved;
    pose
}

/// A sweep's points in odom at their own times, with their times and labels.
fn placed<'a>(
    frame: &'a Frame,
    sweep: &'a Sweep,
) -> impl Iterator<Item = (Point3<f64>, i64, u16)> + 'a {
    let labels = sweep.labels.as_ref().expect("are known");
    assert_eq!(labels.len(), sweep.points.len());
    let base_from_lidar = frame.rig.lidars[sweep.lidar].base_from_sensor;
    sweep.points.iter().zip(labels).map(move |(point, &label)| {
        let stamp = sweep.stamp + point.after_ns();
        let odom_from_base = frame.ego.at(stamp).expect("is on the way");
        let at = Point3::from(point.metres().map(f64::from));
        (odom_from_base * base_from_lidar * at, stamp, label)
    })
}

#[test]
fn boxes_hold_the_points_of_their_label_and_no_others_do() {
    for (name, at) in [
        ("busy_street", 110),
        ("roundabout", 90),
        ("hill_and_ramp", 130),
    ] {
        let frame = &frames(&log(name), at..at + 1)[0];
        let mut counts = vec![0; 65_536];
        for sweep in &frame.sweeps {
            assert!((50_000..80_000).contains(&sweep.points.len()));
            for (at, stamp, label) in placed(frame, sweep) {
                counts[usize::from(label)] += 1;
                assert!(label != 0);
                if label < Sweep::FIRST_OBJECT {
                    continue;
                }
                let track = label.to_string();
                let mut boxes = frame.annotations.iter();
                let found = boxes
                    .find(|found| found.track == track)
                    .expect("is annotated");
                let local = odom_from_box(frame, found, stamp).inverse() * at;
                for k in 0..3 {
                    // The noise, and how far a corner turns in a frame.
                    let half = found.size[k] / 2.0 + 0.14;
                    assert!(local[k].abs() < half, "{name}: {} {local}", found.label);
                }
            }
        }
        let mut seen = 0;
        for found in &frame.annotations {
            let label: usize = found.track.parse().expect("is a number");
            assert_eq!(found.points, Some(counts[label]));
            let visibility = found.visibility.expect("is known");
            assert!((0.0..=1.0).contains(&visibility));
            assert!(visibility > 0.0 || counts[label] == 0);
            seen += usize::from(counts[label] > 20);
        }
        assert!(seen >= 3, "{name}: {seen} objects are seen");
        for label in [Sweep::GROUND, Sweep::BACKGROUND] {
            assert!(counts[usize::from(label)] > 20_000, "{name}: {label}");
        }
        assert!(counts[usize::from(Sweep::EGO)] > 100);
    }
}

#[test]
fn velocity_is_what_boxes_move() {
    for name in Scenario::names() {
        let log = log(name);
        let mut moving = 0;
        let all = frames(&log, 60..63);
        for pair in all.windows(2) {
            let dt = (pair[1].stamp - pair[0].stamp) as f64 * 1e-9;
            assert!((dt - 0.1).abs() < 1e-9);
            for after in &pair[1].annotations {
                let mut before = pair[0].annotations.iter();
                let before = before
                    .find(|found| found.track == after.track)
                    .expect("was there");
                let [a, b] = [(&pair[0], before), (&pair[1], after)]
                    .map(|(frame, found)| odom_from_box(frame, found, frame.stamp));
                let moved = (b.translation.vector - a.translation.vector) / dt;
                let base = pair[1].pose.expect("has one").rotation.inverse() * moved;
                let [x, y] = after.velocity.expect("is known");
                // A box's middle is over the place that is followed, and
                // leans on a slope.
                let off = (base.x - x).abs().max((base.y - y).abs());
                assert!(off < 0.35, "{name}: {} {off}", after.label);
                assert!(
                    off < 1e-6 || before.base_from_box.rotation != after.base_from_box.rotation
                );
                moving += usize::from(x.hypot(y) > 0.5);
            }
        }
        assert!(moving >= 2, "{name}: {moving} move");
    }
}

#[test]
fn ground_points_lie_at_the_ground_and_others_in_occupied_cells() {
    for name in ["busy_street", "hill_and_ramp"] {
        let scenario = Scenario::named(name).expect("is built in");
        let mut simulation = Simulation::new(&scenario);
        let reference = simulation.reference().to_vec();
        let ego = Ego {
            pose: reference[reference.len() / 3],
            velocity: [0.0; 2],
        };
        // The first step is a leap; in the second the vehicle stands.
        simulation.step(&ego, 0.1).expect("is right");
        let frame = simulation.step(&ego, 0.1).expect("is right");
        let [x, y] = [0, 1].map(|k| ego.pose.translation.vector[k]);
        let window = Window {
            origin: [x - 20.0, y - 20.0],
            cell: 0.2,
            size: [200, 200],
        };
        let cells = simulation.occupied(&window).expect("is right");
        // The cells are those of the end of the sweep.
        let slow =
            |label: u16| label == Sweep::BACKGROUND || speed_of(&frame, &label.to_string()) < 1.5;
        let mut counts = [0; 3];
        for sweep in &frame.sweeps {
            for (at, _, label) in placed(&frame, sweep) {
                let over = at.z - simulation.height(at.x, at.y);
                if label == Sweep::GROUND {
                    let near = (at.x - x).hypot(at.y - y) < 25.0;
                    counts[0] += usize::from(near && over.abs() < 0.04);
                    counts[1] += usize::from(near);
                    continue;
                }
                let cell = [at.x, at.y];
                let cell = [0, 1].map(|k| (cell[k] - window.origin[k]) / window.cell);
                let inside = cell.iter().all(|&c| (1.0..199.0).contains(&c));
                if label == Sweep::EGO || over > 2.2 || !inside || !slow(label) {
                    continue;
                }
                let [i, j] = cell.map(|c| c as usize);
                // The noise may put it into the next cell.
                let near = (j - 1..=j + 1).any(|j| (i - 1..=i + 1).any(|i| cells[j * 200 + i]));
                assert!(near, "{name}: a point of {label} at {at}");
                counts[2] += 1;
            }
        }
        let [level, ground, things] = counts;
        // The rest is on kerbs.
        assert!(
            ground > 20_000 && level * 100 > ground * 95,
            "{level} of {ground}"
        );
        assert!(things > 10_000, "{things}");
        let share = cells.iter().filter(|&&cell| cell).count() as f64 / cells.len() as f64;
        assert!((0.05..0.7).contains(&share), "{share}");
        let here = 100 * 200 + 100;
        assert!(!cells[here], "the vehicle itself is not in them");
    }
}

#[test]
fn info_tells_what_is_in_it() {
    let log = log("dead_end_alley");
    let info = log.info();
    assert_eq!(
        (log.format(), info.first, info.last),
        ("synthetic", Some(0), Some(459))
    );
    assert!((info.duration_s - 45.9).abs() < 1e-9);
    assert!(info.distance_m > 60.0, "{}", info.distance_m);
    assert!(info.notes[0].starts_with("To go into an alley"));
    let count = |kind| info.sensors.iter().filter(|s| s.kind == kind).count();
    assert_eq!(
        [count(SensorKind::Lidar), count(SensorKind::Camera)],
        [4, 4]
    );
    assert_eq!(info.sensors[4].resolution, Some([640, 384]));
    let some: Vec<Frame> = [0, 200, 459]
        .into_iter()
        .flat_map(|index| frames(&log, index..index + 1))
        .collect();
    let said = info.annotations.as_ref().expect("are there");
    assert_eq!(said.tracks, 3);
    for frame in &some {
        assert_eq!((frame.sweeps.len(), frame.images.len()), (4, 4));
        let index = frame.index as usize;
        let way = log.trajectory().waypoints();
        assert_eq!(
            (Some(way[index + 1].pose), way[index + 1].stamp),
            (frame.pose, frame.stamp)
        );
        let cars = frame
            .annotations
            .iter()
            .filter(|found| found.class == Class::Car);
        assert!((1..=2).contains(&cars.count()));
    }
}

#[test]
fn a_file_is_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("any name");
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/dead_end_alley.toml");
    fs::copy(&built_in, &path).expect("is copied");
    let opened = Log::open(&path).expect("is recognised");
    assert_eq!(
        (opened.format(), opened.path()),
        ("synthetic", path.as_path())
    );
    let [one, other] = [opened, log("dead_end_alley")].map(|log| digest(&frames(&log, 5..6)[0]));
    assert_eq!(one, other);
    fs::write(&path, "[settings]\nname = 1\n").expect("is written");
    let error = Log::open(&path).expect_err("is none");
    assert_eq!(error.reason(), "unknown_format");
    assert!(error.to_string().contains("[scenario]"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_a_sentence() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/hill_and_ramp.toml");
    let right = fs::read_to_string(path).expect("is there");
    let wrong = [
        (
            "duration_s = 40.0",
            "duration_s = 1e9",
            "scenario.duration_s: expected from 1 to 120 s",
        ),
        (
            "seed = 6",
            "seed = -6",
            "line 6: expected the fields of a scenario",
        ),
        (
            "speed = 4.0",
            "speed = nan",
            "ego.speed: expected from 0.3 to 10 m/s",
        ),
        ("speed = 4.0", "", "missing field `speed`"),
        (
            "width = 7.2",
            "width = 7.2\nheight = 1.0",
            "unknown field `height`",
        ),
        (
            "lead = \"a\"",
            "lead = \"front\"",
            "unknown variant `front`",
        ),
        (
            "[85.0, -1.75]",
            "[850.0, -1.75]",
            "ego.leg[0].points: expected a place within the area",
        ),
        (
            "[8.0, 3.6]",
            "[8.0, 13.6]",
            "slope of area.profile: expected from -0.1501 to 0.1501",
        ),
        (
            "height = 1.0",
            "height = 2.0",
            "slope of ramp[0]: expected from 0 to 0.15",
        ),
        (
            "share = 0.4",
            "share = 4.0",
            "parked[0].share: expected from 0 to 1",
        ),
        (
            "spacing = 20.0",
            "spacing = 1e-9",
            "lamps[0].spacing: expected from 3 to 100 m",
        ),
        (
            "minds = \"nothing\"",
            "minds = \"manners\"",
            "unknown variant `manners`",
        ),
        (
            "toward = [0.0, 1.0]",
            "toward = [0.0, 0.0]",
            "thing[0].toward: expected a vector",
        ),
        ("from = [-60.0, -40.0]", "from = [-60.0", "line 1"),
    ];
    for (from, to, said) in wrong {
        assert!(right.contains(from), "{from}");
        let error = Scenario::parse(Path::new("hill.toml"), &right.replacen(from, to, 1))
            .expect_err("is wrong");
        assert_eq!(error.reason(), "malformed");
        let error = error.to_string();
        assert!(
            error.starts_with("hill.toml: ") && error.contains(said),
            "{error}"
        );
    }
    let error = Log::synthetic(Drive {
        frames: Some(461),
        ..Drive::default()
    });
    let error = error.expect_err("has 460 frames").to_string();
    assert!(
        error.contains("frames: expected a number from 1"),
        "{error}"
    );
}

/// Stands at a place and lets some time pass.
fn stand(simulation: &mut Simulation, pose: Pose, ticks: usize) -> Frame {
    let ego = Ego {
        pose,
        velocity: [0.0; 2],
    };
    for _ in 1..ticks {
        simulation.skip(&ego, 0.2).expect("is right");
    }
    simulation.step(&ego, 0.2).expect("is right")
}

fn speed_of(frame: &Frame, track: &str) -> f64 {
    let found = frame.annotations.iter().find(|found| found.track == track);
    let [x, y] = found.and_then(|found| found.velocity).expect("is there");
    x.hypot(y)
}

#[test]
fn a_car_brakes_for_a_vehicle_in_its_way() {
    let scenario = Scenario::named("parking_pocket").expect("is built in");
    // The first actor comes towards the vehicle in the other lane.
    let track = Sweep::FIRST_OBJECT.to_string();
    for (y, stops) in [(1.6, true), (-1.6, false)] {
        let mut simulation = Simulation::new(&scenario);
        let pose = Pose::translation(10.0, y, 0.0);
        let frame = stand(&mut simulation, pose, 38);
        assert_eq!(speed_of(&frame, &track) < 0.1, stops, "{y}");
        assert_eq!(simulation.touched(&pose), [0; 0]);
    }
}

#[test]
fn a_pedestrian_waits_for_what_comes_and_goes_when_it_stands() {
    let scenario = Scenario::named("busy_street").expect("is built in");
    // The first one on the crossing at x = 31.
    let track = (Sweep::FIRST_OBJECT + 6).to_string();
    for (speed, waits) in [(4.0, true), (0.0, false)] {
        let mut simulation = Simulation::new(&scenario);
        let x = |tick: usize| 28.0 - speed * 0.2 * (60 - tick) as f64;
        for tick in 1..=60 {
            let ego = Ego {
                pose: Pose::translation(x(tick), -1.75, 0.0),
                velocity: [speed, 0.0],
            };
            if tick < 60 {
                simulation.skip(&ego, 0.2).expect("is right");
            } else {
                let frame = simulation.step(&ego, 0.2).expect("is right");
                assert_eq!(speed_of(&frame, &track) < 0.1, waits, "{speed} m/s");
            }
        }
    }
}

#[test]
fn the_world_goes_on_whether_or_not_anybody_looks() {
    let scenario = Scenario::named("crossing").expect("is built in");
    let [mut seen, mut skipped] = [0, 1].map(|_| Simulation::new(&scenario));
    let ego = Ego {
        pose: seen.pose(),
        velocity: [0.0; 2],
    };
    seen.step(&ego, 0.3).expect("is right");
    skipped.skip(&ego, 0.3).expect("is right");
    let frames = [seen, skipped].map(|mut world| world.step(&ego, 0.1).expect("is right"));
    assert_eq!(frames[0].index, frames[1].index);
    for (one, other) in frames[0].sweeps.iter().zip(&frames[1].sweeps) {
        assert_eq!(one.points, other.points);
    }
}

#[test]
fn a_simulation_says_what_it_cannot_take() {
    let scenario = Scenario::named("crossing").expect("is built in");
    let mut simulation = Simulation::new(&scenario);
    let start = simulation.pose();
    let right = Ego {
        pose: start,
        velocity: [0.0; 2],
    };
    let far = Pose::translation(f64::NAN, 0.0, 0.0);
    let upended = Pose::rotation(Vector3::y() * 1.5);
    for (ego, dt, said) in [
        (right, 0.0, "dt: expected"),
        (right, f64::NAN, "dt: expected"),
        (Ego { pose: far, ..right }, 0.1, "ego pose: expected"),
        (
            Ego {
                pose: upended,
                ..right
            },
            0.1,
            "ego pose: expected",
        ),
        (
            Ego {
                velocity: [f64::INFINITY, 0.0],
                ..right
            },
            0.1,
            "ego velocity: expected",
        ),
    ] {
        let error = simulation.step(&ego, dt).expect_err("is wrong");
        assert_eq!(error.reason(), "parameter");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(simulation.pose(), start, "and nothing has happened");
    let window = |cell, size| Window {
        origin: [0.0; 2],
        cell,
        size,
    };
    for wrong in [
        window(0.0, [1, 1]),
        window(f64::NAN, [1, 1]),
        window(0.1, [5000, 1]),
    ] {
        assert!(simulation.occupied(&wrong).is_err());
    }
    let nowhere = simulation.occupied(&window(0.1, [0, 0]));
    assert!(nowhere.expect("is right").is_empty());
    let frame = simulation.step(&right, 0.05).expect("is right");
    assert_eq!(
        (frame.index, frame.stamp - frame.sweeps[0].stamp),
        (0, 50_000_000)
    );
    assert_eq!(frame.sweeps[0].stamp + 50_000_000, simulation.stamp());
}
