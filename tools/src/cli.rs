//! Every flag of every command.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use janus_datasets::synth::{Drive, Scenario};
use janus_datasets::{Log, Options};
use janus_perception::detect::{
    DetectorOptions, ExecutionProvider, Inference, InputSize, Nms, Tiles,
};
use janus_planning::Pose2;
use janus_shaders::DeviceChoice;

use crate::model::Model;

/// Replays a recorded drive through perception and planning for a vehicle
/// without a front, and says how long each stage took.
///
/// Exit codes: 0 clean; 1 failed; 2 the command line makes no sense;
/// 3 finished, with data lost or degraded, every loss counted.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a small synthetic drive and run everything on it.
    Demo(Demo),
    /// Run everything on a recorded drive.
    Replay(Replay),
    /// Measure every stage on frames of a log that are in memory.
    Bench(Bench),
    /// Plan on a map, or in a case of the TPCAP parking benchmark.
    ///
    /// Times are those of the planner alone, without reading files and without
    /// making the vehicle's motion primitives. A plan that is printed has
    /// passed its check.
    Plan(Box<Plan>),
    /// Make the motion primitives of a vehicle.
    ///
    /// Without a file of them a planner makes its own, the same.
    Primitives(Primitives),
    /// Say what a log holds.
    Info(Info),
    /// Score what is followed, and a detector, on an annotated log.
    ///
    /// Tracks: where the log tells which of its boxes are of one thing, all
    /// that is followed is scored, by the lidars alone without a --model: HOTA,
    /// CLEAR and identity as the `trackeval` package defines them, the errors
    /// of centre, sides, heading and speed, and those of the forecasts after 1,
    /// 3 and 5 s. A track is a thing's that is within 2 m of it, and the more
    /// similar the nearer it is. What is farther off than --range or has fewer
    /// lidar returns than --least-points is neither asked for nor held against
    /// anyone; nor, where the log annotates only what a camera shows (KITTI),
    /// what none shows. Every frame counts, the first ones too, in which
    /// nothing is followed yet. Where the log does not count returns in its
    /// boxes, or give speeds, both are told from its sweeps and boxes.
    ///
    /// Detector: average precision as COCO defines it, over all boxes that score 0.01 or
    /// more. What is to be found are the boxes of the log, projected into each
    /// picture; of a scenario of the synthetic world it is what the picture
    /// shows of each thing, to the pixel. What shows less than 30 % of itself,
    /// because of something before it (where the log or the scenario says so)
    /// or of the picture's edge, is less than 8 pixels high or has no lidar
    /// return is neither asked for nor held against a detector. A copy of a
    /// scenario as MCAP has boxes alone. Where a model has no vans, a van is a
    /// car. How far off something is that is not there, no picture tells: a
    /// false alarm counts in every range, so the precision of one range is
    /// that of its things among all alarms.
    Eval(Eval),
    /// Write any log as an MCAP file of ROS 2 messages.
    ///
    /// Boxes become vision_msgs/Detection3DArray, which has no place for their
    /// velocity, their visibility and their count of returns: a copy is
    /// without these.
    Convert(Convert),
    /// Write a drive through the synthetic world as an MCAP file.
    Synth(Synth),
    /// List the models that `--model` takes by name, or add one.
    ///
    /// They are the built-in one and every `.onnx` in the folder that
    /// JANUS_MODELS names, in `models` beside the program and in `janus/models`
    /// where the user's data is (XDG_DATA_HOME, or else ~/.local/share). Of two
    /// of one name the first counts. Each is loaded to say what it is. The exit
    /// code is 3 if one is broken, or is called as no model can be.
    Models(Models),
    /// List the devices and the inference libraries of this machine.
    Devices(Devices),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder for the recording and the report.
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    pub(crate) out: PathBuf,
    /// Print the report instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// A log, and how to read what it leaves open.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The log: a file or a folder of any format that Janus knows.
    pub(crate) log: PathBuf,
    /// Read this topic and the others named, instead of every one that has a
    /// known type.
    #[arg(long = "topic", value_name = "NAME")]
    pub(crate) topics: Vec<String>,
    /// How far apart in time the pictures and sweeps of one frame may lie.
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub(crate) tolerance: Option<i64>,
}

