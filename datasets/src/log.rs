//! A drive on disk, or in memory, whatever its format.

use std::fmt::Debug;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::calibration::Rig;
use crate::error::{BrokenFrame, Error, Result};
use crate::frame::Frame;
use crate::info::Info;
use crate::roads::Roads;
use crate::synth::Silhouette;
use crate::trajectory::Trajectory;
use crate::{argoverse2, bag, kitti, nuscenes, pcd, synth};

/// A log: what is known of a drive before its frames are read, and the way to
/// read them.
#[derive(Debug)]
pub struct Log {
    pub(crate) path: PathBuf,
    pub(crate) rig: Arc<Rig>,
    pub(crate) ego: Arc<Trajectory>,
    pub(crate) indices: Vec<u64>,
    pub(crate) info: Info,
    pub(crate) source: Arc<dyn Source>,
}

/// Where frames come from.
pub(crate) trait Source: Debug + Send + Sync {
    /// Reads the frame of a number that the log announces.
    fn frame(&self, index: u64) -> Result<Frame>;

    /// The map of the roads, in odom.
    fn roads(&self) -> Option<&Arc<Roads>> {
        None
    }

    /// What the cameras see of things in that frame, where it is known to the
    /// pixel.
    fn silhouettes(&self, _index: u64) -> Option<Vec<Silhouette>> {
        None
    }
}

/// How to read what a log leaves open.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Of a log of topics, those to read; all that have a known type if there
    /// are none.
    pub topics: Vec<String>,
    /// How far apart in time the records of one frame may lie, ns.
    pub tolerance_ns: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            tolerance_ns: 60_000_000,
        }
    }
}

/// A format that is recognised by content.
struct Format {
    /// What makes a path a log of this format.
    content: &'static str,
    recognises: fn(&Path) -> bool,
    open: fn(&Path, &Options) -> Result<Log>,
}

/// In the order in which they are tried.
static FORMATS: &[Format] = &[
    Format {
        content: kitti::CONTENT,
        recognises: kitti::recognises,
        open: kitti::open,
    },
    Format {
        content: nuscenes::CONTENT,
        recognises: nuscenes::recognises,
        open: nuscenes::open,
    },
    Format {
        content: argoverse2::CONTENT,
        recognises: argoverse2::recognises,
        open: argoverse2::open,
    },
    Format {
        content: bag::MCAP,
        recognises: bag::is_mcap,
        open: bag::open_mcap,
    },
    Format {
        content: bag::ROSBAG2,
        recognises: bag::is_rosbag2,
        open: bag::open_rosbag2,
    },
    Format {
        content: synth::CONTENT,
        recognises: synth::recognises,
        open: synth::open,
    },
    Format {
        content: pcd::CONTENT,
        recognises: pcd::recognises,
        open: pcd::open,
    },
];

/// What would be recognised.
fn contents() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.content).collect()
}

impl Log {
    /// Opens the log at `path`, whose format is recognised by its content.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing is there, [`Error::UnknownFormat`] if it is
    /// no log, [`Error::WhichScene`] if it is a set of several, and whatever
    /// is wrong with its calibration or its listing.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &Options::default())
    }

    /// Opens a log as [`Log::open`] does, but reads it as `options` say.
    ///
    /// # Errors
    /// Those of [`Log::open`], and [`Error::Malformed`] if a topic that was
    /// named is not there.
    pub fn open_with(path: &Path, options: &Options) -> Result<Self> {
        // A path may name one of several logs in a folder, and not be a file.
        if let Some(format) = FORMATS.iter().find(|format| (format.recognises)(path)) {
            return (format.open)(path, options);
        }
        Err(match path.metadata() {
            Ok(_) => Error::UnknownFormat {
                path: path.into(),
                expected: contents().join("; "),
            },
            Err(cause) => Error::Io {
                path: path.into(),
                cause,
            },
        })
    }

    /// A drive through the synthetic world.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it has more frames than its scenario, or none.
    pub fn synthetic(drive: synth::Drive) -> Result<Self> {
        synth::record("synthetic".into(), drive)
    }

    /// Where it is; `synthetic` for a drive that was given by itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format: `kitti_raw`, `synthetic` and so on.
    pub fn format(&self) -> &'static str {
        self.info.format
    }

    /// The vehicle that recorded it.
    pub fn rig(&self) -> &Arc<Rig> {
        &self.rig
    }

    /// Every ego pose of the drive, those outside the frames and ahead of
    /// them included. Poses that cannot be read are left out; the frames to
    /// which they belong are broken.
    pub fn trajectory(&self) -> &Arc<Trajectory> {
        &self.ego
    }

    /// The map of the roads that it was recorded on, in odom, where it comes
    /// with one; its frames have the same.
    pub fn roads(&self) -> Option<&Arc<Roads>> {
        self.source.roads()
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
            let frame = source.frame(index);
            frame.map_err(|error| BrokenFrame { index, error })
        })
    }

    /// What the cameras see of things in the frame of a number, each camera's
    /// in turn; `None` where nobody knows to the pixel: a log that is not of
    /// the synthetic world itself has boxes alone.
    pub fn silhouettes(&self, index: u64) -> Option<Vec<Silhouette>> {
        self.indices.binary_search(&index).ok()?;
        self.source.silhouettes(index)
    }
}
