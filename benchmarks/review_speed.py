"""How long the Review window takes at 2048x2048 with 300 cells: each edit, undo, and the next image.

Runs the real window on a small project of synthetic smears in a temporary folder. Three times of each edit, all by the
clock and, in brackets, by the processor's time of the window's thread, which other programs do not lengthen:

- *data*: what the edit's handler does until it returns: the correction, the project's record, layers, the tabs' state;
- *later*: what the window does by itself after the pause that follows (rules, comparison, saving's words);
- *repaint*: drawing the canvas after it; *napari alone* is the same canvas drawn after napari's own change of as many
  pixels, without this program.

Writes `docs/results/review_speed.json`. No data needed, but a display
(xvfb-run -a -s "-screen 0 1600x1000x24" python ...).

    python benchmarks/review_speed.py [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from review_window import ReviewWindow

from napari_all.files import write_json

RESULT = Path(__file__).resolve().parents[1] / "docs" / "results" / "review_speed.json"
SIDE, TILES, CELLS = 2048, 4, 300
TARGET_MS, NEXT_MS = 50.0, 200.0
SETTLE_S = 1.2
Times = dict[str, list[tuple[float, float]]]


@contextmanager
def timed(times: Times, name: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.thread_time()
    yield
    times[name].append((time.perf_counter() - wall, time.thread_time() - processor))


def make_project(home: Path) -> Path:
    """Make a project of four images of one tiled smear."""
    from PIL import Image

    from napari_all.data.synthetic import make_smear
    from napari_all.io.sidecar import Sidecar
    from napari_all.project.create import create_project
    from napari_all.project.planes import Pixels
    from napari_all.project.predicting import take_prediction
    from napari_all.project.project import Project
    from napari_all.segmentation.instances import relabel

    tile = make_smear(3, (SIDE // TILES, SIDE // TILES), 44, n_white=24, touching=0.3, scale_bar=False)
    step = np.kron(np.arange(TILES**2).reshape(TILES, TILES), np.ones_like(tile.labels)) * 1000
    tiled = np.tile(tile.labels, (TILES, TILES))
    labels = relabel(np.where(tiled > 0, tiled + step, 0))
    labels[labels > CELLS] = 0
    classes = np.where(labels > 0, np.tile(tile.classes, (TILES, TILES)), 0)
    (home / "images").mkdir()
    for name in "abcd":
        rgb = np.tile(tile.rgb, (TILES, TILES, 1))
        rgb[0, 0] = ord(name)
        Image.fromarray(rgb).save(home / "images" / f"{name}.png", compress_level=1)
    create_project(home / "project", home / "images")
    with Project(home / "project") as project:
        made_by = Sidecar(method="unet", parts="nucleus+cytoplasm")
        for image in project.images:
            take_prediction(project, image, Pixels.of(labels, classes), made_by)
    return home / "project"


class Window(ReviewWindow):
    """The window, with the times taken."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.times: dict[str, Times] = defaultdict(lambda: defaultdict(list))
        self.own: Any = None
        self.settle()

    def settle(self, seconds: float = SETTLE_S) -> float:
        """Let timers and threads come to rest; return the processor's time that the window's thread took for it."""
        start, end = time.thread_time(), time.monotonic() + seconds
        self.work(lambda: time.monotonic() >= end, 0.01)
        return time.thread_time() - start

    def draw(self) -> None:
        """Draw the canvas now."""
        self.viewer.window._qt_viewer.canvas._scene_canvas.render()

    def edit(self, name: str, tool: str, points: list[tuple[float, float]]) -> None:
        from napari_all.gui.review_corrections import REVIEW_TOOLS

        found = next(t for t in REVIEW_TOOLS if t.name == tool)
        steps = self.session.project.desk.history.to_undo
        times = self.times[name]
        wall, processor = time.perf_counter(), time.thread_time()
        self.session.gesture(found, points)
        taken = time.perf_counter() - wall, time.thread_time() - processor
        if self.session.project.desk.history.to_undo == steps:
            return  # it did not fit this cell
        times["data"].append(taken)
        with timed(times, "repaint"):
            self.draw()
        times["later"].append((0.0, self.settle()))
        with timed(times, "undo"):
            self.session.undo()
        self.settle()

    def napari_alone(self, label: int) -> None:
        """Change one cell's pixels in a layer of napari's own, and draw."""
        layer = self.own
        where = np.nonzero(np.asarray(layer.data) == label)
        if len(where[0]):
            times = self.times["napari's own layer, one cell"]
            with timed(times, "data"):
                layer.data_setitem(where, 0)
            with timed(times, "repaint"):
                self.draw()

    def add_own(self) -> None:
        self.own = self.viewer.add_labels(self.session.shown.pixels.labels.copy(), name="napari")
        self.settle()


