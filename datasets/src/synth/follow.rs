//! How whatever moves follows its path: as fast as it likes, as slow as the
//! bends and the others demand.

use nalgebra::Vector2;

use super::path::Path;
use super::solid;
use super::stance::left_of;

/// How far from its sides something else is out of the way, m.
const ASIDE: f64 = 0.35;
/// How far before something else it stops, m.
const BEFORE: f64 = 1.5;
/// When the others are looked for, s from now, at their present velocity.
const SOON: [f64; 3] = [0.0, 0.7, 1.4];
/// Below this it does not slow for a bend, m/s.
const SLOWEST: f64 = 0.6;

/// A rectangle on the ground that moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Footprint {
    pub(super) at: Vector2<f64>,
    /// The unit vector along its length.
    pub(super) ahead: Vector2<f64>,
    /// Half its length and width, m.
    pub(super) half: [f64; 2],
    /// m/s.
    pub(super) velocity: Vector2<f64>,
}

impl Footprint {
    /// Distance to a place, m; zero within.
    pub(super) fn distance(&self, place: Vector2<f64>) -> f64 {
        let from = place - self.at;
        let axes = [self.ahead, left_of(self.ahead)];
        let out = [0, 1].map(|k| (from.dot(&axes[k]).abs() - self.half[k]).max(0.0));
        (out[0] * out[0] + out[1] * out[1]).sqrt()
    }

    /// Where it is after some seconds at its velocity.
    fn after(&self, seconds: f64) -> Self {
        Self {
            at: self.at + self.velocity * seconds,
            ..*self
        }
    }

    /// Its corners, anticlockwise.
    pub(super) fn corners(&self) -> [Vector2<f64>; 4] {
        let along = self.ahead * self.half[0];
        let across = left_of(self.ahead) * self.half[1];
        let at = self.at;
        [
            at - along - across,
            at + along - across,
            at + along + across,
            at - along + across,
        ]
    }

    pub(super) fn touches(&self, outline: &[Vector2<f64>]) -> bool {
        solid::overlap(&self.corners(), outline)
    }
}

/// What follows a path, and how.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub(super) path: Path,
    pub(super) closed: bool,
    /// Whether it goes on at the path's end, or stops there.
    pub(super) leaves: bool,
    /// The speed that it likes, m/s.
    pub(super) speed: f64,
    /// Greatest acceleration, deceleration and acceleration sideways, m/s².
    pub(super) limits: [f64; 3],
    /// Half its length and width, m.
    pub(super) half: [f64; 2],
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Progress {
    /// Length along the path, m.
    pub(super) s: f64,
    /// m/s.
    pub(super) speed: f64,
}

impl Follower {
    /// Place and direction at a length, beyond the path's end straight on.
    pub(super) fn at(&self, s: f64) -> (Vector2<f64>, Vector2<f64>) {
        let length = self.path.length();
        if self.closed {
            return self.path.at(s % length);
        }
        let (at, ahead) = self.path.at(s);
        (at + ahead * (s - length).max(0.0), ahead)
    }

    /// Where it is after `dt` seconds, if nothing farther than `free` metres
    /// ahead is in its way.
    pub(super) fn advance(&self, from: Progress, free: f64, dt: f64) -> Progress {
        let [accelerates, brakes, _] = self.limits;
        let stops = |within: f64| (2.0 * brakes * within.max(0.0)).sqrt();
        let mut limit = self.bends(from.s).min(stops(free));
        let length = self.path.length();
        if !self.closed && !self.leaves {
            limit = limit.min(stops(length - from.s));
        }
        let fastest = from.speed + accelerates * dt;
        // In need it brakes twice as hard as it likes.
        let slowest = (from.speed - 2.0 * brakes * dt).max(0.0);
        let mut speed = limit.min(fastest).max(slowest);
        let mut s = from.s + (from.speed + speed) / 2.0 * dt;
        if self.closed {
            s %= length;
        } else if s > length - 0.02 {
            s = length;
            if !self.leaves {
                speed = 0.0;
            }
        }
        Progress { s, speed }
    }

    /// The speed at which it can still slow down for every bend ahead.
    fn bends(&self, s: f64) -> f64 {
        let [_, brakes, sideways] = self.limits;
        let reach = self.speed * self.speed / (2.0 * brakes) + 1.0;
        let mut limit = self.speed;
        let mut ahead = 0.0;
        while ahead < reach {
            let s = s + ahead;
            let s = if self.closed {
                s % self.path.length()
            } else {
                s
            };
            let curvature = self.path.curvature(s).max(1e-6);
            let bend = (sideways / curvature).sqrt().max(SLOWEST);
            limit = limit.min((bend * bend + 2.0 * brakes * ahead).sqrt());
            ahead += 0.5;
        }
        limit
    }

