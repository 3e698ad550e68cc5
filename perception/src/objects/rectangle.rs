//! Rectangles on the ground, and how one is laid around the returns of two of
//! its sides: the search for the heading of Zhang, Xu, Dong and Dolan,
//! "Efficient L-shape fitting for vehicle detection using laser scanners",
//! IV 2017, by its criterion of closeness.

use std::f64::consts::FRAC_PI_2;

use janus_datasets::{Body, Pose};
use nalgebra::Vector3;

/// Step between the headings that are tried, rad: 30 in a right angle.
const STEP: f64 = FRAC_PI_2 / 30.0;
/// Halvings of it, about the best.
const REFINEMENTS: usize = 4;
/// Nearer to a side than this, all returns are as close, m.
const NEAREST: f64 = 0.05;

/// A rectangle in odom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle {
    /// m.
    pub(super) centre: [f64; 2],
    /// Direction of its length, rad.
    pub(super) yaw: f64,
    /// Length and width, m.
    pub(super) size: [f64; 2],
}

/// The unit vectors along length and width of what is headed so.
pub(super) fn axes(yaw: f64) -> [[f64; 2]; 2] {
    let (sin, cos) = yaw.sin_cos();
    [[cos, sin], [-sin, cos]]
}

pub(super) fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// From where to where places reach along a direction; nowhere if there are
/// none.
pub(super) fn reach(places: impl Iterator<Item = [f64; 2]>, axis: [f64; 2]) -> [f64; 2] {
    places.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], place| {
        let along = dot(place, axis);
        [low.min(along), high.max(along)]
    })
}

impl Rectangle {
    /// What the body of a vehicle covers.
    pub(super) fn of_body(pose: &Pose, body: &Body) -> Self {
        let axis = pose.rotation * Vector3::x();
        let at = Self {
            centre: [pose.translation.x, pose.translation.y],
            yaw: axis.y.atan2(axis.x),
            size: [0, 1].map(|k| body.max[k] - body.min[k]),
        };
        let middle = [0, 1].map(|k| (body.max[k] + body.min[k]) / 2.0);
        Self {
            centre: at.outward(middle),
            ..at
        }
    }

    /// The rectangle of a heading around places.
    pub(super) fn around(places: &[[f64; 2]], yaw: f64) -> Option<Self> {
        let axes = axes(yaw);
        let [along, across] = axes.map(|axis| reach(places.iter().copied(), axis));
        let size = [along, across].map(|[low, high]| high - low);
        if !size.iter().all(|side| side.is_finite()) {
            return None;
        }
        let [u, v] = [along, across].map(|[low, high]| (low + high) / 2.0);
        let centre = [0, 1].map(|k| u * axes[0][k] + v * axes[1][k]);
        Some(Self { centre, yaw, size })
    }

    /// The rectangle whose sides are the closest to the places, its length the
    /// longer of them; `None` without any places.
    pub(super) fn fit(places: &[[f64; 2]]) -> Option<Self> {
        let fitted = Self::around(places, heading(places, 0.0, FRAC_PI_2))?;
        Some(if fitted.size[0] >= fitted.size[1] {
            fitted
        } else {
            fitted.turned()
        })
    }

    /// The same, of the headings up to `span` rad to either side of `yaw`.
    pub(super) fn fit_near(places: &[[f64; 2]], yaw: f64, span: f64) -> Option<Self> {
        Self::around(places, heading(places, yaw - span, 2.0 * span + STEP))
    }

    /// The same rectangle, with its width for its length.
    pub(super) fn turned(self) -> Self {
        let [length, width] = self.size;
        Self {
            yaw: self.yaw + FRAC_PI_2,
            size: [width, length],
            ..self
        }
    }

    /// Where a place lies from the centre, along length and width.
    pub(super) fn inward(&self, place: [f64; 2]) -> [f64; 2] {
        let from = [0, 1].map(|k| place[k] - self.centre[k]);
        axes(self.yaw).map(|axis| dot(from, axis))
    }

    /// The place that lies so from the centre.
    pub(super) fn outward(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        let [along, across] = axes(self.yaw);
        [0, 1].map(|k| self.centre[k] + u * along[k] + v * across[k])
    }

