"""Bring together two copies of a project on which two people have worked; what they decided differently is kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from napari_all.errors import NapariAllError, ProjectError, SaveError, UsageError
from napari_all.files import atomic_path
from napari_all.project.change import Change, PlaneDiff, ValueChange, diff_planes
from napari_all.project.clock import utc_now
from napari_all.project.layout import Layout
from napari_all.project.loading import load_image
from napari_all.project.lock import ProjectLock
from napari_all.project.log_file import RawLine, read_log
from napari_all.project.log_lines import Event
from napari_all.project.manifest import ImageReference, read_manifest
from napari_all.project.plane_files import copy_files, write_image
from napari_all.project.planes import Pixels, Values
from napari_all.project.project import Project
from napari_all.project.recovery import look_for_prediction
from napari_all.project.replay import State, state_at

Outcome: TypeAlias = Literal["same", "ours", "theirs", "both", "conflict"]


@dataclass(frozen=True)
class Conflict:
    """What two people decided differently.

    Attributes
    ----------
    image
        Where.
    what
        "labels", or the value: "status", "cell class 12".
    ours, theirs
        What each has, in words; the labels of the other are `theirs`, a folder in `alternatives/`.
    """

    image: str
    what: str
    ours: str
    theirs: str


@dataclass
class Merged:
    """What a merge did.

    Attributes
    ----------
    outcomes
        For each image: nothing new ("same", "ours"), taken from the copy ("theirs"), both ("both"), or "conflict".
    conflicts
        What is left to decide; the project keeps its own until somebody does.
    problems
        Images that could not be merged, and why.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def merge_copy(project: Project, copy: Path, name: str) -> Merged:
    """Merge a copy of a project into it; the copy stays as it is.

    An image that was worked on in only one of them since the copy was made is taken from there. Where both were worked
    on, values are merged one by one; labels that differ are a conflict: the project keeps its own and flags the image,
    those of the copy lie in `alternatives/<name>` with their log, and `napari_all.project.proposals` takes cells over
    from there. Afterwards nothing from before the merge can be undone.

    Parameters
    ----------
    name
        Of whose copy it is; becomes the name of the folder in `alternatives/`.

    Raises
    ------
    UsageError
        The name cannot be that of a folder, or was used before.
    ProjectError
        The copy is no project, or open in another program.
    SaveError
        The disk refuses.
    """
    if not name or Path(name).name != name or (project.layout.folder / "alternatives" / name).exists():
        raise UsageError(f"{name!r} cannot name the other copy; give a plain name that no earlier merge has")
    theirs = Layout(copy.resolve())
    references = {reference.image: reference for reference in read_manifest(theirs.manifest).images}
    project.save()
    lock = _lock(theirs, project.who)
    merged = Merged()
    try:
        for image in project.images:
            if image in references:
                try:
                    merged.outcomes[image] = _merge_image(project, theirs, references[image], name, merged)
                except ProjectError as error:
                    merged.problems.append(f"{image}: {error}")
    finally:
        if lock is not None:
            lock.release()
        project.desk.history.clear()
    merged.problems += [f"{image} is not in this project" for image in references if image not in project.images]
    project.save()
    return merged


def _lock(layout: Layout, who: str) -> ProjectLock | None:
    try:
        return ProjectLock(layout.lock, who)
    except SaveError:  # a copy that cannot be written to does not change while it is read
        return None


