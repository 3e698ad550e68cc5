//! Logs of topics: MCAP files and rosbag2 folders, with the messages of ROS 2
//! or of Foxglove.
//!
//! Opening goes once through all messages ([`index`]): those of clouds and
//! pictures are noted by stamp and place, all others are taken in. From these
//! follow where the sensors sit ([`mounting`]) and where the vehicle was
//! ([`ego`]); [`crate::sync`] puts the records together, and a frame is read
//! by the places of its own.

mod cdr;
mod cloud;
mod compression;
mod container;
mod ego;
mod fault;
mod foxglove;
mod frames;
mod index;
mod lens;
mod mcap;
mod message;
mod mounting;
mod number;
mod picture;
mod recalibration;
mod ros;
mod rosbag2;
mod schema;
mod sqlite;
mod transforms;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Rig;
use crate::convert::FRAMES;
use crate::error::{Error, Result};
use crate::frame::{Frame, Image, Sweep};
use crate::geometry::Pose;
use crate::info::{self, Gap, Info, Jump, SensorKind};
use crate::log::{Log, Options, Source};
use crate::sync::{self, Moment};
use crate::trajectory::Trajectory;

use compression::Packed;
use container::{ALLOWANCE, Container, Place};
use ego::Way;
use fault::Fault;
use index::Index;
use message::{Content, Kind};
use mounting::{Mounting, Sensor};
use recalibration::Recalibration;

/// What makes a file an MCAP log.
pub(crate) const MCAP: &str = "an MCAP file of ROS 2 or Foxglove messages";
/// What makes a path a rosbag2 log.
pub(crate) const ROSBAG2: &str = "a rosbag2 log: a folder with metadata.yaml and .mcap or .db3 files, or one .db3 file, compressed or not";

/// Whether `path` is an MCAP file.
pub(crate) fn is_mcap(path: &Path) -> bool {
    mcap::Mcap::recognises(path)
}

/// Whether `path` is a folder, or a part of one, that rosbag2 wrote.
pub(crate) fn is_rosbag2(path: &Path) -> bool {
    sqlite::Sqlite::recognises(path) || compression::recognises(path) || rosbag2::recognises(path)
}

/// Opens an MCAP file.
pub(crate) fn open_mcap(path: &Path, options: &Options) -> Result<Log> {
    let container = container::open(path.into())?;
    open("mcap", path, container, options)
}

/// Opens a rosbag2 folder, or a database of one.
pub(crate) fn open_rosbag2(path: &Path, options: &Options) -> Result<Log> {
    let container = match path.is_dir() {
        true => Box::new(rosbag2::open(path)?),
        false => container::open(path.into())?,
    };
    open("rosbag2", path, container, options)
}

/// A log of topics, and what is needed to read a frame from it.
#[derive(Debug)]
struct Bag {
    path: PathBuf,
    container: Packed,
    /// As it was when each sensor began.
    rig: Arc<Rig>,
    /// `None` if it stays like that.
    recalibration: Option<Recalibration>,
    /// The reference first.
    sensors: Vec<Sensor>,
    /// Of the frames, ascending.
    numbers: Vec<u64>,
    moments: Vec<Moment>,
    /// `None` if the log has no poses.
    pose_source: Option<&'static str>,
    way: Arc<Trajectory>,
}

fn open(
    format: &'static str,
    path: &Path,
    container: Box<dyn Container>,
    options: &Options,
) -> Result<Log> {
    let container = Packed {
        path: path.into(),
        container,
    };
    let mut index = Index::build(path, &container)?;
    index.demand(path, &options.topics)?;
    let asked = index.named(&options.topics, &[Kind::Odometry, Kind::Pose, Kind::Fix]);
    let Mounting {
        base, rig, sensors, ..
    } = Mounting::new(&mut index, &options.topics);
    let way = ego::way(
        &index.tree,
        &index.tracks,
        &base,
        &asked,
        &mut index.lost,
        &mut index.notes,
    );
    let records: Vec<Vec<sync::Record>> = sensors.iter().map(|s| s.records.clone()).collect();
    let told = index.metadata.get(FRAMES);
    let told = told.and_then(|told| {
        let frames = frames::told(told, &sensors, &mut index.lost);
        if frames.is_none() {
            let note =
                format!("The metadata record {FRAMES} is none of frames; they are made by time.");
            index.notes.push(note);
        }
        frames
    });
    let (numbers, moments) = told.unwrap_or_else(|| {
        let (moments, lost) = sync::moments(&records, options.tolerance_ns);
        for (loss, count) in lost {
            *index.lost.entry(loss).or_default() += count;
        }
        ((0..moments.len() as u64).collect(), moments)
    });
    let bag = Bag {
        path: path.into(),
        container,
        rig: Arc::new(rig),
        recalibration: Recalibration::of(&mut index, &base),
        sensors,
        numbers: numbers.clone(),
        moments,
        pose_source: way.source,
        way: Arc::new(Trajectory::new(way.waypoints.clone())),
    };
    let info = bag.info(format, index, &base, &way);
    Ok(Log {
        path: path.into(),
        rig: bag.rig.clone(),
        ego: bag.way.clone(),
        indices: numbers,
        info,
        source: Arc::new(bag),
    })
}

