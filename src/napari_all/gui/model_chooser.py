"""Chooses a model of this machine, by name, or a file of weights."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QSizePolicy, QWidget

from napari_all.gui.memory import recall, remember
from napari_all.networks.card import Task
from napari_all.networks.zoo import installed_models

LOAD = "Load a file…"
SCRATCH = ""
"""What is selected when no model is to be begun from."""
_ASK = "\0ask"
_SHIPS, _IMPORTED = "It ships with napari-all", "Imported into your model folder"


class _Announcer(QObject):
    """Tells every chooser that a model was imported."""

    changed = Signal()


MODELS = _Announcer()
"""Emit `changed` after an import; lists that are open then show it."""


class ModelChooser(QComboBox):
    """Names of the models on this machine, files loaded before, and an entry that asks for a file.

    The list is read again when it is opened and after an import, so a model is offered as soon as it is there.

    Parameters
    ----------
    task
        Only models of this task are offered.
    default
        Name shown first; without one, the first bundled model.
    scratch
        Words for an entry that stands for no model (`SCRATCH`); None = there is none.
    """

    model_changed = Signal(str)
    """Name of a model, path of a file, or `SCRATCH`."""

    def __init__(
        self, task: Task, default: str | None = None, scratch: str | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._task: Task = task
        self._scratch = scratch
        self._key = f"models/{task}"
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip("The network: one that ships with napari-all or was imported, or a .safetensors file")
        self._selected = default or ""
        self.refill()
        self.activated.connect(self._on_activated)
        MODELS.changed.connect(self.refill)

    @property
    def selected(self) -> str:
        """The model chosen."""
        return self._selected

    def choose(self, model: str) -> None:
        """Choose a name, `SCRATCH`, or the path of a file, which is added to the list."""
        if self.findData(model) < 0:
            self.refill()
        if self.findData(model) < 0:
            remember(self._key, [model, *recall(self._key, [])][:5])
            self.refill()
        self._selected = model
        self.setCurrentIndex(self.findData(model))
        self.model_changed.emit(model)

    def refill(self) -> None:
        """Read the list again; what is chosen stays chosen while it is there."""
        before = self._selected
        self.blockSignals(True)
        self.clear()
        for model in installed_models(self._task)[0]:
            self._add(model.name, model.name, _SHIPS if model.source == "bundled" else _IMPORTED)
        for path in recall(self._key, []):
            if Path(path).is_file() and self.findData(path) < 0:
                self._add(Path(path).name, path, path)
        if self._scratch is not None:
            self._add(self._scratch, SCRATCH, "No model is begun from; the network learns from random weights")
        self._add(LOAD, _ASK, "Ask for a .safetensors file; its card lies beside it")
        self.setCurrentIndex(max(0, self.findData(before)))
        self._selected = str(self.currentData())
        self.blockSignals(False)
        if before and self._selected != before:
            self.model_changed.emit(self._selected)

    def showPopup(self) -> None:  # noqa: N802 - Qt's name
        """Show the list as it is now: the command line may have imported something."""
        self.refill()
        super().showPopup()

    def _add(self, text: str, model: str, tip: str) -> None:
        self.addItem(text, model)
        self.setItemData(self.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    def _on_activated(self, index: int) -> None:
        if self.itemData(index) != _ASK:
            self.choose(self.itemData(index))
            return
        self.setCurrentIndex(self.findData(self._selected))
        path, _ = QFileDialog.getOpenFileName(
            self, "Load a model", recall("folders/models", ""), "Model weights (*.safetensors)"
        )
        if path:
            remember("folders/models", str(Path(path).parent))
            self.choose(path)
