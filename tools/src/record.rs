//! What a run looks like in the Rerun viewer: every entity path, and the
//! thread that writes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use janus_datasets::{Camera, Pixels, Pose, Rig, Sweep};
use janus_perception::{Cell, Cloud, Grid, Impairment, Motion, Object, Source};
use janus_planning::{Plan, Pose2, Sample, Vehicle};
use rerun::blueprint::{
    Blueprint, Horizontal, Spatial2DView, Spatial3DView, Tabs, TextLogView, TimePanel,
    TimeSeriesView, Vertical,
};
use rerun::external::re_uri::RedapUri;
use rerun::sink::{FileSink, GrpcSink};
use rerun::{
    Arrows3D, AsComponents, Boxes2D, Boxes3D, Clear, Color, EncodedImage, GridMap, LineStrips3D,
    Pinhole, Points3D, Quaternion, RecordingStream, RecordingStreamBuilder, Scalars, TextLog,
    TextLogLevel, Transform3D, ViewCoordinates,
};

use crate::pipeline::{Dropped, Passed, Step};
use crate::replan::Halt;

const WORLD: &str = "world";
const EGO: &str = "world/ego";
const GRID: &str = "world/grid";
const VOXELS: &str = "world/voxels";
const OBJECTS: &str = "world/objects";
const FUTURES: &str = "world/objects/predicted";
const PLAN: &str = "world/plan";
const SEARCH: &str = "world/plan/search";
const GOAL: &str = "world/plan/goal";
const LOG: &str = "log";

/// Timelines of a single plan.
const EXPANSIONS: &str = "expansions";
const PLAN_TIME: &str = "plan_time";

/// In how many steps the search of a single plan grows.
const SEARCH_STEPS: usize = 60;

fn lidar(name: &str) -> String {
    format!("{EGO}/lidar/{name}")
}

fn camera(name: &str) -> String {
    format!("{EGO}/camera/{name}")
}

fn metric(stage: &str) -> String {
    format!("metrics/{stage}")
}

/// Frames that may wait to be recorded.
const QUEUE: usize = 4;

/// How long a viewer may block before frames are lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the last frames may take to be written.
const LAST_WRITES: Duration = Duration::from_secs(30);

/// Where a recording goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) file: Option<PathBuf>,
    pub(crate) viewer: Option<Viewer>,
}

/// A live viewer.
#[derive(Clone, Debug)]
pub(crate) enum Viewer {
    /// One that is started now.
    Spawn,
    /// One that listens at this address.
    Connect(String),
}

/// What became of a recording.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// How long each frame took.
    pub(crate) durations: Vec<Duration>,
    /// Frames that were not recorded, and other losses, in words.
    pub(crate) faults: Vec<String>,
}

/// Records on a thread of its own, so that a slow disk or viewer never holds
/// up the pipeline unseen.
pub(crate) struct Recorder {
    frames: Sender<Arc<Passed<Step>>>,
    durations: Receiver<Result<Duration>>,
    /// Tells when the last frame is written.
    flushed: Receiver<Result<()>>,
    live: bool,
    lost: usize,
}

impl Recorder {
    /// Opens the target; `None` if there is none.
    pub(crate) fn start(
        target: &Target,
        rig: &Rig,
        vehicle: &Vehicle,
        classes: &[String],
    ) -> Result<Option<Self>> {
        let Some(stream) = open(target, blueprint(rig))? else {
            return Ok(None);
        };
        let mut scribe = Scribe {
            stream,
            classes: classes.to_vec(),
            rig: None,
        };
        scribe.set_the_scene(vehicle)?;
        let (frames, queue) = bounded::<Arc<Passed<Step>>>(QUEUE);
        let (written, durations) = unbounded();
        let (done, flushed) = bounded(1);
        thread::spawn(move || {
            for passed in queue {
                let begin = Instant::now();
                let result = match &*passed {
                    Ok(step) => scribe.frame(step),
                    Err(dropped) => scribe.dropped(dropped),
                };
                // The receivers wait for this thread, or have given it up.
                let _ = written.send(result.map(|()| begin.elapsed()));
            }
            let _ = done.send(scribe.finish());
        });
        Ok(Some(Self {
            frames,
            durations,
            flushed,
            live: target.viewer.is_some(),
            lost: 0,
        }))
    }

