//! The world, a tick at a time, for a vehicle that is driven from outside.

use std::sync::Arc;

use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

use super::lidar::{self, Counts};
use super::reference::Reference;
use super::rig::rig;
use super::scenario::Scenario;
use super::stance::Stance;
use super::world::{Moment, Placed, Window, World};
use super::{START, camera};
use crate::annotation::Annotation;
use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::frame::{Frame, Image, Pixels, Sweep};
use crate::geometry::{Pose, Waypoint};
use crate::roads::Roads;
use crate::trajectory::Trajectory;

/// How many poses of the past a frame knows.
const PAST: usize = 100;

/// The vehicle that carries the sensors, as whoever drives it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ego {
    /// `odom_from_base`. Place and heading count; height and inclination are
    /// those of the ground.
    pub pose: Pose,
    /// Velocity over the ground, along x and y of odom, m/s: what the others
    /// expect of it.
    pub velocity: [f64; 2],
}

/// A scenario that goes on as its ego vehicle is driven.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    rig: Arc<Rig>,
    reference: Vec<Pose>,
    moment: Moment,
    index: u64,
    way: Vec<Waypoint>,
}

impl Simulation {
    /// The scenario at its start.
    pub fn new(scenario: &Scenario) -> Self {
        let world = World::new(scenario, scenario.head.seed);
        let way = Reference::new(&scenario.ego);
        let reference: Vec<Pose> = way
            .way()
            .map(|(at, ahead)| world.stand(at, ahead).pose())
            .collect();
        let moment = world.start(START, Stance::of(&reference[0]));
        Self {
            rig: Arc::new(rig()),
            way: vec![Waypoint {
                stamp: moment.stamp,
                pose: moment.ego.pose(),
            }],
            index: 0,
            world,
            reference,
            moment,
        }
    }

    /// The vehicle and its sensors.
    pub fn rig(&self) -> &Arc<Rig> {
        &self.rig
    }

    /// The lanes and crossings of the scenario.
    pub fn roads(&self) -> &Arc<Roads> {
        &self.world.roads
    }

    /// The way that the scenario proposes, `odom_from_base`, at most half a
    /// metre apart; the first is the start and the last the goal.
    pub fn reference(&self) -> &[Pose] {
        &self.reference
    }

    /// Time of the present moment, ns since the Unix epoch.
    pub fn stamp(&self) -> i64 {
        self.moment.stamp
    }

    /// Where the ego vehicle is, `odom_from_base`.
    pub fn pose(&self) -> Pose {
        self.moment.ego.pose()
    }

    /// Lets `dt` seconds pass, in which the ego vehicle goes evenly from
    /// where it was to where it is now. The sweeps of the frame were taken in
    /// that time, its pictures at the end, which is the frame's stamp.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `dt` is not from 0.01 to 0.5 s, or the ego
    /// vehicle is not within 1 km of the origin or faster than 50 m/s.
    pub fn step(&mut self, ego: &Ego, dt: f64) -> Result<Frame> {
        let before = self.go_on(ego, dt)?;
        let ego = Arc::new(Trajectory::new(self.way.clone()));
        let observer = Observer {
            world: &self.world,
            rig: &self.rig,
            ego: &ego,
        };
        Ok(observer.frame([&before, &self.moment], self.index - 1))
    }

    /// As [`Simulation::step`], but nobody looks: there is no frame, and its
    /// number is skipped.
    ///
    /// # Errors
    /// As there.
    pub fn skip(&mut self, ego: &Ego, dt: f64) -> Result<()> {
        self.go_on(ego, dt).map(drop)
    }

    /// Goes on to the next moment, and gives the one before.
    fn go_on(&mut self, ego: &Ego, dt: f64) -> Result<Moment> {
        let within = |field, is: bool, expected| {
            let error = Error::Parameter { field, expected };
            if is { Ok(()) } else { Err(error) }
        };
        within("dt", (0.01..=0.5).contains(&dt), "from 0.01 to 0.5 s")?;
        let given = Stance::of(&ego.pose);
        let near = given.at.iter().all(|c| c.abs() <= 1000.0);
        let level = given.axes.column(0).xy().norm() > 0.5;
        let expected = "a place within 1 km of the origin, and a heading over the ground";
        within("ego pose", near && level, expected)?;
        let velocity = Vector2::from(ego.velocity);
        within("ego velocity", velocity.norm() <= 50.0, "at most 50 m/s")?;

        let stance = self.world.stand(given.at.xy(), given.ahead());
        let seconds = (self.moment.stamp - START) as f64 * 1e-9;
        let next = self.world.next(&self.moment, stance, velocity, seconds, dt);
        let before = std::mem::replace(&mut self.moment, next);
        if self.way.len() == PAST {
            self.way.remove(0);
        }
        self.way.push(Waypoint {
            stamp: self.moment.stamp,
            pose: self.moment.ego.pose(),
        });
        self.index += 1;
        Ok(before)
    }

    /// Height of the ground at a place in odom, m.
    pub fn height(&self, x: f64, y: f64) -> f64 {
        self.world.terrain.height(Vector2::new(x, y))
    }

