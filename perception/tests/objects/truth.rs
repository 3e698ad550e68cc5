//! What there is in the synthetic world.

use janus_datasets::{Class, Frame};

/// Things count within this range, m,
const RANGE_M: f64 = 40.0;
/// with at least so many returns.
const RETURNS: u32 = 30;

/// A thing as it is.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) track: u32,
    pub(crate) class: Class,
    pub(crate) at: [f64; 2],
    pub(crate) size: [f64; 3],
    pub(crate) velocity: [f64; 2],
    /// Whether it has to be found.
    pub(crate) counts: bool,
}

/// The things of a frame, in odom.
pub(crate) fn things(frame: &Frame) -> Vec<Thing> {
    let pose = frame.pose.unwrap();
    let things = frame.annotations.iter().map(|annotation| {
        let at = (pose * annotation.base_from_box).translation.vector;
        let [vx, vy] = annotation.velocity.unwrap();
        let velocity = pose.rotation * nalgebra::Vector3::new(vx, vy, 0.0);
        let range = annotation.base_from_box.translation.vector.xy().norm();
        Thing {
            track: annotation.track.parse().unwrap(),
            class: annotation.class,
            at: [at.x, at.y],
            size: annotation.size,
            velocity: [velocity.x, velocity.y],
            counts: range < RANGE_M && annotation.points >= Some(RETURNS),
        }
    });
    things.collect()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
