//! Sensors that are there and cannot be used.

use std::sync::Arc;

use janus_datasets::{Frame, Trajectory};
use janus_perception::{Impairment, Object, Objects, ObjectsConfig, Source};

use super::broken::{objects, reasons};
use super::{classes, street};

#[test]
fn a_frame_without_a_pose_takes_no_time_from_what_moves() {
    let config = ObjectsConfig {
        max_gap_s: 0.25,
        ..ObjectsConfig::default()
    };
    let mut objects = Objects::new(config, &classes()).unwrap();
    for (i, (mut frame, scene, cameras)) in street("busy_street", 150..155).into_iter().enumerate()
    {
        if (1..4).contains(&i) {
            frame.pose = None;
        }
        let health = objects.step(&frame, Some(&cameras), &scene).health;
        let gap = health.impairments().iter().find_map(|one| match one {
            Impairment::TimeJump { gap_s } => Some(*gap_s),
            _ => None,
        });
        // Longer than what moves may be followed over.
        match gap {
            Some(gap_s) => assert!(i >= 3 && (gap_s - 0.1 * i as f64).abs() < 1e-6, "{gap_s}"),
            None => assert_ne!(i, 3),
        }
    }
}

#[test]
fn a_lidar_that_sends_nothing_is_missing() {
    let street = street("busy_street", 150..151);
    let (frame, scene, _) = &street[0];
    let mut mute = frame.clone();
    mute.sweeps[1].points.clear();
    let health = objects().step(&mute, None, scene).health;
    let missing = Impairment::LidarMissing { lidar: 1 };
    assert!(health.impairments().contains(&missing), "{health:?}");
}

#[test]
fn stale_pictures_and_those_from_nowhere_say_nothing() {
    let street = street("busy_street", 150..160);
    let [mut stale, mut nowhere, mut alone] = [objects(), objects(), objects()];
    for (frame, scene, cameras) in &street {
        let by_lidar = alone.step(frame, None, scene).objects;
        let mut late = frame.clone();
        for image in &mut late.images {
            image.stamp -= 400_000_000;
        }
        let step = stale.step(&late, Some(cameras), scene);
        assert_eq!(step.objects, by_lidar);
        assert!(reasons(&step.health).contains(&"camera_stale"));
        // The way ends a little before the pictures were taken.
        let mut lost = frame.clone();
        let before = |at: &janus_datasets::Waypoint| at.stamp <= frame.stamp;
        let way = frame.ego.waypoints().iter().copied().filter(before);
        lost.ego = Arc::new(Trajectory::new(way.collect()));
        for image in &mut lost.images {
            image.stamp = frame.stamp + 20_000_000;
        }
        let step = nowhere.step(&lost, Some(cameras), scene);
        let sources = step.objects.iter().map(|object| object.source);
        assert!(sources.into_iter().all(|source| source == Source::Lidar));
        assert!(reasons(&step.health).contains(&"camera_unplaced"));
    }
}

#[test]
fn a_camera_that_looks_elsewhere_makes_no_ghosts() {
    let street = street("busy_street", 150..170);
    let mut wrong = objects();
    let mut told = Vec::new();
    for (frame, scene, cameras) in &street {
        let mut frame: Frame = frame.clone();
        let mut rig = (*frame.rig).clone();
        for camera in &mut rig.cameras {
            let turn = nalgebra::UnitQuaternion::from_euler_angles(0.0, 12f64.to_radians(), 0.0);
            camera.base_from_sensor.rotation *= turn;
        }
        frame.rig = Arc::new(rig);
        let step = wrong.step(&frame, Some(cameras), scene);
        told = reasons(&step.health);
        let by_camera = |object: &&Object| object.source == Source::Camera;
        let ghosts = step.objects.iter().filter(by_camera).count();
        assert!(ghosts <= 2, "{ghosts} in frame {}", frame.index);
    }
    // Some boxes lie over a neighbour's cluster: it may look like little astray.
    let known = ["camera_unconfirmed", "camera_astray"];
    assert!(told.iter().any(|one| known.contains(one)), "{told:?}");
}
