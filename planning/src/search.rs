//! The search: ARA* (Likhachev, Gordon and Thrun, "ARA*: Anytime A* with
//! Provable Bounds on Sub-Optimality", 2003) on the lattice.
//!
//! The lattice begins at the start. Before the search goes over it, the poses
//! about the goal are reached *backward* from there, cheapest first. A state of
//! the lattice is joined with one of these by a single curve. So start and goal
//! are both met exactly, wherever they lie and however narrow the goal is.

use std::collections::HashSet;
use std::f64::consts::PI;

use crate::approach::{Approach, Approaches, FINEST};
use crate::curve::Curve;
use crate::error::PlanError;
use crate::lattice::{Edge, Frame, Leg, Reach, Setting, Way, direction};
use crate::pose::{Pose2, wrap};
use crate::price::Prices;
use crate::primitives::Motion;
use crate::shortcut::Known;
use crate::vehicle::End;
use crate::window::State;

/// Ports that the search begins with. They are doubled when it has expanded so
/// many states without a way, and again at twice as many.
const PORTS: usize = 150;
const PATIENCE: u32 = 3_200;
/// There are no more than this.
const MOST_PORTS: usize = 3_200;
/// This part of the budget may be spent about the goal.
const SHARE_ABOUT_GOAL: u32 = 4;
/// So many poses are expanded on the first level, and twice as many on each that
/// is finer, without the vehicle's leaving the narrows.
const PATIENCE_WITH_LEVEL: u32 = 1_000;
/// Ports are farther apart than about so much, m and rad.
const PORTS_APART: [f64; 2] = [0.2, 0.1];
/// A state is joined with one port of each ring: the rings are the ports whose
/// price to the goal is below so many metres. The last has all others.
const RINGS: [u64; 6] = [1, 1_500_000, 4_000_000, 8_000_000, 14_000_000, u64::MAX];
/// The headings of two lattices are the same, rad.
const ALIGNED: f64 = 1e-9;
/// From one inflation to the next, what it is above 1 is divided by this.
const COOLING: f64 = 2.0;
/// So many states are expanded between looks at the clock.
const BETWEEN_LOOKS: u32 = 64;

/// What the search found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) legs: Vec<Leg>,
    /// The end that leads first.
    pub(crate) lead: End,
    pub(crate) standing: Standing,
}

/// What was spent on a plan, over all searches for it.
#[derive(Clone, Debug)]
pub(crate) struct Effort {
    /// States expanded, and how many may be.
    pub(crate) expansions: u32,
    pub(crate) budget: u32,
    /// The states expanded, in order, as far as they are kept; odom, m.
    pub(crate) trace: Vec<[f64; 2]>,
}

impl Found {
    /// Drives a leg before all others.
    pub(crate) fn begin_with(&mut self, leg: Leg, price: u64) {
        self.lead = leg.lead;
        self.legs.insert(0, leg);
        self.standing.price += price;
        self.standing.least += price;
    }

    /// Adds the price of a change of ends, if the vehicle moves with the other
    /// end leading.
    pub(crate) fn enter(&mut self, moving: Option<End>, prices: &Prices) {
        if moving.is_some_and(|moving| moving != self.lead) {
            self.standing.price += prices.end_change();
        }
    }

    /// The same way, driven back from where it ends, which is the start. Where
    /// the ends are alike the way may end there either way round.
    pub(crate) fn reversed(self, start: Pose2) -> Self {
        let mut legs: Vec<_> = self.legs.iter().rev().map(Leg::reversed).collect();
        let turned_round = legs.first().is_some_and(|leg| {
            let ahead = wrap(leg.direction - start.theta).abs() < PI / 2.0;
            ahead != (leg.lead == End::A)
        });
        for leg in legs.iter_mut().filter(|_| turned_round) {
            leg.lead = leg.lead.other();
        }
        Self {
            lead: legs.first().map_or(self.lead, |leg| leg.lead),
            legs,
            ..self
        }
    }
}

