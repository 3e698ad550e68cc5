//! The motion primitives of a vehicle as data: made once, kept in a file,
//! checked when they are read.
//!
//! The file is TOML: for which vehicle and lattice it was made, and one
//! `[[primitive]]` for each motion that leads away from a heading of the first
//! quarter turn; the others follow by turning the lattice. A motion is the
//! curve whose direction at the fraction u of its length is
//! turn·(3u² − 2u³) + bump·16u²(1 − u)², of which the vehicle's axis leaves out
//! the bump where it steers in the same sense at both ends, and all in a slide,
//! which may begin and end with the wheels to one side.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::{Invalid, PlannerConfig};
use crate::curve::{Curve, Follows};
use crate::file::{FileError, read_text};
use crate::generator::{Link, generate};
use crate::headings::{Headings, length};
use crate::pose::{Pose2, wrap};
use crate::primitives::{Limits, Wheels};
use crate::vehicle::Vehicle;

/// The form of the file.
const SCHEMA: &str = "janus-primitives/1";

/// The longest file that is read, bytes.
const FILE_LIMIT: u64 = 16 << 20;

/// The most primitives that leave a heading.
const MOST_LEAVING: usize = 200;

/// Offsets are shorter than this, cells.
const FARTHEST: i32 = 1000;

/// A curve ends this near its state, m and rad.
const EXACT: f64 = 1e-6;

/// What leads away from every heading of a lattice, and for which vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct PrimitiveSet {
    made_for: MadeFor,
    headings: u8,
    cell_m: f64,
    /// By the heading of the first quarter turn.
    quarter: Vec<Vec<Link>>,
}

/// What of a vehicle decides which curves it can follow. Lengths in metres,
/// angles in radians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeFor {
    name: String,
    /// x of the axles at ends A and B in `base_link`.
    axles: [f64; 2],
    max_steer: [f64; 2],
    crab: bool,
}

impl MadeFor {
    fn of(vehicle: &Vehicle) -> Self {
        Self {
            name: vehicle.name.clone(),
            axles: vehicle.axles(),
            max_steer: [vehicle.max_steer_a, vehicle.max_steer_b],
            crab: vehicle.crab,
        }
    }

    /// Whether what it was made for can do as much as a vehicle, and no more.
    fn check(&self, vehicle: &Vehicle) -> Result<(), Invalid> {
        let other = Self {
            name: self.name.clone(),
            ..Self::of(vehicle)
        };
        if *self == other {
            return Ok(());
        }
        let steering = |of: &Self| {
            let crab = if of.crab { "crab" } else { "no crab" };
            let [[ax, bx], [a, b]] = [of.axles, of.max_steer];
            format!("axles at {ax} and {bx} m that steer by {a} and {b} rad, and {crab}")
        };
        Err(Invalid {
            field: "primitives",
            expected: format!(
                "those of `{}` with {}, found those of `{}` with {}",
                vehicle.name,
                steering(&other),
                self.name,
                steering(self)
            ),
        })
    }
}

/// How the two axles are steered along a primitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steering {
    /// Not at all.
    Straight,
    /// In opposite senses, or one of them alone: the axis follows the motion.
    CounterPhase,
    /// In the same sense: the axis keeps its direction.
    Crab,
    /// Both at once.
    Mixed,
    /// In the same sense from one state to the next: into a slide, on in it, or
    /// out of it.
    Slide,
}

impl Steering {
    fn of(curve: &Curve) -> Self {
        match (curve.axis, curve.turn == 0.0, curve.bump == 0.0) {
            (Follows::Nothing, ..) => Self::Slide,
            (Follows::Turn, true, _) => Self::Crab,
            (Follows::Turn, false, _) => Self::Mixed,
            (Follows::Motion, true, true) => Self::Straight,
            (Follows::Motion, ..) => Self::CounterPhase,
        }
    }
}

/// A primitive of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    from: u8,
    to: u8,
    /// Cells.
    offset: [i32; 2],
    steering: Steering,
    length_m: f64,
    turn_rad: f64,
    bump_rad: f64,
    /// Angle from the axis to the motion where a slide begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slip_rad: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    /// Of the document without this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    headings: u8,
    cell_m: f64,
    vehicle: MadeFor,
    primitive: Vec<Entry>,
}

