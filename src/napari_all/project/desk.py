"""The images of a project that are in memory, and how what changed of them gets to the disk.

Locks order the work, taken from left to right: `_loading`, `_files`, `_logs` part the threads that read and write;
`_memory` guards what is held and is taken for moments only, so that a window never waits for a disk.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from napari_all.io.sidecar import Sidecar
from napari_all.monitor import NullMonitor
from napari_all.project.agreement import dice_with_start
from napari_all.project.change import Change
from napari_all.project.clock import utc_now
from napari_all.project.held import Held
from napari_all.project.history import History, Step, StepKind
from napari_all.project.layout import Layout
from napari_all.project.loading import Loaded, fresh_begin, load_image
from napari_all.project.log_file import Place, append_lines, read_line
from napari_all.project.log_lines import Changed, Event, Save, ValueState, change_of, parse_line
from napari_all.project.manifest import ImageReference
from napari_all.project.moving import Copied, copy_project
from napari_all.project.plane_files import FINISHED, remove_files, write_image
from napari_all.project.planes import Pixels, Values
from napari_all.project.table import Table
from napari_all.project.worker import for_each

KEPT = 6
"""Images that stay in memory although all of them is on disk."""


class Desk:
    """Images in memory.

    Parameters
    ----------
    layout
        The project's folder.
    references
        Its images, by name.
    pause_s
        How long a person has to rest before the labels are written; the log does not wait.
    shape_of
        Reads the (Y, X) of an image; called for images that the project has no labels of.
    """

    def __init__(
        self,
        layout: Layout,
        references: dict[str, ImageReference],
        pause_s: float,
        shape_of: Callable[[str], tuple[int, int]],
    ) -> None:
        self.layout = layout
        self.references = references
        self.table = Table(layout.index, references)
        self.history = History(self._fetch)
        self._pause_s = pause_s
        self.shape_of = shape_of
        self._memory, self._loading = threading.RLock(), threading.RLock()
        self._files, self._logs = threading.RLock(), threading.RLock()
        self._held: OrderedDict[str, Held] = OrderedDict()

    def hold(self, image: str, shape: tuple[int, int] | None = None) -> tuple[Held, list[str]]:
        """Return an image that is in memory, or bring it there, and what was repaired on the way."""
        with self._memory:
            if image in self._held:
                self._held.move_to_end(image)
                return self._held[image], []
        with self._loading:
            with self._memory:
                if image in self._held:
                    return self._held[image], []
            loaded = load_image(self.layout, self.references[image], lambda: shape or self.shape_of(image))
            self._take(loaded)
            return loaded.held, loaded.reports

    def state(self, image: str, shape: tuple[int, int] | None = None) -> tuple[Pixels, Values, Sidecar, list[str]]:
        """Return an image at one moment; the pixels are a copy."""
        held, reports = self.hold(image, shape)
        with self._memory:
            return held.pixels.copy(), held.values, held.sidecar, reports

    def commit(self, image: str, change: Change, kind: StepKind | None) -> Change:
        """Apply a change to an image in memory and note it, as what kind of step if it is one of the history.

        Raises `ProjectError` and changes nothing on a misfit.
        """
        while True:
            held, _ = self.hold(image)
            with self._memory:
                if self._held.get(image) is not held:  # let go of between the two locks
                    continue
                step = Step(image, change, joined=kind == "joined") if kind else None
                n = held.commit(change, time.monotonic(), step)
                if step is not None:
                    step.n = n
                    self.history.did(step)
                self._note_values(held)
                return change

    def start_anew(self, image: str, pixels: Pixels, sidecar: Sidecar) -> bool:
        """Make a prediction the labels of an image that no person has worked on; return False for any other image."""
        with self._loading, self._files:
            if self.table[image].log_bytes:
                self.hold(image)
            with self._memory:
                held = self._held.get(image)
                values = held.values if held else Values(self.table[image].status)
                if (held and held.pixel_edits) or values.status not in ("none", "predicted"):
                    return False
                if self.history.concerns(image):
                    return False
                begin = fresh_begin(self.references[image], pixels, sidecar, values.flag)
                if held is not None and held.n:  # before the files: a kill in between costs nothing but a prediction
                    held.append(begin)
            if held is not None:
                self._write_log(held)
            write_image(self.layout.labels(image, "predictions"), pixels, Values("predicted"), sidecar)
            remove_files(self.layout.labels(image))  # of the prediction before
            with self._memory:
                if held is not None:
                    held.pixels, held.values, held.sidecar = pixels.copy(), begin.state.values(), sidecar
                    held.begin = begin.updated(n=held.n)
                cells = len(np.unique(pixels.labels[pixels.labels > 0]))
                self.table.note(image, status="predicted", cells=cells, uncertainty=sidecar.uncertainty)
            return True

    def tell(self, image: str, event: Event) -> None:
        """Note an event in the log of an image that has one."""
        held, _ = self.hold(image)
        with self._memory:
            if held.n:
                held.append(event)

    def let_go(self, image: str) -> None:
        """Drop an image whose files were replaced; it is read anew when it is wanted."""
        with self._memory:
            self._held.pop(image, None)

    @property
    def unlogged(self) -> bool:
        """Whether any change is not in its log yet."""
        with self._memory:
            return any(held.pending for held in self._held.values())

    @property
    def unsaved(self) -> list[str]:
        """Images of which something is in memory only."""
        with self._memory:
            return [image for image, held in self._held.items() if not held.settled]

    def write_logs(self, everything: bool) -> float | None:
        """Write every line that waits; see `Worker`."""
        with self._memory:
            waiting = [held for held in self._held.values() if held.pending]
        for_each(waiting, self._write_log)
        with self._memory:
            self.history.spill()
        return None

    def write_files(self, everything: bool) -> float | None:
        """Save the labels of images that have rested, or of all, then the table; see `Worker`."""
        latest = time.monotonic() - (0 if everything else self._pause_s)
        with self._memory:
            due = [h for h in self._held.values() if h.changed_at is not None and h.changed_at <= latest]
        for_each(due, self._save)
        noted_at = self.table.changed_at
        if noted_at is not None and noted_at <= latest and not self.unlogged:  # it must not know more than the logs
            self.table.write(self.layout.index)
        with self._memory:
            times = [*(held.changed_at for held in self._held.values()), self.table.changed_at]
        waiting = [changed for changed in times if changed is not None]
        return max(0.0, min(waiting) + self._pause_s - time.monotonic()) if waiting else None

    def move(self, layout: Layout, copied: Copied) -> None:
        """Copy what is not yet `copied` into another folder and go on there; `SaveError` when it cannot take it."""
        with self._loading, self._files, self._logs:
            copy_project(self.layout, layout, copied, NullMonitor())
            self.layout = layout
            self.table.touch()

    def _take(self, loaded: Loaded) -> None:
        held = loaded.held
        with self._memory:
            if loaded.stale:
                held.changed_at = time.monotonic()
            self._held[held.image] = held
            self._note_values(held)
            settled = [image for image, other in self._held.items() if other.settled and other is not held]
            for image in settled[: max(0, len(self._held) - KEPT)]:
                del self._held[image]

    def _note_values(self, held: Held) -> None:
        self.table.note(held.image, status=held.values.status, flag=held.values.flag, edits=held.edits)

    def _write_log(self, held: Held) -> None:
        with self._logs:
            with self._memory:
                batch, tail = list(held.pending), held.tail
            if not batch:
                return
            tail, places = append_lines(self.layout.log(held.image), tail, [waiting.line() for waiting in batch])
            with self._memory:
                held.tail = tail
                del held.pending[: len(batch)]
                for waiting, place in zip(batch, places, strict=True):
                    if waiting.step is not None:
                        waiting.step.place = place
                self.table.note(held.image, log_bytes=tail.size)

    def _save(self, held: Held) -> None:
        with self._files:
            with self._memory:
                pixels, values, upto, stamp = held.pixels.copy(), held.values, held.n, held.changed_at
            path = self.layout.labels(held.image)
            if not (held.pixel_edits or values.status in FINISHED or values.cell_classes or path.exists()):
                with self._memory:  # nothing but a flag: the log has it, and the labels are still the prediction's
                    held.changed_at = None if held.changed_at == stamp else held.changed_at
                return
            prints, score = pixels.fingerprints(), dice_with_start(self.layout, held, pixels)
            cells = len(np.unique(pixels.labels[pixels.labels > 0]))
            with self._memory:
                if held.announced_n != upto:
                    held.note_begin(now := utc_now(), "")
                    state = ValueState.of(values)
                    held.append(Save(when=now, upto=upto, planes=prints, state=state, dice=score))
                    held.announced_n = upto
            self._write_log(held)
            write_image(path, pixels, values, held.sidecar)
            with self._memory:
                if held.changed_at == stamp:
                    held.changed_at = None
                self.table.note(held.image, cells=cells, dice=score)

    def _fetch(self, image: str, place: Place) -> Change:
        return change_of(parse_line(Changed, read_line(self.layout.log(image), place)))
