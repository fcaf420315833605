"""Dice, cells F1 and the worst fields of every method, on masks that nothing was trained or tuned on.

`reference-masks`: 21 Taleqani fields, whole cells, `ignore` left out. `wbc-zheng`: fold 0 of five (sorted file names,
index mod 5, within each dataset), nucleus = class 2, whole cell = classes 1 and 2. Otsu on saturation stands beside
as the peer. Writes `docs/results/segmentation_quality.json` and prints the tables. With `--write-card` the figures of
`--method unet` go into the card of that model file, which is then the one that is measured.

    python benchmarks/segmentation_quality.py [--data DIR] [--method NAME ...] [--write-card MODEL.safetensors]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from napari_all.classes import NUCLEUS
from napari_all.evaluation.intervals import bootstrap_mean
from napari_all.evaluation.masks import CellCounts, count_cells, dice
from napari_all.io.images import read_image
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.postprocess import clean
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
Result = tuple[np.ndarray, np.ndarray, str]


def saturation_otsu(rgb: np.ndarray) -> Result:
    saturation = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1]
    classes = (saturation > threshold_otsu(saturation)).astype(np.uint8) * np.uint8(NUCLEUS)
    found = clean(classes, "cell", PostprocessSettings())
    return found.labels, found.classes, "cell"


def ours(method: str, assignments: list[str]) -> Callable[[np.ndarray], Result]:
    config = make_config(method, assignments=assignments)

    def run(rgb: np.ndarray) -> Result:
        result = segment_image(rgb, config)
        return result.labels, result.classes, result.parts

    return run


def plane(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def score_reference(folder: Path, run: Callable[[np.ndarray], Result]) -> dict[str, object]:
    per_class: dict[str, list[float]] = {}
    fields: dict[str, float] = {}
    counts = CellCounts()
    for row in csv.DictReader((folder / "fields.csv").open()):
        _, rgb = read_image(folder / "images" / f"{row['name']}.png")
        truth = plane(folder / "labels" / f"{row['name']}.png").astype(np.int32)
        ignore = plane(folder / "ignore" / f"{row['name']}.png") > 0
        labels, _, _ = run(rgb)
        fields[row["name"]] = dice(labels > 0, truth > 0, ignore)
        per_class.setdefault(row["class"], []).append(fields[row["name"]])
        counts += count_cells(labels, truth, ignore)
    mean, low, high = interval(list(fields.values()))
    return {
        "dice": mean,
        "dice_95": [low, high],
        "dice_per_class": {name: round(float(np.mean(v)), 4) for name, v in per_class.items()},
        "cells_f1": round(counts.f1, 4),
        "cells": {"hits": counts.hits, "missed": counts.missed, "false": counts.false},
        "worst": dict(sorted(((k, round(v, 4)) for k, v in fields.items()), key=lambda item: item[1])[:3]),
    }


def score_zheng(folder: Path, run: Callable[[np.ndarray], Result]) -> dict[str, object]:
    nucleus, whole = {}, {}
    for path in sorted((folder / "images").iterdir())[::5]:
        _, rgb = read_image(path)
        truth = plane(folder / "masks" / path.name)
        _, classes, _ = run(rgb)
        nucleus[path.name] = dice(classes == NUCLEUS, truth == NUCLEUS)
        whole[path.name] = dice(classes > 0, truth > 0)
    result: dict[str, object] = {"images": len(whole)}
    for name, scores in (("nucleus", nucleus), ("whole_cell", whole)):
        values = list(scores.values())
        mean, low, high = interval(values)
        result[name] = {"dice": mean, "dice_95": [low, high], "p5": round(float(np.percentile(values, 5)), 4)}
    result["worst"] = dict(sorted(((k, round(v, 4)) for k, v in whole.items()), key=lambda item: item[1])[:3])
    return result


def interval(values: list[float]) -> tuple[float, float, float]:
    low, high = bootstrap_mean(values)
    return round(float(np.mean(values)), 4), round(low, 4), round(high, 4)


def print_tables(results: dict[str, dict[str, object]]) -> None:
    print("| method | reference Dice | Benign | Early | Pre | Pro | cells F1 | Zheng 1 nucleus / cell | Zheng 2 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, result in results.items():
        reference, one, two = result["reference_masks"], result["zheng_dataset1"], result["zheng_dataset2"]
        classes = " | ".join(f"{reference['dice_per_class'][c]:.3f}" for c in ("Benign", "Early", "Pre", "Pro"))
        zheng = " | ".join(f"{z['nucleus']['dice']:.3f} / {z['whole_cell']['dice']:.3f}" for z in (one, two))
        print(f"| {name} | {reference['dice']:.3f} | {classes} | {reference['cells_f1']:.3f} | {zheng} |")


def write_card(model: Path, result: dict[str, object]) -> None:
    reference = result["reference_masks"]
    metrics = {"reference_dice": reference["dice"], "reference_cells_f1": reference["cells_f1"]}
    metrics |= {f"reference_dice_{name.lower()}": value for name, value in reference["dice_per_class"].items()}
    for number in (1, 2):
        zheng = result[f"zheng_dataset{number}"]
        metrics |= {f"dataset{number}_{part}_dice": zheng[part]["dice"] for part in ("nucleus", "whole_cell")}
    checkpoint = load_checkpoint(model)
    save_checkpoint(model, checkpoint.tensors, checkpoint.card.updated(metrics=metrics))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--method", nargs="*", default=list(METHODS))
    parser.add_argument("--write-card", type=Path, metavar="MODEL")
    options = parser.parse_args()
    if options.write_card:
        runs = {"unet": ours("unet", [f"model={options.write_card}"])}
    else:
        runs = {"Otsu on saturation": saturation_otsu} | {name: ours(name, []) for name in options.method}
    results: dict[str, dict[str, object]] = {}
    for name, run in runs.items():
        start = time.perf_counter()
        results[name] = {
            "reference_masks": score_reference(options.data / "reference-masks", run),
            "zheng_dataset1": score_zheng(options.data / "wbc-zheng" / "dataset1", run),
            "zheng_dataset2": score_zheng(options.data / "wbc-zheng" / "dataset2", run),
        }
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    print_tables(results)
    if options.write_card:
        write_card(options.write_card, results["unet"])
        return
    target = ROOT / "docs" / "results" / "segmentation_quality.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
