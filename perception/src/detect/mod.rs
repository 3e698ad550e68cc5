//! Detection: from a camera's picture to boxes around what a network knows.

mod bilinear;
pub mod coco;
mod decoded;
mod detr;
mod error;
mod family;
mod fastestdet;
mod form;
mod grid;
mod input;
mod letterbox;
mod limit;
mod manifest;
mod model;
mod nanodet;
mod nms;
mod onnx;
mod options;
mod providers;
mod reshape;
mod runtime;
mod ssd;
mod tensor;
mod tiles;
mod yolov5;
mod yolov8;
mod yolox;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use image::RgbImage;

pub use error::DetectError;
pub use manifest::Manifest;
pub use options::{DetectorOptions, InputSize, Nms, Tiles};
pub use providers::{ExecutionProvider, ProviderName};
pub use runtime::{Inference, Runtime, RuntimeError};

use letterbox::Letterbox;
use model::{Failure, Model, Network};
use nms::{Candidate, Suppression};
use tiles::Region;

/// Something that a network saw in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Index of the camera in its rig.
    pub camera: usize,
    /// Index into [`Detector::classes`].
    pub class: u16,
    /// From the threshold to 1.
    pub score: f32,
    /// x_min, y_min, x_max, y_max, pixels from the picture's top left corner,
    /// within the picture.
    pub bbox: [f32; 4],
}

/// What a network saw in one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// From the best to the worst.
    pub detections: Vec<Detection>,
    /// Predictions that were left out because they held no numbers, or scores
    /// and boxes that cannot be.
    pub invalid: u64,
    /// How long it took. Pictures of one run have equal shares of it.
    pub timings: DetectTimings,
}

/// How long the steps of one detection took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetectTimings {
    /// From the picture to the network's input.
    pub preprocess: Duration,
    /// The network.
    pub run: Duration,
    /// From the network's output to detections.
    pub postprocess: Duration,
}

/// A network that finds objects in pictures.
pub struct Detector {
    model: Model,
    letterbox: Letterbox,
    options: DetectorOptions,
    runtime: &'static Runtime,
}

/// A region of a picture that is to be looked at.
struct Look {
    /// Which of the pictures.
    picture: usize,
    region: Region,
}

/// What was found in a picture's regions so far.
#[derive(Default)]
struct Findings {
    candidates: Vec<Candidate>,
    invalid: u64,
    timings: DetectTimings,
}

impl Detector {
    /// Loads the network in an ONNX file, with the manifest of the same stem
    /// (`.toml`) beside it. What the manifest leaves out, or all where there
    /// is none, the network's inputs and outputs must tell: those of YOLOX,
    /// YOLOv5, YOLOv8, NanoDet, FastestDet, DETR and SSD and their kin are
    /// known. The network is run once. The first detector starts the
    /// process's [`Runtime`].
    ///
    /// # Errors
    /// [`DetectError`], if an option is out of range, there is no runtime or
    /// execution provider, or the model or its manifest are not what they
    /// should be.
    pub fn load(model: &Path, options: &DetectorOptions) -> Result<Self, DetectError> {
        Self::with(options, |runtime| Model::load(model, runtime, options))
    }

    /// The same with what an ONNX file and its manifest hold; `name` is what
    /// errors call it.
    ///
    /// # Errors
    /// Those of [`Detector::load`], but for files.
    pub fn from_memory(
        name: &str,
        network: &[u8],
        manifest: &str,
        options: &DetectorOptions,
    ) -> Result<Self, DetectError> {
        let name = Path::new(name);
        let manifest = Manifest::parse(name, manifest)?;
        Self::with(options, |runtime| {
            Model::new(name, network.to_vec(), manifest, runtime, options)
        })
    }

    fn with(
        options: &DetectorOptions,
        model: impl FnOnce(&'static Runtime) -> Result<Model, DetectError>,
    ) -> Result<Self, DetectError> {
        options.check()?;
        let runtime = Runtime::start(options.inference)?;
        let model = model(runtime)?;
        Ok(Self {
            letterbox: Letterbox::new(model.network.form),
            model,
            options: options.clone(),
            runtime,
        })
    }

    /// The names of the classes that the network tells apart.
    pub fn classes(&self) -> &[String] {
        &self.model.network.classes
    }

    /// SPDX expression of the weights' licence, where the manifest states it.
    pub fn licence(&self) -> Option<&str> {
        self.model.network.manifest.licence.as_deref()
    }

    /// Where the weights come from, where the manifest states it.
    pub fn source(&self) -> Option<&str> {
        self.model.network.manifest.source.as_deref()
    }

    /// The family as which the network was recognised, by the name that it
    /// has in manifests.
    pub fn family(&self) -> &'static str {
        self.model.network.head.family().name()
    }

    /// Width and height of the network's input, pixels.
    pub fn input_size(&self) -> [u32; 2] {
        self.model.network.form.size
    }

    /// The form in which the network takes pictures, in words.
    pub fn input(&self) -> String {
        let Network { form, input, .. } = &self.model.network;
        let pictures = match input.batches {
            true => "any number of pictures in a run",
            false => "one picture in a run",
        };
        format!("{form}; {pictures}")
    }

    /// A manifest for the network that leaves nothing to be told by its
    /// outputs, with the licence and the source that its own states, and the
    /// model's own input size; in TOML it is the file beside a model.
    pub fn manifest(&self) -> &Manifest {
        &self.model.network.manifest
    }

