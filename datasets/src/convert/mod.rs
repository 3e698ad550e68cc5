//! Any log as one MCAP file of ROS 2 messages.
//!
//! | topic | message | |
//! |---|---|---|
//! | `/NAME/points` | sensor_msgs/PointCloud2 | one per sweep: x, y, z, intensity, t |
//! | `/NAME/image` | sensor_msgs/CompressedImage or Image | one per picture |
//! | `/NAME/camera_info` | sensor_msgs/CameraInfo | one per picture |
//! | `/annotations` | vision_msgs/Detection3DArray | one per frame, in `base_link` |
//! | `/tf_static` | tf2_msgs/TFMessage | `base_link` → NAME, of every sensor; again before a frame that has them elsewhere |
//! | `/tf` | tf2_msgs/TFMessage | `odom` → `base_link`, every pose of the log |
//!
//! Boxes are written as detections, which other programs compute with, and
//! not as markers, which they can only draw; velocity, visibility and the
//! count of returns have no place there, and are lost. The vehicle's body has no message
//! either: it is the metadata record [`BODY`], with `min_x`, `min_y`,
//! `max_x`, `max_y` and `height` in metres. A message's `sequence` is the
//! number of its frame; the metadata record [`FRAMES`] has the stamp of each
//! frame by its number, and ` begins` behind it where a scene begins.

mod cdr;
mod message;
mod names;
mod schema;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use mcap::records::{MessageHeader, Metadata};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions, Writer};

use crate::calibration::{Body, Rig};
use crate::error::{Error, Result};
use crate::frame::{Frame, Sweep};
use crate::geometry::Pose;
use crate::log::Log;
use crate::trajectory::Trajectory;

use names::Names;
use schema::Schema;

/// Name of the metadata record that holds the vehicle's body.
pub const BODY: &str = "janus.body";
/// Name of the metadata record that holds the frames.
pub const FRAMES: &str = "janus.frames";

const ODOM: &str = "odom";
const BASE: &str = "base_link";

/// Late subscribers get the last message of `/tf_static`, as everywhere in
/// ROS: reliable, transient local.
const LATCHED: &str = "\
- history: 1
  depth: 1
  reliability: 1
  durability: 1
  deadline:
    sec: 9223372036
    nsec: 854775807
  lifespan:
    sec: 9223372036
    nsec: 854775807
  liveliness: 1
  liveliness_lease_duration:
    sec: 9223372036
    nsec: 854775807
  avoid_ros_namespace_conventions: false
";

/// What became of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Frames that were written.
    pub frames: u64,
    /// Messages that were written.
    pub messages: u64,
    /// Frames that cannot be read, by [`Error::reason`].
    pub skipped: BTreeMap<&'static str, u64>,
}

/// Writes a log as an MCAP file, which is there only when it is whole.
/// `progress` is called with the number of frames that are done.
///
/// In ROS, a record lies where `/tf` has the vehicle at its stamp. Where the
/// log pairs a frame with a pose of another time, that pose is therefore
/// written with the frame's stamp; the other poses keep theirs. A sweep whose
/// motion the log has compensated gets the stamp of the frame, to whose pose
/// it belongs.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, or is the log itself, and
/// [`Error::Malformed`] if poses are of times that ROS cannot state. Frames
/// that cannot be read are counted and skipped.
pub fn convert(log: &Log, out: &Path, progress: impl FnMut(u64)) -> Result<Converted> {
    let io = |cause| Error::Io {
        path: out.into(),
        cause,
    };
    if let (Ok(from), Ok(to)) = (log.path().canonicalize(), out.canonicalize())
        && from == to
    {
        return Err(io(io::Error::other("is the log itself")));
    }
    let part = part(out);
    let written = File::create(&part)
        .map_err(io)
        .and_then(|file| Conversion::new(log, out, file)?.run(progress))
        .and_then(|converted| fs::rename(&part, out).map_err(io).map(|()| converted));
    if written.is_err() {
        // What was wrong with it counts, not that it is still there.
        let _ = fs::remove_file(&part);
    }
    written
}

/// The name of a file while it is written.
fn part(out: &Path) -> PathBuf {
    let mut name = OsString::from(out);
    name.push(".part");
    name.into()
}

/// A time as ROS states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time {
    /// Since the Unix epoch, rounded down.
    sec: i32,
    nanosec: u32,
}

impl Time {
    /// `None` before 1901 and after 2038.
    fn new(stamp: i64) -> Option<Self> {
        const SECOND: i64 = 1_000_000_000;
        let sec = stamp.div_euclid(SECOND).try_into().ok()?;
        let nanosec = stamp.rem_euclid(SECOND) as u32;
        Some(Self { sec, nanosec })
    }
}

