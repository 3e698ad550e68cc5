//! What the primitives of a lattice sweep over, laid out for one grid.
//!
//! All that a test of a primitive needs of its angles is computed once per
//! plan: the centres of the circles that cover the vehicle at each tested pose
//! become offsets in parts of a grid cell, and a test is sums and look-ups in
//! the distance field. Where the circles do not decide, the rectangle does.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::collision::Axis;
use crate::lattice::{Frame, Setting};
use crate::price::Prices;
use crate::primitives::Motion;
use crate::vehicle::End;
use crate::window::State;

/// Parts of a grid cell; with them [`crate::distance::MOST_CELLS`] fit 32 bits.
const PARTS: f64 = 65536.0;
const SHIFT: u32 = 16;

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
    /// And no unknown cell within as many, that none of it is over any.
    known: u32,
}

/// The swaths of all primitives in one frame over one grid.
pub(crate) struct Sweeps<'a> {
    setting: Setting<'a>,
    frame: &'a Frame,
    /// Of each end that leads, of each kind of state, of each primitive.
    swaths: Vec<Vec<Swath>>,
    places: Vec<Place>,
    circles: usize,
    /// Nearer than this to a circle's centre, the vehicle touches; squared
    /// cells.
    hits: Vec<u32>,
    /// From here on the circles are free, squared cells.
    free: u32,
    /// Up to here an unknown cell may be under a circle, squared cells.
    over_unknown: u32,
    /// What a metre costs extra by the squared distance from `free` on,
    /// millionths.
    charges: Vec<u32>,
    /// And how many of the places that follow need no test of their own.
    strides: Vec<u32>,
    /// Nearer than this to the grid's edge the circles do not decide, parts.
    edge: i32,
    /// Size of the grid, parts.
    size: [i32; 2],
}

impl<'a> Sweeps<'a> {
    pub(crate) fn new(setting: Setting<'a>, frame: &'a Frame) -> Self {
        let Setting {
            config,
            primitives,
            limits,
            footprint,
            obstacles,
            ..
        } = setting;
        let cell = obstacles.cell();
        let [radius, inscribed] = [footprint.cover_radius(), footprint.reach_of_body()];
        let circles = footprint.inscribed().count();
        // What rounding to parts may do to the centre of a circle, cells.
        let rounding = 2.0 * (circles as f64 + 3.0) / PARTS;
        let free = radius / cell + SQRT_2 + rounding;
        let under = radius / cell + FRAC_1_SQRT_2 + rounding;
        let far = free + config.clearance_m / cell;
        let charge = |squared: u32| {
            let clearance = (f64::from(squared).sqrt() - free) * cell;
            let nearness = (1.0 - clearance.max(0.0) / config.clearance_m).max(0.0);
            limits.prices.of_nearness(nearness)
        };
        let step = 2.0 * config.margin_m;
        let stride = |squared: u32| stride((f64::from(squared).sqrt() - free) * cell, step);
        let least = (free * free).ceil() as u32;
        let hits = footprint.inscribed().map(|inscribed| {
            let hit = (inscribed / cell - FRAC_1_SQRT_2 - rounding).max(0.0);
            (hit * hit).ceil() as u32
        });
        let mut sweeps = Self {
            setting,
            frame,
            swaths: Vec::new(),
            places: Vec::new(),
            circles,
            hits: hits.collect(),
            free: least,
            over_unknown: (under * under).floor() as u32,
            charges: (least..=(far * far).ceil() as u32).map(charge).collect(),
            strides: (least..=(far * far).ceil() as u32).map(stride).collect(),
            edge: ((inscribed + config.clearance_m) / cell * PARTS)
                .ceil()
                .min(1e9) as i32,
            size: obstacles.size().map(|n| (f64::from(n) * PARTS) as i32),
        };
        for lead in [End::A, End::B] {
            for list in primitives.kinds() {
                let swaths = list.iter().map(|primitive| {
                    sweeps.swath(
                        &primitive.motion,
                        lead,
                        [far, under].map(|cells| cells + inscribed / cell),
                    )
                });
                let swaths = swaths.collect();
                sweeps.swaths.push(swaths);
            }
        }
        sweeps
    }

    /// `far` is how far the middle of the body must be from all obstacles, and
    /// from all unknown cells, for the vehicle to stand free at no extra price;
    /// cells.
    fn swath(&mut self, motion: &Motion, lead: End, far: [f64; 2]) -> Swath {
        let scale = PARTS / 2.0 / self.setting.obstacles.cell();
        let parts = |p: [f64; 2]| p.map(|c| 2 * (c * scale).round() as i32);
        let from = self.places.len() as u32;
        let [middle, pitch] = self.setting.footprint.circle_line();
        // Exactly alike on either side of the middle: fours of parts.
        let fours = |c: f64| (c * pitch * scale / 2.0).round() as i32;
        let gaps = self.circles as i32 - 1;
        let (mut strays, mut first_centre) = (0.0f64, None);
        for axis in poses([0.0, 0.0], self.frame.turned([1.0, 0.0]), lead, motion) {
            let [u, v] = axis.unit;
            let centre = axis.point(middle, 0.0);
            let [x, y] = *first_centre.get_or_insert(centre);
            strays = strays.max((centre[0] - x).hypot(centre[1] - y));
            let (middle, fours) = (parts(centre), [fours(u), fours(v)]);
            self.places.push(Place {
                middle,
                first: [0, 1].map(|k| middle[k] - 2 * fours[k] * gaps),
                pitch: fours.map(|n| 4 * n),
            });
        }
        let strays = strays / self.setting.obstacles.cell() + SQRT_2;
        let [clear, known] = far.map(|far| ((far + strays) * (far + strays)).ceil() as u32);
        Swath {
            places: from..self.places.len() as u32,
            metres: metres(motion),
            clear,
            known,
        }
    }

