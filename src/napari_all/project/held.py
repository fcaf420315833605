"""An image of a project in memory: its labels and values as they are now, and what of them is not on disk yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, apply_pixels, apply_values
from napari_all.project.history import Step
from napari_all.project.log_file import Tail
from napari_all.project.log_lines import Begin, Changed, Event, Save, line_of
from napari_all.project.planes import Pixels, Values


@dataclass(frozen=True, eq=False)
class Pending:
    """A line that waits to be written to the log, and the step of undo that it is, if it is one."""

    n: int
    what: Change | Begin | Save | Event
    step: Step | None = None

    def line(self) -> Begin | Changed | Save | Event:
        """Return it as it is written; packs the pixels of a change."""
        return line_of(self.what, self.n) if isinstance(self.what, Change) else self.what


@dataclass(eq=False)
class Held:
    """One image.

    Attributes
    ----------
    image
        Its name in the project.
    pixels, values
        As they are now.
    begin
        What they started from.
    sidecar
        What is known of where the start came from.
    n
        Number of the last line, written or pending.
    tail
        End of the log on disk.
    pending
        Lines that are not on disk yet, in order.
    edits
        Changes made and not taken back.
    pixel_edits
        Whether any change since the start was of pixels.
    changed_at
        Monotonic time of the last change that the files in `labels/` do not hold; None = they hold all.
    announced_n
        Number of the line up to which the last `save` line of the log reaches.
    """

    image: str
    pixels: Pixels
    values: Values
    begin: Begin
    sidecar: Sidecar
    n: int = 0
    tail: Tail = field(default_factory=Tail)
    pending: list[Pending] = field(default_factory=list)
    edits: int = 0
    pixel_edits: bool = False
    changed_at: float | None = None
    announced_n: int = -1

    @property
    def unsaved(self) -> bool:
        """Whether there are changes that the files in `labels/` do not hold."""
        return self.changed_at is not None

    @property
    def settled(self) -> bool:
        """Whether all is on disk, so that the image need not be kept in memory."""
        return not self.unsaved and not self.pending

    def commit(self, change: Change, now: float, step: Step | None = None) -> int:
        """Apply a change and note it for the log and for the next save; return the number of its line.

        Raises
        ------
        ProjectError
            The change does not fit the image as it is; nothing was changed.
        """
        values = apply_values(change.values, self.values)
        apply_pixels(change, self.pixels)
        self.values = values
        self.note_begin(change.when, change.who)
        self.n += 1
        self.pending.append(Pending(self.n, change, step))
        self.edits += 1 if change.undoes is None else -1
        self.pixel_edits |= change.pixels > 0
        self.changed_at = now
        return self.n

    def note_begin(self, when: str, who: str) -> None:
        """See to it that the log begins with what the labels started from."""
        if self.n == 0:
            self.append(self.begin.model_copy(update={"when": when, "who": who}))

    def append(self, line: Begin | Save | Event) -> None:
        """Note a line for the log; it gets the next number."""
        self.n += 1
        self.pending.append(Pending(self.n, line.model_copy(update={"n": self.n})))
