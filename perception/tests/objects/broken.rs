//! Input that makes no sense, or little.

use std::sync::Arc;

use janus_datasets::Point;
use janus_perception::detect::Detection;
use janus_perception::{
    CameraScene, Cloud, Health, Impairment, Objects, ObjectsConfig, Source, Unseen,
};
use janus_shaders::cluster::Cluster;

use super::{classes, street};

pub(super) fn objects() -> Objects {
    Objects::new(ObjectsConfig::default(), &classes()).unwrap()
}

pub(super) fn reasons(health: &Health) -> Vec<&'static str> {
    health
        .impairments()
        .iter()
        .map(Impairment::reason)
        .collect()
}

#[test]
fn broken_input_is_survived_and_told() {
    let street = street("busy_street", 150..156);
    let (frame, scene, cameras) = street.last().unwrap();

    // As it should be: things are found, and nothing is wrong.
    let mut whole = objects();
    let mut found = Vec::new();
    for (frame, scene, cameras) in &street {
        let step = whole.step(frame, Some(cameras), scene);
        assert_eq!(step.health, Health::Ok);
        found = step.objects;
    }
    assert!(found.len() > 8, "{}", found.len());
    for (i, a) in found.iter().enumerate() {
        for b in &found[i + 1..] {
            // Each thing is one object, though cameras and lidars see it.
            let apart = (a.centre[0] - b.centre[0]).hypot(a.centre[1] - b.centre[1]);
            assert!(apart > 0.4, "{a:?} {b:?}");
        }
    }

    // The same again gives the same, to the bit.
    let mut again = objects();
    for (frame, scene, cameras) in &street {
        let step = again.step(frame, Some(cameras), scene);
        if frame.stamp == street.last().unwrap().0.stamp {
            assert_eq!(step.objects, found);
        }
    }

    // Boxes that are none are left out; a detector that finds nothing, or
    // fails, takes nothing from the lidars.
    let nan = Detection {
        camera: 0,
        class: 0,
        score: f32::NAN,
        bbox: [10.0, 10.0, 50.0, 50.0],
    };
    let broken = CameraScene {
        detections: vec![
            nan,
            Detection {
                score: 0.9,
                bbox: [f32::NAN; 4],
                ..nan
            },
            Detection {
                score: 0.9,
                bbox: [50.0, 50.0, 50.0, 50.0],
                ..nan
            },
            Detection {
                score: 0.9,
                bbox: [-1e30, 0.0, 1e30, f32::INFINITY],
                ..nan
            },
            Detection {
                score: 0.9,
                camera: 77,
                ..nan
            },
            Detection {
                score: 0.9,
                class: 77,
                ..nan
            },
        ],
        ..CameraScene::default()
    };
    let unseen = CameraScene {
        unseen: vec![Unseen {
            camera: 1,
            reason: "timed_out",
            error: String::new(),
        }],
        ..CameraScene::default()
    };
    let [mut with_broken, mut with_none, mut with_failed] = [objects(), objects(), objects()];
    for (frame, scene, _) in &street {
        let none = CameraScene::default();
        let a = with_broken.step(frame, Some(&broken), scene);
        let b = with_none.step(frame, Some(&none), scene);
        let c = with_failed.step(frame, Some(&unseen), scene);
        assert!(!b.objects.is_empty() || frame.index < 153);
        assert_eq!(a.objects, b.objects);
        assert_eq!(c.objects, b.objects);
        assert_eq!(b.health, Health::Ok);
        assert_eq!(reasons(&c.health), ["camera_unknown"]);
    }

    // Without sweeps there is no ground, and nothing to rely on.
    let mut blind = frame.clone();
    blind.sweeps.clear();
    blind.images.truncate(1);
    let mut dark = scene.clone();
    dark.cloud = Default::default();
    let step = objects().step(&blind, Some(cameras), &dark);
    assert!(matches!(step.health, Health::Unfit(_)));
    let told = reasons(&step.health);
    for reason in ["no_lidar", "camera_missing", "no_ground"] {
        assert!(told.contains(&reason), "{told:?}");
    }

    // Without a pose nothing is anywhere.
    let mut lost = frame.clone();
    lost.pose = None;
    let step = objects().step(&lost, Some(cameras), scene);
    assert!(step.objects.is_empty());
    assert_eq!(reasons(&step.health), ["no_pose"]);

    // Sensors of another time, or missing.
    let mut late = frame.clone();
    late.sweeps.remove(0);
    late.sweeps[0].stamp -= 400_000_000;
    late.images[2].stamp -= 600_000_000;
    let mut part = scene.clone();
    let rest = frame.sweeps[0].points.len();
    part.cloud.labels.drain(..rest);
    let step = objects().step(&late, Some(cameras), &part);
    let told = reasons(&step.health);
    for reason in ["lidar_missing", "lidar_stale", "camera_stale"] {
        assert!(told.contains(&reason), "{told:?}");
    }

    // A jump in time, back or forth, makes everything new, once.
    for by in [-10_000_000_000i64, 10_000_000_000] {
        let mut jumped = objects();
        for (frame, scene, cameras) in &street {
            jumped.step(frame, Some(cameras), scene);
        }
        let mut after = frame.clone();
        after.stamp += by;
        let step = jumped.step(&after, None, scene);
        assert!(step.objects.is_empty());
        assert!(reasons(&step.health).contains(&"time_jump"));
        after.stamp += 100_000_000;
        let step = jumped.step(&after, None, scene);
        assert!(!reasons(&step.health).contains(&"time_jump"));
    }
}

