//! Draws what the four cameras see in scenarios, and says what each picture
//! shows, to train and to score detectors: `pictures OUT EVERY SEED,... SCENARIO...`
//!
//! Of each scenario, by name or file, and each seed it takes every so manieth
//! frame. OUT gets the pictures as PNG and `annotations.json` in the form of
//! COCO. A box is around the pixels that show a thing; `visibility` is the
//! part of it that nothing hides, from 0 to 1, and `range` its distance over
//! the ground in metres.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;

use janus_datasets::Class;
use janus_datasets::synth::{Drive, Pictures, Scenario, Sight};
use serde_json::{Value, json};

/// Categories in the order of a detector's classes, numbered from 0.
const CLASSES: [Class; 4] = [Class::Car, Class::Van, Class::Bicycle, Class::Pedestrian];

/// What `annotations.json` lists.
#[derive(Default)]
struct Listing {
    images: Vec<Value>,
    annotations: Vec<Value>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, every, seeds, scenarios @ ..] = arguments.as_slice() else {
        return Err("usage: pictures OUT EVERY SEED,... SCENARIO...".into());
    };
    let out = Path::new(out);
    std::fs::create_dir_all(out)?;
    let every = every.parse::<NonZeroUsize>()?.get();
    let seeds: Vec<u64> = seeds.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let mut listing = Listing::default();
    for name in scenarios {
        let scenario = match Path::new(name) {
            path if path.exists() => Scenario::read(path)?,
            _ => Scenario::named(name)?,
        };
        for (turn, &seed) in seeds.iter().enumerate() {
            let pictures = Pictures::new(&Drive {
                scenario: scenario.clone(),
                frames: None,
                seed: Some(seed),
            })?;
            // Each seed begins elsewhere, so that they share no moment.
            let start = (turn * every / seeds.len()) as u64;
            for index in (start..pictures.frames()).step_by(every) {
                let moment = format!("{}_{seed}_{index:04}", scenario.name());
                listing.add(&pictures.sight(index)?, &moment, out)?;
            }
            let count = listing.images.len();
            eprintln!("{name} with seed {seed}: {count} pictures so far");
        }
    }
    std::fs::write(out.join("annotations.json"), listing.coco().to_string())?;
    Ok(())
}

impl Listing {
    /// Writes the pictures of a moment, and lists what they show.
    fn add(&mut self, sight: &Sight, moment: &str, out: &Path) -> Result<(), Box<dyn Error>> {
        let first = self.images.len();
        for image in &sight.images {
            let file = format!("{moment}_{}.png", image.camera);
            image.decode()?.save(out.join(&file))?;
            let [width, height] = image.resolution()?;
            self.images.push(json!({
                "id": self.images.len(), "file_name": file, "width": width, "height": height,
            }));
        }
        for seen in &sight.silhouettes {
            let category = CLASSES.iter().position(|class| *class == seen.class);
            let [left, top, right, bottom] = seen.extent;
            let [width, height] = [right - left, bottom - top];
            self.annotations.push(json!({
                "id": self.annotations.len() + 1, "image_id": first + seen.camera,
                "category_id": category.ok_or("a class that has no category")?,
                "bbox": [left, top, width, height], "area": width * height, "iscrowd": 0,
                "visibility": seen.visibility, "range": seen.range,
            }));
        }
        Ok(())
    }

    fn coco(&self) -> Value {
        let categories = CLASSES.iter().enumerate();
        let categories = categories.map(|(id, class)| json!({"id": id, "name": class.name()}));
        json!({
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories.collect::<Vec<_>>(),
        })
    }
}
