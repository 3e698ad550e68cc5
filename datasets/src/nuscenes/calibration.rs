//! The vehicle that recorded nuScenes, and its sensors.

use super::tables::{CalibratedSensor, Tables};
use crate::calibration::{Body, Camera, Lidar};
use crate::error::Result;
use crate::frame::Image;
use crate::geometry::{self, Pose};

/// Between the axles of a Renault Zoe, of which Renault gives: length
/// 4.084 m, width 1.730 m, 1.945 m with its mirrors, height 1.562 m.
const WHEELBASE: f64 = 2.588;
/// From the axles to the bumpers, m.
const OVERHANG_AHEAD: f64 = 0.839;
const OVERHANG_BEHIND: f64 = 0.657;
/// With the mirrors, m.
const HALF_WIDTH: f64 = 0.973;
/// Kept beside it, m.
const MARGIN: f64 = 0.1;
/// With the lidar, whose centre is 1.84 m above the road.
const HEIGHT: f64 = 2.0;

/// The ego frame on the vehicle: its origin is the middle of the rear axle,
/// projected onto the ground (nuscenes-devkit, issue 161), half a wheelbase
/// behind the vehicle's centre.
pub(super) fn base_from_ego() -> Pose {
    Pose::translation(-WHEELBASE / 2.0, 0.0, 0.0)
}

/// The vehicle's body.
pub(super) fn body() -> Body {
    let half = WHEELBASE / 2.0;
    Body {
        min: [-half - OVERHANG_BEHIND - MARGIN, -HALF_WIDTH - MARGIN],
        max: [half + OVERHANG_AHEAD + MARGIN, HALF_WIDTH + MARGIN],
        height: HEIGHT,
    }
}

impl CalibratedSensor {
    /// Where the sensor sits.
    fn base_from_sensor(&self, tables: &Tables) -> Result<Pose> {
        let ego_from_sensor = geometry::pose(self.translation, self.rotation);
        let ego_from_sensor = ego_from_sensor.ok_or_else(|| {
            let expected = "a translation in metres and a unit quaternion w, x, y, z";
            tables.broken("calibrated_sensor", &self.token, expected)
        })?;
        Ok(base_from_ego() * ego_from_sensor)
    }

    /// The lidar.
    pub(super) fn lidar(&self, name: &str, tables: &Tables) -> Result<Lidar> {
        Ok(Lidar {
            name: name.into(),
            base_from_sensor: self.base_from_sensor(tables)?,
        })
    }

    /// A camera, whose pictures are rectified and of that width and height.
    pub(super) fn camera(
        &self,
        name: &str,
        resolution: [Option<u32>; 2],
        tables: &Tables,
    ) -> Result<Camera> {
        let wrong = |expected: &str| tables.broken("calibrated_sensor", &self.token, expected);
        let Some([[fx, skew, cx], [_, fy, cy], _]) = self.camera_intrinsic.0 else {
            return Err(wrong("a camera_intrinsic of three rows, as of a camera"));
        };
        if !(fx >= 1.0 && fy >= 1.0 && skew.abs() < 1e-3) {
            return Err(wrong(
                "focal lengths of a pixel or more and no skew in camera_intrinsic",
            ));
        }
        let [
            Some(width @ 1..=Image::MAX_SIDE),
            Some(height @ 1..=Image::MAX_SIDE),
        ] = resolution
        else {
            let expected = format!(
                "pictures with width and height from 1 to {}, of sensor {name}",
                Image::MAX_SIDE
            );
            return Err(tables.broken("sample_data", &self.token, &expected));
        };
        Ok(Camera {
            name: name.into(),
            base_from_sensor: self.base_from_sensor(tables)?,
            resolution: [width, height],
            focal: [fx, fy],
            centre: [cx, cy],
            distortion: Default::default(),
        })
    }
}
