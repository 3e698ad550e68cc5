#!/usr/bin/env python3
"""Compares an Argoverse 2 log as Janus reads it with the official package.

Takes the log's folder and what the example `frames` of janus-datasets
printed. Says the greatest difference of each kind, and fails where one is
greater than it may be.

Needs av2; `check-argoverse2` installs it.
"""

import json
import sys
from pathlib import Path

import numpy as np
from av2.geometry.camera.pinhole_camera import PinholeCamera
from av2.structures.cuboid import CuboidList
from av2.structures.sweep import Sweep
from av2.utils.io import read_city_SE3_ego, read_ego_SE3_sensor, read_feather
from scipy.spatial.transform import Rotation

from differences import Differences

# The vehicle's centre on the ground, from the middle of the rear axle.
EGO_FROM_BASE = np.array(
    [[1, 0, 0, 2.850 / 2], [0, 1, 0, 0], [0, 0, 1, -0.33], [0, 0, 0, 1.0]]
)


def matrix(pose):
    """The matrix of a translation and a quaternion w, x, y, z."""
    w, x, y, z = pose["rotation"]
    out = np.eye(4)
    out[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
    out[:3, 3] = pose["translation"]
    return out


def main():
    folder = Path(sys.argv[1])
    lines = [json.loads(line) for line in open(sys.argv[2])]
    log, frames = lines[0], lines[1:]
    found = Differences()

    poses = read_city_SE3_ego(folder)
    way = {waypoint["stamp"]: matrix(waypoint["pose"]) for waypoint in log["trajectory"]}
    found.add("poses: number", abs(len(poses) - len(way)), 0)
    for stamp, pose in poses.items():
        ours = way.get(stamp, np.full((4, 4), np.nan))
        found.add("poses (m, and entries)", abs(pose.transform_matrix @ EGO_FROM_BASE - ours), 1e-9)

    mounted = read_ego_SE3_sensor(folder)
    for sensor in log["lidars"] + log["cameras"]:
        ours = EGO_FROM_BASE @ matrix(sensor["base_from_sensor"])
        found.add("sensors: mounting", abs(mounted[sensor["name"]].transform_matrix - ours), 1e-9)
    for camera in log["cameras"]:
        theirs = PinholeCamera.from_feather(folder, camera["name"])
        (fx, fy), (cx, cy) = camera["focal"], camera["centre"]
        lens = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        found.add("cameras: matrix (px)", abs(theirs.intrinsics.K - lens), 1e-9)
        size = [theirs.width_px, theirs.height_px]
        found.add("cameras: size (px)", abs(np.array(size) - camera["resolution"]), 0)
        found.add("cameras: rectified", float(camera["distorted"]), 0)

    sweeps = sorted(int(path.stem) for path in (folder / "sensors/lidar").glob("*.feather"))
    found.add("frames: number", abs(len(sweeps) - len(frames)), 0)
    annotations = folder / "annotations.feather"
    boxes = CuboidList.from_feather(annotations) if annotations.exists() else None
    # What the package leaves out of its cuboids.
    rows = read_feather(annotations).to_dict("records") if annotations.exists() else []
    for index, (stamp, frame) in enumerate(zip(sweeps, frames)):
        if "error" in frame:
            sys.exit(f"frame {index}: {frame['error']}")
        found.add("frames: number and stamp (ns)",
                  abs(stamp - frame["stamp"]) + abs(index - frame["index"]), 0)
        found.add("frames: pose (m, and entries)", abs(way[stamp] - matrix(frame["pose"])), 0)
        compare_sweeps(found, Sweep.from_feather(folder / f"sensors/lidar/{stamp}.feather"), log, frame)
        if boxes is not None:
            own = [i for i in range(len(boxes)) if boxes[i].timestamp_ns == stamp]
            compare_boxes(found, [(boxes[i], rows[i]) for i in own], frame)
    sys.exit("the readings differ" if found.report() else 0)


def compare_sweeps(found, sweep, log, frame):
    """Compares the returns of both lidars."""
    lasers = np.asarray(sweep.laser_number)
    mounted = {"up_lidar": sweep.ego_SE3_up_lidar, "down_lidar": sweep.ego_SE3_down_lidar}
    for ours in frame["sweeps"]:
        name = log["lidars"][ours["lidar"]]["name"]
        own = lasers < 32 if name == "up_lidar" else lasers >= 32
        points = np.array(ours["points"], dtype=float)
        found.add("returns: number", abs(np.count_nonzero(own) - len(points)), 0)
        theirs = mounted[name].inverse().transform_point_cloud(sweep.xyz[own])
        found.add("returns: place (m)", abs(theirs - points[:, :3] / 1000), 0.000501)
        intensity = np.asarray(sweep.intensity)[own]
        found.add("returns: intensity (of 255)", abs(intensity - points[:, 3] / 257), 1e-9)
        found.add("returns: compensated, stamp (ns)",
                  abs(points[:, 4]) + abs(ours["stamp"] - sweep.timestamp_ns), 0)


def compare_boxes(found, boxes, frame):
    """Compares the boxes of a frame."""
    found.add("boxes: number", abs(len(boxes) - len(frame["annotations"])), 0)
    for (theirs, row), ours in zip(boxes, frame["annotations"]):
        box = EGO_FROM_BASE @ matrix(ours["base_from_box"])
        found.add("boxes: pose (m, and entries)", abs(theirs.dst_SE3_object.transform_matrix - box), 1e-9)
        found.add("boxes: size (m)", abs(theirs.dims_lwh_m - np.array(ours["size"])), 0)
        found.add("boxes: returns in them", abs(row["num_interior_pts"] - ours["points"]), 0)
        same = ours["track"] == row["track_uuid"] and ours["label"] == theirs.category
        found.add("boxes: track and category", 0 if same else np.nan, 0)


if __name__ == "__main__":
    main()