impl Source {
    /// Opens the log.
    pub(crate) fn open(&self) -> Result<Log, janus_datasets::Error> {
        let default = Options::default();
        let options = Options {
            topics: self.topics.clone(),
            tolerance_ns: self.tolerance.unwrap_or(default.tolerance_ns),
        };
        Log::open_with(&self.log, &options)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Frames to replay, by the log's own numbers; the end is not part of it.
    #[arg(long, value_name = "A..B", value_parser = frames)]
    pub(crate) frames: Option<Range<u64>>,
    /// Replay at the speed of the recording; frames that come too late are
    /// dropped and counted.
    #[arg(long)]
    pub(crate) realtime: bool,
    /// Record for the Rerun viewer into this file.
    #[arg(long, value_name = "FILE.rrd")]
    pub(crate) save: Option<PathBuf>,
    /// Start a Rerun viewer, found as `rerun` on the path, and record to it.
    #[arg(long, conflicts_with = "connect")]
    pub(crate) spawn: bool,
    /// Record to a Rerun viewer that runs already.
    #[arg(
        long,
        value_name = "URL",
        num_args = 0..=1,
        default_missing_value = "rerun+http://127.0.0.1:9876/proxy"
    )]
    pub(crate) connect: Option<String>,
    /// Write what was done, and how long it took, as one JSON document.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,
    /// Write each frame's results in forms that other tools read.
    ///
    /// By the log's own frame numbers: grid/N.pgm and N.yaml (map_server),
    /// cloud/N.pcd, labels/N.bin (a u32 for each point), objects/N.json,
    /// plan/N.csv; for all frames detections.json and images.json (COCO),
    /// poses.tum, and tracks/LOG.txt: what a camera shows of what is followed,
    /// in the text form of the KITTI tracking benchmark. Its boxes are in the
    /// rectified frame of camera 0 and in the picture of image_02, of other
    /// logs in those of the first camera; without a camera it is not written.
    #[arg(long, value_name = "DIR")]
    pub(crate) export: Option<PathBuf>,
    /// Print the report instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Frames to take, by the log's own numbers; the end is not part of it.
    #[arg(long, value_name = "A..B", value_parser = frames)]
    pub(crate) frames: Option<Range<u64>>,
    /// Take no more frames than this; all of them are held in memory.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = count)]
    pub(crate) at_most: usize,
    /// Go over the frames this often.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count)]
    pub(crate) rounds: usize,
    /// Go over them this often before, unmeasured.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) warm_up: usize,
    /// Print the report instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// The detector.
#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// Detect objects with this ONNX model: a file, or a name that `janus
    /// models` lists. `street` is our own of the synthetic world, which `demo`
    /// takes by itself.
    #[arg(long, value_name = "FILE.onnx|NAME")]
    pub(crate) model: Option<Model>,
    /// What runs the model: `auto` (ONNX Runtime where it is found, else the
    /// embedded backend), `onnxruntime` or `embedded`.
    #[arg(long, value_parser = inference)]
    pub(crate) inference: Option<Inference>,
    /// Run the model at this height and width instead of its own; only a
    /// network that is convolutional from end to end can.
    #[arg(long, value_name = "HxW")]
    pub(crate) input_size: Option<InputSize>,
    /// Look at so many rows and columns of parts of each picture as well,
    /// which overlap by a share of their sides (0.2).
    #[arg(long, value_name = "RxC[,OVERLAP]")]
    pub(crate) tiles: Option<Tiles>,
    /// What ONNX Runtime runs the model on: `cpu`, `cuda`, `tensorrt`,
    /// `coreml`, `directml`, `openvino` or `xnnpack`, with the provider's own
    /// options. Operators that a provider lacks ONNX Runtime runs on the CPU.
    #[arg(long, value_name = "NAME[,KEY=VALUE...]")]
    pub(crate) ep: Option<ExecutionProvider>,
    /// Threads of the model; without it, half of what the machine has.
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) threads: Option<usize>,
    /// Most pictures of a moment in one run of the model, from 1 to 64, where
    /// it takes several (8).
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) batch: Option<usize>,
    /// Which of the model's boxes rival each other: those of one class
    /// (`class-wise`), or all (`agnostic`).
    #[arg(long, value_name = "class-wise|agnostic", value_parser = nms)]
    pub(crate) nms: Option<Nms>,
    /// How long one run of the model may take; what a camera whose run is
    /// late shows is unknown.
    #[arg(long, value_name = "MS", value_parser = deadline)]
    pub(crate) time_limit: Option<Duration>,
}

