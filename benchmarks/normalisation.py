"""What each colour normalisation does to each method on `wbc-zheng`: mean Dice of nucleus and whole cell.

Images are taken by their index in sorted file names; index mod 5 = 0 is fold 0, on which nothing was chosen. With
`--target` only the colours that `reinhard` aims at are printed, made from synthetic smears.

    python benchmarks/normalisation.py [--data DIR] [--method NAME ...] [--choice NAME ...] [--every N]
    python benchmarks/normalisation.py --target
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from napari_all.classes import NUCLEUS
from napari_all.data.synthetic import STAINS, make_smear
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.normalise import Normalise
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]


def target() -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of 8-bit L*, a*, b* over a synthetic smear of each stain."""
    smears = [make_smear(seed, (256, 256), 32, stain=stain).rgb for seed, stain in enumerate(STAINS)]
    lab = [cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).reshape(-1, 3) for rgb in smears]
    return np.mean([pixels.mean(axis=0) for pixels in lab], axis=0), np.mean([p.std(axis=0) for p in lab], axis=0)


def score(folder: Path, method: str, choice: str, every: int) -> dict[int, tuple[float, float]]:
    """Dice of nucleus and whole cell for each image taken, by its index."""
    config = make_config(method, assignments=[f"normalise={choice}"])
    found = {}
    for index, path in list(enumerate(sorted((folder / "images").iterdir())))[::every]:
        _, rgb = read_image(path)
        truth = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        classes = segment_image(rgb, config).classes
        found[index] = dice(classes == NUCLEUS, truth == NUCLEUS), dice(classes > 0, truth > 0)
    return found


def described(scores: dict[int, tuple[float, float]], part: int) -> str:
    values = np.array([pair[part] for pair in scores.values()])
    kept = np.array([index % 5 == 0 for index in scores])
    parts = (values[~kept], values[kept], values)
    return " / ".join(f"{v.mean():.3f}" if v.size else "-" for v in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--method", nargs="*", default=list(METHODS))
    parser.add_argument("--choice", nargs="*", default=list(get_args(Normalise)))
    parser.add_argument("--every", type=int, default=6, help="take every Nth image")
    parser.add_argument("--target", action="store_true")
    options = parser.parse_args()
    if options.target:
        mean, std = target()
        print(f"mean {np.round(mean, 1).tolist()}, standard deviation {np.round(std, 1).tolist()}")
        return
    print("Dice, folds 1-4 / fold 0 / all")
    print("| method | normalise | dataset 1 nucleus | dataset 1 cell | dataset 2 nucleus | dataset 2 cell |")
    print("|---|---|---|---|---|---|")
    for method in options.method:
        for choice in options.choice:
            sets = [score(options.data / "wbc-zheng" / d, method, choice, options.every) for d in _DATASETS]
            cells = " | ".join(described(scores, part) for scores in sets for part in (0, 1))
            print(f"| {method} | {choice} | {cells} |", flush=True)


_DATASETS = ("dataset1", "dataset2")


if __name__ == "__main__":
    main()
