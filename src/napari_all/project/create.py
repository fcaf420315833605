"""Make a project of a folder of images, with or without masks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_all.data.mask_folder import MaskFolder, MaskPlanes, find_pairs, read_mask
from napari_all.data.mask_items import CELL, CYTOPLASM, NUCLEUS
from napari_all.data.mask_values import MaskCode, MaskParts
from napari_all.errors import FileExistsRefused, ImageError, MaskError
from napari_all.files import sha256_file
from napari_all.io.images import read_image
from napari_all.io.inputs import InputImage, find_images
from napari_all.io.pairing import Pair
from napari_all.io.sidecar import Sidecar, read_sidecar
from napari_all.monitor import Monitor, NullMonitor
from napari_all.project.clock import utc_now
from napari_all.project.index import ImageEntry, write_index
from napari_all.project.layout import Layout
from napari_all.project.loading import load_image
from napari_all.project.log_file import Tail, append_lines
from napari_all.project.log_lines import Save, ValueState
from napari_all.project.manifest import ImageReference, Manifest, folder_reference
from napari_all.project.plane_files import write_image
from napari_all.project.planes import Pixels, Values
from napari_all.segmentation.editing import Mark
from napari_all.types import ImageRecord, Parts


@dataclass(frozen=True)
class Created:
    """What a new project holds: how many images, how many of them with masks, and which masks could not be taken."""

    images: int
    masks: int
    problems: tuple[str, ...]


def create_project(
    folder: Path,
    images: Path,
    masks: Path | None = None,
    *,
    code: MaskCode = "auto",
    parts: MaskParts = "cell",
    who: str = "",
    monitor: Monitor | None = None,
) -> Created:
    """Make a project; the images stay where they are and are referred to by path and SHA-256.

    Parameters
    ----------
    folder
        The new project; may lie inside `images`.
    images
        Folder of the images, searched recursively.
    masks
        Folder of masks to begin from (`napari_all.data.mask_folder.find_pairs`), copied into the project. Those whose
        sidecar says that a person corrected them are corrected in the project, too; others count as predictions.
    code, parts
        What the numbers of masks without a sidecar mean.

    Raises
    ------
    FileExistsRefused
        The folder holds something already.
    UsageError
        There is no image, or the masks cannot be paired with the images.
    SaveError
        The disk refuses. What was made of the project is removed, as it is after a cancel.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsRefused(f"folder {folder.name!r} is not empty; choose a new one for the project")
    watch = monitor or NullMonitor()
    found, pairs = find_sources(images, masks, folder, code, parts)
    layout = Layout(folder.resolve())
    try:
        return _create(layout, images, found, pairs, who, watch)
    except BaseException:
        shutil.rmtree(layout.folder, ignore_errors=True)
        raise


def find_sources(
    images: Path, masks: Path | None, project: Path, code: MaskCode, parts: MaskParts
) -> tuple[Sequence[InputImage], MaskFolder | None]:
    """Return the images, and which have masks."""
    place = project.resolve()
    found = [image for image in find_images([images]) if not image.path.resolve().is_relative_to(place)]
    if masks is None:
        return found, None
    pairs = find_pairs(images, masks, code=code, parts=parts, use_predicted=True)
    known = {pair.image.name for pair in pairs.pairs} | set(pairs.without_mask)
    return [image for image in found if image.name in known], pairs


def _create(
    layout: Layout,
    images: Path,
    found: Sequence[InputImage],
    pairs: MaskFolder | None,
    who: str,
    monitor: Monitor,
) -> Created:
    references, entries, problems = take_images(layout, found, pairs, who, monitor)
    write_index(layout.index, entries)
    reference = folder_reference(images, layout.folder)
    Manifest(images_folder=reference, images=tuple(references)).write(layout.manifest)
    return Created(len(found), sum(entry.status != "none" for entry in entries), tuple(problems))


def take_images(
    layout: Layout, found: Sequence[InputImage], pairs: MaskFolder | None, who: str, monitor: Monitor
) -> tuple[list[ImageReference], list[ImageEntry], list[str]]:
    """Refer to images and copy their masks; return references, rows of the table, and which masks could not be taken.

    Neither the manifest nor the table is written.
    """
    mask_of = {pair.image.name: pair for pair in pairs.pairs} if pairs else {}
    references, entries, problems = [], [], []
    for done, image in enumerate(found):
        monitor.report("images", done, len(found))
        monitor.raise_if_cancelled()
        layout.labels(image.name).parent.mkdir(parents=True, exist_ok=True)  # sub-folders tell a training where to look
        sha256, size = sha256_file(image.path), image.path.stat().st_size
        references.append(ImageReference(image=image.name, sha256=sha256, bytes=size))
        entries.append(ImageEntry(image=image.name))
        if (pair := mask_of.get(image.name)) is not None and pairs is not None:
            try:
                entries[-1] = _take_mask(layout, references[-1], pair, pairs, who)
            except (MaskError, ImageError) as error:
                problems.append(f"{image.name}: {error}")
    monitor.report("images", len(found), len(found))
    return references, entries, problems


def _take_mask(layout: Layout, reference: ImageReference, pair: Pair, pairs: MaskFolder, who: str) -> ImageEntry:
    """Copy a mask into the project as what the image's labels begin from."""
    record, _ = read_image(pair.image.path)
    planes = read_mask(pair, pairs, record.shape)
    sidecar = read_sidecar(pair.mask) or _sidecar(record, planes, pair.image.path.name)
    pixels = _pixels(planes)
    write_image(
        layout.labels(reference.image, "predictions"),
        pixels,
        Values("corrected" if sidecar.status == "corrected" else "predicted"),
        sidecar,
    )
    held = load_image(layout, reference, lambda: record.shape).held
    cells = len(np.unique(pixels.labels[pixels.labels > 0]))
    entry = ImageEntry(image=reference.image, status=held.values.status, cells=cells, uncertainty=sidecar.uncertainty)
    if held.values.status != "corrected":
        return entry
    begin = held.begin.updated(n=1, when=utc_now(), who=who)
    save = Save(n=2, when=utc_now(), who=who, upto=1, planes=begin.planes, state=ValueState.of(held.values), dice=1.0)
    tail, _ = append_lines(layout.log(reference.image), Tail(), [begin, save])
    write_image(layout.labels(reference.image), pixels, held.values, held.sidecar)
    return entry.updated(log_bytes=tail.size, dice=1.0)


def _pixels(planes: MaskPlanes) -> Pixels:
    """Return planes as a project keeps them; in a mask that does not part its cells, touching ones count as one."""
    labels: NDArray[Any] = planes.cells
    if labels.dtype == bool:
        labels = cv2.connectedComponents(labels.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)[1]
    codes = planes.codes
    inside = np.unique(codes[codes > 0])
    classes = (codes > 0) * np.uint8(2) if inside.tolist() == [CELL] else codes
    marks = None if planes.smudges is None else np.where(planes.smudges & (labels == 0), Mark.SMUDGE, Mark.NONE)
    return Pixels.of(labels, classes, planes.ignore, marks)


def _sidecar(record: ImageRecord, planes: MaskPlanes, name: str) -> Sidecar:
    """Return what can be said of a mask that came without a sidecar."""
    codes = set(np.unique(planes.codes).tolist())
    parts: Parts = "nucleus" if NUCLEUS in codes else "cell"
    if CYTOPLASM in codes:
        parts = "nucleus+cytoplasm"
    return Sidecar(image=name, image_sha256=record.sha256, pixel_size_um=record.pixel_size_um, parts=parts)
