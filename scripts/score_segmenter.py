"""Measure a segmentation model on what it was not trained on, through the whole pipeline with default settings.

    python scripts/score_segmenter.py --data ../shared/data --model smear-unet

wbc-zheng: fold 0 (index by sorted file name, modulo 5), nucleus = class 2, whole cell = 1 and 2, mean Dice per image.
reference-masks: foreground Dice per field without the ignored pixels, cells F1 at IoU 0.5. With --write the figures
go into the card of the model, which must then be given as a path.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from segmenter_data import read_rgb

from napari_all.evaluation.masks import CellCounts, count_cells, dice
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.types import RGBImage, Segmentation
from napari_all.workflows.segment import SegmentConfig, make_config, segment_image


def score_zheng(folder: Path, config: SegmentConfig, fold: int = 0) -> dict[str, float]:
    """Return mean Dice of nucleus and whole cell over one fold of wbc-zheng/datasetN."""
    scores = []
    for path in sorted((folder / "images").iterdir())[fold::5]:
        truth = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        classes = _segment(read_rgb(path), config, path.name).classes
        scores.append((dice(classes == 2, truth == 2), dice(classes > 0, truth > 0)))
        print(f"  {path.name} nucleus {scores[-1][0]:.3f} cell {scores[-1][1]:.3f}")
    nucleus, cell = np.mean(scores, axis=0)
    return {f"{folder.name}_nucleus_dice": nucleus, f"{folder.name}_cell_dice": cell}


def score_reference(folder: Path, config: SegmentConfig) -> dict[str, float]:
    """Return Dice, overall and per class, and cells F1 on the reference masks."""
    by_class: dict[str, list[float]] = defaultdict(list)
    counts = CellCounts()
    with (folder / "fields.csv").open(newline="") as stream:
        fields = list(csv.DictReader(stream))
    for field in fields:
        result = _segment(read_rgb(_file(folder / "images", field["name"])), config, field["name"])
        truth = cv2.imread(str(_file(folder / "labels", field["name"])), cv2.IMREAD_UNCHANGED).astype(np.int32)
        ignore = cv2.imread(str(_file(folder / "ignore", field["name"])), cv2.IMREAD_GRAYSCALE) > 0
        score = dice(result.labels > 0, truth > 0, ignore)
        by_class[field["class"]].append(score)
        counts += count_cells(result.labels, truth, ignore)
        print(f"  {field['name']} Dice {score:.3f} diameter {result.diameter_px:.0f}")
    figures = {f"reference_dice_{name.lower()}": float(np.mean(v)) for name, v in by_class.items()}
    figures["reference_dice"] = float(np.mean([s for v in by_class.values() for s in v]))
    figures["reference_cells_f1"] = counts.f1
    return figures


def _file(folder: Path, stem: str) -> Path:
    return next(p for p in folder.iterdir() if p.stem.removesuffix("_labels").removesuffix("_ignore") == stem)


def _segment(rgb: RGBImage, config: SegmentConfig, name: str) -> Segmentation:
    begun = time.monotonic()
    result = segment_image(rgb, config)
    _times.append((time.monotonic() - begun, rgb.shape[0] * rgb.shape[1], name))
    return result


_times: list[tuple[float, int, str]] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", default="smear-unet")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="setting or cleaning")
    parser.add_argument("--write", action="store_true", help="store the figures in the model's card")
    options = parser.parse_args()
    config = make_config("unet", assignments=[f"model={options.model}", *options.set])
    figures: dict[str, float] = {}
    for name in ("dataset1", "dataset2"):
        figures |= score_zheng(options.data / "wbc-zheng" / name, config)
    figures |= score_reference(options.data / "reference-masks", config)
    for name, value in figures.items():
        print(f"{name:28} {value:.4f}")
    seconds, pixels = sum(t for t, _, _ in _times[1:]), sum(n for _, n, _ in _times[1:])
    print(f"{seconds / len(_times[1:]):.2f} s per image, {seconds / pixels * 2**20:.2f} s per 1024x1024 pixels")
    if options.write:
        checkpoint = load_checkpoint(options.model)
        card = checkpoint.card.updated(metrics={k: round(float(v), 4) for k, v in figures.items()})
        save_checkpoint(Path(options.model), checkpoint.tensors, card)


if __name__ == "__main__":
    main()
