"""The line of a panel that says on which processor the engine computes."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from qtpy.QtWidgets import QLabel

from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.panel_foot import make_small

_STARTING = "Device: starting the engine…"


class DeviceLine(QLabel):
    """Has the engine import torch and load a model, so that the first job need not wait for it, and says where."""

    def __init__(self) -> None:
        super().__init__(_STARTING)
        make_small(self)
        self._warming: Job | None = None

    def warm_up(self, job: str, config: dict[str, Any]) -> None:
        """Start the engine's job that loads a model; it answers with the line."""
        self.setText(_STARTING)
        self._warming = ENGINES.start(job, config, heavy=True)
        self._warming.succeeded.connect(self._on_warm)
        self._warming.failed.connect(self.setText)

    def _on_warm(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.setText(value["line"])
