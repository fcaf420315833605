"""Chooses a bundled model or a file of weights."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QSizePolicy, QWidget

from napari_all.gui.memory import recall, remember
from napari_all.networks.card import Task
from napari_all.networks.zoo import list_models

LOAD = "Load a file…"


class ModelChooser(QComboBox):
    """Names of bundled models, files loaded before, and an entry that asks for a file.

    Parameters
    ----------
    task
        Only models of this task are offered.
    default
        Name shown first; without one, the first bundled model.
    """

    model_changed = Signal(str)
    """Name of a bundled model, or path of a file."""

    def __init__(self, task: Task, default: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task = task
        self._key = f"models/{task}"
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("The network: one that ships with napari-all, or a .safetensors file with its card beside it")
        for name in dict.fromkeys([*([default] if default else []), *list_models(task)]):
            self.addItem(name, name)
        for path in recall(self._key, []):
            if Path(path).is_file():
                self._add_file(path)
        self.addItem(LOAD, "")
        self._current = 0
        self.activated.connect(self._on_activated)

    @property
    def selected(self) -> str:
        """The model chosen."""
        return str(self.itemData(self._current))

    def choose(self, model: str) -> None:
        """Choose a bundled name, or the path of a file, which is added to the list."""
        if self.findData(model) < 0:
            self._add_file(model)
            remember(self._key, [model, *recall(self._key, [])][:5])
        self._current = self.findData(model)
        self.setCurrentIndex(self._current)
        self.model_changed.emit(model)

    def _add_file(self, path: str) -> None:
        index = self.count() - 1 if self.findData("") >= 0 else self.count()
        self.insertItem(index, Path(path).name, path)
        self.setItemData(index, path, 3)

    def _on_activated(self, index: int) -> None:
        if self.itemData(index):
            self.choose(self.itemData(index))
            return
        self.setCurrentIndex(self._current)
        path, _ = QFileDialog.getOpenFileName(
            self, "Load a model", recall("folders/models", ""), "Model weights (*.safetensors)"
        )
        if path:
            remember("folders/models", str(Path(path).parent))
            self.choose(path)
