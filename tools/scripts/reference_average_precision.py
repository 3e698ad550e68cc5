"""Writes random boxes and what pycocotools makes of them, for the test
`average_precision` of the perception crate:

    reference_average_precision.py > perception/tests/average_precision.json

Needs pycocotools 2.0.
"""

import contextlib
import io
import json
import random

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

random.seed(1)
CLASSES = [1, 2, 3]
PICTURES = range(1, 16)


def box():
    side = random.choice([12, 40, 140])
    width, height = (round(side * random.uniform(0.5, 1.5), 2) for _ in range(2))
    return [round(random.uniform(0, 400), 2), round(random.uniform(0, 300), 2), width, height]


def near(truth):
    spread = random.choice([0.01, 0.05, 0.2])
    x, y, width, height = truth
    shake = lambda value, by: round(value + random.gauss(0, spread) * by, 2)
    return [shake(x, width), shake(y, height)] + [max(1.0, shake(side, side)) for side in (width, height)]


truths, guesses = [], []
for picture in PICTURES:
    for _ in range(random.randint(0, 8)):
        bbox, kind = box(), random.choice(CLASSES)
        truths.append({
            "id": len(truths) + 1,
            "image_id": picture,
            "category_id": kind,
            "bbox": bbox,
            "area": round(bbox[2] * bbox[3] * random.uniform(0.6, 1.0), 2),
            "iscrowd": int(random.random() < 0.1),
        })
        for _ in range(random.choice([0, 1, 1, 2])):
            said = kind if random.random() < 0.85 else random.choice(CLASSES)
            # Few scores, so that some are the same.
            score = round(random.uniform(0.2, 1.0), 1)
            guesses.append({"image_id": picture, "category_id": said, "bbox": near(bbox), "score": score})
    for _ in range(random.randint(0, 3)):
        score = round(random.uniform(0.0, 0.7), 1)
        guesses.append({"image_id": picture, "category_id": random.choice(CLASSES), "bbox": box(), "score": score})

with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": picture} for picture in PICTURES],
        "categories": [{"id": kind} for kind in CLASSES],
        "annotations": truths,
    }
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(guesses), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()

# Overlap, share, class, area, number of boxes.
precision = evaluation.eval["precision"][:, :, :, :, -1]
mean = lambda values: float(values.mean())
print(json.dumps({
    "truths": truths,
    "guesses": guesses,
    "ap": [mean(precision[:, :, :, area]) for area in range(4)],
    "ap_50": [mean(precision[0, :, :, area]) for area in range(4)],
    "curves": [precision[0, :, kind, 0].tolist() for kind in range(len(CLASSES))],
}))