/// How to run the pipeline.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) detect: Detect,
    /// What runs the kernels: `auto` (a GPU, else the CPU), `cpu`, or words
    /// of an adapter's name.
    #[arg(long, value_name = "auto|cpu|NAME", default_value = "auto", value_parser = device)]
    pub(crate) device: DeviceChoice,
    /// Destroy the device before this frame, to rehearse its loss.
    #[arg(long, value_name = "FRAME", hide_short_help = true)]
    pub(crate) lose_device_at: Option<u64>,
    /// The vehicle to plan for; without it, the symmetric shuttle.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) vehicle: Option<PathBuf>,
    /// The vehicle's motion primitives; without them they are made.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) primitives: Option<PathBuf>,
    /// Settings that differ from the defaults.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Plan to the logged pose this far ahead.
    #[arg(long, value_name = "METRES", default_value_t = 25.0, value_parser = metres)]
    pub(crate) ahead: f64,
    /// Plan to this place in odom instead: metres, and degrees
    /// counterclockwise from +x.
    #[arg(
        long,
        value_name = "X,Y,DEG",
        allow_hyphen_values = true,
        conflicts_with = "ahead",
        value_parser = pose
    )]
    pub(crate) goal: Option<Pose2>,
}

impl Detect {
    /// Ends the program where something is said of a model and there is none.
    pub(crate) fn need_model(&self) {
        let said = [
            ("--input-size", self.input_size.is_some()),
            ("--tiles", self.tiles.is_some()),
            ("--ep", self.ep.is_some()),
            ("--batch", self.batch.is_some()),
            ("--threads", self.threads.is_some()),
            ("--nms", self.nms.is_some()),
            ("--time-limit", self.time_limit.is_some()),
        ];
        let said = said.into_iter().find(|(_, is_said)| *is_said);
        if let (None, Some((flag, _))) = (&self.model, said) {
            misused(&format!("{flag} needs a --model"));
        }
    }

    /// Puts what the command line says of detection in the place of what the
    /// settings say.
    pub(crate) fn set(&self, options: &mut DetectorOptions) {
        if let Some(inference) = self.inference {
            options.inference = inference;
        }
        if let Some(provider) = &self.ep {
            options.execution_provider = provider.clone();
        }
        if let Some(batch) = self.batch {
            options.batch = batch;
        }
        if let Some(threads) = self.threads {
            options.threads = threads;
        }
        if let Some(nms) = self.nms {
            options.nms = nms;
        }
        if let Some(limit) = self.time_limit {
            options.time_limit_ms = Some(limit.as_secs_f64() * 1e3);
        }
        options.input_size = self.input_size.or(options.input_size);
        options.tiles = self.tiles.or(options.tiles);
    }
}

