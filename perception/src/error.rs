//! What can go wrong between a frame and its scene.

use janus_shaders::GpuError;
use janus_shaders::fixed::NotRigid;
use janus_shaders::voxel::VoxelError;

use crate::config::ConfigError;

/// Result of a perception step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why perception cannot start, or a frame has no scene.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The frame does not tell where the vehicle was.
    #[error("the frame has no pose")]
    NoPose,
    /// A sweep refers to a lidar that the rig does not have.
    #[error("a sweep refers to lidar {lidar}, which the rig does not have")]
    NoMount {
        /// The index that the sweep gives.
        lidar: usize,
    },
    /// A pose cannot be held in fixed point.
    #[error(transparent)]
    Pose(#[from] NotRigid),
    /// The vehicle is too far from odom's origin for voxels.
    #[error(transparent)]
    TooFar(VoxelError),
    /// The device failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

impl Error {
    /// A short key under which reports count this error.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::NoPose => "missing_pose",
            Self::NoMount { .. } | Self::Pose(_) | Self::TooFar(_) => "bad_pose",
            Self::Gpu(_) => "device_failed",
        }
    }
}
