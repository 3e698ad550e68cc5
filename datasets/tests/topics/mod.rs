//! Logs of topics, made here: the messages of a short drive, and the
//! containers that they are written to.

#![allow(dead_code, reason = "not every test needs all of it")]

pub(crate) mod foxglove;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use janus_datasets::{Frame, Log};
use mcap::WriteOptions;
use mcap::records::MessageHeader;

/// When the drive begins, ns since the Unix epoch.
pub(crate) const START: i64 = 1_700_000_000_000_000_000;
pub(crate) const MS: i64 = 1_000_000;

const DEFINITIONS: &str = include_str!("../../src/bag/standard.msg");

/// A message on its way into a log.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) topic: String,
    pub(crate) schema: &'static str,
    pub(crate) encoding: &'static str,
    pub(crate) logged: i64,
    pub(crate) data: Vec<u8>,
}

/// A message of ROS as it is put together.
pub(crate) struct Cdr {
    bytes: Vec<u8>,
    big: bool,
}

impl Cdr {
    pub(crate) fn new(big: bool) -> Self {
        let bytes = vec![0, u8::from(!big), 0, 0];
        Self { bytes, big }
    }

    fn put<const N: usize>(mut self, le: [u8; N]) -> Self {
        while !(self.bytes.len() - 4).is_multiple_of(N) {
            self.bytes.push(0);
        }
        match self.big {
            true => self.bytes.extend(le.iter().rev()),
            false => self.bytes.extend(le),
        }
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.put([value])
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.put(value.to_le_bytes())
    }

    pub(crate) fn f64s(self, values: &[f64]) -> Self {
        values
            .iter()
            .fold(self, |cdr, value| cdr.put(value.to_le_bytes()))
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let mut cdr = self.u32(text.len() as u32 + 1);
        cdr.bytes.extend(text.bytes());
        cdr.bytes.push(0);
        cdr
    }

    pub(crate) fn data(self, bytes: &[u8]) -> Self {
        let mut cdr = self.u32(bytes.len() as u32);
        cdr.bytes.extend(bytes);
        cdr
    }

    pub(crate) fn header(self, stamp: i64, frame: &str) -> Self {
        let [seconds, rest] = [
            stamp.div_euclid(1_000_000_000),
            stamp.rem_euclid(1_000_000_000),
        ];
        self.put((seconds as i32).to_le_bytes())
            .u32(rest as u32)
            .text(frame)
    }

    pub(crate) fn on(self, topic: &str, schema: &'static str, logged: i64) -> Said {
        Said {
            topic: topic.into(),
            schema,
            encoding: "cdr",
            logged,
            data: self.bytes,
        }
    }
}

/// Points of x, y, z and the time, in f32 and u32, of either byte order.
pub(crate) fn cloud(
    topic: &str,
    frame: &str,
    stamp: i64,
    points: &[([f32; 3], u32)],
    big: bool,
) -> Said {
    let mut data = Vec::new();
    for (place, time) in points {
        let words = [
            place[0].to_bits(),
            place[1].to_bits(),
            place[2].to_bits(),
            *time,
        ];
        data.extend(words.iter().flat_map(|w| {
            if big {
                w.to_be_bytes()
            } else {
                w.to_le_bytes()
            }
        }));
    }
    let mut cdr = Cdr::new(big)
        .header(stamp, frame)
        .u32(1)
        .u32(points.len() as u32)
        .u32(4);
    for (name, offset, kind) in [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("t", 12, 6)] {
        cdr = cdr.text(name).u32(offset).u8(kind).u32(1);
    }
    cdr.u8(u8::from(big))
        .u32(16)
        .u32(data.len() as u32)
        .data(&data)
        .u8(1)
        .on(topic, "sensor_msgs/msg/PointCloud2", stamp)
}

/// A picture of 4 by 2 pixels of one colour.
pub(crate) fn picture(topic: &str, frame: &str, stamp: i64, colour: [u8; 3], big: bool) -> Said {
    Cdr::new(big)
        .header(stamp, frame)
        .u32(2)
        .u32(4)
        .text("rgb8")
        .u8(0)
        .u32(12)
        .data(&colour.repeat(8))
        .on(topic, "sensor_msgs/msg/Image", stamp)
}

