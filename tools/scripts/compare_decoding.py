#!/usr/bin/env python3
"""Compares how long Janus and OpenCV decode pictures. Called by
`compare-decoding`, which says how."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decode")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    files = [
        file
        for given in arguments.pictures
        for file in (sorted(given.rglob("*")) if given.is_dir() else [given])
        if file.suffix.lower() in ENDINGS
    ]
    if not files:
        sys.exit("error: there are no pictures")

    cv2.setNumThreads(1)
    janus = subprocess.Popen(
        [arguments.decode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ours(file):
        print(file, file=janus.stdin, flush=True)
        answer = janus.stdout.readline()
        if not answer:
            sys.exit(f"error: Janus does not decode {file}")
        return int(answer) * 1e-6

    def theirs(file):
        encoded = np.frombuffer(file.read_bytes(), np.uint8)
        start = time.perf_counter()
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        spent = time.perf_counter() - start
        if decoded is None:
            sys.exit(f"error: OpenCV does not decode {file}")
        return spent * 1e3

    # In turn, so that what else the machine does burdens both.
    least = {file: [np.inf, np.inf] for file in files}
    for _ in range(arguments.rounds):
        for file in files:
            for k, decode in enumerate((ours, theirs)):
                least[file][k] = min(least[file][k], decode(file))
    janus.stdin.close()

    good = True
    for kind in sorted(set(ENDINGS.values())):
        times = [t for file, t in least.items() if ENDINGS[file.suffix.lower()] == kind]
        if not times:
            continue
        mine, cvs = np.mean(times, 0)
        print(
            f"{kind}: {len(times)} pictures, {mine:.2f} ms, OpenCV {cv2.__version__} "
            f"{cvs:.2f} ms, ratio {mine / cvs:.3f}"
        )
        good &= mine <= cvs
    sys.exit(not good)


if __name__ == "__main__":
    main()
