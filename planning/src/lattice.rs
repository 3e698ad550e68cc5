//! The search: A* (Hart, Nilsson and Raphael, 1968) over the states of the
//! lattice, which are (x, y, direction of motion) and, where the ends differ,
//! which of them leads.
//!
//! A symmetric vehicle turned by π with its ends swapped is the same vehicle.
//! The search therefore knows only its direction of motion, and two ways that
//! lead to the same place with the same direction meet in one state, whichever
//! end leads. For the same reason the lattice lies along the start's *axis*:
//! turned by π the start gives the same lattice, and the same search.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::collision::{Axis, Footprint, Obstacles};
use crate::config::PlannerConfig;
use crate::curve::Curve;
use crate::error::PlanError;
use crate::heuristic::Heuristic;
use crate::pose::{Heading, Pose2, wrap, wrap_axis};
use crate::primitives::{Limits, Motion, Primitives};
use crate::vehicle::End;

/// The frame of the lattice: its origin is the start, its x the start's axis.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    origin: [f64; 2],
    unit: [f64; 2],
    heading: Heading,
    /// The end that points along x.
    end: End,
    /// Place of the goal in the frame, m.
    pub(crate) goal: [f64; 2],
    /// Where end A points at the goal, in the frame.
    goal_heading: Heading,
    /// Whether the ends are alike, at the goal too.
    folded: bool,
}

impl Frame {
    pub(crate) fn new(start: Pose2, goal: Pose2, folded: bool) -> Self {
        let (a, goal_a) = (
            Heading::from_angle(start.theta),
            Heading::from_angle(goal.theta),
        );
        let (heading, end) = if a.is_upper() {
            (a, End::A)
        } else {
            (a.flipped(), End::B)
        };
        let goal_heading = goal_a.relative_to(heading);
        let (sin, cos) = heading.angle().sin_cos();
        let mut frame = Self {
            origin: [start.x, start.y],
            unit: [cos, sin],
            heading,
            end,
            goal: [0.0, 0.0],
            goal_heading: if folded && !goal_heading.is_upper() {
                goal_heading.flipped()
            } else {
                goal_heading
            },
            folded,
        };
        frame.goal = frame.local([goal.x, goal.y]);
        frame
    }

    /// A place in odom from one in the frame.
    pub(crate) fn world(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [c, s] = self.unit;
        [
            self.origin[0] + c * x - s * y,
            self.origin[1] + s * x + c * y,
        ]
    }

    /// A place in the frame from one in odom.
    pub(crate) fn local(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let ([c, s], [dx, dy]) = (self.unit, [x - self.origin[0], y - self.origin[1]]);
        [c * dx + s * dy, c * dy - s * dx]
    }

    /// What remains to be turned to the goal from each heading of the lattice,
    /// with end A leading and with end B, rad.
    pub(crate) fn turns(&self, primitives: &Primitives) -> Vec<[f64; 2]> {
        let turns = |angle: &f64| [End::A, End::B].map(|lead| self.turn_left(*angle, lead));
        primitives.angles.iter().map(turns).collect()
    }

    /// What remains to be turned to the goal from a direction of motion, rad.
    fn turn_left(&self, direction: f64, lead: End) -> f64 {
        if self.folded {
            return wrap_axis(self.goal_heading.angle() - direction);
        }
        let along = match lead {
            End::A => self.goal_heading,
            End::B => self.goal_heading.flipped(),
        };
        wrap(along.angle() - direction)
    }
}

/// A curve driven with one end leading.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    /// Where it begins, odom, m.
    pub(crate) from: [f64; 2],
    /// Direction of motion with which it begins, rad.
    pub(crate) direction: f64,
    pub(crate) lead: End,
    pub(crate) curve: Curve,
}

/// What the search found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) legs: Vec<Leg>,
    /// The end that leads first.
    pub(crate) lead: End,
    pub(crate) price: u64,
    pub(crate) expansions: u32,
    /// The states expanded, in order, as far as they are kept; odom, m.
    pub(crate) trace: Vec<[f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    at: [i32; 2],
    /// Direction of motion, a heading of the lattice.
    heading: u8,
    lead: End,
}

/// How a state is reached from another.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Edge {
    /// It is the start.
    Start,
    /// By this of the primitives that leave the other.
    Primitive(u8),
    EndChange,
    /// Not a state but the goal, by a curve along which the axis turns.
    Turn,
    /// Not a state but the goal, by a curve along which the axis stays.
    Crab,
    /// Not a state but the goal, to which the other is near enough.
    Arrival,
}

