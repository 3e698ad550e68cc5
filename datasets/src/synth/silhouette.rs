//! What the cameras see of each thing, to the pixel: the truth for detection
//! in pictures.

use super::camera::View;
use super::simulation::Observer;
use super::stance::Stance;
use super::world::{Moment, Placed};
use super::{Drive, Recording};
use crate::annotation::Class;
use crate::error::{Error, Result};
use crate::frame::Image;

/// A moment of a drive as its cameras see it, without sweeps.
#[derive(Clone, Debug)]
pub struct Sight {
    /// A picture of each camera, in the order of the rig.
    pub images: Vec<Image>,
    /// What is seen of everything of a class: each camera's in turn.
    pub silhouettes: Vec<Silhouette>,
}

/// The part of a thing that a camera sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Silhouette {
    /// Index into [`crate::Rig::cameras`].
    pub camera: usize,
    /// As [`crate::Annotation::track`].
    pub track: String,
    /// What it is.
    pub class: Class,
    /// Least x and y of the pixels that show it, and one more than the
    /// greatest.
    pub extent: [u32; 4],
    /// Of the pixels that it would fill if it were alone, those that show it:
    /// more than 0, up to 1.
    pub visibility: f64,
    /// From `base_link` to its middle, over the ground, m.
    pub range: f64,
}

/// How many pixels show a thing, and where.
#[derive(Clone, Copy)]
struct Shown {
    pixels: u64,
    extent: [u32; 4],
}

impl Shown {
    const NOTHING: Self = Self {
        pixels: 0,
        extent: [u32::MAX, u32::MAX, 0, 0],
    };

    fn add(&mut self, [u, v]: [u32; 2]) {
        let [left, top, right, bottom] = self.extent;
        self.pixels += 1;
        self.extent = [left.min(u), top.min(v), right.max(u + 1), bottom.max(v + 1)];
    }
}

/// A drive that is looked at, a moment at a time.
#[derive(Debug)]
pub struct Pictures {
    recording: Recording,
    frames: u64,
}

impl Pictures {
    /// Lets a drive go by; its pictures are made when they are asked for.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it has more frames than its scenario, or none.
    pub fn new(drive: &Drive) -> Result<Self> {
        Ok(Self {
            frames: drive.frames()?,
            recording: Recording::new(&drive.scenario, drive.seed()),
        })
    }

    /// How many frames there are.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The pictures of a frame, which are those of the log, and what they
    /// show.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no frame of that number.
    pub fn sight(&self, index: u64) -> Result<Sight> {
        if index >= self.frames {
            return Err(Error::Parameter {
                field: "index",
                expected: "less than the number of frames",
            });
        }
        let recording = &self.recording;
        let around = recording.around(index);
        let observer = recording.observer();
        let things = observer.things(around);
        Ok(Sight {
            silhouettes: observer.silhouettes(&things, around[1]),
            images: observer.images(&things, around[1], index),
        })
    }
}

impl Observer<'_> {
    /// What the cameras see of everything of a class: each camera's in turn.
    pub(super) fn silhouettes(&self, things: &[Placed<'_>], to: &Moment) -> Vec<Silhouette> {
        let cameras = self.rig.cameras.iter().enumerate();
        let silhouettes = cameras.flat_map(|(camera, mounting)| {
            let view = |things| View {
                things,
                marks: &self.world.marks,
                shadows: &self.world.shadows,
                camera: mounting,
                world_from_camera: to.ego.then(&Stance::of(&mounting.base_from_sensor)),
                seed: 0,
            };
            let shown = shown(&view(things));
            let seen = things.iter().zip(shown).filter_map(|(thing, shown)| {
                let (class, _) = thing.object.class?;
                if shown.pixels == 0 {
                    return None;
                }
                let alone = self::shown(&view(std::slice::from_ref(thing)))[0];
                Some(Silhouette {
                    camera,
                    track: thing.object.label.to_string(),
                    class,
                    extent: shown.extent,
                    visibility: shown.pixels as f64 / alone.pixels as f64,
                    range: to.ego.inward(thing.to.at).xy().norm(),
                })
            });
            seen.collect::<Vec<_>>()
        });
        silhouettes.collect()
    }
}

