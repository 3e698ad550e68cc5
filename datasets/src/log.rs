//! A drive on disk, or in memory, whatever its format.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Rig;
use crate::error::{BrokenFrame, Error, Result};
use crate::frame::Frame;
use crate::geometry::Waypoint;
use crate::info::Info;
use crate::{kitti, synth};

/// A log: what is known of a drive before its frames are read, and the way to
/// read them.
#[derive(Debug)]
pub struct Log {
    pub(crate) path: PathBuf,
    pub(crate) rig: Arc<Rig>,
    pub(crate) trajectory: Vec<Waypoint>,
    pub(crate) indices: Vec<u64>,
    pub(crate) info: Info,
    pub(crate) source: Source,
}

/// Where frames come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    KittiRaw(Arc<kitti::Drive>),
    Synthetic(Arc<synth::Scene>),
}

impl Log {
    /// Opens the log at `path`, whose format is recognised by its content.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing is there, [`Error::UnknownFormat`] if it is
    /// no log, and whatever is wrong with its calibration or its listing.
    pub fn open(path: &Path) -> Result<Self> {
        if kitti::recognises(path) {
            return kitti::open(path);
        }
        Err(match path.metadata() {
            Ok(_) => Error::UnknownFormat {
                path: path.into(),
                expected: kitti::CONTENT,
            },
            Err(source) => Error::Io {
                path: path.into(),
                source,
            },
        })
    }

    /// The synthetic drive.
    ///
    /// # Errors
    /// [`Error::Parameter`] if one of `drive`'s is out of range.
    pub fn synthetic(drive: synth::Drive) -> Result<Self> {
        synth::open(drive)
    }

    /// Where it is; `synthetic` for the synthetic drive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format: `kitti_raw` or `synthetic`.
    pub fn format(&self) -> &'static str {
        self.info.format
    }

    /// The vehicle that recorded it.
    pub fn rig(&self) -> &Arc<Rig> {
        &self.rig
    }

    /// Every ego pose of the drive, in the order of the log, those outside
    /// the frames and ahead of them included. Poses that cannot be read are
    /// left out; the frames to which they belong are broken.
    pub fn trajectory(&self) -> &[Waypoint] {
        &self.trajectory
    }

    /// The numbers of its frames, ascending.
    pub fn indices(&self) -> &[u64] {
        &self.indices
    }

    /// What it holds.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Reads the frames whose numbers lie in `range`, or all, ascending and
    /// one at a time. Every number of [`Log::indices`] in the range comes out
    /// once, whole or broken.
    pub fn frames(
        &self,
        range: Option<Range<u64>>,
    ) -> impl Iterator<Item = Result<Frame, BrokenFrame>> + Send + use<> {
        let source = self.source.clone();
        let mut indices = self.indices.clone();
        if let Some(range) = range {
            indices.retain(|index| range.contains(index));
        }
        indices.into_iter().map(move |index| {
            let frame = match &source {
                Source::KittiRaw(drive) => drive.frame(index),
                Source::Synthetic(scene) => Ok(scene.frame(index)),
            };
            frame.map_err(|error| BrokenFrame { index, error })
        })
    }
}