/// A way to a state, or to the goal.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// For the goal, the state before.
    state: State,
    price: u64,
    parent: u32,
    edge: Edge,
    /// Whether the edge is known to be free, and the price to be whole; until
    /// then it is the price in the open.
    tested: bool,
}

/// One search.
///
/// Testing an edge for collision takes longer than all else, so it is put off
/// until the edge is the next to be followed (Cohen, Phillips and Likhachev,
/// "Planning Single-Arm Manipulations with n-Arm Robots", 2014).
pub(crate) struct Search<'a> {
    pub(crate) config: &'a PlannerConfig,
    pub(crate) primitives: &'a Primitives,
    pub(crate) limits: &'a Limits,
    pub(crate) footprint: &'a Footprint,
    pub(crate) obstacles: &'a Obstacles<'a>,
    pub(crate) frame: &'a Frame,
    /// [`Frame::turns`].
    pub(crate) turns: Vec<[f64; 2]>,
    pub(crate) heuristic: Heuristic<'a>,
    pub(crate) agenda: Agenda,
}

/// What a search knows, and what it will look at in which order.
#[derive(Default)]
pub(crate) struct Agenda {
    nodes: Vec<Node>,
    /// Bound on the price by way of a node, bound on the part that remains,
    /// and the node: among equals the one nearest to the goal is due first, and
    /// among those the oldest.
    open: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// The price at which each state was expanded.
    expanded: FxHashMap<State, u64>,
    /// The cheapest tested way to the goal.
    best: Option<usize>,
    expansions: u32,
    trace: Vec<[f64; 2]>,
}

