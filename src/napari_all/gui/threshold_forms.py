"""The forms of the Threshold widget: method, preset, limits and cleaning, remembered from session to session."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout

from napari_all.errors import NapariAllError
from napari_all.gui.forms import SettingsForm
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import labelled
from napari_all.segmentation.method import PostprocessSettings, SegmentationMethod
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.segment import SegmentConfig

CUSTOM = "custom"


class MethodForms(QObject):
    """Choosers and forms that together make a `SegmentConfig`.

    Parameters
    ----------
    form, page
        Where the choosers are added as rows, and the boxes below them.
    parent
        Owner.
    """

    moved = Signal(str)
    """A limit of the method was changed by hand: its name. `changed` follows."""
    changed = Signal()
    """Anything was changed, by hand or by a preset."""

    def __init__(self, form: QFormLayout, page: QVBoxLayout, parent: QObject) -> None:
        super().__init__(parent)
        self.method = QComboBox()
        for name, entry in METHODS.items():
            if entry.preview is not None:
                self.method.addItem(entry.title, name)
                self.method.setItemData(self.method.count() - 1, entry.summary, 3)
        self.method.setToolTip("How cells are told from the rest by colour")
        form.addRow("M&ethod", self.method)
        self.preset = QComboBox()
        self.reset = QPushButton("&Reset")
        self.reset.setToolTip("Go back to the default settings of this method")
        row = QHBoxLayout()
        row.addWidget(self.preset, 1)
        row.addWidget(self.reset)
        labelled(form, "&Preset", row, self.preset)
        box, group = QGroupBox("Limits"), QGroupBox("Cleaning")
        self._limits, inside = QVBoxLayout(box), QVBoxLayout(group)
        self.cleaning = SettingsForm(PostprocessSettings)
        inside.addWidget(self.cleaning)
        page.addWidget(box)
        page.addWidget(group)
        self.method.currentIndexChanged.connect(lambda: self.choose(self.method.currentData()))
        self.preset.activated.connect(lambda: self._apply_preset(self.preset.currentData()))
        self.reset.clicked.connect(lambda: self._apply_preset("default"))
        self.cleaning.changed.connect(self._on_edited)

    @property
    def entry(self) -> SegmentationMethod:
        """The method chosen."""
        return METHODS[self.method.currentData()]

    @property
    def config(self) -> SegmentConfig:
        """What the forms say, as the command line would be given it."""
        return SegmentConfig(
            method=self.entry.name,
            settings=self.limits.value().model_dump(mode="json"),
            postprocess=self.cleaning.value(),
        )

    def choose(self, name: str) -> None:
        """Show the forms of a method, as they were left."""
        self.method.blockSignals(True)
        self.method.setCurrentIndex(max(0, self.method.findData(name)))
        self.method.blockSignals(False)
        while (item := self._limits.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self.limits = SettingsForm(self.entry.settings)
        self.limits.changed.connect(self._on_limit)
        self._limits.addWidget(self.limits)
        self.preset.clear()
        for key, preset in self.entry.presets.items():
            self.preset.addItem(key, key)
            self.preset.setItemData(self.preset.count() - 1, preset.summary, 3)
        self.preset.addItem(CUSTOM, CUSTOM)
        self._restore()

    def _restore(self) -> None:
        remembered = recall(f"threshold/{self.entry.name}")
        try:
            config = SegmentConfig.parse(remembered) if remembered else None
            settings = config.method_settings() if config else None
        except NapariAllError:  # of another version; the default is right then
            config = settings = None
        if config is None or settings is None:
            self._apply_preset("default")
            return
        self.limits.set_value(settings)
        self.cleaning.set_value(config.postprocess)
        self._on_edited()

    def _apply_preset(self, key: str) -> None:
        if key in self.entry.presets:
            preset = self.entry.presets[key]
            self.limits.set_value(preset.settings)
            self.cleaning.set_value(preset.postprocess)
        self._on_edited()

    def _on_limit(self, name: str) -> None:
        self.moved.emit(name)
        self._on_edited()

    def _on_edited(self) -> None:
        """Name the preset that is shown, remember what is shown, and tell."""
        shown = (self.limits.value(), self.cleaning.value())
        names = (k for k, p in self.entry.presets.items() if (p.settings, p.postprocess) == shown)
        self.preset.setCurrentIndex(self.preset.findData(next(names, CUSTOM)))
        remember(f"threshold/{self.entry.name}", self.config.model_dump(mode="json"))
        remember("threshold/method", self.entry.name)
        self.changed.emit()
