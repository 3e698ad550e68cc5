//! Sensors that are mounted or calibrated anew while a log goes on.

use std::collections::BTreeMap;

use super::fault::{Decoded, Fault};
use super::index::Index;
use super::lens::Lenses;
use super::mounting::Sensor;
use super::transforms::Tree;
use crate::calibration::Rig;
use crate::sync::Moment;

/// All that a log tells of its sensors' places and lenses, if it does not stay
/// the same.
///
/// A static transform holds from its message on, as tf2 has it; a calibration
/// from its stamp on, which is that of a picture.
#[derive(Debug)]
pub(super) struct Recalibration {
    base: String,
    tree: Tree,
    /// By topic.
    lenses: BTreeMap<String, Lenses>,
}

impl Recalibration {
    /// Takes from an index what it knows of the sensors on `base`.
    pub(super) fn of(index: &mut Index, base: &str) -> Option<Self> {
        let lenses = std::mem::take(&mut index.lenses);
        let tree = std::mem::take(&mut index.tree).fixed();
        let changes = tree.changes() || lenses.values().any(Lenses::change);
        changes.then(|| Self {
            base: base.into(),
            tree,
            lenses,
        })
    }

    /// The vehicle at a moment. A camera without a picture stays as it was in
    /// the `first` vehicle.
    pub(super) fn rig(&self, first: &Rig, sensors: &[Sensor], moment: &Moment) -> Decoded<Rig> {
        let mut rig = first.clone();
        let Some(&(reference, record)) = moment.records.first() else {
            return Ok(rig);
        };
        let place = sensors[reference].records[record].place;
        for (number, sensor) in sensors.iter().enumerate() {
            let mounted = self.tree.mounted(&self.base, &sensor.frame, place);
            let mounted = mounted
                .map_err(|unknown| Fault::new(&sensor.frame, format!("a place: {unknown}")))?;
            let Some(sight) = &sensor.sight else {
                rig.lidars[sensor.index].base_from_sensor = mounted;
                continue;
            };
            let picture = moment.records.iter().find(|(of, _)| *of == number);
            let lenses = self.lenses.get(&sight.calibration);
            if let (Some(&(_, record)), Some(lenses)) = (picture, lenses) {
                let lens = lenses.at(sensor.records[record].stamp);
                rig.cameras[sensor.index] = lens.camera(&sensor.name, mounted, sight.rectified)?;
            }
        }
        Ok(rig)
    }
}
