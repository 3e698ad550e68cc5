//! The drive that a scenario's file proposes: its legs one after another, as
//! a careful driver would go.

use nalgebra::Vector2;

use super::follow::{Follower, Footprint, Progress};
use super::model;
use super::path::Path;
use super::scenario::{Ego, End};

/// Acceleration, deceleration and acceleration sideways, m/s².
const LIMITS: [f64; 3] = [0.8, 1.2, 1.0];

/// The legs of the drive.
#[derive(Debug)]
pub(super) struct Reference {
    legs: Vec<Leg>,
}

#[derive(Debug)]
struct Leg {
    follower: Follower,
    /// 1 with A ahead, −1 with B.
    lead: f64,
    pause_s: f64,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drive {
    leg: usize,
    progress: Progress,
    /// How long it has stood at the end of the leg.
    paused_s: f64,
}

impl Reference {
    pub(super) fn new(ego: &Ego) -> Self {
        let [length, width, _] = model::EGO;
        let legs = ego.legs.iter().map(|leg| Leg {
            follower: Follower {
                path: Path::new(&leg.points, leg.corner, false),
                closed: false,
                leaves: false,
                speed: ego.speed,
                limits: LIMITS,
                half: [length / 2.0, width / 2.0],
            },
            lead: if leg.lead == End::A { 1.0 } else { -1.0 },
            pause_s: leg.pause_s,
        });
        Self {
            legs: legs.collect(),
        }
    }

    pub(super) fn start(&self) -> Drive {
        Drive {
            leg: 0,
            progress: Progress { s: 0.0, speed: 0.0 },
            paused_s: 0.0,
        }
    }

    /// Place and direction of end A.
    pub(super) fn at(&self, drive: &Drive) -> (Vector2<f64>, Vector2<f64>) {
        let leg = &self.legs[drive.leg];
        let (at, along) = leg.follower.at(drive.progress.s);
        (at, along * leg.lead)
    }

    /// Velocity over the ground, m/s.
    pub(super) fn velocity(&self, drive: &Drive) -> Vector2<f64> {
        let (_, ahead) = self.at(drive);
        ahead * (self.legs[drive.leg].lead * drive.progress.speed)
    }

    pub(super) fn step(&self, mut drive: Drive, others: &[Footprint], dt: f64) -> Drive {
        let leg = &self.legs[drive.leg];
        if drive.progress.s >= leg.follower.path.length() {
            drive.paused_s += dt;
            if drive.paused_s > leg.pause_s && drive.leg + 1 < self.legs.len() {
                drive = Drive {
                    leg: drive.leg + 1,
                    ..self.start()
                };
            }
            return drive;
        }
        let free = leg.follower.free(drive.progress, others);
        drive.progress = leg.follower.advance(drive.progress, free, dt);
        drive
    }

    /// Places and directions of end A along the whole of it, half a metre
    /// apart.
    pub(super) fn way(&self) -> impl Iterator<Item = (Vector2<f64>, Vector2<f64>)> {
        self.legs.iter().flat_map(|leg| {
            let length = leg.follower.path.length();
            (0..=(length / 0.5) as usize)
                .chain([usize::MAX])
                .map(move |i| {
                    let (at, along) = leg.follower.at((i as f64 * 0.5).min(length));
                    (at, along * leg.lead)
                })
        })
    }
}
