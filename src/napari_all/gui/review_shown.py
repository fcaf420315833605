"""The layers of the project's image that is under review, kept true to the project pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer

from napari_all.errors import NapariAllError
from napari_all.gui.corrections import Context, Predicted
from napari_all.gui.layer_notes import KEY, ImageNotes
from napari_all.gui.layers import Origin, image_layer, is_cells, is_smear, labels_layer, outline_px, show_outlines
from napari_all.gui.results import OUTLINE_PIXELS
from napari_all.gui.review_overlays import forget_history, overlays, repaint
from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, apply_pixels, change_of_edit, extent
from napari_all.project.opened import Opened
from napari_all.project.plane_files import FINISHED
from napari_all.project.planes import Pixels, Values
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Edit
from napari_all.segmentation.editing.windows import Window, rows_and_columns
from napari_all.segmentation.postprocess import typical_area

BRUSHES = ("paint", "erase", "fill", "polygon")
"""napari's modes of a labels layer that change it; the log names them as napari does."""


class Shown:
    """One image layer, one labels layer and, where parts are told apart, one that shows them; reused image by image.

    What a tool or napari's own brush changes is told once as a `Change`; where that is refused, the layer goes back.

    Parameters
    ----------
    viewer
        The viewer that gets the layers.
    record
        Takes a change into the project; raises `NapariAllError` where it does not fit.
    on_refused
        Called with the reason when `record` refuses what was painted.
    undo, redo
        Take the place of napari's own on the labels layer.
    on_edited
        Called after a change of pixels, done, undone or done again, with its window and the numbers of the cells that
        it changed, made or ended.
    """

    def __init__(
        self,
        viewer: Viewer,
        record: Callable[[Change], None],
        on_refused: Callable[[str], None],
        undo: Callable[[], None],
        redo: Callable[[], None],
        on_edited: Callable[[Window, set[int]], None],
    ) -> None:
        self.viewer = viewer
        self._record, self._on_refused = record, on_refused
        self._undo, self._redo, self._on_edited = undo, redo, on_edited
        self._own = False
        self._size_um: tuple[float, float] | None = None
        self.image: Image | None = None
        self.labels: Labels | None = None
        self.parts, self.marks = overlays(viewer)
        self.pixels = Pixels.empty((1, 1))
        self.cells = CellIndex(self.pixels.labels)
        self.sidecar = Sidecar()
        self.predicted: Predicted | None = None
        self.outlines = True
        self._diameter_px: float | None = None

    @property
    def there(self) -> bool:
        """Whether the layers are still in the viewer."""
        return self.image in self.viewer.layers and self.labels in self.viewer.layers

    @property
    def parted(self) -> bool:
        """Whether nucleus and cytoplasm are told apart."""
        return self.sidecar.parts == "nucleus+cytoplasm"

    def show(self, name: str, opened: Opened, *, fit: bool = True) -> None:
        """Show an image of the project in the place of the one before."""
        self.pixels, self.sidecar = opened.pixels, opened.sidecar
        self.cells = CellIndex(self.pixels.labels)
        self._diameter_px = self.predicted = None
        stem = PurePosixPath(name).stem
        if not self.there or opened.record.pixel_size_um != self._size_um:
            self._make(opened, stem)
        if (image := self.image) is None or (labels := self.labels) is None:
            return
        self._outline(labels)
        with self._by_ourselves():
            if image.data is not opened.rgb:
                image.data = opened.rgb
            labels.data = self.pixels.labels.copy()
        image.name, labels.name = stem, f"{stem} cells"
        image.metadata[KEY] = ImageNotes(opened.record)
        self.note_values(opened.values)
        self.parts.show(self.pixels, labels, stem, known=self.parted)
        self.marks.show(self.pixels, labels, stem)
        labels.selected_label = self.cells.unused
        if fit:
            self.viewer.fit_to_view(layers=[image])
        self.viewer.layers.selection.active = labels

    def note_values(self, values: Values) -> None:
        """Keep with the labels layer what other panels ask of it, so that they export what is on the screen."""
        if self.labels is not None:
            status = "corrected" if values.status in FINISHED else "predicted"
            self.labels.metadata[KEY] = Origin(self.sidecar.updated(status=status), self.pixels.classes, self.image)

    def context(self) -> Context:
        """Return what a correction works on."""
        rgb = self.image.data if self.image is not None else None
        if self._diameter_px is None:
            typical = typical_area(self.pixels.labels)
            self._diameter_px = 2 * math.sqrt(typical / math.pi) if typical else self.sidecar.diameter_px
        pixels = self.pixels
        classes = pixels.classes if self.parted else None
        return Context(
            pixels.labels, rgb, self._diameter_px, self.cells, classes, pixels.ignore, pixels.marks, self.predicted
        )

    def edit(self, tool: str, edit: Edit) -> bool:
        """Apply an edit and record it as one change; return whether anything changed.

        Raises
        ------
        NapariAllError
            The project refuses it; nothing was changed.
        """
        planes = self.pixels.editable(self.sidecar.parts or "cell")
        full = editing.completed(planes, edit)
        if not len(full):
            return False
        inverse = editing.change(planes, full, self.cells)
        touched = editing.touched(full, inverse)
        cell = next(iter(touched)) if len(touched) == 1 else None
        try:
            self._record(change_of_edit(tool, full, inverse, self.pixels.shape, cell))
        except NapariAllError:
            editing.change(planes, inverse, self.cells)
            raise
        self._repaint(full.indices, "labels", *full.spoken)
        self._on_edited(full.window, touched)
        return True

    def take_in(self) -> None:
        """Record what napari's brush, bucket, eraser or polygon, or another panel, did to the layer, as one change."""
        labels = self.labels
        if labels is None or not self.there:
            return
        painted = np.asarray(labels.data)
        differs = painted != self.pixels.labels
        if not differs.any():  # five times as fast as looking for where
            return
        where = np.nonzero(differs)
        mode = str(labels.mode)
        edit = Edit((where[0], where[1]), painted[where].astype(np.int32))
        try:
            self.edit(mode if mode in BRUSHES else "edit", edit)
        except NapariAllError as error:
            self._repaint(edit.indices, "labels")
            self._on_refused(str(error))

    def replay(self, change: Change) -> None:
        """Repeat on the screen what an undo or a redo has done in the project."""
        apply_pixels(change, self.pixels)
        for diff in change.planes:
            where = rows_and_columns(diff.indices, self.pixels.shape)
            if diff.plane == "labels":
                self.cells.update(self.pixels.labels, where, diff.before, diff.after)
            self._repaint(where, diff.plane)
        if change.pixels:
            self._on_edited(*extent(change, self.pixels))

    def show_outlines(self, outlines: bool) -> None:
        """Show the cells as edges, or as filled areas; large images are always filled, as napari outlines slowly."""
        self.outlines = outlines
        if self.labels is not None:
            self._outline(self.labels)

    def let_go(self) -> None:
        """Take the layers out of the viewer."""
        self.parts.let_go()
        self.marks.let_go()
        for layer in (self.labels, self.image):
            if layer is not None and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.image = self.labels = None

    def _repaint(self, where: tuple[np.ndarray, np.ndarray], *planes: str) -> None:
        if self.labels is not None and "labels" in planes:
            with self._by_ourselves():
                repaint(self.labels, where, self.pixels.labels.__getitem__)
        if "classes" in planes:
            self.parts.follow(where)
        if "ignore" in planes or "marks" in planes:
            self.marks.follow(where)

    def _outline(self, labels: Labels) -> None:
        outlines = self.outlines and self.pixels.labels.size <= OUTLINE_PIXELS
        if not outlines or labels.contour != outline_px(labels):
            show_outlines(labels, outlines)

    def _make(self, opened: Opened, stem: str) -> None:
        self.let_go()
        for layer in self.viewer.layers:  # the project's images come alone
            layer.visible = layer.visible and not (is_smear(layer) or is_cells(layer))
        self._size_um = opened.record.pixel_size_um
        self.image = image_layer(opened.rgb, stem, ImageNotes(opened.record), self._size_um)
        made = Origin(self.sidecar, self.pixels.classes, self.image)
        self.labels = labels_layer(self.pixels.labels.copy(), f"{stem} cells", made)
        self.labels.undo = self._undo  # type: ignore[method-assign]
        self.labels.redo = self._redo  # type: ignore[method-assign]
        forget_history(self.labels)
        self.labels.events.paint.connect(self._on_paint)
        self.viewer.add_layer(self.image)
        self.viewer.add_layer(self.labels)

    def _on_paint(self, event: Any = None) -> None:
        if not self._own:
            QTimer.singleShot(0, self.take_in)  # napari tells of a fill or a polygon before it writes the pixels

    @contextmanager
    def _by_ourselves(self) -> Iterator[None]:
        """Do not take for a person's edit what is written to the layer now."""
        before, self._own = self._own, True
        try:
            yield
        finally:
            self._own = before
