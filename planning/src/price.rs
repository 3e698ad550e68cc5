//! Prices in whole millionths, so that a sum does not depend on its order.

use crate::config::Costs;
use crate::curve::Curve;
use crate::speed::steady_time;
use crate::vehicle::Vehicle;

const UNIT: f64 = 1e6;

/// [`Costs`] with what they make of a vehicle's curve.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    costs: Costs,
    vehicle: Vehicle,
}

impl Prices {
    /// Price of one metre driven in the open where that is the unit.
    pub(crate) const METRE: u64 = UNIT as u64;

    pub(crate) fn new(costs: &Costs, vehicle: &Vehicle) -> Self {
        Self {
            costs: costs.clone(),
            vehicle: vehicle.clone(),
        }
    }

    /// Price of a curve in the open; rounded up, where bounds are rounded down.
    pub(crate) fn of(&self, curve: &Curve) -> u64 {
        let crab = if curve.slips() { self.costs.crab } else { 0.0 };
        let price = curve.length * (self.costs.length + crab) + curve.turned() * self.costs.turn;
        let seconds = if self.costs.time > 0.0 {
            steady_time(&self.vehicle, curve)
        } else {
            0.0
        };
        ((price + seconds * self.costs.time) * UNIT).ceil() as u64
    }

    /// What metres cost in addition, by how near the obstacles are (from 0, at
    /// or beyond where it matters, to 1, touching) and whether they lead over
    /// unknown cells.
    pub(crate) fn surcharge(&self, metres: f64, nearness: f64, unknown: bool) -> u64 {
        let unknown = if unknown { self.costs.unknown } else { 0.0 };
        (metres * (self.costs.clearance * nearness + unknown) * UNIT).ceil() as u64
    }

    /// What a metre costs in addition by how near the obstacles are.
    pub(crate) fn of_nearness(&self, nearness: f64) -> u32 {
        (self.costs.clearance * nearness * UNIT).ceil() as u32
    }

    /// What a metre over unknown cells costs in addition.
    pub(crate) fn of_unknown(&self) -> u64 {
        (self.costs.unknown * UNIT).ceil() as u64
    }

    /// Price of metres of which each costs so much.
    pub(crate) fn for_metres(metres: f64, price: u64) -> u64 {
        (metres * price as f64).ceil() as u64
    }

    /// Price of a change of ends.
    pub(crate) fn end_change(&self) -> u64 {
        let dwell = self.vehicle.dwell * self.costs.time;
        ((self.costs.end_change + dwell) * UNIT) as u64
    }

    /// The least that metres cost, whatever else there is.
    pub(crate) fn length_bound(&self, metres: f64) -> u64 {
        self.way_bound(metres, false)
    }

    /// The least that metres cost, given whether all of them lead over unknown
    /// cells.
    pub(crate) fn way_bound(&self, metres: f64, unknown: bool) -> u64 {
        let unknown = if unknown { self.costs.unknown } else { 0.0 };
        let time = self.costs.time / self.vehicle.max_speed;
        (metres * (self.costs.length + time + unknown) * UNIT) as u64
    }

    /// The least that turning costs, beside the metres.
    pub(crate) fn turn_bound(&self, radians: f64) -> u64 {
        (radians.max(0.0) * self.costs.turn * UNIT) as u64
    }

    /// A price in units of one metre driven in the open.
    pub(crate) fn in_metres(price: u64) -> f64 {
        price as f64 / UNIT
    }
}
