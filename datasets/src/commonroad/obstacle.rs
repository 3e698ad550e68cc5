//! What else is on the road.

use super::Version;
use super::element::{Element, Wrong};
use super::network::Network;
use super::region::{Shape, shapes};
use super::state::{State, Steps};
use crate::annotation::Class;

/// Something in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// Its number in the file.
    pub id: u64,
    /// What it is in a scenario.
    pub role: Role,
    /// What it is.
    pub class: Class,
    /// The file's own word for that; empty if there is none.
    pub label: String,
    /// What it covers, in the frame of each of its states; of one without
    /// states, in that of the file. One that is nothing but occupancy has no
    /// shape.
    pub shape: Vec<Shape>,
    /// Where it is first.
    pub initial: Option<State>,
    /// What it does then.
    pub behaviour: Behaviour,
}

/// What an obstacle is in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It stays where it is.
    Static,
    /// It moves.
    Dynamic,
    /// It is part of the surroundings: a house, a tree.
    Environment,
    /// It may be there, unseen.
    Phantom,
}

/// What an obstacle does after its initial state.
#[derive(Clone, Debug, PartialEq)]
pub enum Behaviour {
    /// It stays, or nothing is known.
    Untold,
    /// It goes from state to state.
    Trajectory(Vec<State>),
    /// It is somewhere within a region at each time.
    Occupancy(Vec<Occupancy>),
}

/// Where something can be at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Occupancy {
    /// When.
    pub time: Steps,
    /// In the frame of the file.
    pub shape: Vec<Shape>,
}

/// The obstacles of a file.
pub(super) fn read(
    root: &Element<'_, '_>,
    version: Version,
    network: &Network,
) -> Result<Vec<Obstacle>, Wrong> {
    let obstacles = root.all().filter_map(|element| {
        let role = match (version, element.name()) {
            (Version::V2018b, "obstacle") => role(&element),
            (Version::V2020a, "staticObstacle") => Ok(Role::Static),
            (Version::V2020a, "dynamicObstacle") => Ok(Role::Dynamic),
            (Version::V2020a, "environmentObstacle") => Ok(Role::Environment),
            (Version::V2020a, "phantomObstacle") => Ok(Role::Phantom),
            _ => return None,
        };
        Some(role.and_then(|role| Obstacle::read(&element, role, network)))
    });
    obstacles.collect()
}

/// The role that an obstacle of 2018b says.
fn role(element: &Element<'_, '_>) -> Result<Role, Wrong> {
    match element.needed("role")?.text() {
        "static" => Ok(Role::Static),
        "dynamic" => Ok(Role::Dynamic),
        _ => Err(element.wrong("role", "static or dynamic")),
    }
}

impl Obstacle {
    fn read(element: &Element<'_, '_>, role: Role, network: &Network) -> Result<Self, Wrong> {
        let stateful = matches!(role, Role::Static | Role::Dynamic);
        let initial = match stateful {
            true => {
                let initial = element.needed("initialState")?;
                let state = State::read(&initial, network)?;
                if state.position.is_none() {
                    return Err(initial.wrong("position", "a place"));
                }
                Some(state)
            }
            false => None,
        };
        let shape = match role {
            Role::Phantom => Vec::new(),
            _ => shapes(&element.needed("shape")?)?,
        };
        let label = element.child("type").map_or("", |label| label.text());
        Ok(Self {
            id: element.reference("id")?,
            role,
            class: class(label),
            label: label.to_owned(),
            shape,
            initial,
            behaviour: Behaviour::read(element, role, network)?,
        })
    }
}

impl Behaviour {
    fn read(element: &Element<'_, '_>, role: Role, network: &Network) -> Result<Self, Wrong> {
        if let Some(trajectory) = element.child("trajectory") {
            let states = trajectory.children("state").map(|state| {
                let read = State::read(&state, network)?;
                match read.position {
                    Some(_) => Ok(read),
                    None => Err(state.wrong("position", "a place")),
                }
            });
            let states: Vec<State> = states.collect::<Result<_, _>>()?;
            let ascends = |pair: &[State]| pair[0].time.last < pair[1].time.first;
            if states.is_empty() || !states.windows(2).all(ascends) {
                return Err(trajectory.wrong("", "one or more states, one after the other"));
            }
            return Ok(Self::Trajectory(states));
        }
        let Some(set) = element.child("occupancySet") else {
            return match role {
                Role::Phantom => Err(element.wrong("occupancySet", "where it may be")),
                _ => Ok(Self::Untold),
            };
        };
        let occupancies = set.children("occupancy").map(|occupancy| {
            Ok(Occupancy {
                time: Steps::read(&occupancy.needed("time")?)?,
                shape: shapes(&occupancy.needed("shape")?)?,
            })
        });
        Ok(Self::Occupancy(occupancies.collect::<Result<_, _>>()?))
    }
}

/// The class that a file's word stands for.
fn class(label: &str) -> Class {
    match label {
        "car" | "parkedVehicle" | "priorityVehicle" | "taxi" => Class::Car,
        "truck" => Class::Truck,
        "bus" => Class::Bus,
        "bicycle" => Class::Bicycle,
        "motorcycle" => Class::Motorcycle,
        "pedestrian" => Class::Pedestrian,
        "train" => Class::Train,
        "constructionZone" | "roadBoundary" | "pillar" | "building" | "median_strip" => {
            Class::Obstacle
        }
        _ => Class::Other,
    }
}
