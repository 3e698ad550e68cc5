//! `janus primitives VEHICLE.toml OUT.toml`

use std::fmt;
use std::io::{self, Write};

use anyhow::Result;
use janus_planning::{Pose2, PrimitiveSet, Shape, Steering, Vehicle};

use crate::Outcome;
use crate::cli;
use crate::config::Config;
use crate::drawing::{BLUE, Escaped, GREEN, PURPLE, VERMILION, YELLOW};
use crate::export::write;

pub(crate) fn run(args: &cli::Primitives) -> Result<Outcome> {
    let vehicle = Vehicle::load(&args.vehicle)?;
    let config = Config::load(args.config.as_deref())?.planner;
    let set = PrimitiveSet::generate(&vehicle, &config)?;
    write(&args.out, |out| out.write_all(set.to_toml().as_bytes()))?;
    if let Some(path) = &args.svg {
        write(path, |out| Sheet::of(&set).write(out))?;
    }
    print!("{}", Summary(&set));
    Ok(Outcome::Clean)
}

/// Poses a metre along a curve.
const PER_METRE: f64 = 20.0;

/// What there is of each kind of steering, and the colours it is drawn in.
const KINDS: [(Steering, &str, &str); 5] = [
    (Steering::Straight, "straight", "#333333"),
    (Steering::CounterPhase, "counter-phase", BLUE),
    (Steering::Crab, "crab", VERMILION),
    (Steering::Mixed, "mixed", GREEN),
    (Steering::Slide, "slide", YELLOW),
];

/// A set for people.
struct Summary<'a>(&'a PrimitiveSet);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(set) = self;
        let shapes: Vec<_> = set.shapes(1.0).collect();
        writeln!(f, "vehicle    {}", set.vehicle())?;
        writeln!(
            f,
            "lattice    {} headings, {} m",
            set.headings(),
            set.cell_m()
        )?;
        let quarter = usize::from(set.headings() / 4);
        let of_heading = |heading| shapes.iter().filter(|s| s.heading == heading).count();
        let counts = (0..quarter).map(of_heading);
        let (least, most) = (counts.clone().min(), counts.max());
        write!(
            f,
            "primitives {} from the {quarter} headings of a quarter turn, {} to {} from each:",
            shapes.len(),
            least.unwrap_or_default(),
            most.unwrap_or_default()
        )?;
        let mut before = " ";
        for (kind, name, _) in KINDS {
            let count = shapes.iter().filter(|s| s.steering == kind).count();
            write!(f, "{before}{count} {name}")?;
            before = ", ";
        }
        writeln!(f, "\nsha256     {}", set.sha256())
    }
}

/// Side of a panel on paper, pixels.
const PANEL: f64 = 300.0;
/// Panels in a row.
const COLUMNS: usize = 4;
/// Height of the legend, pixels.
const LEGEND: f64 = 40.0;

/// What leads away from each heading of a quarter turn, a panel each.
struct Sheet<'a> {
    set: &'a PrimitiveSet,
    shapes: Vec<Shape>,
    /// Pixels a metre.
    scale: f64,
}

impl<'a> Sheet<'a> {
    fn of(set: &'a PrimitiveSet) -> Self {
        let shapes: Vec<_> = set.shapes(PER_METRE).collect();
        let poses = shapes.iter().flat_map(|shape| &shape.poses);
        let reach = poses.map(|pose| pose.x.abs().max(pose.y.abs()));
        let reach = reach.fold(set.cell_m(), f64::max) + set.cell_m();
        Self {
            set,
            shapes,
            scale: PANEL / 2.0 / reach,
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let quarter = usize::from(self.set.headings() / 4);
        let [columns, rows] = [COLUMNS.min(quarter), quarter.div_ceil(COLUMNS)];
        let [width, below] = [columns as f64 * PANEL, rows as f64 * PANEL];
        let height = below + LEGEND;
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"14\">"
        )?;
        let name = Escaped(self.set.vehicle());
        writeln!(out, "<title>Motion primitives of {name}</title>")?;
        writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>")?;
        for heading in 0..quarter {
            let column = (heading % COLUMNS) as f64;
            let row = (heading / COLUMNS) as f64;
            let [x, y] = [column + 0.5, row + 0.5].map(|panels| panels * PANEL);
            writeln!(out, "<g transform=\"translate({x} {y})\">")?;
            self.panel(out, heading)?;
            writeln!(out, "</g>")?;
        }
        for (i, (_, name, colour)) in KINDS.iter().enumerate() {
            let [x, y] = [20.0 + 160.0 * i as f64, below + LEGEND / 2.0];
            writeln!(
                out,
                "<path stroke=\"{colour}\" stroke-width=\"3\" d=\"M{x} {y}h30\"/>\
                 <text x=\"{}\" y=\"{}\">{name}</text>",
                x + 38.0,
                y + 5.0
            )?;
        }
        writeln!(out, "</svg>")
    }

    /// Lattice points as dots, the ways of base_link as lines, and where the
    /// axis points at their ends.
    fn panel(&self, out: &mut impl Write, heading: usize) -> io::Result<()> {
        let half = PANEL / 2.0 - 2.0;
        writeln!(
            out,
            "<rect x=\"{0}\" y=\"{0}\" width=\"{1}\" height=\"{1}\" fill=\"none\" \
             stroke=\"#DDDDDD\"/>",
            -half,
            2.0 * half
        )?;
        let cell = self.set.cell_m() * self.scale;
        let reach = (half / cell).floor() as i32;
        write!(
            out,
            "<path stroke=\"#BBBBBB\" stroke-width=\"1.5\" stroke-linecap=\"round\" d=\""
        )?;
        for y in -reach..=reach {
            for x in -reach..=reach {
                let [x, y] = [x, y].map(|c| f64::from(c) * cell);
                write!(out, "M{x:.1} {y:.1}h0")?;
            }
        }
        writeln!(out, "\"/>")?;
        for (kind, _, colour) in KINDS {
            write!(
                out,
                "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" d=\""
            )?;
            let shapes = self.shapes.iter();
            for shape in shapes.filter(|s| s.heading == heading && s.steering == kind) {
                self.way(out, &shape.poses)?;
            }
            writeln!(out, "\"/>")?;
        }
        writeln!(out, "<circle r=\"3\" fill=\"{PURPLE}\"/>")
    }

    fn way(&self, out: &mut impl Write, poses: &[Pose2]) -> io::Result<()> {
        for (i, pose) in poses.iter().enumerate() {
            let [x, y] = [pose.x * self.scale, -pose.y * self.scale];
            write!(out, "{}{x:.2} {y:.2}", if i == 0 { 'M' } else { 'L' })?;
        }
        let Some(end) = poses.last() else {
            return Ok(());
        };
        // An arrow's head.
        for side in [2.6f64, -2.6] {
            let (sin, cos) = (end.theta + side).sin_cos();
            let [x, y] = [end.x * self.scale, -end.y * self.scale];
            write!(out, "M{x:.2} {y:.2}l{:.2} {:.2}", 6.0 * cos, -6.0 * sin)?;
        }
        Ok(())
    }
}
