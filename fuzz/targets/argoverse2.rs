//! Feather files.
#![no_main]

use std::sync::LazyLock;

use janus_fuzz::Logs;
use libfuzzer_sys::fuzz_target;

static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    Logs::new(
        "argoverse2",
        &[
            ("argoverse2", ""),
            ("argoverse2_lz4", ""),
            ("argoverse2_zstd", ""),
        ],
    )
});

fuzz_target!(init: { LazyLock::force(&LOGS); }, |input: &[u8]| LOGS.read(input));
