//! Sequences of the odometry and tracking benchmarks: consecutive frames at
//! 10 Hz, numbered from zero, with one calibration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nalgebra::{Matrix3, Translation3};

use crate::annotation::Annotation;
use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file;
use crate::frame::{Frame, Sweep};
use crate::geometry::{Pose, Waypoint};
use crate::info::{Annotations, Gap, Info, Jump, Sensor, SensorKind};
use crate::log::{Log, Source};
use crate::trajectory::Trajectory;

use super::numbered::{self, Numbered};
use super::oxts::{self, Packet};
use super::{ODOM_LIMIT, calibration, labels, picture, scan};

/// Digits of a frame's number in the names of files.
const DIGITS: usize = 6;
/// A pose has some 150 bytes, a packet some 250, and a sequence a few
/// thousand of them.
const LIST_LIMIT: u64 = 32 << 20;
/// Between the frames of a sequence that does not tell, ns.
const STEP_NS: i64 = 100_000_000;

/// A folder of the odometry benchmark, like `sequences/00`.
pub(super) struct Odometry<'a> {
    path: &'a Path,
}

/// A sequence of the tracking benchmark, like `training/0000`: a name within
/// the folders of the sensors.
pub(super) struct Tracking {
    root: PathBuf,
    /// The sequences that are there.
    names: Vec<String>,
    chosen: Option<String>,
}

/// What both are turned into.
#[derive(Debug)]
struct Sequence {
    rig: Arc<Rig>,
    /// From the frame of camera 0, rectified.
    base_from_rect: Pose,
    lidar: Option<Numbered>,
    /// In the order of the rig.
    cameras: Vec<Numbered>,
    /// When each frame was recorded, ns; every [`STEP_NS`] without.
    stamps: Option<Lines<i64>>,
    poses: Option<Lines<Pose>>,
    way: Arc<Trajectory>,
    labels: BTreeMap<u64, Vec<Annotation>>,
}

/// A file of a line for each frame.
#[derive(Debug)]
struct Lines<T> {
    path: PathBuf,
    lines: Vec<T>,
}

impl<'a> Odometry<'a> {
    /// The sequence at `path`, if there is one.
    pub(super) fn at(path: &'a Path) -> Option<Self> {
        let is = |name: &str| path.join(name).is_file();
        (is("calib.txt") && is("times.txt")).then_some(Self { path })
    }

    pub(super) fn open(&self) -> Result<Log> {
        const CAMERAS: [(&str, usize); 4] = [
            ("image_0", 0),
            ("image_1", 1),
            ("image_2", 2),
            ("image_3", 3),
        ];
        let folder = |name: &str| self.path.join(name);
        let mut sequence = Sequence::list(&folder("calib.txt"), &CAMERAS, folder)?;
        let times = folder("times.txt");
        sequence.stamps = Some(Lines::read(
            times,
            "seconds since the first frame",
            |line| {
                let seconds: f64 = line.trim().parse().ok()?;
                (0.0..1e9)
                    .contains(&seconds)
                    .then_some((seconds * 1e9).round() as i64)
            },
        )?);
        if let Some(path) = self.poses().filter(|path| path.is_file()) {
            let base_from_rect = sequence.base_from_rect;
            let expected = "12 numbers, the rows of a pose [R | t]";
            sequence.follow(Lines::read(path, expected, |line| {
                Some(base_from_rect * rigid(line)? * base_from_rect.inverse())
            })?);
        }
        sequence.log(self.path, "kitti_odometry", "ground truth poses")
    }

    /// Where its poses are, or would be.
    fn poses(&self) -> Option<PathBuf> {
        let own = self.path.join("poses.txt");
        if own.is_file() {
            return Some(own);
        }
        let path = self.path.canonicalize().ok()?;
        let name = format!("{}.txt", path.file_name()?.to_str()?);
        Some(path.parent()?.parent()?.join("poses").join(name))
    }
}

