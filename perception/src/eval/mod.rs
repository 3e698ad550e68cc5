//! How good what was perceived is, against what people say is there.

mod average_precision;
mod sighting;

pub use average_precision::{AveragePrecision, Curve, Guess, Measure, Truth, average_precision};
pub use sighting::{Sighting, outlined, sightings};
