//! A lower bound on the price of what remains, the better of two relaxations:
//! the vehicle shrunk to a disc that moves between lattice points past the
//! obstacles, and the vehicle itself without any obstacles.

use std::collections::VecDeque;
use std::f64::consts::PI;

use crate::collision::Obstacles;
use crate::footing::Footing;
use crate::lattice::{Frame, Setting};
use crate::price::Prices;
use crate::primitives::Primitives;
use crate::unobstructed::{Turned, Unobstructed};
use crate::window::{State, Window};

/// Steps of the disc, counterclockwise. Neighbours span the lattice, so that
/// every lattice vector is a sum of two of them.
const STEPS: [[i32; 2]; 16] = [
    [1, 0],
    [2, 1],
    [1, 1],
    [1, 2],
    [0, 1],
    [-1, 2],
    [-1, 1],
    [-2, 1],
    [-1, 0],
    [-2, -1],
    [-1, -1],
    [-1, -2],
    [0, -1],
    [1, -2],
    [1, -1],
    [2, -1],
];

/// A chain of [`STEPS`] is no longer than this times the straight line: the
/// secant of half the widest angle between neighbours, rounded up.
const STRETCH: f64 = 1.0275;

/// A bound that any other is lower than, and one that none is.
const UNSEEN: u32 = u32::MAX;
const IMPASSABLE: u32 = 0;
/// The greatest bound: what is more is taken for it.
const MOST: u32 = UNSEEN - 1;

/// The chain of [`STEPS`] that adds up to a lattice vector, each point chosen
/// to have the lesser `cost` of the two that are left.
pub(crate) fn chain(
    vector: [i32; 2],
    cost: impl Fn([i32; 2]) -> f64,
) -> impl Iterator<Item = [i32; 2]> {
    let cross = |a: [i32; 2], b: [i32; 2]| a[0] * b[1] - a[1] * b[0];
    let pairs = (0..STEPS.len()).map(|i| (STEPS[i], STEPS[(i + 1) % STEPS.len()]));
    let [(first, mut firsts), (second, mut seconds)] = pairs
        .map(|(a, b)| [(a, cross(vector, b)), (b, cross(a, vector))])
        .find(|[(_, n), (_, m)]| *n >= 0 && *m >= 0)
        .unwrap_or([(STEPS[0], 0), (STEPS[1], 0)]);
    let mut at = [0, 0];
    std::iter::from_fn(move || {
        let next = |step: [i32; 2]| [at[0] + step[0], at[1] + step[1]];
        let take_first = match (firsts, seconds) {
            (0, 0) => return None,
            (_, 0) => true,
            (0, _) => false,
            _ => cost(next(first)) <= cost(next(second)),
        };
        at = next(if take_first { first } else { second });
        *(if take_first {
            &mut firsts
        } else {
            &mut seconds
        }) -= 1;
        Some(at)
    })
}

/// Bins into which the price of a cell's width is divided: what is in one bin
/// spreads in no order.
const BINS_A_CELL: u64 = 16;

/// What it costs the disc to come nearer to the start is taken for this much of
/// what it is, so that rounding never makes a step away from the goal cheaper
/// than that.
const ROUNDED: f64 = 0.999;

/// Bounds for one goal on one grid. The disc's distances spread from the goal
/// toward the start, and farther only as far as they are asked for (Silver,
/// "Cooperative Pathfinding", 2005).
pub(crate) struct Heuristic<'a> {
    frame: &'a Frame,
    obstacles: &'a Obstacles<'a>,
    footing: &'a Footing,
    primitives: &'a Primitives,
    unobstructed: &'a Unobstructed,
    prices: &'a Prices,
    /// How far from the goal the disc may end, m.
    tolerance: f64,
    /// The lattice point nearest to the goal, to which the disc moves.
    target: [i32; 2],
    /// What the way from there to the goal can save at most.
    saved: u64,
    window: Window,
    /// By the heading of the end that leads, and which that is: the least that it
    /// costs to get from there to the goal's heading, and of that the part that
    /// comes beside the metres.
    turns: Vec<[[u64; 2]; 2]>,
    /// By the same, the goal's heading as seen from there; where the ends are
    /// alike, either way round.
    turned: Vec<[[Turned; 2]; 2]>,
    /// [`UNSEEN`], [`IMPASSABLE`], or 1 more than the price bound: half the
    /// memory of a price, as it is waited for.
    bounds: Vec<u32>,
    /// What each of [`STEPS`] costs at least, and what it costs where all is
    /// unknown.
    prices_of_steps: [[u32; 2]; STEPS.len()],
    /// From a point's index to that of each of [`STEPS`].
    strides: [isize; STEPS.len()],
    /// Bounds yet to spread, with their index, in bins by what a way over there
    /// to the start costs at least; the first begins at `settled`.
    open: VecDeque<Vec<(u32, u32)>>,
    /// Width of a bin.
    bin: u64,
    /// No bound of a way that costs less will still change.
    settled: u64,
    /// Price of a metre toward the start, at least.
    per_metre: f64,
    /// Whether the disc is asked, and whether the vehicle without obstacles;
    /// with neither the search becomes Dijkstra's.
    #[cfg(test)]
    pub(crate) asked: [bool; 2],
}