#[test]
fn ten_thousand_clusters_are_followed_in_bounded_memory() {
    let street = street("busy_street", 150..151);
    let (frame, scene, cameras) = &street[0];
    let mut crowd = scene.clone();
    let like = scene.cloud.clusters[0];
    crowd.cloud.clusters = (0..10_000)
        .map(|i| {
            let mut one = like;
            let at = [(i % 100) * 900 - 45_000, (i / 100) * 900 - 45_000, 0];
            one.min = at;
            one.max = at.map(|c| c + 600);
            one.points = 10;
            one
        })
        .collect();
    // Every point is in one of them.
    for (i, label) in crowd.cloud.labels.iter_mut().enumerate() {
        *label = 2 + (i % 10_000) as u32;
    }
    let mut objects = objects();
    let mut later = frame.clone();
    for _ in 0..3 {
        later.stamp += 100_000_000;
        let step = objects.step(&later, Some(cameras), &crowd);
        assert!(step.objects.len() <= 2_000, "{}", step.objects.len());
        // Clusters of no extent, far away, and of points that are not theirs.
        for object in &step.objects {
            assert!(object.centre.iter().all(|c| c.is_finite()));
        }
    }
    let mut points = scene.clone();
    for cluster in &mut points.cloud.clusters {
        cluster.max = cluster.min;
        cluster.height = i32::MIN;
    }
    later.stamp += 100_000_000;
    objects.step(&later, Some(cameras), &points);
}

/// A square of a hundred times a hundred posts about the vehicle, each a
/// cluster of its own.
#[test]
fn of_ten_thousand_posts_as_many_are_followed_as_there_is_room_for() {
    let street = street("busy_street", 150..151);
    let (frame, scene, _) = &street[0];
    let mut frame = frame.clone();
    let mut crowd = scene.clone();
    // The ground stays, and the returns of the first lidar are of posts.
    let mount = frame.rig.lidars[frame.sweeps[0].lidar].base_from_sensor;
    let pose = frame.pose.unwrap();
    let odom_from_sensor = pose * mount;
    let west = [pose.translation.x, pose.translation.y].map(|c| (c * 1e3) as i32 - 45_000);
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    crowd.cloud.clusters.clear();
    for post in 0..10_000 {
        let corner = [
            west[0] + (post % 100) * 900,
            west[1] + (post / 100) * 900,
            0,
        ];
        for i in 0..10 {
            let side = |k: i32| corner[k as usize] + 60 * ((i + 3 * k) % 10);
            let at = [side(0), side(1), 150 * i].map(|mm| f64::from(mm) * 1e-3);
            let at = odom_from_sensor.inverse_transform_point(&at.into());
            points.push(Point::from_metres(at.into(), 0.5, 0));
            labels.push(Cloud::FIRST_CLUSTER + post as u32);
        }
        crowd.cloud.clusters.push(Cluster {
            min: corner,
            points: 10,
            max: [corner[0] + 540, corner[1] + 540, 1_350],
            height: 1_350,
        });
    }
    let rest = &scene.cloud.labels[frame.sweeps[0].points.len()..];
    let ground = rest.iter().map(|&label| label.min(Cloud::GROUND));
    labels.extend(ground);
    crowd.cloud.labels = labels;
    frame.sweeps[0].points = points;

    let mut objects = objects();
    for _ in 0..6 {
        frame.stamp += 100_000_000;
        for sweep in &mut frame.sweeps {
            sweep.stamp += 100_000_000;
        }
        let step = objects.step(&frame, None, &crowd);
        assert!(step.objects.len() <= 2_000, "{}", step.objects.len());
        let left_out = step.health.impairments().iter().find_map(|one| match one {
            Impairment::TooManyObjects { left_out } => Some(*left_out),
            _ => None,
        });
        // As many as there are, but for what is taken for part of another.
        let left_out = left_out.expect("is told");
        assert!((4_000..=8_000).contains(&left_out), "{left_out}");
        assert!(
            matches!(step.health, Health::Degraded(_)),
            "{:?}",
            step.health
        );
    }
}

#[test]
fn a_camera_that_looks_astray_is_left_out() {
    let street = street("busy_street", 150..170);
    // Two degrees to the left.
    let mut turned = Vec::new();
    for (frame, ..) in &street {
        let mut frame = frame.clone();
        let mut rig = (*frame.rig).clone();
        for camera in &mut rig.cameras {
            let turn = nalgebra::UnitQuaternion::from_euler_angles(0.0, 2f64.to_radians(), 0.0);
            camera.base_from_sensor.rotation *= turn;
        }
        frame.rig = Arc::new(rig);
        turned.push(frame);
    }
    let [mut right, mut wrong, mut alone] = [objects(), objects(), objects()];
    let (mut told, mut sources) = (Vec::new(), Vec::new());
    for ((frame, scene, cameras), turned) in street.iter().zip(&turned) {
        let health = right.step(frame, Some(cameras), scene).health;
        assert_eq!(health, Health::Ok);
        let step = wrong.step(turned, Some(cameras), scene);
        let by_lidar = alone.step(frame, None, scene);
        told = step.health.impairments().to_vec();
        sources = step.objects.iter().map(|object| object.source).collect();
        // What the lidars see is not lost.
        assert!(step.objects.len() + 2 >= by_lidar.objects.len());
    }
    let astray = told.iter().find_map(|one| match one {
        Impairment::CameraAstray {
            right_rad,
            down_rad,
            ..
        } => Some((*right_rad, *down_rad)),
        _ => None,
    });
    let (right_rad, down_rad) = astray.expect("is told");
    assert!((right_rad + 0.035).abs() < 0.012, "{right_rad}");
    assert!(down_rad.abs() < 0.02, "{down_rad}");
    // Nothing is there that only such a camera would have seen.
    assert!(!sources.contains(&Source::Camera), "{sources:?}");
}
