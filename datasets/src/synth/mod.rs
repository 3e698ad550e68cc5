//! A synthetic world: a part of a city, what moves in it, and a vehicle
//! without a front that sees it with four lidars and four cameras.
//!
//! [`Scenario`]s say what there is. A scenario is read as a whole log by
//! [`crate::Log::synthetic`] or [`crate::Log::open`], or driven through, a
//! tick at a time, with [`Simulation`]. Frames come with the whole truth: the
//! pose, a box with its velocity around everything of a class, a label for
//! every point. What the cameras see of each thing, to the pixel, is told by
//! [`Pictures`] and [`crate::Log::silhouettes`].
//!
//! Nothing but arithmetic that IEEE 754 rounds exactly goes into it, so that a
//! seed gives the same frames, bit for bit, on every platform.
//!
//! # What a frame costs
//!
//! Four lidars of 1,280 × 64 beams and four pictures of 640 × 384 pixels are
//! 328,000 beams and 983,000 pixels. A street has some 100 things of 460
//! convex solids with 5,000 faces. Every beam and pixel against every solid,
//! at some 10 ns, would be 6 s a frame.
//!
//! All beams of a lidar come from one place, and so do all pixels of a
//! camera; both are therefore drawn and not traced: each solid is set into
//! the part of the scan, and each face that looks at the camera into the part
//! of the picture, where it can be. Some four solids lie behind one another in
//! a beam, which makes 1.3 million pairs of solid and beam; a picture has
//! about as many pixels filled as shown. A tree over the solids would save
//! the sorting of 460 of them, and no more. Each pixel is shaded once.
//!
//! Measured (`cargo bench -p janus-datasets --bench synth`), a frame takes
//! some 170 ms of one processor, of which shading is a half and the lidars a
//! third; the work is spread over all there are.

mod actor;
mod camera;
mod follow;
mod lidar;
mod marks;
mod material;
mod model;
mod path;
mod random;
mod raster;
mod reference;
mod rig;
mod roads;
mod scenario;
mod shadow;
mod silhouette;
mod simulation;
mod solid;
mod stance;
mod terrain;
mod texture;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::annotation::Class;
use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::file;
use crate::frame::Frame;
use crate::geometry::Waypoint;
use crate::info::{Annotations, Info, Sensor, SensorKind};
use crate::log::{Log, Options, Source};
use crate::roads::Roads;
use crate::trajectory::Trajectory;

pub use scenario::Scenario;
pub use silhouette::{Pictures, Sight, Silhouette};
pub use simulation::{Ego, Simulation};
pub use world::Window;

use reference::Reference;
use simulation::Observer;
use world::{Moment, World};

/// What makes a file a scenario.
pub(crate) const CONTENT: &str =
    "a scenario of the synthetic world: a TOML file with a table [scenario]";

/// Stamp of the start: 13 September 2020, 12:26:40.
const START: i64 = 1_600_000_000_000_000_000;
/// As much of a file is searched for the table that makes it a scenario.
const SEARCHED: u64 = 256 << 10;

/// A drive through a scenario.
#[derive(Clone, Debug)]
pub struct Drive {
    /// What there is.
    pub scenario: Scenario,
    /// Number of frames, where not all of the scenario's.
    pub frames: Option<u64>,
    /// What houses, colours and noise are made from, where it is not the
    /// scenario's.
    pub seed: Option<u64>,
}

impl Default for Drive {
    /// The first 30 frames of the crossing.
    fn default() -> Self {
        let scenario = Scenario::named("crossing").expect("is part of the program");
        Self {
            scenario,
            frames: Some(30),
            seed: None,
        }
    }
}

impl Drive {
    /// How many frames it has.
    fn frames(&self) -> Result<u64> {
        let frames = self.frames.unwrap_or(self.scenario.frames());
        if !(1..=self.scenario.frames()).contains(&frames) {
            return Err(Error::Parameter {
                field: "frames",
                expected: "a number from 1 to those of the scenario",
            });
        }
        Ok(frames)
    }

    fn seed(&self) -> u64 {
        self.seed.unwrap_or(self.scenario.head.seed)
    }
}

/// Everything from which a frame is made.
#[derive(Debug)]
struct Recording {
    world: World,
    rig: Arc<Rig>,
    /// One more than there are frames.
    moments: Vec<Moment>,
    ego: Arc<Trajectory>,
}

/// Whether `path` is a scenario's file.
pub(crate) fn recognises(path: &Path) -> bool {
    let text = file::read_text(path, SEARCHED).unwrap_or_default();
    text.lines().any(|line| line.trim() == "[scenario]")
}

/// Opens a scenario's file as a log.
pub(crate) fn open(path: &Path, _: &Options) -> Result<Log> {
    let drive = Drive {
        scenario: Scenario::read(path)?,
        frames: None,
        seed: None,
    };
    record(path.into(), drive)
}

