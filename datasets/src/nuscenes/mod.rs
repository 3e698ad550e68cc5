//! nuScenes (Caesar et al., *nuScenes: A multimodal dataset for autonomous
//! driving*, CVPR 2020), in its official layout: a folder with the tables in
//! `v1.0-mini`, `v1.0-trainval` or `v1.0-test`, and the files of the sensors
//! in `samples` (keyframes, 2 Hz) and `sweeps` (what lies between).
//!
//! A scene is a log, and each revolution of its lidar, 20 a second, a frame.
//! Where the set has several scenes, the name of one follows the folder:
//! `nuscenes/scene-0061`, or `nuscenes/v1.0-mini/scene-0061`.
//!
//! Odom is nuScenes' global frame, the map's. Its coordinates are a few
//! kilometres.

mod annotation;
mod calibration;
mod place;
mod streams;
mod tables;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file;
use crate::frame::{Frame, Image, Sweep};
use crate::geometry::{self, Point, Pose, Waypoint};
use crate::info::{self, Info, Jump, Sensor, SensorKind};
use crate::log::{Log, Options, Source};
use crate::loss::Loss;
use crate::trajectory::Trajectory;

use annotation::Boxes;
use place::Place;
use streams::{Stream, Streams};
use tables::{EgoPose, Sample, SampleData, Tables};

/// What makes a folder a set.
pub(crate) const CONTENT: &str = "a nuScenes set: a folder with v1.0-*/*.json, samples and \
     sweeps, at its end the name of a scene if it has several";

/// The sensors that are read: the lidar, and the cameras clockwise from ahead.
const CHANNELS: [&str; 7] = [
    "LIDAR_TOP",
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_BACK_RIGHT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_FRONT_LEFT",
];

/// x, y, z in metres, the intensity from 0 to 255 and the number of the beam,
/// each a little-endian f32.
const POINT_BYTES: usize = 20;
/// Some 3 million points; a revolution has about 35,000.
const SCAN_LIMIT: u64 = 64 << 20;

/// What is needed to read a frame of a scene.
#[derive(Debug)]
struct Scene {
    root: PathBuf,
    /// The table of the ego poses.
    poses: PathBuf,
    rig: Arc<Rig>,
    ego: Arc<Trajectory>,
    moments: Vec<Moment>,
    boxes: Boxes,
}

/// One revolution of the lidar, and what belongs to it.
#[derive(Debug)]
struct Moment {
    /// End of the revolution, ns since the Unix epoch.
    stamp: i64,
    scan: String,
    /// `odom_from_base`, if the tables have it.
    pose: Option<Pose>,
    /// By camera of the rig.
    pictures: Vec<Option<Picture>>,
    /// Token of the keyframe that this is, or that follows.
    sample: String,
    keyframe: bool,
}

/// A picture of one camera.
#[derive(Clone, Debug)]
struct Picture {
    stamp: i64,
    file: String,
}

/// Whether `path` is a set's folder, or one of its scenes.
pub(crate) fn recognises(path: &Path) -> bool {
    Place::of(path).is_some()
}

/// Reads everything of a scene but its frames.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Log> {
    let place = Place::of(path).ok_or_else(|| Error::UnknownFormat {
        path: path.into(),
        expected: CONTENT.into(),
    })?;
    let (tables, token) = place.scene()?;
    let samples = tables.records("sample", |sample: &Sample| sample.scene_token == token)?;
    let tokens: HashSet<&str> = samples.iter().map(|sample| &*sample.token).collect();
    let mut records = tables.records("sample_data", |record: &SampleData| {
        tokens.contains(&*record.sample_token)
    })?;
    records.sort_by_key(|record| record.timestamp);

    let (ego, poses) = way(&tables, &records)?;
    let streams = Streams::of(&place.root, &tables, records)?;
    let Some(lidar) = &streams.lidar else {
        return Err(Error::Malformed {
            path: tables.file("sample_data"),
            field: "frames".into(),
            expected: "files like samples/LIDAR_TOP/*.pcd.bin that are there".into(),
        });
    };
    let rig = Arc::new(streams.rig(&tables)?);
    let mut moments = moments(lidar, rig.cameras.len(), &poses);
    let unpaired: u64 = (0..)
        .zip(&streams.cameras)
        .map(|(camera, stream)| pair(&mut moments, camera, stream, options.tolerance_ns))
        .sum();
    let scene = Scene {
        boxes: Boxes::read(&tables, samples)?,
        poses: tables.file("ego_pose"),
        root: place.root,
        rig,
        ego: Arc::new(ego),
        moments,
    };
    let mut info = scene.info(path, &streams);
    if unpaired > 0 {
        info.lost.insert(Loss::UnpairedImage, unpaired);
    }
    Ok(Log {
        path: path.into(),
        rig: scene.rig.clone(),
        ego: scene.ego.clone(),
        indices: (0..scene.moments.len() as u64).collect(),
        info,
        source: Arc::new(scene),
    })
}