    /// Whether two have a place in common: no line parallel to a side of either
    /// parts them.
    pub(super) fn touches(&self, other: &Self) -> bool {
        let parted = |a: &Self, b: &Self| {
            let turned = axes(b.yaw);
            let centre = a.inward(b.centre);
            axes(a.yaw).into_iter().enumerate().any(|(k, axis)| {
                let half = (0..2).map(|i| dot(turned[i], axis).abs() * b.size[i] / 2.0);
                centre[k].abs() > a.size[k] / 2.0 + half.sum::<f64>()
            })
        };
        !parted(self, other) && !parted(other, self)
    }

    /// Whether a place is inside, or no farther outside than `margin`, m.
    pub(super) fn holds(&self, place: [f64; 2], margin: f64) -> bool {
        let inward = self.inward(place);
        (0..2).all(|k| inward[k].abs() <= self.size[k] / 2.0 + margin)
    }
}

/// The heading of the closest rectangle, of those from `yaw` on, up to `span`
/// rad more.
fn heading(places: &[[f64; 2]], yaw: f64, span: f64) -> f64 {
    let better = |a: (f64, f64), b: (f64, f64)| if b.1 > a.1 { b } else { a };
    let tried = |yaw: f64| (yaw, closeness(places, yaw));
    let count = (span / STEP).round() as usize;
    let coarse = (0..count).map(|i| tried(yaw + i as f64 * STEP));
    let mut best = coarse.fold((yaw, f64::NEG_INFINITY), better);
    let mut step = STEP;
    for _ in 0..REFINEMENTS {
        step /= 2.0;
        best = [best.0 - step, best.0 + step]
            .into_iter()
            .map(tried)
            .fold(best, better);
    }
    best.0
}

/// The closeness criterion: places count the more the closer they are to the
/// nearest side.
fn closeness(places: &[[f64; 2]], yaw: f64) -> f64 {
    let axes = axes(yaw);
    let reaches = axes.map(|axis| reach(places.iter().copied(), axis));
    // Of two parallel sides the one that most places are near is seen.
    let nearer = [0, 1].map(|k: usize| {
        let [low, high] = reaches[k];
        let off = places.iter().fold([0.0, 0.0], |[a, b], place| {
            let along = dot(*place, axes[k]);
            [a + (along - low), b + (high - along)]
        });
        off[0] <= off[1]
    });
    places.iter().fold(0.0, |sum, place| {
        let off = [0, 1].map(|k: usize| {
            let along = dot(*place, axes[k]);
            if nearer[k] {
                along - reaches[k][0]
            } else {
                reaches[k][1] - along
            }
        });
        sum + 1.0 / off[0].min(off[1]).max(NEAREST)
    })
}

/// The corners of the convex hull of places, anticlockwise: Andrew, "Another
/// efficient algorithm for convex hulls in two dimensions", 1979. Gives their
/// indices.
pub(super) fn hull(places: &[[f64; 2]]) -> Vec<usize> {
    let keyed = places.iter().map(|place| place.map(ordinal)).zip(0..);
    let mut keyed: Vec<([u64; 2], usize)> = keyed.collect();
    keyed.sort_unstable();
    let order: Vec<usize> = keyed.into_iter().map(|(_, i)| i).collect();
    if order.len() < 3 {
        return order;
    }
    let turns_left = |a: usize, b: usize, c: usize| {
        let [a, b, c] = [places[a], places[b], places[c]];
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0
    };
    let mut corners: Vec<usize> = Vec::with_capacity(16);
    let mut half = |order: &mut dyn Iterator<Item = usize>| {
        let first = corners.len();
        for next in order {
            while corners.len() >= first + 2
                && !turns_left(corners[corners.len() - 2], corners[corners.len() - 1], next)
            {
                corners.pop();
            }
            corners.push(next);
        }
        // The last begins the other half.
        corners.pop();
    };
    half(&mut order.iter().copied());
    half(&mut order.iter().rev().copied());
    corners
}