    /// Queues a frame. A file takes every frame, however long that takes; a
    /// live viewer that is too slow loses some.
    pub(crate) fn frame(&mut self, passed: Arc<Passed<Step>>) {
        let lost = if !self.live {
            self.frames.send(passed).is_err()
        } else if self.lost == 0 {
            self.frames.send_timeout(passed, PATIENCE).is_err()
        } else {
            self.frames.try_send(passed).is_err()
        };
        self.lost += usize::from(lost);
    }

    /// Waits for the last frames.
    pub(crate) fn finish(self) -> Recorded {
        drop(self.frames);
        let flushed = match self.flushed.recv_timeout(LAST_WRITES) {
            Ok(flushed) => flushed,
            // The thread is stuck in the viewer's connection; the process
            // ends without it.
            Err(_) => Err(anyhow::anyhow!("the last frames were not taken in time")),
        };
        let mut recorded = Recorded::default();
        for written in self.durations.try_iter() {
            match written {
                Ok(duration) => recorded.durations.push(duration),
                Err(error) => recorded.faults.push(format!("recording: {error:#}")),
            }
        }
        if self.lost > 0 {
            let lost = self.lost;
            recorded.faults.push(format!(
                "recording: the viewer was too slow for {lost} frames"
            ));
        }
        if let Err(error) = flushed {
            recorded.faults.push(format!("recording: {error:#}"));
        }
        recorded
    }
}

fn open(target: &Target, looks: Blueprint) -> Result<Option<RecordingStream>> {
    let builder = RecordingStreamBuilder::new("janus").with_blueprint(looks);
    let url = match &target.viewer {
        Some(Viewer::Connect(url)) => Some(url.clone()),
        Some(Viewer::Spawn) => {
            let options = rerun::SpawnOptions::default();
            rerun::spawn(&options).context("no Rerun viewer could be started")?;
            Some(format!("rerun+http://127.0.0.1:{}/proxy", options.port))
        }
        None => None,
    };
    let viewer = url
        .map(|url| match url.parse() {
            Ok(RedapUri::Proxy(uri)) => Ok(GrpcSink::new(uri)),
            _ => anyhow::bail!(
                "`{url}` is no viewer's address: expected rerun+http://HOST:PORT/proxy"
            ),
        })
        .transpose()?;
    let file = target
        .file
        .as_ref()
        .map(|path| {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("{}: cannot be made", folder.display()))?;
            }
            FileSink::new(path).with_context(|| format!("{}: cannot be written", path.display()))
        })
        .transpose()?;
    let stream = match (file, viewer) {
        (None, None) => return Ok(None),
        (Some(file), None) => builder.set_sinks((file,)),
        (None, Some(viewer)) => builder.set_sinks((viewer,)),
        (Some(file), Some(viewer)) => builder.set_sinks((file, viewer)),
    }
    .context("the recording cannot be started")?;
    // The timeline of this name is the log's own time, not the wall clock's.
    stream.set_log_time_enabled(false);
    Ok(Some(stream))
}

fn blueprint(rig: &Rig) -> Blueprint {
    let world = Spatial3DView::new("World").with_origin(WORLD);
    let metrics = TimeSeriesView::new("Stages, ms").with_origin("metrics");
    let log = TextLogView::new("Log").with_origin(LOG);
    let mut side = vec![metrics.into(), log.into()];
    let mut shares = vec![2.0, 1.0];
    if !rig.cameras.is_empty() {
        let view = |mount: &Camera| {
            Spatial2DView::new(mount.name.as_str())
                .with_origin(camera(&mount.name))
                .into()
        };
        side.insert(0, Tabs::new(rig.cameras.iter().map(view)).into());
        shares.insert(0, 2.0);
    }
    let side = Vertical::new(side).with_row_shares(shares);
    let whole = Horizontal::new([world.into(), side.into()]).with_column_shares(vec![3.0, 2.0]);
    Blueprint::new(whole).with_time_panel(TimePanel::new().with_timeline("log_time"))
}

