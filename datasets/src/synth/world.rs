//! Everything that there is: ground, what stands on it, and what moves.

use std::borrow::Cow;
use std::sync::Arc;

use nalgebra::{Vector2, Vector3};

use super::actor::{Actor, Looks, State};
use super::follow::Footprint;
use super::marks::Marks;
use super::material::{Material, Surface};
use super::model;
use super::random::Random;
use super::roads;
use super::scenario::{Houses, Moving, Row, Scenario, Standing};
use super::shadow::Shadows;
use super::solid::{self, Solid};
use super::stance::{Stance, left_of};
use super::terrain::Terrain;
use crate::annotation::Class;
use crate::frame::Sweep;
use crate::roads::Roads;

/// Space between parked cars, m.
const BETWEEN: [f64; 2] = [0.7, 1.6];

/// A thing and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// As in [`Sweep::labels`].
    pub(super) label: u16,
    /// Class and name of what is annotated.
    pub(super) class: Option<(Class, &'static str)>,
    /// Length, width and height of its box, which stands on its origin, m.
    pub(super) size: [f64; 3],
    /// In its own frame.
    pub(super) solids: Vec<Solid>,
    /// Of a ball around it.
    pub(super) centre: Vector3<f64>,
    pub(super) radius: f64,
}

/// A thing at the beginning and at the end of a frame.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) object: Cow<'a, Object>,
    pub(super) from: Stance,
    pub(super) to: Stance,
}

/// A moment of the world.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// ns since the Unix epoch.
    pub(super) stamp: i64,
    /// The vehicle that carries the sensors.
    pub(super) ego: Stance,
    /// Its velocity, m/s.
    pub(super) velocity: Vector2<f64>,
    pub(super) actors: Vec<State>,
}

/// A part of the world, seen from above in cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Least x and y in odom, m.
    pub origin: [f64; 2],
    /// Side of a cell, m.
    pub cell: f64,
    /// Cells along x and y, each at most 4,096.
    pub size: [usize; 2],
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) terrain: Terrain,
    pub(super) marks: Marks,
    pub(super) roads: Arc<Roads>,
    /// Ground first, then what stands.
    pub(super) standing: Vec<(Object, Stance)>,
    pub(super) actors: Vec<Actor>,
    pub(super) ego: Object,
    pub(super) shadows: Shadows,
    /// Outlines of what stands at the height of the vehicle, and labels.
    outlines: Vec<(Vec<Vector2<f64>>, u16)>,
}

impl Object {
    pub(super) fn new(
        label: u16,
        class: Option<(Class, &'static str)>,
        size: [f64; 3],
        solids: Vec<Solid>,
    ) -> Self {
        let corners = || solids.iter().flat_map(|solid| &solid.corners);
        let first = corners().next().copied().unwrap_or_default();
        let [low, high] = corners().fold([first; 2], |[low, high], corner| {
            [low.inf(corner), high.sup(corner)]
        });
        let centre = (low + high) / 2.0;
        Self {
            label,
            class,
            size,
            radius: (high - centre).norm(),
            centre,
            solids,
        }
    }

    fn background(solids: Vec<Solid>) -> Self {
        Self::new(Sweep::BACKGROUND, None, [0.0; 3], solids)
    }

    fn moving(label: u16, kind: Moving, solids: Vec<Solid>) -> Self {
        Self::new(
            label,
            Some((kind.class(), kind.name())),
            kind.size(),
            solids,
        )
    }

    /// Outlines over the ground of the parts that the vehicle could touch.
    fn outlines(&self, stance: &Stance) -> impl Iterator<Item = Vec<Vector2<f64>>> {
        self.solids.iter().filter_map(|solid| {
            let low = solid
                .corners
                .iter()
                .map(|c| c.z)
                .fold(f64::INFINITY, f64::min);
            let corners = solid.corners.iter();
            let places = corners.map(|&corner| stance.outward(corner).xy()).collect();
            (low < model::EGO[2]).then(|| solid::hull(places))
        })
    }
}

impl World {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let terrain = Terrain::new(scenario);
        let ground = Object::new(Sweep::GROUND, None, [0.0; 3], terrain.solids.clone());
        let random = &mut Random::new(&[seed, 1]);
        let actors: Vec<Actor> = scenario
            .actors
            .iter()
            .map(|rules| Actor::new(rules, random))
            .collect();
        let mut builder = Builder {
            terrain: &terrain,
            random: Random::new(&[seed, 2]),
            standing: vec![(ground, Stance::origin())],
            // The actors have the first labels.
            label: Sweep::FIRST_OBJECT + actors.len() as u16,
        };
        builder.build(scenario);
        let standing = builder.standing;
        let outlines = standing[1..]
            .iter()
            .flat_map(|(object, stance)| object.outlines(stance).map(|o| (o, object.label)))
            .collect();
        Self {
            seed,
            marks: Marks::new(scenario),
            roads: Arc::new(roads::roads(scenario, &terrain)),
            shadows: Shadows::of(&scenario.area, &standing),
            ego: Object::new(Sweep::EGO, None, model::EGO, model::ego()),
            terrain,
            standing,
            actors,
            outlines,
        }
    }

