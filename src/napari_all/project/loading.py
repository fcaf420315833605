"""Bring an image of a project into memory: the last good save and the changes after it, or all of them anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from napari_all.errors import MaskError, ProjectError, SaveError
from napari_all.io.sidecar import Sidecar
from napari_all.project.clock import utc_now
from napari_all.project.held import Held
from napari_all.project.layout import Layout
from napari_all.project.log_file import LogContent, RawLine, read_log
from napari_all.project.log_lines import Begin, Save, ValueState, parse_line
from napari_all.project.manifest import ImageReference
from napari_all.project.plane_files import SavedImage, agrees, read_image_files, write_image
from napari_all.project.planes import Pixels, Values
from napari_all.project.replay import State, replay, start_of
from napari_all.types import ImageStatus

ShapeOf: TypeAlias = Callable[[], tuple[int, int]]


@dataclass
class Loaded:
    """An image as found, and what a person should hear of it.

    Attributes
    ----------
    held
        The image.
    reports
        What was repaired or brought back.
    stale
        Whether the files in `labels/` do not hold all changes, so that they should be saved anew.
    """

    held: Held
    reports: list[str] = field(default_factory=list)
    stale: bool = False


def load_image(layout: Layout, reference: ImageReference, shape: ShapeOf) -> Loaded:
    """Load an image's labels and values.

    Parameters
    ----------
    shape
        Tells (Y, X) of the image; only asked where the project has neither a log nor labels of it.

    Raises
    ------
    ProjectError
        The labels cannot be rebuilt: what they began from is damaged as well.
    """
    content = read_log(layout.log(reference.image))
    begun = [line for line in content.lines if line.found["action"] == "begin"]
    if begun:
        loaded = _from_log(layout, reference, content, parse_line(Begin, begun[-1].found))
    else:
        loaded = _fresh(layout, reference, shape, content)
    if content.torn:
        loaded.reports.append(f"{reference.image}: an unfinished change at the end of a log was dropped")
    return loaded


def first_status(sidecar: Sidecar | None) -> ImageStatus:
    """Return the status of an image of which there is only what was predicted, or brought along."""
    if sidecar is None:
        return "none"
    return "corrected" if sidecar.status == "corrected" else "predicted"


def fresh_begin(reference: ImageReference, pixels: Pixels, sidecar: Sidecar | None, flag: bool = False) -> Begin:
    """Return the first line of the log of an image whose labels start from `pixels`."""
    known = sidecar or Sidecar()
    return Begin(
        image=reference.image,
        image_sha256=reference.sha256,
        shape=pixels.shape,
        start="nothing" if sidecar is None else "masks" if sidecar.method is None else "prediction",
        planes=pixels.fingerprints(),
        state=ValueState(status=first_status(sidecar), flag=flag),
        method=known.method,
        settings=known.settings,
        model=known.model,
        model_sha256=known.model_sha256,
    )


def _fresh(
    layout: Layout, reference: ImageReference, shape: Callable[[], tuple[int, int]], content: LogContent
) -> Loaded:
    """Load an image without a log that tells what it began from."""
    path = layout.labels(reference.image, "predictions")
    try:
        found = read_image_files(path) if path.exists() else None
    except MaskError as error:
        raise ProjectError(f"the prediction of {reference.image} is damaged ({error}); predict it again") from error
    pixels = found.pixels if found else Pixels.empty(shape())
    begin = fresh_begin(reference, pixels, found.sidecar if found else None)
    sidecar = found.sidecar if found else Sidecar(image=PurePosixPath(reference.image).name)
    held = Held(reference.image, pixels, begin.state.values(), begin, sidecar, content.tail.n, content.tail)
    saved = layout.labels(reference.image)
    if not saved.exists():
        return Loaded(held)
    try:  # corrected, but the log is gone
        rescued = read_image_files(saved)
    except MaskError as error:
        return Loaded(held, [f"{reference.image}: labels and log are both damaged ({error}); back to the start"])
    held.note_begin(utc_now(), "")
    held.pixels = rescued.pixels
    status: ImageStatus = "corrected" if rescued.sidecar.status == "corrected" else "in work"
    held.values = Values(status, False, rescued.cell_classes)
    report = f"{reference.image}: its log is missing; the saved labels are kept without their history"
    return Loaded(held, [report], stale=True)


def _from_log(layout: Layout, reference: ImageReference, content: LogContent, begin: Begin) -> Loaded:
    changes = [line for line in content.lines if line.n > begin.n and line.found["action"] == "change"]
    saves = [line for line in content.lines if line.n > begin.n and line.found["action"] == "save"]
    reports: list[str] = []
    found = _saved_files(layout.labels(reference.image), bool(saves), reports)
    known = found.pixels.fingerprints() if found else {}
    base = next((_save(line) for line in reversed(saves) if line.found["planes"] == known), None)
    if found is not None and base is not None:
        state, missing = State(found.pixels, base.state.values()), ""
        try:
            replay(state, content.lines, base.upto, content.tail.n)
        except ProjectError as error:
            missing = str(error)
            reports.append(f"{reference.image}: changes after the last save are damaged ({missing}); back to that save")
            state = State(read_image_files(layout.labels(reference.image)).pixels, base.state.values())
        new = [] if missing else [line for line in changes if line.n > base.upto]
        sidecar, stale = found.sidecar, bool(new or missing) or not agrees(found, state.values)
    else:
        state, sidecar, new, begin = _rebuilt(layout, content, begin, changes, saves, found, reports)
        stale = bool(changes or saves)
    if new and not reports:
        reports.append(f"{reference.image}: {len(new)} changes after the last save were brought back from the log")
    held = Held(reference.image, state.pixels, state.values, begin, sidecar, content.tail.n, content.tail)
    if begin.n == 0:
        held.append(begin)
    held.edits = sum(1 if line.found["undoes"] is None else -1 for line in changes)
    held.pixel_edits = any(line.found["planes"] for line in changes)
    return Loaded(held, reports, stale)


def _saved_files(path: Path, expected: bool, reports: list[str]) -> SavedImage | None:
    if not path.exists() and not expected:
        return None
    try:
        return read_image_files(path)
    except MaskError as error:
        reports.append(f"{path.name} was damaged ({error}); restored from the log")
        return None


def _rebuilt(
    layout: Layout,
    content: LogContent,
    begin: Begin,
    changes: list[RawLine],
    saves: list[RawLine],
    found: SavedImage | None,
    reports: list[str],
) -> tuple[State, Sidecar, list[RawLine], Begin]:
    """Make the labels anew from the start; where that fails, take the saved ones as they are, or nothing corrected."""
    try:
        start = start_of(layout, begin)
        state = State(start.pixels, begin.state.values())
        replay(state, content.lines, begin.n, content.tail.n)
    except ProjectError as error:
        if found is None and not saves and not any(line.found["planes"] for line in changes):
            reports.append(f"{begin.image}: {error}")
            empty = Pixels.empty(begin.shape)
            nothing = begin.updated(n=0, start="nothing", planes=empty.fingerprints(), state=ValueState())
            return State(empty, Values()), Sidecar(), [], nothing
        if found is None:
            raise ProjectError(
                f"the saved labels of {begin.image} are damaged and cannot be rebuilt: {error}; restore the project's "
                "files of this image from a copy"
            ) from error
        reports.append(f"{begin.image}: {error}; its saved labels are kept as they are")
        last = _save(saves[-1]).state.values() if saves else begin.state.values()
        return State(found.pixels, replace(last, cell_classes=found.cell_classes)), found.sidecar, [], begin
    if found is not None and not _torn(found, saves) and not found.pixels.same(state.pixels):
        kept = f"found-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        try:
            write_image(layout.alternative(begin.image, kept), found.pixels, Values(), found.sidecar)
        except SaveError as error:
            raise ProjectError(
                f"labels of {begin.image} were changed by another program; to keep them: {error}"
            ) from error
        reports.append(f"{begin.image}: its labels were changed by another program; those are kept in {kept}")
    return state, start.sidecar, changes, begin


def _torn(found: SavedImage, saves: list[RawLine]) -> bool:
    """Tell whether the files are of several saves: a kill between two files of one image."""
    return all(any(s.found["planes"][name] == sha for s in saves) for name, sha in found.pixels.fingerprints().items())


def _save(raw: RawLine) -> Save:
    return parse_line(Save, raw.found)