impl Effort {
    /// None yet, of so many states.
    pub(crate) fn within(budget: u32) -> Self {
        Self {
            expansions: 0,
            budget,
            trace: Vec::new(),
        }
    }
}

/// What is known of the best way so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) price: u64,
    /// No way costs less.
    pub(crate) least: u64,
    pub(crate) expansions: u32,
}

/// A state about the goal, as the search arrives there.
#[derive(Clone, Copy, Debug)]
struct Port {
    /// In the frame of the start, m.
    at: [f64; 2],
    /// Direction of motion in the frame of the start, rad.
    direction: f64,
    /// The end that leads on the way to the goal.
    lead: End,
    /// Price from here to the goal.
    price: u64,
    /// Which of [`RINGS`].
    ring: usize,
    /// The way from the goal.
    way: u32,
    /// Of this level.
    level: u32,
}

impl Port {
    /// Ports alike in this are alike.
    fn place(&self) -> [i32; 4] {
        let [metres, radians] = PORTS_APART;
        let [x, y] = self.at.map(|c| (c / metres).round() as i32);
        [
            x,
            y,
            (self.direction / radians).round() as i32,
            self.lead as i32,
        ]
    }
}

/// The cheapest way to the goal.
#[derive(Debug)]
enum Best {
    /// From before the search.
    Known(Known),
    /// A way of the search.
    Way(u32),
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ended {
    /// The best way is the cheapest at this inflation.
    Best,
    /// Nothing is left to search, to spend, or of the time.
    Early,
}

/// One search.
pub(crate) struct Search<'a> {
    setting: Setting<'a>,
    /// From the start.
    ahead: Reach<'a>,
    /// About the goal.
    back: Vec<Approaches<'a>>,
    back_frame: &'a Frame,
    ports: Vec<Port>,
    /// Where there are ports.
    known: HashSet<[i32; 4]>,
    /// Whether the vehicle has left the narrows about the goal.
    is_away: bool,
    /// After so many states without a way, ports are doubled.
    patience: u32,
    /// Distance of the farthest port from the goal, m.
    ports_within: f64,
    best: Option<Best>,
    /// How many states may be expanded in all: fewer once there is a way.
    budget: u32,
    /// No way costs less.
    least: u64,
    /// What searches before this have spent, and all once this has ended.
    effort: &'a mut Effort,
    /// Tells the search not to look at more about the goal as it goes on.
    #[cfg(test)]
    pub(crate) settled: bool,
}

impl<'a> Search<'a> {
    /// `known` is a way that is known already. The budget is less what was
    /// spent before.
    pub(crate) fn new(
        setting: Setting<'a>,
        mut ahead: Reach<'a>,
        goal: &'a Frame,
        known: Option<Known>,
        effort: &'a mut Effort,
    ) -> Self {
        let config = setting.config;
        let inflation = config.first_inflation.max(config.inflation);
        let most = known.as_ref().map_or(u64::MAX, |known| known.price);
        let least = ahead.begin_pass(inflation, most);
        // The start may reach the goal by one curve, for which the bound that is
        // made for the lattice does not hold.
        let frame = ahead.frame;
        let prices = &setting.limits.prices;
        let turn = [End::A, End::B].map(|lead| {
            let direction = if lead == frame.end { 0.0 } else { PI };
            frame.turn_left(direction, lead).abs()
        });
        let open = prices.length_bound(squared(frame.goal, [0.0; 2]).sqrt())
            + prices.turn_bound(turn[0].min(turn[1]));
        let least = least.min(open);
        if known.is_some() {
            // A way that is so much dearer than the least needs no search for one
            // that is dearer still.
            let above = (bound(most, least) - 1.0) / COOLING;
            ahead.begin_pass((1.0 + above).clamp(config.inflation, inflation), most);
        }
        Self {
            setting,
            ahead,
            back: vec![Approaches::new(setting, goal, 0)],
            back_frame: goal,
            ports: Vec::new(),
            known: HashSet::new(),
            is_away: false,
            patience: PATIENCE,
            ports_within: 0.0,
            budget: if known.is_some() {
                let improved = effort.expansions.saturating_add(config.improvement);
                effort.budget.min(improved)
            } else {
                effort.budget
            },
            best: known.map(Best::Known),
            least,
            effort,
            #[cfg(test)]
            settled: false,
        }
    }

