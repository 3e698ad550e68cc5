//! What becomes of lidar sweeps over several frames, and of bad ones.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use janus_datasets::{Body, Frame, Lidar as Mount, Point, Pose, Rig, Sweep, Trajectory, Waypoint};
use janus_perception::{Cell, Cloud, Error, Lidar, LidarConfig, LidarFault, LidarScene};
use janus_shaders::{Context, DeviceChoice, GpuError};
use nalgebra::Vector3;

/// A tenth of a second, ns.
const PERIOD: i64 = 100_000_000;

/// A lidar 1.5 m over the origin of `base_link`.
const MOUNT: [f64; 3] = [0.0, 0.0, 1.5];

fn rig() -> Rig {
    let [x, y, z] = MOUNT;
    Rig {
        lidars: vec![Mount {
            name: "lidar".into(),
            base_from_sensor: Pose::translation(x, y, z),
        }],
        body: Some(Body {
            min: [-1.0; 2],
            max: [1.0; 2],
            height: 2.0,
        }),
        ..Rig::default()
    }
}

/// A frame of one sweep, given in the sensor's frame, at a place on the x
/// axis.
fn frame(index: u64, x: f64, points: Vec<Point>) -> Frame {
    let stamp = index as i64 * PERIOD;
    Frame {
        index,
        stamp,
        begins: false,
        pose: Some(Pose::translation(x, 0.0, 0.0)),
        ego: Arc::<Trajectory>::default(),
        sweeps: vec![Sweep {
            lidar: 0,
            stamp: stamp - PERIOD,
            points,
            labels: None,
        }],
        images: Vec::new(),
        annotations: Vec::new(),
        rig: Arc::new(rig()),
        roads: None,
    }
}

/// What the lidar returns from level ground, and from a post 1 m high that
/// stands ten metres ahead.
fn street() -> Vec<Point> {
    let ring = |radius: f64| {
        (0..720).map(move |i| {
            let (sin, cos) = (f64::from(i) * 0.5f64).to_radians().sin_cos();
            [radius * cos, radius * sin, -MOUNT[2]]
        })
    };
    // Every ring is a little farther out than the one before.
    let radii = (0..60).map(|i| 2.5 * 1.05f64.powi(i));
    let ground = radii.flat_map(ring).filter(|p| p[0].hypot(p[1]) < 40.0);
    let post = (0..20).map(|i| [10.1, 0.1, -0.5 - f64::from(i) * 0.05]);
    let mut points: Vec<_> = ground
        .chain(post)
        .map(|p| Point::from_metres(p, 0.5, 0))
        .collect();
    points.push(Point::INVALID);
    points
}

fn lidar(config: LidarConfig) -> Lidar {
    Lidar::new(config, None).unwrap()
}

fn at(scene: &LidarScene, x: f64) -> Cell {
    let [column, row] = scene.grid.locate(x, 0.1);
    scene.grid.cell(column, row)
}

#[test]
fn what_stands_on_a_street_is_found() {
    let frame = frame(0, 0.0, street());
    let n = frame.sweeps[0].points.len();
    let scene = lidar(LidarConfig::default()).step(&frame).unwrap();
    assert_eq!(scene.points.not_finite, 1);
    assert_eq!(scene.points.kept as usize, n - 1);
    assert_eq!(scene.still_sweeps, 1);
    assert_eq!(scene.faults, []);

    let Cloud {
        voxels,
        labels,
        clusters,
    } = &scene.cloud;
    assert_eq!(labels.len(), n);
    let post = n - 21..n - 1;
    // Its foot is within the ground's tolerance.
    let named = labels[post].iter().filter(|l| **l == Cloud::FIRST_CLUSTER);
    assert!(named.count() >= 15, "{:?}", &labels[n - 21..]);
    let ground = labels.iter().filter(|l| **l == Cloud::GROUND).count();
    assert!(ground > n * 95 / 100, "{ground} of {n}");
    assert_eq!(clusters.len(), 1);
    let within = |mm: i32, least: i32, most: i32| assert!((least..=most).contains(&mm), "{mm}");
    within(clusters[0].min[0], 10_099, 10_101);
    within(clusters[0].max[2], 999, 1_001);
    assert!(voxels.len() > 5_000, "{}", voxels.len());

    assert_eq!(at(&scene, 10.1), Cell::Occupied);
    assert_eq!(at(&scene, 9.5), Cell::Free);
    assert_eq!(at(&scene, 0.0), Cell::Free, "where the vehicle stands");
    let occupied = scene.grid.index(50, 0).unwrap();
    assert_eq!(scene.distances[occupied], 0);
    assert_eq!(scene.distances[occupied - 3], 9);
}

