//! A plan as a drawing, in one SVG file that needs no other.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::{self, BufWriter, Write};

use janus_planning::{Cell, End, Grid, Plan, Pose2, Sample, Vehicle};

use crate::problem::Problem;

/// Colours that people tell apart whatever colours they see (Okabe & Ito 2008).
pub(crate) const BLUE: &str = "#0072B2";
pub(crate) const VERMILION: &str = "#D55E00";
pub(crate) const GREEN: &str = "#009E73";
pub(crate) const PURPLE: &str = "#CC79A7";
pub(crate) const YELLOW: &str = "#E69F00";
const DARK: &str = "#333333";
const GREY: &str = "#DDDDDD";

/// Longest side of the map on paper, pixels.
const SIDE: f64 = 1000.0;
/// Height of a line of the legend, pixels.
const LINE: f64 = 22.0;

/// What is drawn, all in the grid's frame.
pub(crate) struct Drawing<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) vehicle: &'a Vehicle,
    pub(crate) ends: [Pose2; 2],
    pub(crate) plan: Option<&'a Plan>,
}

impl Drawing<'_> {
    pub(crate) fn write(&self, out: &mut BufWriter<File>) -> io::Result<()> {
        let grid = &self.problem.map.grid;
        let paper = Paper::of(grid);
        let legend = self.legend();
        let [width, height] = paper.size;
        let whole = height + LINE * (legend.len() as f64 + 1.0);
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{whole:.0}\" \
             viewBox=\"0 0 {width:.1} {whole:.1}\" font-family=\"sans-serif\" font-size=\"14\">"
        )?;
        writeln!(
            out,
            "<title>Plan for {}</title>",
            Escaped(&self.vehicle.name)
        )?;
        writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>")?;
        let scale = paper.scale * grid.cell_m();
        writeln!(
            out,
            "<g transform=\"matrix({scale:.6} 0 0 {:.6} 0 {height:.3})\">",
            -scale
        )?;
        for (state, colour) in [(Cell::Unknown, GREY), (Cell::Occupied, DARK)] {
            writeln!(
                out,
                "<path fill=\"{colour}\" d=\"{}\"/>",
                Blocks { grid, state }
            )?;
        }
        writeln!(out, "</g>")?;
        self.polygons(out, &paper)?;
        self.body(out, &paper)?;
        if let Some(plan) = self.plan {
            self.search(out, &paper, plan)?;
            self.way(out, &paper, plan)?;
        }
        for (pose, colour) in self.ends.iter().zip([GREEN, PURPLE]) {
            writeln!(
                out,
                "<use href=\"#body\" fill=\"{colour}\" fill-opacity=\"0.5\" stroke=\"{colour}\" {}/>",
                paper.stand(*pose)
            )?;
        }
        for (i, (mark, text)) in legend.iter().enumerate() {
            let y = height + LINE * (i as f64 + 1.0);
            writeln!(out, "<g transform=\"translate(10 {y:.1})\">{mark}")?;
            writeln!(out, "<text x=\"40\" y=\"5\">{}</text></g>", Escaped(text))?;
        }
        writeln!(out, "</svg>")
    }

    /// Outlines of the obstacles as they were given.
    fn polygons(&self, out: &mut impl Write, paper: &Paper) -> io::Result<()> {
        if self.problem.polygons.is_empty() {
            return Ok(());
        }
        write!(out, "<path fill=\"none\" stroke=\"#888888\" d=\"")?;
        for polygon in &self.problem.polygons {
            let vertices = polygon.vertices().iter();
            paper.line(out, vertices.map(|&[x, y]| Pose2::new(x, y, 0.0)))?;
            write!(out, "Z")?;
        }
        writeln!(out, "\"/>")
    }

    /// The vehicle at the origin, its ends in their colours.
    fn body(&self, out: &mut impl Write, paper: &Paper) -> io::Result<()> {
        let vehicle = self.vehicle;
        let [length, width] = [vehicle.length, vehicle.width].map(|side| side * paper.scale);
        let centre = vehicle.centre_x * paper.scale;
        let (left, right, top) = (centre - length / 2.0, centre + length / 2.0, -width / 2.0);
        writeln!(
            out,
            "<defs><g id=\"body\"><rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{length:.2}\" \
             height=\"{width:.2}\"/>"
        )?;
        for (x, colour) in [(right, BLUE), (left, VERMILION)] {
            writeln!(
                out,
                "<path stroke=\"{colour}\" stroke-width=\"2.5\" d=\"M{x:.2} {top:.2}v{width:.2}\"/>"
            )?;
        }
        writeln!(out, "</g></defs>")
    }

    /// Every expanded state as a dot.
    fn search(&self, out: &mut impl Write, paper: &Paper, plan: &Plan) -> io::Result<()> {
        write!(
            out,
            "<path stroke=\"{YELLOW}\" stroke-opacity=\"0.6\" stroke-width=\"2\" \
             stroke-linecap=\"round\" d=\""
        )?;
        for &[x, y] in &plan.search {
            let [x, y] = paper.at(x, y);
            write!(out, "M{x:.1} {y:.1}h0")?;
        }
        writeln!(out, "\"/>")
    }

    /// Footprints at intervals under the way of `base_link`.
    fn way(&self, out: &mut impl Write, paper: &Paper, plan: &Plan) -> io::Result<()> {
        writeln!(
            out,
            "<g fill=\"none\" stroke=\"#999999\" stroke-width=\"0.8\">"
        )?;
        let mut last: Option<&Sample> = None;
        for sample in &plan.samples {
            let far = last.is_none_or(|last| {
                last.lead != sample.lead
                    || last.pose().distance(sample.pose()) >= self.vehicle.length / 2.0
            });
            if far {
                writeln!(out, "<use href=\"#body\" {}/>", paper.stand(sample.pose()))?;
                last = Some(sample);
            }
        }
        writeln!(out, "</g>")?;
        for stretch in plan.samples.chunk_by(|a, b| a.lead == b.lead) {
            write!(
                out,
                "<path fill=\"none\" stroke-width=\"3\" {} d=\"",
                stroke(stretch[0].lead)
            )?;
            paper.line(out, stretch.iter().map(Sample::pose))?;
            writeln!(out, "\"/>")?;
        }
        Ok(())
    }

    /// Marks, and what they mean.
    fn legend(&self) -> Vec<(String, String)> {
        let square = |fill: &str, opacity: f64| {
            format!(
                "<rect y=\"-6\" width=\"30\" height=\"12\" fill=\"{fill}\" \
                 fill-opacity=\"{opacity}\" stroke=\"{fill}\"/>"
            )
        };
        let line = |stroke: &str| format!("<path stroke-width=\"3\" {stroke} d=\"M0 0h30\"/>");
        let mut legend = vec![
            (square(DARK, 1.0), "occupied".to_owned()),
            (square(GREY, 1.0), "unknown".to_owned()),
            (square(GREEN, 0.5), "start".to_owned()),
            (square(PURPLE, 0.5), "goal".to_owned()),
        ];
        if let Some(plan) = self.plan {
            let dots = format!(
                "<path stroke=\"{YELLOW}\" stroke-width=\"4\" stroke-linecap=\"round\" \
                 d=\"M4 0h0M15 0h0M26 0h0\"/>"
            );
            let shown = match plan.search.len() {
                shown if shown == plan.expansions as usize => String::new(),
                shown => format!(", of which the first {shown} are shown"),
            };
            legend.push((dots, format!("{} expanded states{shown}", plan.expansions)));
            legend.push((
                line(&stroke(End::A)),
                "end A leads; end A of the vehicle".to_owned(),
            ));
            legend.push((
                line(&stroke(End::B)),
                "end B leads; end B of the vehicle".to_owned(),
            ));
            legend.push((
                String::new(),
                format!(
                    "{}: {:.2} m, {:.1} s, changes of ends: {}",
                    self.vehicle.name, plan.length_m, plan.duration_s, plan.end_changes
                ),
            ));
        } else {
            legend.push((String::new(), format!("{}: no plan", self.vehicle.name)));
        }
        legend
    }
}

