//! What a scenario's file says.

use std::ops::RangeInclusive;
use std::path::{Path as File, PathBuf};

use nalgebra::Vector2;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::file;

/// The largest file that is read, bytes.
const FILE_LIMIT: u64 = 256 << 10;
/// Where a scenario may lie, m from the origin.
const REACH: RangeInclusive<f64> = -150.0..=150.0;

macro_rules! built_in {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

/// The scenarios that are part of the program, by name.
const BUILT_IN: [(&str, &str); 9] = built_in![
    "busy_street",
    "crossing",
    "dead_end_alley",
    "delivery_stop",
    "hidden_pedestrian",
    "hill_and_ramp",
    "narrow_street",
    "parking_pocket",
    "roundabout"
];

/// A part of the world, what moves in it, and a way through it.
///
/// The file is TOML: tables `[scenario]`, `[area]` and `[ego]`, and lists
/// `[[block]]`, `[[ramp]]`, `[[road]]`, `[[junction]]`, `[[crossing]]`,
/// `[[houses]]`, `[[trees]]`, `[[lamps]]`, `[[parked]]`, `[[wall]]`, `[[thing]]` and
/// `[[actor]]`. Lengths are in metres, x to the east and y to the north,
/// directions are vectors of any length, times are in seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(rename = "scenario")]
    pub(super) head: Head,
    pub(super) area: Area,
    pub(super) ego: Ego,
    #[serde(default, rename = "block")]
    pub(super) blocks: Vec<Block>,
    #[serde(default, rename = "ramp")]
    pub(super) ramps: Vec<Ramp>,
    #[serde(default, rename = "road")]
    pub(super) roads: Vec<Road>,
    #[serde(default, rename = "junction")]
    pub(super) junctions: Vec<Junction>,
    #[serde(default, rename = "crossing")]
    pub(super) crossings: Vec<Crossing>,
    #[serde(default)]
    pub(super) houses: Vec<Houses>,
    #[serde(default)]
    pub(super) trees: Vec<Row>,
    #[serde(default)]
    pub(super) lamps: Vec<Row>,
    #[serde(default)]
    pub(super) parked: Vec<Parked>,
    #[serde(default, rename = "wall")]
    pub(super) walls: Vec<Wall>,
    #[serde(default, rename = "thing")]
    pub(super) things: Vec<Thing>,
    #[serde(default, rename = "actor")]
    pub(super) actors: Vec<Actor>,
}

/// What a scenario is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) seed: u64,
    pub(super) duration_s: f64,
    #[serde(default = "ten")]
    pub(super) rate_hz: f64,
}

/// Where the world ends, and how high its ground is over x.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Area {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    #[serde(default)]
    pub(super) profile: Vec<[f64; 2]>,
}

/// The reference drive of the vehicle that carries the sensors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ego {
    pub(super) speed: f64,
    #[serde(rename = "leg")]
    pub(super) legs: Vec<Leg>,
}

/// A stretch of it, driven with one end leading.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leg {
    pub(super) lead: End,
    pub(super) points: Vec<[f64; 2]>,
    #[serde(default)]
    pub(super) corner: f64,
    /// Standing at its end.
    #[serde(default)]
    pub(super) pause_s: f64,
}

/// An end of the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    A,
    B,
}

/// A raised rectangle with a kerb around it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    #[serde(default = "kerb")]
    pub(super) kerb: f64,
    /// Radius of its corners.
    #[serde(default)]
    pub(super) corner: f64,
    #[serde(default)]
    pub(super) grass: bool,
}

/// A wedge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ramp {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) rises: Way,
    pub(super) height: f64,
}

/// A direction along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    East,
    West,
    North,
    South,
}

/// A straight road with its lanes, of which the right half lead along it and
/// the others back; one alone is driven both ways.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Road {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) width: f64,
    /// With two or more, dashes between them.
    pub(super) lanes: u32,
    /// Whether its lines are painted.
    #[serde(default = "yes")]
    pub(super) marked: bool,
}

