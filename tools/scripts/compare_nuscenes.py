#!/usr/bin/env python3
"""Compares a scene as Janus reads it with the official nuScenes kit.

Takes the set's folder, its version, the scene's name and what the example
`frames` of janus-datasets printed. Says the greatest difference of each kind,
and fails where one is greater than it may be.

Needs nuscenes-devkit; `check-nuscenes` installs it.
"""

import json
import sys

import numpy as np
from nuscenes.nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud
from pyquaternion import Quaternion

from differences import Differences

# The vehicle's centre is half the wheelbase of a Renault Zoe ahead of the
# origin of the kit's ego frame.
EGO_FROM_BASE = np.array(
    [[1, 0, 0, 2.588 / 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]
)


def matrix(pose):
    """The matrix of a translation and a quaternion w, x, y, z."""
    out = Quaternion(pose["rotation"]).transformation_matrix
    out[:3, 3] = pose["translation"]
    return out


def main():
    root, version, name, printed = sys.argv[1:]
    kit = NuScenes(version=version, dataroot=root, verbose=False)
    scene = next(scene for scene in kit.scene if scene["name"] == name)
    lines = [json.loads(line) for line in open(printed)]
    log, frames = lines[0], lines[1:]

    # The kit's revolutions, from the scene's first keyframe on.
    token = kit.get("sample", scene["first_sample_token"])["data"]["LIDAR_TOP"]
    while kit.get("sample_data", token)["prev"]:
        token = kit.get("sample_data", token)["prev"]
    records = []
    while token:
        records.append(kit.get("sample_data", token))
        token = records[-1]["next"]

    found = Differences()
    found.add("frames: number", abs(len(frames) - len(records)), 0)
    base_from_lidar = matrix(log["lidars"][0]["base_from_sensor"])
    for frame, record in zip(frames, records):
        compare(kit, found, log, base_from_lidar, frame, record)
    failed = found.report()
    sys.exit("the readings differ" if failed else 0)


def compare(kit, found, log, base_from_lidar, frame, record):
    """Compares one frame with the kit's record of the revolution."""
    if "error" in frame:
        sys.exit(f"frame {frame['index']}: {frame['error']}")
    found.add("frames: stamp (ns)", abs(frame["stamp"] - record["timestamp"] * 1000), 0)
    ego = kit.get("ego_pose", record["ego_pose_token"])
    global_from_base = matrix(frame["pose"])
    found.add("ego pose (m, and entries)", abs(matrix(ego) @ EGO_FROM_BASE - global_from_base), 1e-9)

    mounted = kit.get("calibrated_sensor", record["calibrated_sensor_token"])
    found.add("LIDAR_TOP: mounting", abs(matrix(mounted) - EGO_FROM_BASE @ base_from_lidar), 1e-9)
    cloud = LidarPointCloud.from_file(kit.get_sample_data_path(record["token"])).points.T
    points = np.array(frame["sweeps"][0]["points"], dtype=float)
    found.add("returns: number", abs(len(cloud) - len(points)), 0)
    found.add("returns: place (m)", abs(cloud[:, :3] - points[:, :3] / 1000), 0.000502)
    found.add("returns: intensity (of 255)", abs(cloud[:, 3] - points[:, 3] / 257), 0.01)

    for image in frame["images"]:
        camera = log["cameras"][image["camera"]]
        compare_image(kit, found, camera, frame, image, record)

    boxes = kit.get_boxes(record["token"])
    found.add("boxes: number", abs(len(boxes) - len(frame["annotations"])), 0)
    for theirs, ours in zip(boxes, frame["annotations"]):
        annotation = kit.get("sample_annotation", theirs.token)
        compare_box(kit, found, global_from_base, record, theirs, ours, annotation)


def compare_image(kit, found, camera, frame, image, record):
    """Compares a picture with the kit's record of its file."""
    file = image["source"].split("/")[-3:]
    record = next(r for r in kit.sample_data if r["filename"] == "/".join(file))
    channel = record["channel"] == camera["name"]
    found.add("pictures: camera and stamp (ns)",
              abs(image["stamp"] - record["timestamp"] * 1000) if channel else np.nan, 0)
    mounted = kit.get("calibrated_sensor", record["calibrated_sensor_token"])
    ours = EGO_FROM_BASE @ matrix(camera["base_from_sensor"])
    found.add("cameras: mounting", abs(matrix(mounted) - ours), 1e-9)
    (fx, fy), (cx, cy) = camera["focal"], camera["centre"]
    lens = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    found.add("cameras: matrix (px)", abs(np.array(mounted["camera_intrinsic"]) - lens), 1e-9)
    if record["is_key_frame"]:
        sample = kit.get("sample", record["sample_token"])
        lidar = kit.get("sample_data", sample["data"]["LIDAR_TOP"])
        found.add("pictures of keyframes: frame (ns)",
                  abs(frame["stamp"] - lidar["timestamp"] * 1000), 0)


def compare_box(kit, found, global_from_base, record, theirs, ours, annotation):
    """Compares one box with the kit's."""
    box = global_from_base @ matrix(ours["base_from_box"])
    found.add("boxes: place (m)", abs(box[:3, 3] - theirs.center), 1e-6)
    found.add("boxes: turn (entries)", abs(box[:3, :3] - theirs.rotation_matrix), 1e-6)
    width, length, height = theirs.wlh
    found.add("boxes: size (m)", abs(np.array(ours["size"]) - [length, width, height]), 0)
    same = ours["track"] == annotation["instance_token"] and ours["label"] == theirs.name
    found.add("boxes: track and category", 0 if same else np.nan, 0)
    velocity = kit.box_velocity(annotation["token"])
    if np.isnan(velocity).any():
        found.add("boxes: no velocity", 0 if ours["velocity"] is None else np.nan, 0)
    else:
        turned = global_from_base[:3, :3].T @ velocity
        known = ours["velocity"] if ours["velocity"] is not None else [np.nan] * 2
        found.add("boxes: velocity (m/s)", abs(turned[:2] - known), 1e-6)
    level = kit.get("visibility", annotation["visibility_token"])["level"]
    low, high = level[1:].split("-")
    found.add("boxes: visibility", abs((int(low) + int(high)) / 200 - ours["visibility"]), 1e-9)
    if record["is_key_frame"]:
        found.add("boxes: returns in them", abs(annotation["num_lidar_pts"] - ours["points"]), 0)
    else:
        found.add("boxes: returns unknown", 0 if ours["points"] is None else np.nan, 0)


if __name__ == "__main__":
    main()
