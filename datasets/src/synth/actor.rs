//! What moves: cars, vans, cyclists and people on their paths.

use nalgebra::Vector2;

use super::follow::{Follower, Footprint, Progress};
use super::model;
use super::path::Path;
use super::random::Random;
use super::scenario::{self, Mind, Moving};
use super::solid::Solid;
use super::stance::Stance;
use super::terrain::Terrain;
use crate::annotation::Class;

const COATS: [[u8; 3]; 6] = [
    [176, 44, 40],
    [38, 70, 132],
    [206, 170, 52],
    [60, 64, 70],
    [212, 210, 204],
    [56, 110, 70],
];
const TROUSERS: [[u8; 3]; 4] = [[36, 42, 62], [58, 52, 46], [28, 28, 30], [96, 92, 84]];
const LACQUERS: [[u8; 3]; 8] = [
    [178, 182, 186],
    [236, 236, 234],
    [32, 34, 38],
    [152, 28, 30],
    [34, 64, 122],
    [92, 98, 104],
    [58, 88, 66],
    [196, 160, 60],
];

impl Moving {
    pub(super) fn size(self) -> [f64; 3] {
        match self {
            Self::Car => model::CAR,
            Self::Van => model::VAN,
            Self::Bicycle => model::BICYCLE,
            Self::Pedestrian => model::PEDESTRIAN,
        }
    }

    pub(super) fn class(self) -> Class {
        match self {
            Self::Car => Class::Car,
            Self::Van => Class::Van,
            Self::Bicycle => Class::Bicycle,
            Self::Pedestrian => Class::Pedestrian,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Van => "van",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
        }
    }

    /// Its shape at a part of a stride.
    pub(super) fn solids(self, stride: f64, looks: Looks) -> Vec<Solid> {
        match self {
            Self::Car => model::car(model::CAR, looks.above),
            Self::Van => model::van(model::VAN, looks.above),
            Self::Bicycle => model::bicycle(stride, looks.above, looks.below),
            Self::Pedestrian => model::pedestrian(stride, looks.above, looks.below),
        }
    }

    /// How it stands: on wheels, or upright.
    pub(super) fn stand(self, terrain: &Terrain, at: Vector2<f64>, ahead: Vector2<f64>) -> Stance {
        match self {
            Self::Car | Self::Van => {
                let [length, width, _] = self.size();
                terrain.on_wheels(at, ahead, [0.3 * length, 0.4 * width])
            }
            Self::Bicycle | Self::Pedestrian => terrain.upright(at, ahead),
        }
    }

    /// Length of a stride, or of a turn of the pedals, m.
    fn stride(self) -> f64 {
        match self {
            Self::Pedestrian => 1.4,
            _ => 4.5,
        }
    }

    /// Of its path, how much it overlooks where it waits, m.
    fn overlooks(self) -> f64 {
        match self {
            Self::Pedestrian => 8.0,
            _ => 22.0,
        }
    }

    fn limits(self) -> [f64; 3] {
        match self {
            Self::Car | Self::Van => [1.8, 2.5, 2.0],
            Self::Bicycle => [1.0, 2.0, 1.8],
            Self::Pedestrian => [1.5, 2.0, 4.0],
        }
    }
}

/// Its colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Looks {
    /// Lacquer or coat.
    above: [u8; 3],
    /// Trousers.
    below: [u8; 3],
}

impl Looks {
    pub(super) fn of(kind: Moving, random: &mut Random) -> Self {
        let above = match kind {
            Moving::Car | Moving::Van => random.pick(LACQUERS),
            Moving::Bicycle | Moving::Pedestrian => random.pick(COATS),
        };
        Self {
            above,
            below: random.pick(TROUSERS),
        }
    }
}

/// Something that moves.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) kind: Moving,
    pub(super) looks: Looks,
    follower: Follower,
    rules: scenario::Actor,
}

/// How it is at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    progress: Progress,
    /// Part of a stride, from 0 to 1.
    pub(super) stride: f64,
    pub(super) stance: Stance,
    /// Whether it has left the world.
    pub(super) gone: bool,
    /// Whether it has begun to move.
    started: bool,
    /// Whether it has looked, and gone.
    looked: bool,
}

