//! Feather files: tables in the file format of Apache Arrow's inter-process
//! communication (Arrow Columnar Format 1.x, *IPC File Format*), whose columns
//! may be compressed with LZ4 or zstd.
//!
//! The metadata is read with arrow-ipc. The columns are taken out here, as
//! that crate's own reader trusts the lengths in a file: here each is held
//! against the rows and the bytes that are there before memory is taken.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow_ipc::{CompressionType, Footer, MetadataVersion, Precision, RecordBatch, Type};

use crate::error::{Error, Result};
use crate::file;

/// At both ends of a file.
const MAGIC: &[u8; 6] = b"ARROW1";
/// Before the length of a message's metadata.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// A file whose metadata has been read.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    bytes: Vec<u8>,
    columns: Vec<Column>,
    batches: Vec<Batch>,
    rows: usize,
}

/// A column as the schema has it.
#[derive(Debug)]
struct Column {
    name: String,
    kind: Kind,
    /// Its place among the buffers of a batch: the validity and the values; of
    /// texts, their ends lie between.
    buffer: usize,
}

/// The types of which the data set's columns are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    F16,
    F32,
    F64,
    Signed(usize),
    Unsigned(usize),
    Text,
}

/// Some rows.
#[derive(Debug)]
struct Batch {
    rows: usize,
    codec: Option<CompressionType>,
    /// Where each buffer lies in the file.
    buffers: Vec<Range<usize>>,
}

impl Table {
    /// Reads a file of at most so many bytes and rows.
    pub(super) fn read(path: PathBuf, most_bytes: u64, most_rows: usize) -> Result<Self> {
        let bytes = file::read(&path, most_bytes)?;
        Self::parse(&path, bytes, most_rows).map_err(|(field, expected)| Error::Malformed {
            path,
            field: field.into(),
            expected: expected.into(),
        })
    }

    fn parse(
        path: &Path,
        bytes: Vec<u8>,
        most_rows: usize,
    ) -> Result<Self, (&'static str, &'static str)> {
        let (columns, blocks) = footer(&bytes).ok_or((
            "footer",
            "that of a whole Feather (Arrow IPC) file of plain columns",
        ))?;
        let buffers = columns.iter().map(|column| column.kind.buffers()).sum();
        let mut table = Self {
            path: path.into(),
            bytes,
            columns,
            batches: Vec::new(),
            rows: 0,
        };
        for (metadata, body) in blocks {
            let batch = batch(&table.bytes, metadata, body, table.columns.len(), buffers);
            let batch = batch.ok_or(("record batch", "one that fits the schema and the file"))?;
            table.rows = table.rows.saturating_add(batch.rows);
            if table.rows > most_rows {
                return Err(("rows", "no more than a log has"));
            }
            table.batches.push(batch);
        }
        Ok(table)
    }

    /// That a column is not what it should be.
    pub(super) fn broken(&self, column: &str, expected: &str) -> Error {
        Error::Malformed {
            path: self.path.clone(),
            field: format!("column `{column}`"),
            expected: expected.into(),
        }
    }

