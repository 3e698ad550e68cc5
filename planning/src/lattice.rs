//! The lattice: states, which are (x, y, heading of the end that leads, how the
//! wheels stand) and, where the ends differ, which of them leads; and the ways to
//! them from one pose.
//!
//! A symmetric vehicle turned by π with its ends swapped is the same vehicle.
//! The search therefore knows only how the end is headed that leads, and two ways
//! that lead to the same place with the same heading and the same wheels meet in
//! one state, whichever end leads. For the same reason the lattice lies along the pose's *axis*:
//! turned by π the pose gives the same lattice, and the same search.

use std::f64::consts::PI;

use crate::collision::{Footprint, Obstacles};
use crate::config::PlannerConfig;
use crate::curve::Curve;
use crate::heuristic::Heuristic;
use crate::pose::{Heading, Pose2, wrap, wrap_axis};
use crate::primitives::{Limits, Primitives, Wheels};
use crate::queue::Queue;
use crate::sweep::Sweeps;
use crate::unobstructed::Unobstructed;
use crate::vehicle::End;
use crate::window::{Records, State, Window};

/// The frame of the lattice: its origin is the start, its x the start's axis.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    origin: [f64; 2],
    unit: [f64; 2],
    heading: Heading,
    /// The end that points along x.
    pub(crate) end: End,
    /// Place of the goal in the frame, m.
    pub(crate) goal: [f64; 2],
    /// Where end A points at the goal, in the frame.
    goal_heading: Heading,
    /// Whether the ends are alike, at the goal too.
    pub(crate) folded: bool,
}