/// How the way looks: told apart by more than its colour.
fn stroke(lead: End) -> String {
    match lead {
        End::A => format!("stroke=\"{BLUE}\""),
        End::B => format!("stroke=\"{VERMILION}\" stroke-dasharray=\"8 3\""),
    }
}

/// Where things of the grid's frame are on paper.
struct Paper {
    /// Pixels a metre.
    scale: f64,
    /// The corner of the grid with the least x and y, m.
    corner: [f64; 2],
    /// Of the map, pixels.
    size: [f64; 2],
}

impl Paper {
    fn of(grid: &Grid) -> Self {
        let metres = grid.size.map(|cells| f64::from(cells) * grid.cell_m());
        let scale = SIDE / metres[0].max(metres[1]);
        Self {
            scale,
            corner: grid.origin.map(|cells| f64::from(cells) * grid.cell_m()),
            size: metres.map(|side| side * scale),
        }
    }

    fn at(&self, x: f64, y: f64) -> [f64; 2] {
        [
            (x - self.corner[0]) * self.scale,
            self.size[1] - (y - self.corner[1]) * self.scale,
        ]
    }

    /// The attribute that puts something drawn about the origin there.
    fn stand(&self, pose: Pose2) -> String {
        let [x, y] = self.at(pose.x, pose.y);
        let degrees = -pose.theta.to_degrees();
        format!("transform=\"translate({x:.2} {y:.2}) rotate({degrees:.2})\"")
    }

