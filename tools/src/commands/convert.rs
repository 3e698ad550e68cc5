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
    let skipped = converted.skipped.iter();
    let skipped = skipped.map(|(reason, count)| format!("{count} frames skipped: {reason}"));
    let faults: Vec<String> = log.info().faults().chain(skipped).collect();
    for fault in &faults {
        eprintln!("{fault}");
    }
    Ok(if faults.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Degraded
    })
}
