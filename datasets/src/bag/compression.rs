//! What rosbag2 compresses itself, always as Zstandard (`rosbag2_compression`):
//! in mode MESSAGE each message, in mode FILE each file as a whole.
//!
//! Either shows in the data, so that a file need not be described to be read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;
use zstd::zstd_safe;

use super::container::{
    self, ALLOWANCE, Channel, Container, MOST_UNPACKED, Message, Place, Survey, begins_with,
};
use super::fault::{Decoded, Fault};
use crate::error::{Error, Result};
use crate::file;
use crate::loss::Loss;

/// How Zstandard's data begin. CDR begins with a zero.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// The greatest window that a compressed file may ask for, as a power of two
/// bytes: 32 MiB, four times what the highest of the usual levels takes.
const WINDOW_LOG: u32 = 25;

/// Whether a file is one of messages that was compressed as a whole.
pub(super) fn recognises(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".mcap.zstd", ".db3.zstd", ".mcap.zst", ".db3.zst"];
    endings.iter().any(|end| name.ends_with(end)) && begins_with(path, &MAGIC)
}

/// A container whose messages may be compressed one by one.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) path: PathBuf,
    pub(super) container: Box<dyn Container>,
}

impl Packed {
    /// The longest message that is unpacked, bytes.
    fn limit(&self) -> u64 {
        ALLOWANCE + self.container.size()
    }
}

impl Container for Packed {
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey> {
        let mut left = MOST_UNPACKED.saturating_mul(self.limit());
        let mut broken = 0;
        let mut first = None;
        let mut survey = self.container.pass(&mut |channel, mut message| {
            if channel.encoding != "cdr" || !message.data.starts_with(&MAGIC) {
                return visit(channel, message);
            }
            match unpack(&message.data, self.limit().min(left)) {
                Ok(data) => {
                    left -= data.len() as u64;
                    message.place.packed = Some(message.place.length);
                    message.place.length = data.len() as u32;
                    message.data = data;
                    visit(channel, message)
                }
                Err(Fault { field, expected }) => {
                    let topic = &channel.topic;
                    first.get_or_insert(format!("{topic}: {field}: expected {expected}"));
                    broken += 1;
                    Ok(())
                }
            }
        })?;
        if let Some(first) = first {
            let note = format!("{first}: {broken} compressed messages were left out.");
            survey.notes.push(note);
            *survey.lost.entry(Loss::Malformed).or_default() += broken;
        }
        Ok(survey)
    }

    fn fetch(&self, place: Place) -> Result<Bytes> {
        let Some(length) = place.packed else {
            return self.container.fetch(place);
        };
        let data = self.container.fetch(Place { length, ..place })?;
        unpack(&data, self.limit()).map_err(|fault| fault.at(&self.path))
    }

    fn size(&self) -> u64 {
        self.container.size()
    }
}

/// A message, which says how long it is: in one step, as a stream would first
/// take the memory of the window that it declares.
fn unpack(data: &[u8], limit: u64) -> Decoded<Bytes> {
    let size = zstd_safe::get_frame_content_size(data).ok().flatten();
    let size = size.filter(|size| *size <= limit);
    let size = size.ok_or_else(|| {
        let expected = format!("whole Zstandard data that say their size, at most {limit} bytes");
        Fault::new("compressed message", expected)
    })?;
    let unpacked = zstd::bulk::decompress(data, size as usize).map_err(|wrong| {
        Fault::new(
            "compressed message",
            format!("whole Zstandard data: {wrong}"),
        )
    })?;
    Ok(unpacked.into())
}

/// A file that was compressed as a whole: unpacked into the system's folder
/// for temporary files, which takes disk and not memory.
#[derive(Debug)]
pub(super) struct Unpacked {
    path: PathBuf,
    file: Box<dyn Container>,
    /// Removed with all that it holds after the file is closed.
    folder: TempDir,
}

impl Unpacked {
    /// Unpacks a file.
    ///
    /// What it holds may take no more memory than if it had the size of the
    /// compressed file.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let (packed, size) = file::open(&path)?;
        let limit = MOST_UNPACKED.saturating_mul(ALLOWANCE + size);
        let folder = tempfile::Builder::new().prefix("janus-").tempdir();
        let folder = folder.map_err(|cause| Error::Io {
            path: std::env::temp_dir(),
            cause,
        })?;
        let to = folder.path().join(path.file_stem().unwrap_or_default());
        let unpacked = unpack_file(packed, &to, limit).map_err(|wrong| Error::Malformed {
            path: path.clone(),
            field: "Zstandard data".into(),
            expected: format!(
                "a whole file that can be unpacked into {}: {wrong}",
                to.display()
            ),
        })?;
        if unpacked > limit {
            return Err(Error::TooLarge { path, limit });
        }
        Ok(Self {
            file: container::plain(to, size)?,
            path,
            folder,
        })
    }
}

/// Unpacks at most a byte more than `limit`, and says how many.
fn unpack_file(packed: File, to: &Path, limit: u64) -> io::Result<u64> {
    let mut decoder = zstd::Decoder::new(packed)?;
    decoder.window_log_max(WINDOW_LOG)?;
    io::copy(&mut decoder.take(limit + 1), &mut File::create(to)?)
}

impl Container for Unpacked {
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey> {
        let mut survey = self.file.pass(visit)?;
        let (path, folder) = (self.path.display(), self.folder.path().display());
        let note = format!("{path}: unpacked into {folder} for as long as it is read.");
        survey.notes.push(note);
        Ok(survey)
    }

    fn fetch(&self, place: Place) -> Result<Bytes> {
        self.file.fetch(place)
    }

    fn size(&self) -> u64 {
        self.file.size()
    }
}