    /// Which cells hold, at the present moment, something that the vehicle
    /// must not touch: everything but the ground with its kerbs and ramps, as
    /// far as it reaches lower than the vehicle's roof. Rows of ascending y,
    /// each of ascending x.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the window is not of finite place, of cells
    /// from 0.01 to 10 m, and of at most 4,096 cells a side.
    pub fn occupied(&self, window: &Window) -> Result<Vec<bool>> {
        let finite = window.origin.iter().all(|c| c.abs() <= 1e6);
        let cells = (0.01..=10.0).contains(&window.cell);
        if !finite || !cells || window.size.iter().any(|&n| n > 4096) {
            return Err(Error::Parameter {
                field: "window",
                expected: "a place, cells from 0.01 to 10 m, and at most 4,096 a side",
            });
        }
        Ok(self.world.occupied(&self.moment, window))
    }

    /// What the vehicle would touch if it stood at `odom_from_base` now, by
    /// the labels of [`Sweep::labels`].
    pub fn touched(&self, pose: &Pose) -> Vec<u16> {
        self.world.touched(&self.moment, &Stance::of(pose))
    }
}

/// Makes frames of moments.
pub(super) struct Observer<'a> {
    pub(super) world: &'a World,
    pub(super) rig: &'a Arc<Rig>,
    pub(super) ego: &'a Arc<Trajectory>,
}

impl Observer<'_> {
    /// Everything between two moments, with the vehicle that carries the
    /// sensors last.
    pub(super) fn things(&self, [from, to]: [&Moment; 2]) -> Vec<Placed<'_>> {
        let mut things = self.world.placed(from, to);
        things.push(Placed {
            object: std::borrow::Cow::Borrowed(&self.world.ego),
            from: from.ego,
            to: to.ego,
        });
        things
    }

    pub(super) fn frame(&self, [from, to]: [&Moment; 2], index: u64) -> Frame {
        let things = self.things([from, to]);
        let ((sweeps, counts), images) = rayon::join(
            || self.sweeps(&things, [from, to], index),
            || self.images(&things, to, index),
        );
        Frame {
            index,
            begins: false,
            stamp: to.stamp,
            pose: Some(to.ego.pose()),
            ego: self.ego.clone(),
            sweeps,
            images,
            annotations: annotations(&things, &counts, [from, to]),
            rig: self.rig.clone(),
            roads: Some(self.world.roads.clone()),
        }
    }

    fn sweeps(
        &self,
        things: &[Placed<'_>],
        [from, to]: [&Moment; 2],
        index: u64,
    ) -> (Vec<Sweep>, Counts) {
        let lidars = self.rig.lidars.par_iter().enumerate();
        let scans: Vec<lidar::Scan> = lidars
            .map(|(lidar, mounting)| {
                let mounted = Stance::of(&mounting.base_from_sensor);
                lidar::scan(&lidar::View {
                    things,
                    marks: &self.world.marks,
                    from: from.ego.then(&mounted),
                    to: to.ego.then(&mounted),
                    period_ns: to.stamp - from.stamp,
                    seeds: [self.world.seed, index, lidar as u64],
                })
            })
            .collect();
        let mut counts = Counts::of(things.len());
        let sweeps = scans.into_iter().enumerate().map(|(lidar, scan)| {
            counts.add(&scan.counts);
            Sweep {
                lidar,
                stamp: from.stamp,
                points: scan.points,
                labels: Some(scan.labels),
            }
        });
        (sweeps.collect(), counts)
    }

    pub(super) fn images(&self, things: &[Placed<'_>], to: &Moment, index: u64) -> Vec<Image> {
        let shadows = self
            .world
            .shadows
            .with(&things[self.world.standing.len()..]);
        let cameras = self.rig.cameras.par_iter().enumerate();
        cameras
            .map(|(camera, mounting)| {
                let mounted = Stance::of(&mounting.base_from_sensor);
                let view = camera::View {
                    things,
                    marks: &self.world.marks,
                    shadows: &shadows,
                    camera: mounting,
                    world_from_camera: to.ego.then(&mounted),
                    // So many columns that the noise of frames is apart.
                    seed: (index as u32 * 4 + camera as u32) % 4096 * 677,
                };
                Image {
                    camera,
                    stamp: to.stamp,
                    source: format!("synthetic/{}/{index:010}", mounting.name).into(),
                    pixels: Pixels::Rgb(view.render()),
                }
            })
            .collect()
    }
}

/// Boxes around all that is annotated.
fn annotations(
    things: &[Placed<'_>],
    counts: &Counts,
    [from, to]: [&Moment; 2],
) -> Vec<Annotation> {
    let seconds = (to.stamp - from.stamp) as f64 * 1e-9;
    let boxes = things.iter().enumerate().filter_map(|(i, thing)| {
        let (class, name) = thing.object.class?;
        let middle = thing.object.size[2] / 2.0;
        let centre = Stance {
            at: thing.to.outward(Vector3::new(0.0, 0.0, middle)),
            ..thing.to
        };
        let base = &to.ego;
        let base_from_box = Stance {
            at: base.inward(centre.at),
            axes: base.axes.tr_mul(&centre.axes),
        };
        let velocity = (thing.to.at - thing.from.at) / seconds;
        let velocity = base.axes.tr_mul(&velocity);
        let [met, aimed] = [counts.met[i], counts.aimed[i]].map(f64::from);
        Some(Annotation {
            track: thing.object.label.to_string(),
            class,
            label: name.into(),
            base_from_box: base_from_box.pose(),
            size: thing.object.size,
            velocity: Some([velocity.x, velocity.y]),
            points: Some(counts.returns[i]),
            visibility: Some(if aimed > 0.0 { met / aimed } else { 0.0 }),
        })
    });
    boxes.collect()
}
