//! `janus eval LOG`

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result, bail};
use janus_datasets::synth::Silhouette;
use janus_datasets::{Class, Frame, Log};
use janus_perception::detect::Detector;
use janus_perception::eval::{
    AveragePrecision, Curve, Guess, Measure, Truth, average_precision, outlined, sightings,
};
use serde::Serialize;

use crate::Outcome;
use crate::cli;
use crate::config::Config;
use crate::drawing::{BLUE, Escaped, GREEN, PURPLE, VERMILION};
use crate::progress;

/// Every box that scores at least this counts.
const LEAST_SCORE: f32 = 0.01;
/// Distances over the ground by which things are told apart, m.
const RANGES: [[f64; 2]; 4] = [
    [0.0, 15.0],
    [15.0, 30.0],
    [30.0, 60.0],
    [60.0, f64::INFINITY],
];
const SIZES: [(&str, Measure); 3] = [
    ("below 32² pixels", Measure::SMALL),
    ("32² to 96²", Measure::MEDIUM),
    ("above 96²", Measure::LARGE),
];
/// Side of the drawing's square, pixels.
const SIDE: f64 = 500.0;

pub(crate) fn run(args: &cli::Eval) -> Result<Outcome> {
    let Some(model) = &args.detect.model else {
        cli::misused("eval needs a --model");
    };
    let log = args.source.open()?;
    let mut options = Config::load(args.config.as_deref())?.detect;
    args.detect.set(&mut options);
    options.score_threshold = LEAST_SCORE;
    let mut seen = Seen::new(model.detector(&options)?);
    seen.look(&log, args)?;

    let scores = seen.scores();
    if scores.classes.is_empty() {
        bail!(
            "{}: no picture shows anything that the log has a box for and the model a class",
            log.path().display()
        );
    }
    if let Some(path) = &args.svg {
        let drawn = File::create(path).and_then(|file| draw(&seen.all(), &seen, file));
        drawn.with_context(|| format!("{}: it could not be written", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&scores)?);
    } else {
        print!("{scores}");
    }
    let mut faults = log.info().faults().peekable();
    let is_clean = seen.lost == 0 && seen.invalid == 0 && faults.peek().is_none();
    faults.for_each(|fault| eprintln!("{fault}"));
    Ok(if is_clean {
        Outcome::Clean
    } else {
        Outcome::Degraded
    })
}

/// What a detector and a log say of the same pictures.
struct Seen {
    detector: Detector,
    /// Of each class of the model those of logs that it stands for.
    covers: Vec<Vec<Class>>,
    pictures: u32,
    /// Frames and pictures that could not be looked at.
    lost: usize,
    /// Predictions that held no numbers, or what cannot be.
    invalid: u64,
    /// Classes are indices of the model's.
    truths: Vec<Truth>,
    /// Of each truth its distance, m.
    ranges: Vec<f64>,
    guesses: Vec<Guess>,
    /// Whether things are known to the pixel, and not by their boxes.
    outlined: bool,
}

impl Seen {
    fn new(detector: Detector) -> Self {
        let classes = detector.classes();
        let has = |name: &str| classes.iter().any(|class| class == name);
        let covers = |name: &String| match name.as_str() {
            "car" if has("van") => vec![Class::Car],
            "car" => vec![Class::Car, Class::Van],
            "van" => vec![Class::Van],
            "truck" => vec![Class::Truck],
            "bus" => vec![Class::Bus],
            "train" => vec![Class::Train],
            "motorcycle" | "motorbike" => vec![Class::Motorcycle],
            "bicycle" => vec![Class::Bicycle],
            "person" | "pedestrian" => vec![Class::Pedestrian],
            _ => Vec::new(),
        };
        Self {
            covers: classes.iter().map(covers).collect(),
            detector,
            pictures: 0,
            lost: 0,
            invalid: 0,
            truths: Vec::new(),
            ranges: Vec::new(),
            guesses: Vec::new(),
            outlined: false,
        }
    }

    /// Has every picture of the log looked at.
    fn look(&mut self, log: &Log, args: &cli::Eval) -> Result<()> {
        let wanted = |index: &&u64| args.frames.as_ref().is_none_or(|f| f.contains(*index));
        let progress = progress::bar(log.indices().iter().filter(wanted).count());
        for frame in log.frames(args.frames.clone()) {
            progress.inc(1);
            match frame {
                Ok(frame) => self.look_at(&frame, log.silhouettes(frame.index).as_deref()),
                Err(broken) => self.lose(&format!("frame {}: {}", broken.index, broken.error)),
            }
        }
        progress.finish_and_clear();
        if self.pictures == 0 {
            bail!("{}: no picture could be looked at", log.path().display());
        }
        Ok(())
    }

