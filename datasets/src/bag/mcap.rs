//! MCAP files (<https://mcap.dev/spec>), indexed or not, finished or not.
//!
//! Records are read in their order, and the index is not: so it need neither
//! be there nor be right. The contents of records are taken apart here, for
//! the crate's own readers take the memory that a record claims before they
//! look whether it is there, and trust a chunk's word about its size.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use mcap::MAGIC;
use mcap::records::op;

use super::container::{
    ALLOWANCE, Channel, Container, MOST_UNPACKED, Message, NAMES_LIMIT, Place, Survey, begins_with,
};
use super::fault::{Decoded, Fault};
use crate::error::{Error, Result};
use crate::loss::Loss;

/// Operation code and length of a record.
const HEAD: u64 = 9;
/// The longest record that is read, bytes.
const LONGEST: u64 = 1 << 30;

/// An MCAP file.
#[derive(Debug)]
pub(super) struct Mcap {
    path: PathBuf,
    length: u64,
    /// What bounds the memory that is taken, bytes.
    size: u64,
    fetcher: Mutex<Fetcher>,
}

/// Reads single messages again.
#[derive(Debug)]
struct Fetcher {
    file: File,
    /// The chunks that were unpacked last, by their place.
    chunks: VecDeque<(u64, Bytes)>,
}

/// A record's kind and content.
type Record = (u8, Bytes);

impl Mcap {
    pub(super) fn recognises(path: &std::path::Path) -> bool {
        begins_with(path, MAGIC)
    }

    /// Opens a file; `size` bounds the memory that it takes.
    pub(super) fn open(path: PathBuf, size: u64) -> Result<Self> {
        if !Self::recognises(&path) {
            return Err(Error::Malformed {
                path,
                field: "first bytes".into(),
                expected: "those of an MCAP file of version 0".into(),
            });
        }
        let io = |cause| Error::Io {
            path: path.clone(),
            cause,
        };
        let file = File::open(&path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let chunks = VecDeque::new();
        let fetcher = Mutex::new(Fetcher { file, chunks });
        Ok(Self {
            path,
            length,
            size,
            fetcher,
        })
    }

    fn io(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }

    /// The greatest size of a record, or of an unpacked chunk, bytes.
    fn limit(&self) -> u64 {
        (ALLOWANCE + self.size).min(LONGEST)
    }
}

impl Container for Mcap {
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey> {
        let file = File::open(&self.path).map_err(|e| self.io(e))?;
        let mut file = BufReader::with_capacity(1 << 18, file);
        let mut at = MAGIC.len() as u64;
        file.seek(SeekFrom::Start(at)).map_err(|e| self.io(e))?;
        let mut survey = Survey::default();
        let mut listing = Listing::default();
        let mut left = MOST_UNPACKED.saturating_mul(ALLOWANCE + self.size);
        let mut whole = false;
        while self.length - at >= HEAD {
            let mut head = [0; HEAD as usize];
            file.read_exact(&mut head).map_err(|e| self.io(e))?;
            let [opcode, length @ ..] = head;
            let length = u64::from_le_bytes(length);
            let begins = at + HEAD;
            if length > self.length - begins {
                break;
            }
            at = begins + length;
            whole = matches!(opcode, op::DATA_END | op::FOOTER);
            if whole {
                break;
            }
            let wanted = matches!(
                opcode,
                op::SCHEMA | op::CHANNEL | op::MESSAGE | op::CHUNK | op::METADATA
            );
            if !wanted || length > self.limit() {
                if wanted {
                    let limit = self.limit();
                    survey.lose(
                        Loss::TooLarge,
                        format!("The record at byte {begins} is longer than {limit} bytes."),
                    );
                }
                // Fits, as no file is longer than an `i64` can say.
                file.seek_relative(length as i64).map_err(|e| self.io(e))?;
                continue;
            }
            let mut content = vec![0; length as usize];
            file.read_exact(&mut content).map_err(|e| self.io(e))?;
            let content = Bytes::from(content);
            if opcode != op::CHUNK {
                let place = |_| (begins + MESSAGE_HEAD, None);
                self.take(&mut listing, &mut survey, (opcode, content), &place, visit)?;
                continue;
            }
            let unpacked =
                match Chunk::of(content).and_then(|chunk| chunk.unpack(self.limit().min(left))) {
                    Ok(unpacked) => unpacked,
                    Err(fault) => {
                        let note = format!(
                            "The chunk at byte {begins} was left out: {}: expected {}.",
                            fault.field, fault.expected
                        );
                        survey.lose(Loss::BrokenChunk, note);
                        continue;
                    }
                };
            left -= unpacked.len() as u64;
            let mut rest = unpacked.clone();
            while !rest.is_empty() {
                let Some(record) = split_record(&mut rest) else {
                    let note = format!("The chunk at byte {begins} ends within a record.");
                    survey.lose(Loss::BrokenChunk, note);
                    break;
                };
                let end = unpacked.len() - rest.len();
                let place = |data: usize| (begins, Some((end - data) as u32));
                self.take(&mut listing, &mut survey, record, &place, visit)?;
            }
        }
        if !whole {
            let path = self.path.display();
            survey.notes.push(format!(
                "{path}: the file breaks off at byte {at} of its data; what is whole before that was read."
            ));
        }
        if !whole && at < self.length {
            *survey.lost.entry(Loss::BrokenOff).or_default() += 1;
        }
        survey.channels = listing.channels.into_values().collect();
        survey.metadata = listing.metadata;
        Ok(survey)
    }

