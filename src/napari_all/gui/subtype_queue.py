"""Image layers that are classified one after the other, and how that went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Image
from napari.utils.notifications import show_error, show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_all.errors import NapariAllError
from napari_all.gui.layer_notes import note
from napari_all.gui.layers import record_of, to_rgb
from napari_all.gui.panel import Panel
from napari_all.gui.subtype_entries import prediction_from

MOST_NAMED = 10
"""Failures that a notification names; the table has them all."""


class LayerQueue(QObject):
    """Hands layers to the engine for a panel, and ends with it.

    Parameters
    ----------
    panel
        Whose work it is: it shows progress and failures.
    config
        Returns what to classify with.
    on_found
        Called with each layer that has its prediction.
    on_end
        Called when none is left.
    """

    def __init__(
        self,
        panel: Panel,
        config: Callable[[], dict[str, Any]],
        on_found: Callable[[Image], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(panel)  # so that Qt lets go of what is connected here when the panel is closed
        self._panel, self._config, self._on_found, self._on_end = panel, config, on_found, on_end
        self.waiting: list[Image] = []
        self._failed: list[str] = []
        self.asked = 0

    def begin(self, images: Sequence[Image]) -> None:
        """Classify some layers."""
        self.waiting, self._failed, self.asked = list(images), [], len(images)
        self._next()

    def _next(self) -> None:
        while self.waiting:
            image = self.waiting.pop(0)
            if image not in self._panel.viewer.layers:
                continue
            try:
                rgb, _ = to_rgb(image), record_of(image)
            except NapariAllError as error:
                self._failed.append(f"{image.name}: {error}")
                self._panel.say(str(error))
                if self.asked == 1:
                    show_error(str(error))
                continue
            self._classify(image, rgb)
            return
        self._on_end()
        if self._failed and self.asked == 1:
            return  # told already
        done = self.asked - len(self._failed)
        self._panel.say(f"{done} of {self.asked} image{'' if self.asked == 1 else 's'} classified.")
        warn_of(self._failed, self.asked)

    def _classify(self, image: Image, rgb: NDArray[Any]) -> None:
        def done(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            found = prediction_from(value["prediction"])
            note(image, prediction=found, thumbnail=arrays["thumbnail"], cam_in_cells=None)
            self._on_found(image)

        job = self._panel.start(
            "classify_image", self._config(), {"rgb": rgb}, done, heavy=True, needs=image, stage=image.name
        )
        job.failed.connect(lambda text: self._failed.append(f"{image.name}: {text}"))
        job.cancelled.connect(self.waiting.clear)
        job.ended.connect(self._next)


def warn_of(failed: Sequence[str], asked: int) -> None:
    """Tell which of many images failed; nothing where none did."""
    if failed:
        show_warning(f"{len(failed)} of {asked} images failed:\n" + "\n".join(failed[:MOST_NAMED]))
