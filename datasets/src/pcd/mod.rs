//! Folders of PCD files, the clouds of the Point Cloud Library, with the
//! poses that a SLAM program wrote beside them.
//!
//! Neither says where the lidar sits on a vehicle: its frame is taken to be
//! `base_link`.

mod header;
mod lzf;
mod names;
mod points;
mod poses;
mod seconds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::{Lidar, Rig};
use crate::error::{Error, Result};
use crate::file;
use crate::frame::{Frame, Sweep};
use crate::geometry::{Pose, Waypoint};
use crate::info::{Gap, Info, Jump, Sensor, SensorKind, rate_hz};
use crate::log::{Log, Options, Source};
use crate::trajectory::Trajectory;

use header::Header;
use names::Named;
use points::Start;
use poses::{Layout, Poses};

/// What makes a path a log of PCD files.
pub(crate) const CONTENT: &str = "a PCD file or a folder of them, *.pcd, in which, or around \
     which, a poses file in the form of TUM or KITTI may lie: poses.tum, poses.txt, \
     poses_tum.txt, poses_kitti.txt, or the same after optimized_, slam_ or odom_; in the \
     folder itself also *.tum, *_poses_tum.txt, *_poses.txt or *_poses_kitti.txt";

const LIDAR: &str = "lidar";
/// A scan of four million points of 64 bytes.
const SCAN_LIMIT: u64 = 256 << 20;
/// Between scans that have no times.
const STEP_NS: i64 = 100_000_000;
/// How far apart the stamps of a scan and of its pose may lie, as poses are
/// often written to the microsecond.
const SAME_NS: u64 = 1_000_000;
/// How far apart a scan's stamp and its points' times may lie to be of the
/// same clock.
const CLOCK_NS: u64 = 1_000_000_000;

/// What is wrong with a field of a file.
#[derive(Debug, PartialEq)]
struct Wrong {
    field: String,
    expected: String,
}

impl Wrong {
    fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        let (field, expected) = (field.into(), expected.into());
        Self { field, expected }
    }

    fn of(self, path: &Path) -> Error {
        Error::Malformed {
            path: path.into(),
            field: self.field,
            expected: self.expected,
        }
    }
}

/// The files, and what is needed to read a frame from them.
#[derive(Debug)]
struct Scans {
    path: PathBuf,
    files: Vec<Named>,
    ego: Ego,
    rig: Arc<Rig>,
    way: Arc<Trajectory>,
}

/// Where poses come from.
#[derive(Debug)]
enum Ego {
    /// There are none.
    Still,
    /// Each file has its own.
    Viewpoint,
    File(Poses, Pairing),
}

/// Which pose of a file belongs to a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    /// The one at its place.
    Position,
    /// The one at its number.
    Number,
    /// The one at its time.
    Time,
}

/// Whether `path` is a PCD file or a folder that has one.
pub(crate) fn recognises(path: &Path) -> bool {
    let files = |folder: std::fs::ReadDir| {
        let mut files = folder.filter_map(|entry| Some(entry.ok()?.path()));
        files.any(|file| names::is_pcd(&file))
    };
    names::is_pcd(path) && path.is_file() || path.read_dir().is_ok_and(files)
}

/// Lists the files, and reads their poses.
pub(crate) fn open(path: &Path, _: &Options) -> Result<Log> {
    let files = names::list(path)?;
    let ego = Ego::new(path, &files)?;
    let mut scans = Scans {
        path: path.into(),
        way: Arc::new(ego.way()),
        files,
        ego,
        rig: Arc::new(rig()),
    };
    let all = (0..scans.files.len()).filter_map(|nth| Some((nth, scans.place(nth).ok()?)));
    let places: Vec<(usize, Waypoint)> = all.collect();
    let untimed = match &scans.ego {
        Ego::Still => false,
        Ego::Viewpoint => true,
        Ego::File(poses, _) => poses.layout == Layout::Kitti,
    };
    if untimed {
        let way = places.iter().map(|place| place.1);
        scans.way = Arc::new(Trajectory::new(way.collect()));
    }
    let index = |nth: usize| scans.files[nth].index;
    let stamps = places.iter().map(|(nth, place)| (index(*nth), place.stamp));
    Ok(Log {
        path: path.into(),
        rig: scans.rig.clone(),
        ego: scans.way.clone(),
        indices: scans.files.iter().map(|file| file.index).collect(),
        info: scans.info(&stamps.collect::<Vec<_>>()),
        source: Arc::new(scans),
    })
}

fn rig() -> Rig {
    Rig {
        lidars: vec![Lidar {
            name: LIDAR.into(),
            base_from_sensor: Pose::identity(),
        }],
        ..Rig::default()
    }
}

impl Ego {
    fn new(path: &Path, files: &[Named]) -> Result<Self> {
        let poses = if path.is_dir() {
            Poses::beside(path)?
        } else {
            None
        };
        if let Some(poses) = poses {
            let stamped = files.iter().all(|file| file.stamp.is_some());
            let pairing = if poses.len() == files.len() {
                Pairing::Position
            } else if stamped && poses.layout == Layout::Tum {
                Pairing::Time
            } else if files.iter().all(|file| file.numbered) {
                Pairing::Number
            } else {
                Pairing::Position
            };
            return Ok(Self::File(poses, pairing));
        }
        let moved = |file: &Named| {
            let viewpoint = viewpoint(&file.path);
            viewpoint.is_ok_and(|viewpoint| viewpoint != Pose::identity())
        };
        Ok(if files.iter().any(moved) {
            Self::Viewpoint
        } else {
            Self::Still
        })
    }

