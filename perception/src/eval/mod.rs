//! How good what was perceived is, against what people say is there.

mod average_precision;
mod box_errors;
mod clear;
mod forecast_errors;
mod hota;
mod identity;
mod moment;
mod moments;
mod overlap;
mod sequence;
mod sighting;
mod tracking;

pub use average_precision::{AveragePrecision, Curve, Guess, Measure, Truth, average_precision};
pub use box_errors::{BoxErrors, Spread, box_errors};
pub use clear::{Clear, clear};
pub use forecast_errors::{Displacement, Forecast, ForecastErrors, HORIZONS, Way, forecast_errors};
pub use hota::{Hota, HotaAt, hota};
pub use identity::{Identity, identity};
pub use moment::{
    Hypothesis, Moment, ObjectState, PredictedPose, Relevance, Similarity, TrackedObject,
    TruthObject,
};
pub use moments::Moments;
pub use overlap::Footprint;
pub use sequence::{Sequence, SequenceError, TrackFrame};
pub use sighting::{Sighting, outlined, sightings};
pub use tracking::{MOVING, TrackingScore, score_tracking};
