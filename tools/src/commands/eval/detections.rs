//! How good a detector's boxes are, against what an annotated log says that its
//! pictures show.

use std::fmt;

use anyhow::Result;
use janus_datasets::synth::Silhouette;
use janus_datasets::{Class, Frame, Image};
use janus_perception::detect::{Detection, Detector, DetectorOptions};
use janus_perception::eval::{
    AveragePrecision, Curve, Guess, Measure, Truth, average_precision, outlined, sightings,
};
use janus_perception::{CameraScene, Unseen};
use serde::Serialize;

use crate::model::Model;

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

/// Every box that scores at least this counts.
const LEAST_SCORE: f32 = 0.01;

/// What a detector and a log say of the same pictures.
pub(super) struct Seen {
    detector: Detector,
    /// Of each class of the model those of logs that it stands for.
    covers: Vec<Vec<Class>>,
    pub(super) pictures: u32,
    /// Frames and pictures that could not be looked at.
    pub(super) lost: usize,
    /// Predictions that held no numbers, or what cannot be.
    pub(super) invalid: u64,
    /// From which score on the boxes are those of a run.
    threshold: f32,
    /// Classes are indices of the model's.
    truths: Vec<Truth>,
    /// Of each truth its distance, m.
    ranges: Vec<f64>,
    guesses: Vec<Guess>,
    /// Whether things are known to the pixel, and not by their boxes.
    outlined: bool,
}

impl Seen {
    /// Nothing is seen yet; `options` are those of a run.
    pub(super) fn new(model: &Model, options: &DetectorOptions) -> Result<Self> {
        let detector = model.detector(&DetectorOptions {
            score_threshold: LEAST_SCORE.min(options.score_threshold),
            ..options.clone()
        })?;
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
        Ok(Self {
            covers: classes.iter().map(covers).collect(),
            detector,
            threshold: options.score_threshold,
            pictures: 0,
            lost: 0,
            invalid: 0,
            truths: Vec::new(),
            ranges: Vec::new(),
            guesses: Vec::new(),
            outlined: false,
        })
    }

    /// The classes of the detector.
    pub(super) fn classes(&self) -> &[String] {
        self.detector.classes()
    }

    /// Has the pictures of a frame looked at, of which the silhouettes of
    /// things may be known; returns what a run would see in them.
    pub(super) fn look_at(
        &mut self,
        frame: &Frame,
        silhouettes: Option<&[Silhouette]>,
    ) -> CameraScene {
        self.outlined |= silhouettes.is_some();
        let mut scene = CameraScene::default();
        for image in &frame.images {
            let found = image
                .decode()
                .map_err(|error| (error.reason(), error.to_string()));
            let found = found.and_then(|picture| {
                let found = self.detector.detect(image.camera, &picture);
                found.map_err(|error| (error.reason(), error.to_string()))
            });
            match found {
                Ok(found) => {
                    self.invalid += found.invalid;
                    self.compare(frame, image, silhouettes, &found.detections);
                    let sure = found.detections.into_iter();
                    let sure = sure.filter(|detection| detection.score >= self.threshold);
                    scene.detections.extend(sure);
                }
                Err((reason, error)) => {
                    self.lose(&format!("frame {}: {error}", frame.index));
                    scene.unseen.push(Unseen {
                        camera: image.camera,
                        reason,
                        error,
                    });
                }
            }
        }
        scene
    }

    /// Notes what a picture shows and what was found in it.
    fn compare(
        &mut self,
        frame: &Frame,
        image: &Image,
        silhouettes: Option<&[Silhouette]>,
        found: &[Detection],
    ) {
        let picture = self.pictures;
        self.pictures += 1;
        self.guesses.extend(found.iter().map(|detection| Guess {
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

    /// Counts a frame or a picture that could not be looked at.
    pub(super) fn lose(&mut self, what: &str) {
        self.lost += 1;
        eprintln!("{what}");
    }

    /// The name of a class.
    pub(super) fn name(&self, class: u32) -> &str {
        let names = self.detector.classes();
        names.get(class as usize).map_or("", String::as_str)
    }

    /// Over all that was seen.
    pub(super) fn all(&self) -> AveragePrecision {
        average_precision(&self.truths, &self.guesses, &Measure::ALL)
    }

    /// What it comes to.
    pub(super) fn scores(&self) -> Scores {
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
pub(super) struct Scores {
    /// Whether things are known to the pixel or by boxes in the world.
    truth: &'static str,
    pictures: u32,
    /// Frames and pictures that could not be looked at.
    lost: usize,
    /// Predictions that held no numbers, or what cannot be.
    invalid_predictions: u64,
    all: Score,
    pub(super) classes: Vec<Score>,
    sizes: Vec<Score>,
    ranges: Vec<Score>,
}

/// Average precision over some classes.
#[derive(Debug, Serialize)]
pub(super) struct Score {
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
