"""Write what was corrected in a project as a mask recipe, so that others rebuild the masks from their own images.

A log holds every pixel that changed since a prediction, and needs that prediction, which another version of a network
or another machine may not repeat. The recipe of an image therefore begins from a segmentation that finds nothing and
draws what the log led to: each cell, smudge and ignored place by an outline that gives exactly its pixels back. Nuclei
and artefacts are not in it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import numpy as np

from napari_all.errors import ProjectError, UsageError
from napari_all.monitor import Monitor, NullMonitor
from napari_all.project.log_file import read_log
from napari_all.project.log_lines import Changed, parse_line
from napari_all.project.planes import Pixels
from napari_all.project.project import Project
from napari_all.segmentation.editing import Mark, polygon_mask
from napari_all.segmentation.instances import relabel
from napari_all.workflows.exact_outline import Outline, exact_outlines
from napari_all.workflows.play_recipe import FieldMask, build_mask
from napari_all.workflows.recipe import (
    AddPolygon,
    Correction,
    FieldRecipe,
    IgnorePolygon,
    Merge,
    Point,
    Recipe,
    SmudgePolygon,
)
from napari_all.workflows.segment import SegmentConfig, make_config

REVIEWED = ("corrected", "accepted")


def nothing_found() -> SegmentConfig:
    """Return a segmentation that finds no cell in any image: what the outlines of a recipe begin from."""
    return make_config("lab", assignments=["threshold=100"])


def project_recipe(project: Project, within: str = "", note: str = "", monitor: Monitor | None = None) -> Recipe:
    """Return the recipe of all images of a project that a person corrected or accepted.

    Parameters
    ----------
    project
        An open project.
    within
        Folder that the images of the recipe are in, as it is to stand before their names ("Original"); empty = none.
    note
        Who drew the masks, by which rules.

    Raises
    ------
    ProjectError
        A cell is in pieces that lie apart, which no recipe says.
    """
    watch = monitor or NullMonitor()
    project.save()  # the history is read from the logs
    images = [entry.image for entry in project.entries if entry.status in REVIEWED]
    fields = []
    for done, image in enumerate(images):
        watch.raise_if_cancelled()
        watch.report("recipe", done, len(images))
        fields.append(field_recipe(project, image, within))
    watch.report("recipe", len(images), len(images))
    return Recipe(note=note, fields=tuple(fields))


def field_recipe(project: Project, image: str, within: str = "") -> FieldRecipe:
    """Return the recipe of one image, with the hash of the mask that it builds; see `project_recipe`."""
    pixels = project.load(image).pixels
    recipe = FieldRecipe(
        image=image,
        sha256=project.reference(image).sha256,
        segmentation=nothing_found(),
        corrections=drawn(pixels),
        note=history(project, image),
    )
    try:
        mask = build_mask(recipe, project.images_folder)
    except UsageError:  # pieces too far apart to be merged
        mask = None
    if mask is None or not _same(mask, pixels):
        raise ProjectError(f"{image}: a cell is in pieces that lie apart; split it, or paint the gap, and try again")
    return recipe.updated(image=str(PurePosixPath(within, image)), result_sha256=mask.sha256())


def drawn(pixels: Pixels) -> tuple[Correction, ...]:
    """Return the corrections that draw all of an image, what is no cell first: cells keep what they cover."""
    smudges = np.asarray(pixels.marks == Mark.SMUDGE)
    corrections: list[Correction] = [IgnorePolygon(points=outline) for outline in exact_outlines(pixels.ignore)]
    corrections += [SmudgePolygon(points=outline) for outline in exact_outlines(smudges)]
    for label in np.unique(pixels.labels[pixels.labels > 0]):
        outlines = exact_outlines(pixels.labels == label)
        corrections += [AddPolygon(points=outline) for outline in outlines]
        if len(outlines) > 1:
            corrections.append(Merge(at=tuple(_pixel_in(outline, pixels.shape) for outline in outlines)))
    return tuple(corrections)


def history(project: Project, image: str) -> str:
    """Return in one line what a person did on an image, with which tools, who and when; what was undone is not told."""
    steps = _steps(project, image)
    done = ", ".join(f"{tool} {count}" for tool, count in sorted(edits_of(project, image).items())) or "no edit"
    people = sorted({step.who for step in steps})
    return f"{done}; {project.values(image).status} by {', '.join(people)} on {steps[-1].when[:10]}" if steps else done


def edits_of(project: Project, image: str) -> Counter[str]:
    """Return how often each tool changed pixels of an image since it was predicted, without what was undone."""
    return Counter(step.tool for step in _steps(project, image) if step.planes)


def _steps(project: Project, image: str) -> list[Changed]:
    """Return the changes of an image's log that stand."""
    lines = [line.found for line in read_log(project.layout.log(image)).lines]
    begun = max((place for place, found in enumerate(lines) if found["action"] == "begin"), default=0)
    changes = [parse_line(Changed, found) for found in lines[begun:] if found["action"] == "change"]
    undone: set[int] = set()
    for change in changes:
        if change.undoes is not None:
            undone.add(change.undoes)
        if change.redoes is not None:
            undone.discard(change.redoes)
    return [c for c in changes if c.undoes is None and c.redoes is None and c.n not in undone]


def _pixel_in(outline: Outline, shape: tuple[int, int]) -> Point:
    y, x = np.nonzero(polygon_mask(shape, outline))
    return float(y[0]), float(x[0])


def _same(mask: FieldMask, pixels: Pixels) -> bool:
    """Tell whether a mask holds the cells, smudges and ignored places of a project; smudges get an ignored rim."""
    return (
        np.array_equal(mask.labels, relabel(pixels.labels))
        and np.array_equal(mask.smudges, pixels.marks == Mark.SMUDGE)
        and not (pixels.ignore & ~mask.ignore).any()
    )