/// Where roads meet: lanes lead from each to each other. Roads end at its
/// edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Junction {
    pub(super) at: [f64; 2],
    pub(super) radius: f64,
    /// Radius of the lane around it, if it is a roundabout.
    pub(super) ring: Option<f64>,
}

/// A zebra crossing, from kerb to kerb.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crossing {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) width: f64,
}

/// Houses side by side, to the left of a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Houses {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) depth: f64,
    /// Least and greatest.
    pub(super) height: [f64; 2],
    /// Least and greatest.
    #[serde(default)]
    pub(super) gap: [f64; 2],
}

/// Things at even distances.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) spacing: f64,
}

/// Cars parked along a line, towards its end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parked {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    /// Of the places, those that are taken.
    pub(super) share: f64,
}

/// A straight wall.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wall {
    pub(super) from: [f64; 2],
    pub(super) to: [f64; 2],
    pub(super) thickness: f64,
    pub(super) height: f64,
}

/// One thing that stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thing {
    pub(super) kind: Standing,
    pub(super) at: [f64; 2],
    #[serde(default = "east")]
    pub(super) toward: [f64; 2],
}

/// What can stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    Car,
    Van,
    Bicycle,
    Pedestrian,
    Tree,
    Lamp,
    Bin,
    Crate,
    Post,
}

/// Something that moves along a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actor {
    pub(super) kind: Moving,
    pub(super) points: Vec<[f64; 2]>,
    #[serde(default)]
    pub(super) corner: f64,
    /// Whether the line's end is its beginning.
    #[serde(default)]
    pub(super) closed: bool,
    pub(super) speed: f64,
    /// How far along the line it begins.
    #[serde(default)]
    pub(super) start_m: f64,
    /// When it begins to move.
    #[serde(default)]
    pub(super) delay_s: f64,
    /// How near the vehicle must come before it moves.
    pub(super) trigger_m: Option<f64>,
    pub(super) minds: Mind,
    /// Where one that waits stops to look, along the line.
    #[serde(default)]
    pub(super) looks_at_m: f64,
    /// Whether it leaves the world at the line's end, or stands there.
    #[serde(default)]
    pub(super) leaves: bool,
}

/// What can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Moving {
    Car,
    Van,
    Bicycle,
    Pedestrian,
}

/// How something that moves heeds others, the vehicle with the sensors among
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mind {
    /// Not at all.
    Nothing,
    /// It brakes for what is in its way.
    Way,
    /// It waits where it looks until nothing comes, and then goes.
    Traffic,
}

fn ten() -> f64 {
    10.0
}

fn yes() -> bool {
    true
}

fn kerb() -> f64 {
    0.12
}

fn east() -> [f64; 2] {
    [1.0, 0.0]
}

impl Road {
    /// How far its middle line is from a place.
    fn distance(&self, at: Vector2<f64>) -> f64 {
        let [from, to] = [self.from, self.to].map(Vector2::from);
        let length = (to - from).norm();
        let ahead = (to - from) / length;
        let along = (at - from).dot(&ahead).clamp(0.0, length);
        (from + ahead * along - at).norm()
    }
}

impl Ramp {
    pub(super) fn holds(&self, at: Vector2<f64>) -> bool {
        (self.from[0]..=self.to[0]).contains(&at.x) && (self.from[1]..=self.to[1]).contains(&at.y)
    }

    /// How high it is over its foot.
    pub(super) fn height_at(&self, at: Vector2<f64>) -> f64 {
        let [from, to] = [self.from, self.to];
        let part = |k: usize| (at[k] - from[k]) / (to[k] - from[k]);
        self.height
            * match self.rises {
                Way::East => part(0),
                Way::West => 1.0 - part(0),
                Way::North => part(1),
                Way::South => 1.0 - part(1),
            }
    }
}

