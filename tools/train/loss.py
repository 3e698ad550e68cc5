"""Which cell is to predict which box (SimOTA of YOLOX, after Ge et al., "OTA:
Optimal Transport Assignment for Object Detection", CVPR 2021), and how far
off the predictions are."""

import torch
from torch.nn import functional

# Cells whose middle is so near the box's may predict it, in cells.
RADIUS = 1.5
CANDIDATES = 10
BOX_WEIGHT = 3.0


def overlap(a, b):
    """Intersection over union, and its generalisation (Rezatofighi et al.,
    CVPR 2019), of boxes x_min, y_min, x_max, y_max."""
    inner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    outer = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    inner, outer = inner.clamp(0).prod(-1), outer.prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(-1) for box in (a, b)]
    union = areas[0] + areas[1] - inner
    iou = inner / union
    return iou, iou - (outer - union) / outer


def decode(rows, columns, strides):
    """Boxes in pixels of the input."""
    centre = (rows[..., :2] + columns) * strides
    half = rows[..., 2:4].clamp(max=8).exp() * strides / 2
    return torch.cat((centre - half, centre + half), -1)


@torch.no_grad()
def assign(boxes, scores, truth, classes, columns, strides):
    """The number of the box that each cell is to predict, -1 for none."""
    assigned = torch.full((len(boxes),), -1)
    if len(truth) == 0:
        return assigned
    centre = (truth[:, :2] + truth[:, 2:]) / 2
    middles = (columns + 0.5) * strides
    off = (middles[None] - centre[:, None]).abs() / strides
    near = (off < RADIUS).all(-1)
    index = near.any(0).nonzero().squeeze(1)
    near = near[:, index]
    iou, _ = overlap(truth[:, None], boxes[None, index])
    found = scores[index].sigmoid()
    found = (found[:, 1:] * found[:, :1]).sqrt()
    wanted = functional.one_hot(classes, found.shape[1]).float()
    shape = (len(truth), len(index), found.shape[1])
    wrong = functional.binary_cross_entropy(
        found[None].expand(shape), wanted[:, None].expand(shape), reduction="none"
    ).sum(-1)
    cost = wrong - BOX_WEIGHT * (iou + 1e-8).log() + 1e6 * ~near
    best = (iou * near).topk(min(CANDIDATES, len(index)), 1).values
    take = best.sum(1).int().clamp(min=1)
    order = cost.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    taken = (order < take[:, None]) & near
    least = torch.where(taken, cost, torch.inf).min(0)
    chosen = least.values < torch.inf
    assigned[index[chosen]] = least.indices[chosen]
    return assigned


def loss(output, truth, columns, strides):
    """Sum of the losses over a batch, for each cell that predicts a box."""
    boxes = decode(output[..., :4], columns, strides)
    scores = output[..., 4:]
    parts, cells = [], 0
    for boxes, scores, rows in zip(boxes, scores, truth):
        counted = rows[:, 5] > 0
        wanted, classes = rows[counted, :4], rows[counted, 4].long()
        assigned = assign(boxes, scores, wanted, classes, columns, strides)
        positive = (assigned >= 0).nonzero().squeeze(1)
        which = assigned[positive]
        cells += len(positive)
        iou, generalised = overlap(boxes[positive], wanted[which])
        targets = functional.one_hot(classes[which], scores.shape[1] - 1) * iou.detach()[:, None]
        # Nothing is asked of cells on things that do not count.
        middles = (columns + 0.5) * strides
        other = rows[~counted]
        on = (middles[None] > other[:, None, :2]) & (middles[None] < other[:, None, 2:4])
        asked = ~on.all(-1).any(0) | (assigned >= 0)
        objectness = functional.binary_cross_entropy_with_logits(
            scores[asked, 0], (assigned[asked] >= 0).float(), reduction="sum"
        )
        names = functional.binary_cross_entropy_with_logits(
            scores[positive, 1:], targets, reduction="sum"
        )
        parts.append(torch.stack((BOX_WEIGHT * (1 - generalised).sum(), objectness, names)))
    return torch.stack(parts).sum(0) / max(cells, 1)
