//! Detection: from a camera's picture to boxes around what a network knows.

pub mod coco;
mod error;
mod letterbox;
mod manifest;
mod model;
mod nms;
mod onnx;
mod options;
mod providers;
mod runtime;
mod yolox;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use image::RgbImage;

pub use error::DetectError;
pub use options::{DetectorOptions, ExecutionProvider};
pub use runtime::{Inference, Runtime, RuntimeError};

use letterbox::Letterbox;
use manifest::Family;
use model::Model;

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

impl Detector {
    /// Loads the network in an ONNX file, with the manifest of the same stem
    /// (`.toml`) beside it; where there is none, the network must be a YOLOX
    /// trained on COCO. The first detector starts the process's
    /// [`Runtime`].
    ///
    /// # Errors
    /// [`DetectError`], if an option is out of range, there is no runtime,
    /// or the model or its manifest are not what they should be.
    pub fn load(model: &Path, options: &DetectorOptions) -> Result<Self, DetectError> {
        options.check()?;
        let runtime = Runtime::start(options.inference)?;
        let model = Model::load(model, runtime, options)?;
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
        self.model.network.licence.as_deref()
    }

    /// Where the weights come from, where the manifest states it.
    pub fn source(&self) -> Option<&str> {
        self.model.network.source.as_deref()
    }

    /// What the network runs in.
    pub fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    /// What the network sees in a picture of this camera, best first.
    ///
    /// # Errors
    /// [`DetectError::Picture`] if the picture is empty,
    /// [`DetectError::Run`] and [`DetectError::Output`] if the network fails.
    pub fn detect(
        &mut self,
        camera: usize,
        picture: &RgbImage,
    ) -> Result<(Vec<Detection>, DetectTimings), DetectError> {
        let start = Instant::now();
        let placement = self.letterbox.fill(picture)?;
        let filled = Instant::now();

        let Model { session, network } = &mut self.model;
        let outputs = network.run(session, self.letterbox.tensor())?;
        let rows = network.rows(&outputs)?;
        let ran = Instant::now();

        let threshold = self.options.score_threshold;
        let mut candidates = match network.family {
            Family::Yolox => {
                yolox::decode(rows, network.classes.len(), network.form.size, threshold)
            }
        };
        let edge = [picture.width() as f32, picture.height() as f32];
        for candidate in &mut candidates {
            candidate.bbox = placement.to_picture(candidate.bbox);
        }
        candidates.retain(|candidate| touches(&candidate.bbox, edge));
        let options = &self.options;
        let kept = nms::suppress(candidates, options.nms_threshold, options.max_detections);
        let detections = kept.into_iter().map(|kept| Detection {
            camera,
            class: kept.class,
            score: kept.score,
            bbox: clip(kept.bbox, edge),
        });
        let detections = detections.collect();

        let timings = DetectTimings {
            preprocess: filled - start,
            run: ran - filled,
            postprocess: ran.elapsed(),
        };
        Ok((detections, timings))
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
