//! Poses on the ground plane.

use std::f64::consts::{PI, TAU};

/// Where `base_link` stands and which way its +x axis (end A) points, in odom
/// or map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose2 {
    /// m.
    pub x: f64,
    /// m.
    pub y: f64,
    /// Heading of end A, rad, counterclockwise from +x.
    pub theta: f64,
}

impl Pose2 {
    /// A pose from metres and radians.
    pub fn new(x: f64, y: f64, theta: f64) -> Self {
        Self { x, y, theta }
    }

    /// The same place with the ends swapped: turned by π.
    pub fn flipped(self) -> Self {
        Self {
            theta: wrap(self.theta + PI),
            ..self
        }
    }

    /// What lies at `local` in this pose's frame, in the frame of this pose.
    pub fn holds(self, local: Self) -> Self {
        let (sin, cos) = self.theta.sin_cos();
        Self {
            x: self.x + cos * local.x - sin * local.y,
            y: self.y + sin * local.x + cos * local.y,
            theta: wrap(self.theta + local.theta),
        }
    }

    /// A pose as seen from this one: the inverse of [`Pose2::holds`].
    pub fn sees(self, pose: Self) -> Self {
        let (sin, cos) = self.theta.sin_cos();
        let (dx, dy) = (pose.x - self.x, pose.y - self.y);
        Self {
            x: cos * dx + sin * dy,
            y: cos * dy - sin * dx,
            theta: wrap(pose.theta - self.theta),
        }
    }

    /// Whether every coordinate is a number.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.theta.is_finite()
    }

    /// Distance between the two origins, m.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// An angle brought into (−π, π].
pub(crate) fn wrap(angle: f64) -> f64 {
    // Mostly it is there, or one turn away.
    if angle > -PI && angle <= PI {
        return angle;
    }
    let turned = angle.rem_euclid(TAU);
    if turned > PI { turned - TAU } else { turned }
}

/// The difference of two *axes*, which have no sense, in (−π/2, π/2].
pub(crate) fn wrap_axis(angle: f64) -> f64 {
    wrap(2.0 * angle) / 2.0
}

/// A heading as a whole number of parts of a turn, so that turning by π is
/// exact: the planner's symmetry rests on it. One part is 7·10⁻¹⁰ rad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heading(u64);

impl Heading {
    const HALF_TURN: u64 = 1 << 32;
    const TURN: u64 = 2 * Self::HALF_TURN;

    /// The nearest heading to an angle, rad.
    pub(crate) fn from_angle(angle: f64) -> Self {
        let parts = angle.rem_euclid(TAU) / PI * Self::HALF_TURN as f64;
        Self(parts.round() as u64 % Self::TURN)
    }

    /// The heading as an angle, rad, in (−π, π].
    pub(crate) fn angle(self) -> f64 {
        let parts = if self.0 > Self::HALF_TURN {
            self.0 as f64 - Self::TURN as f64
        } else {
            self.0 as f64
        };
        parts * PI / Self::HALF_TURN as f64
    }

    /// The unit vector of the heading; of headings a quarter turn apart it is
    /// exactly a quarter turn apart.
    pub(crate) fn unit(self) -> [f64; 2] {
        const QUARTER: u64 = Heading::HALF_TURN / 2;
        let (sin, cos) = Self(self.0 % QUARTER).angle().sin_cos();
        match self.0 / QUARTER {
            0 => [cos, sin],
            1 => [-sin, cos],
            2 => [-cos, -sin],
            _ => [sin, -cos],
        }
    }

    /// Turned by π.
    pub(crate) fn flipped(self) -> Self {
        Self((self.0 + Self::HALF_TURN) % Self::TURN)
    }

    /// This heading as seen from another.
    pub(crate) fn relative_to(self, other: Self) -> Self {
        Self((self.0 + Self::TURN - other.0) % Self::TURN)
    }

    /// Whether the heading lies in [0, π). Of a heading and its flip exactly
    /// one does.
    pub(crate) fn is_upper(self) -> bool {
        self.0 < Self::HALF_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn angles_wrap_into_one_turn() {
        assert_eq!(wrap(PI), PI);
        assert_eq!(wrap(-PI), PI);
        assert!((wrap(7.0) - (7.0 - TAU)).abs() < 1e-12);
        assert!(wrap_axis(PI).abs() < 1e-12);
        assert!((wrap_axis(3.0) - (3.0 - PI)).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn frames_hold_what_they_see(
            x in -50.0..50.0f64, y in -50.0..50.0f64, theta in -3.0..3.0f64, turn in -3.0..3.0f64,
        ) {
            let frame = Pose2::new(y, x, turn);
            let back = frame.sees(frame.holds(Pose2::new(x, y, theta)));
            prop_assert!(back.distance(Pose2::new(x, y, theta)) < 1e-9);
            prop_assert!(wrap(back.theta - theta).abs() < 1e-9);
            let ahead = frame.holds(Pose2::new(1.0, 0.0, 0.0));
            prop_assert!((ahead.x - y - turn.cos()).abs() < 1e-9);
        }

        #[test]
        fn headings_keep_angles_and_flip_exactly(angle in -20.0..20.0f64) {
            let heading = Heading::from_angle(angle);
            prop_assert!(wrap(heading.angle() - angle).abs() < 1e-9);
            prop_assert_eq!(heading.flipped().flipped(), heading);
            prop_assert_ne!(heading.is_upper(), heading.flipped().is_upper());
            prop_assert_eq!(heading.relative_to(heading.flipped()), Heading::from_angle(PI));
        }
    }
}
