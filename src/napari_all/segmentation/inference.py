"""Run a segmentation network on an image of any size: load once, tile, blend, resize back, decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import CheckpointError, UsageError
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import ModelCard, load_checkpoint
from napari_all.networks.cuda import Fetched, Recorded, fetch, send
from napari_all.networks.device import DeviceChoice, DeviceSetting, choose_device, cpu_has_bfloat16, import_torch
from napari_all.networks.rebuild import rebuild
from napari_all.segmentation.blend import decide, lay, weights
from napari_all.segmentation.normalise import background_colour
from napari_all.segmentation.outputs import Outputs, PixelMaps
from napari_all.segmentation.tiles import ALIGN, Grid, Span, bands
from napari_all.types import RGBImage

if TYPE_CHECKING:
    import torch

_LEAST_TILE_PX = 256


@dataclass(frozen=True)
class SegmentationNetwork:
    """A loaded network on its device.

    Attributes
    ----------
    card, sha256
        Description and identity of the weights.
    outputs
        What its outputs mean.
    align
        Sides and starts of its tiles are multiples of this.
    device
        Where it runs and why.
    """

    card: ModelCard
    sha256: str
    outputs: Outputs
    align: int
    device: DeviceChoice
    _compute: Callable[[torch.Tensor], torch.Tensor]

    @property
    def cell_px(self) -> float:
        """Diameter in pixels at which the network was trained to see cells."""
        return scale_of(self.card)[0]

    def predict(self, tiles: NDArray[np.uint8]) -> torch.Tensor:
        """Return probabilities (N, outputs, Y, X) float32 on the device for (N, Y, X, 3) uint8 RGB.

        Y and X are multiples of `align`. A GPU is still computing them when this returns.
        """
        if self.device.name == "cuda":
            return self._compute(send(tiles))
        torch = import_torch()
        x = torch.from_numpy(tiles).to(self.device.name)
        # one tile after the other on a CPU: its cache holds what a batch would push out, which is a fifth quicker
        parts = x.split(1 if self.device.name == "cpu" else len(x))
        return torch.cat([self._compute(part) for part in parts])  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Probabilities:
    """From (N, Y, X, 3) uint8 to what `predict` returns, both on the device."""

    module: torch.nn.Module
    autocast: Callable[[], Any]
    mean: torch.Tensor
    std: torch.Tensor

    def __call__(self, tiles: torch.Tensor) -> torch.Tensor:
        x = tiles.permute(0, 3, 1, 2).float()  # channels last, as the tiles are
        with self.autocast():
            logits = self.module(x.div_(255.0).sub_(self.mean).div_(self.std))
        return logits.float().contiguous().softmax(1)  # type: ignore[no-any-return]


def scale_of(card: ModelCard) -> tuple[float, int]:
    """Return the cell diameter in pixels at which a network sees cells, and the multiple at which its tiles begin.

    Needs no torch; raises `CheckpointError` when the card does not tell.
    """
    if not isinstance(card.extra.get("cell_diameter_px"), int | float):
        raise CheckpointError(
            f"the card of {card.name!r} does not say at what size the network sees cells; "
            f"add the diameter in pixels as 'cell_diameter_px' to its 'extra', or train the model again"
        )
    backbone = BACKBONES[card.backbone]
    return float(card.extra["cell_diameter_px"]), max(ALIGN, backbone.stride(backbone.options.parse(card.options)))


def load_network(model: str, device: DeviceSetting) -> SegmentationNetwork:
    """Load a segmentation model by name or path onto a device; kept in memory while its file stays the same.

    Raises
    ------
    CheckpointError
        Missing, damaged or of another task.
    UsageError
        The device is not there.
    DependencyError
        Torch cannot be imported.
    """
    checkpoint = load_checkpoint(model, "segmentation")
    return _build(model, checkpoint.sha256, device)


@lru_cache(maxsize=2)
def _build(model: str, sha256: str, device: DeviceSetting) -> SegmentationNetwork:
    torch = import_torch()
    choice = choose_device(device)
    checkpoint = load_checkpoint(model, "segmentation")
    card = checkpoint.card
    _, align = scale_of(card)
    outputs, backbone = Outputs.of(card.classes), BACKBONES[card.backbone]
    module = backbone.for_inference(rebuild(checkpoint)).to(choice.name).to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(v, device=choice.name).view(1, 3, 1, 1) for v in (card.input.mean, card.input.std))
    compute = _Probabilities(module, _autocast(torch, choice.name), mean, std)
    return SegmentationNetwork(
        card, sha256, outputs, align, choice, Recorded(compute) if choice.name == "cuda" else compute
    )


def _autocast(torch: Any, device: str) -> Callable[[], Any]:
    """Mixed precision where the hardware computes in it: float16 on CUDA, bfloat16 on CPUs that have it."""
    if device == "cuda":
        return lambda: torch.autocast("cuda", torch.float16)
    return lambda: torch.autocast("cpu", torch.bfloat16, enabled=device == "cpu" and cpu_has_bfloat16())


def segment_tiled(
    rgb: RGBImage,
    network: SegmentationNetwork,
    diameter_px: float,
    tile_px: int,
    batch_size: int,
    monitor: Monitor,
    flips: bool = False,
) -> PixelMaps:
    """Segment an image at the scale where its cells have the network's diameter.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    diameter_px
        Cell diameter in the image's pixels.
    tile_px, batch_size
        Largest tile side (network's pixels) and tiles per step; they bound the memory above image and result.
    flips
        Average over the four flips.
    """
    torch = import_torch()
    while True:
        try:
            with torch.inference_mode():
                return _segment(rgb, network, diameter_px, tile_px, batch_size, monitor, flips)
        except torch.cuda.OutOfMemoryError:
            if batch_size > 1:
                batch_size //= 2
            elif tile_px >= 2 * _LEAST_TILE_PX:
                tile_px //= 2
            else:
                raise UsageError(f"the GPU cannot hold one tile of {_LEAST_TILE_PX} px; choose device=cpu") from None
        torch.cuda.empty_cache()
        monitor.message(f"GPU memory is short: going on with tiles of {tile_px} px, {batch_size} at a time")


def _segment(
    rgb: RGBImage,
    network: SegmentationNetwork,
    diameter_px: float,
    tile_px: int,
    batch_size: int,
    monitor: Monitor,
    flips: bool,
) -> PixelMaps:
    torch = import_torch()
    align, count, width = network.align, network.outputs.count, rgb.shape[1]
    tile = max(_LEAST_TILE_PX, tile_px // align * align)
    overlap = min(4 * align, tile // 4 // align * align)
    grid = Grid.of(rgb.shape[:2], network.cell_px / diameter_px, tile, overlap, align)
    maps = PixelMaps.empty(rgb.shape[:2], network.outputs)
    total, done = len(grid.rows) * len(grid.columns), 0
    carried = torch.zeros((count, 0, width), device=network.device.name)
    coming: tuple[slice, Fetched] | None = None
    glass = background_colour(rgb)
    for row, first, complete in bands(grid):
        band = carried.new_zeros((count, grid.image_range(row, 0)[1] - first, width))
        band[:, : carried.shape[1]] = carried
        shown = []
        for column in grid.columns:
            if grid.is_bare(rgb, row, column, glass):  # background, without asking the network
                band[0, :, slice(*grid.image_range(column, 1))] += weights(band, grid, row, column)
            else:
                shown.append(column)
        if len(shown) < len(grid.columns):
            done += len(grid.columns) - len(shown)
            monitor.report("segment", done, total)
        for at in range(0, len(shown), batch_size):
            monitor.raise_if_cancelled()
            columns = shown[at : at + batch_size]
            for column, p in zip(columns, _probabilities(rgb, network, grid, row, columns, flips), strict=True):
                band[:, :, slice(*grid.image_range(column, 1))] += lay(p, grid, row, column)
            done += len(columns)
            monitor.report("segment", done, total)
        if coming:  # only now, so that a GPU has work while the result of its last is fetched and filled in
            maps.fill(coming[0], coming[1]())
        coming = slice(first, complete), fetch(decide(band[:, : complete - first], network.outputs))
        carried = band[:, complete - first :]
    if coming:
        maps.fill(coming[0], coming[1]())
    return maps


def _probabilities(
    rgb: RGBImage, network: SegmentationNetwork, grid: Grid, row: Span, columns: Sequence[Span], flips: bool
) -> torch.Tensor:
    tiles = np.stack([grid.cut(rgb, row, column) for column in columns])
    if not flips:
        return network.predict(tiles)
    views = []
    for axes in ((), (1,), (2,), (1, 2)):
        turned = network.predict(np.ascontiguousarray(np.flip(tiles, axes)))
        views.append(turned.flip([axis + 1 for axis in axes]))
    return import_torch().stack(views).mean(0)  # type: ignore[no-any-return]