def _merge_image(project: Project, theirs: Layout, reference: ImageReference, name: str, merged: Merged) -> Outcome:
    image = reference.image
    if reference.sha256 != project.reference(image).sha256:
        raise ProjectError("the copy is about another file of this name; nothing was taken")
    our_log, their_log = read_log(project.layout.log(image)), read_log(theirs.log(image))
    if not our_log.lines and not their_log.lines:
        return _take_prediction(project, theirs, image)
    common = _common(our_log.lines, their_log.lines)
    if common == len(their_log.lines):
        return "same" if common == len(our_log.lines) else "ours"
    if common == len(our_log.lines) and not our_log.gaps:
        _take_whole(project, theirs, image)
        return "theirs"
    found = load_image(theirs, reference, lambda: project.desk.shape_of(image)).held
    pixels, values, _, _ = project.desk.state(image)
    ours, other = State(pixels, values), State(found.pixels, found.values)
    try:
        base: State | None = state_at(project.layout, our_log.lines[:common])
    except NapariAllError:  # they began from different predictions, or the beginning is damaged
        base = None
    changes, conflicts = _three_ways(image, base, ours, other, name)
    if any(conflict.what == "labels" for conflict in conflicts):
        path = project.layout.alternative(image, name)
        write_image(path, found.pixels, found.values, found.sidecar)
        with atomic_path(path.with_name(f"{path.stem}.jsonl")) as temporary:
            shutil.copyfile(theirs.log(image), temporary)
    if changes:
        project.record(image, changes)
    text = f"merged with the copy {name!r}, which had {len(their_log.lines) - common} lines of its own"
    facts = {"conflicts": [conflict.what for conflict in conflicts], "chain": their_log.tail.chain}
    project.desk.tell(image, Event(when=utc_now(), who=project.who, text=text, facts=facts))
    merged.conflicts += conflicts
    return "conflict" if conflicts else "both"


def _common(ours: Sequence[RawLine], theirs: Sequence[RawLine]) -> int:
    """Return how many lines both logs begin with."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((i for i, (a, b) in pairs if a.found["chain"] != b.found["chain"]), min(len(ours), len(theirs)))


def _take_whole(project: Project, theirs: Layout, image: str) -> None:
    """Take an image whose log goes on where ours ends: what it began from, then the log, then the labels."""
    for shelf in ("predictions", "labels"):
        copy_files(theirs.labels(image, shelf), project.layout.labels(image, shelf))
    with atomic_path(project.layout.log(image)) as temporary:
        shutil.copyfile(theirs.log(image), temporary)
    project.desk.let_go(image)
    held, _ = project.desk.hold(image)
    cells = len(set(held.pixels.labels[held.pixels.labels > 0].tolist()))
    project.note_numbers(image, cells=cells, log_bytes=held.tail.size)


def _take_prediction(project: Project, theirs: Layout, image: str) -> Outcome:
    """Take a prediction of an image that nobody has worked on, where this project has none."""
    source, target = theirs.labels(image, "predictions"), project.layout.labels(image, "predictions")
    if target.exists() or not source.exists():
        return "same"
    copy_files(source, target)
    project.desk.let_go(image)
    look_for_prediction(project.desk, image)
    return "theirs"


def _three_ways(image: str, base: State | None, ours: State, theirs: State, name: str) -> tuple[Change, list[Conflict]]:
    """Return what to take from the other copy, and what is decided differently."""
    planes, labels_differ = _pixels(base.pixels if base else None, ours.pixels, theirs.pixels)
    known = base.values if base else Values()
    taken: list[ValueChange] = []
    conflicts = [Conflict(image, "labels", "kept", name)] if labels_differ else []
    old, mine, other = known.status, ours.values.status, theirs.values.status
    if mine == old != other and not labels_differ:
        taken.append(ValueChange("status", mine, other))
    elif other not in (old, mine):
        conflicts.append(Conflict(image, "status", mine, other))
    elif planes:
        taken.append(ValueChange("status", mine, mine))
    flag = True if conflicts else theirs.values.flag if ours.values.flag == known.flag else ours.values.flag
    if flag != ours.values.flag:
        taken.append(ValueChange("flag", ours.values.flag, flag))
    if not labels_differ:  # else the numbers of their cells mean nothing here
        for cell in sorted({*ours.values.cell_classes, *theirs.values.cell_classes, *known.cell_classes}):
            before, now, then = (v.cell_classes.get(cell) for v in (known, ours.values, theirs.values))
            if now == before != then:
                taken.append(ValueChange("cell_class", now, then, cell))
            elif then not in (before, now):
                conflicts.append(Conflict(image, f"cell class {cell}", str(now), str(then)))
    return Change(f"merge {name}", planes, tuple(taken)), conflicts


def _pixels(base: Pixels | None, ours: Pixels, theirs: Pixels) -> tuple[tuple[PlaneDiff, ...], bool]:
    """Return what to take of their pixels, and whether both changed them differently."""
    difference = diff_planes(ours, theirs)
    if not difference or (base is not None and not diff_planes(base, theirs)):
        return (), False
    if base is not None and not diff_planes(base, ours):
        return difference, False
    return (), True
