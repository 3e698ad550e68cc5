#!/usr/bin/env python3
"""Compares what Janus and Python ONNX Runtime see in pictures, and the time
that the network takes. Called by `compare-detections`, which says how."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from reference_detections import detect, preprocess

SIZES = ((416, 416), (384, 1248))
PIXELS, SCORE, SHARE, SLOWER = 0.5, 0.002, 0.995, 1.05
SCORE_THRESHOLD, NMS_THRESHOLD = 0.25, 0.45


def resized(path, height, width):
    """The model with another size of its input."""
    model = onnx.load(path)
    shape = model.graph.input[0].type.tensor_type.shape
    shape.dim[2].dim_value, shape.dim[3].dim_value = height, width
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model.SerializeToString()


def janus(arguments, inference, height, width, pictures):
    options = (
        f'inference = "{inference}"\nthreads = {arguments.threads}\n'
        f'input_size = "{height}x{width}"\n'
        f"score_threshold = {SCORE_THRESHOLD}\nnms_threshold = {NMS_THRESHOLD}\n"
    )
    command = [arguments.detect, arguments.model, options, "1", *map(str, pictures)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def run_times(seen):
    """Milliseconds of one run for each picture."""
    return [picture["run_ms"][0] for picture in seen["pictures"]]


def python_times(session, pictures, height, width):
    """Milliseconds of one run for each picture."""
    name = session.get_inputs()[0].name
    times = []
    for path in pictures:
        tensor, _ = preprocess(cv2.imread(str(path)), height, width)
        start = time.perf_counter()
        session.run(None, {name: tensor})
        times.append((time.perf_counter() - start) * 1e3)
    return times


def unmatched(expected, found):
    """How many of the boxes of both have no counterpart. A score within
    tolerance of the threshold may fall on either side of it."""
    left = list(found)
    missing = 0
    for box in expected:
        near = [
            other
            for other in left
            if other["class"] == box["class"]
            and abs(other["score"] - box["score"]) <= SCORE
            and np.abs(np.subtract(other["bbox"], box["bbox"])).max() <= PIXELS
        ]
        if near:
            left.remove(near[0])
        elif box["score"] >= SCORE_THRESHOLD + SCORE:
            missing += 1
    return missing + sum(box["score"] >= SCORE_THRESHOLD + SCORE for box in left)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detect")
    parser.add_argument("model")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pictures = sorted(arguments.pictures.glob("*.png"))[:: arguments.stride]
    if not pictures:
        sys.exit(f"{arguments.pictures}: no pictures")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    good = True
    for height, width in SIZES:
        session = onnxruntime.InferenceSession(
            resized(arguments.model, height, width),
            options,
            providers=["CPUExecutionProvider"],
        )
        seen = janus(arguments, "onnxruntime", height, width, pictures)
        if seen["version"] != onnxruntime.__version__:
            sys.exit(f"Janus runs ONNX Runtime {seen['version']}, Python {onnxruntime.__version__}")
        boxes = apart = 0
        for path, found in zip(pictures, seen["pictures"]):
            expected = detect(session, path, SCORE_THRESHOLD, NMS_THRESHOLD, (height, width))
            boxes += len(expected)
            apart += unmatched(expected, found["detections"])

        # One after the other, round by round, so that what else the machine
        # does burdens all; of each picture the fastest run of each.
        python_times(session, pictures[:2], height, width)
        ours, theirs, embedded = [], [], []
        for _ in range(arguments.rounds):
            ours.append(run_times(janus(arguments, "onnxruntime", height, width, pictures)))
            theirs.append(python_times(session, pictures, height, width))
            embedded.append(run_times(janus(arguments, "embedded", height, width, pictures)))
        ours, theirs, embedded = (np.min(times, 0) for times in (ours, theirs, embedded))
        ratio = float(np.sum(ours) / np.sum(theirs))
        around = [
            min(picture["preprocess_ms"]) + min(picture["postprocess_ms"])
            for picture in seen["pictures"]
        ]
        share = 1 - apart / max(boxes, 1)
        print(
            f"{height}x{width}: {len(pictures)} pictures, {boxes} boxes, "
            f"{100 * share:.2f} % the same; network {np.mean(ours):.2f} ms, "
            f"in Python {np.mean(theirs):.2f} ms, ratio {ratio:.3f}; "
            f"before and after it {statistics.median(around):.2f} ms; "
            f"embedded, on one thread, {np.mean(embedded):.2f} ms, "
            f"{np.sum(embedded) / np.sum(ours):.2f} times ONNX Runtime's"
        )
        good &= boxes > 0 and share >= SHARE and ratio <= SLOWER
    sys.exit(not good)


if __name__ == "__main__":
    main()
