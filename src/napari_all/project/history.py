"""Undo and redo in one order over all images of a project; what was written to a log is read from there again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from napari_all.project.change import Change
from napari_all.project.log_file import Place

BUDGET_BYTES = 64 * 2**20
"""Memory that the changes of a history may take before older ones are read from the logs where they are wanted."""


StepKind: TypeAlias = Literal["step", "joined"]
"""A step that begins an action, or one that belongs to the action of the step before it."""


@dataclass(eq=False)
class Step:
    """What an action did to one image, to be taken back.

    Attributes
    ----------
    image
        Name of the image.
    change
        What was done; None where it is read from the log instead.
    n
        Number of its line in the log of the image.
    place
        Where that line lies; None while it is not written.
    joined
        Whether it belongs to the action of the step before it.
    """

    image: str
    change: Change | None
    n: int = 0
    place: Place | None = None
    joined: bool = False


class History:
    """Steps done and steps taken back.

    Parameters
    ----------
    fetch
        Reads the change of a step from the log of its image.
    budget_bytes
        See `BUDGET_BYTES`.
    """

    def __init__(self, fetch: Callable[[str, Place], Change], budget_bytes: int = BUDGET_BYTES) -> None:
        self._fetch = fetch
        self._budget = budget_bytes
        self._steps: list[Step] = []
        self._done = 0
        self._held = 0
        self._spilled = 0

    @property
    def to_undo(self) -> list[Step]:
        """The steps of the action that an undo would take back, the last one first; none without an action."""
        first = self._done - 1
        while first > 0 and self._steps[first].joined:
            first -= 1
        return self._steps[max(0, first) : self._done][::-1]

    @property
    def to_redo(self) -> list[Step]:
        """The steps of the action that a redo would do again, in order."""
        end = self._done + 1
        while end < len(self._steps) and self._steps[end].joined:
            end += 1
        return self._steps[self._done : end]

    def did(self, step: Step) -> None:
        """Note a step; what had been taken back before it can no longer be done again."""
        for gone in self._steps[self._done :]:
            self._held -= gone.change.nbytes if gone.change else 0
        del self._steps[self._done :]
        self._steps.append(step)
        self._done += 1
        self._spilled = min(self._spilled, self._done - 1)
        self._held += step.change.nbytes if step.change else 0
        self.spill()

    def undid(self) -> None:
        """Note that the last step was taken back."""
        self._done -= 1

    def redid(self) -> None:
        """Note that the step after it was done again."""
        self._done += 1

    def concerns(self, image: str) -> bool:
        """Tell whether any step, done or taken back, was on an image."""
        return any(step.image == image for step in self._steps)

    def clear(self) -> None:
        """Forget all steps."""
        self._steps.clear()
        self._done = self._held = self._spilled = 0

    def change_of(self, step: Step) -> Change:
        """Return what a step did; reads the log where it must."""
        if step.change is not None:
            return step.change
        if step.place is None:
            raise RuntimeError(f"step {step.n} of {step.image} is neither in memory nor in the log")
        return self._fetch(step.image, step.place)

    def spill(self) -> None:
        """Let go of the oldest changes beyond the budget, as far as they are written."""
        while self._held > self._budget and self._spilled < len(self._steps):
            step = self._steps[self._spilled]
            if step.place is None:
                return
            self._held -= step.change.nbytes if step.change else 0
            step.change = None
            self._spilled += 1
