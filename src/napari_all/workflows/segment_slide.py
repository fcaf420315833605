"""Segment an image that does not fit into memory, block by block, into the same files as any other image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all import __version__
from napari_all.errors import UsageError
from napari_all.files import write_json
from napari_all.io.masks import Sidecar, portable
from napari_all.io.pyramid import write_pyramid
from napari_all.io.slides import Slide, open_slide
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.monitor import Monitor
from napari_all.networks.checkpoint import load_checkpoint
from napari_all.segmentation.blocks import MARGIN_DIAMETERS, Block, blocks, claim, on_grid
from napari_all.segmentation.editing.windows import Window
from napari_all.segmentation.inference import scale_of
from napari_all.segmentation.measure import measure_cells
from napari_all.segmentation.methods.unet import shown_px
from napari_all.segmentation.normalise import background_colour
from napari_all.types import ImageRecord, Segmentation
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import Extras, ImageFiles
from napari_all.workflows.slide_work import SlideWork

BLOCK_PX = 4096
"""Side of a block: some 1 GB of memory with all that its segmentation needs."""
_OVERVIEW_PIXELS = 4_000_000
_STAINED, _DARK = 0.15, 0.45
"""Share of the background's light that glass with something on it swallows, and what nuclei do."""
_LOOKS, _LOOK_PX = 3, 2048
"""How many places the diameter is estimated at, and how large they are."""

Found: TypeAlias = Generator[Segmentation, None, None]
"""What is found in windows of a slide, in their order; closing it ends the work on those that were not asked for."""
Finder: TypeAlias = Callable[[Slide, Sequence[Window], SegmentConfig, Monitor], Found]
"""Segments windows of a slide; raises what `segment_image` raises."""


def find_here(slide: Slide, windows: Sequence[Window], config: SegmentConfig, monitor: Monitor) -> Found:
    """Segment windows one after the other, each when it is asked for."""
    for window in windows:
        monitor.raise_if_cancelled()
        yield segment_image(slide.levels[0][window], config, _Quiet(monitor))


def segment_slide(
    path: Path,
    files: ImageFiles,
    config: SegmentConfig,
    extras: Extras,
    monitor: Monitor,
    *,
    resume: bool = False,
    block_px: int = BLOCK_PX,
    find: Finder = find_here,
) -> tuple[ImageRecord, Sidecar]:
    """Segment a slide; memory does not grow with it.

    A cell across blocks is one cell; cells are numbered in the raster order of their first pixels. Blocks of bare glass
    are passed over. The diameter, where it is not given, is estimated once, at the darkest places.

    Parameters
    ----------
    files
        Where the results go; the label image and the classes map are tiled BigTIFF with smaller copies.
    resume
        Go on with a run of the same file and settings that was stopped or killed.
    block_px
        Largest side of a block.
    find
        Who segments the blocks; whose each cell is, is decided here, block after block.

    Raises
    ------
    UsageError
        The method needs whole fields, or extras are asked for.
    ImageError
        The slide cannot be read.
    SaveError
        The disk refuses; what was finished is kept for `resume`.
    Cancelled
        The monitor asks to stop; likewise.
    """
    _check(config, extras)
    with open_slide(path) as slide:
        settings = config.method_settings().model_dump(mode="json")
        network = load_checkpoint(settings["model"], "segmentation")
        facts = {
            "sha256": slide.record.sha256,
            "config": config.model_dump(mode="json"),
            "model": network.sha256,
            "block_px": block_px,
            "software": __version__,
        }
        folder = files.labels.with_name(f".{files.labels.stem}_work")
        work = SlideWork(folder, slide.record.shape, facts, resume=resume)
        small, small_scale = slide.overview(_OVERVIEW_PIXELS)
        light = (small / background_colour(small)).min(axis=2)
        if "diameter_px" not in work.notes:
            work.note(diameter_px=_diameter(slide, light, small_scale, config, monitor, find))
        diameter = float(work.notes["diameter_px"])
        fixed = config.updated(settings=settings | {"diameter_px": diameter})
        monitor.message(f"Cell diameter: {diameter:.0f} px")
        cell_px, align = scale_of(network.card)
        begin = partial(on_grid, scale=cell_px / shown_px(diameter), align=align)
        todo = blocks(slide.record.shape, block_px, int(np.ceil(MARGIN_DIAMETERS * diameter)), begin)
        left = [block for block in todo if block.number not in work.done]
        swallows = light < 1 - _STAINED
        stained = {block.number for block in left if _piece(swallows, block, small_scale).any()}
        windows = [block.window for block in left if block.number in stained]
        with closing(find(slide, windows, fixed, monitor)) as found:
            for block in left:
                monitor.raise_if_cancelled()
                monitor.report("blocks", block.number, len(todo))
                if block.number in stained:
                    _keep(block, next(found), diameter, work)
                else:
                    _pass_over(block, work)
        monitor.report("blocks", len(todo), len(todo))
        sidecar = _write(files, slide.record, work, fixed, config)
    work.remove()
    return slide.record, sidecar


