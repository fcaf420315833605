"""The prediction that the labels on the screen began from, read beside the work."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_all.gui.background import Background
from napari_all.gui.corrections import Predicted
from napari_all.gui.review_session import ReviewSession
from napari_all.segmentation.editing import CellIndex


class PredictionAtHand(QObject):
    """Reads the prediction of each image that is shown, in a thread, and hands it to `Shown.predicted`.

    Parameters
    ----------
    session
        The project; this goes before it does (`close`).
    """

    arrived = Signal()
    """It is known now whether there is a prediction, and there it is."""

    def __init__(self, session: ReviewSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._files = Background("predictions at hand", self)
        self._closed = False
        session.moved.connect(self._fetch)

    def close(self) -> None:
        """Stop reading; what arrives later is dropped."""
        self._closed = True
        self._session.moved.disconnect(self._fetch)
        self._files.close()
        self.deleteLater()

    def _fetch(self) -> None:
        image, project, pixels = self._session.current, self._session.project, self._session.shown.pixels
        if image is None:
            return

        def read() -> Predicted | None:
            saved = project.shelf(image, "predictions")
            if saved is None:
                return None
            return Predicted(saved.pixels.labels, saved.pixels.classes, CellIndex(saved.pixels.labels))

        def take(predicted: Predicted | None) -> None:
            shown = self._session.shown
            if self._closed or shown.pixels is not pixels:
                return
            if predicted is None or predicted.labels.shape == pixels.shape:
                shown.predicted = predicted
                self.arrived.emit()

        self._files.run(read, take, self._session.told.emit)