/// Records one plan into a file, all in the grid's frame: on the timeline
/// `expansions` how the search grows until the plan is there, on the timeline
/// `plan_time` how the vehicle drives.
pub(crate) fn record_plan(
    path: &Path,
    grid: &Grid,
    vehicle: &Vehicle,
    [start, goal]: [Pose2; 2],
    plan: Option<&Plan>,
) -> Result<()> {
    let target = Target {
        file: Some(path.into()),
        viewer: None,
    };
    let world = Spatial3DView::new("World").with_origin(WORLD);
    let looks = Blueprint::new(Horizontal::new([world.into()]))
        .with_time_panel(TimePanel::new().with_timeline(EXPANSIONS));
    let Some(stream) = open(&target, looks)? else {
        return Ok(());
    };
    let scribe = Scribe {
        stream,
        classes: Vec::new(),
        rig: None,
    };
    scribe.set_the_scene(vehicle)?;
    scribe.constant(GRID, &grid_map(grid, 0.0))?;
    scribe.constant(GOAL, &arrow(goal, 0.0))?;
    scribe.stream.set_time_sequence(EXPANSIONS, 0);
    scribe.log(EGO, &standing(start))?;
    if let Some(plan) = plan {
        let step = plan.search.len().div_ceil(SEARCH_STEPS).max(1);
        for end in (step..plan.search.len() + step).step_by(step) {
            let end = end.min(plan.search.len());
            scribe.stream.set_time_sequence(EXPANSIONS, end as i64);
            scribe.log(SEARCH, &search(&plan.search[..end], 0.0))?;
        }
        let expansions = i64::from(plan.expansions);
        scribe.stream.set_time_sequence(EXPANSIONS, expansions + 1);
        scribe.log(PLAN, &strip(&plan.samples, COLOUR_PLAN, 0.0))?;
        scribe.stream.disable_timeline(EXPANSIONS);
        for sample in &plan.samples {
            scribe.stream.set_duration_secs(PLAN_TIME, sample.t);
            scribe.log(EGO, &standing(sample.pose()))?;
            scribe.log(&metric("speed"), &Scalars::single(sample.v))?;
        }
    }
    scribe.finish()
}

/// Knows how everything looks.
struct Scribe {
    stream: RecordingStream,
    classes: Vec<String>,
    /// The vehicle whose sensors were logged last.
    rig: Option<Arc<Rig>>,
}

impl Scribe {
    /// Logs what never changes.
    fn set_the_scene(&self, vehicle: &Vehicle) -> Result<()> {
        self.constant(WORLD, &ViewCoordinates::RIGHT_HAND_Z_UP())?;
        let half = [vehicle.length, vehicle.width, vehicle.height].map(|side| side as f32 / 2.0);
        let centre = [vehicle.centre_x as f32, 0.0, half[2]];
        self.constant(
            EGO,
            &Boxes3D::from_centers_and_half_sizes([centre], [half])
                .with_labels([vehicle.name.as_str()])
                .with_colors([COLOUR_EGO]),
        )
    }

    /// Logs where the sensors sit, if that is not what it was.
    fn mount(&mut self, rig: &Arc<Rig>) -> Result<()> {
        if self.rig.as_ref().is_some_and(|last| Arc::ptr_eq(last, rig)) {
            return Ok(());
        }
        for mount in &rig.lidars {
            self.log(&lidar(&mount.name), &transform(&mount.base_from_sensor))?;
        }
        for mount in &rig.cameras {
            let path = camera(&mount.name);
            self.log(&path, &transform(&mount.base_from_sensor))?;
            self.log(&path, &pinhole(mount))?;
        }
        self.rig = Some(rig.clone());
        Ok(())
    }

