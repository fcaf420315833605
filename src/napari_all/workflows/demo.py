"""The demo's work without a window: a sample smear, or given images, segmented and classified into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from napari_all.data.synthetic import make_smear
from napari_all.files import atomic_path
from napari_all.io.inputs import find_images
from napari_all.monitor import Monitor, NullMonitor
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.run_record import RunRecord
from napari_all.workflows.segment import make_config

SAMPLE_FILE = "sample_smear.png"
TABLE_FILE = "subtypes.csv"


@dataclass(frozen=True)
class DemoResult:
    """What the demo made: the images it took and the records of its two runs."""

    images: tuple[Path, ...]
    segmented: RunRecord
    classified: RunRecord


def run_demo(
    inputs: Sequence[str | Path],
    output: Path,
    *,
    method: str = "unet",
    overwrite: bool = False,
    monitor: Monitor | None = None,
) -> DemoResult:
    """Segment and classify; without inputs a synthetic smear, which is written as `sample_smear.png`.

    A second run keeps what the first one made, unless `overwrite` is given.

    Raises
    ------
    UsageError, FileExistsRefused
        As `segment_batch` and `classify_batch`.
    """
    watch = monitor or NullMonitor()
    chosen = list(inputs) or [write_sample(output)]
    resume = not overwrite
    segmented = segment_batch(chosen, output, make_config(method), overwrite=overwrite, resume=resume, monitor=watch)
    classified = classify_batch(
        chosen, output / TABLE_FILE, ClassifyConfig(), overwrite=overwrite, resume=resume, monitor=watch
    )
    return DemoResult(tuple(image.path for image in find_images(chosen)), segmented, classified)


def write_sample(folder: Path) -> Path:
    """Write the synthetic smear; it is the same every time."""
    path = folder / SAMPLE_FILE
    with atomic_path(path) as temporary:
        Image.fromarray(make_smear().rgb).save(temporary, format="PNG")
    return path
