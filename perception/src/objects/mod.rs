//! Things around the vehicle: what they are, how large, where they go. Each
//! frame's clusters and boxes in the pictures are brought together, given to
//! the things that they most likely are, and what these may do next is told,
//! along lanes and over crossings where the log comes with a map.

mod above;
mod aim;
mod association;
mod config;
mod crossing;
mod disjoint_sets;
mod extent;
mod filter;
mod forecast;
mod fuse;
mod ground;
mod lanes;
mod measure;
mod merged;
mod object;
mod predict;
mod rectangle;
mod scan;
mod segment;
mod shape;
mod square;
mod still;
mod track;
mod tracker;
mod viewpoint;

use std::time::Instant;

use janus_datasets::Frame;

pub use config::ObjectsConfig;
pub use forecast::Forecast;
pub use object::{FuturePose, Hypothesis, Manoeuvre, Motion, Object, Source};

use crate::CameraScene;
use crate::config::ConfigError;
use crate::grid::Grid;
use crate::health::{self, Health, Impairment};
use crate::lidar::{LidarScene, Timing};
use forecast::Forecaster;
use fuse::Cameras;
use measure::View;
use rectangle::Rectangle;
pub(crate) use segment::Segments;
use still::Trail;
use tracker::{Sight, Tracker};

/// Follows the things around the vehicle.
#[derive(Clone, Debug)]
pub struct Objects {
    config: ObjectsConfig,
    cameras: Cameras,
    tracker: Tracker,
    trail: Trail,
    forecaster: Forecaster,
    /// The stamp of the last frame whose poses could be used, ns.
    last: Option<i64>,
}

/// The things of one frame.
#[derive(Clone, Debug)]
pub struct ObjectScene {
    /// In the order of their identities.
    pub objects: Vec<Object>,
    /// The grid without what moves, and without the trail that it leaves.
    pub still: Grid,
    /// Where what moves may be.
    pub forecast: Forecast,
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
            trail: Trail::default(),
            forecaster: Forecaster::default(),
            last: None,
        })
    }

    /// Forgets all that was followed; no identity is given again.
    pub fn forget(&mut self) {
        self.tracker.forget();
        self.trail.forget();
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
        let (pose, segments) = match Segments::new(frame, lidar) {
            Ok(found) => found,
            Err(error) => {
                impairments.push(Impairment::NoPose(error.to_string()));
                return ObjectScene::unknown(&lidar.grid, impairments);
            }
        };
        self.last = Some(frame.stamp);
        impairments.extend(health::of_ground(&segments));
        let mut fused = self.cameras.fuse(frame, cameras, &segments, &self.config);
        impairments.append(&mut fused.impairments);
        let joined = Instant::now();
        let left_out = self.tracker.step(
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
        if left_out > 0 {
            impairments.push(Impairment::TooManyObjects { left_out });
        }
        let followed = Instant::now();
        let roads = frame.roads.as_deref();
        let objects = self.tracker.objects(frame.stamp, roads);
        let still = self
            .trail
            .clear(frame.stamp, &objects, &lidar.grid, &segments.returns);
        let body = frame.rig.body.as_ref();
        let vehicle = body.map(|body| Rectangle::of_body(&pose, body));
        let forecast = self.forecaster.forecast(&objects, &lidar.grid, vehicle);
        let forecast = forecast.unwrap_or_else(|error| {
            impairments.push(Impairment::NoForecast(error.to_string()));
            Forecast::default()
        });
        ObjectScene {
            objects,
            still,
            forecast,
            health: Health::new(impairments),
            timings: vec![
                ("fuse", joined - begin),
                ("track", followed - joined),
                ("predict", followed.elapsed()),
            ],
        }
    }

    /// Seconds since the last frame whose poses could be used; none, and
    /// nothing is followed any more, if time jumped.
    fn pass(&mut self, frame: &Frame, impairments: &mut Vec<Impairment>) -> f64 {
        if frame.begins {
            self.forget();
        }
        let Some(last) = self.last else {
            return 0.0;
        };
        let gap_s = health::late_s(frame, last);
        if (0.0..=self.config.max_gap_s).contains(&gap_s) {
            return gap_s;
        }
        self.forget();
        impairments.push(Impairment::TimeJump { gap_s });
        0.0
    }
}

impl ObjectScene {
    /// That of a frame of which nothing can be told.
    fn unknown(grid: &Grid, impairments: Vec<Impairment>) -> Self {
        Self {
            objects: Vec::new(),
            still: grid.clone(),
            forecast: Forecast::default(),
            health: Health::new(impairments),
            timings: Vec::new(),
        }
    }
}
