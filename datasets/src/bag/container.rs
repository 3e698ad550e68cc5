//! Where messages lie: what all containers of them have in common.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::compression::{self, Unpacked};
use super::mcap::Mcap;
use super::sqlite::Sqlite;
use crate::error::Result;
use crate::file;
use crate::loss::{Loss, Lost};

/// What compressed data may take beyond the size of its file, bytes.
pub(super) const ALLOWANCE: u64 = 12 << 20;
/// What is unpacked from a file may be so many times its size in all; LZ4
/// cannot reach more than 255.
pub(super) const MOST_UNPACKED: u64 = 256;
/// How many missing files are told one by one; all are counted.
const MOST_MISSING: usize = 20;
/// What the names and definitions of a container may take, bytes.
pub(super) const NAMES_LIMIT: usize = 8 << 20;

/// A file or folder of messages.
pub(super) trait Container: Debug + Send + Sync {
    /// Goes once through all messages, in their order.
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey>;

    /// Reads a message again.
    fn fetch(&self, place: Place) -> Result<Bytes>;

    /// Bytes on disk as the user has them, which bound what is kept in memory.
    fn size(&self) -> u64;
}

/// A topic, as a container lists it.
#[derive(Debug, PartialEq)]
pub(super) struct Channel {
    pub(super) topic: String,
    /// The type of its messages.
    pub(super) schema: String,
    /// How they are encoded: `cdr`, `protobuf`.
    pub(super) encoding: String,
    /// How the definition of the type is written: `ros2msg`, `protobuf`.
    pub(super) definition_encoding: String,
    pub(super) definition: Bytes,
}

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) place: Place,
    /// When it was recorded, ns since the Unix epoch.
    pub(super) logged: i64,
    pub(super) data: Bytes,
}

/// Where a message lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// The number of its file in a folder.
    pub(super) file: u32,
    /// The byte of the file at which it, or its chunk, begins; of a database
    /// the number of its row.
    pub(super) at: i64,
    /// The byte of its chunk, if it lies in one.
    pub(super) within: Option<u32>,
    /// The number that its writer gave it; 0 where there is none.
    pub(super) sequence: u32,
    /// Bytes.
    pub(super) length: u32,
    /// Bytes that it takes there, if it is compressed by itself.
    pub(super) packed: Option<u32>,
}

/// What a pass met besides messages.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The topics, those without a message included.
    pub(super) channels: Vec<Arc<Channel>>,
    /// What was noted beside the messages, by name.
    pub(super) metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// What could not be read.
    pub(super) lost: Lost,
    /// What a user should know, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Survey {
    /// Counts a loss, and says what it was the first time.
    pub(super) fn lose(&mut self, loss: Loss, note: String) {
        let count = self.lost.entry(loss).or_default();
        *count += 1;
        if *count == 1 {
            self.notes.push(note);
        }
    }
}

/// The files of a folder, as one.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) files: Vec<Box<dyn Container>>,
    /// Those that the folder's description names and that are not there.
    pub(super) missing: Vec<PathBuf>,
    /// What a user should know, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Container for Files {
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey> {
        let mut whole = Survey {
            notes: self.notes.clone(),
            ..Survey::default()
        };
        if !self.missing.is_empty() {
            let count = self.missing.len() as u64;
            whole.lost.insert(Loss::MissingFile, count);
        }
        for path in self.missing.iter().take(MOST_MISSING) {
            let path = path.display();
            let note = format!("{path}: missing: the description of the log names it.");
            whole.notes.push(note);
        }
        for (number, file) in (0..).zip(&self.files) {
            let survey = file.pass(&mut |channel, mut message| {
                message.place.file = number;
                visit(channel, message)
            })?;
            whole.channels.extend(survey.channels);
            whole.metadata.extend(survey.metadata);
            whole.notes.extend(survey.notes);
            for (loss, count) in survey.lost {
                *whole.lost.entry(loss).or_default() += count;
            }
        }
        Ok(whole)
    }

    fn fetch(&self, place: Place) -> Result<Bytes> {
        self.files[place.file as usize].fetch(place)
    }

    fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size()).sum()
    }
}

/// Opens one file, whose kind shows in its first bytes.
pub(super) fn open(path: PathBuf) -> Result<Box<dyn Container>> {
    if compression::recognises(&path) {
        return Ok(Box::new(Unpacked::open(path)?));
    }
    let (_, size) = file::open(&path)?;
    plain(path, size)
}

/// Opens one file that is not compressed as a whole; `size` bounds what is
/// kept in memory.
pub(super) fn plain(path: PathBuf, size: u64) -> Result<Box<dyn Container>> {
    Ok(match Sqlite::recognises(&path) {
        true => Box::new(Sqlite::open(path, size)?),
        false => Box::new(Mcap::open(path, size)?),
    })
}

/// Whether a file begins with some bytes.
pub(super) fn begins_with(path: &Path, magic: &[u8]) -> bool {
    use std::io::Read;
    let mut found = vec![0; magic.len()];
    // Opening a pipe would wait for its writer.
    path.is_file()
        && std::fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut found))
            .is_ok_and(|()| found == magic)
}
