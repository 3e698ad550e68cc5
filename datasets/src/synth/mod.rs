//! A synthetic drive: a vehicle without a front goes down a street between
//! parked cars and houses, and sees them with two lidars and a camera.
//!
//! Nothing but arithmetic that IEEE 754 rounds exactly goes into it, so that a
//! seed gives the same frames, bit for bit, on every platform.

mod camera;
mod lidar;
mod random;
mod road;
mod world;

use std::sync::Arc;

use nalgebra::{Quaternion, Translation3, UnitQuaternion, Vector3};

use crate::calibration::{Body, Camera, Lidar, Rig};
use crate::error::{Error, Result};
use crate::frame::{Frame, Image, Pixels, Sweep};
use crate::geometry::{Pose, Waypoint};
use crate::info::{Info, Sensor, SensorKind};
use crate::log::{Log, Source};
use crate::trajectory::Trajectory;

use random::Random;
use road::Road;
use world::{Block, World};

/// Length of the ego vehicle, m; it is the same either way round.
const LENGTH: f64 = 3.6;
/// Width of the ego vehicle, m.
const WIDTH: f64 = 1.8;
/// Height of its roof without the lidars, m.
const ROOF: f64 = 1.8;

/// How far the street goes on behind the first frame and ahead of the
/// trajectory's end, m: what the lidars see.
const SIGHT: f64 = 100.0;
/// How far the trajectory goes on after the last frame, m.
const BEYOND: f64 = 40.0;
/// Stamp of the first frame: 13 September 2020, 12:26:40.
const START: i64 = 1_600_000_000_000_000_000;

/// Parameters of the synthetic drive.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// Number of frames, 1 to 10,000.
    pub frames: u64,
    /// What the street and the noise are made from.
    pub seed: u64,
    /// Frames per second, 1 to 50.
    pub rate_hz: f64,
    /// Speed of the ego vehicle, 0.5 to 20 m/s.
    pub speed: f64,
}

impl Default for Drive {
    fn default() -> Self {
        Self {
            frames: 30,
            seed: 1,
            rate_hz: 10.0,
            speed: 5.0,
        }
    }
}

impl Drive {
    fn check(&self) -> Result<()> {
        let within = |field, is: bool, expected| {
            let error = Error::Parameter { field, expected };
            if is { Ok(()) } else { Err(error) }
        };
        let frames = (1..=10_000).contains(&self.frames);
        within("frames", frames, "a number from 1 to 10,000")?;
        let rate = (1.0..=50.0).contains(&self.rate_hz);
        within("rate_hz", rate, "a number from 1 to 50 frames per second")?;
        let speed = (0.5..=20.0).contains(&self.speed);
        within("speed", speed, "a number from 0.5 to 20 m/s")
    }
}

/// Everything from which a frame is made.
#[derive(Debug)]
pub(crate) struct Scene {
    rig: Arc<Rig>,
    seed: u64,
    world: World,
    ego: Arc<Trajectory>,
}

/// Lays out the street and the way through it, as a log.
pub(crate) fn open(drive: Drive) -> Result<Log> {
    drive.check()?;
    let scene = Scene::new(&drive);
    Ok(Log {
        path: "synthetic".into(),
        rig: scene.rig.clone(),
        ego: scene.ego.clone(),
        indices: (0..drive.frames).collect(),
        info: info(&drive, &scene),
        source: Arc::new(scene),
    })
}

impl Scene {
    fn new(drive: &Drive) -> Self {
        let step = drive.speed / drive.rate_hz;
        let waypoints = drive.frames + (BEYOND / step).ceil() as u64;
        let end = waypoints as f64 * step + SIGHT;
        let road = Road::new(SIGHT, end);
        let way = (0..waypoints)
            .map(|i| Waypoint {
                stamp: START + (i as f64 * 1e9 / drive.rate_hz).round() as i64,
                pose: road.at(i as f64 * step).pose(),
            })
            .collect();
        Self {
            rig: Arc::new(rig()),
            seed: drive.seed,
            world: World::new(road, -SIGHT, end, drive.seed),
            ego: Arc::new(Trajectory::new(way)),
        }
    }
}

