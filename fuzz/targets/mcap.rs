//! MCAP files, with and without chunks, of messages of ROS and of Foxglove.
#![no_main]

use std::sync::LazyLock;

use janus_fuzz::Logs;
use libfuzzer_sys::fuzz_target;

static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    Logs::new(
        "mcap",
        &[
            ("mcap_bare", "log.mcap"),
            ("mcap_chunks", "log.mcap"),
            ("mcap_lz4", "log.mcap"),
            ("mcap_zstd", "log.mcap"),
            ("mcap_foxglove", "log.mcap"),
            ("mcap_fixes", "log.mcap"),
        ],
    )
});

fuzz_target!(init: { LazyLock::force(&LOGS); }, |input: &[u8]| LOGS.read(input));
