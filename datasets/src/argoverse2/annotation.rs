//! The boxes of an Argoverse 2 log.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::calibration::base_from_ego;
use super::feather::Table;
use super::poses;
use crate::annotation::{Annotation, Class};
use crate::error::Result;
use crate::info;

/// A log has some 18,000 boxes in 1 MB.
const BYTES: u64 = 64 << 20;
const ROWS: usize = 1 << 16;

/// The boxes of a log, by the stamp of their sweep.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    by_stamp: HashMap<i64, Vec<Annotation>>,
}

impl Boxes {
    /// Reads those of a log; none where it has no file of them, as those of
    /// the test split.
    pub(super) fn read(log: &Path) -> Result<Self> {
        let path = log.join("annotations.feather");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let table = Table::read(path, BYTES, ROWS)?;
        let stamps = table.integers("timestamp_ns")?;
        let tracks = table.texts("track_uuid")?;
        let labels = table.texts("category")?;
        let [lengths, widths, heights] =
            ["length_m", "width_m", "height_m"].map(|name| table.floats(name));
        let [lengths, widths, heights] = [lengths?, widths?, heights?];
        let points = table.integers("num_interior_pts")?;
        let rows = stamps.into_iter().zip(poses(&table)?);
        let mut boxes = Self::default();
        for (i, ((stamp, pose), (track, label))) in
            rows.zip(tracks.into_iter().zip(labels)).enumerate()
        {
            let ego_from_box = pose.ok_or_else(|| {
                table.broken("tx_m", "places in metres and unit quaternions in each row")
            })?;
            let size = [lengths[i], widths[i], heights[i]];
            if size.iter().any(|side| !(0.0..=1000.0).contains(side)) {
                return Err(table.broken("length_m", "sizes from 0 to 1,000 m"));
            }
            let points = u32::try_from(points[i])
                .map_err(|_| table.broken("num_interior_pts", "numbers of points"))?;
            boxes.by_stamp.entry(stamp).or_default().push(Annotation {
                track,
                class: class(&label),
                label,
                base_from_box: base_from_ego() * ego_from_box,
                size,
                velocity: None,
                points: Some(points),
                visibility: None,
            });
        }
        Ok(boxes)
    }

    /// The boxes of the sweep of that stamp.
    pub(super) fn at(&self, stamp: i64) -> &[Annotation] {
        self.by_stamp.get(&stamp).map_or(&[], Vec::as_slice)
    }

    /// What the frames of these stamps say about objects, and how many boxes
    /// belong to none of them.
    pub(super) fn info(
        &self,
        stamps: impl Iterator<Item = i64>,
    ) -> (Option<info::Annotations>, u64) {
        let mut found = info::Annotations::default();
        let mut tracks = BTreeSet::new();
        for annotation in stamps.flat_map(|stamp| self.at(stamp)) {
            found.boxes += 1;
            *found.classes.entry(annotation.class).or_default() += 1;
            tracks.insert(&*annotation.track);
        }
        found.tracks = tracks.len() as u64;
        let all: u64 = self.by_stamp.values().map(|boxes| boxes.len() as u64).sum();
        let unpaired = all - found.boxes;
        ((found.boxes > 0).then_some(found), unpaired)
    }
}

/// What an object of a category is. Riders are folded into what they ride.
fn class(category: &str) -> Class {
    match category {
        "REGULAR_VEHICLE" => Class::Car,
        "LARGE_VEHICLE" | "BOX_TRUCK" | "TRUCK" | "TRUCK_CAB" => Class::Truck,
        "BUS" | "SCHOOL_BUS" | "ARTICULATED_BUS" => Class::Bus,
        "VEHICULAR_TRAILER" | "MESSAGE_BOARD_TRAILER" | "TRAFFIC_LIGHT_TRAILER" => Class::Trailer,
        "RAILED_VEHICLE" => Class::Train,
        "MOTORCYCLE" | "MOTORCYCLIST" => Class::Motorcycle,
        "BICYCLE" | "BICYCLIST" => Class::Bicycle,
        "PEDESTRIAN" | "OFFICIAL_SIGNALER" | "STROLLER" | "WHEELCHAIR" | "WHEELED_RIDER" => {
            Class::Pedestrian
        }
        "DOG" | "ANIMAL" => Class::Animal,
        "BOLLARD"
        | "CONSTRUCTION_CONE"
        | "CONSTRUCTION_BARREL"
        | "MOBILE_PEDESTRIAN_SIGN"
        | "MOBILE_PEDESTRIAN_CROSSING_SIGN"
        | "SIGN"
        | "STOP_SIGN" => Class::Obstacle,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The taxonomy of the data set's user guide.
    #[test]
    fn categories_are_folded() {
        for (category, expected) in [
            ("REGULAR_VEHICLE", Class::Car),
            ("TRUCK_CAB", Class::Truck),
            ("ARTICULATED_BUS", Class::Bus),
            ("MESSAGE_BOARD_TRAILER", Class::Trailer),
            ("RAILED_VEHICLE", Class::Train),
            ("MOTORCYCLIST", Class::Motorcycle),
            ("BICYCLIST", Class::Bicycle),
            ("WHEELCHAIR", Class::Pedestrian),
            ("DOG", Class::Animal),
            ("BOLLARD", Class::Obstacle),
            ("WHEELED_DEVICE", Class::Other),
            ("car", Class::Other),
        ] {
            assert_eq!(class(category), expected, "{category}");
        }
    }
}
