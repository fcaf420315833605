"""Dock widget: colour thresholds with a live preview, then cleaned labels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox

from napari_all.errors import NapariAllError
from napari_all.gui.chooser import LayerChooser
from napari_all.gui.layer_notes import source_of
from napari_all.gui.layers import is_smear, to_rgb
from napari_all.gui.memory import recall, remember
from napari_all.gui.panel import NO_IMAGE, Panel, primary
from napari_all.gui.preview import Preview
from napari_all.gui.results import add_segmentation
from napari_all.gui.threshold_forms import MethodForms
from napari_all.segmentation.normalise import normalise
from napari_all.workflows.command_text import RESULTS, segment_command
from napari_all.workflows.segment import SegmentConfig

REST_MS = 300
"""A slider that has not moved for this long has come to rest."""


@dataclass(frozen=True)
class _Cleaned:
    """A result and what it was made from."""

    image: Image
    config: SegmentConfig
    value: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class ThresholdPanel(Panel):
    """Colour thresholds with a live preview."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.preview = Preview(napari_viewer)
        self._cleaned: _Cleaned | None = None
        self._make_when_cleaned = False
        self._soon = _timer(self, 0, self._show_preview)
        self._at_rest = _timer(self, REST_MS, self._clean)
        self._build()
        self.forms.choose(recall("threshold/method", "hsv"))
        self.chooser.layer_changed.connect(self._on_image)
        self._on_image(self.chooser.layer)

    def _build(self) -> None:
        form = self.form()
        self.chooser = LayerChooser(self.viewer, is_smear, "no image")
        self.chooser.setToolTip("The image to segment")
        form.addRow("&Image", self.chooser)
        self.forms = MethodForms(form, self.page, self)
        self.page.addStretch(1)
        self.live = QCheckBox("Li&ve preview")
        self.live.setToolTip("Show on the image what the limits take; cleaned cells appear when the sliders rest")
        self.live.setChecked(bool(recall("threshold/live", True)))
        self.make = primary("&Make labels", "Add the cleaned cells as a new labels layer")
        self.page.addWidget(self.live)
        self.page.addWidget(self.make)
        self.forms.moved.connect(self._on_limit)
        self.forms.changed.connect(self._settings_changed)
        self.live.toggled.connect(self._on_live)
        self.make.clicked.connect(self._on_make)

    def _on_limit(self, name: str) -> None:
        """A limit that was found automatically and is now moved by hand starts from the value found."""
        image, resolve = self.chooser.layer, self.forms.entry.resolve
        settings = self.forms.limits.value()
        if resolve is not None and isinstance(image, Image) and name != "automatic" and settings.automatic:  # type: ignore[attr-defined]
            found = resolve(normalise(to_rgb(image), self.forms.config.postprocess.normalise), settings)
            chosen = getattr(settings, name)
            if getattr(found, name) != chosen:
                self.forms.limits.set_value(found.updated(**{name: chosen}))

    def _settings_changed(self) -> None:
        if self.live.isChecked() and self.in_front:
            self._soon.start()
            self._at_rest.start()

    def _on_image(self, layer: Layer | None) -> None:
        self.preview.remove()
        self._cleaned = None
        self.make.setEnabled(layer is not None)
        self.say("" if layer is not None else NO_IMAGE)
        self._settings_changed()

    def _on_live(self, live: bool) -> None:
        remember("threshold/live", live)
        if live:
            self._settings_changed()
        else:
            self.preview.remove()

    def _pixels(self) -> NDArray[np.uint8] | None:
        image = self.chooser.layer
        if not isinstance(image, Image):
            return None
        try:
            return to_rgb(image)
        except NapariAllError as error:
            self.say(str(error))
            return None

    def _show_preview(self) -> None:
        rgb, image, threshold = self._pixels(), self.chooser.layer, self.forms.entry.preview
        if rgb is None or not isinstance(image, Image) or threshold is None or not self.live.isChecked():
            return
        seen = self.preview.attach(image, rgb)
        start = time.perf_counter()
        seen = normalise(seen, self.forms.config.postprocess.normalise)
        self.preview.show_mask(threshold(seen, self.forms.limits.value()))
        self.preview.took(time.perf_counter() - start)

    def _show_found(self, rgb: NDArray[np.uint8]) -> None:
        settings = self.forms.limits.value()
        if self.forms.entry.resolve is not None and settings.automatic:  # type: ignore[attr-defined]
            seen = normalise(rgb, self.forms.config.postprocess.normalise)
            self.forms.limits.show_found(self.forms.entry.resolve(seen, settings).updated(automatic=True))

    def _clean(self) -> None:
        """Run the whole method with its cleaning in the light engine; the newest settings win."""
        rgb, image = self._pixels(), self.chooser.layer
        if rgb is None or not isinstance(image, Image):
            return
        if self.job is not None:
            self.job.cancel()  # its end starts the next one
            self._at_rest.start()
            return
        self._show_found(rgb)
        config = self.forms.config

        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            self._cleaned = _Cleaned(image, config, value, arrays)
            self._on_cleaned()

        self.start(
            "segment_image",
            config.model_dump(mode="json"),
            {"rgb": rgb},
            done,
            heavy=self.forms.entry.in_engine,
            needs=image,
            stage="Cleaning",
        )

    def _is_current(self) -> bool:
        done = self._cleaned
        return done is not None and done.image is self.chooser.layer and done.config == self.forms.config

    def _on_cleaned(self) -> None:
        assert self._cleaned is not None
        if not self._is_current():
            return
        labels = self._cleaned.arrays["labels"]
        cells = len(self._cleaned.value["cells"])
        self.say(f"{cells} cell{'' if cells == 1 else 's'} after cleaning")
        if self._make_when_cleaned:
            self._add_labels()
        elif self.live.isChecked() and self.in_front:
            self.preview.attach(self._cleaned.image, to_rgb(self._cleaned.image))
            self.preview.show_labels(labels)

    def _on_make(self) -> None:
        if self._pixels() is None:
            show_error(self.state.text() or NO_IMAGE)
            return
        self._make_when_cleaned = True
        if self._is_current():
            self._add_labels()
        else:
            self._clean()

    def _add_labels(self) -> None:
        assert self._cleaned is not None
        self._make_when_cleaned = False
        self._at_rest.stop()
        self.preview.remove()
        add_segmentation(self.viewer, self._cleaned.value, self._cleaned.arrays, self._cleaned.image)
        self.foot.command.offer(segment_command(self._cleaned.config, source_of(self._cleaned.image), RESULTS))

    def _on_failed(self, text: str) -> None:
        """Tell a failed preview in the panel only; a failed press of the button also pops up."""
        self.say(text)
        if self._make_when_cleaned:
            show_error(text)
        self._make_when_cleaned = False

    def on_front(self, front: bool) -> None:
        """Show the preview only while the panel is in front."""
        if front:
            self._settings_changed()
            return
        self._soon.stop()
        self._at_rest.stop()
        self.preview.remove()


def _timer(parent: ThresholdPanel, milliseconds: int, slot: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(slot)
    return timer
