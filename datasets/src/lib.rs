//! Recorded drives, and a synthetic one, as one stream of [`Frame`]s.
//!
//! [`Log::open`] recognises a format by content; [`Log::frames`] reads it.
//! Frames of reference and units are converted here and nowhere else.

mod calibration;
mod error;
mod file;
mod frame;
mod geometry;
mod info;
mod kitti;
mod log;
pub mod synth;

pub use calibration::{Body, Camera, Lidar, Rig};
pub use error::{BrokenFrame, Error, Result};
pub use frame::{Frame, Image, Pixels, Sweep};
pub use geometry::{Point, Pose, Waypoint};
pub use info::{Gap, Info, Sensor, SensorKind};
pub use log::Log;
