"""How long a project takes: opening 3,256 images, and the steps of editing one of 2048x2048 with 300 cells.

python benchmarks/project_speed.py [--images 3256] [--folder DIR]

Limits that must hold: opening within 2 s, taking in a change within 50 ms, the next image within 200 ms when it was
asked for ahead. Synthetic images, no data needed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.data.synthetic import make_smear
from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, diff_planes
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.proposals import compare, take_over


class Taken(float):
    """Seconds by the clock, with those that the calling thread spent on the processor."""

    cpu: float = 0.0


def timed(job: Callable[[], object]) -> Taken:
    start, cpu = time.perf_counter(), time.thread_time()
    job()
    taken = Taken(time.perf_counter() - start)
    taken.cpu = time.thread_time() - cpu
    return taken


def row(name: str, times: Sequence[Taken]) -> None:
    middle, cpu = statistics.median(times), statistics.median(taken.cpu for taken in times)
    print(f"| {name} | {middle * 1e3:.1f} | {max(times) * 1e3:.1f} | {cpu * 1e3:.1f} | {len(times)} |", flush=True)


def many(home: Path, count: int) -> None:
    """Open a project of many images, all predicted, a tenth of them corrected."""
    (home / "images").mkdir()
    noise = np.random.default_rng(0)
    for number in range(count):
        tile = np.full((24, 24, 3), noise.integers(0, 255, 3), np.uint8)
        Image.fromarray(tile).save(home / "images" / f"WBC-{number:04d}.png", compress_level=0)
    pixels = Pixels.of(np.pad(np.ones((6, 6), np.int32), 9))
    row(f"make a project of {count} images", [timed(lambda: create_project(home / "project", home / "images"))])
    with Project(home / "project") as project:
        for number, image in enumerate(project.images):
            take_prediction(project, image, pixels, Sidecar(method="unet", uncertainty=0.1))
            if number % 10 == 0:
                before, after = pixels.copy(), pixels.copy()
                after.labels[0, :5] = 2
                project.record(image, Change("paint", diff_planes(before, after)))
    opened: list[Project] = []
    times = []
    for _ in range(5):
        times.append(timed(lambda: opened.append(Project(home / "project"))))
        opened.pop().close()
    row("open it", times)
    (home / "project" / "images.csv").unlink()
    row("open it with its table lost", [timed(lambda: opened.append(Project(home / "project")))])
    opened.pop().close()
    shutil.rmtree(home / "project")
    shutil.rmtree(home / "images")


def large(home: Path) -> None:
    """Edit an image of 2048x2048 with 300 cells."""
    (home / "images").mkdir()
    smear = make_smear(0, (512, 512), 40)
    for name in ("a.png", "b.png", "c.png"):
        rgb = np.tile(smear.rgb, (4, 4, 1))
        rgb[0, 0] = ord(name[0])
        Image.fromarray(rgb).save(home / "images" / name, compress_level=1)
    y, x = np.mgrid[:2048, :2048]
    labels = ((y // 118) * 18 + x // 113 + 1) * ((y % 118 - 59) ** 2 + (x % 113 - 56) ** 2 < 1600)
    create_project(home / "project", home / "images")
    project = Project(home / "project")
    for image in project.images:
        take_prediction(project, image, Pixels.of(labels), Sidecar(method="unet"))
    row("first image of 2048x2048, not asked for ahead", [timed(lambda: project.load("a.png"))])
    project.prefetch(["b.png", "c.png"])
    project._pictures.get("b.png")
    row("next image, asked for ahead", [timed(lambda: project.load("b.png")) for _ in range(5)])
    pixels = project.load("a.png").pixels
    strokes, undos, waits = [], [], []
    for number in range(30):
        before = pixels.copy()
        top = 40 + 60 * number
        pixels.labels[top : top + 40, 100:140], pixels.classes[top : top + 40, 100:140] = 400 + number, 2
        change = Change("paint", diff_planes(before, pixels))
        strokes.append(timed(lambda: project.record("a.png", change)))  # noqa: B023
        time.sleep(0.05)
    for _ in range(30):
        undos.append(timed(project.undo))
        time.sleep(0.05)
    row("take in a stroke of 1,600 px", strokes)
    row("undo it", undos)
    before = project.load("a.png").pixels
    after = before.copy()
    after.labels[after.labels > 0] += 1
    change = Change("relabel all", diff_planes(before, after))
    time.sleep(0.1)
    row(f"take in a change of all cells ({change.pixels:,} px)", [timed(lambda: project.record("a.png", change))])
    for _ in range(3):
        waits.append(timed(project.save))
        project.undo()
        project.redo()
    row("save the image, in the background", waits)
    row("compare with a proposal", [timed(lambda: compare(before, after, before)) for _ in range(3)])
    offers = compare(before, after, before)
    row("take all of it", [timed(lambda: take_over(before, after, offers)) for _ in range(3)])
    project.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=3256)
    parser.add_argument("--folder", help="where to work; a disk is truer than memory")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="project-speed-", dir=options.folder))
    try:
        print("| | median ms | worst ms | median ms of the calling thread | runs |\n|---|---|---|---|---|")
        many(home, options.images)
        large(home)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
