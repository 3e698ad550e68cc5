//! What it costs at least to get from one pose to another where nothing is in
//! the way: a table, made once for a vehicle and its prices.
//!
//! What keeps a search busy is mostly not the obstacles but the vehicle's own
//! steering: a goal close by but aside is a long turn or a change of ends away.
//! Such a table is what Likhachev and Ferguson precompute for their lattice
//! ("Planning Long Dynamically Feasible Maneuvers for Autonomous Vehicles",
//! IJRR 2009). Theirs is exact for the motions of the lattice; ours is a bound
//! for any way of the vehicle, as ways also end by curves that lead off the
//! lattice.
//!
//! Along a way of length L that turns the axis by θ in all, the axis points
//! within κ·s of where it pointed at the start after s metres, and within
//! κ·(L − s) of where it points at the end. The direction of motion is that of
//! the axis, or its opposite where the other end leads, give or take the
//! greatest slip. The places that lie at the end of *some* directions within
//! these bounds, chosen anew at every metre, are a convex set with the support
//! function ∫ cos(angle from η to the nearest of these directions) ds. The
//! least L whose set holds a place is a bound on the way there.

use std::f64::consts::{PI, SQRT_2, TAU};

use crate::pose::wrap;
use crate::primitives::Limits;

/// The table reaches this far to each side, and tells places apart by so much,
/// in parts of the vehicle's least radius.
const CELL: f64 = 0.1;
/// Cells on each side of the middle one.
const AROUND: i32 = 24;
const SIDE: usize = 2 * AROUND as usize + 1;
/// Turns between none and half a turn that are told apart.
const TURNS: usize = 12;
const TURN: f64 = PI / TURNS as f64;
/// Ways grow by so much from one set to the next, in the same parts.
const GROWTH: f64 = 0.1;
/// Directions in which a set is bounded.
const DIRECTIONS: usize = 24;
/// Parts of a way over which the bounds are integrated.
const PARTS: usize = 16;
/// Of these one is where the ends change.
const CHANGES: usize = 4;

/// A pose's heading as seen from another: a slice of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// Nearest of the turns to the left.
    turn: usize,
    /// Whether it is one to the right.
    mirrored: bool,
}