    /// Searches until a way is known to cost no more than the configured factor
    /// of the least, or the budget ends, or `out_of_time` says so; `see` is told
    /// of each better way and each better bound.
    pub(crate) fn run(
        mut self,
        mut out_of_time: impl FnMut() -> bool,
        mut see: impl FnMut(Standing),
    ) -> Result<Found, PlanError> {
        let ended = self.improve(&mut out_of_time, &mut see);
        let expansions = self.expansions();
        let found = self.best.is_some().then(|| self.found());
        self.effort.expansions = expansions;
        ended?;
        found.ok_or(PlanError::NoPath { expansions })
    }

    fn improve(
        &mut self,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(Standing),
    ) -> Result<(), PlanError> {
        let config = self.setting.config;
        if self.best.is_some() {
            see(self.standing());
            if self.is_good_enough() {
                return Ok(());
            }
        }
        self.look_about_goal(PORTS, out_of_time);
        while self.pass(out_of_time, see)? == Ended::Best {
            let above = (self.ahead.inflation - 1.0) / COOLING;
            let inflation = (1.0 + above).max(config.inflation);
            let least = self.ahead.begin_pass(inflation, self.price());
            let bound = self.least.max(least);
            if bound > self.least {
                self.least = bound;
                see(self.standing());
            }
            if self.is_good_enough() {
                break;
            }
        }
        Ok(())
    }

    /// Expands states until the best way is the cheapest at this inflation.
    fn pass(
        &mut self,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(Standing),
    ) -> Result<Ended, PlanError> {
        loop {
            let Some(index) = self.ahead.next(self.price()) else {
                if self.best.is_some() {
                    return Ok(Ended::Best);
                }
                if self.grow_about_goal(out_of_time) {
                    continue;
                }
                return Ok(Ended::Early);
            };
            if let Edge::Join(port) = self.ahead.way(index).edge {
                if let Some(price) = self.join_price(index, port) {
                    let Way { parent, edge, .. } = *self.ahead.way(index);
                    self.arrive(parent, edge, price, see);
                }
                continue;
            }
            if self.expansions() >= self.budget {
                let budget = self.budget;
                return self.ended_early(PlanError::BudgetExhausted { budget });
            }
            if self.ahead.expansions.is_multiple_of(BETWEEN_LOOKS) && out_of_time() {
                let expansions = self.expansions();
                return self.ended_early(PlanError::Deadline { expansions });
            }
            self.expand(index, out_of_time, see);
        }
    }

    fn ended_early(&self, error: PlanError) -> Result<Ended, PlanError> {
        if self.best.is_some() {
            Ok(Ended::Early)
        } else {
            Err(error)
        }
    }

    fn expand(
        &mut self,
        index: u32,
        out_of_time: &mut impl FnMut() -> bool,
        see: &mut impl FnMut(Standing),
    ) {
        let state = self.ahead.way(index).state;
        let place = self.setting.primitives.place(state.at);
        self.keep_trace(self.ahead.frame.world(place));
        self.ahead.expand(index, self.price());
        if self.ahead.way(index).edge == Edge::Start && self.starts_at_goal() {
            self.arrive(index, Edge::Arrival, 0, see);
        }
        self.offer_joins(index);
        if self.best.is_none() && self.ahead.expansions > self.patience {
            self.patience = self.patience.saturating_mul(2);
            #[cfg(test)]
            if self.settled {
                return;
            }
            self.grow_about_goal(out_of_time);
        }
    }

