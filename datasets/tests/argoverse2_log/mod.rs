//! A small Argoverse 2 log, made here, to break.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float16Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt8Array, UInt16Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use image::{Rgb, RgbImage};
use janus_datasets::{BrokenFrame, Log};
use tempfile::TempDir;

/// Stamps of five sweeps, 10 Hz.
pub(crate) const STAMPS: [i64; 5] = [
    1_000_000_000,
    1_100_000_000,
    1_200_000_000,
    1_300_000_000,
    1_400_000_000,
];

/// A map of two lanes, one after the other, and a crossing.
const MAP: &str = r#"{"pedestrian_crossings": {"9": {"id": 9,
    "edge1": [{"x": 2002.0, "y": -902.0, "z": 12.0}, {"x": 2002.0, "y": -894.0, "z": 12.0}],
    "edge2": [{"x": 2005.0, "y": -902.0, "z": 12.0}, {"x": 2005.0, "y": -894.0, "z": 12.0}]}},
"lane_segments": {
    "1": {"id": 1, "is_intersection": false, "lane_type": "VEHICLE",
        "left_lane_boundary": [{"x": 2000.0, "y": -898.0, "z": 12.0}, {"x": 2020.0, "y": -898.0, "z": 12.0}],
        "right_lane_boundary": [{"x": 2000.0, "y": -902.0, "z": 12.0}, {"x": 2020.0, "y": -902.0, "z": 12.0}],
        "successors": [2], "predecessors": [], "left_neighbor_id": null, "right_neighbor_id": null},
    "2": {"id": 2, "is_intersection": true, "lane_type": "BUS",
        "left_lane_boundary": [{"x": 2020.0, "y": -898.0, "z": 12.0}, {"x": 2040.0, "y": -898.0, "z": 12.0}],
        "right_lane_boundary": [{"x": 2020.0, "y": -902.0, "z": 12.0}, {"x": 2040.0, "y": -902.0, "z": 12.0}],
        "successors": [79], "predecessors": [1], "left_neighbor_id": null, "right_neighbor_id": null}},
"drivable_areas": {}}"#;

/// A log with five sweeps of four returns, pictures at 20 Hz, and a map.
pub(crate) struct Drive {
    pub(crate) folder: TempDir,
    compression: Option<CompressionType>,
}