#[derive(Debug, Args)]
pub(crate) struct Primitives {
    /// The vehicle.
    #[arg(value_name = "VEHICLE.toml")]
    pub(crate) vehicle: PathBuf,
    /// Where they are written.
    #[arg(value_name = "OUT.toml")]
    pub(crate) out: PathBuf,
    /// Settings that differ from the defaults: the lattice's spacing, its
    /// headings and the costs count here.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Draw them.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// A map of map_server, or a case of the benchmark, told by their ending.
    #[arg(value_name = "MAP.yaml|CASE.csv")]
    pub(crate) problem: PathBuf,
    /// Where the vehicle's base_link begins on a map: metres, and degrees
    /// counterclockwise from +x. A case has its own.
    #[arg(long, value_name = "X,Y,DEG", allow_hyphen_values = true, value_parser = pose)]
    pub(crate) start: Option<Pose2>,
    /// Where it is to end.
    #[arg(long, value_name = "X,Y,DEG", allow_hyphen_values = true, value_parser = pose)]
    pub(crate) goal: Option<Pose2>,
    /// The vehicle; without it, the symmetric shuttle on a map, the
    /// benchmark's car in a case.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) vehicle: Option<PathBuf>,
    /// The vehicle's motion primitives; without them they are made.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) primitives: Option<PathBuf>,
    /// Plan for this vehicle too, whose body begins and ends with its centre
    /// where the first one's does, and say what the first one saves.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) against: Option<PathBuf>,
    /// Settings that differ from the defaults.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// States that the search may expand; without it, what the settings say,
    /// and without settings 200000, or 4000000 where there is a deadline.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) budget: Option<u32>,
    /// How long the search may take. Without settings it improves the plan
    /// until then, or until there is no better one.
    #[arg(long, value_name = "MS", value_parser = deadline)]
    pub(crate) deadline: Option<Duration>,
    /// Write the plan as a table.
    #[arg(long, value_name = "PLAN.csv")]
    pub(crate) out: Option<PathBuf>,
    /// Draw the map, the search, and the plan.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,
    /// Record for the Rerun viewer how the search grows and the vehicle
    /// drives, into this file.
    #[arg(long, value_name = "RUN.rrd")]
    pub(crate) save: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Instead of one plan, make so many between random places of the map
    /// that are open to one another, and say how long they took.
    #[arg(
        long,
        value_name = "N",
        value_parser = count,
        conflicts_with_all = ["start", "goal", "against", "deadline", "out", "svg", "save"]
    )]
    pub(crate) queries: Option<usize>,
    /// What the random places are made from.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "queries")]
    pub(crate) seed: u64,
}