impl Actor {
    pub(super) fn new(rules: &scenario::Actor, random: &mut Random) -> Self {
        let kind = rules.kind;
        let [length, width, _] = kind.size();
        let half = match kind {
            // With arms at the side.
            Moving::Pedestrian => [0.25, 0.3],
            _ => [length / 2.0, width / 2.0],
        };
        Self {
            kind,
            looks: Looks::of(kind, random),
            follower: Follower {
                path: Path::new(&rules.points, rules.corner, rules.closed),
                closed: rules.closed,
                leaves: rules.leaves,
                speed: rules.speed,
                limits: kind.limits(),
                half,
            },
            rules: rules.clone(),
        }
    }

    pub(super) fn start(&self, terrain: &Terrain) -> State {
        let length = self.follower.path.length();
        let s = if self.rules.closed {
            self.rules.start_m % length
        } else {
            self.rules.start_m.min(length)
        };
        let moves = self.rules.delay_s == 0.0 && self.rules.trigger_m.is_none();
        let waits = self.rules.minds == Mind::Traffic && s >= self.rules.looks_at_m;
        State {
            progress: Progress {
                s,
                speed: if moves && !waits {
                    self.rules.speed
                } else {
                    0.0
                },
            },
            stride: 0.25,
            stance: self.stand(terrain, s),
            gone: false,
            started: moves,
            looked: false,
        }
    }

    fn stand(&self, terrain: &Terrain, s: f64) -> Stance {
        let (at, ahead) = self.follower.at(s);
        self.kind.stand(terrain, at, ahead)
    }

    pub(super) fn footprint(&self, state: &State) -> Footprint {
        let ahead = state.stance.ahead();
        Footprint {
            at: state.stance.at.xy(),
            ahead,
            half: self.follower.half,
            velocity: ahead * state.progress.speed,
        }
    }

    /// How it is `dt` seconds later. `seconds` have passed from the start;
    /// `others` are all that moves, but for itself, with the vehicle that
    /// carries the sensors first.
    pub(super) fn step(
        &self,
        state: &State,
        others: &[Footprint],
        terrain: &Terrain,
        seconds: f64,
        dt: f64,
    ) -> State {
        let mut next = state.clone();
        if state.gone {
            return next;
        }
        let here = state.stance.at.xy();
        let near = |ego: &Footprint, range: f64| ego.distance(here) <= range;
        next.started |= seconds >= self.rules.delay_s
            && self
                .rules
                .trigger_m
                .is_none_or(|range| others.first().is_some_and(|ego| near(ego, range)));
        if !next.started {
            return next;
        }
        let free = match self.rules.minds {
            Mind::Nothing => f64::INFINITY,
            Mind::Way => self.follower.free(state.progress, others),
            Mind::Traffic => self
                .follower
                .free(state.progress, others)
                .min(self.wait(&mut next, others)),
        };
        next.progress = self.follower.advance(state.progress, free, dt);
        let length = self.follower.path.length();
        next.gone = self.rules.leaves && !self.rules.closed && next.progress.s >= length;
        let moved = (state.progress.speed + next.progress.speed) / 2.0 * dt;
        next.stride = (state.stride + moved / self.kind.stride()) % 1.0;
        next.stance = self.stand(terrain, next.progress.s);
        next
    }

    /// Length to where it waits, until it has looked and nothing comes.
    fn wait(&self, next: &mut State, others: &[Footprint]) -> f64 {
        let to = self.rules.looks_at_m - next.progress.s;
        if next.looked || to > 10.0 {
            return f64::INFINITY;
        }
        let there = Progress {
            s: next.progress.s.max(self.rules.looks_at_m),
            speed: 0.0,
        };
        let crossed = self.follower.crossed(there, self.kind.overlooks(), others);
        next.looked = to < 0.3 && !crossed;
        if next.looked {
            f64::INFINITY
        } else {
            to.max(0.0)
        }
    }
}
