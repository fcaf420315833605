"""Part of the Correct widget: what is in view of a slide is cut out, corrected like any image, and put back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from napari.utils.notifications import show_info
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QGroupBox, QPushButton, QVBoxLayout

from napari_all.errors import MaskError, UsageError
from napari_all.gui.exporting import request_for, stem_of
from napari_all.gui.layer_notes import KEY, image_notes
from napari_all.gui.layers import FILE_KEY, is_smear, origin
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import Panel
from napari_all.gui.reader import read_image_layer, read_labels_layer
from napari_all.gui.slides import OPEN_KEY, slide_labels_layer
from napari_all.io.masks import LABELS_ENDING
from napari_all.workflows.region_file import Region, read_region

LARGEST = 25_000_000
"""Pixels of a region that is cut out: more cannot be corrected smoothly."""
_FOLDER = "folders/regions"


class SlideRegions(QGroupBox):
    """Two buttons; to be seen while a slide, or a region of one, is among the layers.

    Parameters
    ----------
    panel
        Shows the progress of the jobs.
    """

    cut_out = Signal(object)
    """The labels layer of a region that was cut out; the layers are in the viewer."""

    def __init__(self, viewer: Viewer, panel: Panel) -> None:
        super().__init__("Slide")
        self._viewer, self._panel = viewer, panel
        self._layer: Labels | None = None
        self.cut = QPushButton("Cut out what is in &view")
        self.cut.setToolTip("Write what is seen of the slide, with its labels, as an image of its own to be corrected")
        self.cut.clicked.connect(self._on_cut)
        self.back = QPushButton("Put &back into the slide")
        self.back.setToolTip("Save this region, and put its cells into the labels of its slide")
        self.back.clicked.connect(self._on_back)
        layout = QVBoxLayout(self)
        layout.addWidget(self.cut)
        layout.addWidget(self.back)
        events = viewer.layers.events
        self._sources = [events.inserted, events.removed]
        for source in self._sources:
            source.connect(self._renew)

    def use(self, layer: Labels | None) -> None:
        """Offer what can be done with the chosen labels, and with the slides among the layers."""
        self._layer = layer
        self._renew()

    def _renew(self, event: Any = None) -> None:
        if not isalive(self):
            for source in self._sources:
                source.disconnect(self._renew)
            return
        self.cut.setEnabled(self._slide is not None)
        self.back.setEnabled(self._region is not None)
        self.setVisible(self.cut.isEnabled() or self.back.isEnabled())

    @property
    def _slide(self) -> Image | None:
        """The topmost slide that is seen and was read from a file."""
        layers = [layer for layer in reversed(self._viewer.layers) if is_smear(layer) and layer.visible]
        slides = [layer for layer in layers if isinstance(layer, Image) and layer.multiscale]
        return next((s for s in slides if (r := image_notes(s).record) is not None and r.path is not None), None)

    @property
    def _region(self) -> tuple[Path, Region] | None:
        """The file of the chosen labels and where they were cut out, if they were."""
        path = self._layer.metadata.get(FILE_KEY) if self._layer is not None else None
        try:
            return None if path is None else (path, read_region(path))
        except MaskError:
            return None

    def _labels_of(self, sha256: str) -> Labels | None:
        """Return the label image of a slide among the layers."""
        slides = [la for la in self._viewer.layers if isinstance(la, Labels) and la.multiscale]
        found = [layer for layer in slides if FILE_KEY in layer.metadata]
        return next((layer for layer in found if origin(layer).sidecar.image_sha256 == sha256), None)

    def _on_cut(self) -> None:
        if self._slide is None:
            return
        folder = QFileDialog.getExistingDirectory(self, "Folder for regions", recall(_FOLDER, ""))
        if folder:
            self.cut_into(Path(folder))

    def cut_into(self, folder: Path) -> None:
        """Write what is in view into a folder and open it."""
        slide = self._slide
        record = image_notes(slide).record if slide is not None else None
        if slide is None or record is None:
            return
        remember(_FOLDER, str(folder))
        try:
            region = in_view(self._viewer, slide)
        except UsageError as error:
            self._panel.say(str(error))
            return
        labels = self._labels_of(record.sha256)
        config = {
            "slide": str(record.path),
            "region": region,
            "output": str(folder),
            "labels": str(labels.metadata[FILE_KEY]) if labels is not None else "",
        }
        self._panel.start("cut_region", config, None, self._on_was_cut, heavy=False, needs=slide, stage="Cutting out")

    def _on_was_cut(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        path = Path(value["image"])
        labels_path = path.with_name(path.stem + LABELS_ENDING)
        region = read_region(labels_path)
        image = read_image_layer(path)
        image.translate = np.multiply((region.y, region.x), image.scale)
        self._viewer.add_layer(image)
        self._panel.say(f"{path.name} is cut out")
        if not labels_path.exists():
            return
        labels = read_labels_layer(labels_path)
        labels.translate = image.translate
        labels.metadata[KEY] = dataclasses.replace(origin(labels), image=image)
        self._viewer.add_layer(labels)
        self.cut_out.emit(labels)

    def _on_back(self) -> None:
        layer, region = self._layer, self._region
        if layer is None or region is None:
            return
        shown = self._labels_of(region[1].slide_sha256)
        labels = shown.metadata[FILE_KEY] if shown is not None else self._asked(region[1].slide)
        if labels is None:
            return
        if shown is not None:  # some systems replace no file that is open
            place = self._viewer.layers.index(shown)
            self._viewer.layers.remove(shown)
            shown.metadata[OPEN_KEY].close()
        config, arrays = request_for([layer], [stem_of(layer)])
        config |= {"path": str(region[0]), "labels": str(labels)}
        job = self._panel.start("put_back", config, arrays, self._on_was_put_back, heavy=False, stage="Putting back")
        if shown is not None:
            job.ended.connect(lambda: self._show_labels(labels, place, layer))

    def _asked(self, slide: str) -> Path | None:
        path, _ = QFileDialog.getOpenFileName(
            self, f"Labels of {slide}", recall("folders/labels", ""), "Label image (*_labels.tif)"
        )
        return Path(path) if path else None

    def _show_labels(self, labels: Path, place: int, active: Labels) -> None:
        """Show the slide's labels again, where they were."""
        self._viewer.layers.insert(place, slide_labels_layer(labels))
        if active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def _on_was_put_back(self, value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        told = f"{value['kept']} cells kept their number, {value['new']} are new, {value['gone']} are gone"
        self._panel.say(f"Put back: {told}")
        show_info(f"Put back: {told}")


def in_view(viewer: Viewer, slide: Image) -> tuple[int, int, int, int]:
    """Return what the canvas shows of a slide as (y, x, height, width) in its pixels.

    Raises `UsageError` when nothing of it is seen, or more than can be corrected at once.
    """
    camera = viewer.scene.camera
    half = np.asarray(viewer.canvas.size) / camera.zoom / 2  # napari's `corner_pixels` are of whole chunks
    middle, shape = np.asarray(camera.center[-2:]), slide.level_shapes[0][:2]
    seen = (np.rint(np.asarray(slide.world_to_data(corner))[-2:]) for corner in (middle - half, middle + half))
    first, end = (np.clip(corner, 0, shape).astype(int).tolist() for corner in seen)
    height, width = end[0] - first[0], end[1] - first[1]
    if min(height, width) < 1:
        raise UsageError("nothing of the slide is in view; bring the part that you want to correct into the middle")
    if height * width > LARGEST:
        raise UsageError(
            f"{width:,} × {height:,} pixels are in view; zoom in to at most {LARGEST // 1_000_000} million to cut out"
        )
    return first[0], first[1], height, width
