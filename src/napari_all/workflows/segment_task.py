"""The work on one image of a batch: read, compute, write; the steps apart, so that they can overlap or travel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from napari_all.files import sha256_array
from napari_all.io.images import MAX_PIXELS, read_image
from napari_all.io.inputs import InputImage
from napari_all.io.sidecar import Sidecar
from napari_all.io.slides import is_slide
from napari_all.monitor import Monitor
from napari_all.types import ImageRecord, RGBImage, Segmentation
from napari_all.workflows.run_record import InputRecord
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import Extras, ImageFiles, names, write_result
from napari_all.workflows.segment_slide import segment_slide

Given: TypeAlias = tuple[ImageRecord, RGBImage] | Path | Sidecar
"""What reading gives: an image, the path of a slide (read piece by piece while computing), or an earlier result."""
Made: TypeAlias = tuple[ImageRecord, Segmentation] | tuple[ImageRecord, Sidecar] | Sidecar
"""What computing gives: a result to be written, that of a slide, which is on disk by then, or the earlier one."""
RunFacts: TypeAlias = dict[str, str | None]
"""What one image tells about the whole run, for its record."""

_RUN_FACTS = ("parts", "model", "model_sha256", "device")
_IMAGE_FACTS = ("cells", "smudges", "diameter_px", "uncertainty")


@dataclass(frozen=True)
class SegmentTask:
    """How one image of a batch becomes its files; can be pickled.

    Attributes
    ----------
    image
        The image.
    output
        Folder of the results.
    config, extras
        How to segment, and what to write beside.
    max_pixels
        Largest width times height that is decoded.
    resume
        Go on with a slide that was stopped or killed.
    held
        Sidecar of an earlier result that still holds (`segment_files.holding`); kept, unless it lacks the extras.
    """

    image: InputImage
    output: Path
    config: SegmentConfig
    extras: Extras
    max_pixels: int = MAX_PIXELS
    resume: bool = False
    held: Sidecar | None = None

    def run(self, monitor: Monitor) -> tuple[InputRecord, RunFacts]:
        """Do all three steps; see `read`, `compute` and `write` for what they raise."""
        return self.write(self.compute(self.read(), monitor))

    def read(self) -> Given:
        """Decode the image, unless an earlier result is kept or it is a slide; `ImageError` when it cannot be read."""
        files = ImageFiles.of(self.image, self.output)
        if self.held is not None:
            lacking = set(files.wanted(self.extras)) - set(files.existing)
            if self.held.status == "corrected" or not lacking:
                return self.held
        if is_slide(self.image.path):
            return self.image.path
        return read_image(self.image.path, max_pixels=self.max_pixels)

    def compute(self, given: Given, monitor: Monitor) -> Made:
        """Segment what was read; a slide is written on the way.

        Raises
        ------
        UsageError
            The method cannot do what is asked of it.
        CheckpointError, DependencyError
            The network cannot be had.
        ImageError, SaveError
            Of a slide: it is damaged; the disk refuses.
        Cancelled
            The monitor asks to stop.
        """
        if isinstance(given, Sidecar):
            return given
        if isinstance(given, Path):
            files = ImageFiles.of(self.image, self.output)
            return segment_slide(given, files, self.config, self.extras, monitor, resume=self.resume)
        record, rgb = given
        return record, segment_image(rgb, self.config, monitor)

    def write(self, made: Made) -> tuple[InputRecord, RunFacts]:
        """Measure and write; return the image's record and what it tells about the run.

        Raises
        ------
        UsageError
            The method cannot give the extras. Nothing was written.
        SaveError
            The disk refuses.
        """
        files = ImageFiles.of(self.image, self.output)
        if isinstance(made, Sidecar):
            sidecar, entry = made, _skipped(self.image, made)
        else:
            record, result = made
            entry = InputRecord.of(self.image.name, record)
            if isinstance(result, Sidecar):
                sidecar = result
            else:
                sidecar = write_result(files, result, record, self.extras)
                entry = entry.updated(labels_sha256=sha256_array(result.labels))
        outputs = names([path for path in files.wanted(self.extras) if path.exists()], self.output)
        entry = entry.updated(outputs=outputs, **{name: getattr(sidecar, name) for name in _IMAGE_FACTS})
        return entry, {name: getattr(sidecar, name) for name in _RUN_FACTS}


def _skipped(image: InputImage, sidecar: Sidecar) -> InputRecord:
    return InputRecord(
        image=image.name,
        status="skipped",
        sha256=sidecar.image_sha256,
        shape=sidecar.shape,
        pixel_size_um=sidecar.pixel_size_um,
    )
