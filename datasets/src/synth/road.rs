//! The road: a line that the vehicle drives along.

use nalgebra::{Quaternion, Translation3, UnitQuaternion, Vector2, Vector3};

use crate::geometry::Pose;

/// A place on the road's line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    /// Where it is, m.
    pub(super) at: Vector2<f64>,
    /// The unit vector along the line.
    pub(super) ahead: Vector2<f64>,
}

impl Station {
    /// The place `offset` metres to the left.
    pub(super) fn beside(&self, offset: f64) -> Vector2<f64> {
        self.at + left_of(self.ahead) * offset
    }

    /// The pose of a vehicle on the line.
    pub(super) fn pose(&self) -> Pose {
        // The quaternion of half the heading, which is less than a right
        // angle either way.
        let w = ((1.0 + self.ahead.x) / 2.0).sqrt();
        let z = self.ahead.y / (2.0 * w);
        Pose::from_parts(
            Translation3::new(self.at.x, self.at.y, 0.0),
            UnitQuaternion::new_normalize(Quaternion::from_parts(w, Vector3::new(0.0, 0.0, z))),
        )
    }

    /// The place `length` farther along a bend, by the chord.
    fn advance(self, curvature: f64, length: f64) -> Self {
        let half = curvature * length / 2.0;
        let chord = turn(self.ahead, half);
        Self {
            at: self.at + chord * length,
            ahead: turn(chord, half),
        }
    }
}

/// The unit vector to the left of another.
pub(super) fn left_of(ahead: Vector2<f64>) -> Vector2<f64> {
    Vector2::new(-ahead.y, ahead.x)
}

/// Turns a vector by a small angle, to within its cube over 12 (Cayley's
/// formula, in place of sine and cosine, whose last bit is the platform's).
fn turn(v: Vector2<f64>, angle: f64) -> Vector2<f64> {
    let t = angle / 2.0;
    (v * (1.0 - t * t) + left_of(v) * (2.0 * t)) / (1.0 + t * t)
}

/// A line through the origin along x that is straight, then bends gently to
/// the left and back, to the right and back, and so on.
#[derive(Debug)]
pub(super) struct Road {
    /// Length along the line of the first station, m.
    start: f64,
    /// One every [`Road::STEP`].
    stations: Vec<Station>,
}

impl Road {
    const STEP: f64 = 0.5;
    /// Where the first bend begins, m.
    const STRAIGHT: f64 = 6.0;
    /// Length of a bend, m.
    const BEND: f64 = 60.0;
    /// Curvature in the middle of a bend, 1/m. A bend turns by two thirds of
    /// its length times this, 33°.
    const CURVATURE: f64 = 1.0 / 70.0;

    /// The road from `behind` metres before the origin to `ahead` after it.
    pub(super) fn new(behind: f64, ahead: f64) -> Self {
        let before = (behind / Self::STEP).ceil();
        let start = -before * Self::STEP;
        let mut station = Station {
            at: Vector2::new(start, 0.0),
            ahead: Vector2::x(),
        };
        let mut stations = vec![station];
        for i in 0..(before + ahead / Self::STEP).ceil() as usize {
            let s = start + (i as f64 + 0.5) * Self::STEP;
            station = station.advance(Self::curvature(s), Self::STEP);
            stations.push(station);
        }
        Self { start, stations }
    }

    /// The parabola from zero to zero of one bend after another, whose signs
    /// go + − − +.
    fn curvature(s: f64) -> f64 {
        let along = (s - Self::STRAIGHT).max(0.0) / Self::BEND;
        let x = along.fract();
        let sign = match along as u64 % 4 {
            0 | 3 => 1.0,
            _ => -1.0,
        };
        sign * Self::CURVATURE * 4.0 * x * (1.0 - x)
    }

    /// The place at a length along the line from the origin, m.
    pub(super) fn at(&self, s: f64) -> Station {
        let from = (s - self.start) / Self::STEP;
        let i = (from.max(0.0) as usize).min(self.stations.len() - 1);
        let middle = self.start + (i as f64 + 0.5) * Self::STEP;
        let rest = (from - i as f64) * Self::STEP;
        self.stations[i].advance(Self::curvature(middle), rest)
    }

    /// Length along the line, and distance to its left, of a place. The
    /// search walks from station `near`, which is left at the nearest.
    pub(super) fn locate(&self, place: Vector2<f64>, near: &mut usize) -> [f64; 2] {
        let last = self.stations.len() - 1;
        let along = |i: usize| (place - self.stations[i].at).dot(&self.stations[i].ahead);
        let mut i = (*near).min(last);
        while i > 0 && along(i) < 0.0 {
            i -= 1;
        }
        while i < last && along(i + 1) >= 0.0 {
            i += 1;
        }
        *near = i;
        let station = self.stations[i];
        let left = (place - station.at).dot(&left_of(station.ahead));
        [self.start + i as f64 * Self::STEP + along(i), left]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_begins_at_the_origin_and_straight() {
        let road = Road::new(100.0, 300.0);
        assert_eq!(road.at(0.0).pose(), Pose::identity());
        assert_eq!(road.at(-40.0).at, Vector2::new(-40.0, 0.0));
        assert!(road.at(66.0).ahead.y > 0.5, "bends to the left");
        assert!(road.at(126.0).ahead.y.abs() < 1e-3, "and back");
        assert!(road.at(186.0).ahead.y < -0.5, "and to the right");
    }

    proptest! {
        #[test]
        fn length_along_it_is_length(s in -90.0..290.0f64, step in 0.01..2.0f64) {
            let road = Road::new(100.0, 300.0);
            let [from, to] = [s, s + step].map(|s| road.at(s));
            let chord = (to.at - from.at).norm();
            prop_assert!((chord - step).abs() < 1e-4 * step + 1e-9);
            prop_assert!((to.ahead.norm() - 1.0).abs() < 1e-12);
            prop_assert!(from.ahead.dot(&to.ahead) > 1.0 - (step / 60.0).powi(2));
            // The pose turns x to the line's direction.
            let x = from.pose().rotation * Vector3::x();
            prop_assert!((x.xy() - from.ahead).norm() < 1e-12);
        }

        #[test]
        fn a_place_beside_it_is_located(s in -90.0..290.0f64, offset in -12.0..12.0f64, near in 0usize..900) {
            let road = Road::new(100.0, 300.0);
            let [found, left] = road.locate(road.at(s).beside(offset), &mut near.clone());
            // A station's straight piece leaves the bend by less than 1 cm
            // at the line, and by its turn of 0.4° at the side.
            prop_assert!((found - s).abs() < 0.15, "{found} for {s}");
            prop_assert!((left - offset).abs() < 0.01, "{left} for {offset}");
        }
    }
}
