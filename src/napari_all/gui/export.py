"""Dock widget: chosen labels layers into files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari import Viewer
from napari.layers import Labels
from napari.utils.notifications import show_info
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from napari_all.gui.exporting import request_for, stems
from napari_all.gui.layers import is_field_cells
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import Panel, primary
from napari_all.io.exporters import EXPORTERS

NO_LABELS = "Make labels with 'Threshold' or 'U-Net', or open a label file."


class ExportPanel(Panel):
    """Writes labels as TIFF, masks as PNG, measurements as CSV."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._layers: list[Labels] = []
        self._unwanted: list[Labels] = []
        self._build()
        events = napari_viewer.layers.events
        self._sources = [events.inserted, events.removed, events.reordered]
        for source in self._sources:
            source.connect(self._refill)
        self._refill()

    def _build(self) -> None:
        label = QLabel("&Labels layers")
        self.list = QListWidget()
        self.list.setMinimumHeight(110)
        label.setBuddy(self.list)
        self.page.addWidget(label)
        self.page.addWidget(self.list)
        group = QGroupBox("Formats")
        inside = QVBoxLayout(group)
        wanted = recall("export/formats", ["tiff", "csv"])
        self.formats: dict[str, QCheckBox] = {}
        for name, exporter in EXPORTERS.items():
            box = QCheckBox(exporter.title)
            box.setToolTip(f"{exporter.summary}\nFile: <image>{exporter.ending}")
            box.setChecked(name in wanted)
            box.toggled.connect(self._on_choice)
            self.formats[name] = box
            inside.addWidget(box)
        self.together = QCheckBox("One &table for all layers")
        self.together.setToolTip("Formats that can hold several images write one file; a column names the image")
        self.together.setChecked(bool(recall("export/together", False)))
        inside.addWidget(self.together)
        self.page.addWidget(group)
        row = QHBoxLayout()
        self.folder = QLineEdit(recall("folders/export", ""))
        self.folder.setPlaceholderText("folder")
        self.folder.setToolTip("Where the files go; it is made when it does not exist")
        self.browse = QPushButton("&Browse…")
        self.browse.clicked.connect(self._on_browse)
        self.folder.textChanged.connect(lambda: self._on_choice())
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        caption = QLabel("&Folder")
        caption.setBuddy(self.folder)
        self.page.addWidget(caption)
        self.page.addLayout(row)
        self.replace = QCheckBox("&Replace files that are there")
        self.replace.setToolTip("Otherwise existing files are kept and the export is refused")
        self.page.addWidget(self.replace)
        self.page.addStretch(1)
        self.export = primary("&Export", "Write the chosen layers in the chosen formats")
        self.export.clicked.connect(self._on_export)
        self.page.addWidget(self.export)
        self.list.itemChanged.connect(self._on_item)

    def chosen(self) -> list[Labels]:
        """Return the layers with a tick, the topmost first."""
        return [layer for layer in self._layers if layer not in self._unwanted]

    def _refill(self, event: Any = None) -> None:
        if not isalive(self):  # Qt deleted it with its dock; napari's events still know it
            self._let_go()
            return
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
        self._layers = [layer for layer in reversed(self.viewer.layers) if is_field_cells(layer)]
        self._unwanted = [layer for layer in self._unwanted if layer in self._layers]
        self.list.blockSignals(True)
        self.list.clear()
        for layer in self._layers:
            layer.events.name.connect(self._rename)
            item = QListWidgetItem(layer.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            wanted = layer not in self._unwanted
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self.say("" if self._layers else NO_LABELS)
        self._on_choice()

    def _rename(self, event: Any = None) -> None:
        if not isalive(self):
            return
        self.list.blockSignals(True)
        for index, layer in enumerate(self._layers):
            if (item := self.list.item(index)) is not None:
                item.setText(layer.name)
        self.list.blockSignals(False)

    def _on_item(self, item: QListWidgetItem) -> None:
        layer = self._layers[self.list.row(item)]
        self._unwanted = [other for other in self._unwanted if other is not layer]
        if item.checkState() == Qt.CheckState.Unchecked:
            self._unwanted.append(layer)
        self._on_choice()

    def _on_choice(self) -> None:
        formats = [name for name, box in self.formats.items() if box.isChecked()]
        chosen = self.chosen()
        combinable = any(EXPORTERS[name].combines for name in formats)
        self.together.setEnabled(len(chosen) > 1 and combinable)
        ready = bool(chosen and formats and self.folder.text().strip()) and self.job is None
        self.export.setEnabled(ready)

    def on_busy(self, busy: bool) -> None:
        """One export at a time."""
        self._on_choice()

    def _on_browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the exports", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _on_export(self) -> None:
        formats = [name for name, box in self.formats.items() if box.isChecked()]
        folder = Path(self.folder.text().strip()).expanduser()
        remember("export/formats", formats)
        remember("export/together", self.together.isChecked())
        remember("folders/export", str(folder))
        layers = self.chosen()
        config, arrays = request_for(layers, stems(layers))
        config |= {
            "formats": formats,
            "folder": str(folder),
            "together": self.together.isEnabled() and self.together.isChecked(),
            "overwrite": self.replace.isChecked(),
        }
        self.start("export", config, arrays, self._on_written, heavy=False)

    def _on_written(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        names = value["files"]
        self.say(f"Saved {len(names)} file{'' if len(names) == 1 else 's'}: {', '.join(names)}")
        show_info(f"Saved {len(names)} files")

    def _let_go(self) -> None:
        for source in self._sources:
            source.disconnect(self._refill)
        for layer in self._layers:
            layer.events.name.disconnect(self._rename)