impl<'a> Heuristic<'a> {
    pub(crate) fn new(
        setting: Setting<'a>,
        frame: &'a Frame,
        footing: &'a Footing,
        window: Window,
    ) -> Self {
        let Setting {
            primitives,
            obstacles,
            unobstructed,
            ..
        } = setting;
        let prices = &setting.limits.prices;
        let target = frame.goal.map(|c| (c / primitives.cell).round() as i32);
        let [dx, dy] = [0, 1].map(|k| f64::from(target[k]) * primitives.cell - frame.goal[k]);
        let prices_of_steps = STEPS.map(|step| {
            let [dx, dy] = step.map(f64::from);
            let metres = dx.hypot(dy) * primitives.cell / STRETCH;
            let price = |unknown| prices.way_bound(metres, unknown).min(u64::from(MOST));
            [false, true].map(|unknown| price(unknown) as u32)
        });
        let max_curvature = setting.limits.max_curvature;
        let price_of_turn = |turn: f64| {
            let metres = prices.length_bound(turn.abs() / max_curvature);
            [metres, prices.turn_bound(turn.abs())]
        };
        let turned = |turn: f64| {
            let round = if frame.folded { PI } else { 0.0 };
            [turn, turn + round].map(Turned::by)
        };
        let turns = frame.turns(primitives);
        let mut heuristic = Self {
            unobstructed,
            turned: turns.iter().map(|turns| turns.map(turned)).collect(),
            target,
            saved: prices.length_bound(dx.hypot(dy)) + 1,
            frame,
            obstacles,
            footing,
            primitives,
            prices,
            tolerance: setting.config.cell_m,
            turns: turns
                .into_iter()
                .map(|turns| turns.map(price_of_turn))
                .collect(),
            bounds: vec![UNSEEN; window.points()],
            strides: STEPS.map(|[x, y]| y as isize * window.width() as isize + x as isize),
            window,
            bin: (prices.length_bound(primitives.cell) / BINS_A_CELL).max(1),
            prices_of_steps,
            open: VecDeque::new(),
            settled: 0,
            per_metre: prices.length_bound(1.0) as f64 * ROUNDED / STRETCH,
            #[cfg(test)]
            asked: [true; 2],
        };
        heuristic.seed();
        heuristic
    }

    /// The least price from a state to the goal, as far as it is known; `None`
    /// if it is known that the goal cannot be reached.
    pub(crate) fn known(&self, state: State) -> Option<u64> {
        self.look(state).map(|(price, _)| price)
    }

    /// The least price from a state to the goal, or one above it that
    /// `is_enough`; `None` if the goal cannot be reached.
    pub(crate) fn bound(&mut self, state: State, is_enough: impl Fn(u64) -> bool) -> Option<u64> {
        loop {
            let (price, is_settled) = self.look(state)?;
            if is_settled || is_enough(price) {
                return Some(price);
            }
            self.spread()?;
        }
    }

    /// What is known of the least price from a state to the goal, and whether
    /// that is all that will be.
    fn look(&self, state: State) -> Option<(u64, bool)> {
        #[cfg(test)]
        if self.asked != [true; 2] {
            let [disc, open_way] = self.asked;
            let [metres, turn] = self.open_way(state);
            let price = (metres + turn).max(self.steered(state).unwrap_or(0));
            return if disc {
                self.disc(state.at)
            } else {
                Some((u64::from(open_way) * price, true))
            };
        }
        let (past_obstacles, is_settled) = self.disc(state.at)?;
        let [metres, turn] = self.open_way(state);
        let price = past_obstacles.max(metres) + turn;
        let steered = self.steered(state).unwrap_or(0);
        Some((price.max(steered), is_settled))
    }

    /// The least price of the vehicle's own way without obstacles, as far as the
    /// table reaches.
    fn steered(&self, state: State) -> Option<u64> {
        let [c, s] = self.primitives.units[usize::from(state.heading)];
        let [x, y] = self.primitives.place(state.at);
        let [dx, dy] = [self.frame.goal[0] - x, self.frame.goal[1] - y];
        let from_here = [c * dx + s * dy, c * dy - s * dx];
        let turned = self.turned[usize::from(state.heading)][state.lead as usize];
        let [one, other] = turned.map(|turned| self.unobstructed.price(from_here, turned));
        one.min(other)
    }

