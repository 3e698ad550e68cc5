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
    let io = |cause| Error::Io {
        path: folder.into(),
        cause,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_a_pose_or_none() {
        let tum = |line| Layout::Tum.parse(line);
        let waypoint = tum("1614600000.5 1 2 3 0 0 0.7071 0.7071").expect("is one");
        assert_eq!(waypoint.stamp, 1_614_600_000_500_000_000);
        assert_eq!(waypoint.pose.translation, Translation3::new(1.0, 2.0, 3.0));
        let (_, _, yaw) = waypoint.pose.rotation.euler_angles();
        assert!((yaw - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
        for wrong in [
            "1 1 2 3 0 0 0",
            "1 1 2 3 0 0 0 1 1",
            "1 1 2 3 0 0 0 2",
            "1 1 2 3 0 0 0 0",
            "1 nan 2 3 0 0 0 1",
            "inf 1 2 3 0 0 0 1",
            "1 1 2e5 3 0 0 0 1",
            "1 1 2 x 0 0 0 1",
        ] {
            assert_eq!(tum(wrong), None, "{wrong}");
        }
        let kitti = |line| Layout::Kitti.parse(line);
        let waypoint = kitti("0 -1 0 7 1 0 0 8 0 0 1 9").expect("is one");
        assert_eq!(waypoint.pose.translation, Translation3::new(7.0, 8.0, 9.0));
        let (_, _, yaw) = waypoint.pose.rotation.euler_angles();
        assert!((yaw - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
        for wrong in [
            "0 1 0 7 1 0 0 8 0 0 1 9",
            "1 0.1 0 7 0 1 0 8 0 0 1 9",
            "0 0 0 0 0 0 0 0 0 0 0 0",
            "nan 0 0 7 0 1 0 8 0 0 1 9",
            "1 0 0 inf 0 1 0 8 0 0 1 9",
            "1 0 0 7 0 1 0 8 0 0 1",
        ] {
            assert_eq!(kitti(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_file_is_found_by_its_name() {
        let around = tempfile::tempdir().expect("a folder");
        let scans = around.path().join("scans");
        std::fs::create_dir(&scans).expect("made");
        let found = || {
            let poses = Poses::beside(&scans).expect("can be listed")?;
            Some(poses.path.file_name()?.to_str()?.to_owned())
        };
        assert_eq!(found(), None);
        // From the last choice to the first.
        for (folder, name) in [
            (around.path(), "odom_poses.txt"),
            (around.path(), "optimized_poses_tum.txt"),
            (&*scans, "b_poses_kitti.txt"),
            (&*scans, "run_7_poses_tum.txt"),
            (&*scans, "b.tum"),
            (&*scans, "a.tum"),
            (&*scans, "poses.txt"),
            (&*scans, "poses.tum"),
        ] {
            std::fs::write(around.path().join("other.tum"), "").expect("written");
            std::fs::write(folder.join(name), "0 0 0 0 0 0 0 1\n").expect("written");
            assert_eq!(found().as_deref(), Some(name));
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused_and_a_line_that_is_none_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poses.txt");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            Poses::read(path.clone())
        };
        for text in ["", "# stamp x y z\n", "1 2 3\n"] {
            let error = read(text).expect_err("has no pose").to_string();
            assert!(
                error.contains("poses.txt: poses: expected lines of 8"),
                "{error}"
            );
        }
        let poses =
            read("# a comment\n0 1 2 3 0 0 0 1\n\n1 2 3\n2 1 2 3 0 0 0 1\n").expect("is one");
        assert_eq!((poses.len(), poses.whole().count()), (3, 2));
        assert_eq!(poses.at(2).expect("is one").stamp, 2_000_000_000);
        let error = poses.at(1).expect_err("is none").to_string();
        assert!(
            error.contains("poses.txt: pose 2: expected the numbers `stamp x"),
            "{error}"
        );
        for line in [3, u64::MAX] {
            assert_eq!(
                poses.at(line).expect_err("is not there").reason(),
                "missing_pose"
            );
        }
        let long = "0 0 0 0 0 0 0 1\n".repeat(POSES_LIMIT + 1);
        assert!(
            read(&long)
                .expect_err("too long")
                .to_string()
                .contains("at most 262144")
        );
    }

    proptest! {
        #[test]
        fn any_line_is_a_pose_or_none(line in "([-0-9.e]{1,6} ?){0,14}|\\PC{0,40}") {
            for layout in [Layout::Tum, Layout::Kitti] {
                if let Some(waypoint) = layout.parse(&line) {
                    let norm = waypoint.pose.rotation.norm();
                    prop_assert!((norm - 1.0).abs() < 1e-9);
                }
            }
        }
    }
}
