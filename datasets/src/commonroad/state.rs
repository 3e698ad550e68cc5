//! States: where something is at a time, and how it moves.

use super::element::{Element, Wrong};
use super::network::Network;
use super::region::Position;

/// A number of which two bounds are known; both are the same if it is known
/// exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The least that it can be.
    pub least: f64,
    /// The most that it can be.
    pub most: f64,
}

/// Time steps from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What is known of something at a time. What the file leaves out is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// When.
    pub time: Steps,
    /// Where its origin is.
    pub position: Option<Position>,
    /// Its direction, rad from x towards y.
    pub orientation: Option<Interval>,
    /// Along its direction, m/s.
    pub velocity: Option<Interval>,
    /// Along its direction, m/s².
    pub acceleration: Option<Interval>,
    /// rad/s.
    pub yaw_rate: Option<Interval>,
    /// Angle of its motion from its direction, rad.
    pub slip_angle: Option<Interval>,
}

impl Interval {
    /// The number, if it is known exactly.
    pub fn exact(self) -> Option<f64> {
        (self.least == self.most).then_some(self.least)
    }

    pub(super) fn read(element: &Element<'_, '_>) -> Result<Self, Wrong> {
        if let Some(exact) = element.child("exact") {
            let exact = exact.number()?;
            return Ok(Self {
                least: exact,
                most: exact,
            });
        }
        let [least, most] = ["intervalStart", "intervalEnd"].map(|name| element.child(name));
        let (Some(least), Some(most)) = (least, most) else {
            return Err(element.wrong("", "an exact value, or intervalStart and intervalEnd"));
        };
        let [least, most] = [least.number()?, most.number()?];
        if least > most {
            return Err(element.wrong("", "an interval that ends behind its start"));
        }
        Ok(Self { least, most })
    }
}

impl Steps {
    pub(super) fn read(element: &Element<'_, '_>) -> Result<Self, Wrong> {
        let Interval { least, most } = Interval::read(element)?;
        if least < 0.0 || least.fract() != 0.0 || most.fract() != 0.0 {
            return Err(element.wrong("", "whole time steps, not negative"));
        }
        Ok(Self {
            first: least as u64,
            last: most as u64,
        })
    }
}

impl State {
    pub(super) fn read(element: &Element<'_, '_>, network: &Network) -> Result<Self, Wrong> {
        let interval = |name| {
            let value = element.child(name);
            value.map(|value| Interval::read(&value)).transpose()
        };
        let position = element.child("position");
        Ok(Self {
            time: Steps::read(&element.needed("time")?)?,
            position: position
                .map(|position| Position::read(&position, network))
                .transpose()?,
            orientation: interval("orientation")?,
            velocity: interval("velocity")?,
            acceleration: interval("acceleration")?,
            yaw_rate: interval("yawRate")?,
            slip_angle: interval("slipAngle")?,
        })
    }
}
