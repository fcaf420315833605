"""Kill the storage of a project at random moments of editing and saving, and look at what is left each time.

python benchmarks/project_faults.py [--kills 200] [--seed 0] [--folder DIR]

A child process edits three images at random (paint, mark, flag, undo, redo), with saves in between, and is killed with
SIGKILL. A copy of what it left is opened: it must hold every stroke but at most the last one. The next child goes on
with what the one before it left, so that recovery is killed, too. Exit code 1 when anything more was lost. No data
needed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process that forks must have no threads
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import hashlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, apply_pixels, apply_values, diff_planes
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels, Values
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project

SHAPE = (160, 200)
MOST_STROKES = 12
LONGEST_S = 0.04
PAUSE_S = 0.004


def make(home: Path) -> Path:
    images = home / "images"
    images.mkdir()
    labels = np.zeros(SHAPE, np.int32)
    for number in range(40):
        top, left = 20 * (number // 10), 20 * (number % 10)
        labels[top : top + 14, left : left + 14] = number + 1
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.full((*SHAPE, 3), ord(name[0]), np.uint8)).save(images / name)
    create_project(home / "project", images)
    with Project(home / "project") as project:
        for name in ("a.png", "b.png"):
            take_prediction(project, name, Pixels.of(labels), Sidecar(method="unet"))
    return home / "project"


class Mirror:
    """What the images should be, kept beside the project."""

    def __init__(self, project: Project) -> None:
        opened = {image: project.load(image) for image in project.images}
        self.pixels = {image: o.pixels for image, o in opened.items()}
        self.values = {image: o.values for image, o in opened.items()}

    def apply(self, image: str, change: Change) -> None:
        apply_pixels(change, self.pixels[image])
        self.values[image] = apply_values(change.values, self.values[image])

    def digest(self) -> str:
        state = [(i, p.fingerprints(), self.values[i].flag) for i, p in sorted(self.pixels.items())]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def stroke(rng: random.Random, pixels: Pixels, values: Values) -> Change:
    after = pixels.copy()
    top, left, size = rng.randrange(SHAPE[0]), rng.randrange(SHAPE[1]), rng.randrange(2, 60)
    where = (slice(top, top + size), slice(left, left + size))
    if rng.random() < 0.7:
        label = rng.randrange(60)
        after.labels[where], after.classes[where] = label, 2 * (label > 0)
    else:
        after.ignore[where], after.marks[where] = rng.random() < 0.5, rng.randrange(3)
    return Change("stroke", diff_planes(pixels, after))


def edit_for_ever(folder: Path, seed: int, diary: int) -> None:
    """Edit until killed; the diary says which state is begun and which is done."""
    rng = random.Random(seed)
    project = Project(folder, pause_s=PAUSE_S)
    mirror = Mirror(project)
    os.write(diary, f"done {mirror.digest()}\n".encode())
    while True:
        chance = rng.random()
        history = project.desk.history
        steps = history.to_undo if chance < 0.15 else history.to_redo if chance < 0.25 else []
        if steps:
            for step in steps:
                change = history.change_of(step)
                mirror.apply(step.image, change.reversed() if chance < 0.15 else change)
            os.write(diary, f"begun {mirror.digest()}\n".encode())
            project.undo() if chance < 0.15 else project.redo()
        elif chance < 0.3:
            image = rng.choice(project.images)
            flag = mirror.values[image] = Values(mirror.values[image].status, not mirror.values[image].flag)
            os.write(diary, f"begun {mirror.digest()}\n".encode())
            project.set_flag(image, flag.flag)
        elif chance < 0.35:
            project.save()
            continue
        else:
            image = rng.choice(project.images)
            change = stroke(rng, mirror.pixels[image], mirror.values[image])
            apply_pixels(change, mirror.pixels[image])
            os.write(diary, f"begun {mirror.digest()}\n".encode())
            done = project.record(image, change)
            mirror.values[image] = apply_values(done.values, mirror.values[image])
        os.write(diary, f"done {mirror.digest()}\n".encode())
        time.sleep(rng.random() * 0.01)


def one_kill(project: Path, home: Path, seed: int, before: str) -> dict[str, str | int]:
    """Start a child, kill it, and look at what it left; `before` is the state that it began with."""
    rng = random.Random(seed)
    diary_path = home / "diary"
    diary = os.open(diary_path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    pid = os.fork()
    if pid == 0:
        try:
            edit_for_ever(project, seed, diary)
        except BaseException as error:
            os.write(diary, f"failed {type(error).__name__}: {error}\n".encode())
        os._exit(1)
    lines_wanted = 0 if rng.random() < 0.2 else 1 + 2 * rng.randrange(MOST_STROKES)  # 0: killed while it opens
    while diary_path.read_bytes().count(b"\n") < lines_wanted and not _has_ended(pid):
        time.sleep(0.002)
    time.sleep(rng.random() * LONGEST_S)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(diary)
    lines = [line.split(" ", 1) for line in diary_path.read_text().splitlines()]
    strokes = max(0, sum(kind == "done" for kind, _ in lines) - 1)
    if failed := [text for kind, text in lines if kind == "failed"]:
        return {"strokes": strokes, "outcome": "child failed", "why": failed[0], "state": before}
    return {"strokes": strokes, **look(project, home, [["done", before], *lines])}


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def look(folder: Path, home: Path, lines: list[list[str]]) -> dict[str, str | int]:
    """Open a copy and compare it with what the diary says."""
    shutil.copytree(folder, home / "copy", ignore=shutil.ignore_patterns("project.lock"))
    try:
        with Project(home / "copy") as project:
            found, reports = Mirror(project).digest(), project.reports
    except Exception as error:
        return {"outcome": "unreadable", "why": f"{type(error).__name__}: {error}", "state": ""}
    finally:
        shutil.rmtree(home / "copy")
    states = [text for _, text in lines]
    done = [number for number, (kind, _) in enumerate(lines) if kind == "done"]
    seen = {"repaired": len(reports), "state": found}
    if found in states[done[-1] :]:
        return {"outcome": "whole", **seen}
    if found in states[done[-2] if len(done) > 1 else 0 :]:
        return {"outcome": "last stroke lost", **seen}
    return {"outcome": "more lost", "why": f"{len(done)} done; known {found in states}; {reports}", **seen}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where to work; memory (/dev/shm) is faster, a disk is truer")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="project-faults-", dir=options.folder))
    try:
        project = make(home)
        with Project(project) as opened:
            state = Mirror(opened).digest()
        results = []
        for number in range(options.kills):
            results.append(one_kill(project, home, options.seed * 100_000 + number, state))
            state = str(results[-1]["state"])
    finally:
        shutil.rmtree(home)
    counts: dict[str, int] = {}
    for result in results:
        counts[str(result["outcome"])] = counts.get(str(result["outcome"]), 0) + 1
    repaired = sum(bool(result.get("repaired")) for result in results)
    strokes = sum(int(result["strokes"]) for result in results)
    print(json.dumps({"kills": len(results), "outcomes": counts, "with repairs": repaired, "strokes": strokes}))
    for result in results:
        if "why" in result:
            print(result["outcome"], result["why"], file=sys.stderr)
    return int(any(result["outcome"] not in ("whole", "last stroke lost") for result in results))


if __name__ == "__main__":
    sys.exit(main())