    fn frame(&mut self, step: &Step) -> Result<()> {
        let frame = &step.input.frame;
        self.set_time(frame.index, Some(frame.stamp));
        self.mount(&frame.rig)?;
        if let Some(pose) = &frame.pose {
            self.log(EGO, &transform(pose))?;
        }
        for sweep in &frame.sweeps {
            if let Some(mount) = frame.rig.lidars.get(sweep.lidar) {
                self.log(&lidar(&mount.name), &points(sweep, &mount.base_from_sensor))?;
            }
        }
        self.cameras(step)?;
        let height = frame.pose.map_or(0.0, |pose| pose.translation.z as f32);
        self.log(GRID, &grid_map(&step.scene.grid, height))?;
        self.log(VOXELS, &voxels(&step.scene.cloud, height))?;
        self.log(OBJECTS, &boxes(&step.scene.objects))?;
        self.log(FUTURES, &futures(&step.scene.objects))?;
        for impairment in step.scene.health.impairments() {
            let level = match impairment {
                // Told with the camera's detections.
                Impairment::CameraUnknown { .. } => continue,
                grave if grave.is_grave() => TextLogLevel::ERROR,
                _ => TextLogLevel::WARN,
            };
            let text = format!("frame {}: {impairment}", frame.index);
            self.log(LOG, &TextLog::new(text).with_level(level))?;
        }
        self.plan(step, height)?;
        for (stage, duration) in &step.timings {
            let ms = duration.as_secs_f64() * 1e3;
            self.log(&metric(stage), &Scalars::single(ms))?;
        }
        Ok(())
    }

    fn cameras(&self, step: &Step) -> Result<()> {
        let frame = &step.input.frame;
        for image in &frame.images {
            let Some(mount) = frame.rig.cameras.get(image.camera) else {
                continue;
            };
            let path = camera(&mount.name);
            match &image.pixels {
                Pixels::Encoded(bytes) => self.log(
                    &format!("{path}/image"),
                    &EncodedImage::from_file_contents(bytes.clone()),
                )?,
                Pixels::Rgb(rgb) => self.log(
                    &format!("{path}/image"),
                    &rerun::Image::from_rgb24(rgb.as_raw().clone(), [rgb.width(), rgb.height()]),
                )?,
            }
            let path_of_boxes = format!("{path}/detections");
            let mut unseen = step.scene.unseen.iter();
            if let Some(unseen) = unseen.find(|u| u.camera == image.camera) {
                self.log(&path_of_boxes, &Clear::flat())?;
                let text = format!("frame {}: {}: {}", frame.index, mount.name, unseen.error);
                self.log(LOG, &TextLog::new(text).with_level(TextLogLevel::ERROR))?;
            } else if let Some(found) = &step.scene.detections {
                let here = found.iter().filter(|d| d.camera == image.camera);
                let here: Vec<_> = here.collect();
                let corner = here.iter().map(|d| [d.bbox[0], d.bbox[1]]);
                let size = here
                    .iter()
                    .map(|d| [d.bbox[2] - d.bbox[0], d.bbox[3] - d.bbox[1]]);
                let labels = here
                    .iter()
                    .map(|d| format!("{} {:.2}", self.class_name(d.class), d.score));
                self.log(
                    &path_of_boxes,
                    &Boxes2D::from_mins_and_sizes(corner, size)
                        .with_labels(labels)
                        .with_class_ids(here.iter().map(|d| d.class)),
                )?;
            }
        }
        Ok(())
    }

    fn plan(&self, step: &Step, height: f32) -> Result<()> {
        match step.goal {
            Some(goal) => self.log(GOAL, &arrow(goal, height))?,
            None => self.log(GOAL, &Clear::flat())?,
        }
        match &step.plan {
            Ok(plan) => {
                self.log(PLAN, &strip(&plan.samples, COLOUR_PLAN, height))?;
                self.log(SEARCH, &search(&plan.search, height))
            }
            Err(Halt { error, stop }) => {
                match stop {
                    Some(stop) => {
                        self.log(PLAN, &strip(&stop.plan.samples, COLOUR_STOP, height))?
                    }
                    None => self.log(PLAN, &Clear::flat())?,
                }
                self.log(SEARCH, &Clear::flat())?;
                let text = format!("frame {}: stop: {error}", step.input.frame.index);
                self.log(LOG, &TextLog::new(text).with_level(TextLogLevel::WARN))
            }
        }
    }

    fn dropped(&self, dropped: &Dropped) -> Result<()> {
        self.set_time(dropped.index, None);
        let text = format!("frame {} dropped: {}", dropped.index, dropped.error);
        self.log(LOG, &TextLog::new(text).with_level(TextLogLevel::ERROR))
    }

