//! Logs of the Argoverse 2 sensor and lidar data sets (Wilson et al.,
//! *Argoverse 2: Next generation datasets for self-driving perception and
//! forecasting*, NeurIPS 2021): a folder with Feather files for tables and
//! sweeps, and JPEG pictures, all named by their time in nanoseconds. By those
//! times it is January 1980.
//!
//! Odom is Argoverse's city frame. Its coordinates are a few kilometres.

mod annotation;
mod calibration;
mod feather;
mod map;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nalgebra::Point3;

use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file;
use crate::frame::{Frame, Image, Sweep};
use crate::geometry::{self, Point, Pose, Waypoint};
use crate::info::{self, Info, Jump, Sensor, SensorKind};
use crate::log::{Log, Options, Source};
use crate::loss::{Loss, Lost};
use crate::roads::Roads;
use crate::trajectory::Trajectory;

use annotation::Boxes;
use feather::Table;

/// What makes a folder a log.
pub(crate) const CONTENT: &str = "an Argoverse 2 log: a folder with sensors/lidar/*.feather and \
     calibration/egovehicle_SE3_sensor.feather";

const EXTRINSICS: &str = "calibration/egovehicle_SE3_sensor.feather";
const POSES: &str = "city_SE3_egovehicle.feather";
const LIDAR: &str = "sensors/lidar";
const CAMERAS: &str = "sensors/cameras";

/// A sweep has some 100,000 returns in 1 MB.
const SWEEP_BYTES: u64 = 64 << 20;
const SWEEP_ROWS: usize = 1 << 19;
/// A log has some 2,700 poses in 170 kB.
const POSES_BYTES: u64 = 64 << 20;
const POSES_ROWS: usize = 1 << 17;
/// Lasers of the upper lidar come first, then those of the lower.
const LASERS: i64 = 32;

/// What is needed to read a frame of a log.
#[derive(Debug)]
struct Drive {
    path: PathBuf,
    rig: Arc<Rig>,
    ego: Arc<Trajectory>,
    moments: Vec<Moment>,
    boxes: Boxes,
    roads: Option<Arc<Roads>>,
}

/// One sweep of both lidars, and what belongs to it.
#[derive(Debug)]
struct Moment {
    /// The time to which the returns are compensated, ns.
    stamp: i64,
    /// Stamps of the pictures, by camera of the rig.
    pictures: Vec<Option<i64>>,
}

/// Whether `path` is a log's folder.
pub(crate) fn recognises(path: &Path) -> bool {
    path.join(EXTRINSICS).is_file() && path.join("sensors").is_dir()
}

/// Reads everything of a log but its frames.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Log> {
    let stamps = stamps(&path.join(LIDAR), "feather")?;
    if stamps.is_empty() {
        return Err(Error::Malformed {
            path: path.into(),
            field: "frames".into(),
            expected: "a sweep like sensors/lidar/315966265259836000.feather".into(),
        });
    }
    let mut pictures = pictures(path)?;
    let rig = calibration::rig(path, |camera| pictures.contains_key(camera))?;
    let cameras: Vec<Vec<i64>> = rig
        .cameras
        .iter()
        .map(|camera| pictures.remove(&camera.name).unwrap_or_default())
        .collect();
    let mut moments: Vec<Moment> = stamps
        .iter()
        .map(|&stamp| Moment {
            stamp,
            pictures: vec![None; cameras.len()],
        })
        .collect();
    let unpaired: u64 = (0..)
        .zip(&cameras)
        .map(|(camera, stamps)| pair(&mut moments, camera, stamps, options.tolerance_ns))
        .sum();
    // Without its map a drive is still one.
    let (roads, broken_map) = match map::read(path) {
        Ok(roads) => (roads.map(Arc::new), None),
        Err(error) => (None, Some(error)),
    };
    let drive = Drive {
        path: path.into(),
        ego: Arc::new(way(path)?),
        rig: Arc::new(rig),
        moments,
        boxes: Boxes::read(path)?,
        roads,
    };
    let mut info = drive.info(&stamps, &cameras);
    if unpaired > 0 {
        info.lost.insert(Loss::UnpairedImage, unpaired);
    }
    if let Some(error) = broken_map {
        info.lost.insert(Loss::BrokenMap, 1);
        info.notes.push(format!("There are no roads: {error}."));
    }
    for (camera, stamps) in pictures {
        let lost = info.lost.entry(Loss::UncalibratedImage).or_default();
        *lost += stamps.len() as u64;
        info.notes.push(format!(
            "{CAMERAS}/{camera} has no intrinsics; its pictures are left out."
        ));
    }
    Ok(Log {
        path: path.into(),
        rig: drive.rig.clone(),
        ego: drive.ego.clone(),
        indices: (0..stamps.len() as u64).collect(),
        info,
        source: Arc::new(drive),
    })
}

