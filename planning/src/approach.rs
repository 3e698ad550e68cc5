//! Ways to the goal from the poses about it, found backward from there.
//!
//! A goal may lie anywhere, and where it is narrow about it a lattice is too
//! coarse to leave by. So the poses here are continuous, and of those that fall
//! into one bin the cheapest is followed (Dolgov et al., "Path Planning for
//! Autonomous Vehicles in Unknown Semi-structured Environments", IJRR 2010).
//! Where there is little room the bins are small and the motions short too.

use std::collections::HashMap;
use std::f64::consts::PI;

use crate::collision::Axis;
use crate::curve::{Curve, Follows};
use crate::lattice::{Frame, Leg, Setting};
use crate::pose::wrap;
use crate::price::Prices;
use crate::primitives::{Limits, Motion};
use crate::queue::Queue;
use crate::sweep;
use crate::vehicle::End;

/// Nearer than this to an obstacle there is little room, m.
const LITTLE_ROOM: f64 = 0.3;
/// This far from the goal the vehicle has left the narrows about it, m.
const AWAY: f64 = 4.0;
/// Lengths of the motions, m: the first two everywhere, and one more where
/// there is little room for each level of fineness.
const LENGTHS: [f64; 2 + FINEST as usize] = [1.6, 0.8, 0.4, 0.2, 0.1];
/// The finest level.
pub(crate) const FINEST: u32 = 3;
/// Sides of the bins, m and rad; halved for each level where there is little
/// room.
const BIN: [f64; 2] = [0.4, 0.16];
/// Price of each motion beside what it costs elsewhere, millionths of a metre,
/// so that they are not many.
const PIECE: u64 = 200_000;

/// A pose from which a way to the goal is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Approach {
    /// In the frame of the goal, m.
    pub(crate) at: [f64; 2],
    /// Direction of motion in which it was reached, backward, in the same frame,
    /// rad.
    pub(crate) direction: f64,
    /// The end that led then.
    pub(crate) lead: End,
    /// Price of the way to the goal.
    pub(crate) price: u64,
    parent: u32,
    edge: Edge,
    /// Changes of end on the way.
    changes: u16,
    /// Whether there is little room.
    narrow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Edge {
    Goal,
    /// By this of the motions.
    Motion(u8),
    EndChange,
}

/// The poses about a goal, the cheapest first.
pub(crate) struct Approaches<'a> {
    setting: Setting<'a>,
    frame: &'a Frame,
    motions: Vec<Motion>,
    /// How fine they are, from 0.
    pub(crate) level: u32,
    all: Vec<Approach>,
    queue: Queue,
    /// The least price of a pose in each bin, or 0 once one was expanded.
    bins: HashMap<[i32; 4], u64>,
    /// How many were expanded.
    pub(crate) expansions: u32,
}

impl<'a> Approaches<'a> {
    pub(crate) fn new(setting: Setting<'a>, frame: &'a Frame, level: u32) -> Self {
        let mut approaches = Self {
            motions: motions(setting.limits, level),
            level,
            setting,
            frame,
            all: Vec::new(),
            queue: Queue::default(),
            bins: HashMap::new(),
            expansions: 0,
        };
        for (direction, lead) in [(0.0, frame.end), (PI, frame.end.other())] {
            let goal = Approach {
                at: [0.0; 2],
                direction,
                lead,
                price: 0,
                parent: 0,
                edge: Edge::Goal,
                changes: 0,
                narrow: false,
            };
            if let Some(goal) = approaches.placed(goal) {
                approaches.keep(goal);
            }
        }
        approaches
    }

    pub(crate) fn get(&self, index: u32) -> &Approach {
        &self.all[index as usize]
    }

    /// Follows what leads away from the next pose: the cheapest, but that
    /// changes of end count little.
    pub(crate) fn next(&mut self) -> Option<u32> {
        let index = loop {
            let index = self.queue.pop(u64::MAX)?;
            let approach = self.get(index);
            let (bin, price) = (self.bin(approach), approach.price);
            if self.bins.get(&bin) == Some(&(price + 1)) {
                self.bins.insert(bin, 0);
                break index;
            }
        };
        self.expansions += 1;
        let from = Approach {
            parent: index,
            ..*self.get(index)
        };
        for i in 0..self.motions.len() {
            self.follow(from, i);
        }
        if from.edge != Edge::Goal && from.edge != Edge::EndChange {
            self.keep(Approach {
                direction: wrap(from.direction + PI),
                lead: from.lead.other(),
                price: from.price + self.setting.limits.prices.end_change(),
                edge: Edge::EndChange,
                changes: from.changes.saturating_add(1),
                ..from
            });
        }
        Some(index)
    }

