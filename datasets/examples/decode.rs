//! Decodes the picture files whose paths come in on stdin, a line each, and
//! says of each how many nanoseconds it took, reading apart.
//! `tools/scripts/compare-decoding` runs it.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use janus_datasets::{Image, Pixels};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let image = Image {
            camera: 0,
            stamp: 0,
            pixels: Pixels::Encoded(std::fs::read(&path)?),
            source: path.into(),
        };
        let begin = Instant::now();
        black_box(image.decode()?);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", begin.elapsed().as_nanos())?;
        out.flush()?;
    }
    Ok(())
}