impl Search<'_> {
    /// Searches until the cheapest way to the goal is known; where the budget
    /// ends before, the cheapest found.
    pub(crate) fn run(mut self) -> Result<Found, PlanError> {
        let end = self.frame.end;
        for (heading, lead) in [(0, end), (self.primitives.reversed(0), end.other())] {
            let state = State {
                at: [0, 0],
                heading,
                lead,
            };
            self.push(Node {
                state,
                price: 0,
                parent: 0,
                edge: Edge::Start,
                tested: true,
            });
        }
        while let Some(Reverse((_, _, index))) = self.agenda.open.pop() {
            let node = self.agenda.nodes[index as usize];
            if !self.is_wanted(&node) {
                continue;
            }
            if !node.tested {
                if let Some(surcharge) = self.surcharge(&node) {
                    let price = node.price + surcharge;
                    self.push(Node {
                        price,
                        tested: true,
                        ..node
                    });
                }
                continue;
            }
            if node.edge.ends() {
                return Ok(self.found(index as usize));
            }
            if self.agenda.expansions == self.config.budget {
                let budget = self.config.budget;
                let best = self
                    .agenda
                    .best
                    .ok_or(PlanError::BudgetExhausted { budget })?;
                return Ok(self.found(best));
            }
            self.expand(index, &node);
        }
        Err(PlanError::NoPath {
            expansions: self.agenda.expansions,
        })
    }

    fn expand(&mut self, parent: u32, node: &Node) {
        let Node { state, price, .. } = *node;
        self.agenda.expanded.insert(self.key(state), price);
        self.agenda.expansions += 1;
        if self.agenda.trace.len() < self.config.trace as usize {
            self.agenda
                .trace
                .push(self.frame.world(self.local(state.at)));
        }
        let child = |state, price, edge, tested| Node {
            state,
            price,
            parent,
            edge,
            tested,
        };
        for (i, primitive) in self.primitives.from[usize::from(state.heading)]
            .iter()
            .enumerate()
        {
            let to = State {
                at: [0, 1].map(|k| state.at[k] + primitive.offset[k]),
                heading: primitive.heading,
                lead: state.lead,
            };
            let price = price + primitive.motion.price;
            self.push(child(to, price, Edge::Primitive(i as u8), false));
        }
        let changed = State {
            heading: self.primitives.reversed(state.heading),
            lead: state.lead.other(),
            ..state
        };
        let prices = &self.limits.prices;
        self.push(child(
            changed,
            price + prices.end_change(),
            Edge::EndChange,
            true,
        ));
        if self.arrives(state) {
            self.push(child(state, price, Edge::Arrival, true));
        }
        let connects = self.distance(state) <= self.config.connect_m;
        if connects || node.edge == Edge::Start {
            for edge in [Edge::Turn, Edge::Crab] {
                if let Some(curve) = self.connection(state, edge) {
                    self.push(child(state, price + prices.of(&curve), edge, false));
                }
            }
        }
    }

    /// Puts a way on the agenda if it may be of use.
    fn push(&mut self, node: Node) {
        if !self.is_wanted(&node) {
            return;
        }
        let turn = self.turn_left(node.state);
        let bound = match node.edge {
            Edge::Turn | Edge::Crab | Edge::Arrival => Some(0),
            // The start alone may reach the goal from anywhere by one curve,
            // for which the bound does not hold.
            Edge::Start => Some(self.heuristic.bound(node.state.at, turn).unwrap_or(0)),
            Edge::Primitive(_) | Edge::EndChange => self.heuristic.bound(node.state.at, turn),
        };
        let Some(bound) = bound else { return };
        let bound = (bound as f64 * self.config.inflation) as u64;
        let agenda = &mut self.agenda;
        let index = agenda.nodes.len();
        agenda
            .open
            .push(Reverse((node.price + bound, bound, index as u32)));
        agenda.nodes.push(node);
        if node.edge.ends() && node.tested {
            agenda.best = Some(index);
        }
    }

    /// Whether a way is cheaper than those that are known.
    fn is_wanted(&self, node: &Node) -> bool {
        let agenda = &self.agenda;
        if node.edge.ends() {
            let best = agenda.best.map(|best| agenda.nodes[best].price);
            // The best itself comes by again when it is due.
            return best.is_none_or(|best| node.price < best || node.tested && node.price == best);
        }
        let known = agenda.expanded.get(&self.key(node.state));
        known.is_none_or(|&known| node.price < known)
    }

    /// What an edge costs beside its price in the open; `None` if the vehicle
    /// would touch something.
    fn surcharge(&self, node: &Node) -> Option<u64> {
        let from = self.agenda.nodes[node.parent as usize].state;
        match node.edge {
            Edge::Start | Edge::EndChange | Edge::Arrival => Some(0),
            Edge::Primitive(i) => {
                let primitives = &self.primitives.from[usize::from(from.heading)];
                self.sweep(from, &primitives[usize::from(i)].motion)
            }
            Edge::Turn | Edge::Crab => {
                let along = self.primitives.units[usize::from(from.heading)];
                let motion = Motion::new(self.connection(from, node.edge)?, along, self.limits);
                let surcharge = self.sweep(from, &motion)?;
                let from_start = self.agenda.nodes[node.parent as usize].edge == Edge::Start;
                let bounded = from_start || self.heuristic.holds_for(from.at, &motion);
                bounded.then_some(surcharge)
            }
        }
    }

    /// The curve from a state to the goal.
    fn connection(&self, from: State, edge: Edge) -> Option<Curve> {
        let (here, goal) = (self.local(from.at), self.frame.goal);
        let [dx, dy] = [goal[0] - here[0], goal[1] - here[1]];
        let [c, s] = self.primitives.units[usize::from(from.heading)];
        let chord = [c * dx + s * dy, c * dy - s * dx];
        let turn = self.turn_left(from);
        let curve = if edge == Edge::Turn {
            Curve::turn(chord, turn)
        } else if turn.abs() <= self.config.tolerance_rad && self.limits.max_crab > 0.0 {
            Curve::crab(chord)
        } else {
            None
        };
        curve.filter(|curve| self.limits.allow(curve))
    }

    fn arrives(&self, state: State) -> bool {
        self.turn_left(state).abs() <= self.config.tolerance_rad
            && self.distance(state) <= self.config.tolerance_m
    }

    /// Distance to the goal, m.
    fn distance(&self, state: State) -> f64 {
        let here = self.local(state.at);
        (self.frame.goal[0] - here[0]).hypot(self.frame.goal[1] - here[1])
    }

    /// What a motion costs beside its price in the open; `None` if the vehicle
    /// would touch something.
    fn sweep(&self, from: State, motion: &Motion) -> Option<u64> {
        let here = self.local(from.at);
        let sign = from.lead.sign();
        let metres = motion.curve.length / motion.steps.len() as f64;
        let [c, s] = self.frame.unit;
        // Obstacles are likelier the farther from where the vehicle stands free.
        motion.steps.iter().rev().try_fold(0, |sum, step| {
            let [x, y] = step.along;
            let axis = Axis {
                origin: self
                    .frame
                    .world([here[0] + step.at[0], here[1] + step.at[1]]),
                unit: [sign * (c * x - s * y), sign * (s * x + c * y)],
            };
            let room = self.obstacles.room(self.footprint, &axis).ok()?;
            let nearness = (1.0 - room.clearance / self.config.clearance_m).max(0.0);
            Some(sum + self.limits.prices.surcharge(metres, nearness, room.unknown))
        })
    }

    /// The way to a node, from the start.
    fn found(self, node: usize) -> Found {
        let nodes = &self.agenda.nodes;
        let mut legs = Vec::new();
        let mut at = nodes[node];
        while at.edge != Edge::Start {
            let parent = nodes[at.parent as usize];
            let from = parent.state;
            let curve = match at.edge {
                Edge::Primitive(i) => {
                    let primitives = &self.primitives.from[usize::from(from.heading)];
                    Some(primitives[usize::from(i)].motion.curve)
                }
                Edge::Turn | Edge::Crab => self.connection(from, at.edge),
                Edge::Start | Edge::EndChange | Edge::Arrival => None,
            };
            legs.extend(curve.map(|curve| Leg {
                from: self.frame.world(self.local(from.at)),
                direction: self.frame.heading.angle()
                    + self.primitives.angles[usize::from(from.heading)],
                lead: from.lead,
                curve,
            }));
            at = parent;
        }
        legs.reverse();
        Found {
            legs,
            lead: at.state.lead,
            price: nodes[node].price,
            expansions: self.agenda.expansions,
            trace: self.agenda.trace,
        }
    }

    fn turn_left(&self, state: State) -> f64 {
        self.turns[usize::from(state.heading)][state.lead as usize]
    }

    fn local(&self, at: [i32; 2]) -> [f64; 2] {
        at.map(|c| f64::from(c) * self.primitives.cell)
    }

    /// What tells one state from another.
    fn key(&self, state: State) -> State {
        State {
            lead: if self.frame.folded {
                End::A
            } else {
                state.lead
            },
            ..state
        }
    }
}

