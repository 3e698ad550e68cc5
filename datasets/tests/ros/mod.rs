//! MCAP files of ROS 2 messages, read as their definitions say.
#![allow(dead_code)]

use std::path::Path;

use mcap::MessageStream;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};

pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) schema: String,
    pub(crate) log_time: u64,
    pub(crate) sequence: u32,
    pub(crate) data: Vec<u8>,
}

/// All messages of a file, in its order. Every checksum is checked.
pub(crate) fn messages(path: &Path) -> Vec<Message> {
    let file = std::fs::read(path).expect("is there");
    let messages = MessageStream::new(&file).expect("is an MCAP file");
    let messages = messages.map(|message| {
        let message = message.expect("is whole");
        let schema = message.channel.schema.as_ref().expect("has a schema");
        assert_eq!(
            (&*schema.encoding, &*message.channel.message_encoding),
            ("ros2msg", "cdr")
        );
        assert!(
            message
                .channel
                .metadata
                .contains_key("offered_qos_profiles")
        );
        assert_eq!(message.log_time, message.publish_time);
        Message {
            topic: message.channel.topic.clone(),
            schema: schema.name.clone(),
            log_time: message.log_time,
            sequence: message.sequence,
            data: message.data.to_vec(),
        }
    });
    messages.collect()
}

/// The messages of a topic.
pub(crate) fn of<'a>(messages: &'a [Message], topic: &str) -> Vec<&'a Message> {
    messages
        .iter()
        .filter(|message| message.topic == topic)
        .collect()
}

/// Reads plain little-endian CDR.
pub(crate) struct Cdr<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cdr<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        let (head, bytes) = message.split_at(4);
        assert_eq!(head, [0, 1, 0, 0]);
        Self { bytes, at: 0 }
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        self.at = self.at.next_multiple_of(N);
        self.at += N;
        self.bytes[self.at - N..self.at].try_into().expect("N")
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.number())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.number())
    }

    pub(crate) fn f64(&mut self) -> f64 {
        f64::from_le_bytes(self.number())
    }

    pub(crate) fn f64s<const N: usize>(&mut self) -> [f64; N] {
        std::array::from_fn(|_| self.f64())
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = self.u32() as usize;
        self.at += length;
        &self.bytes[self.at - length..self.at]
    }

    pub(crate) fn string(&mut self) -> String {
        let (last, text) = self.bytes().split_last().expect("ends with a zero");
        assert_eq!(*last, 0);
        String::from_utf8(text.to_vec()).expect("is text")
    }

    /// The stamp, ns, and the frame.
    pub(crate) fn header(&mut self) -> (i64, String) {
        let sec = i64::from(self.u32() as i32);
        let nanosec = i64::from(self.u32());
        (sec * 1_000_000_000 + nanosec, self.string())
    }

    pub(crate) fn pose(&mut self) -> Isometry3<f64> {
        let translation = Translation3::from(self.f64s::<3>());
        let [i, j, k, w] = self.f64s();
        let rotation = UnitQuaternion::new_unchecked(Quaternion::new(w, i, j, k));
        Isometry3::from_parts(translation, rotation)
    }

    /// Checks that nothing follows.
    pub(crate) fn end(self) {
        assert_eq!(self.at, self.bytes.len());
    }
}

/// A sensor_msgs/PointCloud2.
pub(crate) struct Cloud {
    pub(crate) stamp: i64,
    pub(crate) frame: String,
    /// x, y, z in m, the intensity from 0 to 1, and the time in ns.
    pub(crate) points: Vec<([f32; 4], u32)>,
    pub(crate) is_dense: bool,
}

pub(crate) fn cloud(message: &Message) -> Cloud {
    assert_eq!(message.schema, "sensor_msgs/msg/PointCloud2");
    let mut cdr = Cdr::new(&message.data);
    let (stamp, frame) = cdr.header();
    let [height, width, fields] = [cdr.u32(), cdr.u32(), cdr.u32()];
    assert_eq!((height, fields), (1, 5));
    for (i, name) in (0..).zip(["x", "y", "z", "intensity", "t"]) {
        let kind = if name == "t" { 6 } else { 7 };
        let field = (cdr.string(), cdr.u32(), cdr.u8(), cdr.u32());
        assert_eq!(field, (name.into(), 4 * i, kind, 1));
    }
    let [is_bigendian, step, row] = [cdr.u8().into(), cdr.u32(), cdr.u32()];
    assert_eq!([is_bigendian, step, row], [0, 20, 20 * width]);
    let data = cdr.bytes();
    assert_eq!(data.len(), row as usize);
    let is_dense = cdr.u8() == 1;
    cdr.end();
    let points = data.chunks(20).map(|record| {
        let word = |i: usize| record[4 * i..][..4].try_into().expect("four");
        let floats = [0, 1, 2, 3].map(|i| f32::from_le_bytes(word(i)));
        (floats, u32::from_le_bytes(word(4)))
    });
    Cloud {
        stamp,
        frame,
        points: points.collect(),
        is_dense,
    }
}

