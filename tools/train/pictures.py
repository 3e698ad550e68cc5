"""Pictures of the synthetic world with their boxes, as the example `pictures`
of the datasets writes them."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch

PAD = 114


def counts(seen):
    """Whether a detector is to find this: the rest is too small or too far
    hidden, and neither asked for nor held against it."""
    _, _, width, height = seen["bbox"]
    return seen["visibility"] >= 0.3 and width >= 4 and height >= 8


class Pictures(torch.utils.data.Dataset):
    """Each item: a part of a picture, BGR of 0 to 255, [3, H, W], and rows of
    x_min, y_min, x_max, y_max, class and whether it counts. It is another part
    in each epoch. What was read stays in memory."""

    def __init__(self, folder, size, seed):
        truth = json.loads((Path(folder) / "annotations.json").read_text())
        self.names = [category["name"] for category in truth["categories"]]
        self.paths = [Path(folder) / image["file_name"] for image in truth["images"]]
        self.size, self.seed, self.epoch = size, seed, 0
        self.read = {}
        rows = [[] for _ in self.paths]
        for seen in truth["annotations"]:
            x, y, width, height = seen["bbox"]
            row = [x, y, x + width, y + height, seen["category_id"], counts(seen)]
            rows[seen["image_id"]].append(row)
        self.rows = [np.array(row, np.float32).reshape(-1, 6) for row in rows]

    def weights(self):
        """How often each picture is to be taken, so that rare classes are
        learnt like the others."""
        shown = np.zeros((len(self), len(self.names)))
        for picture, rows in zip(shown, self.rows):
            picture[rows[rows[:, 5] > 0, 4].astype(int)] = 1
        # Some without anything.
        return 0.1 / len(self) + (shown / shown.sum(0).clip(1)).sum(1)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        random = np.random.default_rng([self.seed, self.epoch, index])
        if index not in self.read:
            self.read[index] = cv2.imread(str(self.paths[index]), cv2.IMREAD_COLOR)
        picture, rows = vary(self.read[index], self.rows[index].copy(), self.size, random)
        planes = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        return planes, torch.from_numpy(rows)

    @staticmethod
    def batch(items):
        pictures, rows = zip(*items)
        return torch.stack(pictures), list(rows)


def vary(picture, rows, size, random):
    """A part of the picture, mostly around something, scaled, mirrored and in
    other light."""
    size = np.array(size)
    # As a whole it fits at 0.65.
    scale = np.exp(random.uniform(np.log(0.55), np.log(1.0)))
    whole = scale * np.array(picture.shape[1::-1])
    focus = random.uniform(0, whole)
    asked = rows[rows[:, 5] > 0]
    if len(asked) and random.random() < 0.8:
        # Every class alike.
        asked = asked[asked[:, 4] == random.choice(np.unique(asked[:, 4]))]
        chosen = asked[random.integers(len(asked))]
        focus = scale * (chosen[:2] + chosen[2:4]) / 2
    room = np.minimum(size - whole, 0)
    move = np.clip(random.uniform(0.1, 0.9, 2) * size - focus, room, 0)
    # Places are edges of pixels here, and middles to OpenCV.
    middle = move + scale * 0.5 - 0.5
    matrix = np.array([[scale, 0.0, middle[0]], [0.0, scale, middle[1]]])
    picture = cv2.warpAffine(picture, matrix, tuple(map(int, size)), borderValue=(PAD, PAD, PAD))

    area = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]) * scale**2
    rows[:, :4] = np.clip(rows[:, :4] * scale + [*move, *move], 0, [*size, *size])
    sides = rows[:, 2:4] - rows[:, :2]
    # What was cut or shrunk to next to nothing need not be found.
    rows[:, 5] *= (sides.prod(1) > 0.3 * area) & (sides >= [3, 6]).all(1)
    rows = rows[(sides > 1).all(1)]
    if random.random() < 0.5:
        picture = picture[:, ::-1]
        rows[:, [0, 2]] = size[0] - rows[:, [2, 0]]
    gain = random.uniform(0.75, 1.25) * random.uniform(0.93, 1.07, 3)
    levels = np.arange(256)[:, None] * gain + random.uniform(-20, 20)
    table = np.clip(levels, 0, 255).astype(np.uint8).reshape(1, 256, 3)
    return cv2.LUT(np.ascontiguousarray(picture), table), rows
