//! `janus eval LOG`

mod curves;
mod detections;
mod table;
mod tracks;

use std::fmt;
use std::fs::File;

use anyhow::{Context, Result, bail};
use janus_datasets::{Frame, Log};
use serde::Serialize;

use crate::Outcome;
use crate::cli;
use crate::config::Config;
use crate::progress;
use detections::Seen;
use tracks::Following;

pub(crate) fn run(args: &cli::Eval) -> Result<Outcome> {
    args.detect.need_model();
    if args.svg.is_some() && args.detect.model.is_none() {
        cli::misused("--svg needs a --model");
    }
    let log = args.source.open()?;
    let mut judge = Judge::new(&log, args)?;
    judge.watch(&log, args)?;

    let is_clean = judge.is_clean();
    let scores = judge.scores(&log)?;
    if let (Some(path), Some(seen)) = (&args.svg, &judge.seen) {
        let drawn = File::create(path).and_then(|file| curves::draw(seen, file));
        drawn.with_context(|| format!("{}: it could not be written", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&scores)?);
    } else {
        print!("{scores}");
    }
    let mut faults = log.info().faults().peekable();
    let is_clean = is_clean && faults.peek().is_none();
    faults.for_each(|fault| eprintln!("{fault}"));
    Ok(if is_clean {
        Outcome::Clean
    } else {
        Outcome::Degraded
    })
}

/// What watches a log, and is scored by it.
struct Judge {
    /// The detector, if there is one.
    seen: Option<Seen>,
    /// What is followed, if the log follows things itself.
    following: Option<Following>,
}

/// What everything comes to.
#[derive(Serialize)]
struct Scores {
    /// Of the detector; none without a model.
    detections: Option<detections::Scores>,
    /// Of what is followed; none where the log follows nothing.
    tracks: Option<tracks::Scores>,
}

impl Judge {
    fn new(log: &Log, args: &cli::Eval) -> Result<Self> {
        let mut config = Config::load(args.config.as_deref())?;
        args.detect.set(&mut config.detect);
        let model = args.detect.model.as_ref();
        let seen = model.map(|model| Seen::new(model, &config.detect));
        let seen = seen.transpose()?;
        let annotated = log.info().annotations.as_ref();
        let annotated = annotated.filter(|annotated| annotated.tracks > 0);
        let classes = seen.as_ref().map_or(&[][..], Seen::classes);
        let following = annotated.map(|annotated| Following::new(annotated, config, classes, args));
        let following = following.transpose()?;
        if following.is_none() {
            let untold = format!(
                "{}: it does not tell which of its boxes are of one thing, so tracks are not scored",
                log.path().display()
            );
            if seen.is_none() {
                bail!("{untold}, and without a --model nothing else is");
            }
            eprintln!("{untold}");
        }
        Ok(Self { seen, following })
    }

    /// Watches every frame that is asked for.
    fn watch(&mut self, log: &Log, args: &cli::Eval) -> Result<()> {
        let wanted = |index: &&u64| args.frames.as_ref().is_none_or(|f| f.contains(*index));
        let progress = progress::bar(log.indices().iter().filter(wanted).count());
        for frame in log.frames(args.frames.clone()) {
            progress.inc(1);
            match frame {
                Ok(frame) => self.watch_frame(log, &frame)?,
                Err(broken) => {
                    eprintln!("frame {}: {}", broken.index, broken.error);
                    self.seen.iter_mut().for_each(|seen| seen.lost += 1);
                    self.following.iter_mut().for_each(|one| one.lost += 1);
                }
            }
        }
        progress.finish_and_clear();
        Ok(())
    }

    fn watch_frame(&mut self, log: &Log, frame: &Frame) -> Result<()> {
        let cameras = self.seen.as_mut().map(|seen| {
            let silhouettes = log.silhouettes(frame.index);
            seen.look_at(frame, silhouettes.as_deref())
        });
        match &mut self.following {
            Some(following) => following.follow(frame, cameras.as_ref()),
            None => Ok(()),
        }
    }

    fn scores(&mut self, log: &Log) -> Result<Scores> {
        let path = log.path().display();
        let detections = self.seen.as_ref().map(|seen| {
            if seen.pictures == 0 {
                bail!("{path}: no picture could be looked at");
            }
            let scores = seen.scores();
            if scores.classes.is_empty() {
                bail!(
                    "{path}: no picture shows anything that the log has a box for and the model \
                     a class"
                );
            }
            Ok(scores)
        });
        let tracks = self.following.take().map(|one| one.scores(log));
        Ok(Scores {
            detections: detections.transpose()?,
            tracks: tracks.transpose()?,
        })
    }

    fn is_clean(&self) -> bool {
        let seen = self.seen.as_ref();
        let following = self.following.as_ref();
        seen.is_none_or(|seen| seen.lost == 0 && seen.invalid == 0)
            && following.is_none_or(|one| one.lost == 0)
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(detections) = &self.detections {
            write!(f, "{detections}")?;
        }
        if let (Some(_), Some(_)) = (&self.detections, &self.tracks) {
            writeln!(f)?;
        }
        match &self.tracks {
            Some(tracks) => write!(f, "{tracks}"),
            None => Ok(()),
        }
    }
}