/// What is shown of each thing in a view.
fn shown(view: &View<'_>) -> Vec<Shown> {
    let (canvas, drawn) = view.draw();
    let mut shown = vec![Shown::NOTHING; view.things.len()];
    for (v, row) in (0u32..).zip(canvas.number.chunks_exact(canvas.width)) {
        for (u, &number) in (0u32..).zip(row) {
            if let Some(face) = drawn.get((number as usize).wrapping_sub(1)) {
                shown[face.thing].add([u, v]);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::synth::Scenario;
    use nalgebra::Point3;

    fn drive(name: &str) -> Drive {
        Drive {
            scenario: Scenario::named(name).expect("is built in"),
            frames: None,
            seed: Some(11),
        }
    }

    #[test]
    fn the_pictures_are_those_of_the_log() {
        let drive = drive("crossing");
        let sight = Pictures::new(&drive).expect("has frames").sight(70);
        let log = Log::synthetic(drive).expect("has frames");
        let frame = log.frames(Some(70..71)).next().expect("is there");
        let [seen, logged] = [
            sight.expect("is there").images,
            frame.expect("is made").images,
        ];
        assert_eq!(seen.len(), logged.len());
        for (seen, logged) in seen.iter().zip(&logged) {
            assert_eq!(seen.source, logged.source);
            assert!(seen.decode().expect("is RGB") == logged.decode().expect("is RGB"));
        }
    }

    #[test]
    fn what_is_seen_lies_where_its_box_is() {
        let drive = drive("busy_street");
        let sight = Pictures::new(&drive).expect("has frames").sight(120);
        let log = Log::synthetic(drive).expect("has frames");
        let frame = log.frames(Some(120..121)).next().expect("is there");
        let frame = frame.expect("is made");
        let (mut whole, mut hidden) = (0, 0);
        for seen in sight.expect("is there").silhouettes {
            assert!(seen.visibility > 0.0 && seen.visibility <= 1.0);
            let named = frame.annotations.iter();
            let mut named = named.filter(|found| found.track == seen.track);
            let found = named.next().expect("is annotated");
            assert_eq!(found.class, seen.class);
            let off = found.base_from_box.translation.vector.xy().norm() - seen.range;
            assert!(off.abs() < 0.3, "{off} m");

            let camera = &frame.rig.cameras[seen.camera];
            let half = found.size.map(|side| side / 2.0);
            let corners = (0..8).map(|corner: u32| {
                let side = |k: usize| {
                    if corner >> k & 1 == 1 {
                        half[k]
                    } else {
                        -half[k]
                    }
                };
                let at = found.base_from_box * Point3::new(side(0), side(1), side(2));
                camera.project((camera.base_from_sensor.inverse() * at).into())
            });
            // One that reaches behind the camera has no outline.
            let Some(corners) = corners.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let bound = |k: usize, better: fn(f64, f64) -> f64| {
                let places = corners.iter().map(|corner| corner[k]);
                places.reduce(better).expect("has eight corners")
            };
            let [left, top, right, bottom] = seen.extent.map(f64::from);
            let least = [bound(0, f64::min), bound(1, f64::min)];
            let most = [bound(0, f64::max), bound(1, f64::max)];
            let inside = left >= least[0] - 1.0 && top >= least[1] - 1.0;
            let inside = inside && right <= most[0] + 2.0 && bottom <= most[1] + 2.0;
            assert!(inside, "{seen:?} from {least:?} to {most:?}");
            // Something in full view fills its outline.
            let [width, height] = camera.resolution.map(f64::from);
            let framed = least.iter().all(|&c| c > 0.0) && most[0] < width && most[1] < height;
            if framed && seen.visibility == 1.0 {
                let part =
                    (right - left) * (bottom - top) / ((most[0] - least[0]) * (most[1] - least[1]));
                assert!(part > 0.5, "{part} of {seen:?}");
                whole += 1;
            }
            hidden += usize::from(seen.visibility < 0.5);
        }
        assert!(whole > 3 && hidden > 3, "{whole} whole, {hidden} hidden");
    }

    #[test]
    fn there_is_nothing_after_the_end() {
        let pictures = Pictures::new(&drive("crossing")).expect("has frames");
        let error = pictures.sight(pictures.frames()).expect_err("is past it");
        assert_eq!(error.reason(), "parameter");
    }
}
