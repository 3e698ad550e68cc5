//! The Argoverse 2 reader on a recorded log.

mod recorded;

use std::sync::Arc;

use janus_datasets::roads::LaneKind;
use janus_datasets::{Class, Frame, Log, Loss, Point, SensorKind};
use nalgebra::{Point3, Vector3};

use recorded::recorded;

/// The stamps of the two sweeps.
const STAMPS: [i64; 2] = [315_966_265_259_836_000, 315_966_265_360_032_000];

fn log() -> Option<Log> {
    let folder = recorded("logs/argoverse2/7fab2350-7eaf-3b7e-a39d-6937a4c1bede")?;
    Some(Log::open(&folder).expect("is a log"))
}

fn frames(log: &Log) -> Vec<Frame> {
    log.frames(None)
        .map(|frame| frame.expect("is whole"))
        .collect()
}

fn place(point: &Point) -> Point3<f64> {
    Point3::from([point.x, point.y, point.z].map(|c| f64::from(c) * 1e-3))
}

#[test]
fn the_listing_is_told_without_reading_frames() {
    let Some(log) = log() else { return };
    assert_eq!(
        (log.format(), log.indices()),
        ("argoverse2", [0, 1].as_slice())
    );
    assert_eq!(log.trajectory().waypoints().len(), 2706);
    let info = log.info();
    assert_eq!(info.pose_source, Some("city_SE3_egovehicle"));
    let sensors: Vec<_> = info
        .sensors
        .iter()
        .map(|s| (&*s.name, s.kind, s.count))
        .collect();
    let lidar = |name| (name, SensorKind::Lidar, 2);
    // There are no pictures, and so no cameras.
    assert_eq!(sensors, [lidar("up_lidar"), lidar("down_lidar")]);
    assert!(log.rig().cameras.is_empty());
    let annotations = info.annotations.as_ref().expect("has some");
    assert_eq!(annotations.boxes, 162);
    assert_eq!(
        info.lost.get(&Loss::UnpairedAnnotation),
        Some(&(11_364 - 162))
    );
    // 15.95 s in a city.
    let [low, high] = info.extent_m.expect("has poses");
    let spans = (high[0] - low[0]).hypot(high[1] - low[1]);
    assert!((1.0..300.0).contains(&spans), "{spans}");
}

#[test]
fn both_lidars_have_their_sweep() {
    let Some(log) = log() else { return };
    let frames = frames(&log);
    assert_eq!(frames.iter().map(|f| f.stamp).collect::<Vec<_>>(), STAMPS);
    let counts = frames
        .iter()
        .map(|f| f.sweeps.iter().map(|s| s.points.len()).collect::<Vec<_>>());
    // Counted with pyarrow: lasers 0 to 31 and 32 to 63 of both files.
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [[51_785, 47_444], [51_807, 47_659]]
    );
    for frame in &frames {
        let odom_from_base = log.trajectory().at(frame.stamp);
        assert_eq!((frame.pose, frame.images.len()), (odom_from_base, 0));
        for sweep in &frame.sweeps {
            assert_eq!(sweep.stamp, frame.stamp);
            assert!(
                sweep
                    .points
                    .iter()
                    .all(|p| p.is_valid() && p.after_ns() == 0)
            );
        }
    }
}

/// Each laser turns on a cone about its own lidar's axis, so that elevations
/// gather at 32 values; as seen from the other lidar they would not.
#[test]
fn sweeps_lie_in_their_lidars_frames() {
    let Some(log) = log() else { return };
    let frame = &frames(&log)[0];
    // The share of returns within 0.05° of the middle of the fullest bin
    // nearby tells cones from a blur.
    let crowded = |elevations: &[f64]| {
        let mut bins = vec![0u32; 1 + (60.0 / 0.1) as usize];
        for elevation in elevations {
            let bin = (elevation + 30.0) / 0.1;
            if (0.0..bins.len() as f64).contains(&bin) {
                bins[bin as usize] += 1;
            }
        }
        bins.sort_unstable();
        let fullest: u32 = bins.iter().rev().take(64).sum();
        f64::from(fullest) / elevations.len() as f64
    };
    let [up, down] = [0, 1].map(|lidar| {
        let own = log.rig().lidars[lidar].base_from_sensor;
        let other = log.rig().lidars[1 - lidar].base_from_sensor;
        let far = frame.sweeps[lidar].points.iter().map(place);
        let far: Vec<_> = far
            .filter(|p| (8.0..40.0).contains(&p.coords.norm()))
            .collect();
        let elevation = |p: &Point3<f64>| (p.z / p.coords.norm()).asin().to_degrees();
        let here: Vec<f64> = far.iter().map(elevation).collect();
        let there: Vec<f64> = far
            .iter()
            .map(|p| elevation(&(other.inverse() * own * p)))
            .collect();
        (crowded(&here), crowded(&there))
    });
    for (here, there) in [up, down] {
        assert!(here > 0.75 && here > 1.25 * there, "{here} {there}");
    }
}

