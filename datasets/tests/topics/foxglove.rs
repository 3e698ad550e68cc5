//! Messages of Foxglove, in Protocol Buffers.

use prost::Message;

use super::{MS, START, Said};

#[derive(Clone, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Four {
    #[prost(double, tag = "1")]
    x: f64,
    #[prost(double, tag = "2")]
    y: f64,
    #[prost(double, tag = "3")]
    z: f64,
    #[prost(double, tag = "4")]
    w: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(fixed32, tag = "2")]
    offset: u32,
    #[prost(int32, tag = "3")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Points {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(string, tag = "2")]
    frame: String,
    #[prost(fixed32, tag = "4")]
    stride: u32,
    #[prost(message, repeated, tag = "5")]
    fields: Vec<Field>,
    #[prost(bytes = "vec", tag = "6")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Picture {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(fixed32, tag = "2")]
    width: u32,
    #[prost(fixed32, tag = "3")]
    height: u32,
    #[prost(string, tag = "4")]
    encoding: String,
    #[prost(fixed32, tag = "5")]
    step: u32,
    #[prost(bytes = "vec", tag = "6")]
    data: Vec<u8>,
    #[prost(string, tag = "7")]
    frame: String,
}

#[derive(Clone, PartialEq, Message)]
struct Calibration {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(fixed32, tag = "2")]
    width: u32,
    #[prost(fixed32, tag = "3")]
    height: u32,
    #[prost(string, tag = "4")]
    model: String,
    #[prost(double, repeated, tag = "5")]
    d: Vec<f64>,
    #[prost(double, repeated, tag = "6")]
    k: Vec<f64>,
    #[prost(string, tag = "9")]
    frame: String,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(string, tag = "2")]
    parent: String,
    #[prost(string, tag = "3")]
    child: String,
    #[prost(message, optional, tag = "4")]
    place: Option<Four>,
    #[prost(message, optional, tag = "5")]
    rotation: Option<Four>,
}

#[derive(Clone, PartialEq, Message)]
struct Links {
    #[prost(message, repeated, tag = "1")]
    links: Vec<Link>,
}

fn time(stamp: i64) -> Option<Time> {
    Some(Time {
        seconds: stamp / 1_000_000_000,
        nanos: (stamp % 1_000_000_000) as i32,
    })
}

/// The drive of [`super::drive`] in them.
pub(crate) fn foxglove() -> Vec<Said> {
    let said = |topic: &str, schema, logged, message: &dyn Fn() -> Vec<u8>| Said {
        topic: topic.into(),
        schema,
        encoding: "protobuf",
        logged,
        data: message(),
    };
    let link = |stamp, parent: &str, child: &str, [x, y, z]: [f64; 3]| Link {
        time: time(stamp),
        parent: parent.into(),
        child: child.into(),
        place: Some(Four { x, y, z, w: 0.0 }),
        rotation: Some(Four {
            w: 1.0,
            ..Four::default()
        }),
    };
    let fixed = Links {
        links: vec![
            link(START, "base_link", "lidar", [1.0, 0.0, 2.0]),
            link(START, "base_link", "mast", [0.0, 0.5, 1.0]),
            link(START, "mast", "camera", [0.0, 0.0, 0.75]),
        ],
    };
    let calibration = Calibration {
        time: time(START),
        width: 4,
        height: 2,
        model: "plumb_bob".into(),
        d: vec![-0.1, 0.01, 0.0, 0.0, 0.0],
        k: vec![3.0, 0.0, 2.0, 0.0, 3.0, 1.0, 0.0, 0.0, 1.0],
        frame: "camera".into(),
    };
    let mut all = vec![
        said("/tf_static", "foxglove.FrameTransforms", START, &|| {
            fixed.encode_to_vec()
        }),
        said(
            "/camera/calibration",
            "foxglove.CameraCalibration",
            START,
            &|| calibration.encode_to_vec(),
        ),
    ];
    for step in -1..11 {
        let stamp = START + step * 50 * MS;
        let link = link(stamp, "odom", "base_link", [step as f64 * 0.5, 0.0, 0.0]);
        all.push(said("/tf", "foxglove.FrameTransform", stamp, &|| {
            link.encode_to_vec()
        }));
    }
    for step in 0..5 {
        let stamp = START + step * 100 * MS;
        let x = step as f32 + 0.25;
        let points = [
            ([x, -2.0, 0.5], 0),
            ([f32::NAN, 0.0, 0.0], 50_000_000u32),
            ([3.0, x, -1.0], 90_000_000),
        ];
        let bytes = points.iter().flat_map(|([x, y, z], t)| {
            [x.to_bits(), y.to_bits(), z.to_bits(), *t]
                .into_iter()
                .flat_map(u32::to_le_bytes)
        });
        let field = |(name, offset, kind): (&str, u32, i32)| Field {
            name: name.into(),
            offset,
            kind,
        };
        let cloud = Points {
            time: time(stamp),
            frame: "lidar".into(),
            stride: 16,
            fields: [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("t", 12, 5)]
                .map(field)
                .to_vec(),
            data: bytes.collect(),
        };
        all.push(said("/lidar/points", "foxglove.PointCloud", stamp, &|| {
            cloud.encode_to_vec()
        }));
        let picture = Picture {
            time: time(stamp + 20 * MS),
            width: 4,
            height: 2,
            encoding: "rgb8".into(),
            step: 12,
            data: [10 * step as u8, 100, 200].repeat(8),
            frame: "camera".into(),
        };
        all.push(said(
            "/camera/image_raw",
            "foxglove.RawImage",
            stamp + 20 * MS,
            &|| picture.encode_to_vec(),
        ));
    }
    all
}