    /// Whether the vehicle need not move.
    fn starts_at_goal(&self) -> bool {
        let config = self.setting.config;
        let frame = self.ahead.frame;
        frame.turn_left(0.0, frame.end).abs() <= config.tolerance_rad
            && squared(frame.goal, [0.0; 2]).sqrt() <= config.tolerance_m
    }

    /// Whether a state is one of those, a quarter or, as ports become more, less,
    /// that are joined with them: its neighbours would be joined by nearly the
    /// same curves.
    fn joins(&self, state: State) -> bool {
        let [x, y] = state.at;
        let one_in = (self.ports.len().next_power_of_two() / 128).clamp(4, 32) as i32;
        (x + 6 * y + 3 * i32::from(state.heading)) & (one_in - 1) == 0
    }

    /// Queues the joins of a state with the ports, by a bound on what they
    /// cost: of each ring the cheapest that seems to be within the vehicle's
    /// limits.
    fn offer_joins(&mut self, index: u32) {
        let Way {
            state,
            price,
            rest,
            edge,
            ..
        } = *self.ahead.way(index);
        let Setting {
            config,
            primitives,
            limits,
            ..
        } = self.setting;
        let here = primitives.place(state.at);
        let from_start = edge == Edge::Start;
        if !from_start && !self.joins(state) || !state.wheels.is_straight() {
            return;
        }
        let within = if from_start {
            f64::INFINITY
        } else {
            config.connect_m
        };
        if squared(here, self.ahead.frame.goal) > (within + self.ports_within).powi(2) {
            return;
        }
        let [c, s] = primitives.units[usize::from(state.heading)];
        let direction = primitives.angles[usize::from(state.heading)];
        let folded = self.ahead.frame.folded;
        let mut chosen = [(u64::MAX, 0); RINGS.len()];
        for (i, port) in self.ports.iter().enumerate() {
            let [dx, dy] = [port.at[0] - here[0], port.at[1] - here[1]];
            let ahead = c * dx + s * dy;
            let distance = dx * dx + dy * dy;
            if ahead <= 0.0 || distance > within * within || (!folded && port.lead != state.lead) {
                continue;
            }
            // What takes longer only where it may be the cheapest of its ring.
            let distance = distance.sqrt();
            let chosen = &mut chosen[port.ring];
            let total = port.price + limits.prices.length_bound(distance);
            if total >= chosen.0 {
                continue;
            }
            let turn = wrap(port.direction - direction);
            let total = total + limits.prices.turn_bound(turn.abs());
            let sine = (c * dy - s * dx) / distance;
            if total < chosen.0 && self.seems_allowed(sine, turn, distance) {
                *chosen = (total, i as u32);
            }
        }
        let best = self.price();
        for (total, port) in chosen {
            if total == u64::MAX {
                continue;
            }
            let total = if from_start { total } else { total.max(rest) };
            if price + total < best {
                self.ahead.offer_join(index, port, total);
            }
        }
    }

    /// Whether a curve with a chord aimed at this sine from the direction of
    /// motion is likely to be one that the vehicle can follow.
    fn seems_allowed(&self, sine: f64, turn: f64, distance: f64) -> bool {
        let limits = self.setting.limits;
        if turn.abs() <= ALIGNED && sine.abs() <= limits.max_crab {
            return true;
        }
        let aim = sine * (1.0 + sine * sine / 6.0);
        let bump = (aim - turn / 2.0) * (15.0 / 8.0);
        // The two terms of Curve::bend at their greatest.
        let bend = (1.5 * turn.abs()).max(3.08 * bump.abs());
        bend <= 1.1 * limits.max_curvature * distance
    }

    /// Price of the whole way to the goal by a join, if it is free.
    fn join_price(&self, join: u32, port: u32) -> Option<u64> {
        let way = self.ahead.way(join);
        let from = way.state;
        let port = &self.ports[port as usize];
        let motion = self.join(from, port)?;
        let here = self.setting.primitives.place(from.at);
        let surcharge = self.ahead.sweeps.motion(here, from.lead, &motion)?;
        let rest = motion.price + surcharge + port.price;
        let parent = self.ahead.way(way.parent);
        // The bound of the state before must hold for every way.
        let bounded = parent.edge == Edge::Start || rest >= parent.rest;
        bounded.then_some(way.price + rest)
    }

