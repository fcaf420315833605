"""Progress and cancel for long work: the only channel between a workflow and whoever watches it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Monitor(Protocol):
    """Receives progress and can ask the work to stop."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` steps of `stage` are finished."""

    def message(self, text: str) -> None:
        """Pass on one line for the user (the device in use, a fallback taken)."""

    def raise_if_cancelled(self) -> None:
        """Raise `napari_all.errors.Cancelled` when a stop was asked for."""


class NullMonitor:
    """Monitor that listens to nothing and never cancels."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Ignore the progress."""

    def message(self, text: str) -> None:
        """Ignore the line."""

    def raise_if_cancelled(self) -> None:
        """Never cancel."""
