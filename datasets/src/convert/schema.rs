//! The definitions of the messages, as the ROS 2 packages sensor_msgs,
//! tf2_msgs and vision_msgs (4.0) have them, without their comments.

/// A type of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Schema {
    PointCloud2,
    Image,
    CompressedImage,
    CameraInfo,
    TfMessage,
    Detection3DArray,
}

/// How MCAP names this form of definition.
pub(super) const ENCODING: &str = "ros2msg";
/// How MCAP names the encoding of the messages.
pub(super) const MESSAGE_ENCODING: &str = "cdr";

const TIME: [&str; 2] = ["builtin_interfaces/Time", "int32 sec\nuint32 nanosec\n"];
const HEADER: [&str; 2] = [
    "std_msgs/Header",
    "builtin_interfaces/Time stamp\nstring frame_id\n",
];
const POINT: [&str; 2] = ["geometry_msgs/Point", "float64 x\nfloat64 y\nfloat64 z\n"];
const VECTOR: [&str; 2] = ["geometry_msgs/Vector3", "float64 x\nfloat64 y\nfloat64 z\n"];
const QUATERNION: [&str; 2] = [
    "geometry_msgs/Quaternion",
    "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n",
];
const POSE: [&str; 2] = [
    "geometry_msgs/Pose",
    "geometry_msgs/Point position\ngeometry_msgs/Quaternion orientation\n",
];
const POINT_FIELD: [&str; 2] = [
    "sensor_msgs/PointField",
    "uint8 INT8=1\nuint8 UINT8=2\nuint8 INT16=3\nuint8 UINT16=4\nuint8 INT32=5\n\
     uint8 UINT32=6\nuint8 FLOAT32=7\nuint8 FLOAT64=8\n\
     string name\nuint32 offset\nuint8 datatype\nuint32 count\n",
];
const REGION: [&str; 2] = [
    "sensor_msgs/RegionOfInterest",
    "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n",
];
const TRANSFORM: [&str; 2] = [
    "geometry_msgs/Transform",
    "geometry_msgs/Vector3 translation\ngeometry_msgs/Quaternion rotation\n",
];
const TRANSFORM_STAMPED: [&str; 2] = [
    "geometry_msgs/TransformStamped",
    "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/Transform transform\n",
];
const POSE_WITH_COVARIANCE: [&str; 2] = [
    "geometry_msgs/PoseWithCovariance",
    "geometry_msgs/Pose pose\nfloat64[36] covariance\n",
];
const HYPOTHESIS: [&str; 2] = [
    "vision_msgs/ObjectHypothesis",
    "string class_id\nfloat64 score\n",
];
const HYPOTHESIS_WITH_POSE: [&str; 2] = [
    "vision_msgs/ObjectHypothesisWithPose",
    "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
];
const BOX: [&str; 2] = [
    "vision_msgs/BoundingBox3D",
    "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
];
const DETECTION: [&str; 2] = [
    "vision_msgs/Detection3D",
    "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n\
     vision_msgs/BoundingBox3D bbox\nstring id\n",
];

impl Schema {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PointCloud2 => "sensor_msgs/msg/PointCloud2",
            Self::Image => "sensor_msgs/msg/Image",
            Self::CompressedImage => "sensor_msgs/msg/CompressedImage",
            Self::CameraInfo => "sensor_msgs/msg/CameraInfo",
            Self::TfMessage => "tf2_msgs/msg/TFMessage",
            Self::Detection3DArray => "vision_msgs/msg/Detection3DArray",
        }
    }

    fn fields(self) -> &'static str {
        match self {
            Self::PointCloud2 => {
                "std_msgs/Header header\nuint32 height\nuint32 width\n\
                 sensor_msgs/PointField[] fields\nbool is_bigendian\nuint32 point_step\n\
                 uint32 row_step\nuint8[] data\nbool is_dense\n"
            }
            Self::Image => {
                "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\n\
                 uint8 is_bigendian\nuint32 step\nuint8[] data\n"
            }
            Self::CompressedImage => "std_msgs/Header header\nstring format\nuint8[] data\n",
            Self::CameraInfo => {
                "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\n\
                 float64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\n\
                 uint32 binning_y\nsensor_msgs/RegionOfInterest roi\n"
            }
            Self::TfMessage => "geometry_msgs/TransformStamped[] transforms\n",
            Self::Detection3DArray => {
                "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n"
            }
        }
    }

    /// The types of which it is made.
    fn parts(self) -> &'static [[&'static str; 2]] {
        match self {
            Self::PointCloud2 => &[HEADER, TIME, POINT_FIELD],
            Self::Image | Self::CompressedImage => &[HEADER, TIME],
            Self::CameraInfo => &[HEADER, TIME, REGION],
            Self::TfMessage => &[
                TRANSFORM_STAMPED,
                HEADER,
                TIME,
                TRANSFORM,
                VECTOR,
                QUATERNION,
            ],
            Self::Detection3DArray => &[
                HEADER,
                TIME,
                DETECTION,
                HYPOTHESIS_WITH_POSE,
                HYPOTHESIS,
                POSE_WITH_COVARIANCE,
                POSE,
                POINT,
                QUATERNION,
                BOX,
                VECTOR,
            ],
        }
    }

    /// Its definition, followed by those of all types within it.
    pub(super) fn definition(self) -> String {
        let rule = "=".repeat(80);
        let parts = self.parts().iter();
        let parts = parts.map(|[name, fields]| format!("{rule}\nMSG: {name}\n{fields}"));
        parts.fold(self.fields().into(), |definition, part| definition + &part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Schema; 6] = [
        Schema::PointCloud2,
        Schema::Image,
        Schema::CompressedImage,
        Schema::CameraInfo,
        Schema::TfMessage,
        Schema::Detection3DArray,
    ];

    #[test]
    fn a_definition_has_each_type_that_it_uses_and_no_other() {
        for schema in ALL {
            let definition = schema.definition();
            let types = definition.lines().filter_map(|line| {
                let kind = line.split(['[', ' ']).next()?;
                kind.contains('/').then_some(kind)
            });
            let mut used: Vec<&str> = types.collect();
            used.sort_unstable();
            used.dedup();
            let parts = definition
                .lines()
                .filter_map(|line| line.strip_prefix("MSG: "));
            let mut defined: Vec<&str> = parts.collect();
            defined.sort_unstable();
            assert_eq!(used, defined, "{}", schema.name());
        }
    }
}