#[test]
fn ground_under_a_car_is_not_free() {
    // A car's side at x = 2.5 m, from 0.45 m over the ground upwards; what is
    // under it is seen at x = 3.2 m, and nothing else of what is behind.
    let hidden = |p: &Point| {
        let [x, y, _] = p.metres();
        x > 2.4 && y.abs() < 2.0
    };
    let scene = |is_there: bool| {
        let mut points: Vec<_> = street().into_iter().filter(|p| !hidden(p)).collect();
        for i in -20..20 {
            let y = 0.05 + f64::from(i) * 0.1;
            let side = (0..10).map(|k| [2.5, y, 0.45 + f64::from(k) * 0.1]);
            let returns = side.filter(|_| is_there).chain([[3.2, y, 0.0]]);
            let from_sensor = |[x, y, z]: [f64; 3]| [x, y, z - MOUNT[2]];
            points.extend(returns.map(|p| Point::from_metres(from_sensor(p), 0.5, 0)));
        }
        let mut lidar = lidar(LidarConfig::default());
        lidar.step(&frame(0, 0.0, points)).unwrap()
    };
    let [open, under] = [false, true].map(scene);
    assert_eq!(at(&under, 2.5), Cell::Occupied);
    for x in [2.7, 2.9, 3.1, 3.3] {
        assert_eq!(at(&open, x), Cell::Free, "{x}");
        assert_eq!(at(&under, x), Cell::Unknown, "{x}");
    }
}

#[test]
fn what_was_seen_stays_until_a_scene_begins() {
    let mut lidar = lidar(LidarConfig::default());
    let mut step = |index, x, begins| {
        let mut frame = frame(index, x, street());
        frame.begins = begins;
        lidar.step(&frame).unwrap()
    };
    assert_eq!(at(&step(0, 0.0, true), 10.1), Cell::Occupied);
    let second = step(1, 3.0, false);
    assert_eq!(
        (at(&second, 10.1), at(&second, 13.1)),
        (Cell::Occupied, Cell::Occupied)
    );
    let third = step(2, 6.0, true);
    assert!(at(&third, 13.1) != Cell::Occupied);
    assert_eq!(at(&third, 16.1), Cell::Occupied);
    // A window that has rolled out of sight and back has forgotten; a pose may
    // jump by a kilometre.
    step(3, 1_000.0, false);
    let back = step(4, 0.0, false);
    assert!(at(&back, 16.1) != Cell::Occupied);
    assert_eq!(at(&back, 10.1), Cell::Occupied);
}

/// The pose of a vehicle that drives a circle at 20 m/s, 1 rad/s.
fn circling(seconds: f64) -> Pose {
    let (sin, cos) = seconds.sin_cos();
    Pose::new(
        Vector3::new(20.0 * sin, 20.0 * (1.0 - cos), 0.0),
        Vector3::z() * seconds,
    )
}

/// A sweep of a wall along x, 25 m to the left in odom, that the circling
/// vehicle made in the tenth of a second up to the frame's stamp.
fn swept_wall() -> Frame {
    let begin = PERIOD;
    let points = (0..20_000).map(|i| {
        let after = i64::from(i) * PERIOD / 20_000;
        let place =
            nalgebra::Point3::new(-40.0 + f64::from(i) * 0.004, 25.0, f64::from(i % 30) * 0.1);
        let pose = circling((begin + after) as f64 * 1e-9) * Pose::translation(0.0, 0.0, 1.5);
        let seen = pose.inverse_transform_point(&place);
        Point::from_metres(seen.coords.into(), 0.5, after)
    });
    let ways = (0..=40).map(|i| {
        let stamp = i64::from(i) * 10_000_000;
        Waypoint {
            stamp,
            pose: circling(stamp as f64 * 1e-9),
        }
    });
    let mut frame = frame(2, 0.0, points.collect());
    frame.pose = Some(circling(frame.stamp as f64 * 1e-9));
    frame.ego = Arc::new(Trajectory::new(ways.collect()));
    frame
}

/// The greatest distance of a voxel's centroid from the wall, mm.
fn off_the_wall(scene: &LidarScene) -> i32 {
    let off = scene.cloud.voxels.iter().map(|v| (v[1] - 25_000).abs());
    off.max().unwrap()
}