/// The way through a scene, and the poses that its records name. Every record
/// of every sensor has one of its own, at its time.
fn way(tables: &Tables, records: &[SampleData]) -> Result<(Trajectory, HashMap<String, Pose>)> {
    let tokens: HashSet<&str> = records
        .iter()
        .map(|record| &*record.ego_pose_token)
        .collect();
    let records = tables.records("ego_pose", |pose: &EgoPose| tokens.contains(&*pose.token))?;
    let ego_from_base = calibration::base_from_ego().inverse();
    let mut waypoints = Vec::with_capacity(records.len());
    let mut poses = HashMap::with_capacity(records.len());
    for record in records {
        let Some(odom_from_ego) = geometry::pose(record.translation, record.rotation) else {
            continue;
        };
        let pose = odom_from_ego * ego_from_base;
        let stamp = nanoseconds(record.timestamp);
        waypoints.push(Waypoint { stamp, pose });
        poses.insert(record.token, pose);
    }
    Ok((Trajectory::new(waypoints), poses))
}

/// The revolutions of the lidar, as yet without pictures.
fn moments(lidar: &Stream, cameras: usize, poses: &HashMap<String, Pose>) -> Vec<Moment> {
    let records = lidar.records.iter().map(|record| Moment {
        stamp: nanoseconds(record.timestamp),
        scan: record.filename.clone(),
        pose: poses.get(&record.ego_pose_token).copied(),
        pictures: vec![None; cameras],
        sample: record.sample_token.clone(),
        keyframe: record.is_key_frame,
    });
    records.collect()
}

/// Gives each picture of a camera to one frame: that of a keyframe to its own,
/// others to the revolution in which they were taken, as the lidar triggers
/// the cameras when it looks their way, and is stamped at its end. Says how
/// many pictures remain.
fn pair(moments: &mut [Moment], camera: usize, stream: &Stream, tolerance_ns: i64) -> u64 {
    let keyframes = moments
        .iter()
        .enumerate()
        .filter(|(_, moment)| moment.keyframe);
    let keyframes: HashMap<String, usize> = keyframes
        .map(|(place, moment)| (moment.sample.clone(), place))
        .collect();
    let (own, between): (Vec<_>, Vec<_>) = stream
        .records
        .iter()
        .partition(|record| record.is_key_frame);
    let mut remaining = 0;
    for record in own.into_iter().chain(between) {
        let stamp = nanoseconds(record.timestamp);
        let place = if record.is_key_frame {
            keyframes.get(&record.sample_token).copied()
        } else {
            let next = moments.partition_point(|moment| moment.stamp < stamp);
            let near = |moment: &&Moment| moment.stamp.saturating_sub(stamp) <= tolerance_ns;
            moments.get(next).filter(near).map(|_| next)
        };
        let picture = place.and_then(|place| moments[place].pictures.get_mut(camera));
        match picture {
            Some(picture @ None) => {
                let file = record.filename.clone();
                *picture = Some(Picture { stamp, file });
            }
            _ => remaining += 1,
        }
    }
    remaining
}

/// From the microseconds of the tables.
fn nanoseconds(timestamp: i64) -> i64 {
    timestamp.saturating_mul(1_000)
}

impl Scene {
    fn info(&self, path: &Path, streams: &Streams) -> Info {
        let stamps: Vec<(u64, i64)> = (0..).zip(self.moments.iter().map(|m| m.stamp)).collect();
        let [began, ended] = [stamps.first(), stamps.last()].map(|s| s.map_or(0, |s| s.1));
        let lidar = streams.lidar.iter().map(|stream| sensor(stream, None));
        let cameras = streams.cameras.iter().zip(&self.rig.cameras);
        let cameras = cameras.map(|(stream, camera)| sensor(stream, Some(camera.resolution)));
        let annotations = self.boxes.info(&self.moments);
        let mut notes = vec![
            "The points are compensated for the vehicle's motion by nuScenes; all of a sweep \
             belong to the stamp of its frame."
                .into(),
        ];
        if annotations.is_some() {
            notes.push(
                "Boxes between keyframes are interpolated, as nuScenes' development kit does it; \
                 how many points lie in them is known in keyframes alone."
                    .into(),
            );
        }
        if streams.unread > 0 {
            let unread = streams.unread;
            notes.push(format!(
                "{unread} records of radars and other sensors are not read."
            ));
        }
        if !streams.lost.is_empty() {
            let lost: u64 = streams.lost.values().sum();
            notes.push(format!(
                "{lost} files of the tables are in folders that are not there."
            ));
        }
        Info {
            format: "nuscenes",
            path: path.display().to_string(),
            frames: stamps.len(),
            first: stamps.first().map(|frame| frame.0),
            last: stamps.last().map(|frame| frame.0),
            duration_s: ended.saturating_sub(began) as f64 * 1e-9,
            sensors: lidar.chain(cameras).collect(),
            pose_source: (!self.ego.waypoints().is_empty()).then_some("ego_pose"),
            gaps: Vec::new(),
            jumps: Jump::among(&stamps),
            distance_m: self.ego.length(began, ended),
            extent_m: self.ego.extent(),
            topics: Vec::new(),
            annotations,
            lost: streams.lost.clone(),
            notes,
        }
    }

