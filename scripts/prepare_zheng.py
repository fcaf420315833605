"""Write what a training on wbc-zheng needs beside its images and masks: ignore masks and the splits of five folds.

    python scripts/prepare_zheng.py --data ../shared/data/wbc-zheng --output runs/zheng

wbc-zheng marks one white cell per image and leaves out others that the border cuts; these must count neither as cell
nor as background. For each dataset: `ignore/<name>.png` (255 = does not count), `fold<k>.csv` (fold k, the images whose
index by sorted file name is k modulo 5, is in no part; of the others every twelfth validates) and `all.csv`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FOLDS = 5
_EVERY = 12


def unlabelled_cells(rgb: NDArray[np.uint8], codes: NDArray[np.uint8], diameter_px: float) -> NDArray[np.bool_]:
    """Find white cells cut by the border, which wbc-zheng leaves out of its masks, with a wide margin.

    They have the colour of the labelled nucleus, touch the border and lie apart from the labelled cell.
    """
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    nucleus = np.median(lab[codes == 2], axis=0)
    ring = cv2.dilate((codes > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    limit = 0.33 * np.linalg.norm(nucleus - np.median(lab[ring], axis=0))
    like = (np.linalg.norm(lab - nucleus, axis=-1) < limit) & ring
    _, labels, stats, _ = cv2.connectedComponentsWithStats(like.astype(np.uint8))
    height, width = codes.shape
    found = np.zeros(codes.shape, np.uint8)
    for i, (x, y, w, h, area) in enumerate(stats):
        touches = x == 0 or y == 0 or x + w == width or y + h == height
        if i > 0 and touches and area > 0.01 * diameter_px**2:
            found[labels == i] = 1
    reach = 2 * int(0.3 * diameter_px) + 1
    grown = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    return grown & (codes == 0)


def splits(names: list[str]) -> dict[str, list[str]]:
    """Return, by file, the part of each image."""
    found = {"all.csv": ["val" if i % _EVERY == 0 else "train" for i in range(len(names))]}
    for fold in range(FOLDS):
        kept = [i for i in range(len(names)) if i % FOLDS != fold]
        validating = set(kept[::_EVERY])
        found[f"fold{fold}.csv"] = [
            "none" if i % FOLDS == fold else "val" if i in validating else "train" for i in range(len(names))
        ]
    return found


def prepare(source: Path, target: Path) -> None:
    (target / "ignore").mkdir(parents=True, exist_ok=True)
    paths = sorted((source / "images").iterdir())
    for path in paths:
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        codes = cv2.imread(str(source / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        diameter = 2.0 * float(np.sqrt((codes > 0).sum() / np.pi))
        ignore = unlabelled_cells(rgb, codes, diameter).astype(np.uint8) * 255
        cv2.imwrite(str(target / "ignore" / f"{path.stem}.png"), ignore)
    names = [path.name for path in paths]
    for file, parts in splits(names).items():
        with (target / file).open("w", newline="") as stream:
            csv.writer(stream).writerows([("image", "part"), *zip(names, parts, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/wbc-zheng"))
    parser.add_argument("--output", type=Path, default=Path("runs/zheng"))
    options = parser.parse_args()
    for name in ("dataset1", "dataset2"):
        prepare(options.data / name, options.output / name)


if __name__ == "__main__":
    main()
