//! The threads: read → decode → (detect ∥ lidar) → plan, joined by bounded
//! channels. Every frame that is read comes out once, in order, with its
//! results or with the reason why it has none.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use image::RgbImage;
use janus_datasets::{BrokenFrame, Frame, Log};
use janus_perception::detect::Detector;
use janus_perception::{
    CameraScene, Error as PerceptionError, Lidar, LidarScene, Objects, Perception, Scene, Timing,
    look,
};
use janus_planning::{Plan, Pose2};

use crate::replan::{Halt, Replanner};

/// Frames that may wait between two stages.
const DEPTH: usize = 2;

/// What to run, and how.
pub(crate) struct Pipeline<'a> {
    pub(crate) log: &'a Log,
    pub(crate) frames: Option<Range<u64>>,
    /// Keep to the recording's own speed, and drop what comes too late.
    pub(crate) realtime: bool,
    pub(crate) perception: Perception,
    pub(crate) replanner: Replanner,
}

/// A frame with its pictures.
pub(crate) struct Decoded {
    pub(crate) frame: Frame,
    pub(crate) pictures: Vec<RgbImage>,
    pub(crate) timings: Vec<Timing>,
    started: Instant,
}

impl Decoded {
    /// Decodes the pictures of a frame whose read began at `started` and took
    /// as long as `read` says.
    pub(crate) fn new(frame: Frame, started: Instant, read: Timing) -> Passed<Self> {
        let begin = Instant::now();
        let pictures: Result<Vec<_>, _> = frame
            .images
            .iter()
            .map(|image| image.decode().map(|picture| picture.into_owned()))
            .collect();
        match pictures {
            Ok(pictures) => Ok(Self {
                timings: vec![read, ("decode", begin.elapsed())],
                frame,
                pictures,
                started,
            }),
            Err(error) => Err(Dropped {
                index: frame.index,
                reason: error.reason(),
                error: error.to_string(),
            }),
        }
    }
}

/// A frame with all its results.
pub(crate) struct Step {
    pub(crate) input: Arc<Decoded>,
    pub(crate) scene: Scene,
    pub(crate) goal: Option<Pose2>,
    pub(crate) plan: Result<Plan, Halt>,
    /// How long each stage took, in their order.
    pub(crate) timings: Vec<Timing>,
    /// From the beginning of the read to the plan.
    pub(crate) latency: Duration,
}

impl Step {
    /// Brings together what was perceived of a frame, and plans. `started` is
    /// when the work on this frame began.
    pub(crate) fn conclude(
        started: Instant,
        input: Arc<Decoded>,
        cameras: Option<CameraScene>,
        lidar: LidarScene,
        objects: &mut Objects,
        replanner: &mut Replanner,
    ) -> Self {
        let found = objects.step(&input.frame, cameras.as_ref(), &lidar);
        let scene = Scene::new(cameras, lidar, found);
        let fused = Instant::now();
        let (goal, plan) = replanner.plan(&input.frame, &scene);
        let mut timings = input.timings.clone();
        timings.extend_from_slice(&scene.timings);
        timings.push(("plan", fused.elapsed()));
        Self {
            latency: started.elapsed(),
            input,
            scene,
            goal,
            plan,
            timings,
        }
    }
}

/// A frame without results.
#[derive(Clone, Debug)]
pub(crate) struct Dropped {
    pub(crate) index: u64,
    /// The key under which it is counted.
    pub(crate) reason: &'static str,
    pub(crate) error: String,
}

/// What stages pass on.
pub(crate) type Passed<T> = Result<T, Dropped>;

impl Pipeline<'_> {
    /// Runs every frame and hands each to `done`, in order, until the log
    /// ends or `stop` is set.
    ///
    /// # Errors
    /// What no frame alone is to blame for: a device that failed.
    pub(crate) fn run(self, stop: &AtomicBool, mut done: impl FnMut(Passed<Step>)) -> Result<()> {
        let Perception {
            detector,
            lidar,
            mut objects,
        } = self.perception;
        let frames = self.log.frames(self.frames);
        let mut replanner = self.replanner;
        let (read, to_decode) = bounded(DEPTH);
        let (to_detect, pictures) = bounded(DEPTH);
        let (to_fuse, sweeps) = bounded(DEPTH);
        let (seen, cameras) = bounded(DEPTH);
        let (fused, lidars) = bounded(DEPTH);
        let (planned, steps) = bounded(DEPTH);
        thread::scope(|scope| {
            let stages = [
                stage(scope, "read", move || {
                    read_frames(frames, self.realtime, stop, &read)
                })?,
                stage(scope, "decode", move || {
                    decode(to_decode, &[to_detect, to_fuse])
                })?,
                stage(scope, "detect", move || detect(detector, pictures, &seen))?,
                stage(scope, "lidar", move || fuse(lidar, sweeps, &fused))?,
                stage(scope, "plan", move || {
                    plan(&mut objects, &mut replanner, lidars, cameras, &planned)
                })?,
            ];
            steps.into_iter().for_each(&mut done);
            stages.into_iter().try_for_each(join)
        })
    }
}