    /// What the network runs in.
    pub fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// What the network sees in a picture of this camera.
    ///
    /// # Errors
    /// [`DetectError::Picture`] if the picture is empty,
    /// [`DetectError::Run`], [`DetectError::TimedOut`] and
    /// [`DetectError::Output`] if the network fails.
    pub fn detect(&mut self, camera: usize, picture: &RgbImage) -> Result<Found, DetectError> {
        let mut found = self.detect_batch(&[(camera, picture)]);
        found.pop().unwrap_or_else(|| Ok(Found::default()))
    }

    /// What the network sees in several pictures, each with its camera; in
    /// the order of the pictures. They go through the network together where
    /// its input leaves their number open, else one after the other.
    ///
    /// # Errors
    /// Those of [`Detector::detect`], for each picture.
    pub fn detect_batch(
        &mut self,
        pictures: &[(usize, &RgbImage)],
    ) -> Vec<Result<Found, DetectError>> {
        let looks: Vec<Look> = (pictures.iter().enumerate())
            .flat_map(|(place, (_, picture))| {
                let regions = tiles::regions(picture, self.options.tiles).into_iter();
                regions.map(move |region| Look {
                    picture: place,
                    region,
                })
            })
            .collect();
        let mut findings: Vec<Result<Findings, DetectError>> =
            pictures.iter().map(|_| Ok(Findings::default())).collect();
        let together = self.model.network.input.pictures(self.options.batch);
        for looks in looks.chunks(together) {
            self.look(pictures, looks, &mut findings);
        }
        let of_pictures = pictures.iter().zip(findings);
        of_pictures
            .map(|(&(camera, picture), findings)| Ok(self.conclude(camera, picture, findings?)))
            .collect()
    }

    /// Looks at regions in one run, and adds what is found to the findings of
    /// their pictures.
    fn look(
        &mut self,
        pictures: &[(usize, &RgbImage)],
        looks: &[Look],
        findings: &mut [Result<Findings, DetectError>],
    ) {
        let start = Instant::now();
        self.letterbox.reserve(looks.len());
        let mut placements = Vec::with_capacity(looks.len());
        for (place, look) in looks.iter().enumerate() {
            let (_, picture) = pictures[look.picture];
            let filled = self.letterbox.fill(place, picture, look.region);
            placements.push(filled.map_err(|error| findings[look.picture] = Err(error)));
        }
        let filled = Instant::now();

        let Model { session, network } = &mut self.model;
        let count = looks.len();
        let share = u32::try_from(count).unwrap_or(u32::MAX);
        let fail = |failure: Failure, findings: &mut [Result<Findings, DetectError>]| {
            for look in looks {
                let of_picture = &mut findings[look.picture];
                if of_picture.is_ok() {
                    *of_picture = Err(failure.clone().at(&network.path));
                }
            }
        };
        // A picture without pixels leaves its place as it was.
        if placements.iter().all(Result::is_err) {
            return;
        }
        let outputs = match network.run(session, self.letterbox.pixels(), count) {
            Ok(outputs) => outputs,
            Err(failure) => return fail(failure, findings),
        };
        let ran = Instant::now();
        let tensors = match model::tensors(&outputs) {
            Ok(tensors) => tensors,
            Err(failure) => return fail(failure, findings),
        };
        for (place, (look, placement)) in looks.iter().zip(placements).enumerate() {
            let begin = Instant::now();
            let (Ok(found), Ok(placement)) = (&mut findings[look.picture], placement) else {
                continue;
            };
            let views = match network.views(&tensors, place, count) {
                Ok(views) => views,
                Err(failure) => return fail(failure, findings),
            };
            let decoded = network.head.decode(&views, self.options.score_threshold);
            let edge = edge(pictures[look.picture].1);
            found.invalid += decoded.invalid;
            found
                .candidates
                .extend(decoded.candidates.into_iter().filter_map(|candidate| {
                    let bbox = placement.to_picture(candidate.bbox);
                    touches(&bbox, edge).then_some(Candidate {
                        bbox,
                        cut: look.region.cuts(&bbox, edge),
                        ..candidate
                    })
                }));
            found.timings.preprocess += (filled - start) / share;
            found.timings.run += (ran - filled) / share;
            found.timings.postprocess += begin.elapsed();
        }
    }

    /// Of what was found in a picture, the best.
    fn conclude(&self, camera: usize, picture: &RgbImage, findings: Findings) -> Found {
        let begin = Instant::now();
        let Findings {
            candidates,
            invalid,
            mut timings,
        } = findings;
        let options = &self.options;
        let kept = if self.model.network.head.repeats() || options.tiles.is_some() {
            nms::suppress(
                candidates,
                Suppression {
                    rivals: options.nms,
                    threshold: options.nms_threshold,
                    limit: options.max_detections,
                },
            )
        } else {
            nms::best(candidates, options.max_detections)
        };
        let detections = kept.into_iter().map(|kept| Detection {
            camera,
            class: kept.class,
            score: kept.score,
            bbox: clip(kept.bbox, edge(picture)),
        });
        let detections = detections.collect();
        timings.postprocess += begin.elapsed();
        Found {
            detections,
            invalid,
            timings,
        }
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector")
            .field("model", &self.model.network.path)
            .field("options", &self.options)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}

/// Width and height.
fn edge(picture: &RgbImage) -> [f32; 2] {
    [picture.width() as f32, picture.height() as f32]
}

/// Whether a box and a picture of this width and height share any area.
fn touches(bbox: &[f32; 4], edge: [f32; 2]) -> bool {
    let [x_min, y_min, x_max, y_max] = clip(*bbox, edge);
    x_min < x_max && y_min < y_max
}

fn clip(bbox: [f32; 4], [width, height]: [f32; 2]) -> [f32; 4] {
    [
        bbox[0].clamp(0.0, width),
        bbox[1].clamp(0.0, height),
        bbox[2].clamp(0.0, width),
        bbox[3].clamp(0.0, height),
    ]
}
