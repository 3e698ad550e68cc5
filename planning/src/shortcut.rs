//! Ways that are known before a search: one curve from the start to the goal,
//! and an earlier plan, met by one curve from the new start and left by one curve
//! to the new goal, where that is free on the new grid.
//!
//! Where the street is open or has not changed, such a way is about as good as
//! what a search would find, and the search has only to prove it: all that
//! cannot be cheaper is left out from the beginning.

use std::f64::consts::PI;

use crate::curve::Curve;
use crate::lattice::{Frame, Leg, Setting};
use crate::pose::wrap;
use crate::primitives::Motion;
use crate::sweep::Sweeps;
use crate::vehicle::End;

/// A way that is known before the search begins.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) legs: Vec<Leg>,
    pub(crate) price: u64,
}

/// What is the same place and the same direction, m and rad.
const EXACT: f64 = 1e-9;

/// A curve to or from the earlier way is no longer than this, m.
const JOIN_WITHIN: f64 = 40.0;

/// A pose and the end that leads there.
#[derive(Clone, Copy, Debug)]
struct Joint {
    /// In the frame of the start, m.
    at: [f64; 2],
    /// Direction of motion in that frame, rad.
    direction: f64,
    lead: End,
}

/// What a curve costs, and the curve if one is needed.
type Priced = (u64, Option<Leg>);

/// Looks for such ways.
pub(crate) struct Shortcuts<'a> {
    pub(crate) setting: Setting<'a>,
    pub(crate) frame: &'a Frame,
    pub(crate) sweeps: &'a Sweeps<'a>,
    /// The end that leads, where the vehicle moves: if the other is to lead, the
    /// ends are to be changed first.
    pub(crate) moving: Option<End>,
}