impl Tracking {
    /// The sequence that `path` names, or those in the folder that it is.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let of = |root: &Path| {
            let names = sequences(root);
            (!names.is_empty() && root.join("calib").is_dir()).then_some(names)
        };
        if let Some(names) = of(path) {
            let root = path.into();
            let chosen = (names.len() == 1).then(|| names[0].clone());
            return Some(Self {
                root,
                names,
                chosen,
            });
        }
        let (root, name) = (path.parent()?, path.file_name()?.to_str()?);
        let names = of(root).filter(|names| names.iter().any(|n| n == name))?;
        Some(Self {
            root: root.into(),
            names,
            chosen: Some(name.into()),
        })
    }

    pub(super) fn open(&self, path: &Path) -> Result<Log> {
        const CAMERAS: [(&str, usize); 2] = [("image_02", 2), ("image_03", 3)];
        let Some(name) = &self.chosen else {
            return Err(Error::WhichScene {
                path: path.into(),
                scenes: self.names.clone(),
            });
        };
        let listed = |folder: &str| self.root.join(folder).join(format!("{name}.txt"));
        let folder = |sensor: &str| self.root.join(sensor).join(name);
        let mut sequence = Sequence::list(&listed("calib"), &CAMERAS, folder)?;
        let packets = listed("oxts");
        if packets.is_file() {
            let expected = "a packet of 30 numbers";
            let packets = Lines::read(packets, expected, |line| Packet::parse(line).ok())?;
            let odometry = packets.lines.first().map(oxts::Odometry::from);
            let lines = packets.lines.iter();
            let poses = lines.filter_map(|packet| Some(odometry.as_ref()?.pose(packet)));
            sequence.follow(Lines {
                lines: poses.collect(),
                path: packets.path,
            });
        }
        let boxes = listed("label_02");
        if boxes.is_file() {
            sequence.labels = labels::read_tracks(&boxes, &sequence.base_from_rect)?;
        }
        let mut log = sequence.log(path, "kitti_tracking", "oxts")?;
        log.info
            .notes
            .push("The frames' times are not recorded: taken as 10 Hz.".into());
        Ok(log)
    }
}