impl Scenario {
    /// The names of the scenarios that are part of the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(name, _)| name)
    }

    /// One of those.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        let found = BUILT_IN.into_iter().find(|(known, _)| *known == name);
        let Some((_, text)) = found else {
            let names: Vec<&str> = Self::names().collect();
            return Err(Error::Malformed {
                path: name.into(),
                field: "scenario".into(),
                expected: format!("the path of a file, or one of {}", names.join(", ")),
            });
        };
        Self::parse(File::new(name), text)
    }

    /// Reads a scenario's file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::TooLarge`] if it cannot be read, and
    /// [`Error::Malformed`] with the line or the field that is wrong.
    pub fn read(path: &File) -> Result<Self> {
        Self::parse(path, &file::read_text(path, FILE_LIMIT)?)
    }

    /// Takes a scenario from its text; `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the line or the field that is wrong.
    pub fn parse(path: &File, text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            Error::Malformed {
                path: path.into(),
                field: match before {
                    Some(before) => format!("line {}", before.matches('\n').count() + 1),
                    None => "text".into(),
                },
                expected: format!("the fields of a scenario ({})", error.message()),
            }
        })?;
        let check = Check {
            path: path.into(),
            area: [scenario.area.from, scenario.area.to],
        };
        scenario.check(&check)?;
        Ok(scenario)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// What it is for, in a sentence.
    pub fn purpose(&self) -> &str {
        &self.head.purpose
    }

    /// Frames per second.
    pub fn rate_hz(&self) -> f64 {
        self.head.rate_hz
    }

    /// How many frames it lasts.
    pub fn frames(&self) -> u64 {
        (self.head.duration_s * self.head.rate_hz) as u64
    }

    fn check(&self, is: &Check) -> Result<()> {
        let head = &self.head;
        let named = (1..=64).contains(&head.name.len());
        is.met("scenario.name", named, "1 to 64 letters")?;
        let told = (1..=1000).contains(&head.purpose.len());
        is.met(
            "scenario.purpose",
            told,
            "a sentence of at most 1,000 letters",
        )?;
        is.within("scenario.duration_s", head.duration_s, 1.0..=120.0, "s")?;
        is.within("scenario.rate_hz", head.rate_hz, 1.0..=20.0, "Hz")?;

        for (corner, place) in [("area.from", self.area.from), ("area.to", self.area.to)] {
            for c in place {
                is.within(corner, c, REACH, "m")?;
            }
        }
        let sides = [0, 1].map(|k| self.area.to[k] - self.area.from[k]);
        let large = sides.iter().all(|side| (20.0..=200.0).contains(side));
        is.met(
            "area",
            large,
            "20 to 200 m from west to east and from south to north",
        )?;
        self.check_profile(is)?;
        self.check_ego(is)?;

        let few = |field, count: usize| is.met(field, count <= 50, "at most 50 entries");
        few("block", self.blocks.len())?;
        for (i, block) in self.blocks.iter().enumerate() {
            let field = |name| format!("block[{i}].{name}");
            is.rectangle(&field("from"), [block.from, block.to])?;
            is.within(&field("kerb"), block.kerb, 0.0..=0.5, "m")?;
            is.within(&field("corner"), block.corner, 0.0..=30.0, "m")?;
        }
        few("ramp", self.ramps.len())?;
        for (i, ramp) in self.ramps.iter().enumerate() {
            let field = |name| format!("ramp[{i}].{name}");
            is.rectangle(&field("from"), [ramp.from, ramp.to])?;
            is.within(&field("height"), ramp.height, 0.05..=3.0, "m")?;
            let k = usize::from(matches!(ramp.rises, Way::North | Way::South));
            let grade = ramp.height / (ramp.to[k] - ramp.from[k]);
            is.within(&format!("slope of ramp[{i}]"), grade, 0.0..=0.15, "")?;
        }
        few("road", self.roads.len())?;
        for (i, road) in self.roads.iter().enumerate() {
            let field = |name| format!("road[{i}].{name}");
            is.line(&field("from"), [road.from, road.to])?;
            is.within(&field("width"), road.width, 2.0..=20.0, "m")?;
            let lanes = (1..=6).contains(&road.lanes);
            is.met(&field("lanes"), lanes, "a number from 1 to 6")?;
        }
        self.check_junctions(is)?;
        few("crossing", self.crossings.len())?;
        for (i, crossing) in self.crossings.iter().enumerate() {
            let field = |name| format!("crossing[{i}].{name}");
            is.line(&field("from"), [crossing.from, crossing.to])?;
            is.within(&field("width"), crossing.width, 1.0..=10.0, "m")?;
        }
        few("houses", self.houses.len())?;
        for (i, row) in self.houses.iter().enumerate() {
            let field = |name| format!("houses[{i}].{name}");
            is.line(&field("from"), [row.from, row.to])?;
            is.within(&field("depth"), row.depth, 1.0..=40.0, "m")?;
            is.ascending(&field("height"), row.height, 2.0..=40.0)?;
            is.ascending(&field("gap"), row.gap, 0.0..=20.0)?;
        }
        for (kind, rows) in [("trees", &self.trees), ("lamps", &self.lamps)] {
            few(kind, rows.len())?;
            for (i, row) in rows.iter().enumerate() {
                let field = |name| format!("{kind}[{i}].{name}");
                is.line(&field("from"), [row.from, row.to])?;
                is.within(&field("spacing"), row.spacing, 3.0..=100.0, "m")?;
            }
        }
        few("parked", self.parked.len())?;
        for (i, row) in self.parked.iter().enumerate() {
            let field = |name| format!("parked[{i}].{name}");
            is.line(&field("from"), [row.from, row.to])?;
            is.within(&field("share"), row.share, 0.0..=1.0, "")?;
        }
        few("wall", self.walls.len())?;
        for (i, wall) in self.walls.iter().enumerate() {
            let field = |name| format!("wall[{i}].{name}");
            is.line(&field("from"), [wall.from, wall.to])?;
            is.within(&field("thickness"), wall.thickness, 0.1..=5.0, "m")?;
            is.within(&field("height"), wall.height, 0.3..=20.0, "m")?;
        }
        few("thing", self.things.len())?;
        for (i, thing) in self.things.iter().enumerate() {
            is.place(&format!("thing[{i}].at"), thing.at)?;
            is.direction(&format!("thing[{i}].toward"), thing.toward)?;
        }
        few("actor", self.actors.len())?;
        for (i, actor) in self.actors.iter().enumerate() {
            let field = |name| format!("actor[{i}].{name}");
            is.way(&field("points"), &actor.points)?;
            let turns = !actor.closed || actor.points.len() >= 3;
            is.met(&field("points"), turns, "3 points or more, as it is closed")?;
            if let (true, [first, .., last]) = (actor.closed, actor.points.as_slice()) {
                is.line(&field("points"), [*first, *last])?;
            }
            is.within(&field("corner"), actor.corner, 0.0..=50.0, "m")?;
            is.within(&field("speed"), actor.speed, 0.2..=15.0, "m/s")?;
            is.within(&field("start_m"), actor.start_m, 0.0..=2000.0, "m")?;
            is.within(&field("delay_s"), actor.delay_s, 0.0..=300.0, "s")?;
            let trigger = actor.trigger_m.unwrap_or(1.0);
            is.within(&field("trigger_m"), trigger, 1.0..=100.0, "m")?;
            is.within(&field("looks_at_m"), actor.looks_at_m, 0.0..=2000.0, "m")?;
        }
        let many = self.standing() <= 1000.0;
        let expected = "rows of at most 1,000 things and houses in all";
        is.met("houses, trees, lamps, parked", many, expected)
    }

    /// How many things stand in rows, at most.
    fn standing(&self) -> f64 {
        let length =
            |from: [f64; 2], to: [f64; 2]| (Vector2::from(to) - Vector2::from(from)).norm();
        let houses = self.houses.iter().map(|row| length(row.from, row.to) / 4.0);
        let parked = self.parked.iter().map(|row| length(row.from, row.to) / 4.0);
        let rows = self.trees.iter().chain(&self.lamps);
        let rows = rows.map(|row| length(row.from, row.to) / row.spacing + 1.0);
        houses.chain(parked).chain(rows).sum()
    }

    fn check_junctions(&self, is: &Check) -> Result<()> {
        let few = self.junctions.len() <= 10;
        is.met("junction", few, "at most 10 entries")?;
        for (i, junction) in self.junctions.iter().enumerate() {
            let field = |name| format!("junction[{i}].{name}");
            is.place(&field("at"), junction.at)?;
            is.within(&field("radius"), junction.radius, 2.0..=40.0, "m")?;
            if let Some(ring) = junction.ring {
                let widest = (junction.radius - 2.0).max(4.0);
                is.within(&field("ring"), ring, 4.0..=widest, "m")?;
            }
            let at = Vector2::from(junction.at);
            let meets = |road: &&Road| road.distance(at) <= junction.radius + 1.0;
            let lanes: u32 = self.roads.iter().filter(meets).map(|road| road.lanes).sum();
            is.met(
                &field("at"),
                lanes <= 12,
                "a place where at most 12 lanes meet",
            )?;
            let apart = |other: &Junction| {
                let between = (Vector2::from(other.at) - at).norm();
                between >= junction.radius + other.radius + 2.0
            };
            let apart = self.junctions[..i].iter().all(apart);
            is.met(
                &field("at"),
                apart,
                "a place 2 m or more from other junctions' edges",
            )?;
        }
        Ok(())
    }

    fn check_profile(&self, is: &Check) -> Result<()> {
        let profile = &self.area.profile;
        let field = "area.profile";
        let few = profile.len() != 1 && profile.len() <= 50;
        is.met(field, few, "none or 2 to 50 points")?;
        for [x, z] in profile {
            is.within(field, *x, self.area.from[0]..=self.area.to[0], "m east")?;
            is.within(field, *z, -30.0..=30.0, "m of height")?;
        }
        for pair in profile.windows(2) {
            let [run, rise] = [0, 1].map(|k| pair[1][k] - pair[0][k]);
            is.met(field, run >= 0.5, "points that go east by 0.5 m or more")?;
            // With room for the rounding of heights that are written short.
            is.within("slope of area.profile", rise / run, -0.1501..=0.1501, "")?;
        }
        Ok(())
    }

    fn check_ego(&self, is: &Check) -> Result<()> {
        is.within("ego.speed", self.ego.speed, 0.3..=10.0, "m/s")?;
        let legs = &self.ego.legs;
        is.met("ego.leg", (1..=8).contains(&legs.len()), "1 to 8 legs")?;
        for (i, leg) in legs.iter().enumerate() {
            let field = |name| format!("ego.leg[{i}].{name}");
            is.way(&field("points"), &leg.points)?;
            is.within(&field("corner"), leg.corner, 0.0..=50.0, "m")?;
            is.within(&field("pause_s"), leg.pause_s, 0.0..=60.0, "s")?;
        }
        for (i, pair) in legs.windows(2).enumerate() {
            let met = pair[0].points.last() == pair[1].points.first();
            let expected = "the place where the leg before it ends";
            is.met(&format!("ego.leg[{}].points", i + 1), met, expected)?;
        }
        Ok(())
    }
}

