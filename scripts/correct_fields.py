"""Correct fields in a project folder, through the program's own interface: predict, look, edit, write the recipe.

    python scripts/choose_failing_fields.py
    python scripts/correct_fields.py begin
    python scripts/correct_fields.py sheets --output SHEETS
    python scripts/correct_fields.py edit edits.json
    python scripts/correct_fields.py recipe

`begin` makes the project and lets the shipped U-Net with default settings predict the chosen fields. `sheets` draws
six fields a picture, numbered outlines over the enlarged image: the images may not be passed on, so give a folder
outside the repository. `edit` takes what a person saw, `{"Pro/x.jpg": [{"op": "delete", "at": [y, x]}, ...]}`: each
entry is one edit of `napari_all.segmentation.editing`, recorded by the project as one step; the image is then marked
corrected, accepted (no edit) or excluded (`{"op": "exclude"}`). `recipe` writes the recipe of what was corrected and
accepted, and `steps.csv`: what the network took, what the edits took, how many there were and how far they moved the
mask.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from napari_all.io.images import read_image
from napari_all.project.change import change_of_edit
from napari_all.project.create import create_project
from napari_all.project.opened import Opened
from napari_all.project.predicting import take_segmentation
from napari_all.project.project import Project
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Edit, Mark
from napari_all.types import RGBImage
from napari_all.workflows.project_recipe import edits_of, history, project_recipe
from napari_all.workflows.recipe import write_recipe
from napari_all.workflows.segment import make_config, segment_image

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "recipes" / "taleqani-failing-masks.json"
NOTE = (
    "Fields whose published masks fail (scripts/choose_failing_fields.py), corrected by one annotator, not a "
    "haematologist: predicted by the shipped U-Net, each looked at on contact sheets, edited where it was wrong. Cells "
    "only: the nuclei were not looked at. None overlaps a reference field or a field of taleqani-masks.json. The note "
    "of each field tells the edits. The segmentation each entry begins from finds nothing, so that no later change of "
    "a method moves these masks."
)
YELLOW, CYAN, RED = (255, 235, 0), (0, 255, 255), (255, 0, 0)


def chosen(folder: Path) -> list[str]:
    with (folder / "chosen.csv").open(newline="", encoding="utf-8") as stream:
        return [row["image"] for row in csv.DictReader(stream)]


def noted(folder: Path, image: str, **seconds: float) -> None:
    """Add program time to what is noted of an image."""
    path = folder / "seconds.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    own = found.setdefault(image, {})
    for key, value in seconds.items():
        own[key] = round(own.get(key, 0.0) + value, 4)
    path.write_text(json.dumps(found, indent=1))


def begin(folder: Path, data: Path, who: str) -> None:
    if not (folder / "project").exists():
        create_project(folder / "project", data / "Original", who=who)
    config = make_config("unet")
    with Project(folder / "project", who) as project:
        for image in (name for name in chosen(folder) if project.entry(name).status == "none"):
            started = time.perf_counter()
            record, rgb = read_image(project.images_folder / image)
            take_segmentation(project, image, segment_image(rgb, config), record)
            noted(folder, image, predict=time.perf_counter() - started)


def sheet(opened: Sequence[tuple[str, Opened]], scale: float, columns: int) -> RGBImage:
    """Return fields side by side, cells yellow with their number, smudges cyan, what is ignored red."""
    tiles = [tile(name, one, scale) for name, one in opened]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def tile(name: str, one: Opened, scale: float) -> RGBImage:
    """Return one field enlarged, with its outlines and a ruler every 20 px."""
    height, width = (round(side * scale) for side in one.pixels.shape)
    canvas = cv2.resize(one.rgb, (width, height), interpolation=cv2.INTER_CUBIC)
    planes = [(one.pixels.marks == Mark.SMUDGE, CYAN), (one.pixels.ignore, RED)]
    labels = one.pixels.labels
    planes += [(labels == label, YELLOW) for label in np.unique(labels[labels > 0])]
    for mask, colour in planes:
        large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        contours, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, contours, -1, colour, 1)
    for label in np.unique(labels[labels > 0]):
        y, x = (float(np.mean(axis)) * scale for axis in np.nonzero(labels == label))
        cv2.putText(canvas, str(label), (int(x) - 6, int(y) + 5), 0, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    framed = np.full((height + 34, width + 26, 3), 255, np.uint8)
    framed[34:, 26:] = canvas
    for at in range(0, max(one.pixels.shape), 20):
        place = round(at * scale)
        cv2.putText(framed, str(at), (26 + place, 32), 0, 0.32, (0, 0, 0), 1, cv2.LINE_AA)
        cv2.putText(framed, str(at), (0, 38 + place), 0, 0.32, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(framed, f"{name} {one.values.status}", (2, 15), 0, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return framed


def sheets(folder: Path, output: Path, names: list[str], who: str, scale: float) -> None:
    columns = 3 if len(names) != 1 else 1
    output.mkdir(parents=True, exist_ok=True)
    with Project(folder / "project", who) as project:
        for number, start in enumerate(range(0, len(names), 6)):
            some = [(name, project.load(name)) for name in names[start : start + 6]]
            picture = sheet(some, scale, columns)
            cv2.imwrite(str(output / f"sheet{number:02d}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


OPERATIONS: dict[str, Callable[[Opened, dict[str, Any]], Edit]] = {
    "new cell": lambda one, e: editing.add_by_click(one.pixels.labels, one.rgb, e["at"], e.get("reach", 30)),
    "outline": lambda one, e: editing.add_polygon(one.pixels.labels, e["points"]),
    "delete": lambda one, e: editing.delete_cell(one.pixels.labels, cell(one, e)),
    "merge": lambda one, e: editing.merge_cells(
        one.pixels.labels, [editing.cell_at(one.pixels.labels, point) for point in e["at"]]
    ),
    "split": lambda one, e: editing.split_cell(one.pixels.labels, e["points"]),
    "split at waists": lambda one, e: editing.split_at_waists(one.pixels.labels, cell(one, e)),
    "grow": lambda one, e: editing.grow_cell(one.pixels.labels, cell(one, e), e["pixels"]),
    "smooth": lambda one, e: editing.smooth_cells(one.pixels.labels, cell(one, e), e.get("radius", 2)),
    "snap": lambda one, e: editing.snap_cell(one.pixels.labels, one.rgb, cell(one, e)),
    "fill holes": lambda one, e: editing.fill_holes(one.pixels.labels, cell(one, e)),
    "paint": lambda one, e: editing.paint(one.pixels.labels, e["stroke"], e["radius"], cell(one, e)),
    "erase": lambda one, e: editing.erase(one.pixels.labels, e["stroke"], e["radius"], cell(one, e)),
    "mark smudge": lambda one, e: editing.mark_cell(one.pixels.labels, cell(one, e), "smudge"),
    "mark ignore": lambda one, e: editing.mark_cell(one.pixels.labels, cell(one, e), "ignore"),
    "smudge outline": lambda one, e: editing.mark_polygon(one.pixels.labels, e["points"], "smudge"),
    "ignore outline": lambda one, e: editing.mark_polygon(one.pixels.labels, e["points"], "ignore"),
    "unmark": lambda one, e: editing.unmark_at(one.pixels.labels, one.pixels.ignore, one.pixels.marks, e["at"]),
}


def cell(one: Opened, said: dict[str, Any]) -> int:
    return editing.cell_at(one.pixels.labels, said["at"])


def edit(folder: Path, path: Path, who: str) -> None:
    with Project(folder / "project", who) as project:
        for image, said in json.loads(path.read_text()).items():
            started = time.perf_counter()
            for number, entry in enumerate(said):
                if entry["op"] == "exclude":
                    project.set_status(image, "excluded")
                    continue
                one = project.load(image)
                try:
                    change_image(project, image, one, entry)
                except Exception as error:
                    raise SystemExit(f"{image}, edit {number + 1} ({entry}): {error}") from error
            if project.values(image).status != "excluded":
                project.set_status(image, "corrected" if project.values(image).status == "in work" else "accepted")
            noted(folder, image, edit=time.perf_counter() - started)


def change_image(project: Project, image: str, one: Opened, entry: dict[str, Any]) -> None:
    """Do one edit on what was loaded, and record it as one step."""
    planes = one.pixels.editable(one.sidecar.parts)
    done = editing.completed(planes, OPERATIONS[entry["op"]](one, entry))
    inverse = editing.change(planes, done)
    cells = editing.touched(done, inverse)
    label = min(cells) if len(cells) == 1 else None
    project.record(image, change_of_edit(entry["op"], done, inverse, one.pixels.shape, label))


def recipe(folder: Path, path: Path, who: str) -> None:
    """Write the recipe, and what is known of each field that was looked at."""
    seconds = json.loads((folder / "seconds.json").read_text())
    with Project(folder / "project", who) as project, (folder / "steps.csv").open("w", newline="") as stream:
        write_recipe(path, project_recipe(project, "Original", NOTE))
        columns = ("image", "status", "cells", "edits", "dice", "predict_s", "edit_s", "history")
        rows = csv.writer(stream)
        rows.writerow(columns)
        for entry in project.entries:
            if entry.image in seconds:
                took = seconds[entry.image]
                count = sum(edits_of(project, entry.image).values())
                known = (entry.image, entry.status, entry.cells, count, entry.dice)
                rows.writerow((*known, took["predict"], took.get("edit", 0.0), history(project, entry.image)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("begin", "sheets", "edit", "recipe"))
    parser.add_argument("edits", type=Path, nargs="?", help="for `edit`: JSON as told above")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "taleqani-all")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "fields100")
    parser.add_argument("--who", default="annotator 1", help="name for the log")
    parser.add_argument("--output", type=Path, help="for `sheets`: folder of the pictures; for `recipe`: its file")
    parser.add_argument("--images", nargs="*", help="for `sheets`: which of the chosen (default: all)")
    parser.add_argument("--scale", type=float, default=2.25, help="for `sheets`: how much larger than the image")
    options = parser.parse_args()
    if options.job == "begin":
        begin(options.folder, options.data, options.who)
    elif options.job == "sheets":
        names = options.images or chosen(options.folder)
        sheets(options.folder, options.output or options.folder / "sheets", names, options.who, options.scale)
    elif options.job == "edit":
        edit(options.folder, options.edits, options.who)
    else:
        recipe(options.folder, options.output or RECIPE, options.who)


if __name__ == "__main__":
    main()