    /// The curve from a state to a port.
    fn join(&self, from: State, port: &Port) -> Option<Motion> {
        let primitives = self.setting.primitives;
        let limits = self.setting.limits;
        let here = primitives.place(from.at);
        let [dx, dy] = [port.at[0] - here[0], port.at[1] - here[1]];
        let [c, s] = primitives.units[usize::from(from.heading)];
        let chord = [c * dx + s * dy, c * dy - s * dx];
        let turn = wrap(port.direction - primitives.angles[usize::from(from.heading)]);
        let crab =
            (turn.abs() <= ALIGNED && limits.max_crab > 0.0).then(|| Curve::crab(chord, turn));
        [Curve::turn(chord, turn), crab.flatten()]
            .into_iter()
            .flatten()
            .filter(|curve| limits.allow(curve))
            .min_by_key(|curve| limits.prices.of(curve))
            .map(|curve| Motion::new(curve, [c, s], limits))
    }

    fn arrive(&mut self, from: u32, edge: Edge, price: u64, see: &mut impl FnMut(Standing)) {
        if price < self.price() {
            if self.best.is_none() {
                let improvement = self.setting.config.improvement;
                self.budget = (self.budget).min(self.expansions().saturating_add(improvement));
            }
            self.best = Some(Best::Way(self.ahead.arrive(from, edge, price)));
            self.least = self.least.max(self.ahead.floor());
            see(self.standing());
        }
    }

    /// Doubles the ports, and offers them to all states that are expanded.
    /// Whether there are more than before.
    fn grow_about_goal(&mut self, out_of_time: &mut impl FnMut() -> bool) -> bool {
        let known = self.ports.len();
        self.look_about_goal((2 * known).min(MOST_PORTS), out_of_time);
        if self.ports.len() <= known {
            return false;
        }
        let reached: Vec<_> = self.ahead.reached().collect();
        for index in reached {
            self.offer_joins(index);
        }
        true
    }

    /// Reaches poses about the goal until there are so many ports and the
    /// vehicle has left the narrows there: the finer the harder that is.
    fn look_about_goal(&mut self, count: usize, out_of_time: &mut impl FnMut() -> bool) {
        let left = self.effort.budget - self.effort.expansions.min(self.effort.budget);
        let most = (left / SHARE_ABOUT_GOAL).max(1);
        while !(self.is_away && self.ports.len() >= count) && self.about_goal() < most {
            if self.about_goal() % BETWEEN_LOOKS == BETWEEN_LOOKS - 1 && out_of_time() {
                return;
            }
            let Some(level) = self.back.last_mut() else {
                return;
            };
            let may_go_on = self.is_away || level.expansions < PATIENCE_WITH_LEVEL << level.level;
            let Some(way) = may_go_on.then(|| level.next()).flatten() else {
                let finer = level.level + 1;
                if finer > FINEST {
                    return;
                }
                self.back
                    .push(Approaches::new(self.setting, self.back_frame, finer));
                continue;
            };
            self.is_away |= level.is_away(way);
            let (
                level,
                &Approach {
                    at,
                    direction,
                    lead,
                    price,
                    ..
                },
            ) = (level.level, level.get(way));
            let place = self.back_frame.world(at);
            self.keep_trace(place);
            self.ports_within = self.ports_within.max(squared(at, [0.0; 2]).sqrt());
            let frame = &self.ahead.frame;
            let direction = self.back_frame.angle() + direction + PI - frame.angle();
            let port = Port {
                at: frame.local(place),
                direction: wrap(direction),
                lead: lead.other(),
                price,
                ring: RINGS
                    .iter()
                    .position(|&below| price < below)
                    .unwrap_or(RINGS.len() - 1),
                way,
                level,
            };
            if self.known.insert(port.place()) {
                self.ports.push(port);
            }
        }
    }