pub(crate) fn doubles(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn longs(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The columns of poses that all look ahead, with these places.
pub(crate) fn poses(places: &[[f64; 3]]) -> Vec<(&'static str, ArrayRef)> {
    let all = |value| doubles(&vec![value; places.len()]);
    let place = |k: usize| doubles(&places.iter().map(|p| p[k]).collect::<Vec<_>>());
    vec![
        ("qw", all(1.0)),
        ("qx", all(0.0)),
        ("qy", all(0.0)),
        ("qz", all(0.0)),
        ("tx_m", place(0)),
        ("ty_m", place(1)),
        ("tz_m", place(2)),
    ]
}

pub(crate) fn sweep() -> Vec<(&'static str, ArrayRef)> {
    let halves = |values: [f32; 4]| -> ArrayRef {
        Arc::new(Float16Array::from_iter_values(
            values.map(half::f16::from_f32),
        ))
    };
    vec![
        ("x", halves([10.0, -4.5, f32::NAN, 8.0])),
        ("y", halves([0.5, 2.0, 0.0, -8.0])),
        ("z", halves([-0.25, 0.0, 0.0, 4.0])),
        ("intensity", Arc::new(UInt8Array::from(vec![0, 51, 5, 255]))),
        (
            "laser_number",
            Arc::new(UInt8Array::from(vec![0, 32, 31, 63])),
        ),
        ("offset_ns", Arc::new(Int32Array::from(vec![0, 10, 20, 30]))),
    ]
}

impl Drive {
    pub(crate) fn new() -> Self {
        Self::packed(Some(CompressionType::LZ4_FRAME))
    }

    /// With tables that are compressed in a way, or not.
    pub(crate) fn packed(compression: Option<CompressionType>) -> Self {
        let drive = Self {
            folder: TempDir::new().expect("a folder"),
            compression,
        };
        let names = [
            "up_lidar",
            "down_lidar",
            "ring_front_center",
            "ring_side_left",
        ];
        let places = [
            [1.35, 0.0, 1.64],
            [1.35, 0.0, 1.53],
            [1.6, 0.0, 1.4],
            [1.3, 0.3, 1.4],
        ];
        let mut extrinsics = vec![("sensor_name", texts(&names))];
        extrinsics.extend(poses(&places));
        drive.table("calibration/egovehicle_SE3_sensor", extrinsics);
        let sides = |values: Vec<u16>| -> ArrayRef { Arc::new(UInt16Array::from(values)) };
        let intrinsics = vec![
            ("sensor_name", texts(&names[2..])),
            ("fx_px", doubles(&[40.0, 41.0])),
            ("fy_px", doubles(&[40.0, 41.0])),
            ("cx_px", doubles(&[16.0, 15.0])),
            ("cy_px", doubles(&[8.0, 7.0])),
            ("k1", doubles(&[-0.24, -0.24])),
            ("height_px", sides(vec![16, 16])),
            ("width_px", sides(vec![32, 32])),
        ];
        drive.table("calibration/intrinsics", intrinsics);
        let stamps: Vec<i64> = (0..9).map(|i| 950_000_000 + i * 60_000_000).collect();
        let places: Vec<_> = (0..9)
            .map(|i| [2000.0 + f64::from(i) * 0.6, -900.0, 12.0])
            .collect();
        let mut way = vec![("timestamp_ns", longs(&stamps))];
        way.extend(poses(&places));
        drive.table("city_SE3_egovehicle", way);
        let mut boxes = vec![
            (
                "timestamp_ns",
                longs(&[STAMPS[0], STAMPS[1], STAMPS[1], 77]),
            ),
            ("track_uuid", texts(&["a", "a", "b", "b"])),
            ("category", texts(&["BUS", "BUS", "DOG", "DOG"])),
            ("length_m", doubles(&[12.0, 12.0, 0.5, 0.5])),
            ("width_m", doubles(&[3.0, 3.0, 0.25, 0.25])),
            ("height_m", doubles(&[3.5, 3.5, 0.5, 0.5])),
            ("num_interior_pts", longs(&[500, 400, 3, 2])),
        ];
        boxes.extend(poses(&[[20.0, 1.0, 1.0]; 4]));
        drive.table("annotations", boxes);
        for stamp in STAMPS {
            drive.table(&format!("sensors/lidar/{stamp}"), sweep());
        }
        let picture = RgbImage::from_fn(32, 16, |x, y| Rgb([x as u8 * 7, y as u8 * 9, 80]));
        let folder = drive.path().join("sensors/cameras/ring_front_center");
        fs::create_dir_all(&folder).expect("made");
        for i in 0..10 {
            let stamp = 1_010_000_000 + i * 50_000_000;
            picture
                .save(folder.join(format!("{stamp}.jpg")))
                .expect("encodes");
        }
        fs::create_dir_all(drive.map().parent().expect("has one")).expect("made");
        fs::write(drive.map(), MAP).expect("written");
        drive
    }

    /// The file of its map.
    pub(crate) fn map(&self) -> PathBuf {
        self.path().join("map/log_map_archive_small.json")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn table(&self, name: &str, columns: Vec<(&str, ArrayRef)>) {
        let path = self.path().join(format!("{name}.feather"));
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        let batch = RecordBatch::try_from_iter(columns).expect("fits");
        let file = fs::File::create(path).expect("made");
        let options = IpcWriteOptions::default()
            .try_with_compression(self.compression)
            .expect("can");
        let mut writer =
            FileWriter::try_new_with_options(file, &batch.schema(), options).expect("starts");
        writer.write(&batch).expect("written");
        writer.finish().expect("ends");
    }

    pub(crate) fn error(&self) -> String {
        let error = Log::open(&self.path()).expect_err("is broken").to_string();
        assert!(!error.contains('\n'), "one sentence: {error}");
        error
    }

    /// The one broken frame, after a check that the others are whole.
    pub(crate) fn broken(&self) -> BrokenFrame {
        let log = Log::open(&self.path()).expect("opens");
        let frames: Vec<_> = log.frames(None).collect();
        assert_eq!(frames.len(), 5);
        let mut broken: Vec<_> = frames.into_iter().filter_map(Result::err).collect();
        assert_eq!(broken.len(), 1);
        broken.remove(0)
    }
}