pub(crate) fn camera_info(topic: &str, frame: &str, stamp: i64, big: bool) -> Said {
    let k = [3.0, 0.0, 2.0, 0.0, 3.0, 1.0, 0.0, 0.0, 1.0];
    let r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let p = [3.0, 0.0, 2.0, 0.0, 0.0, 3.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let mut cdr = Cdr::new(big)
        .header(stamp, frame)
        .u32(2)
        .u32(4)
        .text("plumb_bob");
    cdr = cdr
        .u32(5)
        .f64s(&[-0.1, 0.01, 0.0, 0.0, 0.0])
        .f64s(&k)
        .f64s(&r)
        .f64s(&p);
    cdr = (0..6).fold(cdr, |cdr, _| cdr.u32(0)).u8(0);
    cdr.on(topic, "sensor_msgs/msg/CameraInfo", stamp)
}

/// Where `child` lies in `parent`, without a rotation.
pub(crate) fn transform(
    topic: &str,
    stamp: i64,
    parent: &str,
    child: &str,
    place: [f64; 3],
    big: bool,
) -> Said {
    Cdr::new(big)
        .u32(1)
        .header(stamp, parent)
        .text(child)
        .f64s(&place)
        .f64s(&[0.0, 0.0, 0.0, 1.0])
        .on(topic, "tf2_msgs/msg/TFMessage", stamp)
}

pub(crate) fn odometry(stamp: i64, child: &str, place: [f64; 3]) -> Said {
    Cdr::new(false)
        .header(stamp, "odom")
        .text(child)
        .f64s(&place)
        .f64s(&[0.0, 0.0, 0.0, 1.0])
        .f64s(&[0.0; 36 + 6 + 36])
        .on("/odometry", "nav_msgs/msg/Odometry", stamp)
}

pub(crate) fn pose(stamp: i64, place: [f64; 3]) -> Said {
    Cdr::new(false)
        .header(stamp, "map")
        .f64s(&place)
        .f64s(&[0.0, 0.0, 0.0, 1.0])
        .on("/pose", "geometry_msgs/msg/PoseStamped", stamp)
}

pub(crate) fn fix(stamp: i64, latitude: f64, longitude: f64, status: i8) -> Said {
    let mut cdr = Cdr::new(false).header(stamp, "antenna").u8(status as u8);
    cdr = cdr
        .put(1u16.to_le_bytes())
        .f64s(&[latitude, longitude, 100.0]);
    cdr.f64s(&[0.0; 9])
        .u8(0)
        .on("/fix", "sensor_msgs/msg/NavSatFix", stamp)
}

/// Turned to the left of east by an angle, radians.
pub(crate) fn imu(stamp: i64, yaw: f64) -> Said {
    let (sin, cos) = (yaw / 2.0).sin_cos();
    Cdr::new(false)
        .header(stamp, "imu")
        .f64s(&[0.0, 0.0, sin, cos])
        .f64s(&[0.0; 9 + 3 + 9 + 3 + 9])
        .on("/imu", "sensor_msgs/msg/Imu", stamp)
}

/// What the sensors of the drive say: five sweeps at 10 Hz with a picture
/// 20 ms after each, and where they sit.
pub(crate) fn sensors(big: bool) -> Vec<Said> {
    let fixed = |parent, child, place| transform("/tf_static", START, parent, child, place, big);
    let mut said = vec![
        fixed("base_link", "lidar", [1.0, 0.0, 2.0]),
        fixed("base_link", "mast", [0.0, 0.5, 1.0]),
        fixed("mast", "camera", [0.0, 0.0, 0.75]),
        camera_info("/camera/camera_info", "camera", START, big),
    ];
    for step in 0..5 {
        let stamp = START + step * 100 * MS;
        let x = step as f32 + 0.25;
        let points = [
            ([x, -2.0, 0.5], 0),
            ([f32::NAN, 0.0, 0.0], 50_000_000),
            ([3.0, x, -1.0], 90_000_000),
        ];
        said.push(cloud("/lidar/points", "lidar", stamp, &points, big));
        let colour = [10 * step as u8, 100, 200];
        said.push(picture(
            "/camera/image_raw",
            "camera",
            stamp + 20 * MS,
            colour,
            big,
        ));
    }
    said
}

/// The vehicle's way at 10 m/s along x, every 50 ms, by transforms.
pub(crate) fn way(big: bool) -> Vec<Said> {
    (-1..11)
        .map(|step| {
            let stamp = START + step * 50 * MS;
            transform(
                "/tf",
                stamp,
                "odom",
                "base_link",
                [step as f64 * 0.5, 0.0, 0.0],
                big,
            )
        })
        .collect()
}

pub(crate) fn drive(big: bool) -> Vec<Said> {
    let mut said = [sensors(big), way(big)].concat();
    said.sort_by_key(|said| said.logged);
    said
}

/// The definition of a type, with all that it needs.
pub(crate) fn definition(schema: &str) -> String {
    let short = schema.replace("/msg/", "/");
    let line = "=".repeat(80);
    let sections = DEFINITIONS.split(&line).map(str::trim_start);
    let types = sections.filter_map(|section| section.strip_prefix("MSG: ")?.split_once('\n'));
    let types: Vec<(&str, &str)> = types.collect();
    let own = types.iter().find(|(name, _)| *name == short);
    let mut text = own.map_or("string data\n", |(_, fields)| fields).to_owned();
    // Types come after those of their fields.
    for (name, fields) in types.iter().rev().filter(|(name, _)| *name != short) {
        if text.contains(name) {
            text += &format!("{line}\nMSG: {name}\n{fields}");
        }
    }
    text
}

/// An MCAP file; `finished` if its writer came to its end.
pub(crate) fn mcap(said: &[Said], options: WriteOptions, finished: bool) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = options.create(&mut bytes).expect("begins");
    let mut channels = BTreeMap::new();
    for message in said {
        let id = *channels.entry(&message.topic).or_insert_with(|| {
            let (kind, text) = match message.encoding {
                "cdr" => ("ros2msg", definition(message.schema)),
                other => (other, String::new()),
            };
            let schema = writer
                .add_schema(message.schema, kind, text.as_bytes())
                .expect("a schema");
            let none = BTreeMap::new();
            writer
                .add_channel(schema, &message.topic, message.encoding, &none)
                .expect("a channel")
        });
        let header = MessageHeader {
            channel_id: id,
            sequence: 0,
            log_time: message.logged as u64,
            publish_time: message.logged as u64,
        };
        writer
            .write_to_known_channel(&header, &message.data)
            .expect("a message");
    }
    if finished {
        writer.finish().expect("ends");
    } else {
        writer.flush().expect("is written so far");
    }
    drop(writer);
    let whole = bytes.into_inner();
    if finished {
        return whole;
    }
    // Dropping the writer finished it; the data end where its end is marked.
    let end = [0x0F, 4, 0, 0, 0, 0, 0, 0, 0];
    let at = whole
        .windows(9)
        .rposition(|part| part == end)
        .expect("was finished");
    whole[..at].to_vec()
}