    fn about_goal(&self) -> u32 {
        self.back.iter().map(|level| level.expansions).sum()
    }

    fn keep_trace(&mut self, place: [f64; 2]) {
        if self.effort.trace.len() < self.setting.config.trace as usize {
            self.effort.trace.push(place);
        }
    }

    fn expansions(&self) -> u32 {
        self.effort.expansions + self.ahead.expansions + self.about_goal()
    }

    /// Price of the best way.
    fn price(&self) -> u64 {
        match &self.best {
            Some(Best::Way(best)) => self.ahead.way(*best).price,
            Some(Best::Known(known)) => known.price,
            None => u64::MAX,
        }
    }

    fn is_good_enough(&self) -> bool {
        self.price() as f64 <= self.setting.config.inflation * self.least as f64
    }

    fn standing(&self) -> Standing {
        Standing {
            price: self.price(),
            least: self.least.min(self.price()),
            expansions: self.expansions(),
        }
    }

    fn found(&self) -> Found {
        let standing = self.standing();
        let (legs, lead) = match &self.best {
            Some(Best::Way(best)) => (self.legs(*best), self.ahead.first_lead(*best)),
            Some(Best::Known(known)) => {
                let first = known.legs.first();
                let lead = first.map_or(self.ahead.frame.end, |leg| leg.lead);
                (known.legs.clone(), lead)
            }
            None => (Vec::new(), self.ahead.frame.end),
        };
        Found {
            legs,
            lead,
            standing,
        }
    }

    /// The curves of a way to the goal.
    fn legs(&self, best: u32) -> Vec<Leg> {
        let &Way { parent, edge, .. } = self.ahead.way(best);
        let mut legs = self.ahead.legs(parent);
        if let Edge::Join(port) = edge {
            let port = &self.ports[port as usize];
            let from = self.ahead.way(parent).state;
            legs.extend(self.join(from, port).map(|motion| {
                Leg {
                    from: self
                        .ahead
                        .frame
                        .world(self.setting.primitives.place(from.at)),
                    direction: direction(self.ahead.frame, self.setting.primitives, from),
                    lead: from.lead,
                    curve: motion.curve,
                }
            }));
            // Where the ends are alike, the two may differ on which one leads.
            let swapped = port.lead != from.lead;
            legs.extend(
                self.back[port.level as usize]
                    .legs(port.way)
                    .map(|leg| Leg {
                        lead: if swapped { leg.lead.other() } else { leg.lead },
                        ..leg
                    }),
            );
        }
        legs
    }
}

fn squared(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [dx, dy] = [a[0] - b[0], a[1] - b[1]];
    dx * dx + dy * dy
}

/// How many times as much as the least a price is at most.
pub(crate) fn bound(price: u64, least: u64) -> f64 {
    if price <= least {
        1.0
    } else {
        price as f64 / least as f64
    }
}

#[cfg(test)]
mod tests {
    use janus_perception::Grid;
    use proptest::prelude::*;

    use super::*;
    use crate::collision::{Footprint, Obstacles};
    use crate::config::{Costs, PlannerConfig, Unknown};
    use crate::footing::Footing;
    use crate::heuristic::Heuristic;
    use crate::primitive_set::PrimitiveSet;
    use crate::primitives::{Limits, Primitives};
    use crate::unobstructed::Unobstructed;
    use crate::vehicle::Vehicle;
    use crate::window::Window;

