//! Logs of topics with something wrong: what is whole is read, and the rest
//! is told. Nothing panics, hangs or takes memory that the file does not
//! account for.

mod topics;

use std::fs;
use std::path::Path;

use janus_datasets::{Log, Loss, Lost};
use mcap::{Compression, WriteOptions};
use proptest::prelude::*;
use topics::*;

const PACKED: [Option<Compression>; 3] = [None, Some(Compression::Lz4), Some(Compression::Zstd)];

fn options(packed: Option<Compression>) -> WriteOptions {
    WriteOptions::new()
        .compression(packed)
        .chunk_size(Some(700))
}

/// How many frames of a file that may be anything are whole.
fn exhaust(path: &Path) -> Option<usize> {
    let log = Log::open(path).ok()?;
    Some(log.frames(None).filter(Result::is_ok).count())
}

#[test]
fn of_a_file_that_breaks_off_what_is_whole_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.mcap");
    for packed in PACKED {
        let whole = mcap(&drive(false), options(packed), true);
        let mut counts = Vec::new();
        for end in (8..whole.len()).step_by(37) {
            fs::write(&path, &whole[..end]).expect("written");
            counts.push(exhaust(&path).expect("begins as a log does"));
        }
        counts.dedup();
        // Frame by frame, as their messages and poses come to be there.
        assert!(
            counts.len() > 4 && counts.iter().all(|count| *count <= 5),
            "{counts:?}"
        );
        assert_eq!((counts.first(), counts.last()), (Some(&0), Some(&5)));
    }
}

#[test]
fn a_file_that_ends_within_a_record_lost_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for packed in PACKED {
        let unfinished = mcap(&drive(false), options(packed), false);
        let log = open(folder.path(), &unfinished);
        assert_eq!(log.info().lost, Lost::new());
        let log = open(folder.path(), &unfinished[..unfinished.len() - 1]);
        assert_eq!(log.info().lost, [(Loss::BrokenOff, 1)].into());
    }
}

/// Where the content of each chunk of a file lies.
fn chunks(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut chunks = Vec::new();
    let mut at = 8;
    while let Some(length) = bytes.get(at + 1..at + 9) {
        let length = u64::from_le_bytes(length.try_into().expect("eight"));
        let content = at + 9..at + 9 + length as usize;
        if bytes[at] == 0x06 {
            chunks.push(content.clone());
        }
        at = content.end;
    }
    chunks
}

#[test]
fn a_spoilt_chunk_costs_its_messages() {
    for packed in PACKED {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bytes = mcap(&drive(false), options(packed), true);
        let chunks = chunks(&bytes);
        let chunk = &chunks[chunks.len() - 2];
        bytes[chunk.end - 40] ^= 0x55;
        let log = open(folder.path(), &bytes);
        assert_eq!(log.info().lost.get(&Loss::BrokenChunk), Some(&1));
        assert!(log.indices().len() >= 3, "{:?}", log.info());
        let note = log
            .info()
            .notes
            .iter()
            .find(|note| note.contains("chunk at byte"));
        assert!(note.is_some(), "{:?}", log.info().notes);
    }
}

/// Messages that pack a thousandfold, in more of them than fit in memory.
#[test]
fn a_small_file_of_many_messages_is_refused() {
    let one = transform("/tf", START, "odom", "base_link", [0.0; 3], false);
    let folder = tempfile::tempdir().expect("a folder");
    let options = WriteOptions::new()
        .chunk_size(Some(4 << 20))
        .emit_message_indexes(false);
    let bytes = mcap(&vec![one; 250_000], options, true);
    let path = folder.path().join("log.mcap");
    fs::write(&path, &bytes).expect("written");
    let error = Log::open(&path).expect_err("is too much").to_string();
    assert!(error.contains("messages: expected at most"), "{error}");
}

#[test]
fn a_database_that_is_none_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.db3");
    fs::write(&path, b"SQLite format 3\0 and no more").expect("written");
    let error = Log::open(&path).expect_err("is none");
    assert_eq!(error.reason(), "malformed");
    assert!(error.to_string().contains("database"), "{error}");

    // Views could have any number of rows.
    let endless = "CREATE TABLE topics(id INTEGER PRIMARY KEY); CREATE VIEW messages AS \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT i AS id, 1 AS topic_id, i AS timestamp, x'00' AS data FROM n";
    let path = folder.path().join("endless.db3");
    rusqlite::Connection::open(&path)
        .and_then(|db| db.execute_batch(endless))
        .expect("made");
    let error = Log::open(&path).expect_err("is endless").to_string();
    assert!(error.contains("messages: expected this table"), "{error}");
}

