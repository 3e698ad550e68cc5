//! The messages of ROS 2 that are read, by the names of their fields
//! (`sensor_msgs`, `geometry_msgs`, `nav_msgs`, `tf2_msgs`).

use bytes::Bytes;

use super::cdr::Message;
use super::cloud::{Cloud, Field};
use super::ego::{Fix, Located, Orientation};
use super::fault::{Decoded, Fault};
use super::lens::Lens;
use super::message::{self, Content, Header, Kind};
use super::number::Number;
use super::picture::{self, Picture, Rows};
use super::schema::Schema;
use super::transforms::{self, Transform};
use crate::geometry::Pose;

/// What a message says.
pub(super) fn read(
    kind: Kind,
    picture_is_file: bool,
    schema: &Schema,
    data: &Bytes,
) -> Decoded<Content> {
    let message = Message::decode(schema, data)?;
    let m = &message;
    Ok(match kind {
        Kind::Cloud => Content::Cloud(cloud(m)?),
        Kind::Picture => Content::Picture(Picture {
            header: header(m)?,
            content: match picture_is_file {
                true => picture::Content::File {
                    format: m.text("format")?.into(),
                    bytes: m.bytes("data")?,
                },
                false => picture::Content::Rows(rows(m)?),
            },
        }),
        Kind::Lens => Content::Lens(Lens {
            header: header(m)?,
            size: [m.whole("width")?, m.whole("height")?],
            model: m.text("distortion_model")?.into(),
            distortion: m.reals("d")?,
            intrinsic: m.exactly("k")?,
            rectification: m.exactly("r")?,
            projection: m.exactly("p")?,
        }),
        Kind::Transforms => {
            let transforms = m.messages("transforms")?.into_iter().map(transform);
            Content::Transforms(transforms.collect::<Decoded<_>>()?)
        }
        Kind::Odometry => Content::Located(Located {
            header: header(m)?,
            child: message::frame(m.text("child_frame_id")?),
            pose: pose(m.message("pose")?.message("pose")?)?,
        }),
        Kind::Pose => Content::Located(Located {
            header: header(m)?,
            child: String::new(),
            pose: pose(m.message("pose")?)?,
        }),
        Kind::Fix => Content::Fix(Fix {
            header: header(m)?,
            // Below zero there is no fix.
            found: m.message("status")?.whole::<i8>("status")? >= 0,
            latitude: m.real("latitude")?,
            longitude: m.real("longitude")?,
            altitude: m.real("altitude")?,
        }),
        Kind::Orientation => {
            let quaternion = quaternion(m.message("orientation")?)?;
            // Minus one stands for an orientation that is not measured.
            let measured = m.exactly::<9>("orientation_covariance")?[0] != -1.0;
            let rotation = transforms::pose([0.0; 3], quaternion);
            Content::Orientation(Orientation {
                header: header(m)?,
                rotation: match measured {
                    true => Some(rotation?.rotation),
                    false => None,
                },
            })
        }
    })
}

fn header(m: &Message<'_>) -> Decoded<Header> {
    let header = m.message("header")?;
    let stamp = header.message("stamp")?;
    Ok(Header {
        stamp: message::stamp(stamp.whole("sec")?, stamp.whole("nanosec")?)?,
        frame: message::frame(header.text("frame_id")?),
    })
}

fn cloud(m: &Message<'_>) -> Decoded<Cloud> {
    let mut fields = Vec::new();
    for field in m.messages("fields")? {
        // A field of a type that is none is not one that is read.
        if let Some(number) = Number::of_point_field(field.whole("datatype")?) {
            fields.push(Field {
                name: field.text("name")?.into(),
                offset: field.whole("offset")?,
                number,
            });
        }
    }
    Ok(Cloud {
        header: header(m)?,
        fields,
        big_endian: m.whole::<u8>("is_bigendian")? != 0,
        width: m.whole("width")?,
        height: m.whole("height")?,
        step: m.whole("point_step")?,
        row: m.whole("row_step")?,
        data: m.bytes("data")?,
        origin: Pose::identity(),
    })
}

fn rows(m: &Message<'_>) -> Decoded<Rows> {
    Ok(Rows {
        width: m.whole("width")?,
        height: m.whole("height")?,
        encoding: m.text("encoding")?.into(),
        big_endian: m.whole::<u8>("is_bigendian")? != 0,
        step: m.whole("step")?,
        data: m.bytes("data")?,
    })
}

fn transform(m: &Message<'_>) -> Decoded<Transform> {
    let Header {
        stamp,
        frame: parent,
    } = header(m)?;
    let child = message::frame(m.text("child_frame_id")?);
    let transform = m.message("transform")?;
    let place = place(transform.message("translation")?)?;
    let rotation = quaternion(transform.message("rotation")?)?;
    let pose = transforms::pose(place, rotation)
        .map_err(|fault| Fault::new(format!("{} of {child}", fault.field), fault.expected))?;
    Ok(Transform {
        stamp,
        parent,
        child,
        pose,
    })
}

fn pose(m: &Message<'_>) -> Decoded<Pose> {
    let place = place(m.message("position")?)?;
    transforms::pose(place, quaternion(m.message("orientation")?)?)
}

fn place(m: &Message<'_>) -> Decoded<[f64; 3]> {
    Ok([m.real("x")?, m.real("y")?, m.real("z")?])
}

fn quaternion(m: &Message<'_>) -> Decoded<[f64; 4]> {
    Ok([m.real("x")?, m.real("y")?, m.real("z")?, m.real("w")?])
}