/// A number of the order that [`f64::total_cmp`] gives, which is faster to
/// sort by.
fn ordinal(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ ((bits as i64 >> 63) as u64 | 1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Places along two sides of a rectangle, evenly, off by `noise`.
    fn two_sides(truth: &Rectangle, noise: &[f64]) -> Vec<[f64; 2]> {
        let half = truth.size.map(|side| side / 2.0);
        let n = noise.len() / 2;
        let part = |i: usize| 2.0 * i as f64 / (n - 1) as f64 - 1.0;
        let along = (0..n).map(|i| [half[0] * part(i), -half[1] + noise[i]]);
        let across = (0..n).map(|i| [-half[0] + noise[n + i], half[1] * part(i)]);
        along.chain(across).map(|p| truth.outward(p)).collect()
    }

    #[test]
    fn what_touches_has_a_place_in_common() {
        let one = Rectangle {
            centre: [0.0; 2],
            yaw: 0.0,
            size: [4.0, 2.0],
        };
        let other = |x, y, yaw| Rectangle {
            centre: [x, y],
            yaw,
            size: [2.0, 2.0],
        };
        for (x, y, yaw, touches) in [
            (2.9, 0.0, 0.0, true),
            (3.1, 0.0, 0.0, false),
            // A corner reaches 1.41 m.
            (3.3, 0.0, FRAC_PI_2 / 2.0, true),
            (3.5, 0.0, FRAC_PI_2 / 2.0, false),
            // Past a corner, within the bounds of both.
            (2.9, 1.9, FRAC_PI_2 / 2.0, false),
            (2.6, 1.6, FRAC_PI_2 / 2.0, true),
            (0.0, 0.0, 1.0, true),
        ] {
            let other = other(x, y, yaw);
            assert_eq!(one.touches(&other), touches, "{other:?}");
            assert_eq!(other.touches(&one), touches, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn ordinals_are_in_total_order(a: f64, b: f64) {
            prop_assert_eq!(ordinal(a).cmp(&ordinal(b)), a.total_cmp(&b));
            prop_assert_eq!(ordinal(a).cmp(&ordinal(-a)), a.total_cmp(&-a));
        }

        #[test]
        fn two_sides_give_the_rectangle_again(
            centre in [-50.0..50.0f64, -50.0..50.0f64],
            yaw in -3.2..3.2f64,
            length in 3.0..6.0f64,
            width in 1.4..2.5f64,
            noise in prop::collection::vec(-0.01..0.01f64, 60),
        ) {
            let truth = Rectangle { centre, yaw, size: [length, width] };
            let found = Rectangle::fit(&two_sides(&truth, &noise)).expect("has places");
            let off = (found.yaw - yaw).rem_euclid(std::f64::consts::PI);
            prop_assert!(off.min(std::f64::consts::PI - off) < 0.035, "{off}");
            let near = |a: [f64; 2], b: [f64; 2], off: f64| {
                (a[0] - b[0]).abs() < off && (a[1] - b[1]).abs() < off
            };
            prop_assert!(near(found.size, truth.size, 0.15), "{found:?}");
            prop_assert!(near(found.centre, centre, 0.1), "{found:?}");
        }

        #[test]
        fn a_hull_holds_all_places_and_no_more_corners_than_needed(
            places in prop::collection::vec([-5.0..5.0f64, -5.0..5.0f64], 3..40),
            yaw in -3.2..3.2f64,
        ) {
            let corners: Vec<[f64; 2]> = hull(&places).into_iter().map(|i| places[i]).collect();
            for axis in axes(yaw) {
                let all = reach(places.iter().copied(), axis);
                let of_hull = reach(corners.iter().copied(), axis);
                prop_assert!((all[0] - of_hull[0]).abs() < 1e-9 && (all[1] - of_hull[1]).abs() < 1e-9);
            }
            let n = corners.len();
            for i in 0..n {
                let [a, b, c] = [corners[i], corners[(i + 1) % n], corners[(i + 2) % n]];
                prop_assert!((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0);
            }
        }
    }

    #[test]
    fn few_places_are_no_trouble() {
        assert_eq!(Rectangle::fit(&[]), None);
        assert_eq!(hull(&[]), Vec::<usize>::new());
        let one = Rectangle::fit(&[[3.0, 4.0]]).expect("is a place");
        assert!((one.centre[0] - 3.0).abs() < 1e-12 && one.size[0].abs() < 1e-12);
        let line = Rectangle::fit(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]).expect("are places");
        assert!((line.size[0] - 8f64.sqrt()).abs() < 1e-9, "{line:?}");
        let same = [[1.0, 1.0]; 5];
        assert!(!hull(&same).is_empty());
        let axis = [1.0, 0.0];
        assert_eq!(reach(same.into_iter(), axis), [1.0, 1.0]);
    }
}