/// The stamps in the names of a folder's files, ascending; none if it is not
/// there.
fn stamps(folder: &Path, extension: &str) -> Result<Vec<i64>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let io = |cause| Error::Io {
        path: folder.into(),
        cause,
    };
    let mut stamps = Vec::new();
    for entry in folder.read_dir().map_err(io)? {
        stamps.extend(stamp(&entry.map_err(io)?.path(), extension));
    }
    stamps.sort_unstable();
    Ok(stamps)
}

/// The stamp in a name of digits and the extension.
fn stamp(path: &Path, extension: &str) -> Option<i64> {
    let stem = path.file_stem()?.to_str()?;
    // As many digits as are written back.
    let digits = stem.bytes().all(|byte| byte.is_ascii_digit()) && !stem.starts_with('0');
    let named = digits && path.extension()? == extension;
    named.then(|| stem.parse().ok())?
}

/// The stamps of each camera that has pictures.
fn pictures(log: &Path) -> Result<BTreeMap<String, Vec<i64>>> {
    let folder = log.join(CAMERAS);
    let mut pictures = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(pictures);
    }
    let io = |cause| Error::Io {
        path: folder.clone(),
        cause,
    };
    for entry in folder.read_dir().map_err(io)? {
        let entry = entry.map_err(io)?;
        let stamps = stamps(&entry.path(), "jpg")?;
        if let (Ok(name), false) = (entry.file_name().into_string(), stamps.is_empty()) {
            pictures.insert(name, stamps);
        }
    }
    Ok(pictures)
}

/// Gives each sweep the picture that is nearest to it, and that no other is
/// nearer to. Says how many pictures remain.
fn pair(moments: &mut [Moment], camera: usize, stamps: &[i64], tolerance_ns: i64) -> u64 {
    for &stamp in stamps {
        let next = moments.partition_point(|moment| moment.stamp < stamp);
        let near = next.saturating_sub(1)..moments.len().min(next + 1);
        let off = |moment: &Moment| moment.stamp.abs_diff(stamp);
        let nearest = moments[near].iter_mut().min_by_key(|moment| off(moment));
        let Some(moment) = nearest.filter(|moment| off(moment) <= tolerance_ns.unsigned_abs())
        else {
            continue;
        };
        let nearer =
            moment.pictures[camera].is_none_or(|other| off(moment) < moment.stamp.abs_diff(other));
        if nearer {
            moment.pictures[camera] = Some(stamp);
        }
    }
    let paired = moments
        .iter()
        .filter(|moment| moment.pictures[camera].is_some());
    (stamps.len() - paired.count()) as u64
}

/// The poses in a table's columns `tx_m` to `tz_m` and `qw` to `qz`; `None`
/// for those that are none.
fn poses(table: &Table) -> Result<Vec<Option<Pose>>> {
    let [x, y, z] = ["tx_m", "ty_m", "tz_m"].map(|name| table.floats(name));
    let [x, y, z] = [x?, y?, z?];
    let [qw, qx, qy, qz] = ["qw", "qx", "qy", "qz"].map(|name| table.floats(name));
    let [qw, qx, qy, qz] = [qw?, qx?, qy?, qz?];
    let rows = 0..x.len();
    Ok(rows
        .map(|i| geometry::pose([x[i], y[i], z[i]], [qw[i], qx[i], qy[i], qz[i]]))
        .collect())
}

/// The way of a log; empty where it has none.
fn way(log: &Path) -> Result<Trajectory> {
    let path = log.join(POSES);
    if !path.is_file() {
        return Ok(Trajectory::default());
    }
    let table = Table::read(path, POSES_BYTES, POSES_ROWS)?;
    let stamps = table.integers("timestamp_ns")?;
    let ego_from_base = calibration::base_from_ego().inverse();
    let waypoints = stamps.into_iter().zip(poses(&table)?);
    let waypoints = waypoints.filter_map(|(stamp, odom_from_ego)| {
        let pose = odom_from_ego? * ego_from_base;
        Some(Waypoint { stamp, pose })
    });
    Ok(Trajectory::new(waypoints.collect()))
}