impl Frame {
    /// The frame of a start, with what a search for the goal has to know.
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
        let mut frame = Self {
            origin: [start.x, start.y],
            unit: heading.unit(),
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

    /// A vector in odom from one in the frame.
    pub(crate) fn turned(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [c, s] = self.unit;
        [c * x - s * y, s * x + c * y]
    }

    /// Direction of the frame's x in odom, rad.
    pub(crate) fn angle(&self) -> f64 {
        self.heading.angle()
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

    /// What remains to be turned to the goal where the leading end is headed so,
    /// rad.
    pub(crate) fn turn_left(&self, direction: f64, lead: End) -> f64 {
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
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leg {
    /// Where it begins, odom, m.
    pub(crate) from: [f64; 2],
    /// Direction of motion with which it begins, rad.
    pub(crate) direction: f64,
    pub(crate) lead: End,
    pub(crate) curve: Curve,
}

impl Leg {
    /// On from a pose.
    pub(crate) fn from_pose(from: Pose2, lead: End, curve: Curve) -> Self {
        Self {
            from: [from.x, from.y],
            direction: match lead {
                End::A => from.theta,
                End::B => wrap(from.theta + PI),
            },
            lead,
            curve,
        }
    }

    /// The place at which it ends, odom, m.
    pub(crate) fn end_place(&self) -> [f64; 2] {
        let [x, y] = self.curve.end();
        let (sin, cos) = self.direction.sin_cos();
        [
            self.from[0] + cos * x - sin * y,
            self.from[1] + sin * x + cos * y,
        ]
    }

    /// The pose at which it ends.
    pub(crate) fn end(&self) -> Pose2 {
        let [x, y] = self.end_place();
        let axis = self.direction + self.curve.heading(1.0);
        Pose2::new(
            x,
            y,
            match self.lead {
                End::A => wrap(axis),
                End::B => wrap(axis + PI),
            },
        )
    }

    /// The same way back, the other end leading.
    pub(crate) fn reversed(&self) -> Self {
        Self {
            from: self.end_place(),
            direction: self.direction + self.curve.turn + PI,
            lead: self.lead.other(),
            curve: self.curve.reversed(),
        }
    }
}

/// Direction of motion of a state in odom, rad.
pub(crate) fn direction(frame: &Frame, primitives: &Primitives, state: State) -> f64 {
    frame.angle() + primitives.direction(state)
}

/// How a state is reached from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Edge {
    /// It is where the ways begin.
    Start,
    /// By this of the primitives that leave the other.
    Primitive(u8),
    EndChange,
    /// Not a state but the goal, by a curve to this of the ports.
    Join(u32),
    /// Not a state but the goal, at which the other is.
    Arrival,
}

/// A way to a state, or to the goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) price: u64,
    /// Bound on the price of what remains to the goal.
    pub(crate) rest: u64,
    pub(crate) state: State,
    /// Where the state's record is; of the goal, that of the state before.
    pub(crate) slot: u32,
    pub(crate) parent: u32,
    pub(crate) edge: Edge,
    /// Changes of end on the way.
    pub(crate) changes: u16,
    /// Whether the edge is known to be free, and the price to be whole; until
    /// then it is the price in the open.
    pub(crate) tested: bool,
}

/// What all parts of one search share.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) config: &'a PlannerConfig,
    pub(crate) primitives: &'a Primitives,
    pub(crate) limits: &'a Limits,
    pub(crate) unobstructed: &'a Unobstructed,
    pub(crate) footprint: &'a Footprint,
    pub(crate) obstacles: &'a Obstacles<'a>,
}

/// The states that are reached from one pose, and the ways to them.
///
/// Testing an edge for collision takes longer than all else, so it is put off
/// until the edge is the next to be followed (Cohen, Phillips and Likhachev,
/// "Planning Single-Arm Manipulations with n-Arm Robots", 2014).
pub(crate) struct Reach<'a> {
    setting: Setting<'a>,
    pub(crate) frame: &'a Frame,
    pub(crate) sweeps: Sweeps<'a>,
    /// Bounds on what remains.
    heuristic: Heuristic<'a>,
    /// By what the bounds are multiplied.
    pub(crate) inflation: f64,
    records: Records,
    ways: Vec<Way>,
    queue: Queue,
    /// Better ways to states that were expanded in this pass.
    held: Vec<u32>,
    /// No way that is held has a lesser price and bound.
    held_from: u64,
    pass: u32,
    /// How many states were expanded.
    pub(crate) expansions: u32,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(
        setting: Setting<'a>,
        frame: &'a Frame,
        window: Window,
        heuristic: Heuristic<'a>,
        moving: Option<End>,
    ) -> Self {
        let mut reach = Self {
            setting,
            frame,
            sweeps: Sweeps::new(setting, frame),
            heuristic,
            inflation: 1.0,
            records: Records::new(window, setting.primitives, frame.folded),
            ways: Vec::new(),
            queue: Queue::default(),
            held: Vec::new(),
            held_from: u64::MAX,
            pass: 1,
            expansions: 0,
        };
        reach.begin(moving);
        reach
    }

    /// The pose itself, with either end leading, or with the one that leads as
    /// the vehicle moves there.
    fn begin(&mut self, moving: Option<End>) {
        let end = self.frame.end;
        let either = [(0, end), (self.setting.primitives.reversed(0), end.other())];
        let leads = |(_, lead): &(u8, End)| moving.is_none_or(|moving| moving == *lead);
        for (heading, lead) in either.into_iter().filter(leads) {
            let state = State {
                at: [0, 0],
                heading,
                lead,
                wheels: Wheels::Straight,
            };
            let Some(slot) = self.records.slot(state) else {
                continue;
            };
            // The start alone may reach the goal from anywhere by one curve,
            // for which the bound does not hold.
            let rest = self.heuristic.bound(state, |_| false).unwrap_or(0);
            let index = self.add(Way {
                price: 0,
                rest,
                state,
                slot,
                parent: 0,
                edge: Edge::Start,
                changes: 0,
                tested: true,
            });
            self.improve(index);
            self.queue.push(self.key(index), index);
        }
    }

