"""Groups of images that look as if taken in one session: like stain, like light, the same kind of scale bar."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from napari_all.data.transforms import CORNER
from napari_all.types import RGBImage

_SIDE_PX = 112
_WHITE_CELL_A = 14.0
"""a* (CIE Lab, above the background's) from which a pixel is taken for a white cell, whose kind must not decide."""
_MARK_WEIGHT = 60.0
"""Units of Lab that the whole corner changing its ink counts for."""
_APART = 60.0
"""Ward's distance up to which clusters are joined; see docs/results/overlap_groups.json for what it was chosen by."""


def look_of(rgb: RGBImage) -> NDArray[np.float32]:
    """Describe the session that an image seems to be of, not what it shows.

    Returns
    -------
    (12,) float32: mean Lab of the background and of the red cells, how the background's Lab differs between centre
    and border, shares of dark, white and red ink in the lower right corner; all in units of Lab.
    """
    small = cv2.resize(rgb, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    corner = np.s_[int(_SIDE_PX * CORNER[0]) :, int(_SIDE_PX * CORNER[1]) :]
    field = np.ones(lab.shape[:2], np.bool_)
    field[corner] = False
    light = lab[..., 0]
    bright = field & (light >= np.percentile(light[field], 75))
    back = lab[bright].mean(axis=0)
    red = field & (light < back[0] - 8.0) & (lab[..., 1] - back[1] < _WHITE_CELL_A)
    cells = lab[red].mean(axis=0) if red.sum() >= 20 else back
    y, x = np.mgrid[-1 : 1 : _SIDE_PX * 1j, -1 : 1 : _SIDE_PX * 1j]
    border = np.hypot(y, x) > 1.0
    fall = lab[bright & border].mean(axis=0) - back if (bright & border).any() else np.zeros(3)
    return np.concatenate([back, cells, fall, _ink(small[corner])]).astype(np.float32)


def appearance_clusters(looks: NDArray[np.float32], labels: Sequence[int], names: Sequence[str]) -> list[str]:
    """Cluster the images of each class by how they look (Ward's method, to a fixed distance).

    A cluster stands in for the session or the person that a dataset does not name. It is a guess: one person may be
    in several clusters, and one cluster may hold several people.

    Parameters
    ----------
    looks
        (N, 12) from `look_of`.
    labels
        Class of each image; images of two classes never share a cluster.
    names
        Name of each class, by which its clusters are called.

    Returns
    -------
    `<name>-<number>` for each image, numbered from the largest cluster of its class on.
    """
    classes = np.asarray(labels)
    found = [""] * len(classes)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        which = np.ones(1, np.int64)
        if len(members) > 1:
            which = fcluster(linkage(looks[members], "ward"), _APART, "distance")
        values, counts = np.unique(which, return_counts=True)
        rank = {value: k for k, value in enumerate(values[np.argsort(-counts, kind="stable")])}
        for member, value in zip(members, which, strict=True):
            found[member] = f"{names[label]}-{rank[value]}"
    return found


def _ink(corner: RGBImage) -> NDArray[np.float64]:
    """Return the shares of dark, white and red pixels of the corner, in units of Lab."""
    values = corner.astype(np.int32)
    dark = values.max(axis=2) < 90
    white = values.min(axis=2) > 248
    red = values[..., 0] - values[..., 1:].max(axis=2) > 45
    return _MARK_WEIGHT * np.array([kind.mean() for kind in (dark, white, red)])
