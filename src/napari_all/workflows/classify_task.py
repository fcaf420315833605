"""The work on one image of a classification: it can be pickled, and reading is a step of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from napari_all.classes import SUBTYPES
from napari_all.io.images import MAX_PIXELS, read_image
from napari_all.io.inputs import InputImage
from napari_all.io.tables import Row
from napari_all.monitor import Monitor
from napari_all.types import ImageRecord, RGBImage
from napari_all.workflows.classify import ClassifyConfig, predictor_of
from napari_all.workflows.classify_cells import CellSource, classify_cells, labels_of
from napari_all.workflows.explain import explain_image, write_explanation
from napari_all.workflows.run_record import InputRecord
from napari_all.workflows.segment_files import names
from napari_all.workflows.thumbnails import as_jpeg, thumbnail


@dataclass(frozen=True)
class Shown:
    """What is made of an image beside its record.

    Attributes
    ----------
    cells
        Rows of the cells' table; None where cells were not asked for, or an earlier result was kept.
    thumbnail
        JPEG, or None where there is no page.
    """

    cells: list[Row] | None = None
    thumbnail: bytes | None = None


Classified: TypeAlias = tuple[InputRecord, Shown]


@dataclass(frozen=True)
class ClassifyTask:
    """How one image becomes its row.

    Attributes
    ----------
    image
        The image.
    config
        Which model predicts.
    cells
        Also predict at each cell, of these.
    explain
        Folder for the heat map.
    thumbnail
        Make one.
    max_pixels
        Largest width times height that is decoded.
    kept
        Record of an earlier run that still holds.
    """

    image: InputImage
    config: ClassifyConfig
    cells: CellSource | None = None
    explain: Path | None = None
    thumbnail: bool = False
    max_pixels: int = MAX_PIXELS
    kept: InputRecord | None = None

    def run(self, monitor: Monitor) -> Classified:
        """Do both steps; see `read` and `predict` for what they raise."""
        return self.predict(self.read(), monitor)

    def read(self) -> tuple[ImageRecord, RGBImage] | None:
        """Decode the image, unless its pixels are not needed; `ImageError` when it cannot be read."""
        if self.kept is not None and not self.thumbnail:
            return None
        return read_image(self.image.path, max_pixels=self.max_pixels)

    def predict(self, given: tuple[ImageRecord, RGBImage] | None, monitor: Monitor) -> Classified:
        """Predict by what was read, unless an earlier result is kept.

        Raises
        ------
        CheckpointError, DependencyError, UsageError
            The model cannot be had; the device is not there.
        MaskError, SaveError
            The image's labels cannot be read; the heat map cannot be written.
        Cancelled
            The monitor asks to stop.
        """
        if given is None:
            assert self.kept is not None  # `read` gives nothing else
            return self.kept.updated(status="skipped"), Shown()
        record, rgb = given
        small = as_jpeg(thumbnail(rgb)) if self.thumbnail else None
        if self.kept is not None:
            return self.kept.updated(status="skipped"), Shown(thumbnail=small)
        predictor = predictor_of(self.config)
        monitor.message(predictor.device_line)
        labels = None if self.cells is None else labels_of(self.image, rgb, self.cells, monitor)
        prediction = predictor.predict(rgb)
        facts: dict[str, Any] = {"prediction": prediction}
        if self.explain is not None:
            mask, predicted = None if labels is None else labels > 0, SUBTYPES.index(prediction.predicted)
            told = explain_image(rgb, self.config, mask, class_index=predicted, monitor=monitor)
            files = write_explanation(self.image.stem, self.explain, rgb, told, record.pixel_size_um)
            facts |= {"cam_in_cells": told.in_cells, "outputs": names(list(files), self.explain)}
        rows = None
        if labels is not None:
            rows = classify_cells(self.image.name, rgb, labels, predictor, monitor)
            facts["cells"] = len(rows)
        return InputRecord.of(self.image.name, record, **facts), Shown(rows, small)
