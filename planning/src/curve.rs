//! Curves along which the steering begins and ends at rest: straight, or turned
//! by the same angle at both ends, with which the vehicle slides. A turn may
//! also begin in a bend, to leave it.
//!
//! The direction of motion at the fraction u of a curve's length is
//! ψ(u) = turn·(3u² − 2u³) + bump·16u²(1 − u)² + bent·u(1 − u)². In a turn the
//! vehicle's axis follows ψ, so that its curvature is a cubic in u with
//! κ(0) = κ(1) = 0 where it is not bent at the start, the
//! cubic spiral of Kelly and Nagy, "Reactive Nonholonomic Trajectory Generation
//! via Parametric Optimal Control", IJRR 2003: the wheels of the two ends are
//! steered in opposite senses. In a crab the axis makes the turn alone, and what
//! the bump adds is the slip between motion and axis, for which the wheels of
//! both ends are steered in the same sense; with a turn that is a mixture of
//! the two. In a slide the axis keeps its direction: all of ψ is slip, with
//! which a slide may begin and end too. Joined curves are smooth in position,
//! heading and steering.
//!
//! ψ does not depend on the length, so that a curve between two poses is found
//! in one unknown, the bump: it sets the chord's direction, and the chord's
//! length then sets the curve's.

/// A curve, in the frame of its first pose with x along the motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Curve {
    /// m.
    pub(crate) length: f64,
    /// ψ at the end, rad.
    pub(crate) turn: f64,
    /// What is added to ψ in the middle, rad.
    pub(crate) bump: f64,
    /// Curvature at the start times the length, rad; 0 but where a turn leaves
    /// a bend.
    pub(crate) bent: f64,
    pub(crate) axis: Follows,
    /// Angle from the axis to the motion at the start, rad; 0 but in a slide.
    pub(crate) slip: f64,
}

/// What of a curve the vehicle's axis follows. The rest is slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// All of it.
    Motion,
    /// The turn without the bump: a crab, or a mixture of crab and turn.
    Turn,
    /// None of it: a slide.
    Nothing,
}

/// Nodes and weights on [0, 1] of the Gauss–Legendre rule of order 5.
const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_45, 0.239_314_335_249_683_24),
    (0.5, 0.284_444_444_444_444_4),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_24),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];

impl Curve {
    /// Straight on, m.
    pub(crate) fn straight(length: f64) -> Self {
        Self {
            length,
            turn: 0.0,
            bump: 0.0,
            bent: 0.0,
            axis: Follows::Motion,
            slip: 0.0,
        }
    }

    /// Out of a bend of some curvature, 1/m, which vanishes over some metres
    /// with the square of the fraction.
    pub(crate) fn out_of_bend(curvature: f64, length: f64) -> Self {
        let bent = curvature * length;
        Self {
            turn: bent * 2.0 / 3.0,
            bent,
            ..Self::straight(length)
        }
    }

    /// The curve that ends `chord` from its start with its axis turned by
    /// `turn`; `None` if there is none that moves forward all along.
    pub(crate) fn turn(chord: [f64; 2], turn: f64) -> Option<Self> {
        Self::solve(chord, turn, Follows::Motion)
    }

    /// The same, the axis turned evenly by `turn` while the bump is slip.
    pub(crate) fn crab(chord: [f64; 2], turn: f64) -> Option<Self> {
        Self::solve(chord, turn, Follows::Turn)
    }

    /// The curve from straight wheels to a slip of `slip`, the axis at rest,
    /// that ends `chord` from its start.
    pub(crate) fn slide(chord: [f64; 2], slip: f64) -> Option<Self> {
        Self::solve(chord, slip, Follows::Nothing)
    }

