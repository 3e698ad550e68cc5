//! Planning problems: from where to where, and when.

use super::element::{Element, Wrong};
use super::network::Network;
use super::region::Position;
use super::state::{Interval, State};

/// A way to find for a vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanningProblem {
    /// Its number in the file.
    pub id: u64,
    /// Where the vehicle is, and how it moves.
    pub initial: InitialState,
    /// Any one of them is to be reached: a state satisfies a goal with all
    /// that the goal names. There may be none.
    pub goals: Vec<Goal>,
}

/// Where a vehicle is at the start, all of it known exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitialState {
    /// The time step.
    pub time: u64,
    /// Its centre, m.
    pub at: [f64; 2],
    /// rad from x towards y.
    pub yaw: f64,
    /// m/s.
    pub speed: f64,
    /// rad/s.
    pub yaw_rate: f64,
    /// Angle of its motion from its direction, rad.
    pub slip_angle: f64,
    /// m/s², if the file says.
    pub acceleration: Option<f64>,
}

/// States in which a problem is solved; what is `None` does not matter.
pub type Goal = State;

impl PlanningProblem {
    pub(super) fn read(element: &Element<'_, '_>, network: &Network) -> Result<Self, Wrong> {
        let initial = element.needed("initialState")?;
        let goals = element.children("goalState");
        Ok(Self {
            id: element.reference("id")?,
            initial: InitialState::of(&initial, &State::read(&initial, network)?)?,
            goals: goals
                .map(|goal| State::read(&goal, network))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl InitialState {
    fn of(element: &Element<'_, '_>, state: &State) -> Result<Self, Wrong> {
        let exact = |name, value: Option<Interval>| {
            let exact = value.and_then(Interval::exact);
            exact.ok_or_else(|| element.wrong(name, "an exact value"))
        };
        let Some(Position::Point(at)) = state.position else {
            return Err(element.wrong("position", "a point"));
        };
        if state.time.first != state.time.last {
            return Err(element.wrong("time", "an exact value"));
        }
        let acceleration = state
            .acceleration
            .map(|value| exact("acceleration", Some(value)));
        Ok(Self {
            time: state.time.first,
            at,
            yaw: exact("orientation", state.orientation)?,
            speed: exact("velocity", state.velocity)?,
            yaw_rate: exact("yawRate", state.yaw_rate)?,
            slip_angle: exact("slipAngle", state.slip_angle)?,
            acceleration: acceleration.transpose()?,
        })
    }
}