/// A file that is being written.
///
/// The writer gathers each chunk in memory, which keeps it from seeking: where
/// that fails, as on a full disk, it panics when it is dropped.
struct Conversion<'a> {
    log: &'a Log,
    out: &'a Path,
    names: Names,
    writer: Writer<NoSeek<BufWriter<File>>>,
    channels: BTreeMap<(String, Schema), u16>,
    /// Where the sensors sit, as it was written last.
    mounted: Vec<Pose>,
    /// The poses that are still to be written, by their stamps.
    way: BTreeMap<i64, Pose>,
    /// Of the frames that were written, by number.
    frames: BTreeMap<String, String>,
    converted: Converted,
}

impl<'a> Conversion<'a> {
    fn new(log: &'a Log, out: &'a Path, file: File) -> Result<Self> {
        let options = WriteOptions::new()
            .profile("ros2")
            .library(concat!("janus ", env!("CARGO_PKG_VERSION")))
            .disable_seeking(true)
            .compression_threads(0);
        let writer = options.create(NoSeek::new(BufWriter::new(file)));
        let way = log.trajectory().waypoints().iter();
        Ok(Self {
            log,
            out,
            names: Names::of(log.rig()),
            writer: writer.map_err(|error| failed(out, error))?,
            channels: BTreeMap::new(),
            mounted: Vec::new(),
            way: way
                .map(|waypoint| (waypoint.stamp, waypoint.pose))
                .collect(),
            frames: BTreeMap::new(),
            converted: Converted::default(),
        })
    }

    fn run(mut self, mut progress: impl FnMut(u64)) -> Result<Converted> {
        if let Some(body) = self.log.rig().body {
            self.body(body)?;
        }
        for (done, frame) in (1..).zip(self.log.frames(None)) {
            let times = |frame| self.times(&frame).map(|()| frame);
            match frame.map_err(|broken| broken.error).and_then(times) {
                Ok(frame) => self.frame(&frame)?,
                Err(error) => *self.converted.skipped.entry(error.reason()).or_default() += 1,
            }
            progress(done);
        }
        if self.converted.frames == 0 {
            let stamp = self.way.keys().next().copied().unwrap_or(0);
            self.mountings(self.log.rig(), stamp)?;
        }
        self.transforms(i64::MAX)?;
        let frames = std::mem::take(&mut self.frames);
        self.note(FRAMES, frames)?;
        self.writer
            .finish()
            .map_err(|error| failed(self.out, error))?;
        let file = self.writer.into_inner().into_inner();
        let synced = file.into_inner().map_err(|error| error.into_error());
        synced
            .and_then(|file| file.sync_all())
            .map_err(|cause| Error::Io {
                path: self.out.into(),
                cause,
            })?;
        Ok(self.converted)
    }

    fn body(&mut self, body: Body) -> Result<()> {
        let numbers = [
            ("min_x", body.min[0]),
            ("min_y", body.min[1]),
            ("max_x", body.max[0]),
            ("max_y", body.max[1]),
            ("height", body.height),
        ];
        let entries = numbers.map(|(key, metres)| (key.to_owned(), metres.to_string()));
        self.note(BODY, entries.into())
    }

    fn note(&mut self, name: &str, metadata: BTreeMap<String, String>) -> Result<()> {
        let name = name.into();
        let written = self.writer.write_metadata(&Metadata { name, metadata });
        written.map_err(|error| failed(self.out, error))
    }

    /// Writes where the sensors sit, if it was not written like that before.
    fn mountings(&mut self, rig: &Rig, stamp: i64) -> Result<()> {
        let lidars = rig.lidars.iter().map(|lidar| lidar.base_from_sensor);
        let cameras = rig.cameras.iter().map(|camera| camera.base_from_sensor);
        let mounted: Vec<Pose> = lidars.chain(cameras).collect();
        if self.mounted == mounted && !self.channels.is_empty() {
            return Ok(());
        }
        let names = self.names.lidars.iter().chain(&self.names.cameras);
        let sensors: Vec<(&str, &Pose)> = names.map(String::as_str).zip(&mounted).collect();
        let message = message::transforms(self.time(stamp)?, BASE, sensors.into_iter());
        self.mounted = mounted;
        self.write("/tf_static", Schema::TfMessage, stamp, 0, &message)
    }

    fn frame(&mut self, frame: &Frame) -> Result<()> {
        // Those of the first frame hold for the poses before it, too.
        let before = self.way.keys().next().copied();
        let before = before.filter(|_| self.converted.frames == 0);
        if let Some(stamp) = stamps(frame).chain(before).min() {
            self.mountings(&frame.rig, stamp)?;
        }
        self.pair(frame);
        self.transforms(frame.stamp)?;
        let index = frame.index;
        for sweep in &frame.sweeps {
            let name = &self.names.lidars[sweep.lidar];
            let stamp = stamp_of(sweep, frame);
            let message = message::points(self.time(stamp)?, name, &sweep.points);
            let topic = format!("/{name}/points");
            self.write(&topic, Schema::PointCloud2, stamp, index, &message)?;
        }
        for image in &frame.images {
            let name = &self.names.cameras[image.camera];
            let camera = &frame.rig.cameras[image.camera];
            let (stamp, time) = (image.stamp, self.time(image.stamp)?);
            let info = message::camera_info(time, name, camera);
            let (schema, picture) = message::image(time, name, image);
            let [topic, info_topic] =
                ["image", "camera_info"].map(|kind| format!("/{name}/{kind}"));
            self.write(&topic, schema, stamp, index, &picture)?;
            self.write(&info_topic, Schema::CameraInfo, stamp, index, &info)?;
        }
        if self.log.info().annotations.is_some() {
            let time = self.time(frame.stamp)?;
            let message = message::annotations(time, BASE, &frame.annotations);
            let schema = Schema::Detection3DArray;
            self.write("/annotations", schema, frame.stamp, index, &message)?;
        }
        let begins = if frame.begins { " begins" } else { "" };
        self.frames
            .insert(index.to_string(), format!("{}{begins}", frame.stamp));
        self.converted.frames += 1;
        Ok(())
    }