    fn finish(&self) -> Result<()> {
        self.stream
            .flush_with_timeout(LAST_WRITES)
            .context("what was recorded could not be written")
    }

    fn class_name(&self, class: u16) -> &str {
        self.classes
            .get(usize::from(class))
            .map_or("", String::as_str)
    }

    fn set_time(&self, index: u64, stamp: Option<i64>) {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        self.stream.set_time_sequence("frame", index);
        if let Some(stamp) = stamp {
            self.stream
                .set_timestamp_nanos_since_epoch("log_time", stamp);
        }
    }

    fn log(&self, path: &str, what: &dyn AsComponents) -> Result<()> {
        self.stream.log(path, what).with_context(|| path.to_owned())
    }

    fn constant(&self, path: &str, what: &dyn AsComponents) -> Result<()> {
        self.stream
            .log_static(path, what)
            .with_context(|| path.to_owned())
    }
}

const COLOUR_EGO: u32 = 0x4aa8_ffff;
const COLOUR_PLAN: u32 = 0x2ecc_71ff;
const COLOUR_STOP: u32 = 0xe74c_3cff;
const COLOUR_SEARCH: u32 = 0xf1c4_0f80;
const COLOUR_MOVING: u32 = 0xe67e_22ff;
const COLOUR_STANDING: u32 = 0x95a5_a6ff;
/// Of what only a camera knows.
const COLOUR_BEARING: u32 = 0x9b59_b6ff;

fn transform(pose: &Pose) -> Transform3D {
    let t = pose.translation.vector.map(|c| c as f32);
    let q = pose.rotation.coords.map(|c| c as f32);
    Transform3D::from_translation_rotation(
        [t.x, t.y, t.z],
        Quaternion::from_xyzw([q.x, q.y, q.z, q.w]),
    )
}

/// Where the vehicle stands on the plane.
fn standing(pose: Pose2) -> Transform3D {
    let (sin, cos) = (pose.theta / 2.0).sin_cos();
    Transform3D::from_translation_rotation(
        [pose.x as f32, pose.y as f32, 0.0],
        Quaternion::from_xyzw([0.0, 0.0, sin as f32, cos as f32]),
    )
}

/// What is followed, each with its identity and how fast it is.
fn boxes(objects: &[Object]) -> Boxes3D {
    let centres = objects.iter().map(|o| o.centre.map(|c| c as f32));
    let sides = |o: &Object| [o.length, o.width, o.height].map(|side| side as f32 / 2.0);
    let turned = |o: &Object| {
        let (sin, cos) = (o.yaw / 2.0).sin_cos();
        Quaternion::from_xyzw([0.0, 0.0, sin as f32, cos as f32])
    };
    let label = |o: &Object| {
        let speed = o.velocity[0].hypot(o.velocity[1]);
        format!("{} {} {speed:.1} m/s", o.class.name(), o.id)
    };
    let colour = |o: &Object| match (o.source, o.motion) {
        (Source::Camera, _) => Color::from(COLOUR_BEARING),
        (_, Motion::Moving) => Color::from(COLOUR_MOVING),
        (_, Motion::Standing) => Color::from(COLOUR_STANDING),
    };
    Boxes3D::from_centers_and_half_sizes(centres, objects.iter().map(sides))
        .with_quaternions(objects.iter().map(turned))
        .with_colors(objects.iter().map(colour))
        .with_labels(objects.iter().map(label))
}

/// Where things that move may go, the likelier the thicker.
fn futures(objects: &[Object]) -> LineStrips3D {
    let moving = objects.iter().filter(|o| o.motion == Motion::Moving);
    let ways = moving.flat_map(|o| o.predicted.iter().map(move |way| (o.centre, way)));
    let (lines, radii): (Vec<_>, Vec<_>) = ways
        .map(|([x, y, z], way)| {
            let places = way.poses.iter().map(|pose| pose.at);
            let line = std::iter::once([x, y]).chain(places);
            let line: Vec<_> = line
                .map(|at| [at[0] as f32, at[1] as f32, z as f32])
                .collect();
            (line, 0.02 + 0.08 * way.weight as f32)
        })
        .unzip();
    LineStrips3D::new(lines)
        .with_colors([COLOUR_MOVING])
        .with_radii(radii)
}