    /// The next way to be expanded, or the next join, of those that could be
    /// part of one to the goal for less than `best`. Its state is reached; of a
    /// join nothing is known.
    pub(crate) fn next(&mut self, best: u64) -> Option<u32> {
        while let Some(index) = self.queue.pop(best) {
            let way = self.ways[index as usize];
            if way.price + way.rest >= best || !self.is_wanted(index) {
                continue;
            }
            if matches!(way.edge, Edge::Join(_)) {
                return Some(index);
            }
            if !self.is_still_due(index) {
                continue;
            }
            if !way.tested {
                let Some(surcharge) = self.surcharge(&way) else {
                    continue;
                };
                let way = &mut self.ways[index as usize];
                (way.price, way.tested) = (way.price + surcharge, true);
                if way.price >= self.records[way.slot].price {
                    continue;
                }
                self.improve(index);
                let key = self.key(index);
                if !self.queue.is_due(key) {
                    self.queue.push(key, index);
                    continue;
                }
            }
            if self.records[way.slot].pass == self.pass {
                self.hold(index);
                continue;
            }
            return Some(index);
        }
        None
    }

    /// Whether a way that comes out of the queue is still due with what can now
    /// be told of what remains: bounds spread only as far as it takes to know.
    /// Queues it anew if it is not.
    fn is_still_due(&mut self, index: u32) -> bool {
        let Way { state, price, .. } = self.ways[index as usize];
        let key = |rest: u64| price + (rest as f64 * self.inflation) as u64;
        let is_later = |rest| !self.queue.is_due(key(rest));
        let Some(rest) = self.heuristic.bound(state, is_later) else {
            return false;
        };
        self.ways[index as usize].rest = rest;
        let key = self.key(index);
        let is_due = self.queue.is_due(key);
        if !is_due {
            self.queue.push(key, index);
        }
        is_due
    }

    /// Follows what leads away from the state at the end of a way.
    pub(crate) fn expand(&mut self, parent: u32, best: u64) {
        let Way {
            state, price, slot, ..
        } = self.ways[parent as usize];
        self.records[slot].pass = self.pass;
        self.expansions += 1;
        let primitives = self.setting.primitives;
        for (i, primitive) in primitives.leaving(state).iter().enumerate() {
            let to = State {
                at: [0, 1].map(|k| state.at[k] + primitive.offset[k]),
                heading: primitive.heading,
                lead: state.lead,
                wheels: primitive.wheels,
            };
            let price = price + primitive.motion.price;
            self.offer(parent, to, price, Edge::Primitive(i as u8), best);
        }
        let changed = State {
            heading: primitives.reversed(state.heading),
            lead: state.lead.other(),
            ..state
        };
        let price = price + self.setting.limits.prices.end_change();
        self.offer(parent, changed, price, Edge::EndChange, best);
    }

    /// Queues a way to a state if it may be of use.
    fn offer(&mut self, parent: u32, state: State, price: u64, edge: Edge, best: u64) {
        let Some(slot) = self.records.slot(state) else {
            return;
        };
        if price >= self.records[slot].price {
            return;
        }
        let rest = self.heuristic.known(state);
        let Some(rest) = rest.filter(|rest| price + rest < best) else {
            return;
        };
        let tested = edge == Edge::EndChange;
        let changes = self.ways[parent as usize].changes;
        let index = self.add(Way {
            price,
            rest,
            state,
            slot,
            parent,
            edge,
            changes: changes.saturating_add(u16::from(tested)),
            tested,
        });
        if tested {
            self.improve(index);
        }
        if self.records[slot].pass == self.pass {
            self.hold(index);
        } else {
            self.queue.push(self.key(index), index);
        }
    }

    /// Queues a way to the goal by a curve that is yet to be found.
    pub(crate) fn offer_join(&mut self, parent: u32, port: u32, rest: u64) {
        let index = self.add(Way {
            rest,
            parent,
            edge: Edge::Join(port),
            tested: false,
            ..self.ways[parent as usize]
        });
        self.queue.push(self.key(index), index);
    }

    /// Keeps a tested way to the goal.
    pub(crate) fn arrive(&mut self, parent: u32, edge: Edge, price: u64) -> u32 {
        self.add(Way {
            price,
            rest: 0,
            parent,
            edge,
            tested: true,
            ..self.ways[parent as usize]
        })
    }

