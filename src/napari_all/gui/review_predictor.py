"""Which method, or which network of this machine, predicts a project's images: chosen, remembered, recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSizePolicy, QWidget

from napari_all.errors import NapariAllError
from napari_all.gui.memory import recall, remember
from napari_all.gui.model_chooser import ModelChooser
from napari_all.networks.card import pair, read_card
from napari_all.networks.zoo import find_weights
from napari_all.project.project import Project
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.segment import SegmentConfig, make_config

NETWORK = "unet"
SETTING = "prediction"
"""Key of the project's settings: `config` of a `SegmentConfig`, and the hash of the network's weights."""
_REMEMBERED = "review/predictor"


class PredictorChooser(QWidget):
    """Chooses a method and, where it is a network, the model."""

    changed = Signal()
    """A person chose something else."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.method = QComboBox()
        self.method.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for name in sorted(METHODS, key=lambda name: name != NETWORK):
            self.method.addItem(METHODS[name].title, name)
        self.method.setToolTip("How images are predicted: by a network, or by a method that needs none")
        self.model = ModelChooser("segmentation")
        self._model_label = QLabel("Mo&del")
        self._model_label.setBuddy(self.model)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Me&thod", self.method)
        form.addRow(self._model_label, self.model)
        self.show_config(remembered())
        self.method.activated.connect(self._on_chosen)
        self.model.model_changed.connect(self._on_chosen)

    def config(self) -> SegmentConfig:
        """Return what is chosen, with the default settings of the method."""
        method = str(self.method.currentData())
        return make_config(method, assignments=[f"model={self.model.selected}"] if method == NETWORK else None)

    def show_config(self, config: SegmentConfig) -> None:
        """Show the method and model of a configuration."""
        self.method.setCurrentIndex(self.method.findData(config.method))
        if (model := config.settings.get("model")) is not None:
            self.model.blockSignals(True)
            self.model.choose(model)
            self.model.blockSignals(False)
        self._show_model()

    def _on_chosen(self) -> None:
        self._show_model()
        remember(_REMEMBERED, self.config().model_dump(mode="json"))
        self.changed.emit()

    def _show_model(self) -> None:
        network = self.method.currentData() == NETWORK
        self.model.setVisible(network)
        self._model_label.setVisible(network)


def remembered() -> SegmentConfig:
    """Return what was chosen last on this machine, or the network that ships with the program."""
    return _usable(recall(_REMEMBERED)) or make_config(NETWORK)


def predictor_of(project: Project) -> SegmentConfig:
    """Return what a project is predicted with: what it records, where this machine has it, else what was last chosen.

    A model that was trained on the project is recorded by its place in it, so that it is found where the project is
    moved or copied to.
    """
    found = dict(project.manifest.settings.get(SETTING, {}).get("config") or {})
    if (model := found.get("settings", {}).get("model")) is not None:
        inside = project.layout.folder / str(model)
        found["settings"] = {**found["settings"], "model": str(inside) if inside.is_file() else model}
    return _usable(found) or remembered()


def record_predictor(project: Project, config: SegmentConfig) -> None:
    """Write into the project what it is predicted with; `SaveError` when the disk refuses."""
    told, sha256 = config.model_dump(mode="json"), None
    if (model := config.settings.get("model")) is not None:
        weights = find_weights(model)
        sha256 = read_card(pair(weights)[1])[1]
        if weights.is_relative_to(project.layout.folder):
            told["settings"]["model"] = weights.relative_to(project.layout.folder).as_posix()
    setting = {"config": told, "model_sha256": sha256}
    if project.manifest.settings.get(SETTING) != setting:
        project.keep(settings={**project.manifest.settings, SETTING: setting})


def config_of(model: Path) -> SegmentConfig:
    """Return how a network in a file predicts."""
    return make_config(NETWORK, assignments=[f"model={model}"])


def _usable(found: Any) -> SegmentConfig | None:
    """Return a configuration that this version understands and whose model is on this machine, else None."""
    if not isinstance(found, dict) or found.get("method") not in METHODS:
        return None
    try:
        config = SegmentConfig.parse(found)
        config.method_settings()
        if (model := config.settings.get("model")) is not None:
            find_weights(model)
    except NapariAllError:
        return None
    return config
