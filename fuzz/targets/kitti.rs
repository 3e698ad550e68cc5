//! Raw drives, sequences of the odometry and tracking benchmarks, frames of the
//! object benchmark.
#![no_main]

use std::sync::LazyLock;

use janus_fuzz::Logs;
use libfuzzer_sys::fuzz_target;

static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    Logs::new(
        "kitti",
        &[
            ("kitti_raw", "drive"),
            ("kitti_object", "training"),
            ("kitti_odometry", "sequences/00"),
            ("kitti_tracking", "training/0000"),
        ],
    )
});

fuzz_target!(init: { LazyLock::force(&LOGS); }, |input: &[u8]| LOGS.read(input));