/// Voxels so small that each holds a few points only.
fn fine() -> LidarConfig {
    let mut config = LidarConfig::default();
    config.voxel.size_m = 0.05;
    config.range_m = 60.0;
    (config.height_min_m, config.height_max_m) = (-2.0, 6.0);
    config
}

#[test]
fn a_wall_is_flat_whatever_the_vehicle_does_meanwhile() {
    let mut frame = swept_wall();
    let scene = lidar(fine()).step(&frame).unwrap();
    assert_eq!(scene.still_sweeps, 0);
    assert!(scene.points.kept > 15_000, "{:?}", scene.points);
    let off = off_the_wall(&scene);
    assert!(off <= 20, "{off} mm");
    // Without a way nobody knows, and it is not flat.
    frame.ego = Arc::default();
    let scene = lidar(fine()).step(&frame).unwrap();
    assert_eq!(scene.still_sweeps, 1);
    assert!(off_the_wall(&scene) > 500);
}

#[test]
fn no_point_is_lost_where_motion_cannot_be_known() {
    let whole = lidar(fine()).step(&swept_wall()).unwrap().points;
    let n = 20_000;
    let kept_all = |frame: &Frame| {
        let scene = lidar(fine()).step(frame).unwrap();
        let p = scene.points;
        assert_eq!(p.kept + p.not_finite + p.out_of_range + p.own_body, n);
        assert!(p.kept + 3_000 > whole.kept, "{p:?}");
        scene.still_sweeps
    };
    let mut same = swept_wall();
    for point in &mut same.sweeps[0].points {
        point.tag = point.tag & 0xffff | 77 << 16;
    }
    assert_eq!(kept_all(&same), 1, "all of one time");

    let mut jump = swept_wall();
    let mut ways = jump.ego.waypoints().to_vec();
    for waypoint in &mut ways[15..] {
        waypoint.pose.translation.x += 1_000.0;
    }
    jump.ego = Arc::new(Trajectory::new(ways));
    assert_eq!(kept_all(&jump), 1, "a jump of a kilometre");

    let mut short = swept_wall();
    let ways = short.ego.waypoints()[..15].to_vec();
    short.ego = Arc::new(Trajectory::new(ways));
    assert_eq!(kept_all(&short), 1, "a way that ends too early");

    // Another sweep of the same frame knows its times.
    let mut two = swept_wall();
    let mut untimed = same.sweeps[0].clone();
    untimed.points.truncate(100);
    two.sweeps.push(untimed);
    let scene = lidar(fine()).step(&two).unwrap();
    assert_eq!(scene.still_sweeps, 1);
}

#[test]
fn frames_of_nothing_and_of_nonsense_go_through() {
    let far = |c: f64| Point::from_metres([c, -c, c], 0.0, 0);
    let nan = Point::from_metres([f64::NAN, 0.0, f64::INFINITY], 0.0, 0);
    let mut lidar = lidar(LidarConfig::default());
    for (points, kept, not_finite, out_of_range, own_body) in [
        (vec![], 0, 0, 0, 0),
        (
            vec![Point::from_metres([5.0, 0.0, -1.5], 1.0, 0)],
            1,
            0,
            0,
            0,
        ),
        (
            vec![Point::from_metres([5.0, 5.0, 0.0], 1.0, 0); 5_000],
            5_000,
            0,
            0,
            0,
        ),
        (vec![far(1e38), far(-1e38), nan, Point::INVALID], 0, 2, 2, 0),
        (
            vec![Point::from_metres([0.5, 0.5, -0.5], 1.0, 0); 3],
            0,
            0,
            0,
            3,
        ),
    ] {
        let n = points.len();
        let scene = lidar.step(&frame(0, 0.0, points)).unwrap();
        let p = scene.points;
        assert_eq!(
            (p.kept, p.not_finite, p.out_of_range, p.own_body),
            (kept, not_finite, out_of_range, own_body)
        );
        assert_eq!(scene.cloud.labels.len(), n);
        assert_eq!(scene.faults, []);
        let told: u32 = scene.cloud.voxels.iter().map(|v| v[3] as u32 >> 16).sum();
        assert_eq!(told, kept);
    }
    // No sweep at all.
    let mut none = frame(0, 0.0, Vec::new());
    none.sweeps.clear();
    assert!(lidar.step(&none).is_ok());
    none.pose = None;
    assert!(matches!(lidar.step(&none), Err(Error::NoPose)));
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let config = LidarConfig {
        max_points: 1_000,
        ..LidarConfig::default()
    };
    let n = street().len();
    let scene = lidar(config).step(&frame(0, 0.0, street())).unwrap();
    assert_eq!(scene.points.over_capacity as usize, n - 1_000);
    assert_eq!(scene.cloud.labels.len(), n);
    assert!(
        scene.cloud.labels[1_000..]
            .iter()
            .all(|l| *l == Cloud::UNLABELLED)
    );

    let mut config = LidarConfig::default();
    config.voxel.max_voxels = 100;
    let scene = lidar(config).step(&frame(0, 0.0, street())).unwrap();
    assert_eq!(scene.faults, [LidarFault::TooManyVoxels { room: 100 }]);
    assert_eq!(scene.cloud.voxels, [[0; 4]; 0]);
}

