//! From a [`janus_datasets::Frame`] to a [`Scene`]: what the cameras see,
//! where the vehicle can drive, and what else is on the road.

mod assignment;
mod cloud;
pub mod config;
pub mod detect;
mod error;
pub mod eval;
mod grid;
mod health;
mod lidar;
mod objects;
mod picture_box;

use image::RgbImage;
use janus_datasets::Frame;

pub use cloud::Cloud;
pub use config::{ClusterConfig, ConfigError, GridConfig, GroundConfig, LidarConfig, VoxelConfig};
pub use error::{Error, Result};
pub use grid::{Cell, Grid};
pub use health::{Health, Impairment};
pub use lidar::{Lidar, LidarFault, LidarScene, PointCounts, Timing};
pub use objects::{
    Forecast, FuturePose, Hypothesis, Manoeuvre, Motion, Object, ObjectScene, Objects,
    ObjectsConfig, Source,
};

use detect::{DetectTimings, Detection, Detector};

/// Everything that perception does, one after the other.
///
/// The parts are public, so that a pipeline can run them side by side.
#[derive(Debug)]
pub struct Perception {
    /// Finds objects in pictures; `None` runs without.
    pub detector: Option<Detector>,
    /// Keeps the occupancy grid.
    pub lidar: Lidar,
    /// Follows things.
    pub objects: Objects,
}

/// What was perceived at one moment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Objects in the pictures; `None` if nothing looked for any. Of the
    /// cameras in `unseen` nothing is known.
    pub detections: Option<Vec<Detection>>,
    /// Cameras at whose pictures the detector failed: what they show is
    /// unknown.
    pub unseen: Vec<Unseen>,
    /// Predictions of the detector that were left out because they held no
    /// numbers, or scores and boxes that cannot be.
    pub invalid_predictions: u64,
    /// What is known of the ground around the vehicle.
    pub grid: Grid,
    /// The same without what moves, and without the trail that it leaves.
    pub still: Grid,
    /// Where what moves may be in the next seconds.
    pub forecast: Forecast,
    /// Of each cell of the grid, the squared distance from its centre to that
    /// of the nearest occupied cell, cells²; `u32::MAX` if none is.
    pub distances: Vec<u32>,
    /// What the lidars saw.
    pub cloud: Cloud,
    /// What became of the lidars' points.
    pub points: PointCounts,
    /// Sweeps whose points were taken to be of one moment.
    pub still_sweeps: u32,
    /// Things around the vehicle, in the order of their identities.
    pub objects: Vec<Object>,
    /// How far all this can be relied on.
    pub health: Health,
    /// What was lost or degraded.
    pub faults: Vec<LidarFault>,
    /// How long each stage took.
    pub timings: Vec<Timing>,
}

/// What the detector found in the pictures of one frame.
#[derive(Clone, Debug, Default)]
pub struct CameraScene {
    /// Objects, in the order of the pictures.
    pub detections: Vec<Detection>,
    /// Cameras at whose pictures the detector failed.
    pub unseen: Vec<Unseen>,
    /// Predictions that were left out because they held no numbers, or scores
    /// and boxes that cannot be.
    pub invalid_predictions: u64,
    /// How long each stage took, over all pictures.
    pub timings: Vec<Timing>,
}

/// A camera whose picture shows nobody knows what: the detector failed, or was
/// not done in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Index of the camera in its rig.
    pub camera: usize,
    /// The key under which it is counted.
    pub reason: &'static str,
    /// What went wrong.
    pub error: String,
}

impl Perception {
    /// Perceives a frame; `pictures` are its images, decoded, in their order.
    ///
    /// # Errors
    /// [`Error`] if the lidars' part fails; the frame has no scene then.
    pub fn step(&mut self, frame: &Frame, pictures: &[RgbImage]) -> Result<Scene> {
        let detector = self.detector.as_mut();
        let cameras = detector.map(|detector| look(detector, frame, pictures));
        let lidar = self.lidar.step(frame)?;
        let objects = self.objects.step(frame, cameras.as_ref(), &lidar);
        Ok(Scene::new(cameras, lidar, objects))
    }
}

/// Looks at every picture of a frame; `pictures` are its images, decoded, in
/// their order. A camera at whose picture the detector fails is unseen.
pub fn look(detector: &mut Detector, frame: &Frame, pictures: &[RgbImage]) -> CameraScene {
    let mut scene = CameraScene::default();
    let mut spent = DetectTimings::default();
    let cameras = frame.images.iter().map(|image| image.camera);
    let pictures: Vec<(usize, &RgbImage)> = cameras.zip(pictures).collect();
    let found = detector.detect_batch(&pictures);
    for (&(camera, _), found) in pictures.iter().zip(found) {
        match found {
            Ok(found) => {
                scene.detections.extend(found.detections);
                scene.invalid_predictions += found.invalid;
                spent.preprocess += found.timings.preprocess;
                spent.run += found.timings.run;
                spent.postprocess += found.timings.postprocess;
            }
            Err(error) => scene.unseen.push(Unseen {
                camera,
                reason: error.reason(),
                error: error.to_string(),
            }),
        }
    }
    scene.timings = vec![
        ("detect.preprocess", spent.preprocess),
        ("detect.run", spent.run),
        ("detect.postprocess", spent.postprocess),
    ];
    scene
}

impl Scene {
    /// Brings together what the cameras and the lidars saw, and the things
    /// that were told from both.
    pub fn new(cameras: Option<CameraScene>, lidar: LidarScene, objects: ObjectScene) -> Self {
        let LidarScene {
            grid,
            distances,
            cloud,
            clearance_m: _,
            points,
            still_sweeps,
            faults,
            timings: lidar_timings,
        } = lidar;
        let mut timings = Vec::new();
        let (mut unseen, mut invalid_predictions) = (Vec::new(), 0);
        let detections = cameras.map(|cameras| {
            timings.extend(cameras.timings);
            unseen = cameras.unseen;
            invalid_predictions = cameras.invalid_predictions;
            cameras.detections
        });
        timings.extend(lidar_timings);
        timings.extend(objects.timings);
        Self {
            detections,
            unseen,
            invalid_predictions,
            grid,
            still: objects.still,
            forecast: objects.forecast,
            distances,
            cloud,
            points,
            still_sweeps,
            objects: objects.objects,
            health: objects.health,
            faults,
            timings,
        }
    }
}
