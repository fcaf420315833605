"""Segment an image that does not fit into memory, block by block, into the same files as any other image."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_all import __version__
from napari_all.files import write_json
from napari_all.io.pyramid import write_pyramid
from napari_all.io.sidecar import Sidecar, portable
from napari_all.io.slides import Slide, open_slide
from napari_all.io.tables import CELL_COLUMNS, cell_row, write_table
from napari_all.monitor import Monitor
from napari_all.networks.checkpoint import Checkpoint, load_checkpoint
from napari_all.networks.device import shared_threads
from napari_all.segmentation.blocks import MARGIN_DIAMETERS, Block, blocks, claim, on_grid
from napari_all.segmentation.editing.windows import Window
from napari_all.segmentation.inference import load_network, scale_of
from napari_all.segmentation.measure import measure_cells
from napari_all.segmentation.methods.unet import UNetSettings, shown_px
from napari_all.types import ImageRecord, Segmentation
from napari_all.workflows.segment import SegmentConfig, segment_image
from napari_all.workflows.segment_files import Extras, ImageFiles
from napari_all.workflows.slide_plan import Finder, Found, Overview, check_for_slides, fix
from napari_all.workflows.slide_work import SlideWork

BLOCK_PX = 2304
"""Side of a block: some 0.4 GB of memory with all that its segmentation needs."""
_AT_ONCE = 2
"""So many blocks are segmented at the same time: while the cells of one are cut apart, the network sees the other."""
_FIXED = "fixed"
"""Name of the note that keeps the settings found for the whole slide."""


def find_here(slide: Slide, windows: Sequence[Window], config: SegmentConfig, monitor: Monitor) -> Found:
    """Segment windows, two at the same time, the next ones before they are asked for. A `Finder`."""
    quiet = _Quiet(monitor)

    def segment(window: Window) -> Segmentation:
        monitor.raise_if_cancelled()
        return segment_image(slide.levels[0][window], config, quiet)

    with ExitStack() as stack:
        settings, begin = config.method_settings(), None
        if isinstance(settings, UNetSettings):
            load_network(settings.model, settings.device)  # once, before several ask for it
            begin = stack.enter_context(shared_threads(_AT_ONCE))
        pool = ThreadPoolExecutor(_AT_ONCE, "blocks", initializer=begin)
        stack.callback(pool.shutdown, cancel_futures=True)
        running: deque[Future[Segmentation]] = deque()
        left = deque(windows)
        while running or left:
            while left and len(running) <= _AT_ONCE:
                running.append(pool.submit(segment, left.popleft()))
            monitor.raise_if_cancelled()
            yield running.popleft().result()


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
    are passed over. What is automatic (diameter, limits of colour) is found once, at the darkest places.

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
    check_for_slides(config, extras)
    with open_slide(path) as slide:
        model = config.method_settings().model_dump().get("model")
        network = None if model is None else load_checkpoint(model, "segmentation")
        facts = {
            "sha256": slide.record.sha256,
            "config": config.model_dump(mode="json"),
            "model": network and network.sha256,
            "block_px": block_px,
            "software": __version__,
        }
        folder = files.labels.with_name(f".{files.labels.stem}_work")
        work = SlideWork(folder, slide.record.shape, facts, resume=resume)
        overview = Overview.of(slide)
        if _FIXED not in work.notes:
            fixed, diameter = fix(slide, overview, config, monitor, find)
            work.note(**{_FIXED: fixed.model_dump(mode="json"), "diameter_px": diameter})
        fixed, diameter = SegmentConfig.parse(work.notes[_FIXED]), float(work.notes["diameter_px"])
        monitor.message(f"Cell diameter: {diameter:.0f} px")
        todo = _blocks(slide.record.shape, block_px, diameter, network)
        left = [block for block in todo if block.number not in work.done]
        stained = {block.number for block in left if overview.is_stained(block.window)}
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
        sidecar = _write(files, slide.record, work, config)
    work.remove()
    return slide.record, sidecar


def _blocks(shape: tuple[int, int], block_px: int, diameter_px: float, network: Checkpoint | None) -> list[Block]:
    margin = int(np.ceil(MARGIN_DIAMETERS * diameter_px))
    if network is None:
        return blocks(shape, block_px, margin)
    cell_px, align = scale_of(network.card)
    return blocks(shape, block_px, margin, partial(on_grid, scale=cell_px / shown_px(diameter_px), align=align))


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


def _write(files: ImageFiles, record: ImageRecord, work: SlideWork, config: SegmentConfig) -> Sidecar:
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
        method=config.method,
        settings=portable(config.method_settings().model_dump(mode="json")),
        postprocess=config.postprocess.model_dump(mode="json"),
        cells=len(cells),
        classes=files.classes.name,
        **{name: value for name, value in work.notes.items() if name != _FIXED},
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
