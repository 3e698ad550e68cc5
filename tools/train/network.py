"""A small network of the YOLOX family (Ge et al., "YOLOX: Exceeding YOLO
Series in 2021", arXiv 2107.08430): cross stage partial backbone, path
aggregation, a decoupled head, no anchors. Plain convolutions and ReLU, which
every backend runs fast."""

import math

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

STRIDES = (8, 16, 32)
# Width and height of the input, pixels: two thirds of the world's pictures.
SIZE = (416, 256)


class Layer(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs, outputs, side=1, stride=1):
        super().__init__(
            nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two layers past which the input goes, too."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(Layer(width, width), Layer(width, width, 3))

    def forward(self, x):
        return x + self.layers(x)


class CrossStage(nn.Module):
    """Cross stage partial block (Wang et al., "CSPNet", CVPRW 2020)."""

    def __init__(self, inputs, outputs, depth=1):
        super().__init__()
        half = outputs // 2
        self.through = nn.Sequential(
            Layer(inputs, half), *(Residual(half) for _ in range(depth))
        )
        self.past = Layer(inputs, half)
        self.join = Layer(outputs, outputs)

    def forward(self, x):
        return self.join(torch.cat((self.through(x), self.past(x)), 1))


class Pyramid(nn.Module):
    """Spatial pyramid pooling over windows of 5, 9 and 13 cells."""

    def __init__(self, width):
        super().__init__()
        self.narrow = Layer(width, width // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.join = Layer(2 * width, width)

    def forward(self, x):
        parts = [self.narrow(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.join(torch.cat(parts, 1))


class Head(nn.Module):
    """What one grid predicts: centre, size, objectness and classes, without
    the sigmoid."""

    def __init__(self, inputs, classes, width=32):
        super().__init__()
        self.stem = Layer(inputs, width)
        self.class_layer = Layer(width, width, 3)
        self.box_layer = Layer(width, width, 3)
        self.classes = nn.Conv2d(width, classes, 1)
        self.box = nn.Conv2d(width, 4, 1)
        self.objectness = nn.Conv2d(width, 1, 1)
        for scores in (self.classes, self.objectness):
            nn.init.constant_(scores.bias, -math.log(99))

    def forward(self, x):
        x = self.stem(x)
        boxes = self.box_layer(x)
        return (
            self.box(boxes),
            torch.cat((self.objectness(boxes), self.classes(self.class_layer(x))), 1),
        )


class Network(nn.Module):
    """The whole detector."""

    def __init__(self, classes):
        super().__init__()
        self.fine = nn.Sequential(
            Layer(3, 12, 3, 2),
            Layer(12, 24, 3, 2),
            Layer(24, 48, 3, 2),
            CrossStage(48, 48, 2),
        )
        self.middle = nn.Sequential(Layer(48, 80, 3, 2), CrossStage(80, 80, 2))
        self.coarse = nn.Sequential(
            Layer(80, 96, 3, 2), Pyramid(96), CrossStage(96, 96)
        )
        self.enlarge = nn.Upsample(scale_factor=2.0)
        self.coarse_narrow = Layer(96, 64)
        self.middle_down = CrossStage(64 + 80, 64)
        self.middle_narrow = Layer(64, 48)
        self.fine_out = CrossStage(48 + 48, 48)
        self.fine_stride = Layer(48, 48, 3, 2)
        self.middle_out = CrossStage(48 + 48, 64)
        self.middle_stride = Layer(64, 64, 3, 2)
        self.coarse_out = CrossStage(64 + 64, 96)
        self.heads = nn.ModuleList(Head(width, classes) for width in (48, 64, 96))

    def forward(self, x):
        """From BGR of 0 to 255, [B, 3, H, W], rows of the three grids,
        [B, N, 5 + classes]; scores have passed the sigmoid when it is not in
        training."""
        fine = self.fine(x * (1 / 255))
        middle = self.middle(fine)
        coarse = self.coarse_narrow(self.coarse(middle))
        middle = self.middle_down(torch.cat((self.enlarge(coarse), middle), 1))
        middle = self.middle_narrow(middle)
        fine = self.fine_out(torch.cat((self.enlarge(middle), fine), 1))
        middle = self.middle_out(torch.cat((self.fine_stride(fine), middle), 1))
        coarse = self.coarse_out(torch.cat((self.middle_stride(middle), coarse), 1))
        grids = []
        for head, features in zip(self.heads, (fine, middle, coarse)):
            box, scores = head(features)
            scores = scores if self.training else scores.sigmoid()
            grids.append(torch.cat((box, scores), 1).flatten(2))
        return torch.cat(grids, 2).transpose(1, 2)

    def fold(self):
        """Folds batch normalisation into the convolutions, for inference."""
        self.eval()
        for layer in [m for m in self.modules() if isinstance(m, Layer)]:
            layer[0] = fuse_conv_bn_eval(layer[0], layer[1])
            layer[1] = nn.Identity()
        return self


def cells(width, height):
    """Column and row of each of the output's rows, and its stride."""
    columns, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        columns.append(torch.stack((x, y), 2).reshape(-1, 2).float())
        strides.append(torch.full((len(columns[-1]), 1), float(stride)))
    return torch.cat(columns), torch.cat(strides)
