//! How large things of each class are, and what the size of something tells
//! of its class.

use janus_datasets::Class;

/// What a thing can be. A tram is a long bus here, an animal something else.
pub(super) const CLASSES: [Class; 8] = [
    Class::Car,
    Class::Van,
    Class::Truck,
    Class::Bus,
    Class::Motorcycle,
    Class::Bicycle,
    Class::Pedestrian,
    Class::Obstacle,
];

/// No single thing is longer or wider, m. A tram, and a bus of two parts, are
/// longer: lidars alone cannot tell them from walls, and they are known by
/// pictures alone.
pub(super) const LARGEST_M: [f64; 2] = [14.0, 3.6];

/// Length, width and height, m.
pub(super) type Size = [f64; 3];

/// How things of a class are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// How likely something is one before it is looked at.
    frequency: f64,
    /// Mean.
    pub(super) size: Size,
    /// Standard deviation.
    pub(super) spread: Size,
    /// Whether it has wheels, and so goes along its length.
    pub(super) is_wheeled: bool,
}

/// Sizes near those of the annotated things of KITTI and nuScenes; people and
/// cyclists with the room that arms and strides take.
pub(super) fn prior(class: Class) -> Prior {
    let (frequency, size, spread, is_wheeled) = match class {
        Class::Car => (0.30, [4.4, 1.8, 1.55], [0.4, 0.12, 0.15], true),
        Class::Van => (0.08, [5.3, 2.0, 2.25], [0.5, 0.15, 0.25], true),
        Class::Truck => (0.02, [8.0, 2.5, 3.2], [2.0, 0.25, 0.35], true),
        Class::Bus => (0.01, [11.5, 2.6, 3.3], [1.5, 0.2, 0.35], true),
        Class::Motorcycle => (0.02, [2.1, 0.8, 1.5], [0.25, 0.15, 0.25], true),
        Class::Bicycle => (0.08, [1.8, 0.65, 1.75], [0.15, 0.12, 0.12], true),
        Class::Pedestrian => (0.25, [0.75, 0.65, 1.72], [0.2, 0.12, 0.11], false),
        _ => (0.24, [1.0, 1.0, 1.2], [0.8, 0.8, 0.8], false),
    };
    Prior {
        frequency,
        size,
        spread,
        is_wheeled,
    }
}

/// What of a thing was seen at one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// How long and how wide it is, as far as it was seen, m.
    pub(super) sides: [f64; 2],
    /// How high, over the ground, m.
    pub(super) height: f64,
    /// Distance between the beams there, m: the top may be so much higher.
    pub(super) gap: f64,
    /// Whether both ends of each side were seen.
    pub(super) whole: [bool; 2],
}

/// How likely a thing is of each of [`CLASSES`]; adds up to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief([f64; CLASSES.len()]);

/// A likelihood is no less than this share of that of a perfect fit: nothing
/// is told by one look.
const LEAST: f64 = 0.003;
/// Nor does any class become less likely.
const LEAST_BELIEF: f64 = 1e-4;
/// Looks that follow each other are alike: so much of each counts.
const NEWS: f64 = 0.3;
/// How often a detector is wrong where it is sure,
const CONFUSION: f64 = 0.05;
/// and how much oftener among what has wheels and a roof, or two wheels.
const KIN: f64 = 4.0;

/// A wall is no thicker as far as it is seen, and higher than this, m.
const THIN_M: f64 = 0.35;
const HIGH_M: f64 = 2.1;

impl Belief {
    /// Before anything is seen.
    pub(super) fn new() -> Self {
        Self(CLASSES.map(|class| prior(class).frequency)).normal()
    }

    /// The likeliest class, and how likely it is.
    pub(super) fn best(&self) -> (Class, f64) {
        let all = CLASSES.into_iter().zip(self.0);
        all.fold(
            (Class::Other, 0.0),
            |best, one| {
                if one.1 > best.1 { one } else { best }
            },
        )
    }

    /// How well what was seen fits whatever it is.
    pub(super) fn plausibility(&self, look: &Look) -> f64 {
        let all = CLASSES.into_iter().zip(self.0);
        all.fold(0.0, |sum, (class, b)| sum + b * likelihood(class, look))
    }

    /// Takes in what was seen of its size.
    pub(super) fn look(&mut self, look: &Look) {
        self.multiply(|class| likelihood(class, look).powf(NEWS));
    }

    /// Takes in what a detector calls it, and how sure that is, from 0 to 1.
    pub(super) fn called(&mut self, called: Class, score: f64) {
        if !(0.0..=1.0).contains(&score) {
            return;
        }
        let right = score.clamp(CONFUSION, 1.0 - CONFUSION);
        let wrong = (1.0 - right) / 10.0;
        self.multiply(|class| {
            let share = if class == called {
                right
            } else if kin(class) == kin(called) {
                wrong * KIN
            } else {
                wrong
            };
            // However unsure it is, no other class is likelier for it.
            share.min(right).powf(2.0 * NEWS)
        });
    }

