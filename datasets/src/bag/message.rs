//! What messages of the known types say, however they are encoded.

use bytes::Bytes;

use super::cloud::Cloud;
use super::container::Channel;
use super::ego::{Fix, Located, Orientation};
use super::fault::{Decoded, Fault};
use super::foxglove;
use super::lens::Lens;
use super::picture::Picture;
use super::ros;
use super::schema::{self, Schema};
use super::transforms::Transform;

/// When and in which frame something was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// Nanoseconds since the Unix epoch; zero where it was not set.
    pub(super) stamp: i64,
    pub(super) frame: String,
}

/// What the messages of a topic are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Cloud,
    Picture,
    Lens,
    Transforms,
    Odometry,
    Pose,
    Fix,
    Orientation,
}

/// What one message says.
#[derive(Debug)]
pub(super) enum Content {
    Cloud(Cloud),
    Picture(Picture),
    Lens(Lens),
    Transforms(Vec<Transform>),
    Located(Located),
    Fix(Fix),
    Orientation(Orientation),
}

/// The way to read the messages of a topic.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) kind: Kind,
    encoding: Encoding,
}

#[derive(Debug)]
enum Encoding {
    /// CDR, by the fields of a schema.
    Ros {
        picture_is_file: bool,
        schema: Schema,
    },
    /// Protobuf, by the numbers of the published types.
    Foxglove(foxglove::Type),
}

impl Decoder {
    /// The way to read a topic; `None` if its type is none that is read.
    ///
    /// # Errors
    /// If the type is known and its definition cannot be read.
    pub(super) fn of(channel: &Channel) -> Decoded<Option<Self>> {
        let name = schema::short(&channel.schema);
        if channel.encoding == "protobuf" {
            let kind = foxglove::Type::named(&name).map(|kind| Self {
                kind: kind.kind(),
                encoding: Encoding::Foxglove(kind),
            });
            return Ok(kind);
        }
        let kind = match name.as_str() {
            _ if channel.encoding != "cdr" => return Ok(None),
            "sensor_msgs/PointCloud2" => Kind::Cloud,
            "sensor_msgs/Image" | "sensor_msgs/CompressedImage" => Kind::Picture,
            "sensor_msgs/CameraInfo" => Kind::Lens,
            "tf2_msgs/TFMessage" => Kind::Transforms,
            "nav_msgs/Odometry" => Kind::Odometry,
            "geometry_msgs/PoseStamped" => Kind::Pose,
            "sensor_msgs/NavSatFix" => Kind::Fix,
            "sensor_msgs/Imu" => Kind::Orientation,
            _ => return Ok(None),
        };
        let definition = std::str::from_utf8(&channel.definition);
        let schema = match (channel.definition_encoding.as_str(), definition) {
            ("ros2msg", Ok(text)) if !text.trim().is_empty() => Schema::parse(&name, text)?,
            _ => Schema::standard(&name)?,
        };
        let picture_is_file = name.ends_with("CompressedImage");
        Ok(Some(Self {
            kind,
            encoding: Encoding::Ros {
                picture_is_file,
                schema,
            },
        }))
    }

    /// What a message says. Pictures and points stay where they are.
    pub(super) fn read(&self, data: &Bytes) -> Decoded<Content> {
        let content = match &self.encoding {
            Encoding::Ros {
                picture_is_file,
                schema,
            } => ros::read(self.kind, *picture_is_file, schema, data)?,
            Encoding::Foxglove(kind) => kind.read(data)?,
        };
        match &content {
            Content::Cloud(cloud) => cloud.check()?,
            Content::Picture(picture) => picture.check()?,
            _ => {}
        }
        Ok(content)
    }
}

/// Seconds and nanoseconds as one count of nanoseconds.
pub(super) fn stamp(seconds: i64, nanoseconds: i64) -> Decoded<i64> {
    let whole = seconds.checked_mul(1_000_000_000);
    whole
        .filter(|_| (0..1_000_000_000).contains(&nanoseconds))
        .and_then(|whole| whole.checked_add(nanoseconds))
        .ok_or_else(|| Fault::new("stamp", "seconds and less than 10⁹ nanoseconds"))
}

/// The name of a frame, without the slash that older logs put before it.
pub(super) fn frame(name: &str) -> String {
    name.trim_start_matches('/').into()
}
