"""How long one edit takes at 2048x2048 with 300 cells, apart from the window: compute, complete, apply, follow.

A synthetic smear is tiled to the size; every edit runs on cells drawn at random, is completed for classes, ignored
places and marks, applied in place with its index of cells, and taken back, which is timed as `undo`. Beside them: the
rules near the edit and the measurements of the cells it touched, with colour and texture; and, once, what looks at the
whole image. `cpu_ms` is the processor's time, which other programs on the machine do not lengthen. No data needed.

Writes `docs/results/editing_speed.json`.

    python benchmarks/editing_speed.py [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from napari_all.data.synthetic import make_smear
from napari_all.errors import UsageError
from napari_all.evaluation.changes import compare
from napari_all.files import write_json
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit, Planes, change, completed
from napari_all.segmentation.instances import relabel
from napari_all.segmentation.measure import Measured, measure_cells, remeasured
from napari_all.segmentation.rules import check_all, check_near, speck_limit

RESULT = Path(__file__).resolve().parents[1] / "docs" / "results" / "editing_speed.json"
SIDE, TILES, CELLS = 2048, 4, 300
TARGET_MS = 50.0
RULES, MEASURED, UNDO = "rules near the edit", "measuring the cells it touched", "undo"


class Bench:
    """The planes of one large image and what edits are given; times by name, (wall, processor) in seconds."""

    def __init__(self) -> None:
        tile = make_smear(3, (SIDE // TILES, SIDE // TILES), 44, n_white=24, touching=0.3, scale_bar=False)
        self.rgb = np.tile(tile.rgb, (TILES, TILES, 1))
        step = np.kron(np.arange(TILES**2).reshape(TILES, TILES), np.ones_like(tile.labels)) * 1000
        tiled = np.tile(tile.labels, (TILES, TILES))
        labels = relabel(np.where(tiled > 0, tiled + step, 0))
        labels[labels > CELLS] = 0
        self.predicted = labels.copy()
        classes = np.where(labels > 0, np.tile(tile.classes, (TILES, TILES)), 0).astype(np.uint8)
        ignore, marks = np.zeros(labels.shape, np.bool_), np.zeros(labels.shape, np.uint8)
        self.planes = Planes(labels, classes, "nucleus+cytoplasm", ignore, marks)
        self.probability = np.where(labels > 0, 220, 20).astype(np.uint8)
        self.cells, self.then = CellIndex(labels), CellIndex(labels)
        self.measured = Measured(labels, classes, "nucleus+cytoplasm", self.rgb)
        self.known = {cell.label: cell for cell in measure_cells(labels, classes, "nucleus+cytoplasm", self.rgb)}
        self.speck_px = speck_limit(labels)
        self.findings = check_all(self.planes, self.speck_px, self.cells)
        self.at = (0, 0)
        self.times: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.times[name].append((time.perf_counter() - wall, time.process_time() - processor))

    def centre(self, label: int) -> tuple[int, int]:
        window = self.cells.window(label)
        y, x = np.nonzero(self.planes.labels[window] == label)
        return int(y[len(y) // 2]) + window[0].start, int(x[len(x) // 2]) + window[1].start

    def across(self, label: int) -> list[tuple[int, int]]:
        rows, columns = self.cells.window(label)
        middle = (columns.start + columns.stop) // 2
        return [(rows.start - 3, middle), (rows.stop + 3, middle)]

    def around(self, label: int) -> list[tuple[int, int]]:
        y, x = self.centre(label)
        return [(y - 40, x - 40), (y - 40, x + 40), (y + 40, x + 40), (y + 40, x - 40)]

    def pair(self, label: int) -> list[int]:
        near = self.cells.near(self.cells.window(label, 2))
        return [label, next((other for other in near if other != label), label)]


Job = Callable[[Planes, Bench, int], Edit]
JOBS: dict[str, Job] = {
    "delete": lambda p, b, k: editing.delete_cell(p.labels, k, b.cells),
    "merge": lambda p, b, k: editing.merge_cells(p.labels, b.pair(k), b.cells),
    "split along a line": lambda p, b, k: editing.split_cell(p.labels, b.across(k), b.cells),
    "split at waists": lambda p, b, k: editing.split_at_waists(p.labels, k, b.cells),
    "fill holes": lambda p, b, k: editing.fill_holes(p.labels, k, b.cells),
    "smooth": lambda p, b, k: editing.smooth_cells(p.labels, k, 2, b.cells),
    "grow": lambda p, b, k: editing.grow_cell(p.labels, k, 1, b.cells),
    "shrink": lambda p, b, k: editing.grow_cell(p.labels, k, -1, b.cells),
    "snap to the image": lambda p, b, k: editing.snap_cell(p.labels, b.rgb, k, 2, b.cells),
    "fix nucleus": lambda p, b, k: editing.fix_nucleus(p.labels, b.planes.classes, b.rgb, k, b.cells),
    "paint": lambda p, b, k: editing.paint(p.labels, b.across(k), 5, k),
    "erase": lambda p, b, k: editing.erase(p.labels, b.across(k), 5, k),
    "paint nucleus": lambda p, b, k: editing.paint_nucleus(p.labels, b.planes.classes, b.across(k), 5, k),
    "polygon": lambda p, b, k: editing.add_polygon(p.labels, b.around(k), b.cells),
    "mark as smudge": lambda p, b, k: editing.mark_cell(p.labels, k, "smudge", b.cells),
    "ignore": lambda p, b, k: editing.mark_cell(p.labels, k, "ignore", b.cells),
    "fill the holes of all": lambda p, b, k: editing.fill_holes(p.labels, None, b.cells),
    "smooth all": lambda p, b, k: editing.smooth_cells(p.labels, None, 1, b.cells),
    "number in raster order": lambda p, b, k: editing.relabel_cells(p.labels, b.cells),
    "new cell by one click": lambda p, b, k: editing.add_by_click(p.labels, b.rgb, b.at, 48, None, b.cells),
    "the same, with a probability": lambda p, b, k: editing.add_by_click(
        p.labels, b.rgb, b.at, 48, b.probability, b.cells
    ),
    "put a deleted cell back": lambda p, b, k: editing.restore_predicted(
        p.labels, b.predicted, b.at, p.classes, b.cells, b.then
    ),
}
READY: dict[str, Job] = {
    "split at waists": JOBS["merge"],
    "number in raster order": lambda p, b, k: editing.delete_cell(p.labels, 1, b.cells),
    "new cell by one click": JOBS["delete"],
    "the same, with a probability": JOBS["delete"],
    "put a deleted cell back": JOBS["delete"],
}
"""What is done to the cell before, and not timed."""


def run(bench: Bench, name: str, job: Job, label: int) -> None:
    """Time one edit and what follows from it; an edit that does not fit the cell is no run."""
    planes, bench.at = bench.planes, bench.centre(label)
    back: list[Edit] = []
    try:
        if name in READY:
            back.append(change(planes, completed(planes, READY[name](planes, bench, label)), bench.cells))
        with bench.timed(name):
            edit = completed(planes, job(planes, bench, label))
            back.append(change(planes, edit, bench.cells))
            touched = editing.touched(edit, back[-1])
        if len(touched) <= 4:
            with bench.timed(RULES):
                check_near(planes, edit.window, bench.speck_px, bench.cells, bench.findings)
            with bench.timed(MEASURED):
                remeasured(bench.known, touched, bench.measured, bench.cells)
        with bench.timed(UNDO):
            change(planes, back.pop(), bench.cells)
    except UsageError:
        pass
    for inverse in reversed(back):
        change(planes, inverse, bench.cells)


def whole(bench: Bench) -> dict[str, float]:
    """Milliseconds of processor's time of what looks at the whole image, once for each image."""
    labels, classes = bench.planes.labels, bench.planes.classes
    jobs: dict[str, Callable[[], Any]] = {
        "index of the cells": lambda: CellIndex(labels),
        "all rules": lambda: check_all(bench.planes, bench.speck_px, bench.cells),
        "all measurements, with colour and texture": lambda: measure_cells(
            labels, classes, "nucleus+cytoplasm", bench.rgb
        ),
        "compare with the prediction": lambda: compare(labels, bench.predicted),
    }
    found = {}
    for name, job in jobs.items():
        start = time.process_time()
        job()
        found[name] = round(1e3 * (time.process_time() - start), 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="cells that each edit is tried on")
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    bench, rng = Bench(), np.random.default_rng(0)
    start = {name: getattr(bench.planes, name).copy() for name in ("labels", "classes", "ignore", "marks")}
    for name, job in JOBS.items():
        for _ in range(rounds):
            run(bench, name, job, int(rng.choice(list(bench.cells))))
    for name, plane in start.items():
        np.testing.assert_array_equal(getattr(bench.planes, name), plane, err_msg="not everything was taken back")
    rows = {
        name: {
            "median_ms": round(1e3 * statistics.median(wall), 2),
            "worst_ms": round(1e3 * max(wall), 2),
            "median_cpu_ms": round(1e3 * statistics.median(processor), 2),
            "worst_cpu_ms": round(1e3 * max(processor), 2),
            "runs": len(wall),
        }
        for name, times in bench.times.items()
        for wall, processor in [tuple(zip(*times, strict=True))]
    }
    print(f"| {SIDE}x{SIDE}, {len(bench.cells)} cells | median ms | worst ms | median CPU ms | worst CPU ms | runs |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(str(value) for value in row.values())} |")
    once = whole(bench)
    print(f"\nOnce for each image, CPU ms: {once}")
    told = {"image": [SIDE, SIDE], "cells": len(bench.cells), "target_ms": TARGET_MS, "edits": rows}
    write_json(
        RESULT, {"command": f"python benchmarks/editing_speed.py --rounds {rounds}", **told, "once_cpu_ms": once}
    )


if __name__ == "__main__":
    main()
