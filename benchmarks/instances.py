"""Touching cells left together and single cells cut apart, on the fields of the mask recipe, for several waist depths.

Twice: on the reference foreground itself (cutting alone), and on what `--method unet` finds. A reference cell is
*merged* when a found cell holds most of it and most of another one, *cut* when two found cells hold a fifth of it
each. The masks were begun with this project's own cutting and then corrected by hand, which favours the default depth
a little; `scripts/build_training_masks.py` writes them. Writes `docs/results/instances.json` and prints the table.

    python benchmarks/instances.py [--data DIR] [--masks runs/masks] [--model NAME|PATH] [--depths 0.08 0.12 …]
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import tifffile

from napari_all.evaluation.masks import count_cells
from napari_all.io.images import read_image
from napari_all.monitor import NullMonitor
from napari_all.segmentation.method import PostprocessSettings, RawSegmentation
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.postprocess import clean
from napari_all.workflows.segment import make_config

ROOT = Path(__file__).resolve().parents[1]
MOST, PIECE = 0.5, 0.2


def compare(found: np.ndarray, truth: np.ndarray, ignore: np.ndarray) -> Counter:
    """Count reference cells, those merged and those cut, and hits, misses and false cells at IoU 0.5."""
    shared = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(shared, (truth, found), 1)
    share = shared[1:, 1:] / np.maximum(shared[1:].sum(axis=1, keepdims=True), 1)
    together = share > MOST
    counts = count_cells(found, truth, ignore)
    return Counter(
        cells=len(share),
        merged=int((together & (together.sum(axis=0) > 1)).any(axis=1).sum()),
        cut=int(((share > PIECE).sum(axis=1) > 1).sum()),
        hits=counts.hits,
        missed=counts.missed,
        false=counts.false,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--masks", type=Path, default=ROOT / "runs" / "masks")
    parser.add_argument("--model", default="smear-unet")
    parser.add_argument("--depths", type=float, nargs="*", default=[0.06, 0.09, 0.12, 0.16, 0.2, 1.0])
    options = parser.parse_args()
    originals = {p.stem: p for p in (options.data / "taleqani-all" / "Original").rglob("*.jpg")}
    settings = make_config("unet", assignments=[f"model={options.model}"]).method_settings()
    totals: dict[tuple[str, float], Counter] = {}
    for path in sorted(options.masks.glob("*_labels.tif")):
        stem = path.name.removesuffix("_labels.tif")
        truth = tifffile.imread(path).astype(np.int32)
        ignore = cv2.imread(str(options.masks / f"{stem}_ignore.png"), cv2.IMREAD_GRAYSCALE) > 0
        ideal = RawSegmentation(np.where(truth > 0, 2, 0).astype(np.uint8))
        given = {
            "reference foreground": ideal,
            "unet": METHODS["unet"].run(read_image(originals[stem])[1], settings, NullMonitor()),
        }
        for name, raw in given.items():
            for depth in options.depths:
                cleaning = PostprocessSettings(split_depth=depth)
                found = clean(raw.classes, "cell", cleaning, raw.diameter_px, raw.smudge).labels
                totals.setdefault((name, depth), Counter()).update(compare(found, truth, ignore))
    print("| foreground | waist depth | cells | merged | cut | F1 |\n|---|---|---|---|---|---|")
    results = []
    for (name, depth), n in totals.items():
        f1 = 2 * n["hits"] / max(1, 2 * n["hits"] + n["missed"] + n["false"])
        print(f"| {name} | {depth:g} | {n['cells']} | {n['merged']} | {n['cut']} | {f1:.4f} |")
        results.append({"foreground": name, "depth": depth, **n, "f1": round(f1, 4)})
    (ROOT / "docs" / "results" / "instances.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
