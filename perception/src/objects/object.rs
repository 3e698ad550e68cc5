//! What a thing around the vehicle is, where, and what it may do next.

use janus_datasets::Class;

/// A thing that takes part in traffic, or stands in its way, as it is at the
/// time of the frame. Everything is in odom.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The same for one thing for as long as it is followed, never given
    /// twice.
    pub id: u64,
    /// The likeliest class.
    pub class: Class,
    /// How sure the class is, from 0 to 1.
    pub class_score: f64,
    /// How sure it is that there is such a thing at all, from 0 to 1.
    pub score: f64,
    /// Centre of its box, m.
    pub centre: [f64; 3],
    /// Direction of its box's length, rad from x towards y. Of something that
    /// moves it is the direction in which it is headed, of something that was
    /// never seen to move the length may as well point the other way.
    pub yaw: f64,
    /// Of its box, m.
    pub length: f64,
    /// Of its box, m.
    pub width: f64,
    /// Of its box, m.
    pub height: f64,
    /// Over the ground, along x and y, m/s.
    pub velocity: [f64; 2],
    /// rad/s, from x towards y.
    pub yaw_rate: f64,
    /// Covariance of x, y, yaw, the velocity's x and y, and yaw rate, in
    /// their units.
    pub covariance: [[f64; 6]; 6],
    /// Whether it moves.
    pub motion: Motion,
    /// What it is known from.
    pub source: Source,
    /// Seconds since a sensor last saw it.
    pub unseen_s: f64,
    /// What it may do next, the likeliest first; the weights add up to 1.
    pub predicted: Vec<Hypothesis>,
}

/// Whether a thing moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// More likely than not it stands.
    Standing,
    /// More likely than not it moves.
    Moving,
}

/// What a thing is known from, in the last second; if it was not seen since,
/// what it is known from at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Returns of a lidar alone: its class is told by its size.
    Lidar,
    /// Returns of a lidar, and a detector's box in a picture.
    LidarAndCamera,
    /// A detector's box alone. Its bearing is good; its range is that of the
    /// ground under the box's lower edge.
    Camera,
}

/// One thing that an object may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// What it would be.
    pub manoeuvre: Manoeuvre,
    /// How likely it is, from 0 to 1.
    pub weight: f64,
    /// Where it would be, each [`Hypothesis::STEP_S`] after the one before,
    /// up to [`Hypothesis::HORIZON_S`].
    pub poses: Vec<FuturePose>,
}

impl Hypothesis {
    /// Time from one pose to the next, s.
    pub const STEP_S: f64 = 0.5;
    /// Time of the last pose, s from the frame.
    pub const HORIZON_S: f64 = 5.0;
}

/// What an object may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manoeuvre {
    /// Stay where it is.
    Stay,
    /// Go on, and turn as it turns now.
    KeepTurning,
    /// Go on straight ahead.
    Straighten,
    /// Come to a stop.
    Brake,
    /// Follow its lane and those that go on from it.
    FollowLane,
    /// Walk over a crossing.
    Cross,
}

/// Where an object may be, in odom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FuturePose {
    /// Seconds after the frame.
    pub seconds: f64,
    /// Centre over the ground, m.
    pub at: [f64; 2],
    /// rad from x towards y.
    pub yaw: f64,
    /// Covariance of the centre, m².
    pub covariance: [[f64; 2]; 2],
}

#[cfg(test)]
impl Object {
    /// A car of 4 m by 2 m on the x axis, headed along it.
    pub(super) fn car(x: f64, speed: f64) -> Self {
        Self {
            id: 1,
            class: Class::Car,
            class_score: 1.0,
            score: 1.0,
            centre: [x, 0.0, 0.8],
            yaw: 0.0,
            length: 4.0,
            width: 2.0,
            height: 1.6,
            velocity: [speed, 0.0],
            yaw_rate: 0.0,
            covariance: [[0.0; 6]; 6],
            motion: if speed > 0.0 {
                Motion::Moving
            } else {
                Motion::Standing
            },
            source: Source::Lidar,
            unseen_s: 0.0,
            predicted: Vec::new(),
        }
    }
}
