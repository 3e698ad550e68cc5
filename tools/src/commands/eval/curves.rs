//! Precision against recall, drawn.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::detections::Seen;
use crate::drawing::{BLUE, Escaped, GREEN, PURPLE, VERMILION};

/// Side of the drawing's square, pixels.
const SIDE: f64 = 500.0;

/// Precision against recall at an overlap of 0.5, a line for each class.
pub(super) fn draw(seen: &Seen, file: File) -> io::Result<()> {
    let all = seen.all();
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
