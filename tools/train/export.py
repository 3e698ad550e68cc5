#!/usr/bin/env python3
"""Writes trained weights as ONNX: `export.py WEIGHTS.pt OUT.onnx`."""

import argparse
from pathlib import Path

import torch

from network import SIZE, Network


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    trained = torch.load(arguments.weights)
    network = Network(len(trained["names"]))
    network.load_state_dict(trained["weights"])
    width, height = SIZE
    torch.onnx.export(
        network.fold(),
        (torch.zeros(1, 3, height, width),),
        arguments.out,
        input_names=["images"],
        output_names=["output"],
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
