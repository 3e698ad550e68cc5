//! `janus bench LOG`

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use janus_perception::look;

use super::conclude;
use crate::Outcome;
use crate::cli::Bench;
use crate::pipeline::{Decoded, Step};
use crate::progress;
use crate::replan::Replanner;
use crate::report::Tally;
use crate::run::{Parts, count_frames};

/// Runs frames that are in memory through everything, one after the other, so
/// that no stage waits for another or shares the processor with it.
pub(crate) fn run(args: Bench) -> Result<Outcome> {
    args.run.detect.need_model();
    let log = args.source.open()?;
    count_frames(&log, args.frames.as_ref())?;
    let frames = log
        .frames(args.frames)
        .take(args.at_most)
        .map(|read| {
            let frame =
                read.map_err(|broken| anyhow!("frame {}: {}", broken.index, broken.error))?;
            let mut decoded = Decoded::new(frame, Instant::now(), ("read", Default::default()))
                .map_err(|dropped| anyhow!("frame {}: {}", dropped.index, dropped.error))?;
            // Reading and decoding are no part of what is measured.
            decoded.timings.clear();
            Ok(Arc::new(decoded))
        })
        .collect::<Result<Vec<_>>>()?;
    let Parts {
        config,
        mut perception,
        planner,
        machine,
    } = Parts::assemble(&args.run)?;
    let mut replanner = Replanner::new(planner, &log, &args.run);
    let mut tally = Tally::new(&log, machine, config);
    let progress = progress::bar(frames.len() * (args.warm_up + args.rounds));
    let mut begin = Instant::now();
    for round in 0..args.warm_up + args.rounds {
        if round == args.warm_up {
            begin = Instant::now();
        }
        perception.lidar.forget();
        perception.objects.forget();
        replanner.forget();
        for input in &frames {
            let started = Instant::now();
            let frame = &input.frame;
            let detector = perception.detector.as_mut();
            let cameras = detector.map(|detector| look(detector, frame, &input.pictures));
            if let Some(unseen) = cameras.as_ref().and_then(|seen| seen.unseen.first()) {
                let error = &unseen.error;
                bail!("frame {}: {error}: this is no measurement", frame.index);
            }
            let lidar = perception.lidar.step(frame)?;
            if let Some(fault) = lidar.faults.first() {
                bail!("frame {}: {fault}: this is no measurement", frame.index);
            }
            let objects = &mut perception.objects;
            let step = Step::conclude(
                started,
                input.clone(),
                cameras,
                lidar,
                objects,
                &mut replanner,
            );
            if round >= args.warm_up {
                tally.frame(&Ok(step));
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    conclude(&tally.finish(begin.elapsed()), args.json)
}