/// The pages of a database may name the same pages again and again.
#[test]
fn a_tree_without_end_is_given_up() {
    const PAGE: usize = 512;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.db3");
    rusqlite::Connection::open(&path)
        .and_then(|db| {
            db.execute_batch(
                "PRAGMA page_size = 512; \
                 CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT UNIQUE); \
                 CREATE TABLE messages(id INTEGER PRIMARY KEY);",
            )
        })
        .expect("made");
    let mut bytes = fs::read(&path).expect("is there");
    let number = |bytes: &[u8], at: usize| usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
    let cells: Vec<Vec<u8>> = (0..number(&bytes, 103))
        .map(|cell| {
            let at = number(&bytes, 108 + 2 * cell);
            bytes[at..at + 2 + usize::from(bytes[at])].to_vec()
        })
        .collect();
    // A page of a kind, its cells from its end on; `right` of one that has
    // pages below.
    let page = |start: usize, kind: u8, cells: &[Vec<u8>], right: Option<u32>| {
        let mut page = vec![0; PAGE];
        let mut end = PAGE;
        let right = right.map(u32::to_be_bytes);
        let head = start + 8 + 4 * usize::from(right.is_some());
        for (nth, cell) in cells.iter().enumerate() {
            end -= cell.len();
            page[end..end + cell.len()].copy_from_slice(cell);
            page[head + 2 * nth..][..2].copy_from_slice(&(end as u16).to_be_bytes());
        }
        page[start] = kind;
        page[start + 3..start + 5].copy_from_slice(&(cells.len() as u16).to_be_bytes());
        page[start + 5..start + 7].copy_from_slice(&(end as u16).to_be_bytes());
        page[start + 8..head].copy_from_slice(right.as_ref().map_or(&[], |right| &right[..]));
        page
    };
    let (leaf, inner) = (0x0D, 0x05);
    let below = |child: u32| [&child.to_be_bytes()[..], &[1]].concat();
    let index = cells.iter().find(|cell| {
        let text = String::from_utf8_lossy(cell);
        text.contains("autoindex")
    });
    let index = index.expect("of the names").clone();
    // The schema as it was, an index that it has, and pages above that.
    let next = (bytes.len() / PAGE) as u32 + 1;
    let mut pages = vec![page(0, leaf, &cells, None), page(0, leaf, &[index], None)];
    for depth in 0..12 {
        let child = if depth == 0 {
            next + 1
        } else {
            next + 1 + depth
        };
        pages.push(page(0, inner, &vec![below(child); 60], Some(child)));
    }
    let count = next - 1 + pages.len() as u32;
    let mut first = page(100, inner, &[below(next)], Some(count));
    first[..100].copy_from_slice(&bytes[..100]);
    first[28..32].copy_from_slice(&count.to_be_bytes());
    bytes[..PAGE].copy_from_slice(&first);
    bytes.extend(pages.concat());
    fs::write(&path, bytes).expect("written");
    let error = Log::open(&path).expect_err("has no end").to_string();
    assert!(
        error.contains("log.db3: database") && error.contains("interrupted"),
        "{error}"
    );
}

/// A file that is named again and again would be opened as often.
#[test]
fn a_description_names_a_file_once() {
    let folder = tempfile::tempdir().expect("a folder");
    db3(&folder.path().join("bag_0.db3"), &drive(false), false);
    let describe = |names: String| {
        let text = format!("rosbag2_bagfile_information:\n  relative_file_paths:\n{names}");
        fs::write(folder.path().join("metadata.yaml"), text).expect("written");
        Log::open(folder.path()).expect("is a log")
    };
    let log = describe("    - bag_0.db3\n".into());
    let (once, noted) = (told(&log), log.info().notes.clone());
    let log = describe("    - bag_0.db3\n".repeat(5000));
    assert_eq!((told(&log), &log.info().notes), (once.clone(), &noted));
    let missing = (0..5000).map(|n| format!("    - bag_{n}.db3\n"));
    let log = describe(missing.collect());
    assert_eq!(told(&log), once);
    let notes = &log.info().notes;
    assert_eq!(notes.len(), noted.len() + 20);
    let missing = |note: &String| note.contains("bag_1.db3: missing");
    assert!(notes.iter().any(missing), "{notes:?}");
    assert_eq!(log.info().lost[&Loss::MissingFile], 4999);
}

#[test]
fn a_message_that_changes_costs_its_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.mcap");
    let bytes = mcap(&drive(false), options(None), true);
    fs::write(&path, &bytes).expect("written");
    let log = Log::open(&path).expect("is a log");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    let reasons: Vec<_> = log
        .frames(None)
        .filter_map(Result::err)
        .map(|b| b.error.reason())
        .collect();
    assert!(!reasons.is_empty() && reasons.len() < 5, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .all(|reason| ["io", "malformed"].contains(reason)),
        "{reasons:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spoilt_files_never_panic(
        packed in 0usize..4, at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = PACKED.get(packed).map_or(WriteOptions::new().use_chunks(false), |packed| {
            // Without checksums, what is spoilt gets to the messages.
            options(*packed).calculate_chunk_crcs(false)
        });
        let mut bytes = mcap(&drive(false), options, true);
        for (place, byte) in at {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let path = folder.path().join("log.mcap");
        fs::write(&path, bytes).expect("written");
        exhaust(&path);
    }

    #[test]
    fn spoilt_databases_never_panic(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), part in 0.5..1.0f64,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.db3");
        db3(&path, &drive(false), true);
        let mut bytes = fs::read(&path).expect("made");
        bytes.truncate((bytes.len() as f64 * part) as usize);
        for (place, byte) in at {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        fs::write(&path, bytes).expect("written");
        exhaust(&path);
    }

    #[test]
    fn any_bytes_after_the_first_are_told(rest: Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.mcap");
        fs::write(&path, [mcap::MAGIC, &rest].concat()).expect("written");
        exhaust(&path);
    }
}
