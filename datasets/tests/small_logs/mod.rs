//! A small whole log of every format, made here, to break.

use std::fs;
use std::path::{Path, PathBuf};

use arrow_ipc::CompressionType;
use mcap::{Compression, WriteOptions};

use crate::argoverse2_log;
use crate::drive::Drive;
use crate::kitti_sets::{object, odometry, tracking, write};
use crate::nuscenes_set::Keyframe;
use crate::topics::foxglove::foxglove;
use crate::topics::{MS, START, db3, drive, fix, imu, mcap, odometry as located, pose, sensors};

/// What is opened, in a folder that has nothing but the log.
pub(crate) struct Small {
    pub(crate) name: &'static str,
    /// Below the folder of this name.
    pub(crate) opens: &'static str,
    /// How many frames it has.
    pub(crate) frames: usize,
}

const fn small(name: &'static str, opens: &'static str, frames: usize) -> Small {
    Small {
        name,
        opens,
        frames,
    }
}

/// All that there are.
pub(crate) const ALL: [Small; 18] = [
    small("kitti_raw", "drive", 6),
    small("kitti_object", "training", 2),
    small("kitti_odometry", "sequences/00", 4),
    small("kitti_tracking", "training/0000", 3),
    small("nuscenes", "", 21),
    small("argoverse2", "", 5),
    small("argoverse2_lz4", "", 5),
    small("argoverse2_zstd", "", 5),
    small("mcap_bare", "log.mcap", 5),
    small("mcap_chunks", "log.mcap", 5),
    small("mcap_lz4", "log.mcap", 5),
    small("mcap_zstd", "log.mcap", 5),
    small("mcap_foxglove", "log.mcap", 5),
    small("mcap_fixes", "log.mcap", 5),
    small("rosbag2", "", 5),
    small("pcd", "", 3),
    small("pcd_sequence", "", 2),
    small("scenario", "log.toml", 1),
];

/// Writes all of them into folders of their names.
pub(crate) fn lay_out(root: &Path) {
    let at = |name: &str| root.join(name);

    let raw = Drive::new();
    raw.write("tracklet_labels.xml", TRACKLETS);
    copy(raw.folder.path(), &at("kitti_raw"));
    object(&at("kitti_object"));
    odometry(&at("kitti_odometry"));
    tracking(&at("kitti_tracking"), &["0000"]);

    let files = tempfile::tempdir().expect("a folder");
    let set = tempfile::tempdir().expect("a folder");
    Keyframe::made(files.path()).lay_out(set.path());
    copy(set.path(), &at("nuscenes"));

    for (name, packed) in [
        ("argoverse2", None),
        ("argoverse2_lz4", Some(CompressionType::LZ4_FRAME)),
        ("argoverse2_zstd", Some(CompressionType::ZSTD)),
    ] {
        copy(&argoverse2_log::Drive::packed(packed).path(), &at(name));
    }

    // Without checksums, what is spoilt gets to the messages.
    let chunks = |packed| {
        WriteOptions::new()
            .chunk_size(Some(2000))
            .calculate_chunk_crcs(false)
            .compression(packed)
    };
    let bare = || WriteOptions::new().use_chunks(false);
    let steps = (-1..11).map(|step| (START + step * 50 * MS, step as f64));
    let mut located: Vec<_> = steps
        .clone()
        .map(|(stamp, step)| located(stamp, "base_link", [step, 0.0, 0.0]))
        .chain(sensors(true))
        .collect();
    located.extend(steps.clone().map(|(stamp, step)| pose(stamp, [step; 3])));
    let fixes = steps.flat_map(|(stamp, step)| {
        let east = fix(stamp, 49.0, 8.4 + step * 1e-5, 0);
        [east, imu(stamp, 0.1 * step)]
    });
    let fixes: Vec<_> = fixes.chain(sensors(false)).collect();
    for (name, said, options) in [
        ("mcap_bare", drive(false), bare()),
        ("mcap_chunks", located, chunks(None)),
        ("mcap_lz4", drive(true), chunks(Some(Compression::Lz4))),
        ("mcap_zstd", drive(false), chunks(Some(Compression::Zstd))),
        ("mcap_foxglove", foxglove(), bare()),
        ("mcap_fixes", fixes, bare()),
    ] {
        let bytes = mcap(&said, options, true);
        write(at(name).join("log.mcap"), bytes);
    }
    write(at("rosbag2").join("metadata.yaml"), METADATA);
    db3(&at("rosbag2").join("bag_0.db3"), &drive(false), false);

    let tum = "5.25 1 0 0 0 0 0 1\n5.35 2 0 0 0 0 0 1\n5.45 3 0 0 0 0 0.6 0.8\n";
    write(at("pcd").join("poses.tum"), tum);
    let kitti = "1 0 0 5 0 1 0 0 0 0 1 0\n0 -1 0 6 1 0 0 0 0 0 1 0\n";
    write(at("pcd_sequence").join("poses.txt"), kitti);
    let binary = points().concat();
    // Field after field, each run of LZF a literal.
    let fields = (0..5).flat_map(|field| points().map(|point| point[4 * field..][..4].to_vec()));
    let fields = fields.collect::<Vec<_>>().concat();
    let packed = fields.chunks(32).flat_map(|run| {
        let length = [run.len() as u8 - 1];
        [&length[..], run].concat()
    });
    let packed: Vec<u8> = packed.collect();
    let sizes = [packed.len(), fields.len()].map(|size| (size as u32).to_le_bytes());
    let compressed = [&sizes.concat()[..], &packed].concat();
    let ascii = "1 2.5 -3 0.5 0\nnan nan nan 0 5000\n7.25 -8 0.5 0.25 90000\n";
    for (name, data, content) in [
        ("pcd/1.pcd", "ascii", ascii.as_bytes()),
        ("pcd/2.pcd", "binary", &binary),
        ("pcd/3.pcd", "binary_compressed", &compressed),
        ("pcd_sequence/0.pcd", "binary", &binary),
        ("pcd_sequence/1.pcd", "ascii", ascii.as_bytes()),
    ] {
        let head = format!("{PCD_HEAD}DATA {data}\n");
        write(at(name), [head.as_bytes(), content].concat());
    }

    write(at("scenario").join("log.toml"), SCENARIO);
}

