//! Folders of rosbag2 with a SQLite database.
#![no_main]

use std::sync::LazyLock;

use janus_fuzz::Logs;
use libfuzzer_sys::fuzz_target;

static LOGS: LazyLock<Logs> = LazyLock::new(|| Logs::new("sqlite", &[("rosbag2", "")]));

fuzz_target!(init: { LazyLock::force(&LOGS); }, |input: &[u8]| LOGS.read(input));
