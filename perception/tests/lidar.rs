//! The grid over several frames.

use std::sync::Arc;

use janus_datasets::{Frame, Lidar as Mount, Point, Pose, Rig, Sweep, Trajectory};
use janus_perception::{Cell, Lidar, LidarConfig, LidarScene};

/// What a lidar 1.5 m above the origin of `base_link` returns from ten metres
/// ahead: a post 1 m high.
fn frame(index: u64, x: f64, begins: bool) -> Frame {
    let mount = Mount {
        name: "lidar".into(),
        base_from_sensor: Pose::translation(0.0, 0.0, 1.5),
    };
    let rig = Rig {
        lidars: vec![mount],
        ..Rig::default()
    };
    let post = (0..10).map(|i| [10.1, 0.1, -0.5 - f64::from(i) * 0.05]);
    let mut points: Vec<Point> = post.map(|p| Point::from_metres(p, 0.5, 0)).collect();
    points.push(Point::INVALID);
    Frame {
        index,
        stamp: index as i64 * 100_000_000,
        begins,
        pose: Some(Pose::translation(x, 0.0, 0.0)),
        ego: Arc::<Trajectory>::default(),
        sweeps: vec![Sweep {
            lidar: 0,
            stamp: 0,
            points,
            labels: None,
        }],
        images: Vec::new(),
        annotations: Vec::new(),
        rig: Arc::new(rig),
    }
}

fn at(scene: &LidarScene, x: f64) -> Cell {
    let [column, row] = scene.grid.locate(x, 0.1);
    scene.grid.cell(column, row)
}

#[test]
fn what_was_seen_stays_until_a_scene_begins() {
    let mut lidar = Lidar::new(LidarConfig::default(), None).expect("has good settings");
    let mut step = |frame: &Frame| lidar.step(frame).expect("is whole");
    let first = step(&frame(0, 0.0, true));
    assert_eq!((first.points.kept, first.points.not_finite), (10, 1));
    assert_eq!(
        (at(&first, 10.1), at(&first, 5.1)),
        (Cell::Occupied, Cell::Unknown)
    );
    let second = step(&frame(1, 3.0, false));
    assert_eq!(
        (at(&second, 10.1), at(&second, 13.1)),
        (Cell::Occupied, Cell::Occupied)
    );
    let third = step(&frame(2, 6.0, true));
    assert_eq!(
        (at(&third, 10.1), at(&third, 13.1)),
        (Cell::Unknown, Cell::Unknown)
    );
    assert_eq!(at(&third, 16.1), Cell::Occupied);
    // A window that has rolled out of sight and back has forgotten.
    step(&frame(3, 400.0, false));
    let back = step(&frame(4, 0.0, false));
    assert_eq!(
        (at(&back, 16.1), at(&back, 10.1)),
        (Cell::Unknown, Cell::Occupied)
    );
}