/// Lets a scenario go by, as a log whose frames are made when they are read.
pub(crate) fn record(path: PathBuf, drive: Drive) -> Result<Log> {
    let frames = drive.frames()?;
    let recording = Recording::new(&drive.scenario, drive.seed());
    Ok(Log {
        rig: recording.rig.clone(),
        ego: recording.ego.clone(),
        indices: (0..frames).collect(),
        info: recording.info(&path, &drive.scenario, frames),
        source: Arc::new(recording),
        path,
    })
}

impl Recording {
    fn new(scenario: &Scenario, seed: u64) -> Self {
        let world = World::new(scenario, seed);
        let reference = Reference::new(&scenario.ego);
        let dt = 1.0 / scenario.rate_hz();
        let stand = |drive: &reference::Drive| {
            let (at, ahead) = reference.at(drive);
            world.stand(at, ahead)
        };
        let mut drive = reference.start();
        let mut moments = vec![world.start(START, stand(&drive))];
        for index in 0..scenario.frames() {
            let moment = &moments[index as usize];
            drive = reference.step(drive, &world.traffic(moment), dt);
            let velocity = reference.velocity(&drive);
            let seconds = index as f64 * dt;
            let next = world.next(moment, stand(&drive), velocity, seconds, dt);
            moments.push(next);
        }
        let way = moments.iter().map(|moment| Waypoint {
            stamp: moment.stamp,
            pose: moment.ego.pose(),
        });
        Self {
            rig: Arc::new(rig::rig()),
            ego: Arc::new(Trajectory::new(way.collect())),
            world,
            moments,
        }
    }

    /// The moments between which a frame is made.
    fn around(&self, index: u64) -> [&Moment; 2] {
        [index, index + 1].map(|i| &self.moments[i as usize])
    }

    fn observer(&self) -> Observer<'_> {
        Observer {
            world: &self.world,
            rig: &self.rig,
            ego: &self.ego,
        }
    }

    fn info(&self, path: &Path, scenario: &Scenario, frames: u64) -> Info {
        let rate_hz = scenario.rate_hz();
        let sensor = |name: &String, kind, resolution| Sensor {
            name: name.clone(),
            kind,
            source: "synthetic".into(),
            count: frames as usize,
            rate_hz: (frames > 1).then_some(rate_hz),
            resolution,
        };
        let lidars = self.rig.lidars.iter();
        let lidars = lidars.map(|lidar| sensor(&lidar.name, SensorKind::Lidar, None));
        let cameras = self.rig.cameras.iter();
        let cameras = cameras.map(|c| sensor(&c.name, SensorKind::Camera, Some(c.resolution)));
        let stamp = |index: u64| self.moments[index as usize + 1].stamp;
        Info {
            format: "synthetic",
            path: path.display().to_string(),
            frames: frames as usize,
            first: Some(0),
            last: Some(frames - 1),
            duration_s: (frames - 1) as f64 / rate_hz,
            sensors: lidars.chain(cameras).collect(),
            pose_source: Some("ground truth"),
            gaps: Vec::new(),
            jumps: Vec::new(),
            distance_m: self.ego.length(stamp(0), stamp(frames - 1)),
            extent_m: self.ego.extent(),
            topics: Vec::new(),
            annotations: Some(self.annotations(frames)),
            lost: Default::default(),
            notes: vec![scenario.purpose().into()],
        }
    }

    fn annotations(&self, frames: u64) -> Annotations {
        let mut tracks = BTreeSet::new();
        let mut classes: BTreeMap<Class, u64> = BTreeMap::new();
        for (object, _) in &self.world.standing {
            if let Some((class, _)) = object.class {
                tracks.insert(object.label);
                *classes.entry(class).or_default() += frames;
            }
        }
        for moment in &self.moments[1..=frames as usize] {
            let actors = (0u16..).zip(self.world.actors.iter().zip(&moment.actors));
            for (i, (actor, _)) in actors.filter(|(_, (_, state))| !state.gone) {
                tracks.insert(crate::frame::Sweep::FIRST_OBJECT + i);
                *classes.entry(actor.kind.class()).or_default() += 1;
            }
        }
        Annotations {
            boxes: classes.values().sum(),
            tracks: tracks.len() as u64,
            classes,
            pictured: false,
        }
    }
}

impl Source for Recording {
    fn roads(&self) -> Option<&Arc<Roads>> {
        Some(&self.world.roads)
    }

    fn frame(&self, index: u64) -> Result<Frame> {
        Ok(self.observer().frame(self.around(index), index))
    }