impl Bag {
    fn info(&self, format: &'static str, index: Index, base: &str, way: &Way) -> Info {
        let stamps = self.moments.iter().map(|moment| moment.stamp);
        let stamps: Vec<(u64, i64)> = self.numbers.iter().copied().zip(stamps).collect();
        let began = stamps.first().map_or(0, |first| first.1);
        let ended = stamps.last().map_or(began, |last| last.1);
        let mut sensors: Vec<info::Sensor> = self.sensors.iter().map(|s| self.sensor(s)).collect();
        sensors.extend(index.units());
        let mut notes = index.notes.clone();
        if self.sensors.is_empty() {
            notes.push(
                "There is no topic of a lidar or a camera that can be read, so there are no frames."
                    .into(),
            );
        } else {
            if self.rig.body.is_none() {
                notes.push(format!("`{base}` is taken for the vehicle's centre on the ground; such a log does not say where on the vehicle it lies."));
            }
            if way.source.is_none() {
                notes.push("The log has no poses: the vehicle stands still at the origin.".into());
            }
        }
        let again = self.moments.iter().filter(|moment| moment.again).count();
        if again > 0 && way.source.is_some() {
            notes.push(format!("The clock was set back: {again} frames are of times that had been before, and have no pose."));
        }
        Info {
            format,
            path: self.path.display().to_string(),
            frames: stamps.len(),
            first: stamps.first().map(|first| first.0),
            last: stamps.last().map(|last| last.0),
            duration_s: ended.saturating_sub(began) as f64 * 1e-9,
            sensors,
            pose_source: way.source,
            gaps: Gap::between(&self.numbers),
            jumps: Jump::among(&stamps),
            distance_m: self.way.length(began, ended),
            extent_m: self.way.extent(),
            topics: index.topics(way),
            annotations: None,
            lost: index.lost,
            notes,
        }
    }

    fn sensor(&self, sensor: &Sensor) -> info::Sensor {
        let camera = self.rig.cameras.get(sensor.index);
        let is_camera = sensor.decoder.kind == Kind::Picture;
        info::Sensor {
            name: sensor.name.clone(),
            kind: if is_camera {
                SensorKind::Camera
            } else {
                SensorKind::Lidar
            },
            source: sensor.topic.clone(),
            count: sensor.records.len(),
            rate_hz: index::rate_hz(&sensor.records),
            resolution: camera.filter(|_| is_camera).map(|camera| camera.resolution),
        }
    }

    /// `odom_from_base` at a moment.
    fn pose(&self, moment: &Moment) -> Result<Pose> {
        if self.pose_source.is_none() {
            return Ok(Pose::identity());
        }
        let pose = self.way.at(moment.stamp).filter(|_| !moment.again);
        pose.ok_or_else(|| Error::MissingPose {
            path: self.path.clone(),
        })
    }

    /// The vehicle at a moment.
    fn rig(&self, moment: &Moment) -> Result<Arc<Rig>> {
        let Some(recalibration) = &self.recalibration else {
            return Ok(self.rig.clone());
        };
        let rig = recalibration.rig(&self.rig, &self.sensors, moment);
        rig.map(Arc::new).map_err(|fault| fault.at(&self.path))
    }

    /// The sensors that have a record of a moment, with its place and stamp.
    fn records<'a>(&'a self, moment: &'a Moment) -> impl Iterator<Item = (&'a Sensor, Place, i64)> {
        moment.records.iter().map(|&(sensor, record)| {
            let sensor = &self.sensors[sensor];
            (sensor, sensor.places[record], sensor.records[record].stamp)
        })
    }
}

impl Source for Bag {
    fn frame(&self, index: u64) -> Result<Frame> {
        let moment = self.numbers.binary_search(&index).ok();
        let moment = moment.and_then(|place| self.moments.get(place));
        let moment =
            moment.ok_or_else(|| Fault::new("frame", "a number of the log").at(&self.path))?;
        // What is highly compressed may unpack to more than there is memory.
        let limit = ALLOWANCE + self.container.size();
        let length: u64 = self
            .records(moment)
            .map(|(_, place, _)| u64::from(place.length))
            .sum();
        if length > limit {
            let path = self.path.clone();
            return Err(Error::TooLarge { path, limit });
        }
        let mut frame = Frame {
            index,
            stamp: moment.stamp,
            begins: moment.begins,
            pose: Some(self.pose(moment)?),
            ego: self.way.clone(),
            sweeps: Vec::new(),
            images: Vec::new(),
            annotations: Vec::new(),
            rig: self.rig(moment)?,
            roads: None,
        };
        for (sensor, place, stamp) in self.records(moment) {
            let path = self
                .path
                .join(sensor.topic.trim_matches('/'))
                .join(stamp.to_string());
            let data = self.container.fetch(place)?;
            match sensor
                .decoder
                .read(&data)
                .map_err(|fault| fault.at(&path))?
            {
                Content::Cloud(mut cloud) => {
                    cloud.header.stamp = stamp;
                    let measured = cloud.measured(sensor.full_scale);
                    frame.sweeps.push(Sweep {
                        lidar: sensor.index,
                        stamp: measured.stamp,
                        points: measured.points,
                        labels: None,
                    });
                }
                Content::Picture(picture) => {
                    let image = Image {
                        camera: sensor.index,
                        stamp,
                        pixels: picture.pixels().map_err(|fault| fault.at(&path))?,
                        source: path,
                    };
                    let expected = frame.rig.cameras[sensor.index].resolution;
                    let found = image.resolution()?;
                    if found != expected {
                        let path = image.source;
                        return Err(Error::Resolution {
                            path,
                            found,
                            expected,
                        });
                    }
                    frame.images.push(image);
                }
                _ => return Err(Fault::new("message", "a cloud or a picture").at(&path)),
            }
        }
        Ok(frame)
    }
}