    /// Where the vehicle with the sensors stands at a place.
    pub(super) fn stand(&self, at: Vector2<f64>, ahead: Vector2<f64>) -> Stance {
        self.terrain.on_wheels(at, ahead, [1.2, 0.78])
    }

    pub(super) fn start(&self, stamp: i64, ego: Stance) -> Moment {
        Moment {
            stamp,
            ego,
            velocity: Vector2::zeros(),
            actors: self
                .actors
                .iter()
                .map(|actor| actor.start(&self.terrain))
                .collect(),
        }
    }

    /// The moment `dt` seconds later, with the vehicle where it is then.
    /// `seconds` have passed from the start.
    pub(super) fn next(
        &self,
        moment: &Moment,
        ego: Stance,
        velocity: Vector2<f64>,
        seconds: f64,
        dt: f64,
    ) -> Moment {
        let actors = self.actors.iter().zip(&moment.actors).enumerate();
        let actors = actors.map(|(i, (actor, state))| {
            let others = self.others(moment, Some(i));
            actor.step(state, &others, &self.terrain, seconds, dt)
        });
        Moment {
            stamp: moment.stamp + (dt * 1e9 + 0.5) as i64,
            ego,
            velocity,
            actors: actors.collect(),
        }
    }

    /// What moves, the vehicle first, but for one of the actors.
    fn others(&self, moment: &Moment, but: Option<usize>) -> Vec<Footprint> {
        let ego = Footprint {
            at: moment.ego.at.xy(),
            ahead: moment.ego.ahead(),
            half: [model::EGO[0] / 2.0, model::EGO[1] / 2.0],
            velocity: moment.velocity,
        };
        let actors = self.actors.iter().zip(&moment.actors).enumerate();
        let present = actors.filter(|(i, (_, state))| Some(*i) != but && !state.gone);
        let others = present.map(|(_, (actor, state))| actor.footprint(state));
        std::iter::once(ego).chain(others).collect()
    }

    /// What moves, but for the vehicle.
    pub(super) fn traffic(&self, moment: &Moment) -> Vec<Footprint> {
        self.others(moment, None).split_off(1)
    }