    /// The least price of the vehicle's own way without obstacles: that of its
    /// metres, and what comes beside them.
    fn open_way(&self, state: State) -> [u64; 2] {
        let [metres, turn] = self.turns[usize::from(state.heading)][state.lead as usize];
        let straight = self.prices.length_bound(self.distance(state.at));
        [metres.max(straight), turn]
    }

    /// What is known of the least price of the disc's way, and whether that is
    /// all that will be.
    fn disc(&self, at: [i32; 2]) -> Option<(u64, bool)> {
        let bound = self.bounds[self.window.index(at)?];
        if bound == IMPASSABLE {
            return None;
        }
        // What is not settled is yet to spread, and will not be less.
        let yet = self.settled.saturating_sub(self.to_start(at));
        let is_settled = bound != UNSEEN && u64::from(bound) < yet;
        let bound = if is_settled { u64::from(bound) } else { yet };
        Some((bound.saturating_sub(1 + self.saved), is_settled))
    }

    /// The disc has arrived where a plan may end, and at the target.
    fn seed(&mut self) {
        let reach = (self.tolerance / self.primitives.cell).ceil() as i32;
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let at = [self.target[0] + dx, self.target[1] + dy];
                if at == self.target || self.distance(at) <= 0.0 {
                    self.lower(at, 1);
                }
            }
        }
    }

    /// The least price of the disc's way from here to the start.
    fn to_start(&self, at: [i32; 2]) -> u64 {
        let [x, y] = self.primitives.place(at);
        ((x * x + y * y).sqrt() * self.per_metre) as u64
    }

    /// Spreads the bounds of one bin, until none of them changes any more: what
    /// leads straight to the start comes into the same bin (Dial, "Algorithm
    /// 360: Shortest-Path Forest with Topological Ordering", 1969); `None` when
    /// nothing is left to spread.
    fn spread(&mut self) -> Option<()> {
        while let Some((bound, index)) = self.open.front_mut()?.pop() {
            if self.bounds[index as usize] == bound {
                self.spread_from(index as usize, bound);
            }
        }
        self.open.pop_front();
        self.settled += self.bin;
        Some(())
    }

    fn spread_from(&mut self, index: usize, bound: u32) {
        let [x, y] = self.window.point(index);
        // Where a primitive that passes here can only be over unknown cells.
        let place = self.place([x, y]);
        let unknown = self.footing.is_only_unknown(self.obstacles, place);
        let inside = |[x, y]: [i32; 2]| self.window.index([x, y]).is_some();
        let far_inside = inside([x - 2, y - 2]) && inside([x + 2, y + 2]);
        for (i, step) in STEPS.iter().enumerate() {
            let price = self.prices_of_steps[i][usize::from(unknown)];
            let bound = bound.saturating_add(price).min(MOST);
            let next = index.wrapping_add_signed(self.strides[i]);
            // Mostly there is nothing to lower.
            if !far_inside || self.bounds[next] > bound {
                self.lower([x + step[0], y + step[1]], bound);
            }
        }
    }

    fn lower(&mut self, at: [i32; 2], bound: u32) {
        let Some(index) = self.window.index(at) else {
            return;
        };
        let known = self.bounds[index];
        if known <= bound {
            return;
        }
        if known == UNSEEN && !self.footing.holds(self.obstacles, self.place(at)) {
            self.bounds[index] = IMPASSABLE;
            return;
        }
        self.bounds[index] = bound;
        let total = u64::from(bound) + self.to_start(at);
        let bin = (total.saturating_sub(self.settled) / self.bin) as usize;
        if self.open.len() <= bin {
            self.open.resize_with(bin + 1, Vec::new);
        }
        self.open[bin].push((bound, index as u32));
    }

    fn place(&self, at: [i32; 2]) -> [f64; 2] {
        self.frame
            .world(at.map(|c| f64::from(c) * self.primitives.cell))
    }

    /// What is left to the goal as the crow flies, less the tolerance, m.
    fn distance(&self, at: [i32; 2]) -> f64 {
        let [dx, dy] = [0, 1].map(|k| f64::from(at[k]) * self.primitives.cell - self.frame.goal[k]);
        ((dx * dx + dy * dy).sqrt() - self.tolerance).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chains_add_up_and_are_hardly_longer_than_straight(x in -40i32..40, y in -40i32..40) {
            let points: Vec<_> = chain([x, y], |p| f64::from(p[0])).collect();
            prop_assert_eq!(points.last().copied().unwrap_or([0, 0]), [x, y]);
            let mut at = [0, 0];
            let mut length = 0.0;
            for point in points {
                let step = [point[0] - at[0], point[1] - at[1]];
                prop_assert!(STEPS.contains(&step));
                length += f64::from(step[0]).hypot(f64::from(step[1]));
                at = point;
            }
            prop_assert!(length <= STRETCH * f64::from(x).hypot(f64::from(y)));
        }
    }
}
