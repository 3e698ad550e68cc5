//! From a [`janus_datasets::Frame`] to a [`Scene`]: what the cameras see and
//! where the vehicle can drive.

mod cloud;
pub mod config;
pub mod detect;
mod error;
mod grid;
mod lidar;

use image::RgbImage;
use janus_datasets::Frame;

pub use cloud::Cloud;
pub use config::{ClusterConfig, ConfigError, GridConfig, GroundConfig, LidarConfig, VoxelConfig};
pub use error::{Error, Result};
pub use grid::{Cell, Grid};
pub use lidar::{Lidar, LidarFault, LidarScene, PointCounts, Timing};

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
}

/// What was perceived at one moment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Objects in the pictures; `None` if nothing looked for any.
    pub detections: Option<Vec<Detection>>,
    /// What is known of the ground around the vehicle.
    pub grid: Grid,
    /// Of each cell of the grid, the squared distance from its centre to that
    /// of the nearest occupied cell, cells²; `u32::MAX` if none is.
    pub distances: Vec<u32>,
    /// What the lidars saw.
    pub cloud: Cloud,
    /// What became of the lidars' points.
    pub points: PointCounts,
    /// Sweeps whose points were taken to be of one moment.
    pub still_sweeps: u32,
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
    /// How long each stage took, over all pictures.
    pub timings: Vec<Timing>,
}

impl Perception {
    /// Perceives a frame; `pictures` are its images, decoded, in their order.
    ///
    /// # Errors
    /// [`Error`] if a part fails; the frame has no scene then.
    pub fn step(&mut self, frame: &Frame, pictures: &[RgbImage]) -> Result<Scene> {
        let cameras = match &mut self.detector {
            Some(detector) => Some(look(detector, frame, pictures)?),
            None => None,
        };
        let lidar = self.lidar.step(frame)?;
        Ok(Scene::new(cameras, lidar))
    }
}

/// Looks at every picture of a frame; `pictures` are its images, decoded, in
/// their order.
///
/// # Errors
/// [`Error::Detect`] if the detector fails: nothing is known then of what the
/// pictures show.
pub fn look(detector: &mut Detector, frame: &Frame, pictures: &[RgbImage]) -> Result<CameraScene> {
    let mut scene = CameraScene::default();
    let mut spent = DetectTimings::default();
    for (image, picture) in frame.images.iter().zip(pictures) {
        let (detections, timings) = detector.detect(image.camera, picture)?;
        scene.detections.extend(detections);
        spent.preprocess += timings.preprocess;
        spent.run += timings.run;
        spent.postprocess += timings.postprocess;
    }
    scene.timings = vec![
        ("detect.preprocess", spent.preprocess),
        ("detect.run", spent.run),
        ("detect.postprocess", spent.postprocess),
    ];
    Ok(scene)
}

impl Scene {
    /// Brings together what the cameras and the lidars saw.
    pub fn new(cameras: Option<CameraScene>, lidar: LidarScene) -> Self {
        let LidarScene {
            grid,
            distances,
            cloud,
            points,
            still_sweeps,
            faults,
            timings: lidar_timings,
        } = lidar;
        let mut timings = Vec::new();
        let detections = cameras.map(|cameras| {
            timings.extend(cameras.timings);
            cameras.detections
        });
        timings.extend(lidar_timings);
        Self {
            detections,
            grid,
            distances,
            cloud,
            points,
            still_sweeps,
            faults,
            timings,
        }
    }
}