/// A database as rosbag2 writes it, with definitions or, as it once did,
/// without.
pub(crate) fn db3(path: &Path, said: &[Said], definitions: bool) {
    let db = rusqlite::Connection::open(path).expect("made");
    db.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; \
         CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, \
         serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL); \
         CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, \
         timestamp INTEGER NOT NULL, data BLOB NOT NULL);",
    )
    .expect("made");
    if definitions {
        db.execute_batch(
            "CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, \
             encoding TEXT NOT NULL, encoded_message_definition TEXT NOT NULL)",
        )
        .expect("made");
    }
    let mut ids = BTreeMap::new();
    for message in said {
        let next = ids.len() as i64 + 1;
        let id = *ids.entry(&message.topic).or_insert(next);
        if id == next && ids.len() as i64 == next {
            db.execute(
                "INSERT OR IGNORE INTO topics VALUES (?1, ?2, ?3, ?4, '')",
                (id, &message.topic, message.schema, message.encoding),
            )
            .expect("a topic");
            if definitions {
                db.execute(
                    "INSERT INTO message_definitions(topic_type, encoding, encoded_message_definition) \
                     VALUES (?1, 'ros2msg', ?2)",
                    (message.schema, definition(message.schema)),
                )
                .expect("a definition");
            }
        }
        db.execute(
            "INSERT INTO messages(topic_id, timestamp, data) VALUES (?1, ?2, ?3)",
            (id, message.logged, &message.data),
        )
        .expect("a message");
    }
}

/// Writes a file and opens it as a log.
pub(crate) fn open(folder: &Path, bytes: &[u8]) -> Log {
    let path = folder.join("log.mcap");
    std::fs::write(&path, bytes).expect("written");
    Log::open(&path).expect("is a log")
}

/// A log of messages in an MCAP file as it is usually written.
pub(crate) fn log(said: &[Said]) -> (tempfile::TempDir, Log) {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), &mcap(said, WriteOptions::new(), true));
    (folder, log)
}

pub(crate) fn frames(log: &Log) -> Vec<Frame> {
    log.frames(None)
        .map(|frame| frame.expect("is whole"))
        .collect()
}

/// Everything of a log that does not depend on where it lies.
pub(crate) fn told(log: &Log) -> Vec<String> {
    let frames = frames(log).into_iter().map(|frame| {
        let sweeps: Vec<_> = frame
            .sweeps
            .iter()
            .map(|s| (s.lidar, s.stamp, &s.points))
            .collect();
        let pixels = |i: &janus_datasets::Image| i.decode().expect("is whole").as_raw().clone();
        let images: Vec<_> = frame
            .images
            .iter()
            .map(|i| (i.camera, i.stamp, pixels(i)))
            .collect();
        format!(
            "{} {} {:?} {sweeps:?} {images:?}",
            frame.index, frame.stamp, frame.pose
        )
    });
    let rig = format!("{:?}", log.rig());
    frames.chain([rig]).collect()
}