impl Drive {
    fn info(&self, stamps: &[i64], cameras: &[Vec<i64>]) -> Info {
        let frames: Vec<(u64, i64)> = (0..).zip(stamps.iter().copied()).collect();
        let [began, ended] = [stamps.first(), stamps.last()].map(|s| s.copied().unwrap_or(0));
        let lidars = self
            .rig
            .lidars
            .iter()
            .map(|lidar| sensor(&lidar.name, SensorKind::Lidar, LIDAR.into(), stamps, None));
        let cameras = self
            .rig
            .cameras
            .iter()
            .zip(cameras)
            .map(|(camera, stamps)| {
                let source = format!("{CAMERAS}/{}", camera.name);
                let resolution = Some(camera.resolution);
                sensor(&camera.name, SensorKind::Camera, source, stamps, resolution)
            });
        let (annotations, unpaired) = self.boxes.info(stamps.iter().copied());
        let mut lost = Lost::new();
        if unpaired > 0 {
            lost.insert(Loss::UnpairedAnnotation, unpaired);
        }
        let mut notes = vec![
            "The points are compensated for the vehicle's motion by Argoverse; all of a sweep \
             belong to the stamp of its frame."
                .into(),
        ];
        let posed = !self.ego.waypoints().is_empty();
        if !posed {
            notes.push(format!(
                "There is no {POSES}: the vehicle is taken to stand still at the origin."
            ));
        }
        Info {
            format: "argoverse2",
            path: self.path.display().to_string(),
            frames: frames.len(),
            first: frames.first().map(|frame| frame.0),
            last: frames.last().map(|frame| frame.0),
            duration_s: ended.saturating_sub(began) as f64 * 1e-9,
            sensors: lidars.chain(cameras).collect(),
            pose_source: posed.then_some("city_SE3_egovehicle"),
            gaps: Vec::new(),
            jumps: Jump::among(&frames),
            distance_m: self.ego.length(began, ended),
            extent_m: self.ego.extent(),
            topics: Vec::new(),
            annotations,
            lost,
            notes,
        }
    }

    /// The sweeps of both lidars, each in its own frame.
    fn sweeps(&self, stamp: i64) -> Result<Vec<Sweep>> {
        let path = self.path.join(LIDAR).join(format!("{stamp}.feather"));
        let table = Table::read(path, SWEEP_BYTES, SWEEP_ROWS)
            .map_err(|error| file::missing(error, |path| Error::MissingScan { path }))?;
        let [x, y, z] = ["x", "y", "z"].map(|name| table.floats(name));
        let [x, y, z] = [x?, y?, z?];
        let intensity = table.integers("intensity")?;
        let laser = table.integers("laser_number")?;
        if x.is_empty() || laser.iter().any(|laser| !(0..2 * LASERS).contains(laser)) {
            return Err(table.broken("laser_number", "lasers from 0 to 63 of one or more returns"));
        }
        let lidars = (0..).zip(&self.rig.lidars);
        let sweeps = lidars.map(|(lidar, mounted)| {
            let sensor_from_ego = mounted.base_from_sensor.inverse() * calibration::base_from_ego();
            let lasers = lidar as i64 * LASERS..(lidar as i64 + 1) * LASERS;
            let own = (0..x.len()).filter(|i| lasers.contains(&laser[*i]));
            let points = own.map(|i| {
                let place = sensor_from_ego * Point3::new(x[i], y[i], z[i]);
                // Compensated by the log, so that all times are zero.
                Point::from_metres(place.into(), intensity[i] as f64 / 255.0, 0)
            });
            Sweep {
                lidar,
                stamp,
                points: points.collect(),
                labels: None,
            }
        });
        Ok(sweeps.collect())
    }

    fn images(&self, moment: &Moment) -> Result<Vec<Image>> {
        let cameras = self.rig.cameras.iter().zip(&moment.pictures).enumerate();
        cameras
            .filter_map(|(index, (camera, stamp))| {
                let stamp = (*stamp)?;
                let folder = self.path.join(CAMERAS).join(&camera.name);
                let path = folder.join(format!("{stamp}.jpg"));
                Some(Image::read(index, stamp, path, camera.resolution))
            })
            .collect()
    }

    /// `odom_from_base` at a time.
    fn pose(&self, stamp: i64) -> Result<Pose> {
        if self.ego.waypoints().is_empty() {
            return Ok(Pose::identity());
        }
        self.ego.at(stamp).ok_or_else(|| Error::MissingPose {
            path: self.path.join(POSES),
        })
    }
}

impl Source for Drive {
    fn roads(&self) -> Option<&Arc<Roads>> {
        self.roads.as_ref()
    }

    fn frame(&self, index: u64) -> Result<Frame> {
        let moment = usize::try_from(index)
            .ok()
            .and_then(|i| self.moments.get(i));
        let moment = moment.ok_or_else(|| Error::MissingScan {
            path: self.path.join(LIDAR),
        })?;
        Ok(Frame {
            index,
            begins: false,
            stamp: moment.stamp,
            pose: Some(self.pose(moment.stamp)?),
            ego: self.ego.clone(),
            sweeps: self.sweeps(moment.stamp)?,
            images: self.images(moment)?,
            annotations: self.boxes.at(moment.stamp).to_vec(),
            rig: self.rig.clone(),
            roads: self.roads.clone(),
        })
    }
}

/// A sensor's part in a log.
fn sensor(
    name: &str,
    kind: SensorKind,
    source: String,
    stamps: &[i64],
    resolution: Option<[u32; 2]>,
) -> Sensor {
    let ends = stamps.first().zip(stamps.last());
    Sensor {
        name: name.into(),
        kind,
        source,
        count: stamps.len(),
        rate_hz: ends
            .and_then(|(&first, &last)| info::rate_hz((1, first), (stamps.len() as u64, last))),
        resolution,
    }
}
