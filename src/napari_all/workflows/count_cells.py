"""The differential count of a project: its target, and its report."""

from __future__ import annotations

from pathlib import Path

from napari_all.errors import FileExistsRefused
from napari_all.evaluation.differential import TARGETS
from napari_all.evaluation.differential_report import CountedImages, write_report
from napari_all.project.cell_classes import counted_images
from napari_all.project.folder import ProjectFolder
from napari_all.project.project import Project

_TARGET = "target"
"""Key of the project's settings."""


def target_of(project: ProjectFolder) -> int:
    """Return the number of cells that are to be counted in a project."""
    return int(project.manifest.settings.get(_TARGET, TARGETS[1]))


def keep_target(project: ProjectFolder, target: int) -> None:
    """Keep another number of cells to count with the project; `SaveError` when the disk refuses."""
    if target != target_of(project):
        project.keep(settings={**project.manifest.settings, _TARGET: target})


def report_count(folder: Path, output: Path, target: int | None = None, *, overwrite: bool = False) -> CountedImages:
    """Write the report of a project that no other program has open.

    Parameters
    ----------
    folder
        The project.
    output
        Page (`.html`) or table (`.csv`).
    target
        Number of cells to count; None = as the project has it.
    overwrite
        Replace a report that is there.

    Raises
    ------
    FileExistsRefused
        There is one already.
    UsageError
        An image was not reviewed, or the output has another ending.
    ProjectError
        The folder is no project, or another program has it open.
    """
    if output.exists() and not overwrite:
        raise FileExistsRefused(f"{output.name} exists; give --overwrite to replace it")
    with Project(folder) as project:
        images = counted_images(project, target_of(project) if target is None else target)
    write_report(output, images)
    return images