/// The road around the vehicle is at height zero.
#[test]
fn the_vehicle_stands_on_the_road() {
    let Some(log) = log() else { return };
    for frame in frames(&log) {
        let places = frame.sweeps.iter().flat_map(|sweep| {
            let base_from_lidar = log.rig().lidars[sweep.lidar].base_from_sensor;
            sweep
                .points
                .iter()
                .map(move |point| base_from_lidar * place(point))
        });
        let places: Vec<_> = places.collect();
        // The road slopes there, so that both sides of the vehicle are taken;
        // cars stand on it.
        let median = |ahead: f64| {
            let near = |p: &&Point3<f64>| {
                (3.0..8.0).contains(&(p.x * ahead)) && p.y.abs() < 2.0 && p.z.abs() < 0.4
            };
            let mut heights: Vec<f64> = places.iter().filter(near).map(|p| p.z).collect();
            heights.sort_by(f64::total_cmp);
            assert!(heights.len() > 300, "{}", heights.len());
            heights[heights.len() / 2]
        };
        let height = (median(1.0) + median(-1.0)) / 2.0;
        assert!(height.abs() < 0.06, "{height}");
    }
}

/// Boxes stand on the road, hold the returns that were counted in them, and
/// those of parked cars stay where they are as the vehicle moves.
#[test]
fn boxes_lie_where_the_returns_are() {
    let Some(log) = log() else { return };
    let frames = frames(&log);
    let mut agreeing = 0;
    for frame in &frames {
        assert_eq!(frame.annotations.len(), 81);
        let places = frame.sweeps.iter().flat_map(|sweep| {
            let base_from_lidar = log.rig().lidars[sweep.lidar].base_from_sensor;
            sweep
                .points
                .iter()
                .map(move |point| base_from_lidar * place(point))
        });
        let places: Vec<_> = places.collect();
        for annotation in &frame.annotations {
            let box_from_base = annotation.base_from_box.inverse();
            let inside = |p: &&Point3<f64>| {
                let p = box_from_base * **p;
                let sides = [p.x, p.y, p.z].into_iter().zip(annotation.size);
                sides.into_iter().all(|(c, side)| c.abs() <= side / 2.0)
            };
            let counted = places.iter().filter(inside).count() as f64;
            let said = f64::from(annotation.points.expect("is told"));
            agreeing += usize::from((counted - said).abs() <= 2.0 + 0.05 * said);
        }
    }
    assert!(agreeing >= 155, "{agreeing} of 162 boxes");

    let [first, second] = frames.as_slice() else {
        panic!("two frames")
    };
    let odom = |frame: &Frame| -> Vec<(String, Class, Vector3<f64>)> {
        let odom_from_base = frame.pose.expect("has one");
        let boxes = frame.annotations.iter();
        let boxes = boxes.map(|a| {
            let pose = odom_from_base * a.base_from_box;
            (a.track.clone(), a.class, pose.translation.vector)
        });
        boxes.collect()
    };
    let before = odom(first);
    let mut still = 0;
    for (track, class, place) in odom(second) {
        let from = before.iter().find(|b| b.0 == track);
        still += usize::from(
            class == Class::Car && from.is_some_and(|from| (from.2 - place).norm() < 0.05),
        );
    }
    assert!(still > 20, "{still}");
}

/// Counts are those of the elements in the file.
#[test]
fn the_map_lies_around_the_drive() {
    let Some(log) = log() else { return };
    let roads = log.roads().expect("comes with one");
    assert_eq!((roads.lanes().len(), roads.crossings().len()), (183, 11));
    let bicycles = roads
        .lanes()
        .iter()
        .filter(|lane| lane.kind == LaneKind::Bicycle);
    assert_eq!(bicycles.count(), 20);
    // Of 226, those that lead to lanes that are there; all name each other.
    let onward: usize = roads.lanes().iter().map(|lane| lane.successors.len()).sum();
    assert_eq!(onward, 205);
    for lane in roads.lanes() {
        for next in &lane.successors {
            let next = &roads.lanes()[*next];
            let (end, begin) = (lane.centre.at(f64::INFINITY).at, next.centre.at(0.0).at);
            let gap = (end[0] - begin[0]).hypot(end[1] - begin[1]);
            assert!(gap < 1.0, "{} to {}: {gap} m", lane.id, next.id);
        }
        for point in lane.centre.points() {
            let at = [point[0], point[1]];
            let [left, right] = [&lane.left, &lane.right].map(|border| border.project(at));
            assert!(left.offset <= 0.0 && right.offset >= 0.0, "{}", lane.id);
        }
    }
    // The vehicle drives on the lanes that lead its way, on their ground.
    let mut on_lanes = 0;
    let waypoints = log.trajectory().waypoints().iter().step_by(50);
    let count = waypoints.clone().count();
    for waypoint in waypoints {
        let at = waypoint.pose.translation.vector;
        let yaw = waypoint.pose.rotation.euler_angles().2;
        let Some(on) = roads.nearest([at.x, at.y], yaw, 1.5) else {
            continue;
        };
        let height = roads.lanes()[on.lane].centre.at(on.beside.station).at[2];
        on_lanes += usize::from((yaw - on.heading).cos() > 0.9 && (at.z - height).abs() < 0.5);
    }
    assert!(on_lanes * 10 > count * 9, "{on_lanes} of {count}");
    let frame = &frames(&log)[0];
    assert!(
        frame
            .roads
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, roads))
    );
}
