"""Put the probabilities of tiles together on the image's pixels, and decide there, on the device that computed them.

What then goes back to main memory is three or four bytes a pixel; the probabilities would be four for each output.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.networks.device import import_torch
from napari_all.segmentation.outputs import Outputs
from napari_all.segmentation.tiles import Grid, Span

if TYPE_CHECKING:
    import torch


def lay(p: torch.Tensor, grid: Grid, row: Span, column: Span) -> torch.Tensor:
    """Resample a tile's values to the image pixels under it, weighted so that those of all tiles add up.

    Parameters
    ----------
    p
        (C, tile, tile) float32; what comes back is (C, Y, X) on the same device.
    """
    torch = import_torch()
    # -1 and 1 are the centres of the first and the last pixel
    down, across = (
        _like(p, grid.positions(span, axis) * (2.0 / (span.stop - span.start - 1)) - 1.0)
        for axis, span in enumerate((row, column))
    )
    at = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)
    laid = torch.nn.functional.grid_sample(p[None], at[None], mode="bilinear", align_corners=True)[0]
    laid *= _like(p, grid.weights(row, 0))[:, None]
    laid *= _like(p, grid.weights(column, 1))
    return laid  # type: ignore[no-any-return]


def weights(like: torch.Tensor, grid: Grid, row: Span, column: Span) -> torch.Tensor:
    """Return what a tile counts for the image pixels under it, (Y, X), of the type and on the device of another."""
    return _like(like, grid.weights(row, 0))[:, None] * _like(like, grid.weights(column, 1))


def _like(p: torch.Tensor, values: NDArray[np.floating]) -> torch.Tensor:
    """Values as a tensor of the type and on the device of another."""
    return import_torch().from_numpy(values).to(p, non_blocking=True)  # type: ignore[no-any-return]


def decide(p: torch.Tensor, outputs: Outputs) -> list[torch.Tensor]:
    """Decide pixels by their probabilities (outputs, Y, X); may use up `p`.

    A pixel is background only where that beats the whole cell, smudged or not; a smudged pixel keeps the likelier
    part, for it may turn out to lie in a whole cell.

    Returns
    -------
    The maps of `PixelMaps` in its order, each (Y, X); without the one of smudge cells where they cannot be told.
    """
    torch = import_torch()
    cell = _sum(p[1 : outputs.count - outputs.smudge])
    foreground = (cell + p[-1] if outputs.smudge else cell) > p[0]
    classes = foreground.to(torch.uint8) * NUCLEUS
    if outputs.parts == "nucleus+cytoplasm":
        classes[foreground & (p[2] <= p[1])] = CYTOPLASM
    smudge = [foreground & (p[-1] > cell)] if outputs.smudge else []
    entropy = _sum(p.clamp_min(1e-6).log_().mul_(p)) * (-1.0 / np.log(outputs.count))
    return [classes, _byte(entropy), _byte(cell), *smudge]


def _sum(p: torch.Tensor) -> torch.Tensor:
    *_, total = accumulate(p.unbind())  # plane by plane: quicker than a reduction over the first of three axes
    return total


def _byte(share: torch.Tensor) -> torch.Tensor:
    """0..1 as 0..255, rounded."""
    return (share * 255.0).add_(0.5).clamp_(0.0, 255.0).to(import_torch().uint8)
