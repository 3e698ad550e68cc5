//! Which topics frames are made from, and where their sensors sit.

use std::collections::BTreeMap;

use super::container::Place;
use super::fault::Fault;
use super::index::{Heard, Index};
use super::lens::Lenses;
use super::message::{Decoder, Kind};
use super::transforms::{Tree, Unknown};
use crate::calibration::{Body, Lidar, Rig};
use crate::convert::BODY;
use crate::info;
use crate::loss::Loss;
use crate::sync::Record;

/// No vehicle reaches farther from its centre, m.
const LONGEST: f64 = 100.0;
/// How many sensors a vehicle may have.
const MOST: usize = 64;

/// A sensor whose records frames are made from.
#[derive(Debug)]
pub(super) struct Sensor {
    pub(super) topic: String,
    /// The rig's own name for it.
    pub(super) name: String,
    pub(super) decoder: Decoder,
    /// Its place among the rig's lidars or cameras.
    pub(super) index: usize,
    /// The frame of its records.
    pub(super) frame: String,
    /// Of a camera.
    pub(super) sight: Option<Sight>,
    pub(super) full_scale: f64,
    pub(super) records: Vec<Record>,
    pub(super) places: Vec<Place>,
}

/// How a camera's pictures are to be understood.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// The topic of its calibration.
    pub(super) calibration: String,
    /// Whether its pictures are free of the lens's distortion.
    pub(super) rectified: bool,
}

/// The sensors, lidars first, and the vehicle that carries them.
#[derive(Debug)]
pub(super) struct Mounting {
    /// The frame that is taken for the vehicle's.
    pub(super) base: String,
    pub(super) rig: Rig,
    pub(super) sensors: Vec<Sensor>,
}

impl Mounting {
    /// Mounts the sensors of a log on its vehicle; of those whose topics are
    /// `named`, if any are. What cannot be mounted is told in the notes.
    pub(super) fn new(index: &mut Index, named: &[String]) -> Self {
        let mut candidates: Vec<(String, Heard)> = Vec::new();
        for kind in [Kind::Cloud, Kind::Picture] {
            let wanted = |topic: &String, heard: &mut Heard| {
                let asked = named.is_empty() || named.contains(topic);
                asked && heard.kind() == Some(kind) && !heard.records.is_empty()
            };
            candidates.extend(index.heard.extract_if(.., wanted));
        }
        let frames: Vec<&str> = candidates
            .iter()
            .map(|(_, heard)| heard.frame.as_str())
            .collect();
        let base = base(&index.tree, &frames);
        let rig = Rig {
            body: index.metadata.get(BODY).and_then(body),
            ..Rig::default()
        };
        let mut mounting = Self {
            base,
            rig,
            sensors: Vec::new(),
        };
        for (topic, heard) in candidates {
            let shown = heard.info(false);
            match mounting.mount(index, &topic, heard, !named.is_empty()) {
                Ok(()) => {}
                Err(reason) => index
                    .notes
                    .push(format!("{topic}: it was left out: {reason}.")),
            }
            index.shown.push(info::Topic {
                read: mounting
                    .sensors
                    .last()
                    .is_some_and(|sensor| sensor.topic == topic),
                ..shown
            });
        }
        mounting
    }

    fn mount(
        &mut self,
        index: &mut Index,
        topic: &str,
        heard: Heard,
        named: bool,
    ) -> Result<(), String> {
        let began = heard.records.first();
        let began = began.map_or((0, 0), |record| (record.place, record.stamp));
        let place = index.tree.mounted(&self.base, &heard.frame, began.0);
        if let Err(Unknown::Frame(_) | Unknown::Apart { .. } | Unknown::Circle(_)) = place {
            *index.lost.entry(Loss::NoTransform).or_default() += heard.records.len() as u64;
        }
        if self.sensors.len() == MOST {
            return Err(format!("there are {MOST} sensors already"));
        }
        let base_from_sensor = place.map_err(|unknown| unknown.to_string())?;
        let name = self.name(&heard.frame, topic);
        let decoder = heard.decoder.ok_or("its type is none that is read")?;
        let (index, sight) = match decoder.kind {
            Kind::Cloud => {
                self.rig.lidars.push(Lidar {
                    name: name.clone(),
                    base_from_sensor,
                });
                (self.rig.lidars.len() - 1, None)
            }
            _ => {
                let (lenses, sight) = self.sight(index, topic, &heard.frame, named)?;
                let lens = lenses.at(began.1);
                let camera = lens.camera(&name, base_from_sensor, sight.rectified);
                let camera = camera.map_err(|Fault { field, expected }| {
                    format!("{}: {field}: expected {expected}", sight.calibration)
                })?;
                self.rig.cameras.push(camera);
                (self.rig.cameras.len() - 1, Some(sight))
            }
        };
        self.sensors.push(Sensor {
            topic: topic.into(),
            name,
            decoder,
            index,
            frame: heard.frame,
            sight,
            full_scale: heard.full_scale,
            records: heard.records,
            places: heard.places,
        });
        Ok(())
    }

