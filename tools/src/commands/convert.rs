//! `janus convert LOG OUT.mcap` and `janus synth SCENARIO OUT.mcap`

use std::path::Path;

use anyhow::Result;
use janus_datasets::{Log, convert};

use crate::Outcome;
use crate::cli;
use crate::progress;

pub(crate) fn run(args: &cli::Convert) -> Result<Outcome> {
    write(&args.source.open()?, &args.out)
}

pub(crate) fn synth(args: &cli::Synth) -> Result<Outcome> {
    write(&args.open()?, &args.out)
}

fn write(log: &Log, out: &Path) -> Result<Outcome> {
    let progress = progress::bar(log.indices().len());
    let converted = convert::convert(log, out, |frames| progress.set_position(frames))?;
    progress.finish_and_clear();
    let (frames, messages) = (converted.frames, converted.messages);
    println!("{}: {messages} messages of {frames} frames", out.display());
    for (reason, count) in &converted.skipped {
        eprintln!("{count} frames skipped: {reason}");
    }
    Ok(if converted.skipped.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Degraded
    })
}
