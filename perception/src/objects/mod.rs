//! Things around the vehicle: what they are, how large, where they go. Each
//! frame's clusters and boxes in the pictures are brought together, given to
//! the things that they most likely are, and what these may do next is told,
//! along lanes and over crossings where the log comes with a map.

mod above;
mod assign;
mod config;
mod crossing;
mod extent;
mod filter;
mod fuse;
mod ground;
mod lanes;
mod measure;
mod object;
mod predict;
mod rectangle;
mod segment;
mod shape;
mod track;
mod tracker;

use std::time::Instant;

use janus_datasets::Frame;

pub use config::ObjectsConfig;
pub use object::{FuturePose, Hypothesis, Manoeuvre, Motion, Object, Source};

use crate::CameraScene;
use crate::config::ConfigError;
use crate::health::{self, Health, Impairment};
use crate::lidar::{LidarScene, Timing};
use fuse::Cameras;
use measure::View;
pub(crate) use segment::Segments;
use tracker::{Sight, Tracker};

/// Follows the things around the vehicle.
#[derive(Clone, Debug)]
pub struct Objects {
    config: ObjectsConfig,
    cameras: Cameras,
    tracker: Tracker,
    /// The stamp of the last frame, ns.
    last: Option<i64>,
    jumps: u64,
}

/// The things of one frame.
#[derive(Clone, Debug)]
pub struct ObjectScene {
    /// In the order of their identities.
    pub objects: Vec<Object>,
    /// How far all that was perceived can be relied on.
    pub health: Health,
    /// How long it took.
    pub timings: Vec<Timing>,
}

impl Objects {
    /// Nothing is followed yet. `classes` are those of the detector; without
    /// one there are none.
    ///
    /// # Errors
    /// [`ConfigError`] if a setting makes no sense.
    pub fn new(config: ObjectsConfig, classes: &[String]) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            cameras: Cameras::new(classes),
            tracker: Tracker::default(),
            last: None,
            jumps: 0,
        })
    }

    /// How often everything was forgotten because time jumped.
    pub fn time_jumps(&self) -> u64 {
        self.jumps
    }

    /// Forgets all that was followed; no identity is given again.
    pub fn forget(&mut self) {
        self.tracker.forget();
        self.cameras.forget();
        self.last = None;
    }

    /// Takes in what the cameras, if anything looked at their pictures, and
    /// the lidars saw of a frame. A frame whose poses cannot be used has no
    /// objects, and its health says so.
    pub fn step(
        &mut self,
        frame: &Frame,
        cameras: Option<&CameraScene>,
        lidar: &LidarScene,
    ) -> ObjectScene {
        let mut impairments = health::of_sensors(frame, cameras, lidar, self.config.stale_s);
        let dt = self.pass(frame, &mut impairments);
        let begin = Instant::now();
        let (pose, segments) = match Segments::new(frame, &lidar.cloud) {
            Ok(found) => found,
            Err(error) => {
                impairments.push(Impairment::NoPose(error.to_string()));
                return ObjectScene::unknown(impairments);
            }
        };
        impairments.extend(health::of_ground(&segments));
        let fused = self.cameras.fuse(frame, cameras, &segments, &self.config);
        impairments.extend(self.cameras.astray());
        let joined = Instant::now();
        self.tracker.step(
            dt,
            &Sight {
                stamp: frame.stamp,
                view: View {
                    grid: &lidar.grid,
                    from: [pose.translation.x, pose.translation.y],
                },
                segments: &segments,
                fused: &fused,
                config: &self.config,
            },
        );
        let followed = Instant::now();
        let roads = frame.roads.as_deref();
        let objects = self.tracker.objects(frame.stamp, roads);
        ObjectScene {
            objects,
            health: Health::new(impairments),
            timings: vec![
                ("fuse", joined - begin),
                ("track", followed - joined),
                ("predict", followed.elapsed()),
            ],
        }
    }

    /// Seconds since the last frame; none, and nothing is followed any more,
    /// if time jumped.
    fn pass(&mut self, frame: &Frame, impairments: &mut Vec<Impairment>) -> f64 {
        let Some(last) = self.last.replace(frame.stamp) else {
            return 0.0;
        };
        let gap_s = (frame.stamp as f64 - last as f64) * 1e-9;
        if !frame.begins && (0.0..=self.config.max_gap_s).contains(&gap_s) {
            return gap_s;
        }
        self.forget();
        self.last = Some(frame.stamp);
        if !frame.begins {
            self.jumps += 1;
            impairments.push(Impairment::TimeJump { gap_s });
        }
        0.0
    }
}

impl ObjectScene {
    /// That of a frame of which nothing can be told.
    fn unknown(impairments: Vec<Impairment>) -> Self {
        Self {
            objects: Vec::new(),
            health: Health::new(impairments),
            timings: Vec::new(),
        }
    }
}
