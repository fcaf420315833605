"""Repeat the corrections of the failing fields in the real window, with mouse and keys, and time the program.

    python scripts/choose_failing_fields.py --output runs/window
    python scripts/correct_fields.py begin --folder runs/window
    python scripts/build_training_masks.py --recipe recipes/taleqani-failing-masks.json \\
        --data ../shared/data/taleqani-all --output runs/window/recipe
    xvfb-run -a -s "-screen 0 1600x1000x24" python scripts/correct_in_window.py

Opens the project that `begin` has made in the Review widget and goes through
`recipes/taleqani-failing-masks-edits.json`: every click, line and outline by mouse events on the canvas, tools, brushes
and *Accept* by their keys. Then the labels in the project are compared with what the recipe builds, and how long the
window took goes to `docs/results/window_corrections.json` and `docs/corrected_fields.md`: showing a field, from the end
of a gesture to the labels on the canvas, and accepting. It works on a copy of the project.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from marked_page import replace_marked
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_all.files import write_json
from napari_all.gui.review import ReviewPanel
from napari_all.gui.review_corrections import REVIEW_TOOLS
from napari_all.gui.review_keys import ACCEPT
from napari_all.io.masks import read_labels
from napari_all.project.project import Project

ROOT = Path(__file__).resolve().parents[1]
EDITS = ROOT / "recipes" / "taleqani-failing-masks-edits.json"
RESULT = ROOT / "docs" / "results" / "window_corrections.json"
PAGE = ROOT / "docs" / "corrected_fields.md"
APART_MS = 12  # moves that follow each other within 5 ms are dropped
LIMIT_S = 1.0
TOOLS = {
    "delete": "Delete",
    "split": "Split",
    "merge": "Merge",
    "outline": "Outline",
    "fill holes": "Fill holes",
    "mark smudge": "Smudge",
    "mark ignore": "Ignore",
    "ignore outline": "Ignore area",
    "unmark": "Unmark",
}
BRUSHES = {"paint": "P", "erase": "E"}
PICK, PROTECT, MOVE = "L", "B", "Z"
Point = Sequence[float]


class Hand:
    """Mouse and keys on the canvas of the window."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.canvas = viewer.window._qt_viewer.canvas

    def key(self, name: str) -> None:
        modifier = Qt.KeyboardModifier.ShiftModifier if name.startswith("Shift+") else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(self.canvas.native, getattr(Qt.Key, f"Key_{name[-1]}"), modifier)

    def press(self, points: Sequence[Point]) -> None:
        """Press at the first point (y, x) of the image and move through the others."""
        button, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        self._send(QEvent.Type.MouseButtonPress, points[0], button, button)
        for point in points[1:]:
            self._send(QEvent.Type.MouseMove, point, none, button)
        QTest.qWait(APART_MS)

    def release(self, point: Point) -> None:
        self._send(QEvent.Type.MouseButtonRelease, point, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, 0)

    def drag(self, points: Sequence[Point]) -> None:
        self.press(points)
        self.release(points[-1])

    def _send(
        self, kind: QEvent.Type, point: Point, changed: Qt.MouseButton, held: Qt.MouseButton, wait_ms: int = APART_MS
    ) -> None:
        y, x = point
        place = QPointF(*self.canvas.view.scene.transform.map([x, y])[:2])
        where = QPointF(self.canvas.native.mapToGlobal(place.toPoint()))
        if wait_ms:
            QTest.qWait(wait_ms)
        event = QMouseEvent(kind, place, where, changed, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.canvas.native, event)


