"""White cells found and falsely claimed on the smears of four other laboratories, and the size of cell assumed there.

`bccd` (nothing was ever trained on it): a white-cell box is found where the bounding box of a predicted cell meets it
at IoU 0.3 or more; every other predicted cell is false. The others have points, set by eye: a white cell is found where
a predicted cell holds its point, each counted once; a cell that holds none is false. `barcelona`: the lymphocyte in the
middle of each image and two granulocytes beside; `attri`: all white cells, those cut by the border counting neither
way; `malaria`: red cells and parasites, no white cell. What `recipes/other-labs-masks.json` lists was trained on, so
only the figures `kept_apart` tell of unseen images there. Intervals: Clopper and Pearson, Biometrika 1934;26:404.

Writes `docs/results/other_labs.json`; with `--model`, `--set` or `--data` it only prints.

    python benchmarks/other_labs.py [--method NAME ...] [--model FILE] [--set NAME ...] [--sheet PNG] [--data DIR]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import binomtest

from napari_all.io.images import read_image
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.recipe import read_recipe
from napari_all.workflows.segment import SegmentConfig, make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "bccd": "bccd/images",
    "barcelona": "barcelona-lymphocytes",
    "attri": "attri",
    "malaria": "malaria-fields/images",
}
FOUND_IOU = 0.3
Point = tuple[int, int]
BARCELONA: dict[str, list[Point]] = {
    "LY_599428": [(233, 186)],
    "LY_682820": [(181, 180), (160, 340)],
    "LY_844729": [(165, 175), (285, 239)],
}
"""Where not just the one cell in the middle."""
ATTRI: dict[str, list[Point]] = {
    "4_15_1000_ALL": [(363, 108), (490, 290), (465, 521)],
    "4_16_1000_ALL": [(127, 292), (504, 248)],
    "4_17_1000_ALL": [(246, 245), (566, 137), (579, 600)],
    "4_18_1000_ALL": [(298, 221), (397, 551), (488, 428), (588, 422)],
    "4_27_1000_ALL": [(279, 303), (388, 161), (303, 548), (523, 228), (566, 65)],
}
CUT_BY_BORDER: dict[str, list[Point]] = {"4_17_1000_ALL": [(582, 2)], "4_18_1000_ALL": [(8, 281)]}
"""White cells that need not be found; (y, x) in pixels, as above."""


@dataclass(frozen=True)
class Scored:
    """What one image gave; the numbers are labels, and boxes or points by their order."""

    name: str
    rgb: np.ndarray
    labels: np.ndarray
    diameter_px: float | None
    truth: np.ndarray  # (N, 2) points (y, x) or (N, 4) boxes (x0, y0, x1, y1)
    missed: list[int]
    false: list[int]


def boxes_of(labels: np.ndarray) -> np.ndarray:
    """(N, 4) x0, y0, x1, y1 of the cells 1..N."""
    corners = [np.argwhere(labels == i) for i in range(1, labels.max(initial=0) + 1)]
    return np.array([(*c.min(0)[::-1], *(c.max(0)[::-1] + 1)) for c in corners], float).reshape(-1, 4)


def score_boxes(labels: np.ndarray, truth: np.ndarray) -> tuple[list[int], list[int]]:
    found = boxes_of(labels)
    low = np.maximum(truth[:, None, :2], found[None, :, :2])
    high = np.minimum(truth[:, None, 2:], found[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    area = (truth[:, 2:] - truth[:, :2]).prod(-1)[:, None] + (found[:, 2:] - found[:, :2]).prod(-1)[None]
    meets = both / (area - both) >= FOUND_IOU
    return np.flatnonzero(~meets.any(1)).tolist(), (np.flatnonzero(~meets.any(0)) + 1).tolist()


def score_points(labels: np.ndarray, truth: np.ndarray, either: list[Point]) -> tuple[list[int], list[int]]:
    under = [int(labels[y, x]) for y, x in truth]
    missed = [i for i, label in enumerate(under) if label == 0 or label in under[:i]]
    passed = {0, *under, *(int(labels[point]) for point in either)}
    return missed, [i for i in range(1, labels.max(initial=0) + 1) if i not in passed]


def points_of(group: str, path: Path, shape: tuple[int, ...]) -> list[Point]:
    if group == "barcelona":
        return BARCELONA.get(path.stem, [(shape[0] // 2, shape[1] // 2)])
    return ATTRI[path.stem] if group == "attri" else []


def score_group(group: str, folder: Path, config: SegmentConfig) -> list[Scored]:
    boxes: dict[str, list[list[float]]] = {}
    if group == "bccd":
        for row in csv.DictReader((folder.parent / "boxes.csv").open()):
            if row["cell"] == "WBC":
                boxes.setdefault(row["file"], []).append([float(row[k]) for k in ("xmin", "ymin", "xmax", "ymax")])
    results = []
    for path in sorted(folder.iterdir()):
        _, rgb = read_image(path)
        result = segment_image(rgb, config)
        if group == "bccd":
            truth = np.array(boxes.get(path.name, []), float).reshape(-1, 4)
            missed, false = score_boxes(result.labels, truth)
        else:
            truth = np.array(points_of(group, path, rgb.shape), int).reshape(-1, 2)
            missed, false = score_points(result.labels, truth, CUT_BY_BORDER.get(path.stem, []))
        results.append(Scored(path.name, rgb, result.labels, result.diameter_px, truth, missed, false))
    return results


def share(hits: int, total: int) -> dict[str, object]:
    if not total:
        return {"value": None}
    low, high = binomtest(hits, total).proportion_ci(0.95, "exact")
    return {"value": round(hits / total, 4), "interval_95": [round(low, 4), round(high, 4)]}


def summary(results: list[Scored]) -> dict[str, object]:
    cells, missed = sum(len(r.truth) for r in results), sum(len(r.missed) for r in results)
    claimed, false = sum(int(r.labels.max(initial=0)) for r in results), sum(len(r.false) for r in results)
    diameters = [r.diameter_px for r in results if r.diameter_px is not None]
    return {
        "images": len(results),
        "cells": {"true": cells, "missed": missed, "claimed": claimed, "false": false},
        "recall": share(cells - missed, cells),
        "precision": share(claimed - false, claimed),
        "diameter_px": [round(float(v), 1) for v in np.percentile(diameters, [0, 50, 100])] if diameters else None,
        "failures": {
            r.name: {"missed": len(r.missed), "false": len(r.false), "diameter_px": r.diameter_px}
            for r in results
            if r.missed or r.false
        },
    }


def picture(r: Scored, side: int = 480) -> np.ndarray:
    """One failure: true cells blue, predicted ones green, false ones red; (side, side, 3) uint8 BGR."""
    scale = side / max(r.labels.shape)
    bgr = cv2.resize(cv2.cvtColor(r.rgb, cv2.COLOR_RGB2BGR), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for i in range(1, r.labels.max(initial=0) + 1):
        mask = cv2.resize((r.labels == i).astype(np.uint8), bgr.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(bgr, outlines, -1, (0, 0, 255) if i in r.false else (0, 200, 0), 2)
    for place in np.round(r.truth * scale).astype(int).tolist():
        if len(place) == 4:
            cv2.rectangle(bgr, place[:2], place[2:], (255, 0, 0), 1)
        else:
            cv2.circle(bgr, place[::-1], 4, (255, 0, 0), -1)
    line = f"{r.name[:22]} {r.diameter_px or 0:.0f} px, missed {len(r.missed)}, false {len(r.false)}"
    bgr = cv2.copyMakeBorder(bgr, 0, side - bgr.shape[0], 0, side - bgr.shape[1], cv2.BORDER_CONSTANT)
    return cv2.putText(bgr, line, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)


def write_sheet(path: Path, failures: list[Scored], columns: int = 4) -> None:
    tiles = [picture(r) for r in failures] or [np.zeros((480, 480, 3), np.uint8)]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), np.vstack(rows))


def line_of(name: str, group: str, found: dict[str, object]) -> str:
    cells, recall, precision = found["cells"], found["recall"], found["precision"]
    return (
        f"| {name} | {group} | {cells['true'] - cells['missed']} / {cells['true']} = {recall['value']} "
        f"{recall.get('interval_95', '')} | {cells['claimed']} claimed, {cells['false']} false: {precision['value']} "
        f"{precision.get('interval_95', '')} | {found['diameter_px']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data")) / "other-labs"
    parser.add_argument("--data", type=Path, default=default, help="folder with bccd, barcelona-lymphocytes, …")
    parser.add_argument("--method", nargs="*", default=["unet"], choices=list(METHODS))
    parser.add_argument("--model", help="weights for --method unet, instead of the shipped ones")
    parser.add_argument("--set", nargs="*", default=list(FOLDERS), choices=list(FOLDERS), dest="groups")
    parser.add_argument("--sheet", type=Path, help="picture of every image with a missed or a false cell")
    options = parser.parse_args()
    trained = {Path(entry.image).name for entry in read_recipe(ROOT / "recipes" / "other-labs-masks.json").fields}
    report: dict[str, dict[str, object]] = {}
    failures: list[Scored] = []
    print(
        "| method | images | recall | precision | smallest, median, largest diameter assumed |\n|---|---|---|---|---|"
    )
    for name in options.method:
        config = make_config(name, assignments=[f"model={options.model}"] if options.model else [])
        report[name], start = {}, time.perf_counter()
        for group in options.groups:
            results = score_group(group, options.data / FOLDERS[group], config)
            found = summary(results)
            if apart := [r for r in results if r.name not in trained] if group in ("barcelona", "malaria") else []:
                found["kept_apart"] = summary(apart)
                print(line_of(name, f"{group}, kept apart", found["kept_apart"]))
            print(line_of(name, group, found), flush=True)
            report[name][group] = found
            failures += [r for r in results if r.missed or r.false]
        print(f"{name}: {time.perf_counter() - start:.0f} s; failures: ", end="")
        print(json.dumps({g: f["failures"] for g, f in report[name].items()}, indent=1))
    if options.sheet:
        write_sheet(options.sheet, failures)
    if not options.model and options.groups == list(FOLDERS) and options.data == default:
        target = ROOT / "docs" / "results" / "other_labs.json"
        target.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
