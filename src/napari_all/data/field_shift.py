"""By how much one field is shifted against another: phase correlation, and correlation of what both then show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_all.data.transforms import CORNER
from napari_all.types import RGBImage

Plane: TypeAlias = NDArray[np.float32]
Phases: TypeAlias = NDArray[np.complex64]

PLANE_PX = 112
"""Side at which fields are compared; every image is squeezed to it, so images of one size keep one scale."""
_PHASE_PX = 40
_BACKGROUND_PX = 4.0
"""Standard deviation of the blur that is taken off. It takes off uneven light, and cells as mere blobs: of two pictures
with a cell at the same place what is left does not correlate, of one field taken twice it does."""
_TAPER = 0.06
_LOW_PASS = 0.35
_SEARCH_PX = 3
_MIN_SHARE = 0.1


@dataclass(frozen=True)
class Shift:
    """Where the second field lies on the first.

    Attributes
    ----------
    y, x
        Where the second field's upper left corner lies on the first, in sides of the image.
    share
        Share of the image that both show, 0..1.
    correlation
        Pearson's correlation of what both show, -1..1.
    """

    y: float
    x: float
    share: float
    correlation: float


def plane_of(rgb: RGBImage) -> Plane:
    """Return what is compared of an image: (112, 112) float32, its green channel without its slow changes.

    In green both red and white cells are dark; light and background, which every field of a session shares, are taken
    off, and the corner of the scale bar, which lies at one place in every field, is painted over.
    """
    small = cv2.resize(np.ascontiguousarray(rgb[..., 1]), (PLANE_PX, PLANE_PX), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32)
    values[int(PLANE_PX * CORNER[0]) :, int(PLANE_PX * CORNER[1]) :] = np.median(values)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), _BACKGROUND_PX), dtype=np.float32)


def phases_of(plane: Plane) -> Phases:
    """Return the phases of a plane's spectrum at 40 px, with noise at high frequencies turned down."""
    small = cv2.resize(plane, (_PHASE_PX, _PHASE_PX), interpolation=cv2.INTER_AREA)
    spectrum = fft.rfft2((small - small.mean()) * _taper())
    y, x = fft.fftfreq(_PHASE_PX)[:, None], fft.rfftfreq(_PHASE_PX)[None]
    weight = np.exp(-(y**2 + x**2) / (4 * _LOW_PASS**2))  # its square weighs the product of two
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-6) * weight, dtype=np.complex64)


def peaks(one: Phases, others: Phases, at_once: int = 256) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return how far the highest phase correlation with each other field stands out, and where it lies.

    Kuglin and Hines 1975, The phase correlation image alignment method.

    Parameters
    ----------
    one
        (40, 21) from `phases_of`.
    others
        (N, 40, 21).

    Returns
    -------
    heights
        (N,) in standard deviations of the correlation over all shifts.
    places
        (N, 2) y and x of the peak at 40 px.
    """
    heights = np.empty(len(others), np.float32)
    places = np.empty((len(others), 2), np.intp)
    for start in range(0, len(others), at_once):
        some = slice(start, start + at_once)
        product = one * np.conj(others[some])
        found = fft.irfft2(product, s=(_PHASE_PX, _PHASE_PX)).reshape(len(product), -1)
        highest = found.argmax(axis=1)
        # the mean over all shifts is the spectrum's constant term, which is next to nothing
        spread = np.sqrt(np.einsum("ij,ij->i", found, found) / found.shape[1])
        heights[some] = found[np.arange(len(found)), highest] / np.maximum(spread, 1e-12)
        places[some] = np.stack(np.divmod(highest, _PHASE_PX), axis=1)
    return heights, places


def best_shift(first: Plane, second: Plane, y: int, x: int) -> Shift | None:
    """Return the shift that a peak at (y, x) of the phase correlation stands for.

    A phase correlation does not tell a shift by s from one by s − 40, so both are tried, in both directions; the one
    with the most significant correlation (the higher correlation over the larger area) is returned.

    Parameters
    ----------
    first, second
        (112, 112) from `plane_of`.

    Returns
    -------
    None where no shift leaves a tenth of the image in common.
    """
    found = [
        shift
        for dy in (y, y - _PHASE_PX)
        for dx in (x, x - _PHASE_PX)
        if (shift := _compare(first, second, round(dy * PLANE_PX / _PHASE_PX), round(dx * PLANE_PX / _PHASE_PX)))
    ]
    return max(found, key=lambda s: s.correlation * s.share**0.5, default=None)


def _compare(first: Plane, second: Plane, dy: int, dx: int) -> Shift | None:
    """Correlate the second field, laid on the first at (dy, dx) or up to 3 px beside it."""
    side, margin = PLANE_PX, _SEARCH_PX
    top, left = max(dy, 0), max(dx, 0)
    bottom, right = min(side, side + dy), min(side, side + dx)
    if (bottom - top - 2 * margin) * (right - left - 2 * margin) < _MIN_SHARE * side**2:
        return None
    if min(bottom - top, right - left) <= 4 * margin:
        return None
    region = first[top:bottom, left:right]
    part = second[top - dy + margin : bottom - dy - margin, left - dx + margin : right - dx - margin]
    if part.std() < 1e-3 or region.std() < 1e-3:  # nothing to compare in an empty field
        return None
    scores = cv2.matchTemplate(region, np.ascontiguousarray(part), cv2.TM_CCOEFF_NORMED)
    _, correlation, _, (x, y) = cv2.minMaxLoc(scores)
    moved_y, moved_x = dy + y - margin, dx + x - margin
    share = (side - abs(moved_y)) * (side - abs(moved_x)) / side**2
    return Shift(moved_y / side, moved_x / side, share, float(correlation))


@cache
def _taper() -> NDArray[np.float32]:
    """Return a (40, 40) window that falls to zero along the borders, where a field is cut and does not go on."""
    edge = int(_PHASE_PX * _TAPER)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    line = np.concatenate([rise, np.ones(_PHASE_PX - 2 * edge), rise[::-1]])
    return np.outer(line, line).astype(np.float32)