/// The way of a plan or a stop.
fn strip(samples: &[Sample], colour: u32, height: f32) -> LineStrips3D {
    let line = samples.iter();
    let line = line.map(|s| [s.x as f32, s.y as f32, height + 0.1]);
    LineStrips3D::new([line.collect::<Vec<_>>()])
        .with_colors([colour])
        .with_radii([0.08])
}

/// Expanded states.
fn search(places: &[[f64; 2]], height: f32) -> Points3D {
    let places = places.iter();
    Points3D::new(places.map(|[x, y]| [*x as f32, *y as f32, height]))
        .with_colors([COLOUR_SEARCH])
        .with_radii([0.05])
}

/// The pose to which the plan should lead.
fn arrow(goal: Pose2, height: f32) -> Arrows3D {
    let tip = [
        goal.theta.cos() as f32 * 2.0,
        goal.theta.sin() as f32 * 2.0,
        0.0,
    ];
    Arrows3D::from_vectors([tip])
        .with_origins([[goal.x as f32, goal.y as f32, height + 0.1]])
        .with_colors([COLOUR_PLAN])
}

fn pinhole(camera: &Camera) -> Pinhole {
    let [width, height] = camera.resolution.map(|pixels| pixels as f32);
    Pinhole::from_focal_length_and_resolution(camera.focal.map(|f| f as f32), [width, height])
        .with_principal_point(camera.centre.map(|c| c as f32))
        .with_camera_xyz(rerun::components::ViewCoordinates::RDF)
}

/// Voxels in odom, coloured by their height over the vehicle's ground.
fn voxels(cloud: &Cloud, ground: f32) -> Points3D {
    let places = cloud.voxels.iter();
    let places = places.map(|[x, y, z, _]| [x, y, z].map(|mm| *mm as f32 * 1e-3));
    let colours = places.clone().map(|[.., z]| by_height(z - ground));
    Points3D::new(places)
        .with_colors(colours)
        .with_radii([rerun::components::Radius::new_ui_points(2.0)])
}

/// Blue on the ground, red from three metres.
fn by_height(height: f32) -> Color {
    // A cast from a float saturates.
    let red = (height / 3.0 * 255.0) as u8;
    Color::from_rgb(red, 140, 255 - red)
}

/// The returns of a sweep in its sensor's frame, coloured by their height
/// over the ground.
fn points(sweep: &Sweep, base_from_sensor: &Pose) -> Points3D {
    let up = base_from_sensor.rotation.inverse() * nalgebra::Vector3::z();
    let up = up.map(|c| c as f32);
    let offset = base_from_sensor.translation.z as f32;
    let mut places = Vec::with_capacity(sweep.points.len());
    let mut colours = Vec::with_capacity(sweep.points.len());
    for point in sweep.points.iter().filter(|point| point.is_valid()) {
        let [x, y, z] = point.metres();
        places.push(rerun::Position3D::new(x, y, z));
        colours.push(by_height(up.x * x + up.y * y + up.z * z + offset));
    }
    Points3D::new(places)
        .with_colors(colours)
        .with_radii([rerun::components::Radius::new_ui_points(1.5)])
}

/// White is free, black occupied, grey unknown.
fn grid_map(grid: &Grid, height: f32) -> GridMap {
    let [width, rows] = grid.size;
    let cells = grid.picture(|cell| match cell {
        Cell::Unknown => 255,
        Cell::Free => 0,
        Cell::Occupied => 100,
    });
    let format = rerun::components::ImageFormat::from_color_model(
        [width, rows],
        rerun::ColorModel::L,
        rerun::ChannelDatatype::U8,
    );
    let [x, y] = grid.origin.map(|c| (f64::from(c) * grid.cell_m()) as f32);
    GridMap::new(cells, format, grid.cell_m() as f32)
        .with_translation([x, y, height])
        .with_colormap(rerun::components::Colormap::RvizMap)
}
