//! What there is in the synthetic world.

use janus_datasets::Frame;

/// A thing as it is.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) track: u32,
    /// In odom, m.
    pub(crate) at: [f64; 2],
}

/// The things of a frame.
pub(crate) fn things(frame: &Frame) -> Vec<Thing> {
    let pose = frame.pose.unwrap();
    let things = frame.annotations.iter().map(|annotation| {
        let at = (pose * annotation.base_from_box).translation.vector;
        Thing {
            track: annotation.track.parse().unwrap(),
            at: [at.x, at.y],
        }
    });
    things.collect()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