    /// What a primitive costs from a state beside its price in the open;
    /// `None` if the vehicle would touch something.
    pub(crate) fn primitive(&self, from: State, primitive: u8) -> Option<u64> {
        let here = from.at.map(|c| f64::from(c) * self.setting.primitives.cell);
        let primitives = self.setting.primitives;
        let motion = || &primitives.leaving(from)[usize::from(primitive)].motion;
        let list = from.lead as usize * primitives.kinds().len() + primitives.kind(from);
        let swath = &self.swaths[list][usize::from(primitive)];
        let base = self.setting.obstacles.in_cells(self.frame.world(here));
        // Odd, where places are even: no sum of them is on a cell's border, so
        // that it does not matter which way the grid is turned.
        let base = base.map(|c| 2 * (c * (PARTS / 2.0)).floor() as i32 + 1);
        let field = self.setting.obstacles.field();
        let width = self.setting.obstacles.size()[0] as usize;
        let cell = |p: [i32; 2]| (p[1] >> SHIFT) as usize * width + (p[0] >> SHIFT) as usize;
        let mut unknown = self.setting.obstacles.unknown_field();
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
            if is_first {
                let middle = cell(middle);
                unknown = unknown.filter(|unknown| unknown[middle] < swath.known);
                if field[middle] >= swath.clear && unknown.is_none() {
                    return Some(0);
                }
            }
            is_first = false;
            let mut point = add(base, place.first);
            let (mut nearest, mut to_unknown) = (u32::MAX, u32::MAX);
            for hit in &self.hits[..self.circles] {
                let cell = cell(point);
                let distance = field[cell];
                if distance < *hit {
                    return None;
                }
                nearest = nearest.min(distance);
                if let Some(unknown) = unknown {
                    to_unknown = to_unknown.min(unknown[cell]);
                }
                point = add(point, place.pitch);
            }
            if nearest < self.free {
                let axis = poses(
                    self.frame.world(here),
                    self.frame.turned([1.0, 0.0]),
                    from.lead,
                    motion(),
                )
                .nth(i)?;
                let Setting {
                    footprint,
                    obstacles,
                    ..
                } = self.setting;
                obstacles.stands(footprint, &axis).ok()?;
            }
            let by = nearest.saturating_sub(self.free) as usize;
            let by = by.min(self.charges.len() - 1);
            let stride = self.strides[by].min((places.len() - i) as u32);
            let mut charge = u64::from(self.charges[by]);
            if to_unknown <= self.over_unknown {
                charge += self.setting.limits.prices.of_unknown();
            }
            sum += charge * u64::from(stride);
            i += stride as usize;
        }
        Some(Prices::for_metres(swath.metres, sum))
    }

    /// The same for any motion that begins at a place in the frame.
    pub(crate) fn motion(&self, here: [f64; 2], lead: End, motion: &Motion) -> Option<u64> {
        surcharge(self.setting, self.frame, here, [1.0, 0.0], lead, motion)
    }
}

/// What a motion costs beside its price in the open, that begins at a place in
/// the frame and is turned to a direction; `None` if the vehicle would touch
/// something.
pub(crate) fn surcharge(
    setting: Setting<'_>,
    frame: &Frame,
    here: [f64; 2],
    along: [f64; 2],
    lead: End,
    motion: &Motion,
) -> Option<u64> {
    let Setting {
        config,
        limits,
        footprint,
        obstacles,
        ..
    } = setting;
    let metres = metres(motion);
    let mut poses = poses(frame.world(here), frame.turned(along), lead, motion);
    let (mut sum, mut left) = (0, motion.steps.len());
    while let Some(axis) = poses.next() {
        let room = obstacles.room(footprint, &axis).ok()?;
        let nearness = (1.0 - room.clearance / config.clearance_m).max(0.0);
        let stride = (stride(room.clearance, 2.0 * config.margin_m) as usize).min(left);
        let metres = metres * stride as f64;
        sum += limits.prices.surcharge(metres, nearness, room.unknown);
        left -= stride;
        if stride > 1 {
            poses.nth(stride - 2);
        }
    }
    Some(sum)
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

/// The tested poses of a motion that begins at a place in odom and is turned to
/// a direction, the last first: obstacles are likelier the farther from where
/// the vehicle stands free.
fn poses(
    [x, y]: [f64; 2],
    [c, s]: [f64; 2],
    lead: End,
    motion: &Motion,
) -> impl Iterator<Item = Axis> + '_ {
    let turned = move |[x, y]: [f64; 2]| [c * x - s * y, s * x + c * y];
    motion.steps.iter().rev().map(move |step| {
        let [dx, dy] = turned(step.at);
        Axis {
            origin: [x + dx, y + dy],
            unit: turned(step.along).map(|c| lead.sign() * c),
        }
    })
}

fn add(a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
    [a[0] + b[0], a[1] + b[1]]
}
