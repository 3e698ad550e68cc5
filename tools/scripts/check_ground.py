"""Compares what Janus takes for ground with Patchwork++.

check_ground.py DRIVE LABELS: a KITTI raw drive, and the folder `labels` of its
export. One estimator goes over the drive, with the settings that are its own,
as it would in its users' programs. Points from 3 to 40 m count.
"""

import pathlib
import sys

import numpy as np
import pypatchworkpp

GROUND = 1
# Of the HDL-64E on KITTI's car, m.
SENSOR_HEIGHT = 1.73

drive, labels = map(pathlib.Path, sys.argv[1:])
parameters = pypatchworkpp.Parameters()
parameters.sensor_height = SENSOR_HEIGHT
parameters.verbose = False
estimator = pypatchworkpp.patchworkpp(parameters)
agree = count = 0
for path in sorted(labels.glob("*.bin")):
    scan = drive / "velodyne_points" / "data" / f"{int(path.stem):010}.bin"
    points = np.fromfile(scan, "<f4").reshape(-1, 4)
    ours = np.fromfile(path, "<u4") == GROUND
    if len(ours) != len(points):
        sys.exit(f"{path}: {len(ours)} labels for {len(points)} points")
    estimator.estimateGround(points)
    theirs = np.zeros(len(points), bool)
    theirs[estimator.getGroundIndices()] = True
    away = np.hypot(points[:, 0], points[:, 1])
    counted = (away >= 3) & (away <= 40)
    agree += np.sum((ours == theirs)[counted])
    count += counted.sum()
if not count:
    sys.exit(f"{labels}: no labels")
print(f"{agree} of {count} points agree: {100 * agree / count:.2f} %")
