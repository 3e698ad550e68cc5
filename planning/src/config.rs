//! What can be tuned in the planner.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A figure that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub struct Invalid {
    /// The field.
    pub field: &'static str,
    /// What it should have held.
    pub expected: String,
}

impl Invalid {
    /// Refuses a value outside of `range`, and NaN.
    pub(crate) fn unless(
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        expected: &str,
    ) -> Result<(), Self> {
        if range.contains(&value) {
            return Ok(());
        }
        Err(Self {
            field,
            expected: format!("{expected}, found {value}"),
        })
    }
}

/// What the planner makes of cells that were never observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// They may be driven over, at [`Costs::unknown`] per metre.
    #[default]
    Price,
    /// They count as occupied.
    Blocked,
}

/// What the planner makes of a scene of which less may be known than it seems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degraded {
    /// The vehicle stops.
    #[default]
    Stop,
    /// It drives on, on what is known.
    Drive,
}

/// Which headings end a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalHeading {
    /// The vehicle's axis lies along the goal's; of a symmetric vehicle either
    /// end may point either way. For any other vehicle the same as `Exact`.
    #[default]
    Axis,
    /// End A points where the goal says.
    Exact,
}

/// Prices, in units of one metre driven in the open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// Every metre.
    pub length: f64,
    /// Every second, at the greatest speed that the vehicle can keep where it is,
    /// and of the dwell at every change of the leading end.
    pub time: f64,
    /// Every change of the leading end.
    pub end_change: f64,
    /// Every metre moved at an angle to the axis, in addition.
    pub crab: f64,
    /// Every radian turned, either way.
    pub turn: f64,
    /// Every metre at no clearance, in addition; falls linearly to nothing at
    /// [`PlannerConfig::clearance_m`].
    pub clearance: f64,
    /// Every metre over unknown cells, in addition.
    pub unknown: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            length: 1.0,
            time: 0.0,
            end_change: 6.0,
            crab: 0.02,
            turn: 0.5,
            clearance: 0.3,
            unknown: 0.5,
        }
    }
}

/// What can be tuned in the planner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannerConfig {
    /// Spacing of the lattice, m.
    pub cell_m: f64,
    /// Headings of the lattice: 16 or 32.
    pub headings: u8,
    /// Prices.
    pub costs: Costs,
    /// How far from occupied cells a metre costs nothing extra, m.
    pub clearance_m: f64,
    /// Kept free around the vehicle on every side, m.
    pub margin_m: f64,
    /// What becomes of unknown cells.
    pub unknown: Unknown,
    /// What becomes of scenes of degraded health.
    pub degraded: Degraded,
    /// Which headings end a plan.
    pub goal_heading: GoalHeading,
    /// How far from the goal a plan may end, m.
    pub tolerance_m: f64,
    /// How far from the goal's heading a plan may end, rad.
    pub tolerance_rad: f64,
    /// The search tries to reach the goal, or a state from which a way to it is
    /// known, with one curve from within this distance, m.
    pub connect_m: f64,
    /// The search ends when its plan is known to cost at most so many times as
    /// much as the cheapest of those that it looks at.
    pub inflation: f64,
    /// By what the bound on what remains is multiplied at first, so that some
    /// plan is found soon (weighted A*, Pohl 1970); less and less while the
    /// plan is improved.
    pub first_inflation: f64,
    /// How many states the search may expand.
    pub budget: u32,
    /// How many of them once it has a plan, to make it better.
    pub improvement: u32,
    /// How many expanded states a plan keeps for display.
    pub trace: u32,
}

impl Default for PlannerConfig {
    fn default() -> Self {
        Self {
            cell_m: 0.2,
            headings: 32,
            costs: Costs::default(),
            clearance_m: 0.6,
            margin_m: 0.1,
            unknown: Unknown::Price,
            degraded: Degraded::Stop,
            goal_heading: GoalHeading::Axis,
            tolerance_m: 0.02,
            tolerance_rad: 0.5f64.to_radians(),
            connect_m: 6.0,
            inflation: 1.2,
            first_inflation: 4.0,
            budget: 5_000,
            improvement: 500,
            trace: 20_000,
        }
    }
}

impl PlannerConfig {
    /// Whether every figure is in range.
    pub fn validate(&self) -> Result<(), Invalid> {
        let costs = &self.costs;
        for (field, price, least) in [
            ("costs.length", costs.length, 0.01),
            ("costs.time", costs.time, 0.0),
            ("costs.end_change", costs.end_change, 0.0),
            ("costs.crab", costs.crab, 0.0),
            ("costs.turn", costs.turn, 0.0),
            ("costs.clearance", costs.clearance, 0.0),
            ("costs.unknown", costs.unknown, 0.0),
        ] {
            Invalid::unless(
                field,
                price,
                least..=1000.0,
                "a price from 0 (costs.length: 0.01) to 1000",
            )?;
        }
        for (field, metres, range) in [
            ("cell_m", self.cell_m, 0.05..=1.0),
            ("clearance_m", self.clearance_m, 0.0..=5.0),
            ("margin_m", self.margin_m, 0.02..=2.0),
            ("tolerance_m", self.tolerance_m, 0.001..=2.0),
            ("connect_m", self.connect_m, 0.0..=50.0),
        ] {
            let expected = format!("metres between {} and {}", range.start(), range.end());
            Invalid::unless(field, metres, range, &expected)?;
        }
        Invalid::unless(
            "tolerance_rad",
            self.tolerance_rad,
            0.001..=0.5,
            "radians between 0.001 and 0.5",
        )?;
        for (field, factor) in [
            ("inflation", self.inflation),
            ("first_inflation", self.first_inflation),
        ] {
            Invalid::unless(field, factor, 1.0..=10.0, "a factor from 1 to 10")?;
        }
        Invalid::unless(
            "budget",
            f64::from(self.budget),
            1.0..=10_000_000.0,
            "a number of states from 1 to 10000000",
        )?;
        for (field, states, most) in [
            ("improvement", self.improvement, 10_000_000),
            ("trace", self.trace, 1_000_000),
        ] {
            let expected = format!("a number of states from 0 to {most}");
            Invalid::unless(field, f64::from(states), 0.0..=f64::from(most), &expected)?;
        }
        if ![16, 32].contains(&self.headings) {
            return Err(Invalid {
                field: "headings",
                expected: format!("16 or 32, found {}", self.headings),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_toml() {
        let config = PlannerConfig::default();
        config.validate().expect("valid");
        let text = toml::to_string(&config).expect("TOML");
        assert_eq!(
            toml::from_str::<PlannerConfig>(&text).expect("TOML"),
            config
        );
        assert!(toml::from_str::<PlannerConfig>("reverse_penalty = 2").is_err());
    }

    #[test]
    fn a_fault_names_the_field() {
        let config: PlannerConfig = toml::from_str("headings = 17").expect("TOML");
        let said = config.validate().expect_err("17").to_string();
        assert_eq!(said, "headings: expected 16 or 32, found 17");
        let config: PlannerConfig = toml::from_str("costs.end_change = nan").expect("TOML");
        assert_eq!(
            config.validate().expect_err("NaN").field,
            "costs.end_change"
        );
    }
}
