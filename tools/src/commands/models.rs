//! `janus models` and `janus models add FILE`

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use image::RgbImage;
use janus_datasets::Log;
use janus_datasets::synth::{Drive, Scenario};
use janus_perception::detect::{Detector, DetectorOptions, Found, Manifest, Runtime};
use serde::Serialize;

use crate::Outcome;
use crate::catalogue::{self, Catalogue, Nameless};
use crate::cli::{AddModel, Models, ModelsCommand};
use crate::model::{Model, STREET};

/// How often the network looks at the picture, to say how long it takes.
const ROUNDS: usize = 5;

pub(crate) fn run(args: &Models) -> Result<Outcome> {
    let mut options = DetectorOptions::default();
    options.inference = args.inference.unwrap_or(options.inference);
    match &args.command {
        None => list(args.json, &options),
        Some(ModelsCommand::Add(add)) => self::add(add, args.json, &options),
    }
}

/// Says what models there are. Each is loaded: what is said of it is what it
/// turns out to be.
fn list(json: bool, options: &DetectorOptions) -> Result<Outcome> {
    // Without one, no model is broken.
    Runtime::start(options.inference)?;
    let catalogue = Catalogue::of_user();
    let contents = catalogue.contents()?;
    let street = Model::Street.detector(options);
    let mut models = vec![Listed::new(STREET, None, &street)];
    for entry in contents.models {
        let detector = Model::File(entry.file.clone()).detector(options);
        models.push(Listed::new(&entry.name, Some(entry.file), &detector));
    }
    let found = Listing {
        models,
        nameless: contents.nameless,
        folders: catalogue.folders(),
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{found}");
    }
    let broken = found
        .models
        .iter()
        .any(|model| matches!(model.is, Is::Broken { .. }));
    Ok(if broken || !found.nameless.is_empty() {
        Outcome::Degraded
    } else {
        Outcome::Clean
    })
}

/// Tries a model out, and puts a copy with its manifest into a models folder.
fn add(args: &AddModel, json: bool, options: &DetectorOptions) -> Result<Outcome> {
    let name = name(args)?;
    let catalogue = Catalogue::of_user();
    let folder = catalogue.own().context(
        "there is no models folder: expected JANUS_MODELS, XDG_DATA_HOME or HOME to name one",
    )?;
    if let Some(file) = catalogue.contents()?.find(&name) {
        let file = file.display();
        bail!("--name: a model is called `{name}` already, {file}");
    }
    let mut detector = Detector::load(&args.file, options)?;
    let tried = Tried::new(&mut detector)?;
    let file = folder.join(format!("{name}.onnx"));
    place(&args.file, detector.manifest(), &file)?;

    let added = Added {
        model: Listed::new(&name, Some(file), &Ok(detector)),
        tried,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&added)?);
    } else {
        print!("{added}");
    }
    if added.tried.invalid == 0 {
        return Ok(Outcome::Clean);
    }
    let invalid = added.tried.invalid;
    eprintln!("{name}: it gave {invalid} predictions that cannot be");
    Ok(Outcome::Degraded)
}

/// What a model is to be called: what was asked for, else as its file is.
fn name(args: &AddModel) -> Result<String> {
    let stem = args.file.file_stem().and_then(|stem| stem.to_str());
    let name = args.name.as_deref().or(stem).unwrap_or_default();
    match catalogue::check(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(reason) => bail!("--name: {reason}"),
    }
}

/// Copies a model and writes its manifest beside the copy; the manifest first,
/// and the model under its name when it is whole.
fn place(from: &Path, manifest: &Manifest, to: &Path) -> Result<()> {
    let cannot = |path: &Path| format!("{}: cannot be written", path.display());
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| cannot(folder))?;
    let beside = to.with_extension("toml");
    let text = toml::to_string(manifest)?;
    fs::write(&beside, text).with_context(|| cannot(&beside))?;
    let partial = to.with_extension("partial");
    let copied = fs::copy(from, &partial).and_then(|_| fs::rename(&partial, to));
    if copied.is_err() {
        // What is there of it is of no use.
        let _ = fs::remove_file(&partial).and(fs::remove_file(&beside));
    }
    copied.with_context(|| cannot(to))
}

/// A street of the synthetic world with cars in it.
fn picture() -> Result<RgbImage> {
    const SCENARIO: &str = "crossing";
    const FRAME: u64 = 120;
    let drive = Log::synthetic(Drive {
        scenario: Scenario::named(SCENARIO)?,
        frames: None,
        seed: None,
    })?;
    let mut frames = drive.frames(Some(FRAME..FRAME + 1));
    let frame = frames.next().context("the scenario is over")??;
    let image = frame.images.first();
    let image = image.context("the synthetic world has no camera")?;
    Ok(image.decode()?.into_owned())
}