    /// Takes in that it has moved by itself.
    pub(super) fn moved(&mut self) {
        self.multiply(|class| if class == Class::Obstacle { 0.5 } else { 1.0 });
    }

    fn multiply(&mut self, by: impl Fn(Class) -> f64) {
        for (belief, class) in self.0.iter_mut().zip(CLASSES) {
            *belief *= by(class);
        }
        *self = self.normal();
    }

    fn normal(self) -> Self {
        let sum = |belief: &[f64]| belief.iter().fold(0.0, |sum, b| sum + b);
        let total = sum(&self.0);
        let raised = self.0.map(|b| (b / total).max(LEAST_BELIEF));
        let total = sum(&raised);
        Self(raised.map(|b| b / total))
    }
}

/// Classes that are easily taken for one another.
fn kin(class: Class) -> u8 {
    match class {
        Class::Car | Class::Van | Class::Truck | Class::Bus => 0,
        Class::Motorcycle | Class::Bicycle => 1,
        Class::Pedestrian => 2,
        _ => 3,
    }
}

/// Whether what is taken for one class may be what a detector calls another:
/// something alike, or a rider what is ridden.
pub(super) fn may_be_called(class: Class, called: Class) -> bool {
    let kin = [kin(class), kin(called)];
    kin[0] == kin[1] || kin.iter().all(|kin| matches!(kin, 1 | 2))
}

/// How likely it is that something of a class looks so.
fn likelihood(class: Class, look: &Look) -> f64 {
    let prior = prior(class);
    if class == Class::Obstacle {
        // Of any size: so much less likely than the right class's. What is
        // high and thin is rather a wall than the side of a van.
        let is_wall = look.sides[1] < THIN_M && look.height > HIGH_M;
        return if is_wall {
            0.5
        } else {
            0.25 / look.sides[0].max(1.0)
        };
    }
    let off = |seen: f64, k: usize| (seen - prior.size[k]) / (prior.spread[k] + 0.05);
    let sides = [0, 1].map(|k| {
        let off = off(look.sides[k], k);
        // Less than the whole may be seen of a side.
        let off = if off < 0.0 && !look.whole[k] {
            off * 0.15
        } else {
            off
        };
        (-0.5 * off * off).exp()
    });
    let [low, high] = [look.height, look.height + look.gap].map(|height| off(height, 2));
    let off = if low > 0.0 { low } else { high.min(0.0) };
    let height = (-0.5 * off * off).exp();
    (sides[0] * sides[1] * height).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(sides: [f64; 2], height: f64, whole: [bool; 2]) -> Class {
        let mut belief = Belief::new();
        for _ in 0..10 {
            belief.look(&Look {
                sides,
                height,
                gap: 0.1,
                whole,
            });
        }
        belief.best().0
    }

    #[test]
    fn things_are_told_apart_by_their_size() {
        let whole = [true; 2];
        assert_eq!(called([4.3, 1.8], 1.5, whole), Class::Car);
        assert_eq!(called([5.3, 2.0], 2.3, whole), Class::Van);
        assert_eq!(called([1.8, 0.6], 1.75, whole), Class::Bicycle);
        assert_eq!(called([0.6, 0.5], 1.75, whole), Class::Pedestrian);
        assert_eq!(called([0.7, 0.6], 1.05, whole), Class::Obstacle);
        assert_eq!(called([0.2, 0.2], 0.9, whole), Class::Obstacle);
        // The end of a car.
        assert_eq!(called([0.4, 1.8], 1.5, [false; 2]), Class::Car);
    }

    #[test]
    fn a_detector_outweighs_a_doubtful_size() {
        let mut belief = Belief::new();
        for _ in 0..5 {
            belief.called(Class::Pedestrian, 0.9);
        }
        assert_eq!(belief.best().0, Class::Pedestrian);
        let sum: f64 = belief.0.iter().sum();
        assert!((sum - 1.0).abs() < 1e-9);
        let before = belief.0;
        belief.called(Class::Car, f64::NAN);
        assert_eq!(belief.0, before);
    }

    #[test]
    fn however_unsure_a_detector_is_no_other_class_gains_more() {
        for score in [0.0, 0.05, 0.2, 0.28, 0.5, 1.0] {
            for called in CLASSES {
                let before = Belief::new();
                let mut after = before;
                after.called(called, score);
                let gain = |of: Class| {
                    let i = CLASSES.iter().position(|class| *class == of);
                    i.map_or(0.0, |i| after.0[i] / before.0[i])
                };
                let most = CLASSES.into_iter().map(gain).fold(0.0, f64::max);
                assert!(gain(called) >= most - 1e-12, "{called:?} {score}");
            }
        }
    }

    #[test]
    fn a_rider_may_be_what_is_ridden_and_no_car() {
        assert!(may_be_called(Class::Car, Class::Truck));
        assert!(may_be_called(Class::Bicycle, Class::Pedestrian));
        assert!(!may_be_called(Class::Car, Class::Pedestrian));
        assert!(!may_be_called(Class::Obstacle, Class::Pedestrian));
    }
}