    /// Has the pictures of a frame looked at, of which the silhouettes of
    /// things may be known.
    fn look_at(&mut self, frame: &Frame, silhouettes: Option<&[Silhouette]>) {
        self.outlined |= silhouettes.is_some();
        for image in &frame.images {
            let found = image.decode().map_err(|error| error.to_string());
            let found = found.and_then(|picture| {
                let found = self.detector.detect(image.camera, &picture);
                found.map_err(|error| error.to_string())
            });
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.lose(&format!("frame {}: {error}", frame.index));
                    continue;
                }
            };
            let picture = self.pictures;
            self.pictures += 1;
            self.invalid += found.invalid;
            self.guesses
                .extend(found.detections.iter().map(|detection| Guess {
                    picture,
                    class: u32::from(detection.class),
                    bbox: detection.bbox.map(f64::from),
                    score: f64::from(detection.score),
                }));
            let things = match silhouettes {
                Some(silhouettes) => outlined(frame, image, silhouettes),
                None => sightings(frame, image),
            };
            for sighting in things {
                let class = self
                    .covers
                    .iter()
                    .position(|of| of.contains(&sighting.class));
                let Some(class) = class else { continue };
                let [x_min, y_min, x_max, y_max] = sighting.bbox;
                self.truths.push(Truth {
                    picture,
                    class: class as u32,
                    bbox: sighting.bbox,
                    area: (x_max - x_min) * (y_max - y_min),
                    crowd: false,
                    ignored: sighting.hidden,
                });
                self.ranges.push(sighting.range);
            }
        }
    }

    fn lose(&mut self, what: &str) {
        self.lost += 1;
        eprintln!("{what}");
    }

    fn name(&self, class: u32) -> &str {
        let names = self.detector.classes();
        names.get(class as usize).map_or("", String::as_str)
    }

    fn all(&self) -> AveragePrecision {
        average_precision(&self.truths, &self.guesses, &Measure::ALL)
    }

    fn scores(&self) -> Scores {
        let within = |[from, to]: [f64; 2]| {
            let truths = self
                .truths
                .iter()
                .zip(&self.ranges)
                .map(|(truth, range)| Truth {
                    ignored: truth.ignored || !(from..to).contains(range),
                    ..*truth
                });
            let truths: Vec<_> = truths.collect();
            let name = if to.is_finite() {
                format!("{from} to {to} m")
            } else {
                format!("from {from} m on")
            };
            Score::of(
                name,
                &average_precision(&truths, &self.guesses, &Measure::ALL),
            )
        };
        let of_size = |(name, measure): (&str, Measure)| {
            let found = average_precision(&self.truths, &self.guesses, &measure);
            Score::of(name.into(), &found)
        };
        let all = self.all();
        let class = |curve: &Curve| Score {
            name: self.name(curve.class).into(),
            things: curve.things,
            ap_50: Some(curve.ap_50),
            ap: Some(curve.ap),
        };
        Scores {
            truth: if self.outlined {
                "silhouettes"
            } else {
                "boxes"
            },
            pictures: self.pictures,
            lost: self.lost,
            invalid_predictions: self.invalid,
            all: Score::of("all".into(), &all),
            classes: all.classes.iter().map(class).collect(),
            sizes: SIZES.into_iter().map(of_size).collect(),
            ranges: RANGES.into_iter().map(within).collect(),
        }
    }
}

/// What a detector comes to.
#[derive(Debug, Serialize)]
struct Scores {
    /// Whether things are known to the pixel or by boxes in the world.
    truth: &'static str,
    pictures: u32,
    /// Frames and pictures that could not be looked at.
    lost: usize,
    /// Predictions that held no numbers, or what cannot be.
    invalid_predictions: u64,
    all: Score,
    classes: Vec<Score>,
    sizes: Vec<Score>,
    ranges: Vec<Score>,
}

/// Average precision over some classes.
#[derive(Debug, Serialize)]
struct Score {
    name: String,
    /// How many there are to be found.
    things: usize,
    /// At an overlap of 0.5; none where there is nothing.
    ap_50: Option<f64>,
    /// Over overlaps from 0.5 to 0.95.
    ap: Option<f64>,
}

impl Score {
    fn of(name: String, found: &AveragePrecision) -> Self {
        Self {
            name,
            things: found.classes.iter().map(|class| class.things).sum(),
            ap_50: found.ap_50(),
            ap: found.ap(),
        }
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<18}{:>8}{:>9}{:>10}", "", "things", "AP50", "AP50:95")?;
        let figure = |of: Option<f64>| of.map_or("-".into(), |of| format!("{of:.3}"));
        let groups = [&self.classes, &self.sizes, &self.ranges];
        let groups = groups.into_iter().map(Vec::as_slice);
        for scores in groups.chain([std::slice::from_ref(&self.all)]) {
            for score in scores {
                let (ap_50, ap) = (figure(score.ap_50), figure(score.ap));
                writeln!(f, "{:<18}{:>8}{ap_50:>9}{ap:>10}", score.name, score.things)?;
            }
        }
        writeln!(
            f,
            "pictures          {:>8}, {} lost; {} predictions that cannot be; truth: {}",
            self.pictures, self.lost, self.invalid_predictions, self.truth
        )
    }
}

/// Precision against recall at an overlap of 0.5, a line for each class.
fn draw(all: &AveragePrecision, seen: &Seen, file: File) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    let margin = 50.0;
    let whole = SIDE + 2.0 * margin;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"{whole}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <title>Precision against recall</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <rect x=\"{margin}\" y=\"{margin}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" \
         stroke=\"#333333\"/>\n\
         <text x=\"{margin}\" y=\"{}\">recall 0 to 1</text>\n\
         <text x=\"{margin}\" y=\"{}\">precision 0 to 1, at an overlap of 0.5</text>",
        whole - margin / 2.0,
        margin * 0.75
    )?;
    let colours = [BLUE, VERMILION, GREEN, PURPLE];
    for (i, class) in all.classes.iter().enumerate() {
        let colour = colours[i % colours.len()];
        let point = |(k, precision): (usize, &f64)| {
            let x = margin + SIDE * k as f64 / (class.precision.len() - 1) as f64;
            format!("{x:.1},{:.1}", margin + SIDE * (1.0 - precision))
        };
        let points: Vec<_> = class.precision.iter().enumerate().map(point).collect();
        writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{} {:.2}</text>",
            points.join(" "),
            margin + 10.0,
            margin + SIDE - 10.0 - 20.0 * i as f64,
            Escaped(seen.name(class.class)),
            class.ap_50
        )?;
    }
    writeln!(out, "</svg>")?;
    out.flush()
}