impl Document {
    fn hash(&mut self) -> String {
        let told = self.sha256.take();
        let bytes = Sha256::digest(self.text());
        self.sha256 = told;
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// # Panics
    /// Never: every field has a form in TOML.
    fn text(&self) -> String {
        toml::to_string(self).expect("a document of numbers and names")
    }
}

/// One of the set, in the frame of the lattice.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The heading from which it leads, counted counterclockwise from +x.
    pub heading: usize,
    /// How the axles are steered along it.
    pub steering: Steering,
    /// Poses along it, the first at the origin; m and rad.
    pub poses: Vec<Pose2>,
}

impl PrimitiveSet {
    /// Makes the set of a vehicle, for the lattice that the configuration
    /// names. Fails if a figure of either is out of range.
    pub fn generate(vehicle: &Vehicle, config: &PlannerConfig) -> Result<Self, Invalid> {
        vehicle.validate()?;
        config.validate()?;
        let headings = Headings::new(config.headings);
        let limits = Limits::new(vehicle, config);
        Ok(Self {
            made_for: MadeFor::of(vehicle),
            headings: config.headings,
            cell_m: config.cell_m,
            quarter: generate(&headings, config.cell_m, &limits),
        })
    }

    /// Reads a set and checks it: that it is whole, and that every curve ends
    /// exactly on its state.
    ///
    /// # Errors
    /// Where the file cannot be read, or a field does not hold what it should.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = read_text(path, FILE_LIMIT)?;
        let wrong = |field: &str, expected: String| FileError::malformed(path, field, expected);
        let mut document: Document = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |text| text.matches('\n').count() + 1);
            let said = error.message().replace('\n', " ");
            wrong(
                &format!("line {line}"),
                format!("motion primitives: {said}"),
            )
        })?;
        if document.schema != SCHEMA {
            let found = format!("\"{SCHEMA}\", found \"{}\"", document.schema);
            return Err(wrong("schema", found));
        }
        let hash = document.hash();
        if document.sha256.as_ref() != Some(&hash) {
            let found = document.sha256.as_deref().unwrap_or("none");
            let expected = format!("{hash}, the hash of what the file holds, found {found}");
            return Err(wrong("sha256", expected));
        }
        if ![16, 32].contains(&document.headings) {
            let found = document.headings;
            return Err(wrong("headings", format!("16 or 32, found {found}")));
        }
        if !(0.05..=1.0).contains(&document.cell_m) {
            let found = document.cell_m;
            let expected = format!("metres between 0.05 and 1, found {found}");
            return Err(wrong("cell_m", expected));
        }
        let headings = Headings::new(document.headings);
        let mut quarter = vec![Vec::new(); headings.quarter()];
        for (i, entry) in document.primitive.iter().enumerate() {
            let link = link(entry, &headings, document.cell_m)
                .map_err(|expected| wrong(&format!("primitive {}", i + 1), expected))?;
            quarter[usize::from(entry.from)].push(link);
        }
        if let Some(heading) = quarter.iter().position(|links| {
            let count = links.len();
            count == 0 || count > MOST_LEAVING
        }) {
            let found = quarter[heading].len();
            let expected = format!(
                "from 1 to {MOST_LEAVING} that leave each heading, found {found} from {heading}"
            );
            return Err(wrong("primitive", expected));
        }
        if let Some((from, link)) = loose_slide(&headings, &quarter) {
            let expected = format!(
                "slides of which each begins with the slip with which others end, found one from \
                 heading {from} to {:?} that does not",
                link.offset
            );
            return Err(wrong("primitive", expected));
        }
        Ok(Self {
            made_for: document.vehicle,
            headings: document.headings,
            cell_m: document.cell_m,
            quarter,
        })
    }

    /// What the file of the set holds.
    pub fn to_toml(&self) -> String {
        let mut document = self.document();
        document.sha256 = Some(document.hash());
        document.text()
    }

    /// SHA-256 of what the set holds, in hex.
    pub fn sha256(&self) -> String {
        self.document().hash()
    }

    fn document(&self) -> Document {
        let entry = |(from, link): (usize, &Link)| Entry {
            from: from as u8,
            to: link.to,
            offset: link.offset,
            steering: Steering::of(&link.curve),
            length_m: link.curve.length,
            turn_rad: link.curve.turn,
            bump_rad: link.curve.bump,
            slip_rad: (link.curve.axis == Follows::Nothing).then_some(link.curve.slip),
        };
        let all = self.quarter.iter().enumerate();
        let all = all.flat_map(|(from, links)| links.iter().map(move |link| (from, link)));
        Document {
            schema: SCHEMA.into(),
            sha256: None,
            headings: self.headings,
            cell_m: self.cell_m,
            vehicle: self.made_for.clone(),
            primitive: all.map(entry).collect(),
        }
    }

    /// Name of the vehicle for which it was made.
    pub fn vehicle(&self) -> &str {
        &self.made_for.name
    }

    /// Headings of the lattice.
    pub fn headings(&self) -> u8 {
        self.headings
    }

    /// Spacing of the lattice, m.
    pub fn cell_m(&self) -> f64 {
        self.cell_m
    }

    /// What leads away from the headings of the first quarter turn, each with
    /// about so many poses a metre.
    pub fn shapes(&self, per_metre: f64) -> impl Iterator<Item = Shape> + '_ {
        let headings = Headings::new(self.headings);
        let all = self.quarter.iter().enumerate();
        let all = all.flat_map(|(from, links)| links.iter().map(move |link| (from, link.curve)));
        all.map(move |(heading, curve)| {
            let angle = headings.angle(heading) + curve.slip;
            let (sin, cos) = angle.sin_cos();
            let count = (curve.length * per_metre).ceil().clamp(1.0, 1e4) as usize;
            let poses = curve.places(count).map(|(u, [x, y])| {
                Pose2::new(
                    cos * x - sin * y,
                    sin * x + cos * y,
                    angle + curve.heading(u),
                )
            });
            Shape {
                heading,
                steering: Steering::of(&curve),
                poses: poses.collect(),
            }
        })
    }

    /// The curves, if they are for this vehicle and within its limits.
    pub(crate) fn links(
        &self,
        vehicle: &Vehicle,
        limits: &Limits,
    ) -> Result<&[Vec<Link>], Invalid> {
        self.made_for.check(vehicle)?;
        let all = self.quarter.iter().flatten();
        match all.into_iter().find(|link| !limits.allow(&link.curve)) {
            None => Ok(&self.quarter),
            Some(link) => Err(Invalid {
                field: "primitives",
                expected: format!(
                    "curves that `{}` can follow, found one to {:?} with heading {} that it cannot",
                    vehicle.name, link.offset, link.to
                ),
            }),
        }
    }
}

