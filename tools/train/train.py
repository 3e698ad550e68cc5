#!/usr/bin/env python3
"""Trains the detector of the synthetic world: `train.py PICTURES OUT.pt`.

Seeded: on one machine, with the same number of threads, the same pictures
give the same weights."""

import argparse
import copy
import math
import time
from pathlib import Path

import torch

from loss import loss
from network import SIZE, Network, cells
from pictures import Pictures

# Steps over which the losses are averaged for the log, and after which the
# weights are kept.
EVERY = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--steps", type=int, default=8000, help=f"a multiple of {EVERY}")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.steps < EVERY or arguments.steps % EVERY:
        parser.error(f"--steps: expected a multiple of {EVERY}")
    torch.manual_seed(arguments.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(arguments.threads)

    pictures = Pictures(arguments.pictures, SIZE, arguments.seed)
    loader = torch.utils.data.DataLoader(
        pictures,
        arguments.batch,
        sampler=torch.utils.data.WeightedRandomSampler(pictures.weights(), len(pictures)),
        drop_last=True,
        collate_fn=Pictures.batch,
    )
    network = Network(len(pictures.names)).to(memory_format=torch.channels_last)
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start)["weights"])
    average = copy.deepcopy(network)
    # Weights decay; biases and batch normalisation do not.
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    )
    columns, strides = cells(*SIZE)
    steps = arguments.steps
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{len(pictures)} pictures, {parameters} parameters, {steps} steps", flush=True)

    begun, sums = time.time(), torch.zeros(3)
    for step, (batch, truth) in zip(range(1, steps + 1), again_and_again(pictures, loader)):
        # Warm-up, then half a cosine.
        part = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        for group in optimiser.param_groups:
            group["lr"] = arguments.rate * max(part, 1e-2) * min(1, step / 50)
        batch = batch.float().to(memory_format=torch.channels_last)
        losses = loss(network(batch), truth, columns, strides)
        optimiser.zero_grad()
        losses.sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        follow(average, network, min(0.998, step / (step + 20)))
        sums += losses.detach()
        if step % EVERY == 0:
            box, objectness, name = (sums / EVERY).tolist()
            minutes = (time.time() - begun) / 60
            print(
                f"step {step}, {minutes:.1f} min: losses of box {box:.3f},"
                f" objectness {objectness:.3f}, class {name:.3f}",
                flush=True,
            )
            sums.zero_()
            kept = {"names": pictures.names, "weights": average.state_dict()}
            torch.save(kept, arguments.out)


def again_and_again(pictures, loader):
    """The batches of one epoch after another."""
    while True:
        yield from loader
        pictures.epoch += 1


@torch.no_grad()
def follow(average, network, keep):
    """Moves the running average of the weights towards the network's."""
    for kept, new in zip(average.state_dict().values(), network.state_dict().values()):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - keep)
        else:
            kept.copy_(new)


if __name__ == "__main__":
    main()