    fn silhouettes(&self, index: u64) -> Option<Vec<Silhouette>> {
        (index + 1 < self.moments.len() as u64).then(|| {
            let around = self.around(index);
            let observer = self.observer();
            observer.silhouettes(&observer.things(around), around[1])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Sweep;
    use nalgebra::{Point3, Vector3};
    use stance::Stance;
    use std::borrow::Cow;
    use world::Placed;

    fn recording(name: &str) -> Recording {
        let scenario = Scenario::named(name).expect("is built in");
        Recording::new(&scenario, scenario.head.seed)
    }

    impl Recording {
        fn between(&self, index: usize) -> (Vec<Placed<'_>>, [&Moment; 2]) {
            let [from, to] = [index, index + 1].map(|i| &self.moments[i]);
            let mut things = self.world.placed(from, to);
            things.push(Placed {
                object: Cow::Borrowed(&self.world.ego),
                from: from.ego,
                to: to.ego,
            });
            (things, [from, to])
        }

        /// The thing of a label whose surface is nearest to a return, and how
        /// far that is, at the return's own time; with the return's place in
        /// the thing's frame.
        fn nearest<'a>(
            things: &'a [Placed<'a>],
            label: u16,
            at: Vector3<f64>,
            part: f64,
        ) -> (usize, f64, Vector3<f64>) {
            let mut nearest = (0, f64::INFINITY, at);
            for (i, thing) in things.iter().enumerate() {
                if thing.object.label != label {
                    continue;
                }
                let local = thing.from.between(&thing.to, part).inward(at);
                if (local - thing.object.centre).norm() > thing.object.radius + 0.1 {
                    continue;
                }
                for solid in &thing.object.solids {
                    let off = solid.distance(local).abs();
                    if off < nearest.1 {
                        nearest = (i, off, local);
                    }
                }
            }
            nearest
        }
    }

    #[test]
    fn every_return_lies_on_a_surface_of_its_label_at_its_own_time() {
        for (name, index) in [
            ("busy_street", 120),
            ("hill_and_ramp", 140),
            ("roundabout", 150),
        ] {
            let recording = recording(name);
            let (things, [from, to]) = recording.between(index);
            let frame = recording.frame(index as u64).expect("is made");
            let mut tested = 0;
            for sweep in &frame.sweeps {
                let mounted = Stance::of(&recording.rig.lidars[sweep.lidar].base_from_sensor);
                let [begin, end] = [from, to].map(|moment| moment.ego.then(&mounted));
                let labels = sweep.labels.as_ref().expect("are known");
                for (point, &label) in sweep.points.iter().zip(labels).step_by(11) {
                    let part = point.after_ns() as f64 / (to.stamp - from.stamp) as f64;
                    let place = Vector3::from(point.metres().map(f64::from));
                    let at = begin.between(&end, part).outward(place);
                    let (_, off, _) = Recording::nearest(&things, label, at, part);
                    // The noise's bound, the rounding to millimetres and ticks.
                    assert!(off < 0.038, "{name}: {off} m from {label} at {at}");
                    tested += 1;
                }
            }
            assert!(tested > 15_000);
        }
    }

    #[test]
    fn motion_skews_a_scan() {
        let recording = recording("busy_street");
        let (things, [from, to]) = recording.between(100);
        let frame = recording.frame(100).expect("is made");
        let mounted = Stance::of(&recording.rig.lidars[0].base_from_sensor);
        let end = to.ego.then(&mounted);
        assert!((to.ego.at - from.ego.at).norm() > 0.2);
        let sweep: &Sweep = &frame.sweeps[0];
        let labels = sweep.labels.as_ref().expect("are known");
        let off = sweep
            .points
            .iter()
            .zip(labels)
            .step_by(11)
            .filter(|(point, label)| {
                let at = end.outward(Vector3::from(point.metres().map(f64::from)));
                Recording::nearest(&things, **label, at, 1.0).1 > 0.05
            });
        assert!(off.count() > 500, "as if it had been taken in one instant");
    }

    #[test]
    fn the_cameras_see_what_the_lidars_meet() {
        let recording = recording("busy_street");
        let (things, [from, to]) = recording.between(100);
        let frame = recording.frame(100).expect("is made");
        let shadows = &recording.world.shadows;
        for (mounting, lidar) in recording.rig.cameras.iter().zip([0, 3, 0, 3]) {
            let camera = to.ego.then(&Stance::of(&mounting.base_from_sensor));
            let view = camera::View {
                things: &things,
                marks: &recording.world.marks,
                shadows,
                camera: mounting,
                world_from_camera: camera,
                seed: 0,
            };
            let (canvas, drawn) = view.draw();
            let sweep = &frame.sweeps[lidar];
            let mounted = Stance::of(&recording.rig.lidars[lidar].base_from_sensor);
            let [begin, end] = [from, to].map(|moment| moment.ego.then(&mounted));
            let labels = sweep.labels.as_ref().expect("are known");
            let (mut same, mut through, mut all) = (0, 0, 0);
            for (point, &label) in sweep.points.iter().zip(labels).step_by(3) {
                let part = point.after_ns() as f64 / (to.stamp - from.stamp) as f64;
                let place = Vector3::from(point.metres().map(f64::from));
                let at = begin.between(&end, part).outward(place);
                let (thing, _, local) = Recording::nearest(&things, label, at, part);
                // Where it is at the time of the picture.
                let at = camera.inward(things[thing].to.outward(local));
                let Some([u, v]) = mounting.project(Point3::from(at).into()) else {
                    continue;
                };
                let [width, height] = mounting.resolution.map(f64::from);
                if !(0.0..width - 1.0).contains(&u) || !(0.0..height - 1.0).contains(&v) {
                    continue;
                }
                let pixel = (v + 0.5) as usize * 640 + (u + 0.5) as usize;
                all += 1;
                let face = (canvas.number[pixel] as usize).checked_sub(1);
                let shown = face.map(|face| drawn[face].thing);
                same += usize::from(shown == Some(thing));
                let depth = 1.0 / f64::from(canvas.nearness[pixel]);
                through += usize::from(depth > at.z * 1.05 + 0.1);
            }
            // The rest is hidden from where the camera is, by something
            // nearer, or on an edge.
            let name = &mounting.name;
            assert!(
                all > 1_000 && same * 100 > all * 70,
                "{name}: {same} of {all}"
            );
            assert!(
                through * 100 < all * 3,
                "{name}: through {through} of {all}"
            );
        }
    }

    #[test]
    fn every_reference_drive_arrives_and_touches_nothing() {
        let mut wrong = Vec::new();
        for name in Scenario::names() {
            let scenario = Scenario::named(name).expect("is built in");
            let recording = recording(name);
            for (index, moment) in recording.moments.iter().enumerate() {
                let touched = recording.world.touched(moment, &moment.ego);
                if !touched.is_empty() {
                    let at = moment.ego.at;
                    wrong.push(format!("{name}: {touched:?} in frame {index} at {at:?}"));
                }
            }
            let reference = Reference::new(&scenario.ego);
            let goal = reference.way().last().expect("has an end").0;
            let last = recording.moments.last().expect("is one");
            let off = (last.ego.at.xy() - goal).norm();
            if off > 0.1 {
                wrong.push(format!("{name}: {off} m from the goal"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_world_is_as_large_as_its_cost_supposes() {
        let recording = recording("busy_street");
        let (things, [from, to]) = recording.between(120);
        let solids = || things.iter().flat_map(|thing| &thing.object.solids);
        let faces: usize = solids().map(|solid| solid.faces.len()).sum();
        let mounted = Stance::of(&recording.rig.lidars[0].base_from_sensor);
        let view = lidar::View {
            things: &things,
            marks: &recording.world.marks,
            from: from.ego.then(&mounted),
            to: to.ego.then(&mounted),
            period_ns: to.stamp - from.stamp,
            seeds: [0; 3],
        };
        let depth = view.depth();
        let size = [things.len(), solids().count(), faces];
        let [few, many] = [[50, 300, 3_000], [200, 900, 8_000]];
        let near = (0..3).all(|k| (few[k]..many[k]).contains(&size[k]));
        assert!(near, "{size:?}");
        assert!((2.0..8.0).contains(&depth), "{depth}");
    }

    #[test]
    fn the_hidden_pedestrian_is_hidden_and_then_in_the_way() {
        let recording = recording("hidden_pedestrian");
        let place = |moment: &Moment| moment.actors[0].stance.at;
        let starts = |pair: &[Moment]| place(&pair[0]) != place(&pair[1]);
        let start = recording.moments.windows(2).position(starts);
        let start = start.expect("begins to walk");
        let frame = recording.frame(start as u64).expect("is made");
        let seen = frame.annotations.iter().find(|found| found.track == "4");
        let visibility = seen.and_then(|found| found.visibility).expect("is there");
        assert!(visibility < 0.3, "{visibility}");
        let speeds = recording.moments[start..start + 80].iter();
        let slowest = speeds
            .map(|moment| moment.velocity.norm())
            .fold(9.0, f64::min);
        assert!(slowest < 0.8, "{slowest} m/s");
    }

    #[test]
    fn a_vehicle_off_its_way_touches_things() {
        let recording = recording("dead_end_alley");
        let start = &recording.moments[0];
        let aside = Stance::upright(Vector3::new(20.0, 1.4, 0.0), nalgebra::Vector2::x());
        assert_eq!(recording.world.touched(start, &aside), [Sweep::BACKGROUND]);
        let onto = Stance::upright(Vector3::new(-20.6, 10.0, 0.0), nalgebra::Vector2::y());
        let car = Sweep::FIRST_OBJECT + recording.world.actors.len() as u16;
        assert_eq!(recording.world.touched(start, &onto), [car]);
    }
}
