//! What each sensor recorded in a nuScenes scene.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Component, Path};

use super::tables::{CalibratedSensor, SampleData, Sensor, Tables};
use super::{CHANNELS, calibration};
use crate::calibration::Rig;
use crate::error::{Error, Result};
use crate::loss::{Loss, Lost};

/// The records of a scene, by sensor.
#[derive(Default)]
pub(super) struct Streams {
    pub(super) lidar: Option<Stream>,
    /// In the order of [`CHANNELS`].
    pub(super) cameras: Vec<Stream>,
    /// How many records of other sensors there are.
    pub(super) unread: usize,
    /// Records whose folders are not there, as of a set that was downloaded
    /// in part.
    pub(super) lost: Lost,
}

/// The records of one sensor.
pub(super) struct Stream {
    pub(super) channel: &'static str,
    calibration: CalibratedSensor,
    /// In the order of their times.
    pub(super) records: Vec<SampleData>,
}

impl Streams {
    /// Sorts a scene's records out.
    pub(super) fn of(root: &Path, tables: &Tables, records: Vec<SampleData>) -> Result<Self> {
        let used: HashSet<&str> = records
            .iter()
            .map(|record| &*record.calibrated_sensor_token)
            .collect();
        let calibrations = tables.records("calibrated_sensor", |record: &CalibratedSensor| {
            used.contains(&*record.token)
        })?;
        let channels: HashMap<String, String> = tables
            .records("sensor", |_: &Sensor| true)?
            .into_iter()
            .map(|sensor| (sensor.token, sensor.channel))
            .collect();
        let mut by_calibration: HashMap<String, Vec<SampleData>> = HashMap::new();
        for record in records {
            let token = record.calibrated_sensor_token.clone();
            by_calibration.entry(token).or_default().push(record);
        }

        let mut streams = Self::default();
        let mut read = BTreeMap::new();
        let mut folders = HashMap::new();
        for calibration in calibrations {
            let Some(records) = by_calibration.remove(&calibration.token) else {
                continue;
            };
            let channel = channels.get(&calibration.sensor_token);
            let known = channel.and_then(|name| CHANNELS.iter().position(|known| known == name));
            let Some(place) = known else {
                streams.unread += records.len();
                continue;
            };
            let mut stream = Stream {
                channel: CHANNELS[place],
                calibration,
                records,
            };
            let lost = stream.leave_missing(root, tables, &mut folders)?;
            if lost > 0 {
                let loss = [Loss::MissingScan, Loss::MissingImage][place.min(1)];
                *streams.lost.entry(loss).or_default() += lost;
            }
            if !stream.records.is_empty() && read.insert(place, stream).is_some() {
                let expected = "one calibration of it in a scene";
                return Err(tables.broken("sensor", CHANNELS[place], expected));
            }
        }
        // A record without a calibration cannot be placed.
        if let Some(token) = by_calibration.into_keys().min() {
            return Err(tables.broken("calibrated_sensor", &token, "a record with it"));
        }
        streams.lidar = read.remove(&0);
        streams.cameras = read.into_values().collect();
        Ok(streams)
    }

    /// The vehicle with the sensors that have records.
    pub(super) fn rig(&self, tables: &Tables) -> Result<Rig> {
        let lidars = self.lidar.iter();
        let lidars = lidars.map(|lidar| lidar.calibration.lidar(lidar.channel, tables));
        let cameras = self.cameras.iter().map(|camera| {
            let first = camera.records.first();
            let resolution = first.map_or([None; 2], |record| [record.width, record.height]);
            camera
                .calibration
                .camera(camera.channel, resolution, tables)
        });
        Ok(Rig {
            lidars: lidars.collect::<Result<_>>()?,
            cameras: cameras.collect::<Result<_>>()?,
            body: Some(calibration::body()),
            base_from_rect: None,
        })
    }
}

impl Stream {
    /// Leaves out the records whose folder is not there, and says how many
    /// they are.
    fn leave_missing(
        &mut self,
        root: &Path,
        tables: &Tables,
        folders: &mut HashMap<String, bool>,
    ) -> Result<u64> {
        let inside = |path: &Path| path.components().all(|c| matches!(c, Component::Normal(_)));
        if let Some(record) = self
            .records
            .iter()
            .find(|r| !inside(Path::new(&r.filename)))
        {
            return Err(Error::Malformed {
                path: tables.file("sample_data"),
                field: format!("filename `{}`", record.filename.escape_debug()),
                expected: "a file in the folder of the set, as in samples/LIDAR_TOP".into(),
            });
        }
        let before = self.records.len();
        self.records.retain(|record| {
            let (folder, _) = record.filename.rsplit_once('/').unwrap_or_default();
            match folders.get(folder) {
                Some(there) => *there,
                None => {
                    let there = root.join(folder).is_dir();
                    folders.insert(folder.into(), there);
                    there
                }
            }
        });
        Ok((before - self.records.len()) as u64)
    }
}
