"""The files that hold one image's segmentation: their names, how they are written, whether earlier ones still hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from pydantic import Field

from napari_all.config import Settings
from napari_all.errors import UsageError
from napari_all.files import inside
from napari_all.io.inputs import InputImage
from napari_all.io.masks import (
    CLASSES_ENDING,
    LABELS_ENDING,
    SMUDGES_ENDING,
    UNCERTAINTY_ENDING,
    write_labels,
    write_numbers,
    write_plane,
)
from napari_all.io.sidecar import Sidecar, portable, read_sidecar, sidecar_for, sidecar_path
from napari_all.io.slides import content_sha256
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.monitor import Monitor
from napari_all.networks.zoo import weights_sha256
from napari_all.segmentation.measure import measure_cells
from napari_all.types import ImageRecord, Segmentation
from napari_all.workflows.segment import SegmentConfig

CELLS_ENDING = "_cells.csv"


class Extras(Settings):
    """What is written of each image beside labels, classes map and table."""

    uncertainty: bool = Field(False, description="Write how unsure the network is of each pixel")
    smudges: bool = Field(False, description="Write the smudge cells that were left out")


@dataclass(frozen=True)
class ImageFiles:
    """Where the results of one image lie."""

    labels: Path
    classes: Path
    cells: Path
    uncertainty: Path
    smudges: Path
    sidecar: Path

    @classmethod
    def of(cls, image: InputImage, output: Path) -> ImageFiles:
        """Name the files after the image; `UsageError` when they would leave the folder."""
        stem = PurePosixPath(image.stem)
        folder = inside(output, str(stem.parent))
        labels = folder / f"{stem.name}{LABELS_ENDING}"
        return cls(
            labels=labels,
            classes=folder / f"{stem.name}{CLASSES_ENDING}",
            cells=folder / f"{stem.name}{CELLS_ENDING}",
            uncertainty=folder / f"{stem.name}{UNCERTAINTY_ENDING}",
            smudges=folder / f"{stem.name}{SMUDGES_ENDING}",
            sidecar=sidecar_path(labels),
        )

    @property
    def existing(self) -> list[Path]:
        """Those that are there."""
        return [path for path in vars(self).values() if path.exists()]

    def wanted(self, extras: Extras) -> list[Path]:
        """Those that a run with these extras makes."""
        left_out = [getattr(self, name) for name, asked in extras.model_dump().items() if not asked]
        return [path for path in vars(self).values() if path not in left_out]


def names(paths: list[Path], output: Path) -> list[str]:
    """Return POSIX paths relative to the output folder."""
    return [p.relative_to(output.resolve()).as_posix() for p in paths]


def write_result(files: ImageFiles, result: Segmentation, record: ImageRecord, extras: Extras) -> Sidecar:
    """Write the results of one image and return their sidecar; what an earlier run wrote besides is removed.

    Raises
    ------
    UsageError
        The method or its model cannot give what is asked for. Nothing was written.
    SaveError
        The disk refuses.
    """
    if extras.uncertainty and result.uncertainty_map is None:
        raise UsageError(f"method {result.method!r} knows no uncertainty; leave it out or use a network (unet)")
    if extras.smudges and result.smudges is None:
        maker = f"model {result.model!r}" if result.model else f"method {result.method!r}"
        raise UsageError(
            f"{maker} does not tell smudge cells from others; leave smudges out or give a model that was taught them"
        )
    cells = measure_cells(result.labels, result.classes, result.parts)
    write_table(files.cells, CELL_COLUMNS, (cell_row(c, record.pixel_size_um) for c in cells))
    if extras.uncertainty and result.uncertainty_map is not None:
        write_plane(files.uncertainty, result.uncertainty_map, record.pixel_size_um)
    if extras.smudges and result.smudges is not None:
        write_numbers(files.smudges, result.smudges, record.pixel_size_um)
    for stale in set(files.existing) - set(files.wanted(extras)):
        stale.unlink()
    sidecar = sidecar_for(result, record).updated(cells=len(cells))
    # The sidecar comes last: where it stands, the others are whole.
    write_labels(files.labels, result.labels, sidecar, result.classes)
    return sidecar


def holding(images: Sequence[InputImage], output: Path, config: SegmentConfig, monitor: Monitor) -> dict[str, Sidecar]:
    """Return the sidecars of earlier results that still hold, by the image's name.

    One holds when it was made from the same file with the same settings and weights, or corrected by a person.

    Raises
    ------
    MaskError
        A sidecar is damaged.
    CheckpointError
        There are earlier results, but not the network.
    Cancelled
        The monitor asks to stop.
    """
    settings = config.method_settings().model_dump(mode="json")
    wanted = (config.method, portable(settings), config.postprocess.model_dump(mode="json"))
    model, identity = settings.get("model"), cache(weights_sha256)
    held = {}
    for number, image in enumerate(images):
        monitor.report("earlier results", number, len(images))
        monitor.raise_if_cancelled()
        files = ImageFiles.of(image, output)
        sidecar = read_sidecar(files.labels) if files.labels.exists() else None
        if sidecar is None or sidecar.image_sha256 != content_sha256(image.path):
            continue
        same = (sidecar.method, sidecar.settings, sidecar.postprocess) == wanted
        if model:
            same = same and identity(model) == sidecar.model_sha256
        if same or sidecar.status == "corrected":
            held[image.name] = sidecar
    return held