    /// Begins a new pass at another inflation: what was held is queued, what
    /// cannot be part of a way for less than `best` is dropped. Returns a bound
    /// on what such a way costs.
    pub(crate) fn begin_pass(&mut self, inflation: f64, best: u64) -> u64 {
        self.pass += 1;
        self.inflation = inflation;
        self.held_from = u64::MAX;
        let mut waiting = self.queue.drain();
        waiting.append(&mut self.held);
        let mut least = best;
        for index in waiting {
            let way = &self.ways[index as usize];
            let total = way.price + way.rest;
            if total < best && self.is_wanted(index) {
                least = least.min(total);
                self.queue.push(self.key(index), index);
            }
        }
        least
    }

    /// A bound on the price of any way that is not yet known.
    pub(crate) fn floor(&self) -> u64 {
        let queued = (self.queue.floor() as f64 / self.inflation) as u64;
        queued.min(self.held_from)
    }

    pub(crate) fn way(&self, index: u32) -> &Way {
        &self.ways[index as usize]
    }

    /// The ways by which the reached states are reached.
    pub(crate) fn reached(&self) -> impl Iterator<Item = u32> + '_ {
        let reached = self.records.all().iter().filter(|record| record.pass > 0);
        reached.map(|record| record.way)
    }

    /// The end that leads first on a way.
    pub(crate) fn first_lead(&self, index: u32) -> End {
        let mut at = self.way(index);
        while at.edge != Edge::Start {
            at = self.way(at.parent);
        }
        at.state.lead
    }

    /// The curves of a way to a state.
    pub(crate) fn legs(&self, index: u32) -> Vec<Leg> {
        let primitives = self.setting.primitives;
        let mut legs = Vec::new();
        let mut at = self.way(index);
        while at.edge != Edge::Start {
            let edge = at.edge;
            at = self.way(at.parent);
            if let Edge::Primitive(i) = edge {
                let leaving = primitives.leaving(at.state);
                legs.push(Leg {
                    from: self.frame.world(primitives.place(at.state.at)),
                    direction: direction(self.frame, primitives, at.state),
                    lead: at.state.lead,
                    curve: leaving[usize::from(i)].motion.curve,
                });
            }
        }
        legs.reverse();
        legs
    }

    fn add(&mut self, way: Way) -> u32 {
        self.ways.push(way);
        (self.ways.len() - 1) as u32
    }

    fn hold(&mut self, index: u32) {
        let way = &self.ways[index as usize];
        self.held_from = self.held_from.min(way.price + way.rest);
        self.held.push(index);
    }

    /// Takes a tested way for the best to its state.
    fn improve(&mut self, index: u32) {
        let way = &self.ways[index as usize];
        let record = &mut self.records[way.slot];
        (record.price, record.way) = (way.price, index);
    }

    /// Whether a way is, or may yet be, the best to its state.
    fn is_wanted(&self, index: u32) -> bool {
        let way = &self.ways[index as usize];
        let record = &self.records[way.slot];
        match (way.edge, way.tested) {
            (Edge::Join(_) | Edge::Arrival, _) => true,
            (_, true) => record.way == index,
            (_, false) => way.price < record.price,
        }
    }

    fn key(&self, index: u32) -> u64 {
        let way = &self.ways[index as usize];
        // Of a join what remains is known, but for what is in the way.
        let inflation = match way.edge {
            Edge::Join(_) => 1.0,
            _ => self.inflation,
        };
        way.price + (way.rest as f64 * inflation) as u64
    }

    /// What an edge costs beside its price in the open; `None` if the vehicle
    /// would touch something.
    fn surcharge(&self, way: &Way) -> Option<u64> {
        match way.edge {
            Edge::Primitive(i) => {
                let from = self.ways[way.parent as usize].state;
                self.sweeps.primitive(from, i)
            }
            _ => Some(0),
        }
    }
}