    /// A column of numbers with a fraction, of any width.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f64>> {
        self.column(name, "numbers with a fraction", |kind, values, out| {
            match kind {
                Kind::F16 => extend(out, values, |b| half::f16::from_le_bytes(b).to_f64()),
                Kind::F32 => extend(out, values, |b| f64::from(f32::from_le_bytes(b))),
                Kind::F64 => extend(out, values, f64::from_le_bytes),
                _ => return None,
            }
            Some(())
        })
    }

    /// A column of whole numbers, of any width.
    pub(super) fn integers(&self, name: &str) -> Result<Vec<i64>> {
        self.column(name, "whole numbers of 63 bits", |kind, values, out| {
            match kind {
                Kind::Signed(1) => extend(out, values, |b| i64::from(i8::from_le_bytes(b))),
                Kind::Signed(2) => extend(out, values, |b| i64::from(i16::from_le_bytes(b))),
                Kind::Signed(4) => extend(out, values, |b| i64::from(i32::from_le_bytes(b))),
                Kind::Signed(8) => extend(out, values, i64::from_le_bytes),
                Kind::Unsigned(1) => extend(out, values, |b| i64::from(u8::from_le_bytes(b))),
                Kind::Unsigned(2) => extend(out, values, |b| i64::from(u16::from_le_bytes(b))),
                Kind::Unsigned(4) => extend(out, values, |b| i64::from(u32::from_le_bytes(b))),
                Kind::Unsigned(8) => {
                    let (words, _) = values.as_chunks();
                    for word in words {
                        out.push(u64::from_le_bytes(*word).try_into().ok()?);
                    }
                }
                _ => return None,
            }
            Some(())
        })
    }

    /// The values of a numeric column, batch by batch.
    fn column<T>(
        &self,
        name: &str,
        expected: &str,
        mut read: impl FnMut(Kind, &[u8], &mut Vec<T>) -> Option<()>,
    ) -> Result<Vec<T>> {
        let wrong = || self.broken(name, &format!("{expected}, none of them missing"));
        let column = self.columns.iter().find(|column| column.name == name);
        let column = column.ok_or_else(wrong)?;
        let width = column.kind.width().ok_or_else(wrong)?;
        let mut out = Vec::with_capacity(self.rows);
        for batch in &self.batches {
            let length = batch.rows * width;
            let values = self.buffer(batch, column.buffer + 1, length..length + PADDING);
            let values = values.ok_or_else(wrong)?;
            let values = values.get(..length).ok_or_else(wrong)?;
            read(column.kind, values, &mut out).ok_or_else(wrong)?;
        }
        Ok(out)
    }

    /// A column of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let wrong = || self.broken(name, "texts, none of them missing");
        let column = self.columns.iter().find(|column| column.name == name);
        let column = column.filter(|column| column.kind == Kind::Text);
        let column = column.ok_or_else(wrong)?;
        let mut out = Vec::with_capacity(self.rows);
        for batch in self.batches.iter().filter(|batch| batch.rows > 0) {
            let length = (batch.rows + 1) * 4;
            let ends = self.buffer(batch, column.buffer + 1, length..length + PADDING);
            let ends = ends.ok_or_else(wrong)?;
            let (ends, _) = ends.get(..length).ok_or_else(wrong)?.as_chunks();
            let ends: Vec<usize> = ends
                .iter()
                .map(|end| usize::try_from(i32::from_le_bytes(*end)).ok())
                .collect::<Option<_>>()
                .ok_or_else(wrong)?;
            // As much text as names of a hundred letters have.
            let most = batch.rows * 100 + PADDING;
            let text = self
                .buffer(batch, column.buffer + 2, 0..most)
                .ok_or_else(wrong)?;
            let text = std::str::from_utf8(&text).map_err(|_| wrong())?;
            for pair in ends.windows(2) {
                out.push(text.get(pair[0]..pair[1]).ok_or_else(wrong)?.into());
            }
        }
        Ok(out)
    }

    /// The bytes of a buffer, if there are as many as are allowed.
    fn buffer(&self, batch: &Batch, buffer: usize, allowed: Range<usize>) -> Option<Vec<u8>> {
        let stored = self.bytes.get(batch.buffers.get(buffer)?.clone())?;
        let Some(codec) = batch.codec else {
            return allowed.contains(&stored.len()).then(|| stored.into());
        };
        if stored.is_empty() {
            return allowed.contains(&0).then(Vec::new);
        }
        let (length, stored) = stored.split_first_chunk()?;
        let length = match i64::from_le_bytes(*length) {
            // Not worth compressing.
            -1 => return allowed.contains(&stored.len()).then(|| stored.into()),
            length => usize::try_from(length).ok()?,
        };
        if !allowed.contains(&length) {
            return None;
        }
        let mut bytes = Vec::with_capacity(length);
        match codec {
            CompressionType::LZ4_FRAME => {
                let decoder = lz4_flex::frame::FrameDecoder::new(stored);
                decoder.take(length as u64).read_to_end(&mut bytes).ok()?;
            }
            CompressionType::ZSTD => bytes = zstd::bulk::decompress(stored, length).ok()?,
            _ => return None,
        }
        (bytes.len() == length).then_some(bytes)
    }
}

