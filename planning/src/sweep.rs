//! What the primitives of a lattice sweep over, laid out for one grid.
//!
//! All that a test of a primitive needs of its angles is computed once per
//! plan: the centres of the circles that cover the vehicle at each tested pose
//! become offsets in parts of a grid cell, and a test is sums and look-ups in
//! the distance field. Where the circles do not decide, the rectangle does.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::collision::{Axis, Footprint, Obstacles};
use crate::config::PlannerConfig;
use crate::lattice::Frame;
use crate::price::Prices;
use crate::primitives::{Motion, Primitives};
use crate::vehicle::End;
use crate::window::State;

/// Parts of a grid cell; with them [`crate::distance::MOST_CELLS`] fit 32 bits.
const PARTS: f64 = 65536.0;
const SHIFT: u32 = 16;
/// What rounding to parts may do to a place, cells.
const ROUNDING: f64 = 1e-3;

/// A tested pose, in parts of a cell from where the primitive begins.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The middle of the body.
    middle: [i32; 2],
    /// The first circle's centre.
    first: [i32; 2],
    /// From each circle's centre to the next.
    pitch: [i32; 2],
}

/// What one primitive sweeps over with one end leading.
#[derive(Clone, Debug)]
struct Swath {
    /// In the order in which they are tested.
    places: std::ops::Range<u32>,
    /// Length of the way to each place, m.
    metres: f64,
    /// About the middle of the first place, nothing within this many squared
    /// cells means that all of it is free at no extra price.
    clear: u32,
}

/// The swaths of all primitives in one frame over one grid.
pub(crate) struct Sweeps<'a> {
    frame: &'a Frame,
    primitives: &'a Primitives,
    footprint: &'a Footprint,
    obstacles: &'a Obstacles<'a>,
    prices: &'a Prices,
    clearance_m: f64,
    /// Of each end that leads, of each heading, of each primitive.
    swaths: Vec<Vec<Swath>>,
    places: Vec<Place>,
    circles: usize,
    /// Nearer than this to a circle's centre, the vehicle touches; squared
    /// cells.
    hits: Vec<u32>,
    /// From here on the circles are free, squared cells.
    free: u32,
    /// What a metre costs extra by the squared distance from `free` on,
    /// millionths.
    charges: Vec<u32>,
    /// And how many of the places that follow need no test of their own.
    strides: Vec<u32>,
    /// No point of the vehicle moves farther from one tested pose to the next, m.
    step: f64,
    /// Nearer than this to the grid's edge the circles do not decide, parts.
    edge: i32,
    /// Size of the grid, parts.
    size: [i32; 2],
}

impl<'a> Sweeps<'a> {
    pub(crate) fn new(
        frame: &'a Frame,
        primitives: &'a Primitives,
        footprint: &'a Footprint,
        obstacles: &'a Obstacles<'a>,
        prices: &'a Prices,
        config: &PlannerConfig,
    ) -> Self {
        let cell = obstacles.cell();
        let [radius, inscribed] = [footprint.cover_radius(), footprint.reach_of_body()];
        let free = radius / cell + SQRT_2 + ROUNDING;
        let far = free + config.clearance_m / cell;
        let charge = |squared: u32| {
            let clearance = (f64::from(squared).sqrt() - free) * cell;
            let nearness = (1.0 - clearance.max(0.0) / config.clearance_m).max(0.0);
            prices.of_nearness(nearness)
        };
        let step = 2.0 * config.margin_m;
        let stride = |squared: u32| stride((f64::from(squared).sqrt() - free) * cell, step);
        let least = (free * free).ceil() as u32;
        let hits = footprint.inscribed().map(|inscribed| {
            let hit = (inscribed / cell - FRAC_1_SQRT_2 - ROUNDING).max(0.0);
            (hit * hit).ceil() as u32
        });
        let mut sweeps = Self {
            frame,
            primitives,
            footprint,
            obstacles,
            prices,
            clearance_m: config.clearance_m,
            swaths: Vec::new(),
            places: Vec::new(),
            circles: footprint.inscribed().count(),
            hits: hits.collect(),
            free: least,
            charges: (least..=(far * far).ceil() as u32).map(charge).collect(),
            strides: (least..=(far * far).ceil() as u32).map(stride).collect(),
            step,
            edge: ((inscribed + config.clearance_m) / cell * PARTS)
                .ceil()
                .min(1e9) as i32,
            size: obstacles.size().map(|n| (f64::from(n) * PARTS) as i32),
        };
        for lead in [End::A, End::B] {
            for list in &primitives.from {
                let swaths = list
                    .iter()
                    .map(|primitive| sweeps.swath(&primitive.motion, lead, far + inscribed / cell));
                let swaths = swaths.collect();
                sweeps.swaths.push(swaths);
            }
        }
        sweeps
    }

