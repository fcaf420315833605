"""Predicts images of a project, one by one in the engine, while a person reviews others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_all.evaluation.quality import QualityLimits, flags, measure_quality
from napari_all.gui.background import Background
from napari_all.gui.jobs import ENGINES, Job
from napari_all.gui.results import segmentation_from
from napari_all.gui.subtype_entries import prediction_from
from napari_all.project.predicting import Taken, take_segmentation
from napari_all.project.project import Project
from napari_all.types import ImageRecord, RGBImage, Segmentation
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.segment import SegmentConfig


class PredictionQueue(QObject):
    """Hands image after image to the engine; results go into the project as they come.

    Parameters
    ----------
    project
        Where the images come from and the labels go.
    wanted_next
        Returns the images in the order in which the person will come to them.
    """

    taken = Signal(str, str)
    """Image, and "prediction" where its labels are new, "proposal" where a person's stay."""
    progressed = Signal(int, int)
    """Images done, images in all."""
    ended = Signal(object)
    """What failed: lines of "image: reason"."""

    def __init__(
        self, project: Project, wanted_next: Callable[[], tuple[str, ...]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._wanted_next = project, wanted_next
        self._files = Background("predictions", self)
        self._waiting: set[str] = set()
        self._config = SegmentConfig()
        self._subtypes = False
        self._job: Job | None = None
        self.asked = self.done = 0
        self.running = False
        self._closed = False
        self.failed: list[str] = []

    def begin(self, images: list[str], config: SegmentConfig, *, subtypes: bool) -> None:
        """Predict images, those that the person comes to first before others; with `subtypes`, their subtype too."""
        self._waiting, self._config, self._subtypes = set(images), config, subtypes
        self.asked, self.done, self.failed = len(images), 0, []
        self.running = True
        self._next()

    def cancel(self) -> None:
        """Stop; what came is kept."""
        self._waiting.clear()
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Stop at once, and wait until nothing writes into the project any more."""
        self._waiting.clear()
        self._closed = True
        if self._job is not None:
            self._job.cancel()
        self._files.close()

    def _next(self) -> None:
        if self._closed:
            return
        self.progressed.emit(self.done, self.asked)
        if not self._waiting:
            self.running = False
            self.ended.emit(self.failed)
            return
        image = next((name for name in self._wanted_next() if name in self._waiting), min(self._waiting))
        self._waiting.discard(image)
        read = partial(self._project.picture, image)
        self._files.run(read, partial(self._segment, image), partial(self._fail, image))

    def _segment(self, image: str, picture: tuple[ImageRecord, RGBImage]) -> None:
        record, rgb = picture
        if self._closed:
            return

        def found(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            if not self._closed:
                self._take(image, segmentation_from(value, arrays), record, rgb)

        self._follow(image, "segment_image", self._config.model_dump(mode="json"), rgb, found)

    def _take(self, image: str, result: Segmentation, record: ImageRecord, rgb: RGBImage) -> None:
        def took(taken: Taken) -> None:
            if self._closed:
                return
            self.taken.emit(image, taken)
            if self._subtypes:
                self._classify(image, rgb)
            else:
                self._finish()

        def take() -> Taken:
            wrong = [flag for flag in flags(measure_quality(rgb, result.labels > 0), QualityLimits()) if flag != "text"]
            self._project.note_numbers(image, quality="; ".join(wrong))
            return take_segmentation(self._project, image, result, record)

        self._files.run(take, took, partial(self._fail, image))

    def _classify(self, image: str, rgb: RGBImage) -> None:
        def found(value: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
            prediction = prediction_from(value["prediction"])
            if prediction is not None:
                self._project.note_numbers(
                    image, predicted=prediction.predicted, confidence=round(prediction.confidence, 4)
                )
            self._finish()

        self._follow(image, "classify_image", ClassifyConfig().model_dump(mode="json"), rgb, found)

    def _follow(self, image: str, job: str, config: dict[str, Any], rgb: RGBImage, found: Callable[..., None]) -> None:
        self._job = ENGINES.start(job, config, {"rgb": rgb}, heavy=True)
        self._job.succeeded.connect(found)
        self._job.failed.connect(partial(self._fail, image))
        self._job.cancelled.connect(self._next)

    def _fail(self, image: str, reason: str) -> None:
        self.failed.append(f"{image}: {reason}")
        self._finish()

    def _finish(self) -> None:
        self._job = None
        self.done += 1
        self._next()