def _check(config: SegmentConfig, extras: Extras) -> None:
    if config.method != "unet":
        raise UsageError(f"method {config.method!r} sets its limits by the whole field; for a slide use unet")
    if config.postprocess.normalise != "none":
        raise UsageError(f"normalise={config.postprocess.normalise} looks at the whole field; for a slide use none")
    asked = [name for name, wanted in extras.model_dump().items() if wanted]
    if asked:
        raise UsageError(f"of a slide no {asked[0]} map is written; cut a region out and segment that")


def _diameter(
    slide: Slide, light: NDArray[Any], small_scale: float, config: SegmentConfig, monitor: Monitor, find: Finder
) -> float:
    """Return the given diameter, or the median of the estimates at the darkest places."""
    given = config.settings.get("diameter_px")
    if given is not None:
        return float(given)
    places = blocks(slide.record.shape, _LOOK_PX, 0)
    dark = [np.count_nonzero(_piece(light, place, small_scale) < 1 - _DARK) for place in places]
    windows = [places[at].window for at in np.argsort(dark, kind="stable")[::-1][:_LOOKS]]
    with closing(find(slide, windows, config, monitor)) as found:
        diameters = [r.diameter_px for r in found if r.labels.any() and r.diameter_px is not None]
    if not diameters:
        raise UsageError("no white cell was found to estimate the diameter by; give diameter_px")
    return round(float(np.median(diameters)), 1)


def _piece(small: NDArray[Any], block: Block, small_scale: float) -> NDArray[Any]:
    """Return what an overview shows of a block's window, a pixel more on each side."""
    rows, columns = (
        slice(max(0, int(side.start * small_scale) - 1), int(np.ceil(side.stop * small_scale)) + 1)
        for side in block.window
    )
    return small[rows, columns]


def _pass_over(block: Block, work: SlideWork) -> None:
    """Bare glass has no cell."""
    empty = np.zeros((0, 0), np.int32)
    work.add(block, empty, empty.astype(np.uint8), [], ())


def _keep(block: Block, found: Segmentation, diameter_px: float, work: SlideWork) -> None:
    """Keep the cells of a block that are its own."""
    kept, claimed = claim(block, found.labels, work.taken(block), diameter_px)
    measured = measure_cells(kept, found.classes, found.parts)
    y0, x0 = (side.start for side in block.window)
    cells = tuple(replace(c, y=c.y + y0, x=c.x + x0) for c in measured)
    _note_run(work, found)
    work.add(block, kept, found.classes, claimed, cells)


def _note_run(work: SlideWork, found: Segmentation) -> None:
    facts = {"parts": found.parts, "model": found.model, "model_sha256": found.model_sha256, "device": found.device}
    if any(work.notes.get(name) != value for name, value in facts.items()):
        work.note(**facts)


def _write(
    files: ImageFiles, record: ImageRecord, work: SlideWork, fixed: SegmentConfig, asked: SegmentConfig
) -> Sidecar:
    """Write the results as of any image; the sidecar comes last and vouches for the others."""
    cells = work.cells
    rows = (cell_row(replace(cell.cell, label=n), record.pixel_size_um) for n, cell in enumerate(cells, start=1))
    write_table(files.cells, CELL_COLUMNS, rows)
    dtype = np.dtype(np.uint16 if len(cells) <= 65_535 else np.uint32)
    size = record.pixel_size_um
    write_pyramid(files.classes, work.read_classes, record.shape, np.dtype(np.uint8), size)
    write_pyramid(files.labels, work.numbered(), record.shape, dtype, size)
    sidecar = Sidecar(
        image=record.path.name if record.path else "",
        image_sha256=record.sha256,
        shape=record.shape,
        pixel_size_um=record.pixel_size_um,
        method=fixed.method,
        settings=portable(asked.method_settings().model_dump(mode="json")),
        postprocess=fixed.postprocess.model_dump(mode="json"),
        cells=len(cells),
        classes=files.classes.name,
        **work.notes,
    )
    write_json(files.sidecar, sidecar.model_dump(mode="json"))
    return sidecar


class _Quiet:
    """Passes on only the wish to stop: the bar counts blocks."""

    def __init__(self, outer: Monitor) -> None:
        self._outer = outer

    def report(self, stage: str, done: int, total: int) -> None:
        """Keep quiet."""

    def message(self, text: str) -> None:
        """Keep quiet: every block would say the same."""

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when a stop was asked for."""
        self._outer.raise_if_cancelled()
