//! How alike two boxes are, seen from above.

use nalgebra::Vector2;

/// A box seen from above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// x and y of its centre, m.
    pub centre: [f64; 2],
    /// Direction of its length, from x towards y, radians.
    pub yaw: f64,
    /// Along that direction, m.
    pub length: f64,
    /// Across it, m.
    pub width: f64,
}

/// Corners of what two boxes have in common: each side of the second takes one
/// from the first at most and adds two.
const CORNERS: usize = 8;

impl Footprint {
    /// Its corners, counterclockwise, as they are from a place.
    fn corners(&self, from: [f64; 2]) -> [Vector2<f64>; 4] {
        let (sin, cos) = self.yaw.sin_cos();
        let along = Vector2::new(cos, sin) * (self.length / 2.0);
        let across = Vector2::new(-sin, cos) * (self.width / 2.0);
        let centre = Vector2::from(self.centre) - Vector2::from(from);
        [
            centre + along + across,
            centre - along + across,
            centre - along - across,
            centre + along - across,
        ]
    }

    fn is_box(&self) -> bool {
        let numbers = [self.centre[0], self.centre[1], self.yaw];
        let sides = [self.length, self.width];
        numbers.iter().all(|n| n.is_finite()) && sides.iter().all(|s| (1e-6..1e6).contains(s))
    }

    fn area(&self) -> f64 {
        self.length * self.width
    }

    /// Intersection over union, which KITTI and others call the overlap in
    /// bird's-eye view; 0 where a number is none, or a side not between a
    /// micrometre and 1,000 km. What both have in common
    /// is the first cut off along each side of the second (Sutherland and
    /// Hodgman, "Reentrant Polygon Clipping", 1974).
    pub fn overlap(&self, other: &Self) -> f64 {
        if !self.is_box() || !other.is_box() {
            return 0.0;
        }
        // About one of them, so that nothing is lost far from the origin.
        let corners = other.corners(self.centre);
        let mut common = Polygon::new(&self.corners(self.centre));
        for (i, &from) in corners.iter().enumerate() {
            common = common.left_of(from, corners[(i + 1) % 4]);
        }
        let both = common.area();
        (both / (self.area() + other.area() - both)).clamp(0.0, 1.0)
    }

    /// 1 where their centres are the same, less by their distance, 0 from
    /// `reach` metres on.
    pub fn nearness(&self, other: &Self, reach: f64) -> f64 {
        let [x, y] = [0, 1].map(|i| self.centre[i] - other.centre[i]);
        let nearness = 1.0 - x.hypot(y) / reach;
        // NaN becomes 0.
        nearness.max(0.0)
    }
}

/// A convex polygon, counterclockwise.
struct Polygon {
    corners: [Vector2<f64>; CORNERS],
    count: usize,
}

impl Polygon {
    fn new(corners: &[Vector2<f64>]) -> Self {
        let mut polygon = Self {
            corners: [Vector2::zeros(); CORNERS],
            count: 0,
        };
        corners.iter().for_each(|&corner| polygon.push(corner));
        polygon
    }

    /// Rounding can make a corner too many where sides lie on each other; it
    /// has no area.
    fn push(&mut self, corner: Vector2<f64>) {
        if let Some(place) = self.corners.get_mut(self.count) {
            *place = corner;
            self.count += 1;
        }
    }

    /// What of it is left of a line.
    fn left_of(&self, from: Vector2<f64>, to: Vector2<f64>) -> Self {
        let side = |p: Vector2<f64>| (to - from).perp(&(p - from));
        let mut left = Self::new(&[]);
        let corners = &self.corners[..self.count];
        for (i, &corner) in corners.iter().enumerate() {
            let next = corners[(i + 1) % corners.len()];
            let (here, there) = (side(corner), side(next));
            if here >= 0.0 {
                left.push(corner);
            }
            if (here > 0.0 && there < 0.0) || (here < 0.0 && there > 0.0) {
                left.push(corner + (next - corner) * (here / (here - there)));
            }
        }
        left
    }

    fn area(&self) -> f64 {
        let corners = &self.corners[..self.count];
        let Some(&first) = corners.first() else {
            return 0.0;
        };
        let fan = corners.windows(2);
        let twice: f64 = fan.map(|p| (p[0] - first).perp(&(p[1] - first))).sum();
        twice / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry2, Point2};
    use proptest::prelude::*;

    fn footprint() -> impl Strategy<Value = Footprint> {
        let yaw = prop_oneof![-4.0..4.0f64, Just(0.0), Just(std::f64::consts::FRAC_PI_2)];
        (
            prop::array::uniform2(prop_oneof![-4.0..4.0f64, (-3..=3).prop_map(f64::from)]),
            yaw,
            prop_oneof![0.1..12.0f64, Just(2.0)],
            prop_oneof![0.1..3.0f64, Just(2.0)],
        )
            .prop_map(|(centre, yaw, length, width)| Footprint {
                centre,
                yaw,
                length,
                width,
            })
    }