impl Shortcuts<'_> {
    /// The cheapest way without a search, if any is free.
    pub(crate) fn best(&self, earlier: &[Leg]) -> Option<Known> {
        let ways = [self.direct(), self.over(earlier)];
        ways.into_iter().flatten().min_by_key(|way| way.price)
    }

    /// The way by one curve.
    fn direct(&self) -> Option<Known> {
        let end = self.frame.end;
        let ways = [end, end.other()].into_iter().filter_map(|lead| {
            let start = self.start(lead);
            let turn = self.frame.turn_left(start.direction, lead);
            let (price, leg) = self.join(start, self.frame.goal, turn, [EXACT; 2])?;
            let price = price + self.change_first(lead);
            let legs = leg.into_iter().collect();
            Some(Known { legs, price })
        });
        ways.min_by_key(|way| way.price)
    }

    /// The cheapest way over parts of an earlier one.
    fn over(&self, earlier: &[Leg]) -> Option<Known> {
        // What it costs to drive the legs before each, and how many of these
        // cannot be driven any more.
        let change_before = |i: usize| match i.checked_sub(1) {
            Some(last) if earlier[last].lead != earlier[i].lead => {
                self.setting.limits.prices.end_change()
            }
            _ => 0,
        };
        let (mut prices, mut blocked) = (vec![0], vec![0]);
        for (i, leg) in earlier.iter().enumerate() {
            let price = self.drive(self.begin(leg), leg.curve);
            prices.push(prices[i] + price.unwrap_or(0) + change_before(i));
            blocked.push(blocked[i] + u32::from(price.is_none()));
        }
        let entries: Vec<_> = earlier.iter().map(|leg| self.enter(leg)).collect();
        let exits: Vec<_> = earlier.iter().map(|leg| self.leave(leg)).collect();

        let mut best: Option<(u64, usize, usize)> = None;
        for (i, entry) in entries.iter().enumerate() {
            let Some((enter, _)) = entry else { continue };
            for (j, exit) in exits.iter().enumerate().skip(i) {
                let Some((leave, _)) = exit else { continue };
                if blocked[j + 1] > blocked[i] {
                    break;
                }
                // The change of ends before leg i is not made.
                let between = prices[j + 1] - prices[i] - change_before(i);
                let price = enter + between + leave + self.change_first(earlier[i].lead);
                if best.is_none_or(|(least, ..)| price < least) {
                    best = Some((price, i, j));
                }
            }
        }
        let (price, i, j) = best?;
        let entry = entries[i].iter().filter_map(|(_, leg)| leg.clone());
        let exit = exits[j].iter().filter_map(|(_, leg)| leg.clone());
        Some(Known {
            legs: entry
                .chain(earlier[i..=j].iter().cloned())
                .chain(exit)
                .collect(),
            price,
        })
    }

    /// From the start to where a leg begins, with the end leading that leads
    /// there.
    fn enter(&self, leg: &Leg) -> Option<Priced> {
        if !leg.curve.begins_straight() {
            return None;
        }
        let to = self.begin(leg);
        let start = self.start(leg.lead);
        self.join(
            start,
            to.at,
            wrap(to.direction - start.direction),
            [EXACT; 2],
        )
    }

    /// What it costs to begin with an end.
    fn change_first(&self, lead: End) -> u64 {
        match self.moving {
            Some(moving) if moving != lead => self.setting.limits.prices.end_change(),
            _ => 0,
        }
    }

    /// The start with an end leading.
    fn start(&self, lead: End) -> Joint {
        Joint {
            at: [0.0; 2],
            direction: if lead == self.frame.end { 0.0 } else { PI },
            lead,
        }
    }

    /// From where a leg ends to the goal.
    fn leave(&self, leg: &Leg) -> Option<Priced> {
        if leg.curve.end_slip() != 0.0 {
            return None;
        }
        let from = Joint {
            at: self.frame.local(leg.end_place()),
            direction: wrap(self.begin(leg).direction + leg.curve.turn),
            lead: leg.lead,
        };
        let goal = self.frame.goal;
        let turn = self.frame.turn_left(from.direction, leg.lead);
        // Half of what is allowed: what is left of it, rounding may have.
        let config = self.setting.config;
        let near = [config.tolerance_m / 2.0, config.tolerance_rad / 2.0];
        self.join(from, goal, turn, near)
    }

    /// The cheapest free curve; none is needed where what is left is no more
    /// than `near`, m and rad.
    fn join(&self, from: Joint, to: [f64; 2], turn: f64, near: [f64; 2]) -> Option<Priced> {
        let [dx, dy] = [to[0] - from.at[0], to[1] - from.at[1]];
        let apart = dx.hypot(dy);
        if apart <= near[0] && turn.abs() <= near[1] {
            return Some((0, None));
        }
        if apart > JOIN_WITHIN {
            return None;
        }
        let (sin, cos) = from.direction.sin_cos();
        let chord = [cos * dx + sin * dy, cos * dy - sin * dx];
        let limits = self.setting.limits;
        let crab = (limits.max_crab > 0.0).then(|| Curve::crab(chord, turn));
        [Curve::turn(chord, turn), crab.flatten()]
            .into_iter()
            .flatten()
            .filter(|curve| limits.allow(curve))
            .filter_map(|curve| Some((self.drive(from, curve)?, curve)))
            .min_by_key(|(price, _)| *price)
            .map(|(price, curve)| {
                let leg = Leg {
                    from: self.frame.world(from.at),
                    direction: from.direction + self.frame.angle(),
                    lead: from.lead,
                    curve,
                };
                (price, Some(leg))
            })
    }

    fn begin(&self, leg: &Leg) -> Joint {
        Joint {
            at: self.frame.local(leg.from),
            direction: wrap(leg.direction - self.frame.angle()),
            lead: leg.lead,
        }
    }

    /// Price of a curve, if it is free.
    fn drive(&self, from: Joint, curve: Curve) -> Option<u64> {
        let (sin, cos) = from.direction.sin_cos();
        let motion = Motion::new(curve, [cos, sin], self.setting.limits);
        let surcharge = self.sweeps.motion(from.at, from.lead, &motion)?;
        Some(motion.price + surcharge)
    }
}
