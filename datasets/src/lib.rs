//! Recorded drives, and a synthetic one, as one stream of [`Frame`]s.
//!
//! [`Log::open`] recognises a format by content; [`Log::frames`] reads it.
//! Frames of reference and units are converted here and nowhere else.

mod annotation;
mod argoverse2;
mod bag;
mod calibration;
pub mod commonroad;
pub mod convert;
mod error;
mod file;
mod frame;
mod geodesy;
mod geometry;
mod info;
mod kitti;
mod log;
mod loss;
mod nuscenes;
mod pcd;
pub mod roads;
mod sync;
pub mod synth;
mod trajectory;
mod xml;

pub use annotation::{Annotation, Class};
pub use calibration::{Body, Camera, Distortion, Lidar, Rig};
pub use error::{BrokenFrame, Error, Result};
pub use frame::{Frame, Image, Pixels, Sweep};
pub use geometry::{Point, Pose, Waypoint};
pub use info::{Annotations, Gap, Info, Jump, Sensor, SensorKind, Topic};
pub use kitti::tracks as kitti_tracks;
pub use log::{Log, Options};
pub use loss::{Loss, Lost};
pub use trajectory::Trajectory;
