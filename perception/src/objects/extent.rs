//! How large a thing is, as it comes to be seen from more sides.

use super::measure::Measured;
use super::shape::{Prior, Size};

/// Standard deviations of a side whose both ends are seen, and of one that is
/// seen to be longer than it was taken for, m.
const WHOLE: f64 = 0.15;
const LONGER: f64 = 0.1;
/// Of a height that is as good as the beams are dense, m.
const HEIGHT: f64 = 0.06;
/// A side is no shorter than that of its class by so many standard
/// deviations, however little is seen of it.
const SHORTEST: f64 = 2.0;
/// What is known of a side is never better than this, m: looks that follow
/// each other err alike.
const BEST: f64 = 0.05;

/// Length, width and height by what was seen of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Of each, the sum of what was seen, each by the inverse of its
    /// variance,
    sums: Size,
    /// and of those.
    weights: Size,
}

impl Extent {
    /// The size of something of a class, and its standard deviation, m.
    pub(super) fn of(&self, prior: &Prior) -> (Size, Size) {
        let weight = |k: usize| 1.0 / (prior.spread[k] * prior.spread[k]);
        let size = |k: usize| {
            let least = prior.size[k] - SHORTEST * prior.spread[k];
            let mean = prior.size[k] * weight(k) + self.sums[k];
            (mean / (weight(k) + self.weights[k])).max(least)
        };
        let spread = |k: usize| (1.0 / (weight(k) + self.weights[k])).sqrt();
        (std::array::from_fn(size), std::array::from_fn(spread))
    }

    /// Takes in what was seen of something of a class.
    pub(super) fn look(&mut self, measured: &Measured, prior: &Prior) {
        let (size, _) = self.of(prior);
        let look = &measured.look;
        for (k, &seen) in look.sides.iter().enumerate() {
            let shortest = prior.size[k] - SHORTEST * prior.spread[k];
            if look.whole[k] && seen > shortest {
                self.take(k, seen, WHOLE);
            } else if seen > size[k] {
                self.take(k, seen, LONGER);
            }
        }
        self.take(2, look.height + look.gap / 2.0, HEIGHT + look.gap / 2.0);
    }

    /// Length for width.
    pub(super) fn turn(&mut self) {
        self.sums.swap(0, 1);
        self.weights.swap(0, 1);
    }

    fn take(&mut self, k: usize, seen: f64, deviation: f64) {
        let weight = 1.0 / (deviation * deviation);
        self.sums[k] += seen * weight;
        self.weights[k] += weight;
        // What was seen long ago counts less.
        let most = 1.0 / (BEST * BEST);
        if self.weights[k] > most {
            self.sums[k] *= most / self.weights[k];
            self.weights[k] = most;
        }
    }
}

#[cfg(test)]
mod tests {
    use janus_datasets::Class;
    use nalgebra::Matrix2;

    use super::super::filter::Place;
    use super::super::shape::{Look, prior};
    use super::*;

    fn seen(sides: [f64; 2], whole: [bool; 2]) -> Measured {
        Measured {
            place: Place {
                at: [0.0; 2],
                covariance: Matrix2::identity(),
            },
            look: Look {
                sides,
                height: 1.5,
                gap: 0.1,
                whole,
            },
            side: None,
            ground: 0.0,
        }
    }

    #[test]
    fn a_side_is_as_long_as_it_was_seen_whole_and_no_shorter_than_seen() {
        let car = prior(Class::Car);
        let mut extent = Extent::default();
        assert_eq!(extent.of(&car).0, car.size);
        // The back alone says nothing of the length.
        (0..20).for_each(|_| extent.look(&seen([0.5, 1.7], [false, true]), &car));
        let ([length, width, height], _) = extent.of(&car);
        assert!((length - car.size[0]).abs() < 1e-9);
        assert!((width - 1.7).abs() < 0.03 && (height - 1.55).abs() < 0.03);
        // A part that is longer than it was taken for does.
        (0..20).for_each(|_| extent.look(&seen([4.9, 1.7], [false, true]), &car));
        let (size, spread) = extent.of(&car);
        assert!((size[0] - 4.9).abs() < 0.1 && spread[0] < 0.1, "{size:?}");
    }
}
