"""How near the edit `snap_cell` brings an outline to the reference masks after it was moved away from them.

Each cell of `reference-masks` of 120 px and more is grown and shrunk by 1 and 2 px, shifted by 1 px down and right, and
wobbled (a smooth random displacement of 1.5 px), then snapped; mean Dice of the cell before and after, and the same
for outlines that were not moved. The reach is the edit's own, chosen on other fields.

Writes `docs/results/snapping.json`.

    python benchmarks/snapping.py [--data DIR]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage as ndi

from napari_all.evaluation.masks import dice
from napari_all.files import write_json
from napari_all.io.images import read_image
from napari_all.io.masks import read_labels
from napari_all.segmentation.editing import CellIndex, apply_edit, snap_cell
from napari_all.types import BoolMask

ROOT = Path(__file__).resolve().parents[1]
LEAST_PX = 120


def wobbled(cell: BoolMask, rng: np.random.Generator) -> BoolMask:
    shift = [ndi.gaussian_filter(rng.normal(size=cell.shape), 6) for _ in "yx"]
    y, x = np.mgrid[: cell.shape[0], : cell.shape[1]]
    dy, dx = (field * 1.5 / field.std() for field in shift)
    places = (x + dx).astype(np.float32), (y + dy).astype(np.float32)
    return cv2.remap(cell.astype(np.float32), *places, cv2.INTER_LINEAR) > 0.5


def moves(rng: np.random.Generator) -> dict[str, Callable[[BoolMask], BoolMask]]:
    return {
        "not moved": lambda cell: cell,
        "grown by 1 px": lambda cell: ndi.distance_transform_edt(~cell) <= 1,
        "grown by 2 px": lambda cell: ndi.distance_transform_edt(~cell) <= 2,
        "shrunk by 1 px": lambda cell: ndi.distance_transform_edt(cell) > 1,
        "shrunk by 2 px": lambda cell: ndi.distance_transform_edt(cell) > 2,
        "shifted by 1 px": lambda cell: ndi.shift(cell.astype(np.uint8), (1, 1), order=0) > 0,
        "wobbled": lambda cell: wobbled(cell, rng),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    folder = Path(parser.parse_args().data) / "reference-masks"
    scores: dict[str, list[tuple[float, float]]] = {}
    cells = 0
    for file in sorted((folder / "labels").iterdir()):
        labels = read_labels(file).labels
        _, rgb = read_image(folder / "images" / file.name)
        index = CellIndex(labels)
        for label in index:
            true = labels == label
            if true.sum() < LEAST_PX:
                continue
            cells += 1
            for name, move in moves(np.random.default_rng(label)).items():
                moved = np.where(true, 0, labels)
                moved[move(true) & (moved == 0)] = label
                snapped = apply_edit(moved, snap_cell(moved, rgb, label))
                scores.setdefault(name, []).append((dice(moved == label, true), dice(snapped == label, true)))
    rows = {
        name: {"dice_before": round(float(before), 4), "dice_after": round(float(after), 4)}
        for name, pairs in scores.items()
        for before, after in [np.mean(pairs, axis=0)]
    }
    print(f"| {cells} cells | Dice before | Dice after snapping |\n|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['dice_before']:.3f} | {row['dice_after']:.3f} |")
    write_json(
        ROOT / "docs" / "results" / "snapping.json",
        {"command": "python benchmarks/snapping.py", "cells": cells, "outlines": rows},
    )


if __name__ == "__main__":
    main()
