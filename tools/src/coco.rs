//! What a detector saw, as files of COCO's form: `detections.json`, a list of
//! results, and `images.json`, a list of the pictures. A picture that is
//! listed, looked at and without results shows nothing that the detector knows;
//! what any other picture shows is unknown.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use janus_datasets::Frame;
use janus_perception::Unseen;
use janus_perception::detect::{Detection, coco};
use serde::Serialize;

use crate::export::write;
use crate::pipeline::Step;

/// Gathers the lists.
#[derive(Debug)]
pub(crate) struct CocoFiles {
    classes: Vec<String>,
    images: Vec<CocoImage>,
    results: Vec<CocoResult>,
    /// Detections of classes that COCO does not have.
    nameless: u64,
}

/// A picture.
#[derive(Debug, Serialize)]
struct CocoImage {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    camera: String,
    /// Whether the detector looked at it.
    looked_at: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A detection.
#[derive(Debug, Serialize)]
struct CocoResult {
    image_id: u64,
    file_name: String,
    category_id: u16,
    /// x, y, width, height, pixels.
    bbox: [f32; 4],
    score: f32,
}

impl CocoFiles {
    /// Empty lists; `classes` are the detector's.
    pub(crate) fn new(classes: &[String]) -> Self {
        Self {
            classes: classes.to_vec(),
            images: Vec::new(),
            results: Vec::new(),
            nameless: 0,
        }
    }

    /// Takes in what was seen in a frame's pictures.
    pub(crate) fn add(&mut self, step: &Step) {
        let sizes = step
            .input
            .pictures
            .iter()
            .map(|picture| picture.dimensions());
        let sizes: Vec<_> = sizes.collect();
        let found = step.scene.detections.as_deref().unwrap_or_default();
        self.frame(&step.input.frame, &sizes, found, &step.scene.unseen);
    }

    fn frame(
        &mut self,
        frame: &Frame,
        sizes: &[(u32, u32)],
        found: &[Detection],
        unseen: &[Unseen],
    ) {
        for (image, &(width, height)) in frame.images.iter().zip(sizes) {
            let mut failures = unseen.iter().filter(|one| one.camera == image.camera);
            let failure = failures.next();
            let mount = frame.rig.cameras.get(image.camera);
            self.images.push(CocoImage {
                id: image_id(frame, image.camera),
                file_name: file_name(&image.source),
                width,
                height,
                camera: mount.map_or_else(String::new, |mount| mount.name.clone()),
                looked_at: failure.is_none(),
                reason: failure.map(|failure| failure.reason),
            });
        }
        for detection in found {
            match result(frame, detection, &self.classes) {
                Some(result) => self.results.push(result),
                None => self.nameless += 1,
            }
        }
    }

    /// How many detections were left out because COCO does not have their
    /// class.
    pub(crate) fn nameless(&self) -> u64 {
        self.nameless
    }

    /// Writes both lists.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        write(&folder.join("images.json"), |out| {
            serde_json::to_writer_pretty(&mut *out, &self.images)?;
            writeln!(out)
        })?;
        write(&folder.join("detections.json"), |out| {
            serde_json::to_writer_pretty(&mut *out, &self.results)?;
            writeln!(out)
        })
    }
}

/// A picture's id is its frame's number, or that and the camera's where there
/// are several.
fn image_id(frame: &Frame, camera: usize) -> u64 {
    let cameras = frame.rig.cameras.len().max(1) as u64;
    frame.index * cameras + camera as u64
}

fn file_name(source: &Path) -> String {
    let name = source.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// `None` for a class that COCO does not have.
fn result(frame: &Frame, detection: &Detection, classes: &[String]) -> Option<CocoResult> {
    let class = classes.get(usize::from(detection.class))?;
    let image = frame.images.iter().find(|i| i.camera == detection.camera)?;
    let [x_min, y_min, x_max, y_max] = detection.bbox;
    Some(CocoResult {
        image_id: image_id(frame, detection.camera),
        file_name: file_name(&image.source),
        category_id: coco::category_id(class)?,
        bbox: [x_min, y_min, x_max - x_min, y_max - y_min],
        score: detection.score,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use janus_datasets::{Image, Pixels};
    use serde_json::{Value, json};

    fn frame() -> Frame {
        let image = |camera, source: &str| Image {
            camera,
            stamp: 0,
            source: source.into(),
            pixels: Pixels::Encoded(Vec::new()),
        };
        Frame {
            index: 7,
            stamp: 0,
            begins: true,
            pose: None,
            ego: Default::default(),
            sweeps: Vec::new(),
            images: vec![image(0, "left/000007.png"), image(1, "right/000007.png")],
            annotations: Vec::new(),
            rig: Default::default(),
            roads: None,
        }
    }

    /// What both files hold after this was seen.
    fn written(found: &[Detection], unseen: &[Unseen]) -> ([Value; 2], u64) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = CocoFiles::new(&["tram", "car"].map(str::to_owned));
        files.frame(&frame(), &[(32, 16), (64, 48)], found, unseen);
        files.write(folder.path()).expect("is written");
        let read = |name: &str| {
            let bytes = fs::read(folder.path().join(name)).expect("is there");
            serde_json::from_slice(&bytes).expect("is JSON")
        };
        (
            ["images.json", "detections.json"].map(read),
            files.nameless(),
        )
    }

    #[test]
    fn detections_that_coco_has_no_class_for_are_counted() {
        let found = [0, 1, 0].map(|class| Detection {
            camera: 0,
            class,
            score: 0.5,
            bbox: [1.0, 2.0, 4.0, 8.0],
        });
        let ([_, detections], nameless) = written(&found, &[]);
        assert_eq!(nameless, 2);
        let car = json!([{
            "image_id": 7,
            "file_name": "000007.png",
            "category_id": 3,
            "bbox": [1.0, 2.0, 3.0, 6.0],
            "score": 0.5,
        }]);
        assert_eq!(detections, car);
    }

    #[test]
    fn what_shows_nothing_is_told_from_what_nobody_looked_at() {
        let late = Unseen {
            camera: 1,
            reason: "detector_late",
            error: "the network took longer than 1 ms".into(),
        };
        let ([images, detections], _) = written(&[], &[late]);
        assert_eq!(detections, json!([]));
        assert_eq!(images[0]["looked_at"], true);
        assert_eq!(images[0].get("reason"), None);
        assert_eq!(
            (&images[0]["width"], &images[0]["height"]),
            (&32.into(), &16.into())
        );
        assert_eq!(images[1]["looked_at"], false);
        assert_eq!(images[1]["reason"], "detector_late");
        assert_eq!(images[1]["file_name"], "000007.png");
    }
}