    fn line(&self, out: &mut impl Write, places: impl Iterator<Item = Pose2>) -> io::Result<()> {
        for (i, place) in places.enumerate() {
            let [x, y] = self.at(place.x, place.y);
            write!(out, "{}{x:.2} {y:.2}", if i == 0 { 'M' } else { 'L' })?;
        }
        Ok(())
    }
}

/// The cells of one state as few rectangles, one unit a cell.
struct Blocks<'a> {
    grid: &'a Grid,
    state: Cell,
}

impl Display for Blocks<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut block = |(x, end): (usize, usize), from: usize, to: usize| {
            let (width, height) = (end - x, to - from);
            write!(f, "M{x} {from}h{width}v{height}h-{width}z")
        };
        // Runs of the row below, and the row where each began.
        let mut begun: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let width = self.grid.size[0].max(1) as usize;
        let mut height = 0;
        for (y, row) in self.grid.log_odds.chunks(width).enumerate() {
            let mut x = 0;
            let mut runs = BTreeMap::new();
            for run in row.chunk_by(|&a, &b| Cell::of(a) == Cell::of(b)) {
                let end = x + run.len();
                if Cell::of(run[0]) == self.state {
                    let from = begun.remove(&(x, end)).unwrap_or(y);
                    runs.insert((x, end), from);
                }
                x = end;
            }
            for (run, from) in std::mem::replace(&mut begun, runs) {
                block(run, from, y)?;
            }
            height = y + 1;
        }
        for (run, from) in begun {
            block(run, from, height)?;
        }
        Ok(())
    }
}

/// Text between tags.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                c if c.is_control() => f.write_str(" ")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_few_rectangles() {
        let grid = Grid {
            origin: [0, 0],
            size: [3, 3],
            cell_mm: 100,
            log_odds: vec![1, 1, -1, 1, 1, -1, -1, 1, 1],
        };
        let blocks = Blocks {
            grid: &grid,
            state: Cell::Occupied,
        };
        assert_eq!(blocks.to_string(), "M0 0h2v2h-2zM1 2h2v1h-2z");
    }

    #[test]
    fn names_stay_text() {
        assert_eq!(Escaped("a<b>&\n").to_string(), "a&lt;b&gt;&amp; ");
    }
}