    /// Moves the pose of a frame to the time of the frame.
    fn pair(&mut self, frame: &Frame) {
        let posed = self.log.info().pose_source.is_some();
        let Some(pose) = frame.pose.filter(|_| posed) else {
            return;
        };
        if frame.ego.at(frame.stamp) == Some(pose) {
            return;
        }
        let [from, to] =
            [-1, 1].map(|side| frame.stamp.saturating_add(side * Trajectory::MAX_GAP_NS));
        let mut near = self.way.range(from..=to);
        if let Some(other) = near
            .find(|(_, other)| **other == pose)
            .map(|(stamp, _)| *stamp)
        {
            self.way.remove(&other);
        }
        self.way.insert(frame.stamp, pose);
    }

    /// Writes the poses up to a time.
    fn transforms(&mut self, until: i64) -> Result<()> {
        let later = match until.checked_add(1) {
            Some(after) => self.way.split_off(&after),
            None => BTreeMap::new(),
        };
        for (stamp, pose) in std::mem::replace(&mut self.way, later) {
            let time = self.time(stamp)?;
            let message = message::transforms(time, ODOM, [(BASE, &pose)].into_iter());
            self.write("/tf", Schema::TfMessage, stamp, 0, &message)?;
        }
        Ok(())
    }

    /// Whether ROS can state the times of a frame.
    fn times(&self, frame: &Frame) -> Result<()> {
        stamps(frame).try_for_each(|stamp| self.time(stamp).map(drop))
    }

    fn time(&self, stamp: i64) -> Result<Time> {
        Time::new(stamp).ok_or_else(|| Error::Malformed {
            path: self.log.path().into(),
            field: format!("stamp {stamp}"),
            expected: "a time from 1901 to 2038, as ROS can state it".into(),
        })
    }

    fn write(
        &mut self,
        topic: &str,
        schema: Schema,
        stamp: i64,
        index: u64,
        message: &[u8],
    ) -> Result<()> {
        let channel = self.channel(topic, schema);
        let channel_id = channel.map_err(|error| failed(self.out, error))?;
        // MCAP has no time before the epoch; the message's own header has.
        let log_time = stamp.try_into().unwrap_or(0);
        let header = MessageHeader {
            channel_id,
            sequence: index as u32,
            log_time,
            publish_time: log_time,
        };
        let written = self.writer.write_to_known_channel(&header, message);
        written.map_err(|error| failed(self.out, error))?;
        self.converted.messages += 1;
        Ok(())
    }

    fn channel(&mut self, topic: &str, schema: Schema) -> Result<u16, McapError> {
        let key = (topic.to_owned(), schema);
        if let Some(channel) = self.channels.get(&key) {
            return Ok(*channel);
        }
        let definition = schema.definition();
        let writer = &mut self.writer;
        let schema = writer.add_schema(schema.name(), schema::ENCODING, definition.as_bytes())?;
        let latched = if topic == "/tf_static" { LATCHED } else { "" };
        let quality = BTreeMap::from([("offered_qos_profiles".into(), latched.into())]);
        let channel = writer.add_channel(schema, topic, schema::MESSAGE_ENCODING, &quality)?;
        self.channels.insert(key, channel);
        Ok(channel)
    }
}

/// The stamps of all messages of a frame.
fn stamps(frame: &Frame) -> impl Iterator<Item = i64> {
    let sweeps = frame.sweeps.iter().map(|sweep| stamp_of(sweep, frame));
    let images = frame.images.iter().map(|image| image.stamp);
    sweeps.chain(images).chain([frame.stamp])
}

fn stamp_of(sweep: &Sweep, frame: &Frame) -> i64 {
    let compensated = sweep.points.iter().all(|point| point.after_ns() == 0);
    if compensated {
        frame.stamp
    } else {
        sweep.stamp
    }
}

fn failed(path: &Path, error: McapError) -> Error {
    let cause = match error {
        McapError::Io(cause) => cause,
        other => io::Error::other(other),
    };
    let path = path.into();
    Error::Io { path, cause }
}

#[cfg(test)]
mod tests;
