//! Sensors that are there and cannot be used.

use std::sync::Arc;

use janus_datasets::{Frame, Trajectory};
use janus_perception::{Impairment, Object, Source};

use super::broken::{objects, reasons, street};

#[test]
fn a_frame_without_a_pose_takes_no_time_from_what_moves() {
    let street = street(150..170);
    let [mut whole, mut holed] = [objects(), objects()];
    for (i, (frame, scene, cameras)) in street.iter().enumerate() {
        let wanted = whole.step(frame, Some(cameras), scene).objects;
        let mut lost = frame.clone();
        if (12..15).contains(&i) {
            lost.pose = None;
        }
        let step = holed.step(&lost, Some(cameras), scene);
        assert_eq!(
            reasons(&step.health).contains(&"no_pose"),
            lost.pose.is_none()
        );
        if i == 15 {
            let fast = |object: &&Object| object.velocity[0].hypot(object.velocity[1]) > 2.0;
            let fast: Vec<&Object> = wanted.iter().filter(fast).collect();
            assert!(!fast.is_empty());
            for one in fast {
                let same = step.objects.iter().find(|object| object.id == one.id);
                let same = same.expect("is still followed");
                let off = [0, 1].map(|k| one.centre[k] - same.centre[k]);
                let faster = [0, 1].map(|k| one.velocity[k] - same.velocity[k]);
                assert!(off[0].hypot(off[1]) < 0.5, "{off:?}");
                assert!(faster[0].hypot(faster[1]) < 1.0, "{faster:?}");
            }
        }
    }
}

#[test]
fn a_lidar_that_sends_nothing_is_missing() {
    let street = street(150..151);
    let (frame, scene, _) = &street[0];
    let mut mute = frame.clone();
    mute.sweeps[1].points.clear();
    let health = objects().step(&mute, None, scene).health;
    let missing = Impairment::LidarMissing { lidar: 1 };
    assert!(health.impairments().contains(&missing), "{health:?}");
}

#[test]
fn stale_pictures_and_those_from_nowhere_say_nothing() {
    let street = street(150..160);
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
    let street = street(150..170);
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
    assert!(told.contains(&"camera_unconfirmed"), "{told:?}");
}
