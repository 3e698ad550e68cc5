//! Tables in JSON, and what they name.
#![no_main]

use std::sync::LazyLock;

use janus_fuzz::Logs;
use libfuzzer_sys::fuzz_target;

static LOGS: LazyLock<Logs> = LazyLock::new(|| Logs::new("nuscenes", &[("nuscenes", "")]));

fuzz_target!(init: { LazyLock::force(&LOGS); }, |input: &[u8]| LOGS.read(input));