/// Says what is wrong with a field.
struct Check {
    path: PathBuf,
    area: [[f64; 2]; 2],
}

impl Check {
    fn met(&self, field: &str, met: bool, expected: &str) -> Result<()> {
        if met {
            return Ok(());
        }
        Err(Error::Malformed {
            path: self.path.clone(),
            field: field.into(),
            expected: expected.into(),
        })
    }

    fn within(
        &self,
        field: &str,
        value: f64,
        range: RangeInclusive<f64>,
        unit: &str,
    ) -> Result<()> {
        let expected = format!("from {} to {} {unit}", range.start(), range.end());
        self.met(field, range.contains(&value), expected.trim_end())
    }

    fn ascending(
        &self,
        field: &str,
        [least, most]: [f64; 2],
        range: RangeInclusive<f64>,
    ) -> Result<()> {
        self.within(field, least, range.clone(), "m")?;
        self.within(field, most, range, "m")?;
        self.met(field, least <= most, "the least, then the greatest")
    }

    fn place(&self, field: &str, at: [f64; 2]) -> Result<()> {
        let [from, to] = self.area;
        let inside = (0..2).all(|k| (from[k]..=to[k]).contains(&at[k]));
        self.met(field, inside, "a place within the area")
    }

    fn direction(&self, field: &str, toward: [f64; 2]) -> Result<()> {
        let [x, y] = toward.map(f64::abs);
        let is = (x <= 1000.0 && y <= 1000.0) && (x >= 0.01 || y >= 0.01);
        self.met(field, is, "a vector of 0.01 to 1000 in length")
    }

