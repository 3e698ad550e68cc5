//! What is seen where a thing should be, of clusters that are more than it: a
//! person before a wall, cars bumper to bumper.

use super::measure::{Expected, Measured, measure_places};
use super::rectangle::Rectangle;
use super::segment::Seen;
use super::tracker::Sight;

/// A thing is where so many returns are,
const LEAST_RETURNS: usize = 5;
/// this close to its box, m,
const CLOSE_M: f64 = 0.15;
/// in a cluster that is larger than its box by, m,
const LARGER_M: f64 = 0.8;
/// and its place is so uncertain there, m.
const UNCERTAIN: f64 = 0.15;

/// Measures a thing by the returns of larger clusters within its box; `None`
/// if there are none to speak of.
pub(super) fn measure_within(sight: &Sight<'_>, expected: &Expected) -> Option<Measured> {
    let Rectangle { centre, size, .. } = expected.rectangle;
    let reach = size[0].hypot(size[1]) / 2.0 + CLOSE_M;
    let near = sight.segments.list.iter().filter(|segment| {
        let [min, max] = segment.bounds;
        let larger = (max[0] - min[0]).max(max[1] - min[1]) > size[0].max(size[1]) + LARGER_M;
        larger && (0..2).all(|k| min[k] <= centre[k] + reach && max[k] >= centre[k] - reach)
    });
    let mut places: Vec<Seen> = Vec::new();
    let (mut top, mut ground) = (f64::NEG_INFINITY, f64::INFINITY);
    for segment in near {
        for one in &sight.segments.returns[segment.returns.clone()] {
            let seen = one.seen();
            if expected
                .rectangle
                .holds(seen.moved(expected.velocity), CLOSE_M)
            {
                places.push(seen);
                top = top.max(one.at[2]);
                ground = ground.min(segment.ground);
            }
        }
    }
    if places.len() < LEAST_RETURNS {
        return None;
    }
    let height = top - ground;
    let mut measured = measure_places(&sight.view, expected, places.iter(), height, ground)?;
    measured.place.covariance += nalgebra::Matrix2::identity() * (UNCERTAIN * UNCERTAIN);
    Some(measured)
}