/// Buffers may be padded to 64 bytes; more is not what the rows need.
const PADDING: usize = 65;

impl Kind {
    /// How many buffers a column of it has.
    fn buffers(self) -> usize {
        if self == Self::Text { 3 } else { 2 }
    }

    /// Bytes of a number.
    fn width(self) -> Option<usize> {
        match self {
            Self::F16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Signed(width) | Self::Unsigned(width) => Some(width),
            Self::Text => None,
        }
    }

    /// That of a field, if it is one of these.
    fn of(field: &arrow_ipc::Field<'_>) -> Option<Self> {
        if field.dictionary().is_some() {
            return None;
        }
        match field.type_type() {
            Type::Utf8 => Some(Self::Text),
            Type::FloatingPoint => match field.type_as_floating_point()?.precision() {
                Precision::HALF => Some(Self::F16),
                Precision::SINGLE => Some(Self::F32),
                Precision::DOUBLE => Some(Self::F64),
                _ => None,
            },
            Type::Int => {
                let int = field.type_as_int()?;
                let width = match int.bitWidth() {
                    8 => 1,
                    16 => 2,
                    32 => 4,
                    64 => 8,
                    _ => return None,
                };
                Some(if int.is_signed() {
                    Self::Signed(width)
                } else {
                    Self::Unsigned(width)
                })
            }
            _ => None,
        }
    }
}

/// Appends numbers of `N` bytes each.
fn extend<T, const N: usize>(out: &mut Vec<T>, values: &[u8], number: impl Fn([u8; N]) -> T) {
    let (words, _) = values.as_chunks();
    out.extend(words.iter().map(|word| number(*word)));
}

/// The places of a batch's metadata and of its body.
type Block = (Range<usize>, Range<usize>);

/// The columns and the blocks of a file.
fn footer(bytes: &[u8]) -> Option<(Vec<Column>, Vec<Block>)> {
    let body = bytes.strip_prefix(MAGIC)?.strip_suffix(MAGIC)?;
    let (body, length) = body.split_last_chunk()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    let start = body.len().checked_sub(length)?;
    let footer: Footer<'_> = arrow_ipc::root_as_footer(body.get(start..)?).ok()?;
    if footer.version() < MetadataVersion::V4 {
        return None;
    }
    let mut columns = Vec::new();
    let mut buffer = 0;
    for field in footer.schema()?.fields()? {
        let kind = Kind::of(&field)?;
        let name = field.name()?.into();
        columns.push(Column { name, kind, buffer });
        buffer += kind.buffers();
    }
    let mut blocks = Vec::new();
    for block in footer.recordBatches()? {
        let start = usize::try_from(block.offset()).ok()?;
        let middle = start.checked_add(usize::try_from(block.metaDataLength()).ok()?)?;
        let end = middle.checked_add(usize::try_from(block.bodyLength()).ok()?)?;
        bytes.get(start..end)?;
        blocks.push((start..middle, middle..end));
    }
    Some((columns, blocks))
}