    fn line(&self, field: &str, [from, to]: [[f64; 2]; 2]) -> Result<()> {
        self.place(field, from)?;
        self.place(field, to)?;
        let apart = (Vector2::from(to) - Vector2::from(from)).norm() >= 0.2;
        self.met(field, apart, "two places 0.2 m or more apart")
    }

    fn rectangle(&self, field: &str, [from, to]: [[f64; 2]; 2]) -> Result<()> {
        self.place(field, from)?;
        self.place(field, to)?;
        let large = (0..2).all(|k| to[k] - from[k] >= 0.2);
        let expected = "the south-west corner, 0.2 m or more from the north-east one in x and y";
        self.met(field, large, expected)
    }

    fn way(&self, field: &str, points: &[[f64; 2]]) -> Result<()> {
        let few = (2..=50).contains(&points.len());
        self.met(field, few, "2 to 50 points")?;
        let mut pairs = points.windows(2);
        pairs.try_for_each(|pair| self.line(field, [pair[0], pair[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_built_in_scenario_is_right_and_says_its_purpose() {
        for name in Scenario::names() {
            let scenario = Scenario::named(name).expect("is right");
            assert_eq!(scenario.name(), name);
            assert!(scenario.purpose().ends_with('.'));
            assert!(scenario.frames() >= 50);
        }
        let error = Scenario::named("nowhere").expect_err("is none");
        assert!(
            error.to_string().contains("one of busy_street, crossing"),
            "{error}"
        );
    }

    proptest! {
        /// Any one figure of a file may be spoilt: it is read, or a sentence
        /// names the field or the line.
        #[test]
        fn a_spoilt_figure_never_panics(at in 0usize..10_000, with in prop::sample::select(vec![
            "nan", "inf", "-inf", "1e300", "-1", "0", "99999999999999999999", "\"a\"", "[]", "{}", "",
        ])) {
            let text = BUILT_IN[at % BUILT_IN.len()].1;
            let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(i, _)| i).collect();
            let at = digits[at % digits.len()];
            let spoilt = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if let Err(error) = Scenario::parse(File::new("x.toml"), &spoilt) {
                prop_assert_eq!(error.reason(), "malformed");
                let said = error.to_string();
                prop_assert!(said.starts_with("x.toml: ") && said.contains(": expected "), "{}", said);
            }
        }

        #[test]
        fn any_text_is_refused_in_words(text in any::<String>()) {
            let error = Scenario::parse(File::new("x"), &text).expect_err("is none");
            prop_assert_eq!(error.reason(), "malformed");
        }
    }
}
