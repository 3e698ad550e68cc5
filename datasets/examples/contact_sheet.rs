//! Draws what the four cameras see in a scenario, a row of four pictures for
//! each frame: `contact_sheet SCENARIO OUT.png FRAME...`

use std::error::Error;
use std::path::Path;

use image::RgbImage;
use image::imageops::replace;
use janus_datasets::Log;
use janus_datasets::synth::{Drive, Scenario};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, out, numbers @ ..] = arguments.as_slice() else {
        return Err("usage: contact_sheet SCENARIO OUT.png FRAME...".into());
    };
    let log = if Path::new(name).exists() {
        Log::open(Path::new(name))?
    } else {
        Log::synthetic(Drive {
            scenario: Scenario::named(name)?,
            frames: None,
            seed: None,
        })?
    };
    let mut rows = Vec::new();
    for number in numbers {
        let number: u64 = number.parse()?;
        for frame in log.frames(Some(number..number + 1)) {
            rows.push(frame?);
        }
    }
    let [width, height] = [640, 384];
    let mut sheet = RgbImage::new(4 * width, rows.len() as u32 * height);
    for (row, frame) in (0i64..).zip(&rows) {
        for (column, image) in (0i64..).zip(&frame.images) {
            let picture = image.decode()?;
            let [x, y] = [column * i64::from(width), row * i64::from(height)];
            replace(&mut sheet, &*picture, x, y);
        }
        let points = frame.sweeps.iter().map(|sweep| sweep.points.len());
        let points: Vec<usize> = points.collect();
        eprintln!("frame {}: {points:?} points", frame.index);
    }
    sheet.save(out)?;
    Ok(())
}