/// What a detector made of the picture.
#[derive(Debug, Serialize)]
struct Tried {
    found: Vec<Thing>,
    /// Predictions that held no numbers, or what cannot be.
    invalid: u64,
    /// Median of several looks, all of it and the network alone.
    detect_ms: f64,
    network_ms: f64,
    runtime: String,
}

/// Something that was found in the picture.
#[derive(Debug, Serialize)]
struct Thing {
    class: String,
    score: f32,
    /// x_min, y_min, x_max, y_max, pixels.
    bbox: [f32; 4],
}

impl Tried {
    fn new(detector: &mut Detector) -> Result<Self> {
        let picture = picture()?;
        let mut times = Vec::new();
        let mut found = Found::default();
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            found = detector.detect(0, &picture)?;
            times.push([begin.elapsed(), found.timings.run]);
        }
        let median = |k: usize| {
            let mut times: Vec<Duration> = times.iter().map(|pair| pair[k]).collect();
            times.sort();
            times[ROUNDS / 2].as_secs_f64() * 1e3
        };
        let classes = detector.classes();
        let things = found.detections.iter().map(|detection| Thing {
            class: classes
                .get(usize::from(detection.class))
                .cloned()
                .unwrap_or_default(),
            score: detection.score,
            bbox: detection.bbox,
        });
        Ok(Self {
            found: things.collect(),
            invalid: found.invalid,
            detect_ms: median(0),
            network_ms: median(1),
            runtime: detector.runtime().to_string(),
        })
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = self.found.iter();
        let things: Vec<_> = things
            .map(|thing| format!("{} {:.2}", thing.class, thing.score))
            .collect();
        let found = match things.len() {
            0 => "nothing in a drawn street, which need not mean anything".into(),
            _ => things.join(", "),
        };
        writeln!(f, "  found    {found}")?;
        writeln!(
            f,
            "  time     {:.1} ms a picture, the network alone {:.1} ms, in {}",
            self.detect_ms, self.network_ms, self.runtime
        )
    }
}

/// All models.
#[derive(Serialize)]
struct Listing<'a> {
    models: Vec<Listed>,
    nameless: Vec<Nameless>,
    /// Where they were looked for.
    folders: &'a [PathBuf],
}

/// A model that was added.
#[derive(Serialize)]
struct Added {
    #[serde(flatten)]
    model: Listed,
    tried: Tried,
}

/// A model with its name.
#[derive(Serialize)]
struct Listed {
    name: String,
    /// None of the built-in one.
    file: Option<PathBuf>,
    #[serde(flatten)]
    is: Is,
}

/// What a model turned out to be.
#[derive(Serialize)]
#[serde(untagged)]
enum Is {
    Detector {
        family: &'static str,
        /// In words.
        input: String,
        /// Width and height, pixels.
        input_size: [u32; 2],
        classes: Vec<String>,
        licence: Option<String>,
        source: Option<String>,
    },
    /// It cannot be run.
    Broken { error: String },
}

impl Listed {
    fn new(name: &str, file: Option<PathBuf>, loaded: &Result<Detector>) -> Self {
        let is = match loaded {
            Ok(detector) => Is::Detector {
                family: detector.family(),
                input: detector.input(),
                input_size: detector.input_size(),
                classes: detector.classes().to_vec(),
                licence: detector.licence().map(str::to_owned),
                source: detector.source().map(str::to_owned),
            },
            Err(error) => Is::Broken {
                error: format!("{error:#}"),
            },
        };
        Self {
            name: name.to_owned(),
            file,
            is,
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        match &self.is {
            Is::Detector {
                family,
                input,
                classes,
                licence,
                source,
                ..
            } => {
                let stated = |of: &Option<String>| of.clone().unwrap_or("not stated".into());
                writeln!(f, "  family   {family}")?;
                writeln!(f, "  input    {input}")?;
                writeln!(f, "  classes  {}: {}", classes.len(), few(classes))?;
                writeln!(f, "  licence  {}", stated(licence))?;
                writeln!(f, "  source   {}", stated(source))?;
            }
            Is::Broken { error } => writeln!(f, "  broken   {error}")?,
        }
        match &self.file {
            Some(file) => writeln!(f, "  file     {}", file.display()),
            None => writeln!(f, "  file     none: it is built in"),
        }
    }
}

/// The first names of a list.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 6;
    match names.get(..SHOWN) {
        Some(first) if names.len() > SHOWN => format!("{}...", first.join(", ")),
        _ => names.join(", "),
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for model in &self.models {
            writeln!(f, "{model}")?;
        }
        for Nameless { file, reason } in &self.nameless {
            writeln!(f, "{}\n  no name  {reason}\n", file.display())?;
        }
        let folders = self
            .folders
            .iter()
            .map(|folder| folder.display().to_string());
        let folders: Vec<_> = folders.collect();
        writeln!(f, "looked for in {}", folders.join(", "))
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.model, self.tried)
    }
}