class Corrector:
    """Corrects fields in the window and keeps the seconds."""

    def __init__(self, folder: Path) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1600, 1000)
        self.panel = ReviewPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="Review")
        self.panel.open_project(folder)
        self.session: Any = self.panel.session
        self.hand = Hand(self.viewer)
        self.seconds: dict[str, list[float]] = {"field shown": [], "edit": [], "accepted": []}
        self.refused: list[str] = []
        QTest.qWait(1000)

    def field(self, image: str, edits: Sequence[dict[str, Any]]) -> None:
        self.timed("field shown", lambda: self.session.go_to(image))
        QTest.qWait(200)  # the camera has moved
        for said in edits:
            self.edit(image, said)
        self.hand.key(MOVE)
        self.timed("accepted", lambda: self.hand.key(ACCEPT))

    def edit(self, image: str, said: dict[str, Any]) -> None:
        before = self.steps()
        kind = said["op"]
        if kind == "smudge outline":  # a cell first, then marked
            self.gesture("Outline", [said["points"]])
            self.gesture("Smudge", [[np.mean(said["points"], axis=0)]])
        elif kind in BRUSHES:
            self.stroke(BRUSHES[kind], said)
        else:
            points = said.get("points")
            several = kind == "merge"
            self.gesture(TOOLS[kind], [points] if points else [[p] for p in (said["at"] if several else [said["at"]])])
        if self.steps() == before:
            self.seconds["edit"].pop()  # only the wait for what did not come
            self.refused.append(f"{image}: {said}: {self.panel.state.text()}")

    def gesture(self, name: str, drags: Sequence[Sequence[Point]]) -> None:
        """Take a tool up by its key and use it."""
        self.hand.key(next(tool.key for tool in REVIEW_TOOLS if tool.name == name))
        for points in drags[:-1]:
            self.hand.drag(points)
        self.hand.press(drags[-1])
        self.timed("edit", lambda: self.hand.release(drags[-1][-1]))
        self.hand.key(next(tool.key for tool in REVIEW_TOOLS if tool.name == name))  # lay it down

    def stroke(self, key: str, said: dict[str, Any]) -> None:
        """Take the cell's number, then napari's brush or eraser, which then touches no other cell."""
        labels = self.session.shown.labels
        self.hand.key(PICK)
        self.hand.drag([said["at"]])
        self.hand.key(PROTECT)
        self.hand.key(key)
        labels.brush_size = 2 * said["radius"] + 1  # the box of the layer's controls
        before = self.steps()

        def release() -> None:
            self.hand.release(said["stroke"][-1])
            self.until(lambda: self.steps() != before)

        self.hand.press(said["stroke"])
        self.timed("edit", release)
        self.hand.key(PROTECT)
        self.hand.key(MOVE)

    def steps(self) -> tuple[Any, ...]:
        return tuple(self.session.project.desk.history.to_undo)

    def until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not done() and time.monotonic() < end:
            QApplication.processEvents()

    def timed(self, what: str, do: Callable[[], object]) -> None:
        """Do something, draw the canvas, and keep the seconds."""
        start = time.perf_counter()
        do()
        self.hand.canvas._scene_canvas.render()
        self.seconds[what].append(time.perf_counter() - start)


def compared(project: Path, built: Path, images: Sequence[str]) -> dict[str, Any]:
    """Return how the labels in the project agree with those that the recipe builds."""
    dice, same = [], 0
    with Project(project, "compare") as opened:
        status = Counter(opened.entry(image).status for image in images)
        for image in images:
            mine = opened.load(image).pixels.labels
            recipe = read_labels(built / f"{Path(image).stem}_labels.tif").labels
            union = np.count_nonzero(mine) + np.count_nonzero(recipe)
            dice.append(2 * np.count_nonzero((mine > 0) & (recipe > 0)) / union if union else 1.0)
            same += len(np.unique(mine)) == len(np.unique(recipe))
    return {
        "fields": len(images),
        "status": dict(status),
        "same_number_of_cells": same,
        "dice_mean": round(statistics.fmean(dice), 4),
        "dice_least": round(min(dice), 4),
    }


def table(found: dict[str, Any]) -> list[str]:
    rows = [
        ("fields", found["fields"]),
        ("edits, of these without effect", f"{found['edits']}, {len(found['edits_without_effect'])}"),
        ("fields with as many cells as the recipe builds", found["same_number_of_cells"]),
        ("Dice with the cells that the recipe builds: mean, least", f"{found['dice_mean']}, {found['dice_least']}"),
    ]
    rows += [
        (f"{what}, with drawing: median, worst, ms", f"{took['median']}, {took['worst']}")
        for what, took in found["milliseconds"].items()
    ]
    return ["", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "window", help="where `begin` made the project")
    parser.add_argument("--picture", type=Path, help="where to put a picture of the window at the end")
    options = parser.parse_args()
    project = options.folder / "in_window"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(options.folder / "project", project)
    edits: dict[str, list[dict[str, Any]]] = json.loads(EDITS.read_text())
    work = Corrector(project)
    began = time.perf_counter()
    for image, said in edits.items():
        work.field(image, said)
    seconds = time.perf_counter() - began
    if options.picture:
        work.viewer.screenshot(str(options.picture), canvas_only=False)
    work.panel.close_project()
    work.viewer.close()
    found = {
        **compared(project, options.folder / "recipe", list(edits)),
        "edits": sum(map(len, edits.values())),
        "edits_without_effect": work.refused,
        "minutes_in_all": round(seconds / 60, 2),
        "milliseconds": {
            what: {"median": round(1e3 * statistics.median(took)), "worst": round(1e3 * max(took))}
            for what, took in work.seconds.items()
        },
    }
    print(json.dumps(found, indent=2))
    write_json(RESULT, found)
    replace_marked(PAGE, "window", table(found))


if __name__ == "__main__":
    main()
