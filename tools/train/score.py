#!/usr/bin/env python3
"""Scores a detector on pictures of the synthetic world, by class and by
distance: `score.py MODEL.onnx PICTURES`.

Prints, as JSON, COCO's average precision at an overlap of 0.5. Beyond a
distance nothing is asked for, nor held against the detector where it finds
it; the same goes for what is hidden or tiny (`pictures.counts`)."""

import argparse
import contextlib
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pictures import counts

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from reference_detections import detect

# Metres over the ground from the vehicle's middle.
REACHES = (15, 30, 1000)
LEAST_SCORE = 0.01
NMS_THRESHOLD = 0.45


class Precision(COCOeval):
    """COCO's evaluation, but only of what is within reach."""

    def __init__(self, truth, found, reach):
        super().__init__(truth, found, "bbox")
        self.reach = reach
        self.params.iouThrs = np.array([0.5])
        self.params.areaRng, self.params.areaRngLbl = [[0, 1e10]], ["all"]
        self.params.maxDets = [100]

    def _prepare(self):
        super()._prepare()
        for seen in (seen for group in self._gts.values() for seen in group):
            seen["ignore"] = seen["iscrowd"] or seen["range"] > self.reach

    def by_category(self):
        """The average precision of each category, and how many things were to
        be found."""
        with contextlib.redirect_stdout(sys.stderr):
            self.evaluate()
            self.accumulate()
        scores = {}
        for k, category in enumerate(self.params.catIds):
            precision = self.eval["precision"][0, :, k, 0, 0]
            asked = sum(
                not seen["ignore"]
                for (_, of), group in self._gts.items()
                if of == category
                for seen in group
            )
            name = self.cocoGt.cats[category]["name"]
            ap50 = round(float(precision.mean()), 3) if asked else None
            scores[name] = {"ap50": ap50, "things": asked}
        return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path)
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        truth = COCO(arguments.pictures / "annotations.json")
    for seen in truth.anns.values():
        # Detections on what does not count are forgiven, as COCO does for crowds.
        seen["iscrowd"] = int(not counts(seen))

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(arguments.model), options, providers=["CPUExecutionProvider"]
    )
    results = []
    for image in truth.imgs.values():
        path = arguments.pictures / image["file_name"]
        for found in detect(session, path, LEAST_SCORE, NMS_THRESHOLD):
            left, top, right, bottom = found["bbox"]
            results.append(
                {
                    "image_id": image["id"],
                    "category_id": found["class"],
                    "bbox": [left, top, right - left, bottom - top],
                    "score": found["score"],
                }
            )
    if not results:
        raise SystemExit(f"{arguments.model}: finds nothing in these pictures")
    with contextlib.redirect_stdout(sys.stderr):
        found = truth.loadRes(results)
    scores = {f"within {reach} m": Precision(truth, found, reach).by_category() for reach in REACHES}
    said = {
        "model_sha256": hashlib.sha256(arguments.model.read_bytes()).hexdigest(),
        "pictures": len(truth.imgs),
        "scores": scores,
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