    /// Searches with neither of the two parts of the heuristic, with each of
    /// them, and with both.
    fn searches(
        grid: &Grid,
        start: Pose2,
        goal: Pose2,
        vehicle: &Vehicle,
        time: f64,
    ) -> [Result<Found, PlanError>; 4] {
        let config = PlannerConfig {
            costs: Costs {
                time,
                ..Costs::default()
            },
            cell_m: 0.4,
            connect_m: 3.0,
            budget: 1_000_000,
            improvement: 1_000_000,
            inflation: 1.0,
            first_inflation: 1.0,
            ..PlannerConfig::default()
        };
        let limits = Limits::new(vehicle, &config);
        let unobstructed = Unobstructed::new(&limits);
        let set = PrimitiveSet::generate(vehicle, &config).expect("valid");
        let links = set.links(vehicle, &limits).expect("its own");
        let primitives = Primitives::new(links, config.headings, config.cell_m, &limits);
        let footprint = Footprint::new(vehicle, config.margin_m);
        let mut obstacles = Obstacles::new(grid, Unknown::Price, 5.0);
        obstacles.price_unknown(&footprint, primitives.longest + primitives.drift);
        let footing = Footing::new(&obstacles, &footprint, &primitives);
        let setting = Setting {
            config: &config,
            primitives: &primitives,
            limits: &limits,
            unobstructed: &unobstructed,
            footprint: &footprint,
            obstacles: &obstacles,
        };
        let from_start = Frame::new(start, goal, vehicle.is_symmetric());
        let from_goal = Frame::new(goal, start, vehicle.is_symmetric());
        let window = |frame| Window::new(frame, &obstacles, &primitives);
        [[false; 2], [true, false], [false, true], [true; 2]].map(|asked| {
            let mut heuristic =
                Heuristic::new(setting, &from_start, &footing, window(&from_start)?);
            heuristic.asked = asked;
            let ahead = Reach::new(setting, &from_start, window(&from_start)?, heuristic, None);
            let mut effort = Effort::within(config.budget);
            let mut search = Search::new(setting, ahead, &from_goal, None, &mut effort);
            search.settled = true;
            search.run(|| false, |_| ())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Each part of the heuristic is admissible, and so are both together:
        /// they never cost the cheapest way.
        #[test]
        fn the_heuristic_changes_the_effort_and_not_the_price(
            posts in proptest::collection::vec((0i32..90, 0i32..70), 0..8),
            start in (-3.0..3.0f64, -2.0..2.0f64, -3.2..3.2f64),
            goal in (-5.0..5.0f64, -4.0..4.0f64, -3.2..3.2f64),
            symmetric in any::<bool>(),
            time in prop::sample::select(vec![0.0, 1.0]),
            unknown in prop::option::of(-10i32..60),
        ) {
            let cells = (0..70).flat_map(|y| (0..90).map(move |x| (x, y)));
            let near = |(x, y), (px, py): (i32, i32)| {
                let (dx, dy): (i32, i32) = (x - px, y - py);
                dx.abs() < 3 && dy.abs() < 3
            };
            let log_odds = |(x, y)| match (posts.iter().any(|&p| near((x, y), p)), unknown) {
                (true, _) => 1,
                (false, Some(from)) if x > from => 0,
                (false, _) => -1,
            };
            let grid = Grid {
                origin: [-45, -35],
                size: [90, 70],
                cell_mm: 200,
                log_odds: cells.map(log_odds).collect(),
            };
            let mut vehicle = Vehicle::shuttle();
            if !symmetric {
                (vehicle.max_steer_b, vehicle.crab) = (0.0, false);
                vehicle.max_steer_rate_a *= 2.0;
                (vehicle.axles_x, vehicle.centre_x) = (1.2, 1.2);
            }
            let (start, goal) = (Pose2::new(start.0, start.1, start.2), Pose2::new(goal.0, goal.1, goal.2));
            let [blind, parts @ ..] = searches(&grid, start, goal, &vehicle, time);
            for informed in parts {
                match (&blind, informed) {
                    (Ok(blind), Ok(informed)) => {
                        prop_assert_eq!(informed.standing.price, blind.standing.price);
                        prop_assert!(informed.standing.expansions <= blind.standing.expansions);
                    }
                    (Err(PlanError::NoPath { expansions }), Err(PlanError::NoPath { .. })) => {
                        prop_assert!(*expansions > 0);
                    }
                    differ => prop_assert!(false, "{differ:?}"),
                }
            }
        }
    }
}
