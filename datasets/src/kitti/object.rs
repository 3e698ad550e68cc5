//! Folders of the object benchmark: single frames that have nothing to do with
//! each other, each with a calibration of its own.

use std::path::Path;
use std::sync::Arc;

use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::frame::{Frame, Image, Sweep};
use crate::geometry::Pose;
use crate::info::{Annotations, Gap, Info, Sensor, SensorKind};
use crate::log::{Log, Source};
use crate::trajectory::Trajectory;

use super::calibration::{self, Mounts};
use super::numbered::{self, Numbered};
use super::{labels, picture, scan};

/// Digits of a frame's number in the names of files.
const DIGITS: usize = 6;
/// Folders of the cameras, and their numbers.
const CAMERAS: [(&str, usize); 2] = [("image_2", 2), ("image_3", 3)];
/// What stands between frames whose times nobody has recorded, ns.
const STEP_NS: i64 = 1_000_000_000;

#[derive(Debug)]
struct Folder {
    lidar: Option<Numbered>,
    cameras: Vec<(Numbered, usize)>,
    calibrations: Numbered,
    labels: Option<Numbered>,
}

/// Whether `path` is such a folder.
pub(super) fn recognises(path: &Path) -> bool {
    let any = |name: &str| path.join(name).is_dir();
    any("calib") && (any("velodyne") || CAMERAS.iter().any(|(name, _)| any(name)))
}

/// Lists a folder's frames, and reads their labels.
pub(super) fn open(path: &Path) -> Result<Log> {
    let list = |name, extension| Numbered::list(name, path.join(name), DIGITS, extension);
    let lidar = list("velodyne", "bin")?;
    let mut cameras = Vec::new();
    for (name, number) in CAMERAS {
        cameras.extend(list(name, "png")?.map(|files| (files, number)));
    }
    let recorded = lidar.iter().chain(cameras.iter().map(|(files, _)| files));
    let indices = numbered::union(recorded);
    let malformed = |field: &str, expected: &str| Error::Malformed {
        path: path.into(),
        field: field.into(),
        expected: expected.into(),
    };
    let (Some(&first), Some(&last)) = (indices.first(), indices.last()) else {
        let expected = "a scan like velodyne/000000.bin or a picture like image_2/000000.png";
        return Err(malformed("frames", expected));
    };
    let calibrations = list("calib", "txt")?
        .ok_or_else(|| malformed("calib", "a calibration like calib/000000.txt"))?;
    let folder = Folder {
        labels: list("label_2", "txt")?,
        lidar,
        cameras,
        calibrations,
    };
    let rig = indices.iter().find_map(|&index| folder.rig(index).ok());
    let info = Info {
        format: "kitti_object",
        path: path.display().to_string(),
        frames: indices.len(),
        first: Some(first),
        last: Some(last),
        duration_s: 0.0,
        sensors: folder.sensors(),
        pose_source: None,
        gaps: Gap::between(&indices),
        jumps: Vec::new(),
        distance_m: 0.0,
        extent_m: None,
        topics: Vec::new(),
        annotations: folder.annotations(),
        lost: Default::default(),
        notes: vec![
            "The frames are single pictures of different places: each stands at the origin, \
             a second after the last."
                .into(),
        ],
    };
    Ok(Log {
        path: path.into(),
        rig: rig.unwrap_or_default(),
        ego: Arc::default(),
        indices,
        info,
        source: Arc::new(folder),
    })
}

impl Source for Folder {
    fn frame(&self, index: u64) -> Result<Frame> {
        let (images, mounts) = self.view(index)?;
        let stamp = stamp(index);
        let sweeps = self.lidar.iter().map(|lidar| {
            let points = scan::read(&lidar.file(index))?;
            let lidar = 0;
            Ok(Sweep {
                lidar,
                stamp,
                points,
                labels: None,
            })
        });
        let labels = self.labels.as_ref().filter(|l| l.numbers.contains(&index));
        let annotations =
            labels.map(|labels| labels::read(&labels.file(index), &mounts.base_from_rect));
        Ok(Frame {
            index,
            stamp,
            begins: true,
            pose: Some(Pose::identity()),
            ego: Arc::<Trajectory>::default(),
            sweeps: sweeps.collect::<Result<_>>()?,
            images,
            annotations: annotations.transpose()?.unwrap_or_default(),
            rig: Arc::new(mounts.rig),
            roads: None,
        })
    }
}

fn stamp(index: u64) -> i64 {
    STEP_NS.saturating_mul(index.try_into().unwrap_or(i64::MAX))
}

impl Folder {
    /// A frame's pictures, and the vehicle with cameras of their sizes.
    fn view(&self, index: u64) -> Result<(Vec<Image>, Mounts)> {
        let stamp = stamp(index);
        let cameras = self.cameras.iter().enumerate();
        let images = cameras
            .map(|(camera, (files, _))| picture::read(files.file(index), camera, stamp, None));
        let images: Vec<Image> = images.collect::<Result<_>>()?;
        let mut cameras = Vec::new();
        for ((files, number), image) in self.cameras.iter().zip(&images) {
            cameras.push((files.name, *number, image.resolution()?));
        }
        let path = self.calibrations.file(index);
        let mounts = calibration::benchmark(&path, self.lidar.is_some(), &cameras)?;
        Ok((images, mounts))
    }

    fn rig(&self, index: u64) -> Result<Arc<Rig>> {
        Ok(Arc::new(self.view(index)?.1.rig))
    }

    fn sensors(&self) -> Vec<Sensor> {
        let none = |_| None;
        let lidar = self.lidar.iter();
        let lidar = lidar.map(|files| files.info(SensorKind::Lidar, None, none));
        let cameras = self.cameras.iter();
        let cameras = cameras.map(|(files, _)| files.info(SensorKind::Camera, None, none));
        lidar.chain(cameras).collect()
    }

    /// What the labels hold that can be read; the others' frames are broken.
    fn annotations(&self) -> Option<Annotations> {
        let labels = self.labels.as_ref()?;
        let mut summary = Annotations {
            pictured: true,
            ..Annotations::default()
        };
        for &number in &labels.numbers {
            for found in labels::read(&labels.file(number), &Pose::identity()).unwrap_or_default() {
                summary.boxes += 1;
                *summary.classes.entry(found.class).or_default() += 1;
            }
        }
        Some(summary)
    }
}
