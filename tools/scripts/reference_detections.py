#!/usr/bin/env python3
"""What YOLOX's own pre- and postprocessing finds in pictures, as JSON.

The reference against which the detector is tested: preprocessing as
`yolox/data/data_augment.py` (`preproc`) does it, decoding as
`yolox/utils/demo_utils.py` (`demo_postprocess`), one class per box and
class-wise suppression as `yolox/utils/boxes.py` (`postprocess`). Boxes are
then clipped to the picture; one that lies outside of it is left out before
suppression.

Needs numpy, opencv-python-headless and onnxruntime.
"""

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

STRIDES = (8, 16, 32)
PAD = 114


def preprocess(picture, height, width):
    ratio = min(height / picture.shape[0], width / picture.shape[1])
    resized = cv2.resize(
        picture,
        (int(picture.shape[1] * ratio), int(picture.shape[0] * ratio)),
        interpolation=cv2.INTER_LINEAR,
    )
    padded = np.full((height, width, 3), PAD, dtype=np.uint8)
    padded[: resized.shape[0], : resized.shape[1]] = resized
    tensor = np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32)
    return tensor[None], ratio


def decode(rows, height, width):
    """Boxes (x_min, y_min, x_max, y_max) in input pixels, scores, classes."""
    grids, strides = [], []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        grids.append(np.stack((x, y), 2).reshape(-1, 2))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    grids = np.concatenate(grids)
    strides = np.concatenate(strides)
    centre = (rows[:, :2] + grids) * strides
    size = np.exp(rows[:, 2:4]) * strides
    boxes = np.concatenate((centre - size / 2, centre + size / 2), 1)
    classes = rows[:, 5:].argmax(1)
    scores = rows[:, 4] * rows[:, 5:].max(1)
    return boxes, scores, classes


def overlap(box, boxes):
    """Intersection over union of one box with many."""
    corner_min = np.maximum(box[:2], boxes[:, :2])
    corner_max = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(corner_max - corner_min, 0, None), 1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
    return shared / (np.prod(box[2:] - box[:2]) + areas - shared)


def suppress(boxes, scores, classes, threshold):
    kept = []
    order = np.argsort(-scores, kind="stable")
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        rival = classes[order] == classes[best]
        rival &= overlap(boxes[best], boxes[order]) > threshold
        order = order[~rival]
    return kept


def detect(session, path, score_threshold, nms_threshold, size=None):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path}: not a picture that OpenCV reads")
    model_input = session.get_inputs()[0]
    height, width = size or model_input.shape[2:]
    tensor, ratio = preprocess(picture, height, width)
    rows = session.run(None, {model_input.name: tensor})[0][0]

    boxes, scores, classes = decode(rows, height, width)
    boxes = boxes / ratio
    edge = np.array([picture.shape[1], picture.shape[0]])
    inside = (boxes[:, :2] < edge).all(1) & (boxes[:, 2:] > 0).all(1)
    candidates = (scores >= score_threshold) & inside
    boxes, scores, classes = boxes[candidates], scores[candidates], classes[candidates]
    kept = suppress(boxes, scores, classes, nms_threshold)
    boxes = np.clip(boxes, 0, np.tile(edge, 2))
    return [
        {
            "class": int(classes[i]),
            "score": round(float(scores[i]), 6),
            "bbox": [round(float(v), 4) for v in boxes[i]],
        }
        for i in kept
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--score-threshold", type=float, default=0.1)
    parser.add_argument("--nms-threshold", type=float, default=0.45)
    arguments = parser.parse_args()

    session = onnxruntime.InferenceSession(
        str(arguments.model), providers=["CPUExecutionProvider"]
    )
    digest = hashlib.sha256(arguments.model.read_bytes()).hexdigest()
    results = [
        {
            "model": arguments.model.name,
            "model_sha256": digest,
            "picture": path.name,
            "onnxruntime": onnxruntime.__version__,
            "opencv": cv2.__version__,
            "score_threshold": arguments.score_threshold,
            "nms_threshold": arguments.nms_threshold,
            "detections": detect(
                session, path, arguments.score_threshold, arguments.nms_threshold
            ),
        }
        for path in arguments.pictures
    ]
    print(json.dumps(results if len(results) > 1 else results[0], indent=1))


if __name__ == "__main__":
    main()