    fn sweep(&self, moment: &Moment) -> Result<Sweep> {
        let path = self.root.join(&moment.scan);
        let bytes = file::read(&path, SCAN_LIMIT)
            .map_err(|error| file::missing(error, |path| Error::MissingScan { path }))?;
        if bytes.is_empty() || bytes.len() % POINT_BYTES != 0 {
            return Err(Error::TruncatedScan {
                path,
                bytes: bytes.len(),
                record: POINT_BYTES,
            });
        }
        Ok(Sweep {
            lidar: 0,
            stamp: moment.stamp,
            points: points(&bytes),
            labels: None,
        })
    }

    fn images(&self, moment: &Moment) -> Result<Vec<Image>> {
        let cameras = self.rig.cameras.iter().zip(&moment.pictures).enumerate();
        cameras
            .filter_map(|(index, (camera, picture))| {
                let picture = picture.as_ref()?;
                let path = self.root.join(&picture.file);
                Some(Image::read(index, picture.stamp, path, camera.resolution))
            })
            .collect()
    }
}

impl Source for Scene {
    fn frame(&self, index: u64) -> Result<Frame> {
        let moment = usize::try_from(index)
            .ok()
            .and_then(|i| self.moments.get(i));
        let moment = moment.ok_or_else(|| Error::MissingScan {
            path: self.root.join("sweeps/LIDAR_TOP"),
        })?;
        let pose = moment.pose.ok_or_else(|| Error::MissingPose {
            path: self.poses.clone(),
        })?;
        Ok(Frame {
            index,
            begins: false,
            stamp: moment.stamp,
            pose: Some(pose),
            ego: self.ego.clone(),
            sweeps: vec![self.sweep(moment)?],
            images: self.images(moment)?,
            annotations: self.boxes.at(moment, &pose),
            rig: self.rig.clone(),
            roads: None,
        })
    }
}

/// A sensor's part in a scene.
fn sensor(stream: &Stream, resolution: Option<[u32; 2]>) -> Sensor {
    let count = stream.records.len();
    let ends = stream.records.first().zip(stream.records.last());
    Sensor {
        name: stream.channel.into(),
        kind: match resolution {
            None => SensorKind::Lidar,
            Some(_) => SensorKind::Camera,
        },
        source: stream.channel.into(),
        count,
        rate_hz: ends.and_then(|(first, last)| {
            let [first, last] = [first, last].map(|record| nanoseconds(record.timestamp));
            info::rate_hz((1, first), (count as u64, last))
        }),
        resolution,
    }
}

/// A scan's returns in the sensor's frame. nuScenes has already compensated
/// the vehicle's motion (nuscenes-devkit, issue 293), and gives no times.
fn points(scan: &[u8]) -> Vec<Point> {
    let (records, _) = scan.as_chunks::<POINT_BYTES>();
    records
        .iter()
        .map(|record| {
            let words: [[u8; 4]; 5] = bytemuck::cast(*record);
            let [x, y, z, intensity, _] = words.map(|word| f64::from(f32::from_le_bytes(word)));
            Point::from_metres([x, y, z], intensity / 255.0, 0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn points_keep_their_place(values in prop::collection::vec(any::<[u32; 5]>(), 0..50)) {
            let scan: Vec<u8> = values.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
            let points = points(&scan);
            prop_assert_eq!(points.len(), values.len());
            for (point, value) in points.iter().zip(values) {
                let [x, y, z, i, _] = value.map(|v| f64::from(f32::from_bits(v)));
                prop_assert_eq!(*point, Point::from_metres([x, y, z], i / 255.0, 0));
            }
        }
    }
}
