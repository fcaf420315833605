"""Which number says best that a segmentation is poor: rank correlation of candidates with 1 - Dice.

Images: the Taleqani fields of the mask recipe (`scripts/build_training_masks.py` writes their masks; the bundled
network was trained on most of them) and fold 0 of `wbc-zheng` (it was not), each as it is and with blur, another hue
and saturation, other grey-level curves and noise, drawn from a fixed seed, so that there are failures to tell. Writes
`docs/results/uncertainty.json` and prints the table.

    python benchmarks/uncertainty.py [--data DIR] [--masks runs/masks] [--model NAME|PATH] [--every N]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile
from scipy import ndimage
from scipy.stats import spearmanr

from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.monitor import NullMonitor
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
Field = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def fields(data: Path, masks: Path) -> Iterator[Field]:
    """Yield set, (Y, X, 3) image, cells and what to leave out."""
    originals = {p.stem: p for p in (data / "taleqani-all" / "Original").rglob("*.jpg")}
    for path in sorted(masks.glob("*_labels.tif")):
        stem = path.name.removesuffix("_labels.tif")
        ignore = cv2.imread(str(masks / f"{stem}_ignore.png"), cv2.IMREAD_GRAYSCALE) > 0
        yield "taleqani", read_image(originals[stem])[1], tifffile.imread(path) > 0, ignore
    for number in (1, 2):
        folder = data / "wbc-zheng" / f"dataset{number}"
        for path in sorted((folder / "images").iterdir())[::5]:
            truth = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE) > 0
            yield f"zheng {number}", read_image(path)[1], truth, np.zeros_like(truth)


def versions(rgb: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    yield "as it is", rgb
    yield "worse", cv2.GaussianBlur(rgb, (0, 0), rng.uniform(1, 3))
    hue, saturation, value = (plane.astype(int) for plane in cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)))
    turned = (hue + rng.integers(-35, 35)) % 180, np.clip(saturation * rng.uniform(0.4, 1.4), 0, 255), value
    yield "worse", cv2.cvtColor(np.dstack(turned).astype(np.uint8), cv2.COLOR_HSV2RGB)
    yield "worse", (255 * (rgb / 255.0) ** rng.uniform(0.4, 2.2, 3)).astype(np.uint8)
    noisy = rgb * rng.uniform(0.5, 1) + rng.normal(0, rng.uniform(5, 30), rgb.shape)
    yield "worse", np.clip(noisy, 0, 255).astype(np.uint8)


def candidates(rgb: np.ndarray, model: str) -> tuple[dict[str, float], np.ndarray]:
    """Return the numbers of one image, and its cells."""
    config = make_config("unet", assignments=[f"model={model}"])
    found = segment_image(rgb, config)
    cells, entropy = found.labels > 0, found.uncertainty_map / 255.0
    near = np.ones((3, 3), bool)
    band = ndimage.binary_dilation(cells, near, 2) & ~ndimage.binary_erosion(cells, near, 2)
    raw = METHODS["unet"].run(rgb, config.method_settings().updated(diameter_px=found.diameter_px), NullMonitor())
    areas = np.bincount(found.labels.ravel())[1:]
    sure = np.bincount(found.labels.ravel(), raw.foreground.ravel())[1:] / areas / 255.0
    return {
        "mean entropy in cells": float(entropy[cells].mean()) if cells.any() else 0.0,
        "mean entropy within 2 px of borders": float(entropy[band].mean()) if band.any() else 0.0,
        "entropy of the image / area of cells": float(entropy.sum() / max(1, cells.sum())),
        "1 - expected Dice (reported)": float(found.uncertainty),
        "doubt of cell pixels, mean over cells": float(1 - sure.mean()) if cells.any() else found.uncertainty,
    }, cells


def rank_correlations(rows: list[dict[str, object]]) -> dict[str, float]:
    errors = [1 - row["dice"] for row in rows]
    names = rows[0]["numbers"]
    return {name: round(float(spearmanr([row["numbers"][name] for row in rows], errors)[0]), 3) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--masks", type=Path, default=ROOT / "runs" / "masks")
    parser.add_argument("--model", default="smear-unet")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth image only")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    for kind, rgb, truth, ignore in list(fields(options.data, options.masks))[:: options.every]:
        for version, shown in versions(rgb, rng):
            numbers, cells = candidates(np.ascontiguousarray(shown), options.model)
            rows.append({"set": kind, "version": version, "dice": dice(cells, truth, ignore), "numbers": numbers})
    groups = {"all": rows} | {k: [r for r in rows if r["set"] == k] for k in sorted({r["set"] for r in rows})}
    groups |= {"as they are": [r for r in rows if r["version"] == "as it is"]}
    table = {name: {"images": len(group), **rank_correlations(group)} for name, group in groups.items()}
    names = list(rows[0]["numbers"])
    print("| number | " + " | ".join(f"{g} ({t['images']})" for g, t in table.items()) + " |")
    print("|---" * (len(table) + 1) + "|")
    for name in names:
        print(f"| {name} | " + " | ".join(f"{t[name]:.2f}" for t in table.values()) + " |")
    target = ROOT / "docs" / "results" / "uncertainty.json"
    target.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