/// Ends the program as for a command line that makes no sense.
pub(crate) fn misused(why: &str) -> ! {
    Cli::command()
        .error(ErrorKind::ArgumentConflict, why)
        .exit()
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Only frames with these numbers of the log.
    #[arg(long, value_name = "A..B", value_parser = frames)]
    pub(crate) frames: Option<Range<u64>>,
    /// Things have to be followed that are this near to the vehicle.
    #[arg(long, value_name = "METRES", default_value_t = 40.0, value_parser = metres)]
    pub(crate) range: f64,
    /// And of which the lidars have so many returns.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) least_points: u32,
    /// Draw the detector's precision against its recall.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// What runs the kernels: `auto` (a GPU, else the CPU), `cpu`, or words
    /// of an adapter's name.
    #[arg(long, value_name = "auto|cpu|NAME", default_value = "auto", value_parser = device)]
    pub(crate) device: DeviceChoice,
    /// Settings that differ from the defaults.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) detect: Detect,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The file to write.
    #[arg(value_name = "OUT.mcap")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// A scenario's file, or the name of one that is part of the program.
    pub(crate) scenario: String,
    /// The file to write.
    #[arg(value_name = "OUT.mcap")]
    pub(crate) out: PathBuf,
    /// Write this many frames instead of all.
    #[arg(long, value_name = "N")]
    pub(crate) frames: Option<u64>,
    /// What houses, colours and noise are made from, instead of the
    /// scenario's own.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

impl Synth {
    /// Opens the scenario as a log.
    pub(crate) fn open(&self) -> Result<Log, janus_datasets::Error> {
        let path = Path::new(&self.scenario);
        let scenario = if path.extension().is_some() {
            Scenario::read(path)?
        } else {
            Scenario::named(&self.scenario)?
        };
        Log::synthetic(Drive {
            scenario,
            frames: self.frames,
            seed: self.seed,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Models {
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
    /// What runs the models: `auto`, `onnxruntime` or `embedded`.
    #[arg(long, global = true, value_parser = inference)]
    pub(crate) inference: Option<Inference>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Try a model out on a drawn street, and put a copy with its manifest
    /// into the folder that JANUS_MODELS names, or else where the user's data
    /// is.
    Add(AddModel),
}

#[derive(Debug, Args)]
pub(crate) struct AddModel {
    /// The model. A manifest beside it is heeded.
    #[arg(value_name = "FILE.onnx")]
    pub(crate) file: PathBuf,
    /// What it is to be called, if not as its file is.
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn frames(text: &str) -> Result<Range<u64>, String> {
    let expected = || "expected two frame numbers A..B with A less than B".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(expected)?;
    let number = |text: &str, open: u64| match text.trim() {
        "" => Ok(open),
        text => text.parse().map_err(|_| expected()),
    };
    let range = number(from, 0)?..number(to, u64::MAX)?;
    if range.is_empty() {
        return Err(expected());
    }
    Ok(range)
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    match text.trim() {
        "" => Err("expected `auto`, `cpu` or words of an adapter's name".into()),
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        name => Ok(DeviceChoice::Named(name.to_owned())),
    }
}

fn inference(text: &str) -> Result<Inference, String> {
    match text {
        "auto" => Ok(Inference::Auto),
        "onnxruntime" => Ok(Inference::OnnxRuntime),
        "embedded" => Ok(Inference::Embedded),
        _ => Err("expected `auto`, `onnxruntime` or `embedded`".into()),
    }
}

fn nms(text: &str) -> Result<Nms, String> {
    match text {
        "class-wise" => Ok(Nms::ClassWise),
        "agnostic" => Ok(Nms::Agnostic),
        _ => Err("expected `class-wise` or `agnostic`".into()),
    }
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=100_000) => Ok(count),
        _ => Err("expected a number from 1 to 100000".into()),
    }
}

/// Milliseconds, as ns.
fn milliseconds(text: &str) -> Result<i64, String> {
    match text.parse::<f64>() {
        Ok(ms) if (0.0..=10_000.0).contains(&ms) => Ok((ms * 1e6) as i64),
        _ => Err("expected a time from 0 to 10000 ms".into()),
    }
}

/// A time that is not zero, from milliseconds.
fn deadline(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(ms) if (0.001..=3_600_000.0).contains(&ms) => Ok(Duration::from_secs_f64(ms * 1e-3)),
        _ => Err("expected a time from 0.001 to 3600000 ms".into()),
    }
}

/// A pose from metres and degrees.
fn pose(text: &str) -> Result<Pose2, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|word| word.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[x, y, degrees]) if [x, y, degrees].iter().all(|c| c.abs() <= 1e10) => {
            Ok(Pose2::new(x, y, degrees.to_radians()))
        }
        _ => Err("expected three numbers X,Y,DEG in metres and degrees, at most 10¹⁰".into()),
    }
}

fn metres(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(metres) if (1.0..=1000.0).contains(&metres) => Ok(metres),
        _ => Err("expected a distance from 1 to 1000 m".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn frame_ranges_are_half_open_and_may_lack_an_end() {
        assert_eq!(frames("20..24"), Ok(20..24));
        assert_eq!(frames("..24"), Ok(0..24));
        assert_eq!(frames("20.."), Ok(20..u64::MAX));
        for bad in ["", "20", "24..20", "5..5", "a..b", "-1..4", "1..2..3"] {
            assert!(frames(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn poses_are_three_numbers() {
        assert_eq!(
            pose("1.5, -2,90"),
            Ok(Pose2::new(1.5, -2.0, 90f64.to_radians()))
        );
        for bad in [
            "", "1,2", "1,2,3,4", "1,2,nan", "inf,0,0", "1e11,0,0", "a,b,c",
        ] {
            assert!(pose(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn distances_are_in_range() {
        assert_eq!(metres("25"), Ok(25.0));
        for bad in ["0", "-3", "nan", "inf", "x"] {
            assert!(metres(bad).is_err(), "{bad}");
        }
        assert_eq!(deadline("2.5"), Ok(Duration::from_micros(2500)));
        for bad in ["0", "-1", "nan", "inf", "x"] {
            assert!(deadline(bad).is_err(), "{bad}");
        }
        assert_eq!(milliseconds("2.5"), Ok(2_500_000));
        for bad in ["-1", "nan", "10001", "x"] {
            assert!(milliseconds(bad).is_err(), "{bad}");
        }
    }
}
