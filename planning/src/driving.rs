//! How a vehicle moves.

use crate::vehicle::{End, Vehicle};

/// How the vehicle moves at an instant: along its axis, without acceleration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driving {
    /// m/s, not negative.
    pub speed: f64,
    /// The end that leads; at standstill either may lead next.
    pub lead: End,
    /// By how much it turns to the left per metre, 1/m. At standstill the wheels
    /// are straight.
    pub curvature: f64,
}

impl Driving {
    /// Standing, end A leading.
    pub const STILL: Self = Self::straight(0.0, End::A);

    /// Straight on.
    pub const fn straight(speed: f64, lead: End) -> Self {
        Self {
            speed,
            lead,
            curvature: 0.0,
        }
    }

    /// The same as fast, and in as sharp a bend, as a vehicle can be.
    pub fn within(self, vehicle: &Vehicle) -> Self {
        Self {
            speed: self.speed.clamp(0.0, vehicle.max_speed),
            ..self
        }
        .bent_within(vehicle)
    }

    /// The same in as sharp a bend as a vehicle can be at this speed.
    pub(crate) fn bent_within(self, vehicle: &Vehicle) -> Self {
        /// What rounding may add.
        const SLACK: f64 = 1e-9;
        let sharpest = (1.0 - SLACK) * vehicle.max_lateral_accel / (self.speed * self.speed);
        let sharpest = sharpest.min(vehicle.max_curvature());
        Self {
            curvature: self.curvature.clamp(-sharpest, sharpest),
            ..self
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.speed.is_finite() && self.curvature.is_finite()
    }

    pub(crate) fn is_still(&self) -> bool {
        self.speed == 0.0
    }
}