#[test]
fn voxels_may_be_made_of_the_last_frames() {
    let config = LidarConfig {
        accumulate: 3,
        max_points: 1_000_000,
        ..LidarConfig::default()
    };
    let mut lidar = lidar(config);
    let count =
        |scene: &LidarScene| -> u32 { scene.cloud.voxels.iter().map(|v| v[3] as u32 >> 16).sum() };
    let n = street().len() as u32 - 1;
    let mut counts = Vec::new();
    for i in 0..4 {
        counts.push(count(&lidar.step(&frame(i, i as f64, street())).unwrap()));
    }
    // A frame with more points than there was room for.
    let many = [street(), street(), street(), street(), street()].concat();
    counts.push(count(&lidar.step(&frame(4, 4.0, many)).unwrap()));
    let mut begins = frame(5, 5.0, street());
    begins.begins = true;
    counts.push(count(&lidar.step(&begins).unwrap()));
    assert_eq!(counts, [n, 2 * n, 3 * n, 3 * n, 7 * n, n]);
}

fn software_device() -> Context {
    let name = DeviceChoice::Named("vulkan llvmpipe".into());
    Context::open(&name)
        .expect("these tests need a Vulkan driver: install mesa-vulkan-drivers")
        .expect("a named device is a device")
}

#[test]
fn a_device_gives_what_the_twins_give() {
    let config = LidarConfig {
        accumulate: 2,
        max_points: 1_000_000,
        ..LidarConfig::default()
    };
    let mut device = Lidar::new(config.clone(), Some(software_device())).unwrap();
    let mut twins = lidar(config);
    let many = [street(), street(), street(), street(), street()].concat();
    let frames = [
        street(),
        vec![],
        many,
        street(),
        swept_wall().sweeps[0].points.clone(),
    ];
    for (i, points) in frames.into_iter().enumerate() {
        let mut frame = frame(i as u64, 2.0 * i as f64, points);
        frame.begins = i == 3;
        let [a, b] = [&mut device, &mut twins].map(|lidar| lidar.step(&frame).unwrap());
        assert!(a.grid == b.grid, "{i}");
        assert!(a.distances == b.distances, "{i}");
        assert!(a.cloud == b.cloud, "{i}");
        assert_eq!((a.points, a.faults), (b.points, b.faults), "{i}");
    }
}

#[test]
fn a_lost_device_is_replaced_by_the_twins() {
    let mut device = Lidar::new(LidarConfig::default(), Some(software_device())).unwrap();
    device.lose_device_at(2);
    let mut twins = lidar(LidarConfig::default());
    for i in 0..5 {
        let frame = frame(i, 2.0 * i as f64, street());
        let [a, b] = [&mut device, &mut twins].map(|lidar| lidar.step(&frame).unwrap());
        assert!(a.grid == b.grid, "{i}");
        assert!(a.cloud == b.cloud, "{i}");
        let lost = matches!(a.faults[..], [LidarFault::DeviceLost(_)]);
        assert_eq!(lost, i == 2, "{:?}", a.faults);
    }
}

#[test]
fn what_a_device_has_no_room_for_is_refused_with_its_size() {
    let mut config = LidarConfig::default();
    config.grid.side_cells = 8192;
    let refused = Lidar::new(config, Some(software_device())).unwrap_err();
    assert!(
        matches!(refused, Error::Gpu(GpuError::TooLarge { .. })),
        "{refused}"
    );
    let text = refused.to_string();
    for part in ["lidar.grid.side_cells", "536870912 bytes", "134217728"] {
        assert!(text.contains(part), "{text}");
    }
}