/// The rows and the buffers of a block.
fn batch(
    bytes: &[u8],
    metadata: Range<usize>,
    body: Range<usize>,
    columns: usize,
    buffers: usize,
) -> Option<Batch> {
    let metadata = bytes.get(metadata)?;
    let message = match metadata.strip_prefix(&CONTINUATION) {
        Some(message) => message.get(4..)?,
        None => metadata.get(4..)?,
    };
    let message = arrow_ipc::root_as_message(message).ok()?;
    let batch: RecordBatch<'_> = message.header_as_record_batch()?;
    let rows = usize::try_from(batch.length()).ok()?;
    let nodes = batch.nodes()?;
    let whole =
        |node: &arrow_ipc::FieldNode| node.length() == batch.length() && node.null_count() == 0;
    let stored = batch.buffers()?;
    if nodes.len() != columns || stored.len() != buffers || !nodes.iter().all(whole) {
        return None;
    }
    let stored = stored.iter().map(|buffer| {
        let start = body
            .start
            .checked_add(usize::try_from(buffer.offset()).ok()?)?;
        let end = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
        (end <= body.end).then_some(start..end)
    });
    Some(Batch {
        rows,
        codec: batch.compression().map(|compression| compression.codec()),
        buffers: stored.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use arrow_array::{
        ArrayRef, Float16Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
        StringArray, UInt8Array, UInt16Array, UInt64Array,
    };
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
    use proptest::prelude::*;

    use super::*;

    const CODECS: [Option<CompressionType>; 3] = [
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ];

    /// A file with these columns in each of so many batches.
    fn written(
        columns: &[(&str, ArrayRef)],
        batches: usize,
        codec: Option<CompressionType>,
    ) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter(columns.iter().cloned()).expect("fits");
        let options = IpcWriteOptions::default()
            .try_with_compression(codec)
            .expect("can");
        let mut writer =
            FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("starts");
        for _ in 0..batches {
            writer.write(&batch).expect("written");
        }
        writer.into_inner().expect("ends")
    }

    fn parsed(bytes: Vec<u8>) -> Result<Table, (&'static str, &'static str)> {
        Table::parse(Path::new("table.feather"), bytes, 10_000)
    }

    /// All that the data set's columns are, as long as the texts.
    fn columns(texts: &[String]) -> [(&'static str, ArrayRef); 8] {
        let rows = 0..texts.len();
        let eighths = || rows.clone().map(|i| i as f32 / 8.0 - 3.0);
        let halves = eighths().map(half::f16::from_f32);
        [
            (
                "half",
                Arc::new(Float16Array::from_iter_values(halves)) as ArrayRef,
            ),
            (
                "single",
                Arc::new(Float32Array::from_iter_values(eighths())),
            ),
            (
                "double",
                Arc::new(Float64Array::from_iter_values(eighths().map(f64::from))),
            ),
            ("name", Arc::new(StringArray::from_iter_values(texts))),
            (
                "byte",
                Arc::new(UInt8Array::from_iter_values(rows.clone().map(|i| i as u8))),
            ),
            (
                "pair",
                Arc::new(UInt16Array::from_iter_values(
                    rows.clone().map(|i| i as u16),
                )),
            ),
            (
                "word",
                Arc::new(Int32Array::from_iter_values(
                    rows.clone().map(|i| -(i as i32)),
                )),
            ),
            (
                "long",
                Arc::new(Int64Array::from_iter_values(
                    rows.map(|i| i as i64 + (1 << 40)),
                )),
            ),
        ]
    }

    /// Reads every column in every way.
    fn read(bytes: Vec<u8>) {
        let Ok(table) = parsed(bytes) else { return };
        for column in &table.columns {
            let _ = table.floats(&column.name);
            let _ = table.integers(&column.name);
            let _ = table.texts(&column.name);
        }
    }

    proptest! {
        // Starting a compressor takes time where it is built to be debugged.
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Against arrow-ipc's own writer.
        #[test]
        fn columns_are_as_written(
            texts in prop::collection::vec("\\PC{0,12}", 0..300), batches in 0usize..4, codec in 0..3usize,
        ) {
            let table = parsed(written(&columns(&texts), batches, CODECS[codec])).expect("is whole");
            let rows = texts.len() * batches;
            let at = |i: usize| i % texts.len();
            let doubles: Vec<f64> = (0..rows).map(|i| at(i) as f64 / 8.0 - 3.0).collect();
            for name in ["half", "single", "double"] {
                prop_assert_eq!(&table.floats(name).expect("is there"), &doubles);
            }
            let expected: Vec<String> = (0..rows).map(|i| texts[at(i)].clone()).collect();
            prop_assert_eq!(table.texts("name").expect("is there"), expected);
            let whole = |of: fn(i64) -> i64| (0..rows).map(|i| of(at(i) as i64)).collect::<Vec<_>>();
            prop_assert_eq!(table.integers("byte").expect("is there"), whole(|i| i & 255));
            prop_assert_eq!(table.integers("pair").expect("is there"), whole(|i| i));
            prop_assert_eq!(table.integers("word").expect("is there"), whole(|i| -i));
            prop_assert_eq!(table.integers("long").expect("is there"), whole(|i| i + (1 << 40)));
        }
    }

    /// A file of each codec.
    static WHOLE: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
        let texts: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        CODECS.map(|codec| written(&columns(&texts), 2, codec))
    });

    proptest! {
        #[test]
        fn spoilt_bytes_never_panic(
            codec in 0..3usize, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = WHOLE[codec].clone();
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            read(bytes);
        }

        #[test]
        fn a_cut_file_is_refused(codec in 0..3usize, part in 0.0..1.0f64) {
            let mut bytes = WHOLE[codec].clone();
            bytes.truncate((bytes.len() as f64 * part) as usize);
            prop_assert_eq!(parsed(bytes).expect_err("is cut").0, "footer");
        }

        #[test]
        fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let framed = [MAGIC.as_slice(), &bytes, MAGIC].concat();
            read(bytes);
            read(framed);
        }
    }

    #[test]
    fn a_column_that_is_not_as_expected_is_named() {
        let texts = vec![String::from("a"), String::from("b")];
        let table = parsed(written(&columns(&texts), 1, None)).expect("is whole");
        let told = |wrong: Result<Vec<f64>>| wrong.expect_err("is wrong").to_string();
        for error in [told(table.floats("name")), told(table.floats("none"))] {
            assert!(error.starts_with("table.feather: column `n"), "{error}");
            assert!(error.ends_with("expected numbers with a fraction, none of them missing"));
        }
        assert!(table.integers("half").is_err() && table.texts("half").is_err());

        let missing = Float64Array::from(vec![Some(1.0), None]);
        let gaps = written(&[("gaps", Arc::new(missing))], 1, None);
        assert_eq!(parsed(gaps).expect_err("has gaps").0, "record batch");
        let large = UInt64Array::from(vec![1, u64::MAX]);
        let large = written(&[("large", Arc::new(large))], 1, None);
        assert!(parsed(large).expect("is whole").integers("large").is_err());
    }

    /// The length before a compressed buffer says how much memory it takes.
    #[test]
    fn a_buffer_that_lies_about_its_length_is_refused() {
        for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
            let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0; 5_000]));
            let bytes = written(&[("zeros", zeros)], 1, Some(codec));
            let truth = 40_000i64.to_le_bytes();
            let at = bytes.windows(8).position(|w| w == truth).expect("is there");
            let table = parsed(bytes.clone()).expect("is whole");
            assert_eq!(table.floats("zeros").expect("is true").len(), 5_000);
            for lie in [0, 39_992, 40_001, 1 << 40, i64::MAX, -2] {
                let mut bytes = bytes.clone();
                bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
                let table = parsed(bytes).expect("its metadata is whole");
                assert!(table.floats("zeros").is_err(), "{lie}");
            }
        }
    }

    #[test]
    fn more_rows_than_a_log_has_are_refused() {
        let bytes: ArrayRef = Arc::new(UInt8Array::from(vec![0; 6_000]));
        let bytes = written(&[("bytes", bytes)], 2, Some(CompressionType::ZSTD));
        assert_eq!(parsed(bytes).expect_err("is too long").0, "rows");
    }
}