    fn solve(chord: [f64; 2], turn: f64, axis: Follows) -> Option<Self> {
        let distance = chord[0].hypot(chord[1]);
        let aim = chord[1].atan2(chord[0]);
        if !(1e-6..=1e6).contains(&distance) || aim.abs() > 1.6 || turn.abs() > 2.0 {
            return None;
        }
        // The mean of the bump is 8/15.
        let mut bump = (aim - turn / 2.0) * 15.0 / 8.0;
        for _ in 0..12 {
            let ([x, y], [x_bump, y_bump]) = chord_of_unit([turn, bump, 0.0]);
            let squared = x * x + y * y;
            if squared < 0.1 || bump.abs() > 3.0 {
                return None;
            }
            // A product in place of a difference of angles, which could wrap.
            let error = (x * aim.sin() - y * aim.cos()).atan2(x * aim.cos() + y * aim.sin());
            if error.abs() < 1e-12 {
                let length = distance / squared.sqrt();
                return Some(Self {
                    length,
                    turn,
                    bump,
                    bent: 0.0,
                    axis,
                    slip: 0.0,
                });
            }
            bump += error * squared / (x * y_bump - y * x_bump);
        }
        None
    }

    /// The same curve driven from its end; of one that leaves a bend there is
    /// none.
    pub(crate) fn reversed(self) -> Self {
        debug_assert!(self.bent == 0.0, "{self:?}");
        Self {
            turn: -self.turn,
            slip: self.end_slip(),
            ..self
        }
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> [f64; 2] {
        chord_of_unit(self.shape()).0.map(|c| c * self.length)
    }

    /// Direction of motion at the fraction `u`, rad.
    pub(crate) fn direction(&self, u: f64) -> f64 {
        direction(self.shape(), u)
    }

    fn shape(&self) -> [f64; 3] {
        [self.turn, self.bump, self.bent]
    }

    /// Direction of the axis at the fraction `u`, rad.
    pub(crate) fn heading(&self, u: f64) -> f64 {
        self.axis().direction(u) - self.slip
    }

    /// Angle from the axis to the motion at the end, rad.
    pub(crate) fn end_slip(&self) -> f64 {
        match self.axis {
            Follows::Nothing => self.slip + self.turn,
            _ => self.slip,
        }
    }

    /// Whether the wheels are straight at the start.
    pub(crate) fn begins_straight(&self) -> bool {
        self.slip == 0.0 && self.bent == 0.0
    }

    /// Whether the motion keeps its direction.
    pub(crate) fn is_straight(&self) -> bool {
        self.shape() == [0.0; 3]
    }

    /// Whether the vehicle moves anywhere at an angle to its axis.
    pub(crate) fn slips(&self) -> bool {
        self.axis != Follows::Motion
    }

    /// Curvature of the path at the fraction `u`, 1/m.
    pub(crate) fn bend(&self, u: f64) -> f64 {
        bend(self.shape(), u) / self.length
    }

    /// Turning of the axis per metre at the fraction `u`, 1/m.
    pub(crate) fn turning(&self, u: f64) -> f64 {
        self.axis().bend(u)
    }

    /// Greatest curvature of the path, 1/m.
    pub(crate) fn peak_bend(&self) -> f64 {
        self.peak_bend_within(0.0, 1.0)
    }

    /// Greatest curvature of the path between two fractions, 1/m.
    pub(crate) fn peak_bend_within(&self, from: f64, to: f64) -> f64 {
        // With w = 2u − 1 the bend is a quarter of
        // (1 − w²)(6·turn − 32·bump·w) + bent·(3w² − 2w − 1), which is greatest
        // where 24·bump·w² − (3·turn − 3/2·bent)·w − (8·bump + bent/2) = 0.
        let (a, b, c) = (
            24.0 * self.bump,
            -3.0 * self.turn + 1.5 * self.bent,
            -8.0 * self.bump - 0.5 * self.bent,
        );
        // The form of the roots that stays finite as `a` vanishes.
        let q = -0.5 * (b + (b * b - 4.0 * a * c).sqrt().copysign(b));
        [c / q, q / a]
            .into_iter()
            .map(|w| (w + 1.0) / 2.0)
            .filter(|u| (from..=to).contains(u))
            .chain([from, to])
            .map(|u| self.bend(u).abs())
            .fold(0.0, f64::max)
    }

    /// Greatest change of the path's curvature per metre, 1/m².
    pub(crate) fn peak_bend_rate(&self) -> f64 {
        self.peak_bend_rate_within(0.0, 1.0)
    }

    /// Greatest change of the path's curvature per metre between two fractions,
    /// 1/m².
    pub(crate) fn peak_bend_rate_within(&self, from: f64, to: f64) -> f64 {
        // The derivative of the bend, with w = 1 − 2u.
        let (linear, square) = (6.0 * self.turn - 3.0 * self.bent, 32.0 * self.bump);
        let rate = |u: f64| {
            let w = 1.0 - 2.0 * u;
            (linear * w + square * (1.5 * w * w - 0.5) - self.bent) / self.length.powi(2)
        };
        let vertex = 0.5 + linear / (6.0 * square);
        Some(vertex)
            .filter(|u| (from..=to).contains(u))
            .into_iter()
            .chain([from, to])
            .map(|u| rate(u).abs())
            .fold(0.0, f64::max)
    }

    /// Greatest turning of the axis per metre, 1/m.
    pub(crate) fn peak_turning(&self) -> f64 {
        match self.axis {
            Follows::Motion => self.peak_bend(),
            // In the middle.
            Follows::Turn => self.turning(0.5).abs(),
            Follows::Nothing => 0.0,
        }
    }

    /// Greatest change of the axis's turning per metre, 1/m².
    pub(crate) fn peak_turning_rate(&self) -> f64 {
        self.axis().peak_bend_rate()
    }

    /// The curve that the slip alone makes.
    pub(crate) fn slipping(&self) -> Self {
        let [turn, bump] = match self.axis {
            Follows::Motion => [0.0; 2],
            Follows::Turn => [0.0, self.bump],
            Follows::Nothing => [self.turn, self.bump],
        };
        Self {
            turn,
            bump,
            bent: 0.0,
            ..*self
        }
    }

    /// The curve that the axis alone makes.
    pub(crate) fn axis(&self) -> Self {
        let [turn, bump, bent] = match self.axis {
            Follows::Motion => self.shape(),
            Follows::Turn => [self.turn, 0.0, 0.0],
            Follows::Nothing => [0.0; 3],
        };
        Self {
            turn,
            bump,
            bent,
            ..*self
        }
    }

    /// Greatest angle between motion and axis, rad.
    pub(crate) fn peak_slip(&self) -> f64 {
        match self.axis {
            Follows::Motion => 0.0,
            // In the middle.
            Follows::Turn => self.bump.abs(),
            Follows::Nothing => [Some(0.0), self.reversal(), Some(1.0)]
                .into_iter()
                .flatten()
                .map(|u| (self.slip + self.direction(u)).abs())
                .fold(0.0, f64::max),
        }
    }

    /// The fraction at which the direction changes from one way to the other,
    /// of a curve that leaves no bend.
    pub(crate) fn reversal(&self) -> Option<f64> {
        let u = 0.5 + 6.0 * self.turn / (64.0 * self.bump);
        (0.0..=1.0).contains(&u).then_some(u)
    }

    /// How far the axis turns in all, either way, rad.
    pub(crate) fn turned(&self) -> f64 {
        let axis = self.axis();
        if axis.bent != 0.0 {
            // All of it one way.
            return axis.turn.abs();
        }
        match axis.reversal() {
            Some(u) => {
                let there = axis.direction(u);
                there.abs() + (axis.turn - there).abs()
            }
            None => axis.turn.abs(),
        }
    }

    /// Places at `steps + 1` equal steps of length, from the start.
    pub(crate) fn places(&self, steps: usize) -> impl Iterator<Item = (f64, [f64; 2])> + use<> {
        let curve = *self;
        let du = 1.0 / steps as f64;
        let start = (0.0, [0.0, 0.0]);
        let rest = (0..steps).scan([0.0, 0.0], move |at, step| {
            let [from, to] = [step, step + 1].map(|i| i as f64 * du);
            *at = curve.place(*at, from, to);
            Some((to, *at))
        });
        std::iter::once(start).chain(rest)
    }

    /// The place at a fraction, from that at another near by.
    pub(crate) fn place(&self, at: [f64; 2], from: f64, to: f64) -> [f64; 2] {
        let metres = (to - from) * self.length;
        GAUSS.iter().fold(at, |[x, y], (node, weight)| {
            let (sin, cos) = self.direction(from + node * (to - from)).sin_cos();
            [x + weight * metres * cos, y + weight * metres * sin]
        })
    }
}

/// The derivative of the direction by the fraction.
fn bend([turn, bump, bent]: [f64; 3], u: f64) -> f64 {
    u * (1.0 - u) * (6.0 * turn + 32.0 * bump * (1.0 - 2.0 * u))
        + bent * (1.0 - u) * (1.0 - 3.0 * u)
}

fn direction([turn, bump, bent]: [f64; 3], u: f64) -> f64 {
    let hill = u * (1.0 - u);
    turn * u * u * (3.0 - 2.0 * u) + bump * 16.0 * hill * hill + bent * hill * (1.0 - u)
}

/// Where a curve of length 1 ends, and the derivative of that by the bump.
fn chord_of_unit(shape: [f64; 3]) -> ([f64; 2], [f64; 2]) {
    const PANELS: usize = 8;
    let (mut end, mut slope) = ([0.0; 2], [0.0; 2]);
    for panel in 0..PANELS {
        for (node, weight) in GAUSS {
            let u = (panel as f64 + node) / PANELS as f64;
            let weight = weight / PANELS as f64;
            let (sin, cos) = direction(shape, u).sin_cos();
            let by_bump = direction([0.0, 1.0, 0.0], u);
            end[0] += weight * cos;
            end[1] += weight * sin;
            slope[0] -= weight * sin * by_bump;
            slope[1] += weight * cos * by_bump;
        }
    }
    (end, slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_straight_curve_is_straight() {
        let curve = Curve::turn([3.0, 0.0], 0.0).expect("straight");
        assert!((curve.length - 3.0).abs() < 1e-12 && curve.bump == 0.0);
        assert_eq!((curve.peak_bend(), curve.turned()), (0.0, 0.0));
        for backward in [[-1.0, 0.0], [0.0, 0.0], [f64::NAN, 0.0]] {
            assert_eq!(Curve::turn(backward, 0.0), None);
        }
    }

    #[test]
    fn a_bend_is_left_with_straight_wheels() {
        let curve = Curve::out_of_bend(-0.2, 3.0);
        assert!((curve.bend(0.0) + 0.2).abs() < 1e-12 && curve.bend(1.0).abs() < 1e-12);
        assert!((curve.peak_bend() - 0.2).abs() < 1e-12);
        assert!((curve.peak_bend_within(0.5, 1.0) - 0.15).abs() < 1e-12);
        // It begins to change slowly.
        assert!((curve.peak_bend_rate() - 0.4 / 3.0).abs() < 1e-12);
        assert!((curve.peak_bend_rate_within(0.0, 0.25) - 0.1 / 3.0).abs() < 1e-12);
        assert!((curve.direction(1.0) + 0.4).abs() < 1e-12 && (curve.turned() - 0.4).abs() < 1e-12);
        // The derivative of the direction is the bend.
        let by = |u: f64| (curve.direction(u + 1e-6) - curve.direction(u - 1e-6)) / 6e-6;
        for u in [0.1, 0.4, 0.8] {
            assert!((by(u) - curve.bend(u)).abs() < 1e-8);
        }
        let last = curve.places(64).last().expect("places").1;
        let end = curve.end();
        assert!((last[0] - end[0]).hypot(last[1] - end[1]) < 1e-9);
    }

    proptest! {
        #[test]
        fn curves_end_where_they_were_asked_to(
            distance in 0.1..30.0f64,
            aim in -0.6..0.6f64,
            turn in -1.2..1.2f64,
            crab in any::<bool>(),
        ) {
            let chord = [distance * aim.cos(), distance * aim.sin()];
            let curve = if crab { Curve::crab(chord, turn) } else { Curve::turn(chord, turn) };
            let curve = curve.expect("a curve");
            let (u, end) = curve.places(64).last().expect("places");
            prop_assert_eq!(u, 1.0);
            prop_assert!((end[0] - chord[0]).hypot(end[1] - chord[1]) < 1e-8 * distance);
            let told = curve.end();
            prop_assert!((told[0] - chord[0]).hypot(told[1] - chord[1]) < 1e-8 * distance);
            prop_assert!(curve.length >= distance);
            prop_assert!(curve.bend(0.0) == 0.0 && curve.bend(1.0) == 0.0);
            prop_assert!((curve.heading(1.0) - turn).abs() < 1e-12);
            prop_assert!((curve.direction(1.0) - turn).abs() < 1e-12);
        }

        #[test]
        fn closed_forms_agree_with_sampling(
            aim in -0.6..0.6f64,
            turn in -1.2..1.2f64,
            kind in 0..5,
        ) {
            let chord = [4.0 * aim.cos(), 4.0 * aim.sin()];
            let curve = match kind {
                0 => Curve::crab(chord, turn),
                1 => Curve::turn(chord, turn),
                2 => Curve::slide(chord, turn),
                3 => Curve::slide(chord, turn).map(Curve::reversed),
                _ => Some(Curve::out_of_bend(turn / 4.0, 4.0)),
            };
            let curve = curve.expect("a curve");
            let at = |i: u32| f64::from(i) / 2000.0;
            let peak = (0..=2000).map(|i| curve.bend(at(i)).abs()).fold(0.0, f64::max);
            prop_assert!((curve.peak_bend() - peak).abs() < 1e-4, "{} {}", curve.peak_bend(), peak);
            let turning = (0..=2000).map(|i| curve.turning(at(i)).abs()).fold(0.0, f64::max);
            prop_assert!((curve.peak_turning() - turning).abs() < 1e-4);
            let change = |i: u32| (curve.turning(at(i + 1)) - curve.turning(at(i))).abs() * 2000.0;
            let rate = (0..2000).map(change).fold(0.0, f64::max) / curve.length;
            let told = curve.peak_turning_rate();
            prop_assert!(told >= rate - 1e-9 && told < rate + 0.02, "{told} {rate}");
            let slip = |i: u32| (curve.direction(at(i)) - curve.heading(at(i))).abs();
            let slip = (0..=2000).map(slip).fold(0.0, f64::max);
            let told = curve.peak_slip();
            prop_assert!(told >= slip - 1e-12 && told < slip + 1e-5, "{told} {slip}");
            let change = |i: u32| (curve.bend(at(i + 1)) - curve.bend(at(i))).abs() * 2000.0;
            let rate = (0..2000).map(change).fold(0.0, f64::max) / curve.length;
            let told = curve.peak_bend_rate();
            prop_assert!(told >= rate - 1e-9 && told < rate + 0.02, "{told} {rate}");
            for i in (0..2000).step_by(50) {
                let (from, to) = (at(i), at(i + 50));
                let told = [curve.peak_bend_within(from, to), curve.peak_bend_rate_within(from, to)];
                for i in i..i + 50 {
                    prop_assert!(curve.bend(at(i)).abs() <= told[0] + 1e-12);
                    prop_assert!(change(i) / curve.length <= told[1] + 1e-9);
                }
            }
            let turned: f64 = (0..2000)
                .map(|i| (curve.heading(at(i + 1)) - curve.heading(at(i))).abs())
                .sum();
            prop_assert!((curve.turned() - turned).abs() < 1e-4);
        }
    }
}
