"""One job on its way to the engine, and who hears of it. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_all.wire import SharedArray


class Listener(Protocol):
    """Hears of one job, in the client's thread; exactly one of the last three comes, and it comes last."""

    def on_progress(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of `stage` are finished."""

    def on_message(self, text: str) -> None:
        """One line for the user."""

    def on_result(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """The job is done."""

    def on_error(self, text: str) -> None:
        """The job failed; `text` is fit for people."""

    def on_cancelled(self) -> None:
        """The job was stopped at the user's wish."""


@dataclass(eq=False)
class Request:
    """One job on its way; `cancelled` is set by `EngineClient.cancel`.

    With `keeps`, a result that comes after the wish to stop counts: a training that is stopped keeps its best epoch.
    """

    job: str
    config: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    listener: Listener
    keeps: bool = False
    cancelled: bool = False
    shared: dict[str, SharedArray] = field(default_factory=dict)
    results: dict[str, SharedArray] = field(default_factory=dict)

    def free(self) -> None:
        """Give back every segment that this job used."""
        for shared in (*self.shared.values(), *self.results.values()):
            shared.close(unlink=True)
        self.shared.clear()
        self.results.clear()

    def share(self) -> dict[str, Any]:
        """Put the arrays where the engine can read them; return references to them."""
        for name, array in self.arrays.items():
            self.shared[name] = SharedArray.of(np.asarray(array))
        return {name: shared.reference for name, shared in self.shared.items()}

    def allocate(self, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Make room for the arrays of the result, by dtype and shape; return references to it.

        Raises `EngineError` or `OSError` where there is none.
        """
        for name, array in wanted.items():
            self.results[name] = SharedArray.create(array["dtype"], tuple(array["shape"]))
        return {name: shared.reference for name, shared in self.results.items()}
