//! One run: a log through the pipeline, into a recording, a report and an
//! export.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use janus_datasets::Log;
use janus_perception::{Lidar, Objects, Perception};
use janus_planning::{Planner, PlannerConfig, PrimitiveSet, Vehicle};
use janus_shaders::Context;

use crate::cli;
use crate::config::Config;
use crate::export::Export;
use crate::pipeline::{Passed, Pipeline, Step};
use crate::progress;
use crate::record::{Recorder, Target};
use crate::replan::Replanner;
use crate::report::{Machine, Report, Tally, cpu_name};

/// What to run, and where the results go.
pub(crate) struct Run<'a> {
    pub(crate) log: &'a Log,
    pub(crate) frames: Option<Range<u64>>,
    pub(crate) realtime: bool,
    pub(crate) settings: &'a cli::Run,
    pub(crate) record: Target,
    pub(crate) export: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
}

/// Set by the first Ctrl-C; the second ends the process.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

impl Run<'_> {
    /// Runs until the log ends or the user interrupts. What was done is saved
    /// even if the run then fails.
    pub(crate) fn run(self) -> Result<Report> {
        let Parts {
            config,
            perception,
            planner,
            machine,
        } = Parts::assemble(self.settings)?;
        let total = count_frames(self.log, self.frames.as_ref())?;
        let classes = perception.detector.as_ref().map(|d| d.classes().to_vec());
        let mut export = self
            .export
            .map(|folder| Export::new(&folder, self.log, classes.as_deref()))
            .transpose()?;
        let mut recorder = Recorder::start(
            &self.record,
            self.log.rig(),
            planner.vehicle(),
            classes.as_deref().unwrap_or_default(),
        )?;
        let mut tally = Tally::new(self.log, machine, config);
        let progress = progress::bar(total);
        interrupt_on_ctrl_c();

        let begin = Instant::now();
        let mut exported = Ok(());
        let done = |passed: Passed<Step>| {
            let passed = Arc::new(passed);
            tally.frame(&passed);
            if let (Some(export), Ok(step), Ok(())) = (&mut export, &*passed, &exported) {
                exported = export.frame(step);
            }
            if let Some(recorder) = &mut recorder {
                recorder.frame(passed);
            }
            progress.inc(1);
        };
        let pipeline = Pipeline {
            log: self.log,
            frames: self.frames,
            realtime: self.realtime,
            perception,
            replanner: Replanner::new(planner, self.log, self.settings),
        };
        let ran = pipeline.run(&INTERRUPTED, done);
        if let Some(recorder) = recorder {
            let recorded = recorder.finish();
            recorded
                .durations
                .into_iter()
                .for_each(|d| tally.recorded(d));
            recorded.faults.into_iter().for_each(|f| tally.fault(f));
        }
        let elapsed = begin.elapsed();
        progress.finish_and_clear();
        if INTERRUPTED.load(Ordering::Relaxed) {
            tally.fault("interrupted: the frames after the last were not run".into());
        }
        if let Err(error) = &ran {
            tally.fault(format!("{error:#}"));
        }
        let exported = exported.and_then(|()| export.map_or(Ok(0), Export::finish));
        if let Ok(nameless @ 1..) = exported {
            tally.left_out(nameless);
        }
        let report = tally.finish(elapsed);
        if let Some(path) = &self.report {
            report.write(path)?;
        }
        exported?;
        ran.map(|()| report)
    }
}

/// How many frames of a log there are to run.
///
/// # Errors
/// If there are none.
pub(crate) fn count_frames(log: &Log, range: Option<&Range<u64>>) -> Result<usize> {
    let indices = log.indices();
    if indices.is_empty() {
        let notes = log.info().notes.join(" ");
        bail!("{}: no frames: {notes}", log.path().display());
    }
    let Some(range) = range else {
        return Ok(indices.len());
    };
    let count = indices
        .iter()
        .filter(|&index| range.contains(index))
        .count();
    if let (0, Some(first), Some(last)) = (count, indices.first(), indices.last()) {
        bail!(
            "--frames: the log has none of these frames, only {first}..{}",
            last + 1
        );
    }
    Ok(count)
}

/// A planner for a vehicle, with its motion primitives from a file if there is
/// one.
pub(crate) fn planner(
    vehicle: Vehicle,
    primitives: Option<&Path>,
    config: PlannerConfig,
) -> Result<Planner> {
    let Some(path) = primitives else {
        return Planner::new(vehicle, config).context("planner");
    };
    let set = PrimitiveSet::load(path)?;
    Planner::with_primitives(vehicle, &set, config).with_context(|| path.display().to_string())
}

/// Everything that a pipeline is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) perception: Perception,
    pub(crate) planner: Planner,
    pub(crate) machine: Machine,
}

impl Parts {
    pub(crate) fn assemble(settings: &cli::Run) -> Result<Self> {
        let mut config = Config::load(settings.config.as_deref())?;
        settings.detect.set(&mut config.detect);
        let vehicle = match &settings.vehicle {
            Some(path) => Vehicle::load(path)?,
            None => Vehicle::shuttle(),
        };
        let primitives = settings.primitives.as_deref();
        let planner = planner(vehicle, primitives, config.planner)?;
        config.planner = planner.config().clone();
        let detector = settings
            .detect
            .model
            .as_ref()
            .map(|model| model.detector(&config.detect))
            .transpose()?;
        let context = Context::open(&settings.device)?;
        let machine = Machine {
            cpu: cpu_name(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            device: context
                .as_ref()
                .map_or("cpu".into(), |c| c.adapter.name.clone()),
            driver: context.as_ref().map_or(String::new(), |c| {
                format!("{} {}", c.adapter.backend, c.adapter.driver)
            }),
            kernel_times: match &context {
                None => "wall",
                Some(context) if context.has_clock() => "timestamps",
                Some(_) => "within lidar.readback",
            },
            inference: detector
                .as_ref()
                .map_or("none".into(), |detector| detector.runtime().to_string()),
        };
        let mut lidar = Lidar::new(config.lidar.clone(), context)?;
        if let Some(frame) = settings.lose_device_at {
            lidar.lose_device_at(frame);
        }
        let classes = detector.as_ref().map_or(&[][..], |d| d.classes());
        let objects = Objects::new(config.objects.clone(), classes)?;
        Ok(Self {
            perception: Perception {
                detector,
                lidar,
                objects,
            },
            config,
            planner,
            machine,
        })
    }
}

fn interrupt_on_ctrl_c() {
    // Fails only if it was done before; a run is done once in a process.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
    });
}