/// A motion that leaves or enters a state with another slip than the first that
/// leaves it, with its heading.
fn loose_slide<'a>(headings: &Headings, quarter: &'a [Vec<Link>]) -> Option<(usize, &'a Link)> {
    let slip = |heading: usize, wheels: Wheels| {
        let [_, base] = headings.split(heading);
        let mut leaving = quarter[base]
            .iter()
            .filter(|link| link.wheels()[0] == wheels);
        leaving.next().map(|link| link.curve.slip)
    };
    let is_loose = |&(from, link): &(usize, &Link)| {
        let [before, after] = link.wheels();
        slip(from, before) != Some(link.curve.slip)
            || slip(usize::from(link.to), after)
                .is_none_or(|slip| (slip - link.curve.end_slip()).abs() > EXACT)
    };
    let all = quarter.iter().enumerate();
    let mut all = all.flat_map(|(from, links)| links.iter().map(move |link| (from, link)));
    all.find(is_loose)
}

/// A primitive of a file, or what was expected of it.
fn link(entry: &Entry, headings: &Headings, cell: f64) -> Result<Link, String> {
    let [from, to] = [entry.from, entry.to].map(usize::from);
    if from >= headings.quarter() || to >= headings.count() {
        return Err(format!(
            "`from` below {} and `to` below {}, found {from} and {to}",
            headings.quarter(),
            headings.count()
        ));
    }
    let curve = Curve {
        length: entry.length_m,
        turn: entry.turn_rad,
        bump: entry.bump_rad,
        bent: 0.0,
        axis: match entry.steering {
            Steering::Straight | Steering::CounterPhase => Follows::Motion,
            Steering::Crab | Steering::Mixed => Follows::Turn,
            Steering::Slide => Follows::Nothing,
        },
        slip: entry.slip_rad.unwrap_or(0.0),
    };
    if Steering::of(&curve) != entry.steering
        || entry.slip_rad.is_some() != (entry.steering == Steering::Slide)
    {
        return Err("a steering that agrees with its turn, its bump and its slip".into());
    }
    let most = f64::from(FARTHEST) * cell;
    let in_range = (EXACT..=2.0 * most).contains(&curve.length)
        && curve.turn.abs() <= 2.0
        && curve.bump.abs() <= 3.0
        && curve.slip.abs() <= 1.5
        && entry.offset.iter().all(|c| c.abs() < FARTHEST)
        && entry.offset != [0, 0];
    if !in_range {
        return Err(format!(
            "an offset of 1 to {FARTHEST} cells, a length up to {:.0} m, a turn up to 2 rad, a \
             bump up to 3 rad and a slip up to 1.5 rad",
            2.0 * most
        ));
    }
    // Far apart enough for the farthest, near enough for the tightest.
    let panels = (curve.length / cell).ceil().clamp(64.0, 4096.0) as usize;
    let [x, y] = curve.places(panels).last().map_or([0.0; 2], |(_, at)| at);
    let [c, s] = headings.aside(from, curve.slip);
    let end = [c * x - s * y, s * x + c * y];
    let state = entry.offset.map(|c| f64::from(c) * cell);
    let apart = (end[0] - state[0]).hypot(end[1] - state[1]);
    let turned =
        wrap(headings.angle(from) + curve.heading(1.0) - curve.heading(0.0) - headings.angle(to));
    if apart > EXACT * length(entry.offset).max(1.0) || turned.abs() > EXACT {
        return Err(format!(
            "a curve that ends on its state, found one that ends {apart:.6} m and {turned:.6} rad \
             from it"
        ));
    }
    Ok(Link {
        curve,
        offset: entry.offset,
        to: entry.to,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn set() -> PrimitiveSet {
        PrimitiveSet::generate(&Vehicle::shuttle(), &PlannerConfig::default()).expect("valid")
    }

    static TEXT: LazyLock<String> = LazyLock::new(|| set().to_toml());

    fn load(text: &[u8]) -> Result<PrimitiveSet, FileError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("set.toml");
        fs::write(&path, text).expect("written");
        PrimitiveSet::load(path)
    }

    /// With the hash that belongs to it.
    fn hashed(text: &str) -> String {
        let mut document: Document = toml::from_str(text).expect("a document");
        document.sha256 = Some(document.hash());
        document.text()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let set = set();
        let text = set.to_toml();
        assert!(text.contains(&set.sha256()));
        assert_eq!(load(text.as_bytes()).expect("a set"), set);
        let other = Vehicle {
            max_steer_a: 0.4,
            max_steer_b: 0.4,
            ..Vehicle::shuttle()
        };
        let other = PrimitiveSet::generate(&other, &PlannerConfig::default()).expect("valid");
        assert_ne!(other.sha256(), set.sha256());
    }

    #[test]
    fn every_kind_of_steering_is_in_it() {
        let kinds: Vec<_> = set().shapes(10.0).map(|shape| shape.steering).collect();
        for kind in [
            Steering::Straight,
            Steering::CounterPhase,
            Steering::Crab,
            Steering::Mixed,
            Steering::Slide,
        ] {
            assert!(kinds.contains(&kind), "{kind:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_its_field() {
        let good = TEXT.as_str();
        let says = |text: &str| {
            let said = load(text.as_bytes()).expect_err("no set").to_string();
            assert_eq!(said.lines().count(), 1, "{said}");
            said
        };
        let first = "offset = [1, 0]";
        assert!(good.contains(first));
        let slide = set().quarter[0]
            .iter()
            .position(|link| link.curve.axis == Follows::Nothing)
            .expect("a slide");
        // The slide alone is changed.
        let slid = |change: &dyn Fn(&mut Entry)| {
            let mut document: Document = toml::from_str(good).expect("a document");
            change(&mut document.primitive[slide]);
            document.sha256 = Some(document.hash());
            document.text()
        };
        for (text, told) in [
            (
                slid(&|entry| entry.slip_rad = None),
                "expected a steering that agrees",
            ),
            (
                slid(&|entry| entry.slip_rad = Some(1.6)),
                "and a slip up to 1.5 rad",
            ),
            (
                slid(&|entry| entry.slip_rad = entry.slip_rad.map(|slip| slip + 0.01)),
                "expected a curve that ends",
            ),
            (
                slid(&|entry| entry.steering = Steering::Crab),
                "expected a steering that agrees",
            ),
        ] {
            let said = says(&text);
            assert!(said.contains(told), "{said}");
        }
        for (from, to, told) in [
            (SCHEMA, "janus-primitives/0", "schema: expected \"janus-"),
            ("headings = 32", "headings = 31", "headings: expected 16 or"),
            ("cell_m = 0.2", "cell_m = nan", "cell_m: expected metres"),
            (first, "offset = [0, 0]", "primitive 1: expected an offset"),
            (
                first,
                "offset = [2, 0]",
                "primitive 1: expected a curve that ends",
            ),
            ("from = 0", "from = 8", "primitive 1: expected `from` below"),
            (
                "to = 0",
                "to = 1",
                "primitive 1: expected a curve that ends",
            ),
            (
                "\"counter_phase\"",
                "\"straight\"",
                "expected a steering that agrees",
            ),
        ] {
            let said = says(&hashed(&good.replacen(from, to, 1)));
            assert!(said.contains(told), "{said}");
        }
        // What was changed by hand.
        let said = says(&good.replacen("cell_m = 0.2", "cell_m = 0.25", 1));
        assert!(said.contains("set.toml: sha256: expected "), "{said}");
        let said = says(&good.replacen("from = 0", "from = \"x\"", 1));
        assert!(said.contains("set.toml: line "), "{said}");
    }

    #[test]
    fn a_set_serves_its_own_vehicle_alone() {
        let config = PlannerConfig::default();
        let shuttle = Vehicle::shuttle();
        let limits = Limits::new(&shuttle, &config);
        assert!(set().links(&shuttle, &limits).is_ok());
        // The name and the body do not matter.
        let bus = Vehicle {
            name: "bus".into(),
            length: 5.0,
            ..shuttle.clone()
        };
        assert!(set().links(&bus, &limits).is_ok());
        let stiff = Vehicle {
            crab: false,
            ..shuttle
        };
        let error = set().links(&stiff, &limits).expect_err("another");
        assert_eq!(error.field, "primitives");
        let said = error.to_string();
        assert!(
            said.contains("and no crab, found those of `shuttle`"),
            "{said}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_bytes_panic(cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = TEXT.clone().into_bytes();
            let at = cut.index(text.len());
            text[at] = byte;
            let _ = load(&text);
            text.truncate(at);
            prop_assert!(load(&text).is_err());
        }

        #[test]
        fn no_numbers_panic(
            which in any::<prop::sample::Index>(),
            ends in any::<[u8; 2]>(),
            offset in any::<[i32; 2]>(),
            numbers in any::<[f64; 4]>(),
            kept in any::<[bool; 7]>(),
        ) {
            let mut document: Document = toml::from_str(&TEXT).expect("a document");
            let index = which.index(document.primitive.len());
            let entry = &mut document.primitive[index];
            let [length, turn, bump, slip] = numbers;
            let number = |kept: bool, number: &mut f64, other| if !kept { *number = other };
            number(kept[0], &mut entry.length_m, length);
            number(kept[1], &mut entry.turn_rad, turn);
            number(kept[2], &mut entry.bump_rad, bump);
            if !kept[3] {
                entry.slip_rad = Some(slip);
            }
            if !kept[4] {
                entry.from = ends[0];
            }
            if !kept[5] {
                entry.to = ends[1];
            }
            if !kept[6] {
                entry.offset = offset;
            }
            document.sha256 = Some(document.hash());
            let whole = kept == [true; 7];
            prop_assert_eq!(load(document.text().as_bytes()).is_ok(), whole);
        }
    }
}
