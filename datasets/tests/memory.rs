//! What lies about its size takes no memory. Alone in its process, for it asks
//! how much that has had.

mod topics;

use std::fs;
use std::io::Write as _;

use janus_datasets::Log;
use topics::*;

/// A file of one record.
fn record(opcode: u8, length: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = mcap::MAGIC.to_vec();
    bytes.push(opcode);
    bytes.extend(length.to_le_bytes());
    bytes.extend(content);
    bytes
}

/// The content of a chunk that says what it likes about its size.
fn chunk(unpacked: u64, compression: &str, packed: &[u8]) -> Vec<u8> {
    let mut content = vec![0; 16];
    content.extend(unpacked.to_le_bytes());
    content.extend([0; 4]);
    content.extend((compression.len() as u32).to_le_bytes());
    content.extend(compression.bytes());
    content.extend((packed.len() as u64).to_le_bytes());
    content.extend(packed);
    record(0x06, content.len() as u64, &content)
}

/// The most memory that this process has had, bytes, where the system tells.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes << 10)
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let zeros = |size: usize| zstd::bulk::compress(&vec![0; size], 1).expect("packs");
    let packed = zeros(1 << 16);
    // Of 200 MB of zeros, put together without holding them.
    let bomb = packed.repeat(3200);
    let long = u64::MAX / 2;
    let cases = [
        ("record", record(0x05, long, &[0; 64]), "breaks off"),
        ("record", record(0x05, u64::MAX, &[0; 64]), "breaks off"),
        ("chunk", chunk(long, "zstd", &packed), "uncompressed size"),
        (
            "chunk",
            chunk(200 << 20, "zstd", &bomb),
            "uncompressed size",
        ),
        (
            "less than is there",
            chunk(1 << 15, "zstd", &packed),
            "whole compressed data",
        ),
        (
            "more than is there",
            chunk(1 << 17, "zstd", &packed),
            "as many bytes as are declared",
        ),
        (
            "less than is there",
            chunk(5, "", &[0; 64]),
            "as many bytes as are declared",
        ),
        ("no such packing", chunk(5, "gzip", &[0; 5]), "found `gzip`"),
        (
            "schema",
            record(0x03, 6, &[1, 0, 255, 255, 255, 127]),
            "A record was left out: schema",
        ),
        (
            "channel",
            record(0x04, 8, &[1, 0, 1, 0, 255, 255, 255, 127]),
            "A record was left out: channel",
        ),
        (
            "message",
            record(0x05, 3, &[1, 0, 1]),
            "A record was left out: message",
        ),
        ("no channel", record(0x05, 22, &[7; 22]), "a channel 1799"),
    ];
    // A message that is compressed by itself, and a file that is.
    let mut message = cloud("/points", "lidar", START, &[([1.0; 3], 0)], false);
    message.data = [0x28, 0xB5, 0x2F, 0xFD, 0xA0].into();
    message.data.extend((200u32 << 20).to_le_bytes());
    message.data.extend(&bomb);
    let message = mcap(&[message], mcap::WriteOptions::new(), true);
    let whole = folder.path().join("whole.mcap.zstd");
    let mut packer =
        zstd::Encoder::new(fs::File::create(&whole).expect("made"), 1).expect("begins");
    packer
        .write_all(&record(0x05, 200 << 20, &[]))
        .expect("packed");
    for _ in 0..200 {
        packer.write_all(&[0; 1 << 20]).expect("packed");
    }
    packer.finish().expect("ends");
    let before = peak();
    let log = Log::open(&whole).expect("is a log");
    let notes = log.info().notes.join("\n");
    assert!(notes.contains("is longer than"), "{notes}");
    let log = open(folder.path(), &message);
    let notes = log.info().notes.join("\n");
    assert!(
        notes.contains("compressed messages were left out"),
        "{notes}"
    );
    for (name, bytes, expected) in cases {
        let log = open(folder.path(), &bytes);
        let notes = log.info().notes.join("\n");
        assert!(notes.contains(expected), "{name}: {notes}");
        assert_eq!(log.frames(None).count(), 0);
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        let taken = after - before;
        assert!(taken < 64 << 20, "{taken} bytes");
    }
}