/// Starts a stage on a thread that profilers show under its name.
fn stage<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    run: impl FnOnce() -> Result<()> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<()>>> {
    let thread = thread::Builder::new().name(name.into());
    Ok(thread.spawn_scoped(scope, run)?)
}

fn join(stage: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    stage
        .join()
        .unwrap_or_else(|_| Err(anyhow!("a stage panicked: this is a bug in Janus")))
}

/// A frame as it was read, and when that began.
type Read = (Frame, Instant, Timing);

fn read_frames(
    mut frames: impl Iterator<Item = Result<Frame, BrokenFrame>>,
    realtime: bool,
    stop: &AtomicBool,
    out: &Sender<Passed<Read>>,
) -> Result<()> {
    let mut clock = None;
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let Some(read) = frames.next() else { break };
        let passed = match read {
            Ok(frame) => Ok((frame, started, ("read", started.elapsed()))),
            Err(BrokenFrame { index, error }) => Err(Dropped {
                index,
                reason: error.reason(),
                error: error.to_string(),
            }),
        };
        let closed = match passed {
            Ok(read) if realtime => send_in_time(read, &mut clock, out)?,
            passed => out.send(passed).is_err(),
        };
        if closed {
            break;
        }
    }
    Ok(())
}

/// Waits until a frame is due, and drops it if the next stage is still busy.
/// Tells whether that stage has ended.
fn send_in_time(
    read: Read,
    clock: &mut Option<(i64, Instant)>,
    out: &Sender<Passed<Read>>,
) -> Result<bool> {
    let (frame, _, timing) = read;
    let (first, began) = *clock.get_or_insert((frame.stamp, Instant::now()));
    let due = Duration::from_nanos(u64::try_from(frame.stamp.saturating_sub(first)).unwrap_or(0));
    thread::sleep(due.saturating_sub(began.elapsed()));
    let index = frame.index;
    let Err(refused) = out.try_send(Ok((frame, Instant::now(), timing))) else {
        return Ok(false);
    };
    let late = Dropped {
        index,
        reason: "late",
        error: "the frame before it was still being worked on".into(),
    };
    Ok(matches!(refused, TrySendError::Disconnected(_)) || out.send(Err(late)).is_err())
}

fn decode(frames: Receiver<Passed<Read>>, out: &[Sender<Passed<Arc<Decoded>>>; 2]) -> Result<()> {
    for passed in frames {
        let decoded = passed
            .and_then(|(frame, started, read)| Decoded::new(frame, started, read).map(Arc::new));
        if out.iter().any(|next| next.send(decoded.clone()).is_err()) {
            break;
        }
    }
    Ok(())
}

fn detect(
    mut detector: Option<Detector>,
    frames: Receiver<Passed<Arc<Decoded>>>,
    out: &Sender<Option<CameraScene>>,
) -> Result<()> {
    for passed in frames {
        let seen = match (&mut detector, &passed) {
            (Some(detector), Ok(input)) => Some(look(detector, &input.frame, &input.pictures)),
            _ => None,
        };
        if out.send(seen).is_err() {
            break;
        }
    }
    Ok(())
}

fn fuse(
    mut lidar: Lidar,
    frames: Receiver<Passed<Arc<Decoded>>>,
    out: &Sender<Passed<(Arc<Decoded>, LidarScene)>>,
) -> Result<()> {
    for passed in frames {
        let fused = match passed {
            Err(dropped) => Err(dropped),
            Ok(input) => match lidar.step(&input.frame) {
                Ok(scene) => Ok((input, scene)),
                Err(error @ PerceptionError::Gpu(_)) => return Err(error.into()),
                Err(error) => Err(Dropped {
                    index: input.frame.index,
                    reason: error.reason(),
                    error: error.to_string(),
                }),
            },
        };
        if out.send(fused).is_err() {
            break;
        }
    }
    Ok(())
}

fn plan(
    objects: &mut Objects,
    replanner: &mut Replanner,
    lidars: Receiver<Passed<(Arc<Decoded>, LidarScene)>>,
    cameras: Receiver<Option<CameraScene>>,
    out: &Sender<Passed<Step>>,
) -> Result<()> {
    for (passed, cameras) in lidars.into_iter().zip(cameras) {
        let step = passed.map(|(input, lidar)| {
            Step::conclude(input.started, input, cameras, lidar, objects, replanner)
        });
        if out.send(step).is_err() {
            break;
        }
    }
    Ok(())
}