    /// Everything between two moments, but for the vehicle.
    pub(super) fn placed(&self, from: &Moment, to: &Moment) -> Vec<Placed<'_>> {
        let standing = self.standing.iter().map(|(object, stance)| Placed {
            object: Cow::Borrowed(object),
            from: *stance,
            to: *stance,
        });
        let actors = self.actors.iter().zip(from.actors.iter().zip(&to.actors));
        let actors = actors.enumerate().filter(|(_, (_, (_, to)))| !to.gone);
        let moving = actors.map(|(i, (actor, (from, to)))| {
            let label = Sweep::FIRST_OBJECT + i as u16;
            // Limbs are held as they are at the end.
            let solids = actor.kind.solids(to.stride, actor.looks);
            Placed {
                object: Cow::Owned(Object::moving(label, actor.kind, solids)),
                from: from.stance,
                to: to.stance,
            }
        });
        standing.chain(moving).collect()
    }

    /// The outlines of everything that the vehicle must not touch, and whose
    /// they are.
    fn solid_outlines(&self, moment: &Moment) -> Vec<(Cow<'_, [Vector2<f64>]>, u16)> {
        let standing = self.outlines.iter();
        let standing = standing.map(|(outline, label)| (Cow::Borrowed(outline.as_slice()), *label));
        let actors = self.actors.iter().zip(&moment.actors).enumerate();
        let present = actors.filter(|(_, (_, state))| !state.gone);
        let moving = present.flat_map(|(i, (actor, state))| {
            let label = Sweep::FIRST_OBJECT + i as u16;
            let solids = actor.kind.solids(state.stride, actor.looks);
            let object = Object::moving(label, actor.kind, solids);
            let outlines: Vec<_> = object.outlines(&state.stance).collect();
            outlines.into_iter().map(move |o| (Cow::Owned(o), label))
        });
        standing.chain(moving).collect()
    }

    /// Which cells hold something that the vehicle must not touch.
    pub(super) fn occupied(&self, moment: &Moment, window: &Window) -> Vec<bool> {
        let [width, height] = window.size;
        let mut cells = vec![false; width * height];
        let edge = |k: usize, i: usize| window.origin[k] + window.cell * i as f64;
        for (outline, _) in self.solid_outlines(moment) {
            let span = |k: usize| {
                let along = outline.iter().map(|p| p[k]);
                let low = along.clone().fold(f64::INFINITY, f64::min);
                let high = along.fold(f64::NEG_INFINITY, f64::max);
                let cell = |c: f64| (c - window.origin[k]) / window.cell;
                // One more on either side, for what only touches.
                let first = (cell(low) - 1.0).max(0.0) as usize;
                let end = (cell(high) + 2.0).max(0.0) as usize;
                first..end.min(window.size[k])
            };
            for j in span(1) {
                for i in span(0) {
                    let [[x0, x1], [y0, y1]] =
                        [[edge(0, i), edge(0, i + 1)], [edge(1, j), edge(1, j + 1)]];
                    let square = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(Vector2::from);
                    cells[j * width + i] |= solid::overlap(&square, &outline);
                }
            }
        }
        cells
    }

    /// The labels of what the vehicle touches.
    pub(super) fn touched(&self, moment: &Moment, ego: &Stance) -> Vec<u16> {
        let ego = Footprint {
            at: ego.at.xy(),
            ahead: ego.ahead(),
            half: [model::EGO[0] / 2.0, model::EGO[1] / 2.0],
            velocity: Vector2::zeros(),
        };
        let outlines = self.solid_outlines(moment);
        let touching = outlines.iter().filter(|(outline, _)| ego.touches(outline));
        let mut labels: Vec<u16> = touching.map(|&(_, label)| label).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }
}

/// Puts up what stands.
struct Builder<'a> {
    terrain: &'a Terrain,
    random: Random,
    standing: Vec<(Object, Stance)>,
    /// The next object's.
    label: u16,
}