def measure(window: Window, rounds: int) -> None:
    rng, shown = np.random.default_rng(0), window.session.shown
    for label in rng.choice(list(shown.cells), rounds, replace=False).tolist():
        rows, columns = shown.cells.window(label)
        y, x = np.nonzero(shown.pixels.labels[rows, columns] == label)
        at = float(y[len(y) // 2] + rows.start), float(x[len(x) // 2] + columns.start)
        middle = (columns.start + columns.stop) / 2
        across = [(rows.start - 3.0, middle), (rows.stop + 3.0, middle)]
        around = [(at[0] + dy, at[1] + dx) for dy, dx in ((-40, -40), (-40, 40), (40, 40), (40, -40))]
        for tool in ("Delete", "Grow", "Shrink", "Snap", "Smooth", "Nucleus", "Smudge", "Ignore"):
            window.edit(tool, tool, [at])
        window.edit("Split", "Split", across)
        window.edit("Outline", "Outline", around)
        window.edit("Ignore area", "Ignore area", around)
    for pair in touching(window)[:rounds]:
        window.session.correct("merge", lambda context: _merged(context, pair))  # noqa: B023 - called at once
        window.settle()
        y, x = np.argwhere(shown.pixels.labels == min(pair))[0].tolist()
        window.edit("Auto split", "Auto split", [(y + 0.0, x + 0.0)])
        window.session.undo()
        window.settle()
    for _ in range(max(2, rounds // 2)):
        window.edit("Smooth all", "Smooth all", [])
        window.session.correct("delete", lambda context: _delete_first(context))
        window.settle()
        window.edit("Renumber", "Renumber", [])
        window.session.undo()
        window.settle()
    for _ in range(max(2, rounds // 2)):
        for go in (window.session.next, window.session.next, window.session.previous, window.session.previous):
            window.settle()
            with timed(window.times["next image"], "data"):
                go()
            with timed(window.times["next image"], "repaint"):
                window.draw()
    window.add_own()
    for label in rng.choice(list(shown.cells), rounds, replace=False).tolist():
        window.napari_alone(label)


def touching(window: Window) -> list[tuple[int, int]]:
    """Return pairs of cells that share a border."""
    labels = window.session.shown.pixels.labels
    left, right = labels[:, :-1], labels[:, 1:]
    border = (left != right) & (left > 0) & (right > 0)
    pairs = {(min(a, b), max(a, b)) for a, b in zip(left[border].tolist(), right[border].tolist(), strict=True)}
    return sorted(pairs)


def _merged(context: Any, pair: tuple[int, int]) -> Any:
    from napari_all.segmentation import editing

    return editing.merge_cells(context.labels, pair, context.cells)


def _delete_first(context: Any) -> Any:
    from napari_all.segmentation import editing

    return editing.delete_cell(context.labels, min(context.cells), context.cells)


def told(times: Times) -> dict[str, dict[str, float]]:
    """Return median and worst milliseconds, by the clock and of the processor."""
    rows = {}
    for name, found in times.items():
        wall, processor = zip(*found, strict=True)
        numbers: dict[str, float] = {}
        for kind, values in (("", wall), ("cpu_", processor)):
            if any(values):
                numbers |= {f"{kind}median_ms": 1e3 * statistics.median(values), f"{kind}worst_ms": 1e3 * max(values)}
        rows[name] = {key: round(value, 1) for key, value in numbers.items()} | {"runs": len(found)}
    return rows


def in_window(job: Callable[[Window], None]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        window = Window(make_project(Path(home)))
        job(window)
        window.close()
        return {name: told(times) for name, times in window.times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="cells that each edit is tried on")
    rounds = parser.parse_args().rounds
    found = in_window(lambda window: measure(window, rounds))
    print("| edit | data ms (CPU) | worst | repaint ms (CPU) | undo ms (CPU) | later CPU ms |")
    print("|---|---|---|---|---|---|")
    for name, rows in found.items():
        cells = [name]
        for kind in ("data", "repaint", "undo"):
            row = rows.get(kind, {})
            cells.append(f"{row['median_ms']} ({row['cpu_median_ms']})" if row else "")
            if kind == "data":
                cells.append(f"{row['worst_ms']} ({row['cpu_worst_ms']})" if row else "")
        cells.append(str(rows["later"].get("cpu_median_ms", "")) if "later" in rows else "")
        print(f"| {' | '.join(cells)} |")
    write_json(
        RESULT,
        {
            "command": f"python benchmarks/review_speed.py --rounds {rounds}",
            "image": [SIDE, SIDE], "cells": CELLS, "target_ms": TARGET_MS, "next_image_ms": NEXT_MS, "edits": found,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