    /// The poses that have their own times, those between and beyond the
    /// scans included.
    fn way(&self) -> Trajectory {
        match self {
            Self::File(poses, _) if poses.layout == Layout::Tum => {
                Trajectory::new(poses.whole().collect())
            }
            _ => Trajectory::default(),
        }
    }
}

impl Scans {
    /// When a scan was taken, and where.
    fn place(&self, nth: usize) -> Result<Waypoint> {
        let file = &self.files[nth];
        let stamp = file.stamp.unwrap_or(nth as i64 * STEP_NS);
        let (poses, pairing) = match &self.ego {
            Ego::Still => {
                let pose = Pose::identity();
                return Ok(Waypoint { stamp, pose });
            }
            Ego::Viewpoint => {
                let pose = viewpoint(&file.path)?;
                return Ok(Waypoint { stamp, pose });
            }
            Ego::File(poses, pairing) => (poses, pairing),
        };
        let pose = match pairing {
            Pairing::Position => poses.at(nth as u64)?,
            Pairing::Number => poses.at(file.index)?,
            Pairing::Time => {
                let way = &self.way;
                let near = way.nearest(stamp).map(|nearest| way.waypoints()[nearest]);
                let near = near.filter(|near| near.stamp.abs_diff(stamp) <= SAME_NS);
                let pose = near.map(|near| near.pose).or_else(|| way.at(stamp));
                let pose = pose.ok_or_else(|| Error::MissingPose {
                    path: poses.path.clone(),
                })?;
                Waypoint { stamp, pose }
            }
        };
        Ok(match poses.layout {
            Layout::Tum => pose,
            Layout::Kitti => Waypoint { stamp, ..pose },
        })
    }

    fn info(&self, stamps: &[(u64, i64)]) -> Info {
        let began = stamps.first().copied();
        let ended = stamps.last().copied();
        let [from, to] = [began, ended].map(|end| end.map_or(0, |end| end.1));
        let numbers: Vec<u64> = self.files.iter().map(|file| file.index).collect();
        let lidar = Sensor {
            name: LIDAR.into(),
            kind: SensorKind::Lidar,
            source: "*.pcd".into(),
            count: self.files.len(),
            rate_hz: began
                .zip(ended)
                .and_then(|(began, ended)| rate_hz(began, ended)),
            resolution: None,
        };
        Info {
            format: "pcd",
            path: self.path.display().to_string(),
            frames: self.files.len(),
            first: numbers.first().copied(),
            last: numbers.last().copied(),
            duration_s: to.saturating_sub(from) as f64 * 1e-9,
            sensors: vec![lidar],
            pose_source: match &self.ego {
                Ego::Still => None,
                Ego::Viewpoint => Some("VIEWPOINT"),
                Ego::File(poses, ..) => Some(match poses.layout {
                    Layout::Tum => "TUM poses",
                    Layout::Kitti => "KITTI poses",
                }),
            },
            gaps: Gap::between(&numbers),
            jumps: Jump::among(stamps),
            distance_m: self.way.length(from, to),
            extent_m: self.way.extent(),
            topics: Vec::new(),
            annotations: None,
            lost: Default::default(),
            notes: self.notes(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "The log does not say where the lidar sits on a vehicle: its frame is taken to be \
             base_link."
                .to_owned(),
        ];
        let stamped = self.files.iter().all(|file| file.stamp.is_some());
        let timed = match &self.ego {
            Ego::Still => {
                notes.push("The log has no poses: the vehicle is taken to stand still.".into());
                stamped
            }
            Ego::Viewpoint => {
                notes.push("The poses are the VIEWPOINT of each file.".into());
                stamped
            }
            Ego::File(poses, pairing) => {
                let (path, lines, files) = (&poses.path, poses.len(), self.files.len());
                let how = match pairing {
                    Pairing::Position => "in order",
                    Pairing::Number => "by the number of the scan, from zero",
                    Pairing::Time => "by time",
                };
                let path = path.display();
                notes.push(match lines == files {
                    true => format!("The poses are those of {path}, taken to be the lidar's."),
                    false => format!("{path} has {lines} poses for {files} scans, taken {how}."),
                });
                stamped || poses.layout == Layout::Tum
            }
        };
        if !timed {
            let note = "Nothing says when the scans were taken: they are set 0.1 s apart, from 0.";
            notes.push(note.into());
        }
        notes
    }
}

impl Source for Scans {
    fn frame(&self, index: u64) -> Result<Frame> {
        let nth = self.files.binary_search_by_key(&index, |file| file.index);
        let nth = nth.map_err(|_| Error::MissingScan {
            path: self.path.clone(),
        })?;
        let Waypoint { stamp, pose } = self.place(nth)?;
        let path = &self.files[nth].path;
        let bytes = file::read(path, SCAN_LIMIT)?;
        let scan = Header::parse(&bytes).and_then(|header| points::read(&header, &bytes));
        let scan = scan.map_err(|wrong| wrong.of(path))?;
        let sweep = Sweep {
            lidar: 0,
            stamp: match scan.start {
                Start::After(ns) => stamp.saturating_add(ns),
                Start::At(ns) if ns.abs_diff(stamp) <= CLOCK_NS => ns,
                Start::At(_) => stamp,
            },
            points: scan.points,
            labels: None,
        };
        Ok(Frame {
            index,
            begins: false,
            stamp,
            pose: Some(pose),
            ego: self.way.clone(),
            sweeps: vec![sweep],
            images: Vec::new(),
            annotations: Vec::new(),
            rig: self.rig.clone(),
            roads: None,
        })
    }
}

/// Where the points of a file were taken from.
fn viewpoint(path: &Path) -> Result<Pose> {
    let head = file::head(path, Header::LIMIT as u64)?;
    let header = Header::parse(&head).map_err(|wrong| wrong.of(path))?;
    Ok(header.viewpoint)
}