    /// `far` is how far the middle of the body must be from all obstacles, in
    /// cells, for the vehicle to stand free at no extra price.
    fn swath(&mut self, motion: &Motion, lead: End, far: f64) -> Swath {
        let scale = PARTS / self.obstacles.cell();
        let parts = |p: [f64; 2]| p.map(|c| (c * scale).round() as i32);
        let from = self.places.len() as u32;
        let [middle, first, pitch] = self.footprint.circle_line();
        let (mut strays, mut first_centre) = (0.0f64, None);
        for axis in poses([0.0, 0.0], lead, motion, self.frame) {
            let [u, v] = axis.unit;
            let centre = axis.point(middle, 0.0);
            let [x, y] = *first_centre.get_or_insert(centre);
            strays = strays.max((centre[0] - x).hypot(centre[1] - y));
            self.places.push(Place {
                middle: parts(centre),
                first: parts(axis.point(first, 0.0)),
                pitch: parts([u * pitch, v * pitch]),
            });
        }
        let clear = far + strays / self.obstacles.cell() + SQRT_2;
        Swath {
            places: from..self.places.len() as u32,
            metres: metres(motion),
            clear: (clear * clear).ceil() as u32,
        }
    }

    /// What a primitive costs from a state beside its price in the open;
    /// `None` if the vehicle would touch something.
    pub(crate) fn primitive(&self, from: State, primitive: u8) -> Option<u64> {
        let here = from.at.map(|c| f64::from(c) * self.primitives.cell);
        let motion =
            || &self.primitives.from[usize::from(from.heading)][usize::from(primitive)].motion;
        if self.obstacles.has_unexplored() {
            return self.motion(here, from.lead, motion());
        }
        let list = from.lead as usize * self.primitives.from.len() + usize::from(from.heading);
        let swath = &self.swaths[list][usize::from(primitive)];
        let base = self.obstacles.in_cells(self.frame.world(here));
        let base = base.map(|c| (c * PARTS) as i32);
        let field = self.obstacles.field();
        let width = self.obstacles.size()[0] as usize;
        let at = |p: [i32; 2]| field[(p[1] >> SHIFT) as usize * width + (p[0] >> SHIFT) as usize];
        let range = swath.places.start as usize..swath.places.end as usize;
        let (mut sum, mut is_first) = (0u64, true);
        let places = &self.places[range];
        let mut i = 0;
        while i < places.len() {
            let place = &places[i];
            let middle = add(base, place.middle);
            let inside = |k: usize| middle[k] > self.edge && middle[k] < self.size[k] - self.edge;
            if !(inside(0) && inside(1)) {
                // The edge is near.
                return self.motion(here, from.lead, motion());
            }
            let to_middle = at(middle);
            if is_first && to_middle >= swath.clear {
                return Some(0);
            }
            is_first = false;
            let mut point = add(base, place.first);
            let mut nearest = u32::MAX;
            for hit in &self.hits[..self.circles] {
                let distance = at(point);
                if distance < *hit {
                    return None;
                }
                nearest = nearest.min(distance);
                point = add(point, place.pitch);
            }
            if nearest < self.free {
                let axis = poses(self.frame.world(here), from.lead, motion(), self.frame).nth(i)?;
                self.obstacles.stands(self.footprint, &axis).ok()?;
            }
            let by = nearest.saturating_sub(self.free) as usize;
            let by = by.min(self.charges.len() - 1);
            let stride = self.strides[by].min((places.len() - i) as u32);
            sum += u64::from(self.charges[by]) * u64::from(stride);
            i += stride as usize;
        }
        Some(Prices::for_metres(swath.metres, sum))
    }

    /// The same for any motion that begins at a place in the frame.
    pub(crate) fn motion(&self, here: [f64; 2], lead: End, motion: &Motion) -> Option<u64> {
        let metres = metres(motion);
        let mut poses = poses(self.frame.world(here), lead, motion, self.frame);
        let (mut sum, mut left) = (0, motion.steps.len());
        while let Some(axis) = poses.next() {
            let room = self.obstacles.room(self.footprint, &axis).ok()?;
            let nearness = (1.0 - room.clearance / self.clearance_m).max(0.0);
            let stride = (stride(room.clearance, self.step) as usize).min(left);
            let metres = metres * stride as f64;
            sum += self.prices.surcharge(metres, nearness, room.unknown);
            left -= stride;
            if stride > 1 {
                poses.nth(stride - 2);
            }
        }
        Some(sum)
    }
}

/// How many poses a test answers for, itself among them, that finds so much
/// clearance where no point moves more than `step` from pose to pose, m. Not
/// too many, as they are charged alike.
fn stride(clearance: f64, step: f64) -> u32 {
    const ALIKE: f64 = 0.2;
    1 + (clearance.clamp(0.0, ALIKE) / step) as u32
}

/// Length of the way to each tested pose, m.
fn metres(motion: &Motion) -> f64 {
    motion.curve.length / motion.steps.len() as f64
}

/// The tested poses of a motion that begins at a place in odom, the last first:
/// obstacles are likelier the farther from where the vehicle stands free.
fn poses<'m>(
    [x, y]: [f64; 2],
    lead: End,
    motion: &'m Motion,
    frame: &'m Frame,
) -> impl Iterator<Item = Axis> + 'm {
    motion.steps.iter().rev().map(move |step| {
        let [dx, dy] = frame.turned(step.at);
        Axis {
            origin: [x + dx, y + dy],
            unit: frame.turned(step.along).map(|c| lead.sign() * c),
        }
    })
}

fn add(a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
    [a[0] + b[0], a[1] + b[1]]
}