    /// Free length before it, m, as far as it needs to look.
    pub(super) fn free(&self, from: Progress, others: &[Footprint]) -> f64 {
        let reach = from.speed * from.speed / (2.0 * self.limits[1]) + 6.0;
        let mut ahead = 0.0;
        while ahead < reach {
            let s = from.s + self.half[0] + ahead;
            // At the path's end its own end is over that.
            if !self.closed && s > self.path.length() + self.half[0] {
                break;
            }
            let (place, _) = self.at(s);
            let blocks = |other: &Footprint| {
                SOON.iter()
                    .any(|&soon| other.after(soon).distance(place) < self.half[1] + ASIDE)
            };
            if others.iter().any(blocks) {
                return (ahead - BEFORE).max(0.0);
            }
            ahead += 0.3;
        }
        f64::INFINITY
    }

    /// Whether one of the others comes near the next `length` metres within
    /// the next seconds.
    pub(super) fn crossed(&self, from: Progress, length: f64, others: &[Footprint]) -> bool {
        let places = (1..=(length / 0.5) as usize)
            .map(|i| from.s + self.half[0] + i as f64 * 0.5)
            .filter(|&s| self.closed || s <= self.path.length());
        let places: Vec<_> = places.map(|s| self.at(s).0).collect();
        (0..=8).any(|i| {
            let others = others.iter().map(|other| other.after(f64::from(i) * 0.5));
            let near = self.half[1] + ASIDE + 0.3;
            others
                .into_iter()
                .any(|other| places.iter().any(|&place| other.distance(place) < near))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn car(length: f64) -> Follower {
        Follower {
            path: Path::new(&[[0.0, 0.0], [length, 0.0]], 0.0, false),
            closed: false,
            leaves: false,
            speed: 8.0,
            limits: [1.5, 2.0, 1.5],
            half: [2.0, 0.9],
        }
    }

    fn standing(x: f64) -> Footprint {
        Footprint {
            at: Vector2::new(x, 0.3),
            ahead: Vector2::y(),
            half: [0.5, 0.5],
            velocity: Vector2::zeros(),
        }
    }

    proptest! {
        #[test]
        fn it_stops_at_the_end_and_before_what_stands_there(length in 30.0..90.0f64, x in 20.0..100.0f64) {
            let car = car(length);
            let others = [standing(x)];
            let mut at = Progress { s: 0.0, speed: 0.0 };
            for _ in 0..400 {
                at = car.advance(at, car.free(at, &others), 0.1);
                prop_assert!(at.s <= length && at.speed <= 8.0 + 1e-9);
                prop_assert!(at.s + 2.0 < x - 0.5 || length + 2.0 < x - 0.5);
            }
            prop_assert_eq!(at.speed, 0.0);
            let blocked = length + 2.0 > x - 1.8;
            prop_assert!(blocked || at.s == length);
        }
    }

    #[test]
    fn it_waits_for_what_will_cross() {
        let walker = car(50.0);
        let from = Progress { s: 0.0, speed: 0.0 };
        let coming = |speed: f64| Footprint {
            at: Vector2::new(6.0, -20.0),
            velocity: Vector2::new(0.0, speed),
            ..standing(0.0)
        };
        assert!(walker.crossed(from, 9.0, &[coming(6.0)]));
        assert!(!walker.crossed(from, 9.0, &[coming(1.0)]));
        assert!(!walker.crossed(from, 9.0, &[coming(-6.0)]));
    }

    #[test]
    fn it_is_slow_in_a_bend() {
        let mut car = car(50.0);
        car.path = Path::new(&[[0.0, 0.0], [30.0, 0.0], [30.0, 30.0]], 6.0, false);
        let mut at = Progress { s: 0.0, speed: 8.0 };
        let mut in_bend = 0.0f64;
        while at.s < 50.0 {
            at = car.advance(at, f64::INFINITY, 0.1);
            let sideways = at.speed * at.speed * car.path.curvature(at.s);
            in_bend = in_bend.max(sideways);
        }
        assert!(in_bend > 0.8 && in_bend < 2.2, "{in_bend}");
    }
}