impl Source for Scene {
    fn frame(&self, index: u64) -> Result<Frame> {
        let Waypoint { stamp, pose } = self.ego.waypoints()[index as usize];
        let ego = body(&pose);
        let mut blocks = lidar::in_reach(&self.world, ego.centre);
        blocks.push(&ego);
        let lidars = self.rig.lidars.iter().enumerate();
        let sweeps = lidars.map(|(lidar, mounting)| {
            let random = &mut Random::new(&[self.seed, index, lidar as u64]);
            Sweep {
                lidar,
                stamp,
                points: lidar::scan(&blocks, &(pose * mounting.base_from_sensor), random),
            }
        });
        let cameras = self.rig.cameras.iter().enumerate();
        let images = cameras.map(|(camera, mounting)| {
            let place = pose * mounting.base_from_sensor;
            Image {
                camera,
                stamp,
                source: format!("synthetic/{}/{index:010}", mounting.name).into(),
                pixels: Pixels::Rgb(camera::render(&self.world, mounting, &place)),
            }
        });
        Ok(Frame {
            index,
            stamp,
            begins: false,
            pose: Some(pose),
            ego: self.ego.clone(),
            sweeps: sweeps.collect(),
            images: images.collect(),
            annotations: Vec::new(),
            rig: self.rig.clone(),
        })
    }
}

/// The vehicle's own body, which its lidars see.
fn body(pose: &Pose) -> Block {
    Block {
        centre: pose.translation.vector.xy(),
        ahead: (pose.rotation * Vector3::x()).xy(),
        half: [LENGTH / 2.0, WIDTH / 2.0],
        height: ROOF,
        colour: [255; 3],
        reflectance: 0.5,
    }
}

/// A lidar on the roof at either end, each looking outwards, and a camera at
/// end A.
fn rig() -> Rig {
    let quaternion = |w, i, j, k| UnitQuaternion::new_normalize(Quaternion::new(w, i, j, k));
    let ahead = quaternion(1.0, 0.0, 0.0, 0.0);
    let back = quaternion(0.0, 0.0, 0.0, 1.0);
    let lidar = |name: &str, x, rotation| Lidar {
        name: name.into(),
        base_from_sensor: Pose::from_parts(Translation3::new(x, 0.0, 2.0), rotation),
    };
    let camera = Camera {
        name: "camera_a".into(),
        base_from_sensor: Pose::from_parts(
            Translation3::new(1.75, 0.0, 1.6),
            quaternion(0.5, -0.5, 0.5, -0.5),
        ),
        resolution: [640, 360],
        focal: [400.0, 400.0],
        centre: [319.5, 179.5],
        distortion: Default::default(),
    };
    Rig {
        lidars: vec![lidar("lidar_a", 1.7, ahead), lidar("lidar_b", -1.7, back)],
        cameras: vec![camera],
        // With room for the noise of returns from its edges.
        body: Some(Body {
            min: [-LENGTH / 2.0 - 0.05, -WIDTH / 2.0 - 0.05],
            max: [LENGTH / 2.0 + 0.05, WIDTH / 2.0 + 0.05],
            height: 2.1,
        }),
    }
}

