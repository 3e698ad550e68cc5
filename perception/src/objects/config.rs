//! What a user can set of objects.

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// How things are told from clusters and pictures, and followed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectsConfig {
    /// Frames farther apart in time than this, or that go back in time, have
    /// nothing to do with each other, s.
    pub max_gap_s: f64,
    /// How long something is followed that is not seen, s.
    pub coast_s: f64,
    /// How likely something in full view is found in a frame, from 0 to 1.
    pub detection_probability: f64,
    /// Clusters and boxes that are no thing to follow, m⁻² and frame.
    pub clutter_per_m2: f64,
    /// How likely it must be that there is a thing before it is called one,
    /// as the logarithm of odds, nats.
    pub confirm: f64,
    /// The farthest that something may be from where it should be, squared,
    /// in standard deviations.
    pub gate: f64,
    /// Least overlap, intersection over union, of a box in a picture and the
    /// returns that it is to belong to, from 0 to 1.
    pub overlap: f64,
    /// Pictures that are this much older or newer than the frame are stale,
    /// and so are sweeps, s.
    pub stale_s: f64,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            max_gap_s: 1.0,
            coast_s: 3.0,
            detection_probability: 0.9,
            clutter_per_m2: 0.01,
            confirm: 7.0,
            gate: 14.0,
            overlap: 0.25,
            stale_s: 0.25,
        }
    }
}

impl ObjectsConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`ConfigError`] for the first field that is out of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        #[rustfmt::skip]
        let rules = [
            ("objects.max_gap_s", self.max_gap_s, 0.01, 60.0, "0.01 to 60 s"),
            ("objects.coast_s", self.coast_s, 0.0, 60.0, "0 to 60 s"),
            ("objects.detection_probability", self.detection_probability, 0.5, 0.999, "0.5 to 0.999"),
            ("objects.clutter_per_m2", self.clutter_per_m2, 1e-6, 1.0, "0.000001 to 1 a m²"),
            ("objects.confirm", self.confirm, 0.0, 100.0, "0 to 100 nats"),
            ("objects.gate", self.gate, 1.0, 100.0, "1 to 100"),
            ("objects.overlap", self.overlap, 0.01, 0.99, "0.01 to 0.99"),
            ("objects.stale_s", self.stale_s, 0.001, 60.0, "0.001 to 60 s"),
        ];
        let wrong = |value: f64, least, most| !(least..=most).contains(&value);
        match rules.into_iter().find(|rule| wrong(rule.1, rule.2, rule.3)) {
            None => Ok(()),
            Some((field, value, _, _, expected)) => Err(ConfigError {
                field,
                value,
                expected,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(ObjectsConfig::default().check(), Ok(()));
        for (set, field) in [
            (
                (|c| c.gate = f64::NAN) as fn(&mut ObjectsConfig),
                "objects.gate",
            ),
            (|c| c.max_gap_s = -1.0, "objects.max_gap_s"),
            (
                |c| c.detection_probability = 1.0,
                "objects.detection_probability",
            ),
        ] {
            let mut config = ObjectsConfig::default();
            set(&mut config);
            assert_eq!(config.check().expect_err(field).field, field);
        }
    }
}
