//! The vehicles that recorded Argoverse 2, and their sensors.

use std::collections::HashMap;
use std::path::Path;

use super::feather::Table;
use super::poses;
use crate::calibration::{Body, Camera, Lidar, Rig};
use crate::error::Result;
use crate::frame::Image;
use crate::geometry::Pose;

/// A calibration has some 5 kB and a row for each of 11 sensors.
const BYTES: u64 = 1 << 20;
const ROWS: usize = 1 << 10;

/// Between the axles of a Ford Fusion Hybrid of the second generation, of
/// which Ford gives: length 191.8 in, width 72.9 in, 83.5 in with its mirrors,
/// wheelbase 112.2 in.
const WHEELBASE: f64 = 2.850;
/// From the axles to the bumpers, m: the rest of the length, shared out by
/// estimate.
const OVERHANG_AHEAD: f64 = 0.97;
const OVERHANG_BEHIND: f64 = 1.06;
/// With the mirrors, m.
const HALF_WIDTH: f64 = 1.06;
/// Kept beside it, m.
const MARGIN: f64 = 0.1;
/// With the lidars, the upper of which is 1.97 m above the road.
const HEIGHT: f64 = 2.1;
/// The rear axle above the road, m, as the authors say (argoverse-api, issue
/// 286). Planes through the road of recorded sweeps lie 0.327 m and 0.330 m
/// below it.
const AXLE: f64 = 0.33;

/// The data set's two lidars, in the order of the rig.
pub(super) const LIDARS: [&str; 2] = ["up_lidar", "down_lidar"];

/// The ego frame on the vehicle: its origin is the middle of the rear axle,
/// half a wheelbase behind the vehicle's centre.
pub(super) fn base_from_ego() -> Pose {
    Pose::translation(-WHEELBASE / 2.0, 0.0, AXLE)
}

/// The vehicle of a log, with the cameras that `recorded`.
pub(super) fn rig(log: &Path, recorded: impl Fn(&str) -> bool) -> Result<Rig> {
    let folder = log.join("calibration");
    let extrinsics = Table::read(folder.join("egovehicle_SE3_sensor.feather"), BYTES, ROWS)?;
    let names = extrinsics.texts("sensor_name")?;
    let ego_from_sensors: HashMap<&str, Pose> = names
        .iter()
        .map(String::as_str)
        .zip(poses(&extrinsics)?)
        .filter_map(|(name, pose)| Some((name, pose?)))
        .collect();
    let base_from_sensor = |name: &str| {
        let pose = ego_from_sensors
            .get(name)
            .map(|pose| base_from_ego() * pose);
        let expected = format!("{name} with a place in metres and a unit quaternion");
        pose.ok_or_else(|| extrinsics.broken("sensor_name", &expected))
    };
    let lidars = LIDARS.map(|name| {
        Ok(Lidar {
            name: name.into(),
            base_from_sensor: base_from_sensor(name)?,
        })
    });
    let mut rig = Rig {
        lidars: lidars.into_iter().collect::<Result<_>>()?,
        cameras: Vec::new(),
        body: Some(Body {
            min: [
                -WHEELBASE / 2.0 - OVERHANG_BEHIND - MARGIN,
                -HALF_WIDTH - MARGIN,
            ],
            max: [
                WHEELBASE / 2.0 + OVERHANG_AHEAD + MARGIN,
                HALF_WIDTH + MARGIN,
            ],
            height: HEIGHT,
        }),
        base_from_rect: None,
    };

    let intrinsics = Table::read(folder.join("intrinsics.feather"), BYTES, ROWS)?;
    let names = intrinsics.texts("sensor_name")?;
    let [fx, fy, cx, cy] = ["fx_px", "fy_px", "cx_px", "cy_px"].map(|name| intrinsics.floats(name));
    let [fx, fy, cx, cy] = [fx?, fy?, cx?, cy?];
    let [widths, heights] = ["width_px", "height_px"].map(|name| intrinsics.integers(name));
    let [widths, heights] = [widths?, heights?];
    for (i, name) in names.iter().enumerate().filter(|(_, name)| recorded(name)) {
        let side = |sides: &[i64], column| {
            let side = u32::try_from(sides[i]).ok();
            side.filter(|side| (1..=Image::MAX_SIDE).contains(side))
                .ok_or_else(|| {
                    let expected = format!("from 1 to {} pixels", Image::MAX_SIDE);
                    intrinsics.broken(column, &expected)
                })
        };
        let lens = fx[i] >= 1.0 && fy[i] >= 1.0 && cx[i].is_finite() && cy[i].is_finite();
        if !lens {
            return Err(intrinsics.broken("fx_px", "focal lengths of a pixel or more"));
        }
        rig.cameras.push(Camera {
            name: name.clone(),
            base_from_sensor: base_from_sensor(name)?,
            resolution: [side(&widths, "width_px")?, side(&heights, "height_px")?],
            focal: [fx[i], fy[i]],
            centre: [cx[i], cy[i]],
            // The columns k1, k2 and k3 tell of the lens. The pictures have
            // been undistorted (the data set's user guide, *Sensor Suite*).
            distortion: Default::default(),
        });
    }
    Ok(rig)
}
