//! Raw drives, synchronised and rectified.
//!
//! Files are found by the ten-digit number in their name, of which some may
//! be missing; line N of a timestamp file, from zero, belongs to number N.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file::missing;
use crate::frame::{Frame, Image, Sweep};
use crate::geometry::{Pose, Waypoint};
use crate::info::{Gap, Info, Jump, Sensor, SensorKind};
use crate::log::{Log, Options, Source};
use crate::trajectory::Trajectory;

use super::oxts::{Odometry, Packet};
use super::recording::Recording;
use super::tracklets::Tracklets;
use super::{ODOM_LIMIT, calibration, numbered, picture, scan};

const LIDAR: &str = "velodyne_points";
const CAMERAS: [&str; 4] = ["image_00", "image_01", "image_02", "image_03"];
const INS: &str = "oxts";

/// A drive's folders, and what is needed to read a frame from them.
#[derive(Debug)]
struct Drive {
    rig: Arc<Rig>,
    base_from_velodyne: Pose,
    lidar: Option<Recording>,
    /// In the order of the rig.
    cameras: Vec<Recording>,
    ego: Option<Ego>,
    way: Arc<Trajectory>,
    tracklets: Tracklets,
}

/// The navigation system's packets.
#[derive(Debug)]
struct Ego {
    packets: Recording,
    odometry: Odometry,
}

/// Whether `path` is a drive's folder.
pub(super) fn recognises(path: &Path) -> bool {
    let mut folders = [LIDAR].into_iter().chain(CAMERAS);
    folders.any(|folder| path.join(folder).join("data").is_dir())
}

/// Lists a drive and reads everything but its frames.
pub(super) fn open(path: &Path, _: &Options) -> Result<Log> {
    let lidar = Recording::list(path, LIDAR, "bin")?;
    let cameras: Vec<Recording> = CAMERAS
        .into_iter()
        .filter_map(|name| Recording::list(path, name, "png").transpose())
        .collect::<Result<_>>()?;
    let indices = numbered::union(lidar.iter().chain(&cameras).map(|r| &r.files));
    let (Some(&first), Some(&last)) = (indices.first(), indices.last()) else {
        return Err(Error::Malformed {
            path: path.into(),
            field: "frames".into(),
            expected: "a scan like velodyne_points/data/0000000000.bin \
                       or a picture like image_02/data/0000000000.png"
                .into(),
        });
    };

    let drive = Drive::new(path, lidar, cameras)?;
    let stamps = indices.iter();
    let stamps = stamps.filter_map(|&index| Some((index, drive.stamp(index).ok()?)));
    let stamps: Vec<(u64, i64)> = stamps.collect();
    let began = stamps.first().map_or(0, |first| first.1);
    let ended = stamps.last().map_or(began, |last| last.1);
    let info = Info {
        format: "kitti_raw",
        path: path.display().to_string(),
        frames: indices.len(),
        first: Some(first),
        last: Some(last),
        duration_s: ended.saturating_sub(began) as f64 * 1e-9,
        sensors: drive.sensors(),
        pose_source: drive.ego.as_ref().map(|_| INS),
        gaps: Gap::between(&indices),
        jumps: Jump::among(&stamps),
        distance_m: drive.way.length(began, ended),
        extent_m: drive.way.extent(),
        topics: Vec::new(),
        annotations: drive.tracklets.summary(),
        lost: Default::default(),
        notes: Vec::new(),
    };
    Ok(Log {
        path: path.into(),
        rig: drive.rig.clone(),
        ego: drive.way.clone(),
        indices,
        info,
        source: Arc::new(drive),
    })
}

impl Drive {
    /// Reads what the frames of a drive have in common.
    fn new(path: &Path, lidar: Option<Recording>, cameras: Vec<Recording>) -> Result<Self> {
        let packets = Recording::list(path, INS, "txt")?;
        let names: Vec<&str> = cameras.iter().map(|camera| camera.files.name).collect();
        let mounts = calibration::raw(&parent(path), lidar.is_some(), &names)?;
        let ego = packets.map(Ego::new).transpose()?;
        let way = ego.iter().flat_map(Ego::way).collect();
        Ok(Self {
            rig: Arc::new(mounts.rig),
            base_from_velodyne: mounts.base_from_velodyne,
            lidar,
            cameras,
            ego,
            way: Arc::new(Trajectory::new(way)),
            tracklets: Tracklets::beside(path)?,
        })
    }