impl Turned {
    /// By an angle, rad.
    pub(crate) fn by(angle: f64) -> Self {
        let angle = wrap(angle);
        Self {
            turn: ((angle.abs() / TURN).round() as usize).min(TURNS),
            mirrored: angle < 0.0,
        }
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Unobstructed {
    /// Side of a cell, m.
    cell: f64,
    /// By turn and place, that of y first.
    prices: Vec<u32>,
}

impl Unobstructed {
    pub(crate) fn new(limits: &Limits) -> Self {
        let radius = 1.0 / limits.max_curvature;
        let prices = (0..=TURNS).flat_map(|turn| slice(limits, turn as f64 * TURN));
        Self {
            cell: CELL * radius,
            prices: prices.collect(),
        }
    }

    /// What it costs at least to get to a place, m, with the axis turned, both
    /// as seen from where the end that leads at first points along x; `None` if
    /// that is farther than the table reaches.
    pub(crate) fn price(&self, [x, y]: [f64; 2], turned: Turned) -> Option<u64> {
        let y = if turned.mirrored { -y } else { y };
        let index = |c: f64| {
            let index = (c / self.cell).round();
            (index.abs() <= f64::from(AROUND)).then(|| (index as i32 + AROUND) as usize)
        };
        let (x, y) = (index(x)?, index(y)?);
        let place = (turned.turn * SIDE + y) * SIDE + x;
        Some(u64::from(self.prices[place]))
    }
}

/// The prices of all places with the axis turned by `turn` or up to half of
/// [`TURN`] more or less.
fn slice(limits: &Limits, turn: f64) -> Vec<u32> {
    let prices = &limits.prices;
    let radius = 1.0 / limits.max_curvature;
    let at = |i: i32| f64::from(i) * CELL;
    let places: Vec<Place> = (-AROUND..=AROUND)
        .flat_map(|y| (-AROUND..=AROUND).map(move |x| Place::new([at(x), at(y)])))
        .collect();
    let units = std::array::from_fn(|direction| {
        let (sin, cos) = angle(direction).sin_cos();
        [cos, sin]
    });
    let price = |length: f64, turned: f64, changes: u64| {
        prices.length_bound(length * radius)
            + prices.turn_bound(turned)
            + changes * prices.end_change()
    };
    let least_turn = |turn: f64| (turn.abs() - TURN / 2.0).max(0.0);
    // With more changes of ends than one there is no more to it than this.
    let open = |place: &Place| {
        let [x, y] = place.at;
        let straight = (x.hypot(y) - CELL / SQRT_2).max(0.0);
        let turned = least_turn(turn);
        price(straight.max(turned), turned, 2)
    };
    let mut least: Vec<u64> = places.iter().map(open).collect();
    // The nearer way round first.
    let around = (1..).flat_map(|times| [-TAU, TAU].map(|round| turn + round * f64::from(times)));
    for turn in std::iter::once(turn).chain(around) {
        let turned = least_turn(turn);
        let most = least.iter().copied().max().unwrap_or(0);
        if price(turned, turned, 0) >= most {
            break;
        }
        for (change, changes) in std::iter::once(None)
            .chain((0..CHANGES).map(Some))
            .zip(std::iter::once(0).chain(std::iter::repeat(1)))
        {
            let mut left: Vec<usize> = (0..places.len()).collect();
            for step in (turned / GROWTH) as usize.. {
                let price = price(step as f64 * GROWTH, turned, changes);
                left.retain(|&i| price < least[i]);
                if left.is_empty() {
                    break;
                }
                let set = Set::new(limits.max_crab, turn, (step + 1) as f64 * GROWTH, change);
                left.retain(|&i| {
                    let holds = set.holds(&places[i], &units);
                    if holds {
                        least[i] = price;
                    }
                    !holds
                });
            }
        }
    }
    least
        .into_iter()
        .map(|price| price.min(u64::from(u32::MAX)) as u32)
        .collect()
}

/// What ways up to a length lead to, but not much shorter ones. Lengths are in
/// parts of the least radius.
struct Set {
    /// How far it reaches in each of [`DIRECTIONS`].
    reach: [f64; DIRECTIONS],
}

impl Set {
    /// Of ways up to `length` and longer than that less [`GROWTH`], with the
    /// axis turned by `turn` or up to half of [`TURN`] more or less, and a change
    /// of ends somewhere in one of [`CHANGES`] parts.
    fn new(slip: f64, turn: f64, length: f64, change: Option<usize>) -> Self {
        let part = length / PARTS as f64;
        let changes = change.map(|i| [i, i + 1].map(|i| i * PARTS / CHANGES));
        let mut reach = [0.0; DIRECTIONS];
        for i in 0..PARTS {
            let from_start = (i as f64 + 0.5) * part;
            let from_end = length - from_start;
            let low = (-from_start).max(turn - TURN / 2.0 - from_end);
            let high = from_start.min(turn + TURN / 2.0 + from_end);
            let (middle, half) = ((low + high) / 2.0, ((high - low) / 2.0).max(0.0) + slip);
            let [may_be_changed, may_be_not] = match changes {
                None => [false, true],
                Some([from, to]) => [i >= from, i < to],
            };
            for (direction, reach) in reach.iter_mut().enumerate() {
                let along = angle(direction);
                let progress = |middle: f64| ((along - middle).rem_euclid(TAU) - PI).abs();
                // As far as the nearest direction of motion is away from it.
                let away = |middle: f64| (PI - progress(middle) - half).max(0.0).cos();
                let ahead = if may_be_not { away(middle) } else { -1.0 };
                let back = if may_be_changed {
                    away(middle + PI)
                } else {
                    -1.0
                };
                *reach += part * ahead.max(back);
            }
        }
        // Of the midpoint rule, where the angle changes by no more than the
        // metres: but for a few kinks its error is of the second order.
        let rounding = length * part * part / 24.0 + 2.0 * part * part;
        let slack = GROWTH + CELL / SQRT_2 + rounding;
        Self {
            reach: reach.map(|reach| reach + slack),
        }
    }

    fn holds(&self, place: &Place, units: &[[f64; 2]; DIRECTIONS]) -> bool {
        let [x, y] = place.at;
        // What is too far or too near mostly shows along the line there.
        (0..DIRECTIONS).all(|i| {
            let direction = (place.direction + i * (DIRECTIONS / 2 + 1)) % DIRECTIONS;
            let [cos, sin] = units[direction];
            x * cos + y * sin <= self.reach[direction]
        })
    }
}

/// A place of the table, in parts of the least radius.
struct Place {
    at: [f64; 2],
    /// Which of [`DIRECTIONS`] leads there, about.
    direction: usize,
}

impl Place {
    fn new(at: [f64; 2]) -> Self {
        let [x, y] = at;
        let around = y.atan2(x).rem_euclid(TAU) / TAU;
        Self {
            at,
            direction: (around * DIRECTIONS as f64).round() as usize,
        }
    }
}

/// One of [`DIRECTIONS`], rad.
fn angle(direction: usize) -> f64 {
    direction as f64 * TAU / DIRECTIONS as f64
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_PI_2;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Costs, PlannerConfig};
    use crate::curve::{Curve, Follows};
    use crate::tpcap::Case;
    use crate::vehicle::Vehicle;

    /// The shuttle, and a car that pays for its time.
    static TABLES: LazyLock<[(Limits, Unobstructed); 2]> = LazyLock::new(|| {
        let costs = Costs {
            time: 1.0,
            ..Costs::default()
        };
        let with = |vehicle: Vehicle, costs: Costs| {
            let config = PlannerConfig {
                costs,
                ..PlannerConfig::default()
            };
            let limits = Limits::new(&vehicle, &config);
            let table = Unobstructed::new(&limits);
            (limits, table)
        };
        [
            with(Vehicle::shuttle(), Costs::default()),
            with(Case::car(), costs),
        ]
    });

    /// A curve within a vehicle's limits, by a kind and by how much it takes of
    /// what there is.
    fn curve(limits: &Limits, kind: u8, length: f64, shares: [f64; 2]) -> Curve {
        let most = (limits.max_curvature * length / 1.5)
            .min(limits.max_curvature_rate * length.powi(2) / 6.0);
        let [turn, slip] = [shares[0] * most * 0.999, shares[1] * limits.max_crab];
        let curve = |turn, bump, axis| Curve {
            turn,
            bump,
            axis,
            ..Curve::straight(length)
        };
        match kind {
            _ if limits.max_crab == 0.0 || kind == 0 => curve(turn, 0.0, Follows::Motion),
            1 => curve(0.0, slip, Follows::Turn),
            2 => curve(0.3 * turn, 0.3 * slip, Follows::Turn),
            _ => curve(slip, 0.0, Follows::Nothing),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_way_costs_less(
            pieces in proptest::collection::vec(
                (0u8..4, 0.2..4.0f64, [-1.0..1.0f64, -1.0..1.0f64], prop::bool::weighted(0.3)),
                1..5,
            ),
            which in 0usize..2,
        ) {
            let (limits, table) = &TABLES[which];
            let prices = &limits.prices;
            let (mut at, mut axis, mut price) = ([0.0; 2], 0.0f64, 0);
            let mut ahead = 1.0;
            let mut drive = |curve: Curve, changes: bool| {
                if changes {
                    ahead = -ahead;
                    price += prices.end_change();
                }
                price += prices.of(&curve);
                let [x, y] = curve.end();
                let (sin, cos) = (axis + curve.slip).sin_cos();
                at = [at[0] + ahead * (cos * x - sin * y), at[1] + ahead * (sin * x + cos * y)];
                axis += curve.heading(1.0) - curve.heading(0.0);
                (at, axis, price)
            };
            for (kind, length, shares, changes) in pieces {
                let curve = curve(limits, kind, length, shares);
                prop_assert!(limits.allow(&curve), "{curve:?}");
                let mut after = vec![(curve, changes)];
                if curve.end_slip() != 0.0 {
                    after.push((curve.reversed(), false));
                }
                for (curve, changes) in after {
                    let (at, axis, price) = drive(curve, changes);
                    let least = table.price(at, Turned::by(axis)).unwrap_or(0);
                    prop_assert!(least <= price, "{least} {price} {at:?} {axis}");
                }
            }
        }
    }

    #[test]
    fn what_is_close_by_but_aside_is_far() {
        let (limits, table) = &TABLES[0];
        let metres = |at, turn| {
            let price = table.price(at, Turned::by(turn)).expect("in the table");
            price as f64 / 1e6
        };
        assert_eq!(table.price([0.0; 2], Turned::by(0.0)), Some(0));
        let ahead = metres([4.0, 0.0], 0.0);
        assert!((3.0..=4.0).contains(&ahead), "{ahead}");
        // Behind is a change of ends away, and so is what is aside.
        let change = limits.prices.end_change() as f64 / 1e6;
        for at in [[-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]] {
            assert!(
                metres(at, 0.0) >= change + 2.0,
                "{at:?} {}",
                metres(at, 0.0)
            );
        }
        // Turned by a right angle at the same place takes a change of ends, which
        // neither the distance nor the turn tells.
        let turn = FRAC_PI_2;
        let change_and_turn = change + limits.prices.turn_bound(turn) as f64 / 1e6;
        assert!(metres([0.0; 2], turn) >= change_and_turn - 0.2);
        assert_eq!(metres([1.0, 2.0], 0.7), metres([1.0, -2.0], -0.7));
        assert_eq!(table.price([100.0, 0.0], Turned::by(0.0)), None);
    }
}
