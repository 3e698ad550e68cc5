//! Small sequences and folders of KITTI's benchmarks, made here.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;

const P: &str = "700 0 20 0 0 700 10 0 0 0 1 0";
/// The camera looks ahead from where the lidar is.
const TR: &str = "0 -1 0 0 0 0 -1 0 1 0 0 0";

pub(crate) fn write(path: PathBuf, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("has one")).expect("made");
    fs::write(path, content).expect("written");
}

fn sensors(root: &Path, lidar: &str, camera: &str, frames: u64) {
    for frame in 0..frames {
        let values = [frame as f32, 1.5, -1.0, 0.5]
            .map(f32::to_le_bytes)
            .concat();
        write(root.join(format!("{lidar}/{frame:06}.bin")), values);
        let path = root.join(format!("{camera}/{frame:06}.png"));
        write(path.clone(), "");
        RgbImage::new(40, 20).save(path).expect("saved");
    }
}

/// An odometry sequence of four frames, a metre apart; gives its folder.
pub(crate) fn odometry(root: &Path) -> PathBuf {
    let sequence = root.join("sequences/00");
    sensors(&sequence, "velodyne", "image_2", 4);
    write(
        sequence.join("calib.txt"),
        format!("P0: {P}\nP2: {P}\nTr: {TR}\n"),
    );
    write(sequence.join("times.txt"), "0.0\n0.1037\n0.2074\n0.31\n");
    // The camera moves along its own z, which is ahead.
    let poses: String = (0..4)
        .map(|i| format!("1 0 0 0 0 1 0 0 0 0 1 {i}\n"))
        .collect();
    write(root.join("poses/00.txt"), poses);
    sequence
}

/// Tracking sequences of three frames with a box in two; gives their folder.
pub(crate) fn tracking(root: &Path, names: &[&str]) -> PathBuf {
    let root = root.join("training");
    for name in names {
        sensors(
            &root,
            &format!("velodyne/{name}"),
            &format!("image_02/{name}"),
            3,
        );
        // As the benchmark has it: some keys have no colon.
        let identity = "1 0 0 0 0 1 0 0 0 0 1 0";
        let calibration = format!(
            "P2: {P}\nR_rect 1 0 0 0 1 0 0 0 1\nTr_velo_cam {TR}\nTr_imu_velo {identity}\n"
        );
        write(root.join(format!("calib/{name}.txt")), calibration);
        let packets: String = (0..3)
            .map(|i| format!("49 {} 114{}\n", 8.4 + f64::from(i) * 1e-5, " 0".repeat(27)))
            .collect();
        write(root.join(format!("oxts/{name}.txt")), packets);
        let labels = "0 -1 DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n\
                      1 7 Van 0 0 0 1 2 3 4 2.0 1.8 4.5 -3 1.7 12 0.0\n\
                      2 7 Van 0 0 0 1 2 3 4 2.0 1.8 4.5 -3 1.7 11 0.0\n";
        write(root.join(format!("label_02/{name}.txt")), labels);
    }
    root
}

/// Two frames of the object benchmark with a box each; gives their folder.
pub(crate) fn object(root: &Path) -> PathBuf {
    let root = root.join("training");
    sensors(&root, "velodyne", "image_2", 2);
    for frame in 0..2 {
        let identity = "1 0 0 0 1 0 0 0 1";
        let calibration =
            format!("P2: {P}\nR0_rect: {identity}\nTr_velo_to_cam: {TR}\nTr_imu_to_velo: {TR}\n");
        write(root.join(format!("calib/{frame:06}.txt")), calibration);
        let labels = "Van 0 0 0 1 2 3 4 2.0 1.8 4.5 -3 1.7 12 0.0\n\
                      DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n";
        write(root.join(format!("label_2/{frame:06}.txt")), labels);
    }
    root
}