/// A geometry_msgs/TransformStamped.
pub(crate) struct Transform {
    pub(crate) stamp: i64,
    pub(crate) parent: String,
    pub(crate) child: String,
    pub(crate) pose: Isometry3<f64>,
}

pub(crate) fn transforms(message: &Message) -> Vec<Transform> {
    assert_eq!(message.schema, "tf2_msgs/msg/TFMessage");
    let mut cdr = Cdr::new(&message.data);
    let count = cdr.u32();
    let mut read = || {
        let (stamp, parent) = cdr.header();
        Transform {
            stamp,
            parent,
            child: cdr.string(),
            pose: cdr.pose(),
        }
    };
    let transforms = (0..count).map(|_| read()).collect();
    cdr.end();
    transforms
}

/// A sensor_msgs/CameraInfo.
pub(crate) struct CameraInfo {
    pub(crate) stamp: i64,
    pub(crate) frame: String,
    pub(crate) height: u32,
    pub(crate) width: u32,
    pub(crate) model: String,
    pub(crate) distortion: Vec<f64>,
    pub(crate) k: [f64; 9],
}

pub(crate) fn camera_info(message: &Message) -> CameraInfo {
    assert_eq!(message.schema, "sensor_msgs/msg/CameraInfo");
    let mut cdr = Cdr::new(&message.data);
    let (stamp, frame) = cdr.header();
    let [height, width] = [cdr.u32(), cdr.u32()];
    let model = cdr.string();
    let count = cdr.u32();
    let distortion = (0..count).map(|_| cdr.f64()).collect();
    let k: [f64; 9] = cdr.f64s();
    assert_eq!(
        cdr.f64s::<9>(),
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    );
    let p: [f64; 12] = cdr.f64s();
    for row in 0..3 {
        assert_eq!(p[4 * row..][..3], k[3 * row..][..3]);
        assert_eq!(p[4 * row + 3], 0.0);
    }
    assert_eq!([(); 6].map(|()| cdr.u32()), [0; 6]);
    assert_eq!(cdr.u8(), 0);
    cdr.end();
    CameraInfo {
        stamp,
        frame,
        height,
        width,
        model,
        distortion,
        k,
    }
}

/// A vision_msgs/Detection3D.
pub(crate) struct Detection {
    pub(crate) classes: Vec<String>,
    pub(crate) pose: Isometry3<f64>,
    pub(crate) size: [f64; 3],
    pub(crate) id: String,
}

/// The stamp, the frame and the boxes of a vision_msgs/Detection3DArray.
pub(crate) fn detections(message: &Message) -> (i64, String, Vec<Detection>) {
    assert_eq!(message.schema, "vision_msgs/msg/Detection3DArray");
    let mut cdr = Cdr::new(&message.data);
    let (stamp, frame) = cdr.header();
    let count = cdr.u32();
    let mut read = || {
        assert_eq!(cdr.header(), (stamp, frame.clone()));
        let hypotheses = cdr.u32();
        let mut poses = Vec::new();
        let mut hypothesis = || {
            let class = cdr.string();
            assert_eq!(cdr.f64(), 1.0);
            poses.push(cdr.pose());
            assert_eq!(cdr.f64s(), [0.0; 36]);
            class
        };
        let classes = (0..hypotheses).map(|_| hypothesis()).collect();
        let pose = cdr.pose();
        assert!(poses.iter().all(|other| *other == pose));
        Detection {
            classes,
            pose,
            size: cdr.f64s(),
            id: cdr.string(),
        }
    };
    let detections = (0..count).map(|_| read()).collect();
    cdr.end();
    (stamp, frame, detections)
}
