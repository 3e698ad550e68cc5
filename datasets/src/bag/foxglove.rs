//! The messages of Foxglove that are read, in Protocol Buffers, by the field
//! numbers of the published types. <https://docs.foxglove.dev/docs/sdk/schemas>

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::cloud::{self, Cloud};
use super::ego::Located;
use super::fault::{Decoded, Fault};
use super::lens::Lens;
use super::message::{self, Content, Header, Kind};
use super::number::Number;
use super::picture::{self, Picture, Rows};
use super::transforms::{self, Transform};
use crate::geometry::Pose;

/// How many fields a message may have, repeated ones counted each. What is
/// decoded can be a hundred times as large as an empty field.
const MOST: usize = 1 << 14;

/// A type that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    PointCloud,
    CompressedImage,
    RawImage,
    CameraCalibration,
    FrameTransform,
    FrameTransforms,
    PoseInFrame,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Vector3 {
    #[prost(double, tag = "1")]
    x: f64,
    #[prost(double, tag = "2")]
    y: f64,
    #[prost(double, tag = "3")]
    z: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Quaternion {
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
struct Placement {
    #[prost(message, optional, tag = "1")]
    position: Option<Vector3>,
    #[prost(message, optional, tag = "2")]
    orientation: Option<Quaternion>,
}

#[derive(Clone, PartialEq, Message)]
struct PackedElementField {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(fixed32, tag = "2")]
    offset: u32,
    #[prost(int32, tag = "3")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct PointCloud {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    frame_id: String,
    #[prost(message, optional, tag = "3")]
    pose: Option<Placement>,
    #[prost(fixed32, tag = "4")]
    point_stride: u32,
    #[prost(message, repeated, tag = "5")]
    fields: Vec<PackedElementField>,
    #[prost(bytes = "bytes", tag = "6")]
    data: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct CompressedImage {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(bytes = "bytes", tag = "2")]
    data: Bytes,
    #[prost(string, tag = "3")]
    format: String,
    #[prost(string, tag = "4")]
    frame_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct RawImage {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(fixed32, tag = "2")]
    width: u32,
    #[prost(fixed32, tag = "3")]
    height: u32,
    #[prost(string, tag = "4")]
    encoding: String,
    #[prost(fixed32, tag = "5")]
    step: u32,
    #[prost(bytes = "bytes", tag = "6")]
    data: Bytes,
    #[prost(string, tag = "7")]
    frame_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct CameraCalibration {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(fixed32, tag = "2")]
    width: u32,
    #[prost(fixed32, tag = "3")]
    height: u32,
    #[prost(string, tag = "4")]
    distortion_model: String,
    #[prost(double, repeated, tag = "5")]
    d: Vec<f64>,
    #[prost(double, repeated, tag = "6")]
    k: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    r: Vec<f64>,
    #[prost(double, repeated, tag = "8")]
    p: Vec<f64>,
    #[prost(string, tag = "9")]
    frame_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct FrameTransform {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    parent_frame_id: String,
    #[prost(string, tag = "3")]
    child_frame_id: String,
    #[prost(message, optional, tag = "4")]
    translation: Option<Vector3>,
    #[prost(message, optional, tag = "5")]
    rotation: Option<Quaternion>,
}

#[derive(Clone, PartialEq, Message)]
struct FrameTransforms {
    #[prost(message, repeated, tag = "1")]
    transforms: Vec<FrameTransform>,
}

#[derive(Clone, PartialEq, Message)]
struct PoseInFrame {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    frame_id: String,
    #[prost(message, optional, tag = "3")]
    pose: Option<Placement>,
}

impl Type {
    /// The type of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "foxglove.PointCloud" => Self::PointCloud,
            "foxglove.CompressedImage" => Self::CompressedImage,
            "foxglove.RawImage" => Self::RawImage,
            "foxglove.CameraCalibration" => Self::CameraCalibration,
            "foxglove.FrameTransform" => Self::FrameTransform,
            "foxglove.FrameTransforms" => Self::FrameTransforms,
            "foxglove.PoseInFrame" => Self::PoseInFrame,
            _ => return None,
        })
    }

    /// What its messages are.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::PointCloud => Kind::Cloud,
            Self::CompressedImage | Self::RawImage => Kind::Picture,
            Self::CameraCalibration => Kind::Lens,
            Self::FrameTransform | Self::FrameTransforms => Kind::Transforms,
            Self::PoseInFrame => Kind::Pose,
        }
    }

    /// What a message says.
    pub(super) fn read(self, data: &Bytes) -> Decoded<Content> {
        Ok(match self {
            Self::PointCloud => Content::Cloud(cloud(decode(data)?)?),
            Self::CompressedImage => {
                let m: CompressedImage = decode(data)?;
                Content::Picture(Picture {
                    header: header(m.timestamp, &m.frame_id)?,
                    content: picture::Content::File {
                        format: m.format,
                        bytes: m.data,
                    },
                })
            }
            Self::RawImage => {
                let m: RawImage = decode(data)?;
                Content::Picture(Picture {
                    header: header(m.timestamp, &m.frame_id)?,
                    content: picture::Content::Rows(Rows {
                        width: m.width as usize,
                        height: m.height as usize,
                        encoding: m.encoding,
                        big_endian: false,
                        step: m.step as usize,
                        data: m.data,
                    }),
                })
            }
            Self::CameraCalibration => Content::Lens(lens(decode(data)?)?),
            Self::FrameTransform => {
                Content::Transforms(vec![transform(decode::<FrameTransform>(data)?)?])
            }
            Self::FrameTransforms => {
                let m: FrameTransforms = decode(data)?;
                let transforms = m.transforms.into_iter().map(transform);
                Content::Transforms(transforms.collect::<Decoded<_>>()?)
            }
            Self::PoseInFrame => {
                let m: PoseInFrame = decode(data)?;
                Content::Located(Located {
                    header: header(m.timestamp, &m.frame_id)?,
                    child: String::new(),
                    pose: pose(m.pose)?,
                })
            }
        })
    }
}

