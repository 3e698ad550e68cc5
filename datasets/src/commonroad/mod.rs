//! Scenarios of CommonRoad (Althoff, Koschi and Manzinger, "CommonRoad:
//! Composable benchmarks for motion planning on roads", IV 2017), of the
//! format's versions 2018b and 2020a: a road network, obstacles that move, and
//! planning problems. <https://commonroad.in.tum.de>
//!
//! Lengths are in metres, times in steps of [`Scenario::time_step_s`]; the
//! frame is the file's own.

mod element;
mod network;
mod obstacle;
mod problem;
mod region;
mod state;

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::file;
use crate::roads::Roads;
use crate::xml;

pub use obstacle::{Behaviour, Obstacle, Occupancy, Role};
pub use problem::{Goal, InitialState, PlanningProblem};
pub use region::{Position, Shape};
pub use state::{Interval, State, Steps};

use element::{Element, Wrong};
use network::Network;

/// The largest published scenarios have some ten megabytes.
const LIMIT: u64 = 64 << 20;
/// How many tags and attributes are read.
const MOST: usize = 1 << 21;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is.
    pub header: Header,
    /// Time from one step to the next, s.
    pub time_step_s: f64,
    /// A lane for each lanelet, in their order; crossings are lanelets too.
    pub roads: Arc<Roads>,
    /// What else is on the road, in the order of the file.
    pub obstacles: Vec<Obstacle>,
    /// Ways to find, in the order of the file.
    pub problems: Vec<PlanningProblem>,
}

/// What a file says of itself, as solutions of its problems repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `DEU_Test-1_1_T-1` and so on.
    pub benchmark_id: String,
    /// Of the format.
    pub version: Version,
    /// Who made it; empty if the file does not say.
    pub author: String,
    /// Where the author works; empty if the file does not say.
    pub affiliation: String,
    /// What it was made from; empty if the file does not say.
    pub source: String,
    /// When it was made, as the file writes it; empty if it does not say.
    pub date: String,
    /// `urban`, `intersection` and so on.
    pub tags: Vec<String>,
}

/// A version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Obstacles have a role, lanelets their speed limits.
    V2018b,
    /// Obstacles have elements by role, speed limits are traffic signs.
    V2020a,
}

impl Version {
    /// As a file names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2018b => "2018b",
            Self::V2020a => "2020a",
        }
    }
}

impl Scenario {
    /// Reads a scenario's file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::TooLarge`] if it cannot be read, and
    /// [`Error::Malformed`] with the element that is wrong.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(path, &file::read_text(path, LIMIT)?)
    }

    /// Takes a scenario from its text; `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the element that is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        read(text).map_err(|Wrong { field, expected }| Error::Malformed {
            path: path.into(),
            field,
            expected,
        })
    }
}

fn read(text: &str) -> Result<Scenario, Wrong> {
    let document = xml::parse(text, MOST, false).map_err(|expected| Wrong {
        field: "XML".into(),
        expected,
    })?;
    let root = Element::root(&document, "commonRoad")?;
    let version = match root.attribute("commonRoadVersion")? {
        "2018b" => Version::V2018b,
        "2020a" => Version::V2020a,
        _ => return Err(root.wrong("commonRoadVersion", "2018b or 2020a")),
    };
    let time_step_s = root.attribute("timeStepSize")?.trim().parse().ok();
    let time_step_s = time_step_s.filter(|dt| *dt > 0.0 && *dt <= 60.0);
    let benchmark_id = root.attribute("benchmarkID")?;
    if benchmark_id.is_empty() {
        return Err(root.wrong("benchmarkID", "a name"));
    }
    let told = |name| root.attribute(name).unwrap_or_default().to_owned();
    let network = Network::read(&root, version)?;
    let problems = root.children("planningProblem");
    Ok(Scenario {
        time_step_s: time_step_s
            .ok_or_else(|| root.wrong("timeStepSize", "a time from 0 to 60 s, above 0"))?,
        header: Header {
            benchmark_id: benchmark_id.into(),
            version,
            author: told("author"),
            affiliation: told("affiliation"),
            source: told("source"),
            date: told("date"),
            tags: tags(&root),
        },
        obstacles: obstacle::read(&root, version, &network)?,
        problems: problems
            .map(|problem| PlanningProblem::read(&problem, &network))
            .collect::<Result<_, _>>()?,
        roads: Arc::new(network.roads),
    })
}

/// Words of an attribute, and elements since 2020a.
fn tags(root: &Element<'_, '_>) -> Vec<String> {
    let words = root.attribute("tags").unwrap_or_default();
    let words = words.split_whitespace().map(str::to_owned);
    let elements = root.child("scenarioTags").into_iter();
    let elements = elements
        .flat_map(|tags| tags.all())
        .map(|tag| tag.name().to_owned());
    words.chain(elements).collect()
}

#[cfg(test)]
mod tests;
