//! A small KITTI drive, made here, to break.
#![allow(dead_code)]

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use image::{ImageFormat, Rgb, RgbImage};
use janus_datasets::{BrokenFrame, Log};
use tempfile::TempDir;

/// A drive of six small frames, numbers 3 to 8, with 12 lines of timestamps.
pub(crate) struct Drive {
    pub(crate) folder: TempDir,
}

pub(crate) const NUMBERS: std::ops::RangeInclusive<u64> = 3..=8;
pub(crate) const CAMERAS: [&str; 2] = ["image_00", "image_02"];

impl Drive {
    pub(crate) fn new() -> Self {
        let drive = Self {
            folder: TempDir::new().expect("a folder"),
        };
        let transform = "calib_time: 25-May-2012 16:47:16\nR: 1 0 0 0 1 0 0 0 1\nT: 0.1 -0.2 0.3\n";
        drive.write("../calib_imu_to_velo.txt", transform);
        drive.write(
            "../calib_velo_to_cam.txt",
            "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n",
        );
        drive.write(
            "../calib_cam_to_cam.txt",
            "R_rect_00: 1 0 0 0 1 0 0 0 1\n\
             P_rect_00: 40 0 16 0 0 40 8 0 0 0 1 0\nS_rect_00: 32 16\n\
             P_rect_02: 40 0 16 2 0 40 8 0 0 0 1 0\nS_rect_02: 32 16\n",
        );
        let stamps: String = (0..12)
            .map(|i| format!("2011-09-26 13:10:{:02}.{}00000000\n", 50 + i / 10, i % 10))
            .collect();
        for folder in ["velodyne_points", "oxts", "image_00", "image_02"] {
            drive.write(&format!("{folder}/timestamps.txt"), &stamps);
        }
        for number in NUMBERS {
            let packet = format!(
                "49 {} 114 0 0 0{}",
                8.4 + number as f64 * 1e-5,
                " 0.5".repeat(24)
            );
            drive.write(&oxts(number), packet);
            let values = [number as f32, 1.5, f32::NAN, 0.5, 7.0, -2.0, 0.25, 1.0];
            drive.write(&scan(number), values.map(f32::to_le_bytes).concat());
            for camera in CAMERAS {
                drive.write(&picture(camera, number), png(32, 16));
            }
        }
        drive
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("drive")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = match name.strip_prefix("../") {
            Some(name) => self.folder.path().join(name),
            None => self.path().join(name),
        };
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    }

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path().join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.expect("removed");
    }

    pub(crate) fn open(&self) -> Log {
        Log::open(&self.path()).expect("is a drive")
    }

    pub(crate) fn error(&self) -> String {
        let error = Log::open(&self.path()).expect_err("is broken").to_string();
        assert!(!error.contains('\n'), "one sentence: {error}");
        error
    }

    /// The one broken frame, after a check that the others are whole.
    pub(crate) fn broken(&self) -> BrokenFrame {
        let frames: Vec<_> = self.open().frames(None).collect();
        assert_eq!(frames.len(), 6);
        let (whole, broken): (Vec<_>, Vec<_>) = frames.into_iter().partition(Result::is_ok);
        assert_eq!((whole.len(), broken.len()), (5, 1));
        broken.into_iter().find_map(Result::err).expect("is broken")
    }
}

pub(crate) fn scan(number: u64) -> String {
    format!("velodyne_points/data/{number:010}.bin")
}

pub(crate) fn oxts(number: u64) -> String {
    format!("oxts/data/{number:010}.txt")
}

pub(crate) fn picture(camera: &str, number: u64) -> String {
    format!("{camera}/data/{number:010}.png")
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("encodes");
    bytes.into_inner()
}
