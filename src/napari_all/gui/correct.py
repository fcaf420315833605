"""Dock widget: correct labels by hand; every correction is one undo step of the layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_error, show_info, show_warning
from numpy.typing import NDArray
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from napari_all.errors import NapariAllError
from napari_all.gui.canvas_tools import Points, Tool
from napari_all.gui.cells_watch import CellsWatch
from napari_all.gui.chooser import LayerChooser
from napari_all.gui.corrections import TOOLS, Context
from napari_all.gui.exporting import request_for, stem_of
from napari_all.gui.layers import (
    as_labels,
    is_field_cells,
    is_smear,
    mark_corrected,
    origin,
    show_outlines,
    to_rgb,
)
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import Panel
from napari_all.gui.reader import read_labels_layer
from napari_all.gui.slide_regions import SlideRegions
from napari_all.gui.tool_buttons import ToolButtons, bind_keys, panel_keys

NO_LABELS = "Make labels with 'Threshold' or 'U-Net', or open a label file."
SETTLE_MS = 250


class CorrectPanel(Panel):
    """New cell, delete, merge, split, fill and smooth on the chosen labels layer."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.watch = CellsWatch(napari_viewer, self)
        self.watch.changed.connect(self._show_state)
        self._build()
        panel_keys(self, self.toolbox.keys | {"Escape": self.toolbox.lay_down})
        self.chooser.layer_changed.connect(self._on_layer)
        self._on_layer(self.chooser.layer)

    @property
    def layer(self) -> Labels | None:
        """The labels layer under correction."""
        layer = self.chooser.layer
        return layer if isinstance(layer, Labels) else None

    def _build(self) -> None:
        form = self.form()
        self.chooser = LayerChooser(self.viewer, is_field_cells, "no labels")
        self.chooser.setToolTip("The labels to correct")
        form.addRow("&Labels", self.chooser)
        self.count = QLabel()
        form.addRow("Cells", self.count)
        self.toolbox = ToolButtons(TOOLS, self.viewer, lambda: self.layer, self._on_gesture, self.say)
        self.tools, self.buttons = self.toolbox.tools, self.toolbox.buttons
        self.page.addWidget(self.toolbox)
        row = QHBoxLayout()
        self.undo = self._button("&Undo", "Take back the last correction (Ctrl+Z on the canvas)", self._on_undo)
        self.redo = self._button("Re&do", "Do it again (Ctrl+Shift+Z on the canvas)", self._on_redo)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        self.page.addLayout(row)
        self.outlines = QCheckBox("&Outlines only")
        self.outlines.setToolTip("Show the edges of the cells instead of filled areas")
        self.outlines.toggled.connect(self._on_outlines)
        self.page.addWidget(self.outlines)
        self.corrected = QCheckBox("Image is &corrected")
        self.corrected.setToolTip(
            "A person has checked or changed this image; a later run on its folder then leaves it alone"
        )
        self.corrected.clicked.connect(self._on_corrected)
        self.page.addWidget(self.corrected)
        self.slide = SlideRegions(self.viewer, self)
        self.slide.cut_out.connect(self.chooser.choose)
        self.page.addWidget(self.slide)
        self.page.addStretch(1)
        self.page.addLayout(self._files())

    def _files(self) -> QVBoxLayout:
        box = QVBoxLayout()
        self.table = self._button("Show &table of cells", "napari's table of the layer's features", self._on_table)
        self.save = self._button("&Save…", "Write labels, classes and what is known of them", self._on_save)
        self.open = self._button("Open…", "Read labels that were saved, with everything kept", self._on_open)
        self.open.setEnabled(True)
        row = QHBoxLayout()
        row.addWidget(self.save)
        row.addWidget(self.open)
        box.addWidget(self.table)
        box.addLayout(row)
        return box

    def _button(self, text: str, tip: str, slot: Any) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: slot())
        return button

    def _on_layer(self, layer: Layer | None) -> None:
        self.toolbox.lay_down()
        self.watch.watch(self.layer)
        there = self.layer is not None
        for button in (
            *self.buttons.values(), self.undo, self.redo,
            self.outlines, self.corrected, self.table, self.save,
        ):  # fmt: skip
            button.setEnabled(there)
        self.slide.use(self.layer)
        self.say("" if there else NO_LABELS)
        self.count.setText("–")
        self._show_state()

    def _show_state(self) -> None:
        if self.layer is None:
            return
        labels = as_labels(self.layer)
        cells = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
        status = origin(self.layer).sidecar.status
        self.count.setText(f"{cells}  ({'✔ corrected' if status == 'corrected' else 'predicted'})")
        self.corrected.setChecked(status == "corrected")
        self.outlines.setChecked(self.layer.contour > 0)

    def _context(self, layer: Labels) -> Context:
        image = self._image_of(layer)
        sizes = layer.features.get("equivalent_diameter_px")
        diameter = origin(layer).sidecar.diameter_px
        if sizes is not None and len(sizes):
            diameter = float(sizes.median())
        return Context(as_labels(layer), to_rgb(image) if image is not None else None, diameter)

    def _image_of(self, layer: Labels) -> Image | None:
        """Return the image that the labels were made from, else the topmost one of the same size."""
        made_from = origin(layer).image
        if made_from is not None and made_from in self.viewer.layers:
            return made_from
        images = [image for image in reversed(self.viewer.layers) if is_smear(image)]
        return next((i for i in images if tuple(i.data.shape[:2]) == layer.data.shape), None)

    def _on_gesture(self, tool: Tool, points: Points) -> None:
        layer = self.layer
        if layer is None:
            return
        try:
            edit = TOOLS[tool](self._context(layer), points)
        except NapariAllError as error:
            self.say(str(error))
            show_warning(str(error))
            return
        if len(edit) == 0:
            self.say("Nothing to change.")
            return
        layer.data_setitem(edit.indices, edit.values)
        self.watch.look()

    def _on_undo(self) -> None:
        if self.layer is not None:
            self.layer.undo()

    def _on_redo(self) -> None:
        if self.layer is not None:
            self.layer.redo()

    def _on_outlines(self, outlines: bool) -> None:
        if self.layer is not None and outlines != (self.layer.contour > 0):
            show_outlines(self.layer, outlines)

    def _on_corrected(self, corrected: bool) -> None:
        if self.layer is not None:
            mark_corrected(self.layer, corrected)
            self._show_state()

    def _on_table(self) -> None:
        self.viewer.window.add_plugin_dock_widget("napari", "Features table widget", tabify=True)

    def _on_save(self) -> None:
        layer = self.layer
        if layer is None:
            return
        start = Path(recall("folders/labels", "")) / f"{stem_of(layer)}_labels.tif"
        path, _ = QFileDialog.getSaveFileName(self, "Save labels", str(start), "Label image (*_labels.tif *.tif)")
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Write labels, classes map and sidecar as they are now."""
        layer = self.layer
        if layer is None:
            return
        remember("folders/labels", str(path.parent))
        config, arrays = request_for([layer], [stem_of(layer)])
        self.start("save_labels", {**config, "path": str(path)}, arrays, self._on_saved, heavy=False, stage="Saving")

    def _on_saved(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.say(f"Saved {', '.join(value['files'])}")
        show_info(f"Saved {value['files'][0]}")

    def _on_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open labels", recall("folders/labels", ""), "Label images (*.tif *.tiff *.png)"
        )
        if path:
            self.open_from(Path(path))

    def open_from(self, path: Path) -> None:
        """Read a label file into a new layer and choose it; show an error when that fails."""
        remember("folders/labels", str(path.parent))
        try:
            layer = read_labels_layer(path)
        except NapariAllError as error:
            self.say(str(error))
            show_error(str(error))
            return
        self.viewer.add_layer(layer)
        self.chooser.choose(layer)

    def on_front(self, front: bool) -> None:
        """Take the keys on the canvas while the panel is in front; else give them back and lay the tool down."""
        bind_keys(self.viewer, self.toolbox.keys, front)
        if front:
            self._show_state()
        else:
            self.toolbox.lay_down()
