//! The frames of which a converted log tells itself, in the metadata record
//! [`FRAMES`](crate::convert::FRAMES).

use std::collections::BTreeMap;

use super::mounting::Sensor;
use crate::loss::{Loss, Lost};
use crate::sync::Moment;

/// The frames' numbers, ascending, and what belongs to each: the messages
/// whose number in sequence is that of the frame. `None` if the record is not
/// one of frames.
pub(super) fn told(
    metadata: &BTreeMap<String, String>,
    sensors: &[Sensor],
    lost: &mut Lost,
) -> Option<(Vec<u64>, Vec<Moment>)> {
    let mut frames = BTreeMap::new();
    for (number, text) in metadata {
        let (stamp, begins) = match text.strip_suffix(" begins") {
            Some(stamp) => (stamp, true),
            None => (text.as_str(), false),
        };
        let moment = Moment {
            stamp: stamp.parse().ok()?,
            records: Vec::new(),
            begins,
            again: false,
        };
        frames.insert(number.parse::<u32>().ok()?, moment);
    }
    for (sensor, records) in sensors.iter().enumerate() {
        for (record, place) in records.places.iter().enumerate() {
            let free = |moment: &&mut Moment| {
                let last = moment.records.last();
                last.is_none_or(|(holder, _)| *holder != sensor)
            };
            match frames.get_mut(&place.sequence).filter(free) {
                Some(moment) => moment.records.push((sensor, record)),
                None => *lost.entry(Loss::Unpaired).or_default() += 1,
            }
        }
    }
    let numbers = frames.keys().map(|number| u64::from(*number));
    Some((numbers.collect(), frames.into_values().collect()))
}
