//! The KITTI data sets (Geiger et al., *Vision meets Robotics: The KITTI
//! Dataset*, IJRR 2013): raw drives, and the sequences and single frames of
//! the odometry, tracking and object benchmarks.

mod calibration;
mod labels;
mod numbered;
mod object;
mod oxts;
mod picture;
mod raw;
mod recording;
mod scan;
mod sequence;
mod tracklets;
pub mod tracks;

use std::path::Path;

use crate::error::Result;
use crate::log::{Log, Options};

/// What makes a folder a KITTI log.
pub(crate) const CONTENT: &str = "a KITTI raw drive (a folder with velodyne_points/data or \
     image_00/data to image_03/data, oxts/data, and the calib_*.txt files in its parent), \
     odometry sequence (calib.txt, times.txt, velodyne, image_0 to image_3), tracking sequence \
     (training/0000 where training has calib, velodyne/0000, image_02/0000) or object folder \
     (training, which has calib, velodyne, image_2)";

/// A drive is a few kilometres long. What lies farther off is no place that
/// the vehicle can have reached.
const ODOM_LIMIT: f64 = 100_000.0;

/// Whether `path` is a log of one of the forms.
pub(crate) fn recognises(path: &Path) -> bool {
    raw::recognises(path)
        || sequence::Odometry::at(path).is_some()
        || sequence::Tracking::at(path).is_some()
        || object::recognises(path)
}

/// Lists a log and reads everything but its frames.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Log> {
    if raw::recognises(path) {
        raw::open(path, options)
    } else if let Some(odometry) = sequence::Odometry::at(path) {
        odometry.open()
    } else if let Some(tracking) = sequence::Tracking::at(path) {
        tracking.open(path)
    } else {
        object::open(path)
    }
}