    /// The calibrations of the camera whose pictures come on a topic.
    fn sight<'a>(
        &self,
        index: &'a Index,
        topic: &str,
        frame: &str,
        named: bool,
    ) -> Result<(&'a Lenses, Sight), String> {
        let (of, lenses) = calibration(&index.lenses, topic, frame)
            .ok_or("there is no calibration of its camera")?;
        let twin = self
            .sensors
            .iter()
            .find(|sensor| matches!(&sensor.sight, Some(sight) if sight.calibration == *of));
        if let (false, Some(twin)) = (named, twin) {
            return Err(format!("{} shows the same camera", twin.topic));
        }
        let sight = Sight {
            calibration: of.clone(),
            rectified: topic.split('/').any(|part| part.contains("rect")),
        };
        Ok((lenses, sight))
    }

    /// A sensor's frame, or its topic where that says more: a name of one
    /// word that no other sensor has.
    fn name(&self, frame: &str, topic: &str) -> String {
        let word = |name: &str| name.trim_matches('/').replace('/', "_");
        let taken = |name: &String| self.sensors.iter().any(|sensor| sensor.name == *name);
        let name = Some(word(frame)).filter(|name| !name.is_empty() && !taken(name));
        name.unwrap_or_else(|| word(topic))
    }
}

/// The vehicle's body, if the metadata state one that is a box.
fn body(metadata: &BTreeMap<String, String>) -> Option<Body> {
    let metres = |key: &str| -> Option<f64> {
        let value: f64 = metadata.get(key)?.parse().ok()?;
        (value.abs() <= LONGEST).then_some(value)
    };
    let body = Body {
        min: [metres("min_x")?, metres("min_y")?],
        max: [metres("max_x")?, metres("max_y")?],
        height: metres("height")?,
    };
    let is_box = body.min[0] < body.max[0] && body.min[1] < body.max[1] && body.height > 0.0;
    is_box.then_some(body)
}

/// The frame of the vehicle: `base_link` or else `base_footprint` if one of
/// the sensors' `frames` is fixed to it, or else the frame that carries the
/// first of them.
fn base(tree: &Tree, frames: &[&str]) -> String {
    let carries = |base: &&str| {
        let fixed = |frame: &&str| tree.find(base, frame, None).is_ok();
        tree.names(base) && frames.iter().any(fixed)
    };
    let usual = ["base_link", "base_footprint"].into_iter().find(carries);
    let carrier = || frames.first().map(|frame| tree.carrier(frame));
    usual.or_else(carrier).unwrap_or("base_link").into()
}

/// The calibration of the camera whose pictures come on a topic: that of the
/// nearest namespace around both, or else of the same frame.
fn calibration<'a>(
    lenses: &'a BTreeMap<String, Lenses>,
    topic: &str,
    frame: &str,
) -> Option<(&'a String, &'a Lenses)> {
    let namespace = |lens: &str| -> usize {
        let (around, _) = lens.rsplit_once('/').unwrap_or_default();
        let within = topic
            .strip_prefix(around)
            .is_some_and(|rest| rest.starts_with('/'));
        if within { around.len() } else { 0 }
    };
    let near = lenses.iter().max_by_key(|(lens, _)| namespace(lens));
    let near = near.filter(|(lens, _)| namespace(lens) > 0);
    near.or_else(|| lenses.iter().find(|(_, lenses)| lenses.frame() == frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bag::lens::Lens;
    use crate::bag::message::Header;
    use crate::bag::transforms::Transform;
    use crate::geometry::Pose;
    use crate::loss::Lost;

    fn tree(links: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (parent, child) in links {
            let [parent, child] = [parent, child].map(|name| (*name).to_owned());
            let transform = Transform {
                stamp: 0,
                parent,
                child,
                pose: Pose::identity(),
            };
            tree.add(transform, 0, true);
        }
        tree.settle(&mut Lost::new());
        tree
    }

    #[test]
    fn the_base_is_the_frame_that_carries_the_sensors() {
        let usual = tree(&[("base_footprint", "base_link"), ("base_link", "lidar")]);
        assert_eq!(base(&usual, &["lidar"]), "base_link");
        let flat = tree(&[("base_footprint", "lidar"), ("elsewhere", "base_link")]);
        assert_eq!(base(&flat, &["lidar"]), "base_footprint");
        let other = tree(&[("vehicle", "mast"), ("mast", "lidar")]);
        assert_eq!(base(&other, &["lidar"]), "vehicle");
        assert_eq!(base(&Tree::default(), &["lidar"]), "lidar");
        assert_eq!(base(&Tree::default(), &[]), "base_link");
    }

    #[test]
    fn a_calibration_belongs_to_its_namespace_or_frame() {
        let lens = |frame: &str| {
            Lenses::new(
                0,
                Lens {
                    header: Header {
                        stamp: 0,
                        frame: frame.into(),
                    },
                    size: [1, 1],
                    model: String::new(),
                    distortion: Vec::new(),
                    intrinsic: [0.0; 9],
                    rectification: [0.0; 9],
                    projection: [0.0; 12],
                },
            )
        };
        let lenses = [
            ("/a/left/camera_info".to_owned(), lens("l")),
            ("/a/right/camera_info".to_owned(), lens("r")),
            ("/info".to_owned(), lens("x")),
        ];
        let lenses = BTreeMap::from(lenses);
        let of = |topic, frame| calibration(&lenses, topic, frame).map(|(of, _)| of.as_str());
        assert_eq!(
            of("/a/right/image_raw/compressed", "l"),
            Some("/a/right/camera_info")
        );
        assert_eq!(of("/a/leftmost/image", "r"), Some("/a/right/camera_info"));
        assert_eq!(of("/image", "x"), Some("/info"));
        assert_eq!(of("/image", "y"), None);
    }
}
