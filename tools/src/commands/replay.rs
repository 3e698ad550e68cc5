//! `janus replay LOG`

use anyhow::Result;

use super::conclude;
use crate::Outcome;
use crate::cli::Replay;
use crate::record::{Target, Viewer};
use crate::run::Run;

pub(crate) fn run(args: Replay) -> Result<Outcome> {
    args.run.detect.need_model();
    let log = args.source.open()?;
    let viewer = match args.connect {
        Some(url) => Some(Viewer::Connect(url)),
        None => args.spawn.then_some(Viewer::Spawn),
    };
    let report = Run {
        log: &log,
        frames: args.frames,
        realtime: args.realtime,
        settings: &args.run,
        record: Target {
            file: args.save,
            viewer,
        },
        export: args.export,
        report: args.report,
    }
    .run()?;
    conclude(&report, args.json)
}