/// Names of the sequences of which some sensor has a folder.
fn sequences(root: &Path) -> Vec<String> {
    let sensors = ["velodyne", "image_02", "image_03"];
    let folders = sensors
        .iter()
        .filter_map(|sensor| root.join(sensor).read_dir().ok());
    let mut names: Vec<String> = folders
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.len() == 4 && name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl<T: Copy> Lines<T> {
    fn read(path: PathBuf, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Self> {
        let text = file::read_text(&path, LIST_LIMIT)?;
        let parsed = text.lines().enumerate().map(|(number, line)| {
            parse(line).ok_or_else(|| Error::Malformed {
                path: path.clone(),
                field: format!("line {}", number + 1),
                expected: expected.into(),
            })
        });
        let lines = parsed.collect::<Result<_>>()?;
        Ok(Self { path, lines })
    }

    /// What the line of a frame holds.
    fn of(&self, frame: u64) -> Result<T> {
        let line = usize::try_from(frame).ok();
        let line = line.and_then(|line| self.lines.get(line).copied());
        line.ok_or_else(|| Error::Malformed {
            path: self.path.clone(),
            field: format!("line {}", frame.saturating_add(1)),
            expected: "the line of this frame".into(),
        })
    }
}

/// The rigid transform of 12 numbers, the rows of `[R | t]`.
fn rigid(line: &str) -> Option<Pose> {
    let numbers = line.split_whitespace().map(|word| {
        let number: Option<f64> = word.parse().ok();
        number.filter(|number| number.abs() <= ODOM_LIMIT)
    });
    let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
    let &[a, b, c, x, d, e, f, y, g, h, i, z] = &numbers[..] else {
        return None;
    };
    let matrix = Matrix3::new(a, b, c, d, e, f, g, h, i);
    let rotation = calibration::rotation_of(&matrix)?;
    Some(Pose::from_parts(Translation3::new(x, y, z), rotation))
}

impl Sequence {
    /// Lists the files of the sensors, whose folders `folder` tells, and reads
    /// the calibration.
    fn list(
        calibration: &Path,
        cameras: &[(&'static str, usize)],
        folder: impl Fn(&str) -> PathBuf,
    ) -> Result<Self> {
        let list = |name, extension| Numbered::list(name, folder(name), DIGITS, extension);
        let lidar = list("velodyne", "bin")?;
        let (mut listed, mut mounted) = (Vec::new(), Vec::new());
        for &(name, number) in cameras {
            let Some(files) = list(name, "png")? else {
                continue;
            };
            let first = picture::read(files.file(files.numbers[0]), 0, 0, None)?;
            mounted.push((name, number, first.resolution()?));
            listed.push(files);
        }
        let mounts = calibration::benchmark(calibration, lidar.is_some(), &mounted)?;
        Ok(Self {
            rig: Arc::new(mounts.rig),
            base_from_rect: mounts.base_from_rect,
            lidar,
            cameras: listed,
            stamps: None,
            poses: None,
            way: Arc::default(),
            labels: BTreeMap::new(),
        })
    }

    /// Sets the poses of the frames from zero on.
    fn follow(&mut self, poses: Lines<Pose>) {
        let way = (0..).zip(&poses.lines).filter_map(|(number, &pose)| {
            let stamp = self.stamp(number).ok()?;
            Some(Waypoint { stamp, pose })
        });
        self.way = Arc::new(Trajectory::new(way.collect()));
        self.poses = Some(poses);
    }

    fn stamp(&self, index: u64) -> Result<i64> {
        match &self.stamps {
            Some(stamps) => stamps.of(index),
            None => Ok(STEP_NS.saturating_mul(index.try_into().unwrap_or(i64::MAX))),
        }
    }

    fn log(self, path: &Path, format: &'static str, poses: &'static str) -> Result<Log> {
        let pose_source = self.poses.as_ref().map(|_| poses);
        let indices = numbered::union(self.lidar.iter().chain(&self.cameras));
        if indices.is_empty() {
            return Err(Error::Malformed {
                path: path.into(),
                field: "frames".into(),
                expected: "a scan like velodyne/000000.bin or a picture like 000000.png".into(),
            });
        }
        let stamps = indices.iter();
        let stamps = stamps.filter_map(|&index| Some((index, self.stamp(index).ok()?)));
        let stamps: Vec<(u64, i64)> = stamps.collect();
        let began = stamps.first().map_or(0, |first| first.1);
        let ended = stamps.last().map_or(began, |last| last.1);
        let without = "The log has no poses: every frame stands at the origin.";
        let info = Info {
            format,
            path: path.display().to_string(),
            frames: indices.len(),
            first: indices.first().copied(),
            last: indices.last().copied(),
            duration_s: ended.saturating_sub(began) as f64 * 1e-9,
            sensors: self.sensors(),
            pose_source,
            gaps: Gap::between(&indices),
            jumps: Jump::among(&stamps),
            distance_m: self.way.length(began, ended),
            extent_m: self.way.extent(),
            topics: Vec::new(),
            annotations: self.annotations(),
            lost: Default::default(),
            notes: pose_source
                .is_none()
                .then(|| without.into())
                .into_iter()
                .collect(),
        };
        Ok(Log {
            path: path.into(),
            rig: self.rig.clone(),
            ego: self.way.clone(),
            indices,
            info,
            source: Arc::new(self),
        })
    }

    fn sensors(&self) -> Vec<Sensor> {
        let stamp = |number| self.stamp(number).ok();
        let lidar = self.lidar.iter();
        let lidar = lidar.map(|files| files.info(SensorKind::Lidar, None, stamp));
        let cameras = self.cameras.iter().zip(&self.rig.cameras);
        let cameras = cameras
            .map(|(files, camera)| files.info(SensorKind::Camera, Some(camera.resolution), stamp));
        lidar.chain(cameras).collect()
    }

    fn annotations(&self) -> Option<Annotations> {
        let mut summary = Annotations {
            pictured: true,
            ..Annotations::default()
        };
        let mut tracks = BTreeSet::new();
        for found in self.labels.values().flatten() {
            summary.boxes += 1;
            tracks.insert(&found.track);
            *summary.classes.entry(found.class).or_default() += 1;
        }
        summary.tracks = tracks.len() as u64;
        (summary.boxes > 0).then_some(summary)
    }
}

impl Source for Sequence {
    fn frame(&self, index: u64) -> Result<Frame> {
        let stamp = self.stamp(index)?;
        let pose = match &self.poses {
            Some(poses) => poses.of(index)?,
            None => Pose::identity(),
        };
        let sweeps = self.lidar.iter().map(|files| {
            let points = scan::read(&files.file(index))?;
            Ok(Sweep {
                lidar: 0,
                stamp,
                points,
                labels: None,
            })
        });
        let cameras = self.cameras.iter().enumerate();
        let images = cameras.map(|(camera, files)| {
            let size = self.rig.cameras[camera].resolution;
            picture::read(files.file(index), camera, stamp, Some(size))
        });
        Ok(Frame {
            index,
            stamp,
            begins: false,
            pose: Some(pose),
            ego: self.way.clone(),
            sweeps: sweeps.collect::<Result<_>>()?,
            images: images.collect::<Result<_>>()?,
            annotations: self.labels.get(&index).cloned().unwrap_or_default(),
            rig: self.rig.clone(),
            roads: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pose_is_a_rotation_and_a_place() {
        let pose = rigid("0 -1 0 5 1 0 0 6 0 0 1 7").expect("is one");
        assert!(
            (pose * nalgebra::Point3::new(1.0, 0.0, 0.0) - nalgebra::Point3::new(5.0, 7.0, 7.0))
                .norm()
                < 1e-12
        );
        for wrong in [
            "",
            "0 -1 0 5 1 0 0 6 0 0 1",
            "0 -1 0 5 1 0 0 6 0 0 1 NaN",
            "0 -1 0 5 1 0 0 6 0 0 2 7",
            "0 1 0 5 1 0 0 6 0 0 1 7",
            "0 0 0 0 0 0 0 0 0 0 0 0",
        ] {
            assert_eq!(rigid(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_a_pose_or_none(line in "([0-9.e -]|\\PC){0,100}") {
            let _ = rigid(&line);
        }
    }
}