impl Builder<'_> {
    fn build(&mut self, scenario: &Scenario) {
        for row in &scenario.houses {
            self.build_houses(row);
        }
        for wall in &scenario.walls {
            let (from, ahead, length) = line(wall.from, wall.to);
            let middle = from + ahead * (length / 2.0);
            let solids = model::wall([length, wall.thickness, wall.height]);
            self.put(Object::background(solids), middle, ahead);
        }
        for row in &scenario.trees {
            self.along(row, |build, at, ahead| build.plant(at, ahead));
        }
        for row in &scenario.lamps {
            self.along(row, |build, at, ahead| {
                // The arm reaches to the left of the row.
                build.put(Object::background(model::lamp()), at, left_of(ahead));
            });
        }
        for row in &scenario.parked {
            let (from, ahead, length) = line(row.from, row.to);
            let mut s = 0.0;
            loop {
                let kind = if self.random.chance(0.12) {
                    Moving::Van
                } else {
                    Moving::Car
                };
                let long = kind.size()[0];
                if s + long > length {
                    break;
                }
                if self.random.chance(row.share) {
                    self.park(kind, from + ahead * (s + long / 2.0), ahead);
                }
                s += long + self.random.uniform(BETWEEN[0], BETWEEN[1]);
            }
        }
        for thing in &scenario.things {
            let at = Vector2::from(thing.at);
            let toward = Vector2::from(thing.toward);
            let ahead = toward / toward.norm();
            let obstacle = |solids: Vec<Solid>| Object::background(solids);
            match thing.kind {
                Standing::Car => self.park(Moving::Car, at, ahead),
                Standing::Van => self.park(Moving::Van, at, ahead),
                Standing::Bicycle => self.park(Moving::Bicycle, at, ahead),
                Standing::Pedestrian => self.park(Moving::Pedestrian, at, ahead),
                Standing::Tree => self.plant(at, ahead),
                Standing::Lamp => self.put(obstacle(model::lamp()), at, ahead),
                Standing::Post => self.put(obstacle(model::post()), at, ahead),
                Standing::Crate => {
                    let size = self.random.uniform(0.5, 0.8);
                    self.put(obstacle(model::crate_of(size)), at, ahead);
                }
                Standing::Bin => {
                    let colour = self.random.pick([[52, 92, 58], [48, 60, 96], [60, 60, 62]]);
                    self.put(obstacle(model::bin(colour)), at, ahead);
                }
            }
        }
    }

    fn put(&mut self, object: Object, at: Vector2<f64>, ahead: Vector2<f64>) {
        self.standing
            .push((object, self.terrain.upright(at, ahead)));
    }

    fn along(&mut self, row: &Row, mut put: impl FnMut(&mut Self, Vector2<f64>, Vector2<f64>)) {
        let (from, ahead, length) = line(row.from, row.to);
        for i in 0..=(length / row.spacing) as usize {
            put(self, from + ahead * (i as f64 * row.spacing), ahead);
        }
    }

    fn plant(&mut self, at: Vector2<f64>, ahead: Vector2<f64>) {
        let height = self.random.uniform(5.5, 8.5);
        let leaves = self
            .random
            .pick([[70, 112, 52], [86, 120, 58], [60, 96, 56]]);
        self.put(Object::background(model::tree(height, leaves)), at, ahead);
    }

    fn park(&mut self, kind: Moving, at: Vector2<f64>, ahead: Vector2<f64>) {
        let looks = Looks::of(kind, &mut self.random);
        let solids = kind.solids(0.2, looks);
        let object = Object::moving(self.label, kind, solids);
        self.label += 1;
        self.standing
            .push((object, kind.stand(self.terrain, at, ahead)));
    }

    fn build_houses(&mut self, row: &Houses) {
        let (from, ahead, length) = line(row.from, row.to);
        let mut s = 0.0;
        while length - s > 4.0 {
            let rest = length - s;
            let mut front = self.random.uniform(7.0, 15.0);
            if rest - front < 5.0 {
                front = rest;
            }
            let height = self.random.uniform(row.height[0], row.height[1]);
            let (surface, colour) = self.random.pick([
                (Surface::Brick, [150, 84, 66]),
                (Surface::Brick, [172, 120, 92]),
                (Surface::Plaster, [214, 206, 188]),
                (Surface::Plaster, [196, 178, 142]),
                (Surface::Plaster, [186, 194, 198]),
            ]);
            let wall = Material::new(surface, colour);
            let centre = from + ahead * (s + front / 2.0) + left_of(ahead) * (row.depth / 2.0);
            let solids = model::house([front, row.depth, height], wall);
            self.put(Object::background(solids), centre, ahead);
            s += front + self.random.uniform(row.gap[0], row.gap[1]);
        }
    }
}

/// Start, direction and length of a line.
fn line(from: [f64; 2], to: [f64; 2]) -> (Vector2<f64>, Vector2<f64>, f64) {
    let [from, to] = [from, to].map(Vector2::from);
    let length = (to - from).norm();
    (from, (to - from) / length, length)
}
