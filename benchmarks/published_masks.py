"""How well the preset `published` reproduces the dataset authors' masks, and how well those fit careful ones.

A published mask is max(R, G, B) > 30 of the authors' `Segmented` JPEG. Dice is counted over the pixels of a whole
class, because many Pro-B masks are nearly empty and a mean over images would be a mean over noise.

    python benchmarks/published_masks.py [--data DIR]
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]


def published(path: Path) -> np.ndarray:
    return read_image(path)[1].max(axis=2) > 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    options = parser.parse_args()
    segmented = options.data / "taleqani-all" / "Segmented"
    config = make_config("hsv", "published")
    counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for path in sorted((options.data / "taleqani-all" / "Original").rglob("*.jpg")):
        ours = segment_image(read_image(path)[1], config).labels > 0
        theirs = published(segmented / path.parent.name / path.name)
        counts[path.parent.name] += (2 * np.count_nonzero(ours & theirs), ours.sum() + theirs.sum())
    against: dict[str, list[float]] = defaultdict(list)
    reference = options.data / "reference-masks"
    for row in csv.DictReader((reference / "fields.csv").open()):
        truth = cv2.imread(str(reference / "labels" / f"{row['name']}.png"), cv2.IMREAD_UNCHANGED) > 0
        ignore = cv2.imread(str(reference / "ignore" / f"{row['name']}.png"), cv2.IMREAD_UNCHANGED) > 0
        mask = published(segmented / row["class"] / f"{row['name']}.jpg")
        against[row["class"]].append(dice(mask, truth, ignore))
    print("| class | preset against published masks | published masks against reference masks |\n|---|---|---|")
    for name, (both, total) in counts.items():
        print(f"| {name} | {both / total:.3f} | {np.mean(against[name]):.3f} |")
    both, total = sum(counts.values())
    print(f"| all | {both / total:.3f} | {np.mean([d for values in against.values() for d in values]):.3f} |")


if __name__ == "__main__":
    main()