    fn fetch(&self, place: Place) -> Result<Bytes> {
        // A fetcher is whole whatever thread failed while it held it.
        let mut fetcher = self.fetcher.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = || Error::Malformed {
            path: self.path.clone(),
            field: format!("byte {}", place.at),
            expected: "the message that was there when the log was opened".into(),
        };
        let at = u64::try_from(place.at).map_err(|_| changed())?;
        let length = u64::from(place.length);
        let Some(within) = place.within else {
            return fetcher.read(at, length).map_err(|e| self.io(e));
        };
        let held = fetcher.chunks.iter().find(|(begins, _)| *begins == at);
        let chunk = match held {
            Some((_, chunk)) => chunk.clone(),
            None => {
                let head = fetcher
                    .read(at - 8, 8)
                    .map_err(|e| self.io(e))?
                    .get_u64_le();
                if head > self.limit().min(self.length) {
                    return Err(changed());
                }
                let content = fetcher.read(at, head).map_err(|e| self.io(e))?;
                let chunk = Chunk::of(content).and_then(|chunk| chunk.unpack(self.limit()));
                let chunk = chunk.map_err(|fault| fault.at(&self.path))?;
                fetcher.keep(at, chunk.clone());
                chunk
            }
        };
        let [from, to] = [u64::from(within), u64::from(within) + length];
        if to > chunk.len() as u64 {
            return Err(changed());
        }
        Ok(chunk.slice(from as usize..to as usize))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl Mcap {
    /// Takes in a record of the data, which is no chunk. `place` says where a
    /// message lies by how much of its record is data.
    fn take(
        &self,
        listing: &mut Listing,
        survey: &mut Survey,
        (opcode, content): Record,
        place: &dyn Fn(usize) -> (u64, Option<u32>),
        visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>,
    ) -> Result<()> {
        let taken = match opcode {
            op::SCHEMA => listing.schema(content),
            op::CHANNEL => listing.channel(content),
            op::METADATA => listing.metadata(content),
            op::MESSAGE => match listing.message(content) {
                Ok((channel, sequence, logged, data)) => {
                    let (at, within) = place(data.len());
                    let place = Place {
                        file: 0,
                        at: at as i64,
                        within,
                        sequence,
                        length: data.len() as u32,
                        packed: None,
                    };
                    return visit(
                        &channel,
                        Message {
                            place,
                            logged,
                            data,
                        },
                    );
                }
                Err(fault) => Err(fault),
            },
            _ => Ok(()),
        };
        if listing.held > NAMES_LIMIT {
            return Err(Error::Malformed {
                path: self.path.clone(),
                field: "schemas and channels".into(),
                expected: format!("at most {NAMES_LIMIT} bytes of names and definitions"),
            });
        }
        if let Err(fault) = taken {
            let note = format!(
                "A record was left out: {}: expected {}.",
                fault.field, fault.expected
            );
            survey.lose(Loss::Malformed, note);
        }
        Ok(())
    }
}

impl Fetcher {
    fn read(&mut self, at: u64, length: u64) -> io::Result<Bytes> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    /// Keeps a chunk, for as long as those that came after it are small.
    fn keep(&mut self, at: u64, chunk: Bytes) {
        self.chunks.push_back((at, chunk));
        let total = |chunks: &VecDeque<(u64, Bytes)>| -> u64 {
            chunks.iter().map(|(_, chunk)| chunk.len() as u64).sum()
        };
        while self.chunks.len() > 1 && total(&self.chunks) > ALLOWANCE {
            self.chunks.pop_front();
        }
    }
}

/// The next record of a chunk's records; `None` if it is not all there.
fn split_record(rest: &mut Bytes) -> Option<Record> {
    let opcode = rest.try_get_u8().ok()?;
    let length = rest.try_get_u64_le().ok()?;
    let length = usize::try_from(length).ok()?;
    (length <= rest.len()).then(|| (opcode, rest.split_to(length)))
}

/// Bytes of a message record before its data: channel, number in sequence,
/// and two times.
const MESSAGE_HEAD: u64 = 2 + 4 + 8 + 8;

/// The schemas, channels and metadata of a file.
#[derive(Debug, Default)]
struct Listing {
    schemas: HashMap<u16, [Bytes; 3]>,
    channels: HashMap<u16, Arc<Channel>>,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// Bytes.
    held: usize,
}

impl Listing {
    fn schema(&mut self, mut content: Bytes) -> Decoded<()> {
        let broken = |_| Fault::new("schema", "an id, a name, an encoding and data");
        let id = content.try_get_u16_le().map_err(broken)?;
        let fields = [(); 3].map(|()| split_text(&mut content));
        let [Some(name), Some(encoding), Some(data)] = fields else {
            return Err(Fault::new("schema", "a name, an encoding and data"));
        };
        // The same schema may come again in every chunk.
        if self.schemas.contains_key(&id) {
            return Ok(());
        }
        let fields = [name, encoding, data];
        self.held += fields.iter().map(Bytes::len).sum::<usize>();
        // Copied, for they would keep their chunk.
        let fields = fields.map(|field| Bytes::copy_from_slice(&field));
        self.schemas.insert(id, fields);
        Ok(())
    }

    fn channel(&mut self, mut content: Bytes) -> Decoded<()> {
        let broken = |_| Fault::new("channel", "an id, a schema, a topic and an encoding");
        let id = content.try_get_u16_le().map_err(broken)?;
        let schema = content.try_get_u16_le().map_err(broken)?;
        let fields = [(); 2].map(|()| split_text(&mut content).and_then(|text| utf8(&text)));
        let [Some(topic), Some(encoding)] = fields else {
            return Err(Fault::new("channel", "a topic and an encoding"));
        };
        if self.channels.contains_key(&id) {
            return Ok(());
        }
        // A channel without a schema has none of the types that are read.
        let [name, definition_encoding, definition] =
            self.schemas.get(&schema).cloned().unwrap_or_default();
        self.held += topic.len() + encoding.len() + name.len() + definition_encoding.len() + 256;
        let channel = Channel {
            topic,
            schema: utf8(&name).unwrap_or_default(),
            encoding,
            definition_encoding: utf8(&definition_encoding).unwrap_or_default(),
            definition,
        };
        self.channels.insert(id, Arc::new(channel));
        Ok(())
    }

    fn metadata(&mut self, mut content: Bytes) -> Decoded<()> {
        let broken = || Fault::new("metadata", "a name, and pairs of names and values");
        let text = |content: &mut Bytes| split_text(content).and_then(|text| utf8(&text));
        self.held += content.len();
        let name = text(&mut content).ok_or_else(broken)?;
        let mut pairs = split_text(&mut content).ok_or_else(broken)?;
        let mut values = BTreeMap::new();
        while !pairs.is_empty() {
            let pair = text(&mut pairs).zip(text(&mut pairs));
            values.extend([pair.ok_or_else(broken)?]);
        }
        self.metadata.insert(name, values);
        Ok(())
    }

    /// The channel of a message, its number in sequence, when it was recorded,
    /// and what it says.
    fn message(&self, mut content: Bytes) -> Decoded<(Arc<Channel>, u32, i64, Bytes)> {
        if (content.len() as u64) < MESSAGE_HEAD {
            return Err(Fault::new(
                "message",
                format!("{MESSAGE_HEAD} bytes or more"),
            ));
        }
        let id = content.get_u16_le();
        let sequence = content.get_u32_le();
        let logged = content.get_u64_le();
        let _published = content.get_u64_le();
        let channel = self.channels.get(&id);
        let channel = channel.ok_or_else(|| Fault::new("message", format!("a channel {id}")))?;
        let logged = i64::try_from(logged).unwrap_or(i64::MAX);
        Ok((channel.clone(), sequence, logged, content))
    }
}

/// Bytes behind their length.
fn split_text(content: &mut Bytes) -> Option<Bytes> {
    let length = content.try_get_u32_le().ok()? as usize;
    (length <= content.len()).then(|| content.split_to(length))
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).map(str::to_owned).ok()
}

/// A chunk of records.
struct Chunk {
    unpacked_size: u64,
    checksum: u32,
    compression: Bytes,
    packed: Bytes,
}

impl Chunk {
    fn of(mut content: Bytes) -> Decoded<Self> {
        let short = |_| Fault::new("chunk", "times, sizes and records");
        let _first = content.try_get_u64_le().map_err(short)?;
        let _last = content.try_get_u64_le().map_err(short)?;
        let unpacked_size = content.try_get_u64_le().map_err(short)?;
        let checksum = content.try_get_u32_le().map_err(short)?;
        let compression = split_text(&mut content);
        let compression = compression.ok_or_else(|| Fault::new("compression", "its name"))?;
        let packed = content.try_get_u64_le().map_err(short)?;
        if packed > content.len() as u64 {
            return Err(Fault::new("records", format!("{packed} bytes")));
        }
        content.truncate(packed as usize);
        Ok(Self {
            unpacked_size,
            checksum,
            compression,
            packed: content,
        })
    }