    fn follow(&mut self, from: Approach, index: usize) {
        let motion = &self.motions[index];
        let length = motion.curve.length;
        let end = motion.steps.last();
        let Some(end) = end.filter(|_| from.narrow || length >= LENGTHS[1]) else {
            return;
        };
        let (sin, cos) = from.direction.sin_cos();
        let [x, y] = end.at;
        let to = Approach {
            at: [
                from.at[0] + (cos * x - sin * y),
                from.at[1] + (sin * x + cos * y),
            ],
            direction: wrap(from.direction + motion.curve.heading(1.0)),
            price: from.price + motion.price + PIECE,
            edge: Edge::Motion(index as u8),
            ..from
        };
        // Dearer than another it need not be tested all along.
        let Some(to) = self.placed(to).filter(|to| self.is_cheapest(to)) else {
            return;
        };
        let (motion, lead) = (&self.motions[index], from.lead);
        let surcharge =
            sweep::surcharge(self.setting, self.frame, from.at, [cos, sin], lead, motion);
        if let Some(surcharge) = surcharge {
            self.keep(Approach {
                price: to.price + surcharge,
                ..to
            });
        }
    }

    /// A pose with how much room there is, if the vehicle can stand there.
    fn placed(&self, approach: Approach) -> Option<Approach> {
        let Setting {
            footprint,
            obstacles,
            ..
        } = self.setting;
        let (sin, cos) = approach.direction.sin_cos();
        let ahead = self.frame.turned([cos, sin]);
        let axis = Axis {
            origin: self.frame.world(approach.at),
            unit: ahead.map(|c| approach.lead.sign() * c),
        };
        let room = obstacles.room(footprint, &axis).ok()?;
        Some(Approach {
            narrow: room.clearance < LITTLE_ROOM,
            ..approach
        })
    }

    fn is_cheapest(&self, approach: &Approach) -> bool {
        let best = self.bins.get(&self.bin(approach));
        best.is_none_or(|&best| approach.price + 1 < best)
    }

    /// Keeps a pose if it is the cheapest in its bin.
    fn keep(&mut self, approach: Approach) {
        if !self.is_cheapest(&approach) {
            return;
        }
        self.bins.insert(self.bin(&approach), approach.price + 1);
        // A change of ends comes as early as a metre driven.
        let end_change = self.setting.limits.prices.end_change();
        let spared = end_change.saturating_sub(Prices::METRE) * u64::from(approach.changes);
        self.queue
            .push(approach.price - spared, self.all.len() as u32);
        self.all.push(approach);
    }

    fn bin(&self, approach: &Approach) -> [i32; 4] {
        let level = if approach.narrow { self.level } else { 0 };
        let [metres, radians] = BIN.map(|side| side / f64::from(1 << level));
        let [x, y] = approach.at.map(|c| (c / metres).round() as i32);
        let turn = (approach.direction / radians).round() as i32;
        let kind = 2 * i32::from(approach.narrow) + approach.lead as i32;
        [x, y, turn, kind]
    }

    /// Whether the vehicle is out of the narrows about the goal.
    pub(crate) fn is_away(&self, index: u32) -> bool {
        let approach = self.get(index);
        let [x, y] = approach.at;
        !approach.narrow || x.hypot(y) > AWAY
    }

    /// The curves of the way from a pose to the goal.
    pub(crate) fn legs(&self, index: u32) -> impl Iterator<Item = Leg> + '_ {
        let mut at = self.get(index);
        std::iter::from_fn(move || {
            loop {
                let (to, edge) = (at, at.edge);
                if edge == Edge::Goal {
                    return None;
                }
                at = self.get(at.parent);
                if let Edge::Motion(i) = edge {
                    return Some(Leg {
                        from: self.frame.world(to.at),
                        direction: self.frame.angle() + to.direction + PI,
                        lead: to.lead.other(),
                        curve: self.motions[usize::from(i)].curve.reversed(),
                    });
                }
            }
        })
    }
}

/// Straight, turning as tight as the vehicle can and half of that, and at an
/// angle to the axis, either way.
fn motions(limits: &Limits, level: u32) -> Vec<Motion> {
    let mut curves = Vec::new();
    for length in LENGTHS.into_iter().take(2 + level as usize) {
        let curve = |turn, bump, axis| Curve {
            turn,
            bump,
            axis,
            ..Curve::straight(length)
        };
        curves.push(Curve::straight(length));
        // The curvature is 6·turn·u(1 − u)/length at the fraction u.
        let turn = (limits.max_curvature * length / 1.5)
            .min(limits.max_curvature_rate * length.powi(2) / 6.0);
        for share in [1.0, -1.0, 0.5, -0.5] {
            curves.push(curve(share * turn * (1.0 - 1e-12), 0.0, Follows::Motion));
        }
        if limits.max_crab > 0.0 && length >= LENGTHS[1] {
            curves
                .extend([1.0, -1.0].map(|side| curve(0.0, side * limits.max_crab, Follows::Turn)));
        }
    }
    curves
        .into_iter()
        .map(|curve| Motion::new(curve, [1.0, 0.0], limits))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PlannerConfig;
    use crate::tpcap::Case;
    use crate::vehicle::Vehicle;

    #[test]
    fn the_vehicle_can_follow_every_motion() {
        let slow_to_steer = Vehicle {
            max_curvature_rate: 0.3,
            ..Vehicle::shuttle()
        };
        for vehicle in [Vehicle::shuttle(), Case::car(), slow_to_steer] {
            let limits = Limits::new(&vehicle, &PlannerConfig::default());
            for motion in motions(&limits, FINEST) {
                assert!(limits.allow(&motion.curve), "{:?}", motion.curve);
            }
        }
    }
}