impl Edge {
    fn ends(self) -> bool {
        matches!(self, Self::Turn | Self::Crab | Self::Arrival)
    }
}

#[cfg(test)]
mod tests {
    use janus_perception::Grid;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Unknown;
    use crate::heuristic::Relaxation;
    use crate::vehicle::Vehicle;

    /// Searches with and without the heuristic.
    fn both(
        grid: &Grid,
        start: Pose2,
        goal: Pose2,
        vehicle: &Vehicle,
    ) -> [Result<Found, PlanError>; 2] {
        let config = PlannerConfig {
            cell_m: 0.4,
            connect_m: 3.0,
            budget: 1_000_000,
            inflation: 1.0,
            ..PlannerConfig::default()
        };
        let primitives = Primitives::new(vehicle, &config);
        let limits = Limits::new(vehicle, &config);
        let footprint = Footprint::new(vehicle, config.margin_m);
        let mut obstacles = Obstacles::new(grid, Unknown::Price, 5.0);
        obstacles.price_unknown(
            &footprint,
            primitives.longest.max(config.connect_m) + primitives.drift,
        );
        let frame = Frame::new(start, goal, vehicle.is_symmetric());
        [false, true].map(|blind| {
            let relaxation = Relaxation {
                radius: footprint.inscribed_radius(),
                max_curvature: limits.max_curvature,
                longest: primitives.longest.max(config.connect_m),
                tolerance: config.tolerance_m,
                tolerance_rad: config.tolerance_rad,
            };
            let mut heuristic =
                Heuristic::new(&frame, &obstacles, &primitives, &limits.prices, relaxation)?;
            heuristic.blind = blind;
            let search = Search {
                config: &config,
                primitives: &primitives,
                limits: &limits,
                footprint: &footprint,
                obstacles: &obstacles,
                frame: &frame,
                turns: frame.turns(&primitives),
                heuristic,
                agenda: Agenda::default(),
            };
            search.run()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The heuristic is admissible: it never costs the cheapest way.
        #[test]
        fn the_heuristic_changes_the_effort_and_not_the_price(
            posts in proptest::collection::vec((0i32..90, 0i32..70), 0..8),
            start in (-3.0..3.0f64, -2.0..2.0f64, -3.2..3.2f64),
            goal in (-5.0..5.0f64, -4.0..4.0f64, -3.2..3.2f64),
            symmetric in any::<bool>(),
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
                (vehicle.axles_x, vehicle.centre_x) = (1.2, 1.2);
            }
            let (start, goal) = (Pose2::new(start.0, start.1, start.2), Pose2::new(goal.0, goal.1, goal.2));
            match both(&grid, start, goal, &vehicle) {
                [Ok(informed), Ok(blind)] => {
                    prop_assert_eq!(informed.price, blind.price);
                    prop_assert!(informed.expansions <= blind.expansions);
                }
                [Err(PlanError::NoPath { expansions }), Err(PlanError::NoPath { .. })] => {
                    prop_assert!(expansions > 0);
                }
                differ => prop_assert!(false, "{differ:?}"),
            }
        }
    }
}