    /// The records, if they are of the size that is declared, and that no
    /// greater than `limit`.
    fn unpack(self, limit: u64) -> Decoded<Bytes> {
        let size = self.unpacked_size;
        if size > limit {
            let expected = format!("at most {limit} bytes");
            return Err(Fault::new(
                format!("uncompressed size of {size} bytes"),
                expected,
            ));
        }
        let broken =
            |wrong: io::Error| Fault::new("records", format!("whole compressed data: {wrong}"));
        let records = match &self.compression[..] {
            b"" => self.packed,
            // In one step, as a stream would first take the memory of the
            // window that it declares.
            b"zstd" => zstd::bulk::decompress(&self.packed, size as usize)
                .map_err(broken)?
                .into(),
            b"lz4" => {
                let frame = lz4_flex::frame::FrameDecoder::new(&self.packed[..]);
                let mut records = Vec::with_capacity(size as usize);
                frame
                    .take(size + 1)
                    .read_to_end(&mut records)
                    .map_err(broken)?;
                records.into()
            }
            other => {
                let expected = format!("zstd, lz4 or none, found `{}`", other.escape_ascii());
                return Err(Fault::new("compression", expected));
            }
        };
        if records.len() as u64 != size {
            let expected = format!("as many bytes as are declared, {size}");
            return Err(Fault::new("records", expected));
        }
        // Zero stands for a checksum that was not taken.
        if self.checksum != 0 && crc32fast::hash(&records) != self.checksum {
            return Err(Fault::new(
                "records",
                "those of which the checksum was taken",
            ));
        }
        Ok(records)
    }
}