/// Copies a folder. What is linked there is a file of its own here.
fn copy(from: &Path, to: &Path) {
    for (name, content) in files(from) {
        write(to.join(name), content);
    }
}

/// The files below a folder, in the order of their names.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("is below").to_path_buf();
            found.push((name, fs::read(path).expect("is there")));
        }
    }
    found.sort();
    found
}

fn points() -> [Vec<u8>; 3] {
    [
        ([1.0f32, 2.5, -3.0, 0.5], 0u32),
        ([f32::NAN; 4], 5000),
        ([7.25, -8.0, 0.5, 0.25], 90_000),
    ]
    .map(|(values, time)| {
        let [x, y, z, intensity] = values.map(f32::to_le_bytes);
        [x, y, z, intensity, time.to_le_bytes()].concat()
    })
}

const PCD_HEAD: &str = "VERSION 0.7\nFIELDS x y z intensity t\nSIZE 4 4 4 4 4\n\
    TYPE F F F F U\nCOUNT 1 1 1 1 1\nWIDTH 3\nHEIGHT 1\nVIEWPOINT 1 2 3 0.6 0 0.8 0\nPOINTS 3\n";

const METADATA: &str = "rosbag2_bagfile_information:\n  version: 5\n  \
    storage_identifier: sqlite3\n  compression_mode: \"\"\n  relative_file_paths:\n    \
    - bag_0.db3\n";

const TRACKLETS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<!DOCTYPE boost_serialization>
<boost_serialization signature="serialization::archive" version="9">
<tracklets class_id="0" tracking_level="0" version="0">
  <count>1</count><item_version>1</item_version>
  <item class_id="1" tracking_level="0" version="1">
    <objectType>Van</objectType><h>2.0</h><w>1.9</w><l>4.5</l><first_frame>4</first_frame>
    <poses class_id="2" tracking_level="0" version="0">
      <count>2</count><item_version>2</item_version>
      <item><tx>10</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>1.5</rz><state>2</state></item>
      <item><tx>11</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>1.5</rz><state>2</state></item>
    </poses>
    <finished>1</finished>
  </item>
</tracklets>
</boost_serialization>
"#;

/// Of everything that there can be, one.
const SCENARIO: &str = r#"[scenario]
name = "small"
purpose = "To have everything once."
seed = 3
duration_s = 1.0
rate_hz = 1.0

[area]
from = [-20.0, -15.0]
to = [20.0, 15.0]
profile = [[-20.0, 0.0], [0.0, 0.5], [20.0, 0.0]]

[ego]
speed = 2.0
[[ego.leg]]
lead = "a"
points = [[-9.0, 0.0], [5.0, 0.0], [5.0, 4.0]]
corner = 3.0
pause_s = 1.0
[[ego.leg]]
lead = "b"
points = [[5.0, 4.0], [5.0, -4.0]]

[[block]]
from = [-20.0, 8.0]
to = [20.0, 15.0]
kerb = 0.1
corner = 2.0
grass = true
[[ramp]]
from = [10.0, -6.0]
to = [18.0, -2.0]
rises = "east"
height = 0.5
[[road]]
from = [-20.0, 0.0]
to = [20.0, 0.0]
width = 6.0
lanes = 2
[[road]]
from = [-5.0, -14.0]
to = [-5.0, 7.0]
width = 3.0
lanes = 1
marked = false
[[junction]]
at = [-5.0, 0.0]
radius = 5.0
[[junction]]
at = [13.0, 0.0]
radius = 7.0
ring = 4.5
[[crossing]]
from = [0.0, -3.0]
to = [0.0, 3.0]
width = 3.0
[[houses]]
from = [-19.0, 10.0]
to = [19.0, 10.0]
depth = 4.0
height = [4.0, 6.0]
gap = [0.0, 1.0]
[[trees]]
from = [-15.0, -8.0]
to = [15.0, -8.0]
spacing = 9.0
[[lamps]]
from = [-15.0, -7.0]
to = [15.0, -7.0]
spacing = 20.0
[[parked]]
from = [-18.0, -5.0]
to = [-4.0, -5.0]
share = 0.5
[[wall]]
from = [-10.0, -12.0]
to = [10.0, -12.0]
thickness = 0.4
height = 1.5
[[thing]]
kind = "bin"
at = [2.0, 7.0]
toward = [1.0, 1.0]
[[actor]]
kind = "pedestrian"
points = [[-2.0, -6.0], [-2.0, 6.0]]
corner = 1.0
speed = 1.2
start_m = 1.0
delay_s = 0.5
trigger_m = 15.0
minds = "traffic"
looks_at_m = 2.0
leaves = true
[[actor]]
kind = "car"
points = [[8.0, 3.0], [16.0, 3.0], [16.0, 7.0]]
closed = true
speed = 3.0
minds = "way"
"#;
