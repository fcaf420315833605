"""Train the segmenter on what a person has corrected in a project, and keep images aside to measure what it gained."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from napari_all.config import Settings
from napari_all.data.grouping import hold_out, joined, look_up, read_column
from napari_all.data.overlap import overlap_groups
from napari_all.errors import FileExistsRefused, UsageError
from napari_all.io.masks import LABELS_ENDING
from napari_all.io.sidecar import read_sidecar
from napari_all.io.tables import write_table
from napari_all.monitor import Monitor, NullMonitor
from napari_all.project.layout import Layout, stem
from napari_all.project.manifest import read_manifest
from napari_all.project.plane_files import copy_files
from napari_all.workflows.train_config import SourceConfig, TrainSegmenterConfig
from napari_all.workflows.train_segmenter import TrainReport, train_segmenter

LEAST_IMAGES = 4
"""Fewer corrected images teach nothing that could be measured."""
SPLIT, _COLUMNS = "split.csv", ("image", "group", "part")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class LearnConfig(Settings):
    """What is learned from a project, and how."""

    groups: Path | None = Field(None, description="CSV with the columns image and group: patient, slide or session")
    group_column: str = Field("group", min_length=1, description="Column of the groups' table")
    training: TrainSegmenterConfig = Field(TrainSegmenterConfig.parse({}), description="Beginning and settings")


@dataclass(frozen=True)
class LearnPlan:
    """What a training on a project would be fed with.

    Attributes
    ----------
    images, groups, kept_aside
        Names of the corrected and accepted images; for each the number of its group, and whether it validates.
    """

    images: tuple[str, ...]
    groups: tuple[int, ...]
    kept_aside: tuple[bool, ...]

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        aside, all_groups = sum(self.kept_aside), len(set(self.groups))
        apart = f"{all_groups} groups of images that overlap or belong together, none on both sides"
        return [
            f"{len(self.images)} images are corrected or accepted: {len(self.images) - aside} to train on, "
            f"{aside} kept aside to measure on",
            apart if all_groups < len(self.images) else "no two of them overlap",
        ]


def plan_learning(
    project: Path, images: Path, config: LearnConfig | None = None, monitor: Monitor | None = None
) -> LearnPlan:
    """Say which images a training on a project would learn from, and which it would keep aside; writes nothing.

    Images that show parts of one field are found and stay together, as do those of one group of the table. What an
    earlier training of the project kept aside is kept aside again, and what it learned from is never measured on.

    Parameters
    ----------
    project
        Folder of the project; it may be open.
    images
        Folder of its images.

    Raises
    ------
    UsageError
        Too few images are corrected or accepted, or all belong together; or the table of groups does not fit.
    ImageError
        An image cannot be read.
    """
    wanted, watch = config or LearnConfig(), monitor or NullMonitor()
    layout = Layout(project.resolve())
    names = [ref.image for ref in read_manifest(layout.manifest).images if _finished(layout, ref.image)]
    if len(names) < LEAST_IMAGES:
        raise UsageError(
            f"{len(names)} images are corrected or accepted, {LEAST_IMAGES} are needed to learn from; "
            f"correct or accept {LEAST_IMAGES - len(names)} more"
        )
    groupings: list[Sequence[int | str]] = [overlap_groups([images / name for name in names], watch)]
    if wanted.groups is not None:
        table = read_column(wanted.groups, wanted.group_column)
        groupings.append(look_up(names, table, wanted.groups.name))
    groups = joined(groupings)
    if len(set(groups)) < 2:
        raise UsageError(
            f"all {len(names)} corrected images show parts of one field or are of one group, so none can be kept aside "
            "to measure on; correct images of another one, too"
        )
    training = wanted.training
    first = [names[groups.index(group)] for group in groups]  # a name that stays when images are added
    settled = _settled(layout, names, first)
    held = hold_out(first, training.validation_share, training.training.seed, settled)
    if all(held) or not any(held):
        raise UsageError(
            "earlier trainings of this project learned from every group of the corrected images, so none can be kept "
            "aside to measure on; correct images of a new one"
        )
    return LearnPlan(tuple(names), tuple(groups), tuple(held))


def learn(project: Path, images: Path, config: LearnConfig, monitor: Monitor | None = None) -> tuple[TrainReport, Path]:
    """Train on what is corrected in a project; all that comes of it lies in `models/<name>` of the project.

    The folder holds what `train_segmenter` writes, the masks as they were (`masks`) and who was kept aside
    (`split.csv`), so that `napari-all train segmenter --images … --masks …/masks --split …/split.csv` repeats it.

    Parameters
    ----------
    config
        Its `training.name` is that of the model and of its folder; `next_name` proposes one.

    Returns
    -------
    The report, and the path of the model.

    Raises
    ------
    FileExistsRefused
        There is a model of this name.
    UsageError, ImageError, MaskError, CheckpointError
        The data or settings do not fit; see `plan_learning` and `train_segmenter`.
    Cancelled
        Stopped before the first epoch ended; nothing is left of it.
    """
    watch = monitor or NullMonitor()
    layout = Layout(project.resolve())
    run = layout.models / config.training.name
    if run.exists():
        raise FileExistsRefused(f"the project has a model {run.name!r} already; give the new one another name")
    plan = plan_learning(project, images, config, watch)
    try:
        masks = _copy_masks(layout, plan, run)
        split = _write_split(run / SPLIT, plan)
        source = SourceConfig(images=images, masks=masks, groups=split, split=split)
        report = train_segmenter([source], run, config.training, monitor=watch)
    except BaseException:
        shutil.rmtree(run, ignore_errors=True)
        raise
    assert report is not None, "only helper processes have none"
    return report, run / report.checkpoint


def next_name(project: Path) -> str:
    """Return what the next model of a project may be called: the name of its folder, and a number."""
    layout = Layout(project.resolve())
    name = _NO_NAME.sub("-", layout.folder.name).strip("-._")[:56] or "project"
    taken = {path.name for path in layout.models.iterdir()} if layout.models.is_dir() else set()
    return next(run for n in range(1, len(taken) + 2) if (run := f"{name}-{n}") not in taken)


def _finished(layout: Layout, image: str) -> bool:
    sidecar = read_sidecar(layout.labels(image))
    return sidecar is not None and sidecar.status == "corrected"


def _settled(layout: Layout, names: Sequence[str], groups: Sequence[str]) -> dict[str, bool]:
    """Return on which side each group was in earlier trainings; one of which anything was trained on stays there."""
    parts: dict[str, set[str]] = {}
    for table in sorted(layout.models.glob(f"*/{SPLIT}")):
        for name, part in read_column(table, "part").items():
            parts.setdefault(name, set()).add(part)
    found: dict[str, bool] = {}
    for name, group in zip(names, groups, strict=True):
        if name in parts:
            found[group] = found.get(group, True) and parts[name] == {"val"}
    return found


def _copy_masks(layout: Layout, plan: LearnPlan, run: Path) -> Path:
    """Copy the masks as they are now: the person goes on correcting, and the model tells what it was trained on."""
    masks = run / "masks"
    (masks / "_").mkdir(parents=True)  # where there is a sub-folder, masks go by their images' whole paths
    for name in plan.images:
        copy_files(layout.labels(name), masks / f"{stem(name)}{LABELS_ENDING}")
    return masks


def _write_split(path: Path, plan: LearnPlan) -> Path:
    rows = zip(plan.images, plan.groups, plan.kept_aside, strict=True)
    table = [{"image": image, "group": str(group), "part": "val" if aside else "train"} for image, group, aside in rows]
    write_table(path, _COLUMNS, table)
    return path
