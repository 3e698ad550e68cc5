//! A file of poses beside a folder of scans.

use std::path::{Path, PathBuf};

use nalgebra::{Matrix3, Quaternion, Rotation3, Translation3, UnitQuaternion};

use super::seconds;
use crate::error::{Error, Result};
use crate::file;
use crate::geometry::{Pose, Waypoint};

/// Names of the file, the first that is there counts. Besides those of the
/// formats themselves they are what KISS-ICP, PIN-SLAM, SC-LIO-SAM and SC-PGO
/// write.
const NAMES: [&str; 9] = [
    "poses.tum",
    "optimized_poses_tum.txt",
    "slam_poses_tum.txt",
    "odom_poses_tum.txt",
    "poses_tum.txt",
    "optimized_poses.txt",
    "poses.txt",
    "odom_poses.txt",
    "poses_kitti.txt",
];
/// How else names end of files in the folder itself.
const ENDINGS: [&str; 4] = [".tum", "_poses_tum.txt", "_poses.txt", "_poses_kitti.txt"];

/// A line has some 100 bytes.
const FILE_LIMIT: u64 = 64 << 20;
/// Seven hours at ten scans per second.
const POSES_LIMIT: usize = 1 << 18;
/// A drive is a few kilometres long. What lies farther off is no place that
/// the vehicle can have reached.
const ODOM_LIMIT: f64 = 100_000.0;

/// The poses of a file, in its order.
#[derive(Debug)]
pub(super) struct Poses {
    pub(super) path: PathBuf,
    pub(super) layout: Layout,
    /// `None` where the line is no pose.
    poses: Vec<Option<Waypoint>>,
}

/// How a file states a pose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `stamp x y z qx qy qz qw`, as the TUM RGB-D benchmark does.
    Tum,
    /// The upper three rows of the matrix, as the KITTI odometry benchmark
    /// does; it has no times.
    Kitti,
}

impl Layout {
    fn of(line: &str) -> Option<Self> {
        match line.split_whitespace().count() {
            8 => Some(Self::Tum),
            12 => Some(Self::Kitti),
            _ => None,
        }
    }

    /// What a line should be.
    fn expected(self) -> &'static str {
        match self {
            Self::Tum => {
                "the numbers `stamp x y z qx qy qz qw` of a place within 100 km of the origin"
            }
            Self::Kitti => {
                "the 12 numbers of a rotation and of a place within 100 km of the origin, in rows"
            }
        }
    }

    /// A pose whose stamp is zero where the layout has none.
    fn parse(self, line: &str) -> Option<Waypoint> {
        let numbers = line.split_whitespace().map(|word| word.parse().ok());
        let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
        let (stamp, place, rotation) = match (self, numbers[..].as_ref()) {
            (Self::Tum, &[_, x, y, z, i, j, k, w]) => {
                let quaternion = Quaternion::new(w, i, j, k);
                // Files have four digits or more.
                let is_unit = (quaternion.norm() - 1.0).abs() < 1e-2;
                let rotation = is_unit.then(|| UnitQuaternion::new_normalize(quaternion))?;
                let stamp = line.split_whitespace().next()?;
                (seconds::parse(stamp)?, [x, y, z], rotation)
            }
            (Self::Kitti, &[a, b, c, x, d, e, f, y, g, h, i, z]) => {
                (0, [x, y, z], rotation([a, b, c, d, e, f, g, h, i])?)
            }
            _ => return None,
        };
        let translation = Translation3::from(place);
        let near = translation.vector.norm() <= ODOM_LIMIT;
        near.then(|| Waypoint {
            stamp,
            pose: Pose::from_parts(translation, rotation),
        })
    }
}

/// The rotation of a matrix in rows.
fn rotation(rows: [f64; 9]) -> Option<UnitQuaternion<f64>> {
    let matrix = Matrix3::from_row_slice(&rows);
    let error = (matrix * matrix.transpose() - Matrix3::identity()).amax();
    // Not so for a matrix that is not finite, either.
    let is_rotation = error < 1e-3 && matrix.determinant() > 0.0;
    is_rotation.then(|| {
        let rotation = Rotation3::from_matrix_unchecked(matrix);
        let quaternion = UnitQuaternion::from_rotation_matrix(&rotation);
        UnitQuaternion::new_normalize(quaternion.into_inner())
    })
}

impl Poses {
    /// Reads the poses of a folder of scans, which lie in it or in the folder
    /// around it; `None` where there are none.
    pub(super) fn beside(scans: &Path) -> Result<Option<Self>> {
        let parent = scans.join("..");
        let named = NAMES.map(|name| scans.join(name)).into_iter();
        let around = NAMES.map(|name| parent.join(name)).into_iter();
        let path = match named
            .chain(ending(scans)?)
            .chain(around)
            .find(|path| path.is_file())
        {
            Some(path) => path,
            None => return Ok(None),
        };
        Self::read(path).map(Some)
    }

    fn read(path: PathBuf) -> Result<Self> {
        let text = file::read_text(&path, FILE_LIMIT)?;
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .peekable();
        let wrong = |expected: String| Error::Malformed {
            path: path.clone(),
            field: "poses".into(),
            expected,
        };
        let layout = lines
            .peek()
            .and_then(|line| Layout::of(line))
            .ok_or_else(|| {
                let expected = "lines of 8 numbers, as TUM has them, or of 12, as KITTI has them";
                wrong(expected.into())
            })?;
        let mut poses = Vec::new();
        for line in lines {
            if poses.len() == POSES_LIMIT {
                return Err(wrong(format!("at most {POSES_LIMIT} lines")));
            }
            poses.push(layout.parse(line));
        }
        Ok(Self {
            path,
            layout,
            poses,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.poses.len()
    }

    /// The pose of a line, from zero; comments do not count.
    pub(super) fn at(&self, line: u64) -> Result<Waypoint> {
        let pose = usize::try_from(line)
            .ok()
            .and_then(|line| self.poses.get(line));
        let pose = pose.ok_or_else(|| Error::MissingPose {
            path: self.path.clone(),
        })?;
        pose.ok_or_else(|| Error::Malformed {
            path: self.path.clone(),
            field: format!("pose {}", line.saturating_add(1)),
            expected: self.layout.expected().into(),
        })
    }

    /// Those that can be read.
    pub(super) fn whole(&self) -> impl Iterator<Item = Waypoint> {
        self.poses.iter().flatten().copied()
    }
}

/// The files of a folder that are poses by the ending of their names.
fn ending(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io {
        path: folder.into(),
        source,
    };
    let mut found = Vec::new();
    for entry in folder.read_dir().map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let ending = name.and_then(|name| ENDINGS.iter().position(|end| name.ends_with(end)));
        found.extend(ending.map(|ending| (ending, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
