//! `janus demo`

use anyhow::Result;
use janus_datasets::{Log, synth};

use super::conclude;
use crate::Outcome;
use crate::cli::Demo;
use crate::model::Model;
use crate::record::Target;
use crate::run::Run;

pub(crate) fn run(mut args: Demo) -> Result<Outcome> {
    args.run.detect.model.get_or_insert(Model::Street);
    let log = Log::synthetic(synth::Drive::default())?;
    let recording = args.out.join("run.rrd");
    let report = args.out.join("report.json");
    let done = Run {
        log: &log,
        frames: None,
        realtime: false,
        settings: &args.run,
        record: Target {
            file: Some(recording.clone()),
            viewer: None,
        },
        export: None,
        report: Some(report.clone()),
    }
    .run()?;
    let outcome = conclude(&done, args.json)?;
    if !args.json {
        println!("report     {}", report.display());
        println!("look       rerun {}", recording.display());
    }
    Ok(outcome)
}