    /// The moment at which the lidar looks ahead, which triggers the cameras.
    fn stamp(&self, index: u64) -> Result<i64> {
        let clock = self.lidar.as_ref().or(self.cameras.first());
        let clock = clock.ok_or_else(|| Error::MissingScan { path: LIDAR.into() })?;
        clock.stamps.at(index)
    }

    fn sweep(&self, lidar: &Recording, index: u64) -> Result<Sweep> {
        Ok(Sweep {
            lidar: 0,
            stamp: lidar.stamps.at(index)?,
            points: scan::read(&lidar.files.file(index))?,
            labels: None,
        })
    }

    fn image(&self, camera: usize, recording: &Recording, index: u64) -> Result<Image> {
        let stamp = recording.stamps.at(index)?;
        let expected = self.rig.cameras[camera].resolution;
        picture::read(recording.files.file(index), camera, stamp, Some(expected))
    }

    fn sensors(&self) -> Vec<Sensor> {
        let lidar = self.lidar.iter().map(|r| r.info(SensorKind::Lidar, None));
        let cameras = self.cameras.iter().zip(&self.rig.cameras);
        let cameras = cameras.map(|(r, c)| r.info(SensorKind::Camera, Some(c.resolution)));
        let ego = self
            .ego
            .iter()
            .map(|ego| ego.packets.info(SensorKind::Ins, None));
        lidar.chain(cameras).chain(ego).collect()
    }
}

impl Source for Drive {
    fn frame(&self, index: u64) -> Result<Frame> {
        let pose = self.ego.as_ref().map(|ego| ego.pose(index));
        let sweeps = self.lidar.iter().map(|lidar| self.sweep(lidar, index));
        let cameras = self.cameras.iter().enumerate();
        let images = cameras.map(|(camera, recording)| self.image(camera, recording, index));
        Ok(Frame {
            index,
            stamp: self.stamp(index)?,
            begins: false,
            pose: pose.transpose()?,
            ego: self.way.clone(),
            sweeps: sweeps.collect::<Result<_>>()?,
            images: images.collect::<Result<_>>()?,
            annotations: self.tracklets.at(index, &self.base_from_velodyne),
            rig: self.rig.clone(),
            roads: None,
        })
    }
}

impl Ego {
    /// Starts the odometry at the first packet that can be read.
    fn new(packets: Recording) -> Result<Self> {
        let mut broken = None;
        for &number in &packets.files.numbers {
            match Packet::read(&packets.files.file(number)) {
                Ok(first) => {
                    return Ok(Self {
                        odometry: Odometry::from(&first),
                        packets,
                    });
                }
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        Err(broken.unwrap_or(Error::MissingPose {
            path: packets.folder,
        }))
    }

    /// `odom_from_base` of one packet.
    fn pose(&self, number: u64) -> Result<Pose> {
        let path = self.packets.files.file(number);
        let packet = Packet::read(&path)
            .map_err(|error| missing(error, |path| Error::MissingPose { path }))?;
        let pose = self.odometry.pose(&packet);
        if pose.translation.vector.norm() > ODOM_LIMIT {
            return Err(Error::Malformed {
                path,
                field: "lat, lon, alt".into(),
                expected: "a place within 100 km of where the drive began".into(),
            });
        }
        Ok(pose)
    }

    /// The poses that can be read.
    fn way(&self) -> impl Iterator<Item = Waypoint> {
        self.packets.files.numbers.iter().filter_map(|&number| {
            let stamp = self.packets.stamps.at(number).ok()?;
            let pose = self.pose(number).ok()?;
            Some(Waypoint { stamp, pose })
        })
    }
}

/// The folder that holds a drive's folder, even where that is given as `.`.
fn parent(path: &Path) -> PathBuf {
    match (path.file_name(), path.parent()) {
        (Some(_), Some(parent)) => parent.into(),
        _ => path.join(".."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_drive_is_found_however_it_is_named() {
        for (path, expected) in [
            ("a/drive", "a"),
            ("a/drive/", "a"),
            ("drive", ""),
            (".", "./.."),
            ("a/..", "a/../.."),
        ] {
            assert_eq!(parent(Path::new(path)), Path::new(expected));
        }
    }
}
