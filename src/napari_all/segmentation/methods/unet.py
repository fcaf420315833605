"""A trained network: cells and, where it was taught to, their nuclei and smudge cells, at any magnification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.config import Settings
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.device import DeviceSetting
from napari_all.segmentation.diameter import estimate_diameter
from napari_all.segmentation.method import Preset, RawSegmentation, SegmentationMethod
from napari_all.segmentation.nucleus_edge import snap_nuclei
from napari_all.types import ClassesMap, RGBImage

if TYPE_CHECKING:
    from napari_all.segmentation.inference import SegmentationNetwork


class UNetSettings(Settings):
    """Which network runs, where, and at what scale."""

    model: str = Field(
        "smear-unet",
        description="Name of a model on this machine (napari-all models list) or path of a .safetensors file",
    )
    diameter_px: float | None = Field(
        None, ge=4.0, le=2000.0, description="Diameter of a typical white cell in pixels; none = estimated"
    )
    device: DeviceSetting = Field("auto", description="Where the network runs; auto takes a GPU if there is one")
    tile_px: int = Field(
        640, ge=256, le=4096, description="Largest tile in the network's pixels; smaller needs less memory"
    )
    batch_size: int = Field(4, ge=1, le=64, description="Tiles per step; smaller needs less memory")
    flips: bool = Field(False, description="Average over flipped copies: four times slower, a little more exact")


SMALL_CELL_PX = 40.0
SMALL_CELL_NOTE = (
    "Nucleus and cytoplasm: in cells this small one pixel of their border moves the nucleus/cell ratio by several "
    "percent; do not rely on the ratio of a single cell"
)

_FINER, _FINER_FROM_PX, _FINER_TO_PX = 0.8, 40.0, 60.0
"""Large cells are shown to the network so much larger than it is used to, cells between the two sizes less so: else one
of its pixels spans several of the image's, and outlines come out coarse. On `wbc-zheng` (51 to 211 px) that adds 0.001
and 0.004 to the Dice of whole cells, and something to that of nuclei."""

NO_DIAMETER = "Cell diameter: no white cell to estimate it from; the image is looked at unscaled"


def shown_px(diameter_px: float) -> float:
    """Return the diameter by which an image is scaled for the network; a smaller one shows it larger."""
    grown = np.clip((diameter_px - _FINER_FROM_PX) / (_FINER_TO_PX - _FINER_FROM_PX), 0.0, 1.0)
    return diameter_px * (1.0 - (1.0 - _FINER) * float(grown))


def _run(rgb: RGBImage, settings: Settings, monitor: Monitor) -> RawSegmentation:
    from napari_all.segmentation.inference import load_network, segment_tiled

    assert isinstance(settings, UNetSettings)
    monitor.raise_if_cancelled()
    network = load_network(settings.model, settings.device)
    monitor.message(network.device.line)
    diameter = settings.diameter_px
    if diameter is None:
        found = _estimated(rgb, network, settings, monitor)
        diameter = network.cell_px if found is None else found
        monitor.message(NO_DIAMETER if found is None else f"Cell diameter: {diameter:.0f} px (estimated)")
    parts = network.outputs.parts
    if parts == "nucleus+cytoplasm" and diameter < SMALL_CELL_PX:
        monitor.message(SMALL_CELL_NOTE)
    shown = shown_px(diameter)
    maps = segment_tiled(rgb, network, shown, settings.tile_px, settings.batch_size, monitor, settings.flips)
    monitor.raise_if_cancelled()
    sharp = parts == "nucleus+cytoplasm" and diameter >= SMALL_CELL_PX
    return RawSegmentation(
        classes=snap_nuclei(rgb, maps.classes) if sharp else maps.classes,
        uncertainty=maps.uncertainty,
        foreground=maps.foreground,
        smudge=maps.smudge,
        parts=parts,
        diameter_px=diameter,
        model=network.card.name,
        model_sha256=network.sha256,
        device=network.device.name,
    )


def _estimated(rgb: RGBImage, network: SegmentationNetwork, settings: UNetSettings, monitor: Monitor) -> float | None:
    """Return the estimated diameter; None without any cell."""
    from napari_all.segmentation.inference import segment_tiled

    def segment(window: RGBImage, assumed: float) -> tuple[ClassesMap, NDArray[np.uint8]]:
        monitor.raise_if_cancelled()
        maps = segment_tiled(window, network, assumed, settings.tile_px, settings.batch_size, NullMonitor())
        cells = maps.classes if maps.smudge is None else np.where(maps.smudge, np.uint8(0), maps.classes)
        return cells, maps.uncertainty

    found = estimate_diameter(rgb, segment, lambda done, total: monitor.report("estimate", done, total))
    return None if found is None else round(found, 1)


ENTRY = SegmentationMethod(
    name="unet",
    title="U-Net",
    summary="Trained network that tells nucleus, cytoplasm and background apart at any magnification.",
    parts="nucleus+cytoplasm",
    settings=UNetSettings,
    presets={"default": Preset(UNetSettings(), summary="Bundled model, cell diameter estimated from each image")},
    run=_run,
    in_engine=True,
    by_blocks=True,
)
