"""Writes random tracks and what trackeval makes of them, for the test
`tracking` of the perception crate:

    reference_tracking.py > perception/tests/tracking.json

Needs trackeval 1.3.
"""

import contextlib
import io
import json
import random

import numpy as np
from trackeval.datasets import Kitti2DBox
from trackeval.metrics import CLEAR, HOTA, Identity

# What trackeval asks of a picture, here of the ground: whether something is
# occluded or truncated stands for whether nobody has to track it, and a small
# height for a place where nobody looks.
CAR, VAN = 1, 2
SMALL, LARGE = 20, 40

random.seed(3)


def walk(frames):
    """A thing's place in each frame in which it is there."""
    start = random.randrange(frames)
    x, y = random.uniform(0, 20), random.uniform(0, 20)
    vx, vy = random.gauss(0, 0.4), random.gauss(0, 0.4)
    places = {}
    for t in range(start, min(frames, start + random.randint(1, frames))):
        if random.random() < 0.95:
            places[t] = (x + vx * t, y + vy * t)
    return places


def sequence(frames, things, noise, quiet):
    """Things and tracks of them that stop, swap and go astray."""
    walks = {10 * i + 3: walk(frames) for i in range(things)}
    kinds = {i: VAN if random.random() < 0.2 else CAR for i in walks}
    names = {i: i + 100 for i in walks}
    made = []
    for t in range(frames):
        if len(names) > 1 and random.random() < 0.15:
            a, b = random.sample(sorted(names), 2)
            names[a], names[b] = names[b], names[a]
        if names and random.random() < 0.1:
            names[random.choice(sorted(names))] = 1000 + t
        truths = [(i, p[t]) for i, p in walks.items() if t in p]
        tracks = []
        for i, (x, y) in truths:
            if random.random() < 0.85:
                shift = lambda: random.gauss(0, noise)
                tracks.append((names[i], (x + shift(), y + shift())))
        for k in range(random.choice([0, 0, 0, 1, 2])):
            tracks.append((5000 + 7 * t + k, (random.uniform(0, 20), random.uniform(0, 20))))
        # Some frames without truths, some without tracks.
        truths = [] if t in quiet.get("truths", []) else truths
        tracks = [] if t in quiet.get("tracks", []) else tracks
        random.shuffle(tracks)
        # Two decimals, so that some lie on a threshold.
        alike = lambda p, q: round(max(0.0, 1 - np.hypot(p[0] - q[0], p[1] - q[1]) / 2), 2)
        made.append({
            "truths": [i for i, _ in truths],
            "tracks": [i for i, _ in tracks],
            "similarity": [alike(p, q) for _, p in truths for _, q in tracks],
            "van": [kinds[i] == VAN for i, _ in truths],
            "hard": [random.random() < 0.2 for _ in truths],
            "outside": [random.random() < 0.3 for _ in tracks],
        })
    return made


def raw(frames):
    """A sequence in the form of trackeval's readers."""
    of = lambda frame, key, kind: np.array(frame[key], dtype=kind)
    data = {key: [] for key in [
        "gt_ids", "gt_classes", "gt_dets", "gt_extras", "gt_crowd_ignore_regions",
        "tracker_ids", "tracker_classes", "tracker_dets", "tracker_confidences", "similarity_scores",
    ]}
    for frame in frames:
        truths, tracks = len(frame["truths"]), len(frame["tracks"])
        data["gt_ids"].append(of(frame, "truths", int))
        data["gt_classes"].append(np.where(of(frame, "van", bool), VAN, CAR))
        data["gt_dets"].append(np.zeros((truths, 4)))
        data["gt_extras"].append({
            "occlusion": np.where(of(frame, "hard", bool), 3, 0),
            "truncation": np.zeros(truths, dtype=int),
        })
        data["gt_crowd_ignore_regions"].append(np.empty((0, 4)))
        data["tracker_ids"].append(of(frame, "tracks", int))
        data["tracker_classes"].append(np.full(tracks, CAR))
        boxes = np.zeros((tracks, 4))
        boxes[:, 3] = np.where(of(frame, "outside", bool), SMALL, LARGE)
        data["tracker_dets"].append(boxes)
        data["tracker_confidences"].append(np.ones(tracks))
        data["similarity_scores"].append(of(frame, "similarity", float).reshape(truths, tracks))
    return data | {"num_timesteps": len(frames), "seq": "0"}


def kitti():
    """The reader of KITTI's boxes, without its files."""
    reader = Kitti2DBox.__new__(Kitti2DBox)
    reader.max_occlusion, reader.max_truncation, reader.min_height = 2, 0, 25
    reader.class_name_to_class_id = {"car": CAR, "van": VAN}
    return reader


def whole(frames):
    """A sequence in which everything counts, in the form of the metrics."""
    data = raw(frames)
    for name, key in [("gt", "gt_ids"), ("tracker", "tracker_ids")]:
        ids = sorted({i for frame in data[key] for i in frame.tolist()})
        data[key] = [np.array([ids.index(i) for i in frame], dtype=int) for frame in data[key]]
        data[f"num_{name}_ids"] = len(ids)
        data[f"num_{name}_dets"] = sum(len(frame) for frame in data[key])
    return data


def plain(results):
    return {key: np.asarray(value).tolist() for key, value in results.items()}


sequences = [
    sequence(30, 6, 0.3, {"truths": [4, 5], "tracks": [9]}),
    sequence(40, 12, 0.8, {"tracks": [0, 20, 21]}),
    sequence(12, 3, 0.1, {}),
    sequence(8, 0, 0.1, {}),
    sequence(8, 3, 0.1, {"tracks": range(8)}),
    sequence(25, 8, 1.2, {"truths": range(10, 14)}),
]
kinds = {"hota": HOTA(), "clear": CLEAR({"PRINT_CONFIG": False}), "identity": Identity({"PRINT_CONFIG": False})}
with contextlib.redirect_stdout(io.StringIO()):
    results = {}
    for name, prepare in [
        ("whole", whole),
        ("relevant", lambda frames: kitti().get_preprocessed_seq_data(raw(frames), "car")),
    ]:
        prepared = [prepare(frames) for frames in sequences]
        results[name] = {}
        for kind, metric in kinds.items():
            each = {str(i): metric.eval_sequence(data) for i, data in enumerate(prepared)}
            results[name][kind] = {
                "sequences": [plain(found) for found in each.values()],
                "all": plain(metric.combine_sequences(each)),
            }
print(json.dumps({"sequences": sequences, **results}))