/// Decodes a message once its fields are counted.
fn decode<M: Message + Default>(data: &Bytes) -> Decoded<M> {
    let fault =
        |wrong: prost::DecodeError| Fault::new("message", format!("Protocol Buffers: {wrong}"));
    let mut rest = data.clone();
    let mut fields = 0;
    while rest.has_remaining() {
        let (tag, kind) = decode_key(&mut rest).map_err(fault)?;
        skip_field(kind, tag, &mut rest, DecodeContext::default()).map_err(fault)?;
        fields += 1;
        if fields > MOST {
            return Err(Fault::new("message", format!("at most {MOST} fields")));
        }
    }
    M::decode(data.clone()).map_err(fault)
}

fn header(timestamp: Option<Timestamp>, frame: &str) -> Decoded<Header> {
    let time = timestamp.unwrap_or_default();
    Ok(Header {
        stamp: message::stamp(time.seconds, i64::from(time.nanos))?,
        frame: message::frame(frame),
    })
}

fn pose(placement: Option<Placement>) -> Decoded<Pose> {
    let Placement {
        position,
        orientation,
    } = placement.unwrap_or_default();
    placed(position, orientation)
}

/// A field that is not set is all zeros; a rotation of zeros is none.
fn placed(position: Option<Vector3>, orientation: Option<Quaternion>) -> Decoded<Pose> {
    let p = position.unwrap_or_default();
    let q = orientation.unwrap_or_default();
    let rotation = match [q.x, q.y, q.z, q.w] {
        [0.0, 0.0, 0.0, 0.0] => [0.0, 0.0, 0.0, 1.0],
        rotation => rotation,
    };
    transforms::pose([p.x, p.y, p.z], rotation)
}

fn transform(m: FrameTransform) -> Decoded<Transform> {
    let Header {
        stamp,
        frame: parent,
    } = header(m.timestamp, &m.parent_frame_id)?;
    let child = message::frame(&m.child_frame_id);
    let pose = placed(m.translation, m.rotation)
        .map_err(|fault| Fault::new(format!("{} of {child}", fault.field), fault.expected))?;
    Ok(Transform {
        stamp,
        parent,
        child,
        pose,
    })
}