    fn holds(footprint: &Footprint, x: f64, y: f64) -> bool {
        let pose = Isometry2::new(Vector2::from(footprint.centre), footprint.yaw);
        let inside = pose.inverse_transform_point(&Point2::new(x, y));
        inside.x.abs() <= footprint.length / 2.0 && inside.y.abs() <= footprint.width / 2.0
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_is_which(a in footprint(), b in footprint()) {
            let overlap = a.overlap(&b);
            prop_assert!((0.0..=1.0).contains(&overlap));
            prop_assert!((overlap - b.overlap(&a)).abs() < 1e-9);
        }

        #[test]
        fn what_is_equal_overlaps_whole(a in footprint()) {
            prop_assert!((a.overlap(&a) - 1.0).abs() < 1e-9);
            let turned = Footprint { yaw: a.yaw + std::f64::consts::PI, ..a };
            prop_assert!((a.overlap(&turned) - 1.0).abs() < 1e-9);
        }

        #[test]
        fn what_is_apart_does_not_overlap(a in footprint(), b in footprint(), bearing in -4.0..4.0f64) {
            let reach = (a.length.hypot(a.width) + b.length.hypot(b.width)) / 2.0;
            let centre = [a.centre[0] + bearing.cos() * reach * 1.01, a.centre[1] + bearing.sin() * reach * 1.01];
            prop_assert_eq!(a.overlap(&Footprint { centre, ..b }), 0.0);
        }

        #[test]
        fn a_common_motion_changes_nothing(
            a in footprint(), b in footprint(),
            turn in -4.0..4.0f64, shift in prop::array::uniform2(-1000.0..1000.0f64),
        ) {
            let motion = Isometry2::new(Vector2::from(shift), turn);
            let moved = |of: Footprint| {
                let centre = motion * Point2::from(of.centre);
                Footprint { centre: centre.coords.into(), yaw: of.yaw + turn, ..of }
            };
            prop_assert!((a.overlap(&b) - moved(a).overlap(&moved(b))).abs() < 1e-9);
        }

        #[test]
        fn it_is_the_share_of_points_in_both(a in footprint(), b in footprint()) {
            const STEPS: i32 = 200;
            let reach = a.length.hypot(a.width) / 2.0;
            let (mut in_a, mut in_both) = (0, 0);
            for i in 0..STEPS * STEPS {
                let at = |k: i32| (f64::from(k) + 0.5) / f64::from(STEPS) * 2.0 * reach - reach;
                let (x, y) = (a.centre[0] + at(i % STEPS), a.centre[1] + at(i / STEPS));
                if holds(&a, x, y) {
                    in_a += 1;
                    in_both += i32::from(holds(&b, x, y));
                }
            }
            prop_assume!(in_a > 1_000);
            let both = f64::from(in_both) / f64::from(in_a) * a.area();
            let wanted = both / (a.area() + b.area() - both);
            prop_assert!((a.overlap(&b) - wanted).abs() < 0.05, "{}, not {wanted}", a.overlap(&b));
        }
    }

    #[test]
    fn half_a_width_aside_is_a_third() {
        let a = Footprint {
            centre: [100.0, -3.0],
            yaw: 0.3,
            length: 4.0,
            width: 2.0,
        };
        let aside = Footprint {
            centre: [100.0 - 0.3f64.sin(), -3.0 + 0.3f64.cos()],
            ..a
        };
        assert!((a.overlap(&aside) - 1.0 / 3.0).abs() < 1e-12);
        assert!((a.nearness(&aside, 4.0) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_box_overlaps_nothing() {
        let a = Footprint {
            centre: [0.0; 2],
            yaw: 0.0,
            length: 4.0,
            width: 2.0,
        };
        for wrong in [
            Footprint { length: 0.0, ..a },
            Footprint {
                width: f64::NAN,
                ..a
            },
            Footprint {
                yaw: f64::INFINITY,
                ..a
            },
            Footprint {
                length: -4.0,
                width: -2.0,
                ..a
            },
            Footprint {
                centre: [f64::NAN, 0.0],
                ..a
            },
        ] {
            assert_eq!(
                (a.overlap(&wrong), wrong.overlap(&a)),
                (0.0, 0.0),
                "{wrong:?}"
            );
        }
        let nowhere = Footprint {
            centre: [f64::NAN, 0.0],
            ..a
        };
        assert_eq!(a.nearness(&nowhere, 4.0), 0.0);
    }
}
