"""Make labels anew from what they began from and the changes in a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_all.errors import MaskError, ProjectError
from napari_all.io.sidecar import Sidecar
from napari_all.project.change import apply_pixels, apply_values
from napari_all.project.layout import Layout
from napari_all.project.log_file import RawLine
from napari_all.project.log_lines import Begin, Changed, change_of, parse_line
from napari_all.project.plane_files import SavedImage, read_image_files
from napari_all.project.planes import Pixels, Values


@dataclass
class State:
    """Pixels and values of an image at some line of its log."""

    pixels: Pixels
    values: Values


def start_of(layout: Layout, begin: Begin) -> SavedImage:
    """Return what the labels of an image began from.

    Raises
    ------
    ProjectError
        Its files are missing, damaged, or no longer those that the log names.
    """
    if begin.start == "nothing":
        return SavedImage(Pixels.empty(begin.shape), Sidecar(), {})
    path = layout.labels(begin.image, "predictions")
    try:
        found = read_image_files(path)
    except MaskError as error:
        raise ProjectError(f"the prediction of {begin.image} is damaged ({error}); predict it again") from error
    if found.pixels.fingerprints() != begin.planes:
        raise ProjectError(f"the prediction of {begin.image} is another than its log began with; restore {path.name}")
    return found


def replay(state: State, lines: Sequence[RawLine], since: int, upto: int) -> None:
    """Apply to `state`, which is that of line `since`, the changes up to line `upto`.

    Raises
    ------
    ProjectError
        A line is missing, damaged, or does not fit.
    """
    present = {line.n for line in lines}
    if lost := [n for n in range(since + 1, upto + 1) if n not in present]:
        raise ProjectError(f"line {lost[0]} of its log is missing")
    for line in lines:
        if since < line.n <= upto and line.found["action"] == "change":
            change = change_of(parse_line(Changed, line.found))
            values = apply_values(change.values, state.values)
            apply_pixels(change, state.pixels)
            state.values = values


def state_at(layout: Layout, lines: Sequence[RawLine]) -> State:
    """Return the state after the last of `lines`, which are a log from its first line on."""
    begun = [line for line in lines if line.found["action"] == "begin"]
    if not begun:
        raise ProjectError("a log without a beginning tells no labels")
    begin = parse_line(Begin, begun[-1].found)
    state = State(start_of(layout, begin).pixels, begin.state.values())
    replay(state, lines, begin.n, lines[-1].n)
    return state
