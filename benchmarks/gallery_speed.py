"""How long the gallery of the Review window takes with thousands of cells.

Runs the real window on a project of 500 synthetic fields (some 6,000 cells) in a temporary folder. By the clock and, in
brackets, by the processor's time of the window's thread: gathering the cells of all images (the engine measures them;
`longest pause` is the longest time in which the window did not answer meanwhile), sorting, filtering, classifying one
and a hundred cells by one key, and paging to cells whose pictures were not read yet, until they are there. Writes
`docs/results/gallery_speed.json`. No data needed, but a display.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/gallery_speed.py [--images 500]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from review_window import ReviewWindow

from napari_all.files import write_json

RESULT = Path(__file__).resolve().parents[1] / "docs" / "results" / "gallery_speed.json"
SIDE, WHITE_CELLS, DIFFERENT = 224, 14, 25


def make_project(home: Path, images: int) -> Path:
    """Make a project of synthetic fields, each with its true labels as its prediction."""
    from PIL import Image

    from napari_all.data.synthetic import make_smear
    from napari_all.io.sidecar import Sidecar
    from napari_all.project.create import create_project
    from napari_all.project.planes import Pixels
    from napari_all.project.predicting import take_prediction
    from napari_all.project.project import Project

    fields = [make_smear(seed, (SIDE, SIDE), 30, n_white=WHITE_CELLS, scale_bar=False) for seed in range(DIFFERENT)]
    (home / "images").mkdir()
    for number in range(images):
        rgb = fields[number % DIFFERENT].rgb.copy()
        rgb[0, 0] = number // 256, number % 256, 0
        Image.fromarray(rgb).save(home / "images" / f"field-{number:04d}.png", compress_level=1)
    create_project(home / "project", home / "images")
    with Project(home / "project") as project:
        made_by = Sidecar(method="unet", parts="nucleus+cytoplasm")
        for number, image in enumerate(project.images):
            field = fields[number % DIFFERENT]
            take_prediction(project, image, Pixels.of(field.labels, field.classes), made_by)
    return home / "project"


class Window(ReviewWindow):
    """The window with the gallery in front."""

    def __init__(self, folder: Path) -> None:
        from napari_all.gui.review_cells import CellsTab

        super().__init__(folder)
        self.panel.tabs.show_tab(CellsTab)
        self.tab: Any = self.panel.tabs.of(CellsTab)
        self.tab.as_gallery.click()
        self.gallery = self.tab.gallery
        self.until(lambda: self.tab.shown.ready)

    def until(self, done: Callable[[], bool], limit_s: float = 600.0) -> float:
        """Let the window work until something holds; return the longest time in which it did not answer."""
        end = time.monotonic() + limit_s

        def over() -> bool:
            if time.monotonic() > end:
                raise SystemExit("the window did not get done")
            return done()

        return self.work(over, 0.002)

    def choose(self, chooser: Any, data: str) -> None:
        chooser.setCurrentIndex(chooser.findData(data))
        chooser.activated.emit(chooser.currentIndex())

    @property
    def cards(self) -> list[Any]:
        return list(self.gallery.view.cards.cards)

    def in_view(self) -> list[int]:
        """Return the rows of the cards on the screen."""
        view, area = self.gallery.view, self.gallery.view.viewport().rect()
        model = view.cards
        return [row for row in range(model.rowCount()) if view.visualRect(model.index(row)).intersects(area)]

    def pictured(self, rows: list[int]) -> bool:
        """Tell whether every one of some cards has its picture."""
        from qtpy.QtCore import Qt

        model = self.gallery.view.cards
        return all(model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None for row in rows)


Found = dict[str, dict[str, float]]


def told(times: list[tuple[float, float]]) -> dict[str, float]:
    wall, processor = zip(*times, strict=True)
    return {
        "median_ms": round(1e3 * statistics.median(wall), 1),
        "worst_ms": round(1e3 * max(wall), 1),
        "cpu_median_ms": round(1e3 * statistics.median(processor), 1),
        "runs": len(times),
    }


def timed(job: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.thread_time()
    job()
    return time.perf_counter() - wall, time.thread_time() - processor


def measure(window: Window, images: int) -> tuple[Found, dict[str, float]]:
    gallery = window.gallery
    start, cpu = time.perf_counter(), time.thread_time()
    window.choose(gallery.scope, "all")
    longest = window.until(lambda: gallery.bar.isHidden() and len({card.image for card in window.cards}) == images)
    gathered = {
        "cells": len(window.cards),
        "gathering_s": round(time.perf_counter() - start, 1),
        "gathering_cpu_s": round(time.thread_time() - cpu, 1),
        "longest_pause_ms": round(1e3 * longest, 1),
    }
    found: Found = {}
    sorts = ("area_px", "circularity", "cell_class", "image")
    found["sort"] = told(
        [timed(lambda name=name: window.choose(gallery.sort, name)) for name in sorts for _ in range(2)]
    )
    filters = ("corrected", "predicted", "")
    found["filter"] = told(
        [timed(lambda name=name: window.choose(gallery.status, name)) for name in filters for _ in range(2)]
    )
    rng = np.random.default_rng(0)
    for name, count in (("classify one cell", 1), ("classify 100 cells", 100)):
        times = []
        for k in range(6):
            keys = [window.cards[row].key for row in rng.choice(len(window.cards), count, replace=False)]
            gallery.view.select(keys)
            times.append(timed(lambda: window.tab.classify(("blast", "lymphocyte")[k % 2])))  # noqa: B023 - called at once
            window.until(lambda: not gallery._later.isActive())
        found[name] = told(times)
    found["show again after it"] = told([timed(gallery.renew) for _ in range(6)])
    bar, times = gallery.view.verticalScrollBar(), []
    for place in rng.choice(bar.maximum(), 8).tolist():
        start, cpu = time.perf_counter(), time.thread_time()
        bar.setValue(place)
        rows = window.in_view()
        window.until(lambda: window.pictured(rows))  # noqa: B023 - called at once
        times.append((time.perf_counter() - start, time.thread_time() - cpu))
    found["page to cells not seen yet, until their pictures are there"] = told(times)
    return found, gathered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as home:
        window = Window(make_project(Path(home), images))
        found, gathered = measure(window, images)
        window.close()
    print(", ".join(f"{name} {value}" for name, value in gathered.items()))
    print("| step | ms | worst | processor ms |\n|---|---|---|---|")
    for name, row in found.items():
        print(f"| {name} | {row['median_ms']} | {row['worst_ms']} | {row['cpu_median_ms']} |")
    write_json(RESULT, {"images": images, **gathered, "steps": found})


if __name__ == "__main__":
    main()