fn cloud(m: PointCloud) -> Decoded<Cloud> {
    let step = m.point_stride as usize;
    let field = |field: PackedElementField| {
        Some(cloud::Field {
            number: Number::of_packed_element(field.kind)?,
            offset: field.offset as usize,
            name: field.name,
        })
    };
    Ok(Cloud {
        header: header(m.timestamp, &m.frame_id)?,
        fields: m.fields.into_iter().filter_map(field).collect(),
        big_endian: false,
        width: m.data.len().checked_div(step).unwrap_or(0),
        height: 1,
        step,
        row: m.data.len(),
        data: m.data,
        origin: pose(m.pose)?,
    })
}

fn lens(m: CameraCalibration) -> Decoded<Lens> {
    fn matrix<const N: usize>(name: &str, numbers: Vec<f64>) -> Decoded<[f64; N]> {
        match numbers.is_empty() {
            true => Ok([0.0; N]),
            false => numbers
                .try_into()
                .map_err(|_| Fault::new(name, format!("{N} numbers"))),
        }
    }
    Ok(Lens {
        header: header(m.timestamp, &m.frame_id)?,
        size: [m.width, m.height],
        model: m.distortion_model,
        distortion: m.d,
        intrinsic: matrix("K", m.k)?,
        rectification: matrix("R", m.r)?,
        projection: matrix("P", m.p)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [(&str, Kind); 7] = [
        ("foxglove.PointCloud", Kind::Cloud),
        ("foxglove.CompressedImage", Kind::Picture),
        ("foxglove.RawImage", Kind::Picture),
        ("foxglove.CameraCalibration", Kind::Lens),
        ("foxglove.FrameTransform", Kind::Transforms),
        ("foxglove.FrameTransforms", Kind::Transforms),
        ("foxglove.PoseInFrame", Kind::Pose),
    ];

    #[test]
    fn types_are_known_by_name() {
        for (name, kind) in ALL {
            assert_eq!(Type::named(name).map(Type::kind), Some(kind), "{name}");
        }
        assert_eq!(Type::named("foxglove.Log"), None);
    }

    /// Bytes that another implementation wrote: a transform of odom to base.
    #[test]
    fn a_transform_is_read_by_its_numbers() {
        let mut bytes = vec![0x0A, 5, 0x08, 7, 0x10, 0x80, 0x01];
        bytes.extend([
            0x12, 4, b'o', b'd', b'o', b'm', 0x1A, 4, b'b', b'a', b's', b'e',
        ]);
        bytes.extend([0x22, 9, 0x09]);
        bytes.extend(2.5f64.to_le_bytes());
        bytes.extend([0x2A, 9, 0x21]);
        bytes.extend(1.0f64.to_le_bytes());
        let read = Type::FrameTransform
            .read(&bytes.clone().into())
            .expect("is right");
        let Content::Transforms(found) = read else {
            panic!("a transform")
        };
        let pose = Pose::translation(2.5, 0.0, 0.0);
        let expected = Transform {
            stamp: 7_000_000_128,
            parent: "odom".into(),
            child: "base".into(),
            pose,
        };
        assert_eq!(found, [expected]);
        bytes.truncate(bytes.len() - 1);
        let fault = Type::FrameTransform
            .read(&bytes.into())
            .expect_err("is cut");
        assert!(fault.expected.starts_with("Protocol Buffers"), "{fault:?}");
    }

    #[test]
    fn empty_fields_do_not_fill_the_memory() {
        let bytes = Bytes::from([0x0A, 0].repeat(MOST + 1));
        let fault = Type::FrameTransforms.read(&bytes).expect_err("too many");
        assert!(fault.expected.contains("at most"), "{fault:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_a_fault(bytes: Vec<u8>, kind in 0usize..7) {
            let kind = Type::named(ALL[kind].0).expect("is known");
            let _ = kind.read(&bytes.into());
        }
    }
}
