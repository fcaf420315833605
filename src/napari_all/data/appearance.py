"""Groups of images that look as if taken in one session: like stain, like light."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from napari_all.types import RGBImage

_SIDE_PX = 56
_BACKGROUND_PERCENTILE = 75.0
_IMAGES_PER_CLUSTER, _FEWEST, _MOST = 20, 5, 15
"""Clusters of a class: one for 20 images, but 5 to 15, so that a class can be parted into folds. The numbers are a
choice, for nothing in the images tells how many people there were."""


def look_of(rgb: RGBImage) -> NDArray[np.float32]:
    """Describe stain and light of an image: (9,) float32, grey levels.

    Mean red, green and blue of the bright background (the quarter of the pixels whose darkest channel is brightest),
    and mean and standard deviation of each over the whole image.
    """
    small = cv2.resize(rgb, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    pixels = small.reshape(-1, 3).astype(np.float32)
    darkest = pixels.min(axis=1)
    background = pixels[darkest >= np.percentile(darkest, _BACKGROUND_PERCENTILE)]
    return np.concatenate([background.mean(axis=0), pixels.mean(axis=0), pixels.std(axis=0)]).astype(np.float32)


def appearance_clusters(
    looks: NDArray[np.float32], labels: Sequence[int], together: Sequence[int], names: Sequence[str]
) -> list[str]:
    """Cluster the images of each class by how they look (Ward 1963, doi 10.1080/01621459.1963.10500845).

    A cluster stands in for the session or the person that a dataset does not name. It is a guess: one person may be
    in several clusters, and one cluster may hold several people.

    Parameters
    ----------
    looks
        (N, 9) from `look_of`.
    labels
        Class of each image; images of two classes never share a cluster.
    together
        Overlap group of each image; images of one group and class share a cluster, for they are of one person.
    names
        Name of each class, by which its clusters are called.

    Returns
    -------
    `<name>-<number>` for each image, numbered from the largest cluster of its class on.
    """
    classes, fields = np.asarray(labels), np.asarray(together)
    found = [""] * len(classes)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        _, field = np.unique(fields[members], return_inverse=True)
        sizes = np.bincount(field)
        own = looks[members].astype(np.float64)
        own = (own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-6)
        means = np.stack([np.bincount(field, weights=column) / sizes for column in own.T], axis=1)
        which = _wards(means, _clusters_for(len(members)))[field]
        values, counts = np.unique(which, return_counts=True)
        rank = {value: k for k, value in enumerate(values[np.argsort(-counts, kind="stable")])}
        for member, value in zip(members, which, strict=True):
            found[member] = f"{names[label]}-{rank[value]}"
    return found


def _clusters_for(images: int) -> int:
    return min(max(images // _IMAGES_PER_CLUSTER, _FEWEST), _MOST)


def _wards(points: NDArray[np.float64], clusters: int) -> NDArray[np.int64]:
    """Return the cluster of each point; each its own where there are no more points than clusters."""
    if len(points) <= clusters:
        return np.arange(len(points))
    return np.asarray(fcluster(linkage(points, "ward"), clusters, "maxclust"), dtype=np.int64)