fn info(drive: &Drive, scene: &Scene) -> Info {
    let Scene { rig, ego, .. } = scene;
    let stamp = |frame: u64| ego.waypoints()[frame as usize].stamp;
    let sensor = |name: &String, kind, resolution| Sensor {
        name: name.clone(),
        kind,
        source: "synthetic".into(),
        count: drive.frames as usize,
        rate_hz: (drive.frames > 1).then_some(drive.rate_hz),
        resolution,
    };
    let lidars = rig.lidars.iter();
    let lidars = lidars.map(|lidar| sensor(&lidar.name, SensorKind::Lidar, None));
    let cameras = rig.cameras.iter();
    let cameras = cameras.map(|c| sensor(&c.name, SensorKind::Camera, Some(c.resolution)));
    Info {
        format: "synthetic",
        path: "synthetic".into(),
        frames: drive.frames as usize,
        first: Some(0),
        last: Some(drive.frames - 1),
        duration_s: (drive.frames - 1) as f64 / drive.rate_hz,
        sensors: lidars.chain(cameras).collect(),
        pose_source: Some("ground truth"),
        gaps: Vec::new(),
        jumps: Vec::new(),
        distance_m: ego.length(stamp(0), stamp(drive.frames - 1)),
        extent_m: ego.extent(),
        topics: Vec::new(),
        annotations: None,
        lost: Default::default(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point3, Vector2};

    /// Distance from a place to the surface of a block, m, negative within.
    fn distance(block: &Block, place: Vector2<f64>, z: f64) -> f64 {
        let from = place - block.centre;
        let across = Vector2::new(-block.ahead.y, block.ahead.x);
        let out = [
            from.dot(&block.ahead).abs() - block.half[0],
            from.dot(&across).abs() - block.half[1],
            z - block.height,
        ];
        let outside = out.iter().map(|o| o.max(0.0).powi(2)).sum::<f64>().sqrt();
        outside + out.into_iter().fold(f64::NEG_INFINITY, f64::max).min(0.0)
    }

    #[test]
    fn every_return_lies_on_a_surface() {
        let scene = Scene::new(&Drive::default());
        for index in [0, 29] {
            let frame = scene.frame(index).expect("is made");
            let pose = frame.pose.expect("has one");
            let own = body(&pose);
            let (mut on_ground, mut on_self, mut on_blocks) = (0, 0, 0);
            for sweep in &frame.sweeps {
                let mounting = &frame.rig.lidars[sweep.lidar];
                let place = pose * mounting.base_from_sensor;
                for point in &sweep.points {
                    let at = place * Point3::from(point.metres().map(f64::from));
                    let to = |block: &Block| distance(block, at.xy().coords, at.z).abs();
                    // The noise's bound, and the rounding to millimetres.
                    let near = 0.037;
                    if at.z.abs() < near {
                        on_ground += 1;
                    } else if to(&own) < near {
                        on_self += 1;
                    } else {
                        let nearest = scene.world.blocks.iter().map(to).fold(1e9, f64::min);
                        assert!(nearest < near, "{at} is {nearest} m off");
                        on_blocks += 1;
                    }
                }
            }
            assert!(on_ground > 5_000, "{on_ground}");
            assert!(on_blocks > 5_000, "{on_blocks}");
            assert!(on_self > 1_000, "{on_self}");
        }
    }

    #[test]
    fn the_vehicle_touches_nothing() {
        for seed in 0..8 {
            let frames = 400;
            let drive = Drive {
                seed,
                frames,
                ..Drive::default()
            };
            let scene = Scene::new(&drive);
            for Waypoint { pose, .. } in scene.ego.waypoints() {
                for along in -8..=8 {
                    for side in [-1.0, 1.0] {
                        let place = [f64::from(along) / 8.0 * LENGTH / 2.0, side * WIDTH / 2.0];
                        let at = pose * Point3::new(place[0], place[1], 0.0);
                        let to = |block: &Block| distance(block, at.xy().coords, 0.0);
                        let nearest = scene.world.blocks.iter().map(to).fold(1e9, f64::min);
                        assert!(nearest > 0.5, "seed {seed}: {nearest} m at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_camera_sees_what_the_lidar_meets() {
        let scene = Scene::new(&Drive::default());
        let frame = scene.frame(17).expect("is made");
        let camera = &frame.rig.cameras[0];
        let picture = frame.images[0].decode().expect("is decoded");
        let pose = frame.pose.expect("has one");
        let camera_from_lidar =
            camera.base_from_sensor.inverse() * frame.rig.lidars[0].base_from_sensor;
        let odom_from_lidar = pose * frame.rig.lidars[0].base_from_sensor;
        let (mut same, mut all) = (0, 0);
        for point in &frame.sweeps[0].points {
            let at = Point3::from(point.metres().map(f64::from));
            let odom = odom_from_lidar * at;
            let met = scene.world.blocks.iter();
            let met = met.min_by(|a, b| {
                let [a, b] = [a, b].map(|c| distance(c, odom.xy().coords, odom.z).abs());
                a.total_cmp(&b)
            });
            let pixel = camera.project((camera_from_lidar * at).into());
            let (Some(met), Some([u, v])) = (met, pixel) else {
                continue;
            };
            let [width, height] = camera.resolution.map(f64::from);
            let seen = (0.0..width - 1.0).contains(&u) && (0.0..height - 1.0).contains(&v);
            if odom.z < 0.2 || !seen {
                continue;
            }
            all += 1;
            let [red, green, blue] = picture.get_pixel(u.round() as u32, v.round() as u32).0;
            let light = [0.65, 0.85, 1.0];
            same += usize::from(light.iter().any(|light| {
                met.colour.map(|c| (f64::from(c) * light) as u8) == [red, green, blue]
            }));
        }
        // The rest are on edges, or hidden from the camera, which is lower.
        assert!(all > 1_000 && same * 10 > all * 9, "{same} of {all}");
    }
}
