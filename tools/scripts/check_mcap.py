"""Reads an MCAP file of ROS 2 messages with the reference implementation and
prints whether it is sound: check_mcap.py FILE CONVERTED, where the second is
what the conversion said that it wrote."""

import collections
import math
import re
import struct
import sys

from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap_ros2.decoder import DecoderFactory

SCHEMAS = {
    "points": "sensor_msgs/msg/PointCloud2",
    "camera_info": "sensor_msgs/msg/CameraInfo",
    "tf": "tf2_msgs/msg/TFMessage",
    "tf_static": "tf2_msgs/msg/TFMessage",
    "annotations": "vision_msgs/msg/Detection3DArray",
}
IMAGES = {"sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"}
FIELDS = [("x", 0, 7, 1), ("y", 4, 7, 1), ("z", 8, 7, 1), ("intensity", 12, 7, 1), ("t", 16, 6, 1)]

wrong = []


def check(holds, what):
    """Notes what does not hold."""
    if not holds:
        wrong.append(what)


def nanoseconds(stamp):
    return stamp.sec * 10**9 + stamp.nanosec


def is_unit(q):
    return abs(math.hypot(q.x, q.y, q.z, q.w) - 1) < 1e-9


def check_points(message):
    fields = [(f.name, f.offset, f.datatype, f.count) for f in message.fields]
    check(fields == FIELDS, f"fields of a cloud: {fields}")
    check(message.height == 1 and message.point_step == 20, "layout of a cloud")
    check(len(message.data) == message.row_step == 20 * message.width, "size of a cloud")
    finite = 0
    for x, y, z, intensity, t in struct.iter_unpack("<4fI", bytes(message.data)):
        finite += math.isfinite(x)
        check(math.isfinite(x) == math.isfinite(y) == math.isfinite(z), "a point half there")
        check(0 <= intensity <= 1 and t < 656_000_000, "intensity or time of a point")
    check(message.is_dense == (finite == message.width), "is_dense of a cloud")
    return finite


def check_image(message, schema):
    if schema == "sensor_msgs/msg/Image":
        check(message.encoding == "rgb8" and message.step == 3 * message.width, "layout of an image")
        check(len(message.data) == message.step * message.height, "size of an image")
    else:
        start = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}[message.format]
        check(bytes(message.data[: len(start)]) == start, "a picture that is none")


def check_camera_info(message):
    count = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
    check(len(message.d) == count.get(message.distortion_model), "distortion of a camera")
    check(message.k[0] > 0 and message.k[8] == 1 and message.width > 0, "calibration of a camera")
    check(list(message.p[:3]) == list(message.k[:3]), "projection of a camera")


def check_transform(transform, parent):
    check(transform.header.frame_id == parent, f"parent of {transform.child_frame_id}")
    check(is_unit(transform.transform.rotation), f"rotation of {transform.child_frame_id}")


def check_detections(message):
    for detection in message.detections:
        check(detection.results and is_unit(detection.bbox.center.orientation), "a detection")
        size = detection.bbox.size
        check(min(size.x, size.y, size.z) > 0, "size of a detection")


def read(path):
    """Checks every message; returns how many each topic has, and how many
    points are finite."""
    counts, finite, frames = collections.Counter(), 0, set()
    with open(path, "rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        check(reader.get_header().profile == "ros2", "the profile")
        statistics = reader.get_summary().statistics
        for schema, channel, record, message in reader.iter_decoded_messages():
            counts[channel.topic] += 1
            check(channel.message_encoding == "cdr" and schema.encoding == "ros2msg", "an encoding")
            check("offered_qos_profiles" in channel.metadata, f"metadata of {channel.topic}")
            kind = channel.topic.rsplit("/", 1)[-1]
            expected = IMAGES if kind == "image" else {SCHEMAS.get(kind)}
            check(schema.name in expected, f"type of {channel.topic}")
            if kind in ("tf", "tf_static"):
                for transform in message.transforms:
                    check_transform(transform, "odom" if kind == "tf" else "base_link")
                    if kind == "tf_static":
                        frames.add(transform.child_frame_id)
                continue
            check(nanoseconds(message.header.stamp) == record.log_time, f"stamp of {channel.topic}")
            known = message.header.frame_id in frames | {"base_link"}
            check(known, f"{message.header.frame_id} is not in /tf_static before it")
            if kind == "points":
                finite += check_points(message)
            elif kind == "image":
                check_image(message, schema.name)
            elif kind == "camera_info":
                check_camera_info(message)
            elif kind == "annotations":
                check_detections(message)
        by_id = reader.get_summary().channels
        told = {by_id[i].topic: n for i, n in statistics.channel_message_counts.items()}
        check(told == dict(counts), f"the counts of the summary: {told}")
        # From the front, as a stream; each chunk's checksum counts, too.
        file.seek(0)
        records = collections.Counter(type(r).__name__ for r in StreamReader(file, validate_crcs=True).records)
        check(records["Message"] == counts.total(), "the count of a stream")
    return counts, finite


def main():
    path, converted = sys.argv[1:]
    counts, finite = read(path)
    claimed = int(re.search(r"messages: (\d+)", converted).group(1))
    check(counts.total() == claimed, f"{counts.total()} messages, not {claimed}")
    for topic in counts:
        if topic.endswith("/image"):
            info = topic.removesuffix("image") + "camera_info"
            check(counts[info] == counts[topic], f"{info} for each of {topic}")
    for topic, count in sorted(counts.items()):
        print(f"{count:8} {topic}")
    print(f"{finite:8} finite points")
    for what, times in collections.Counter(wrong).most_common(20):
        print(f"wrong, {times} times: {what}", file=sys.stderr)
    print("wrong" if wrong else "sound")
    sys.exit(bool(wrong))


main()
