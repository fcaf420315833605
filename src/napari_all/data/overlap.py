"""Which images of a folder show one field or parts of it, and which look alike: what a split must not part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_all.classes import SUBTYPES, ClassScheme
from napari_all.data.appearance import appearance_clusters, look_of
from napari_all.data.dataset import LabelledImage
from napari_all.data.field_shift import Phases, Plane, Shift, best_shift, peaks, phases_of, plane_of
from napari_all.data.group_table import GroupRow, write_groups
from napari_all.io.images import read_image
from napari_all.monitor import Monitor, NullMonitor

_CANDIDATE_HEIGHT = 4.5
"""Peak of the phase correlation from which a pair is looked at closely: about 1 % of unrelated pairs."""
_LARGE_SHARE, _LARGE_CORRELATION, _SMALL_CORRELATION = 0.5, 0.48, 0.6
"""What both fields show must correlate so; more where they share less, for few cells can agree by chance. Pairs of the
Taleqani dataset that do overlap were seen from 0.49 (0.65 where they share less than half), unrelated ones up to 0.29
(0.46); pictures of single cells in the middle, which resemble each other most, up to 0.47."""


@dataclass(frozen=True)
class OverlapPair:
    """Two images, by their positions, that overlap, and where the second lies on the first."""

    first: int
    second: int
    shift: Shift


@dataclass(frozen=True)
class Overlaps:
    """What must not be parted in a list of images.

    Attributes
    ----------
    pairs
        Pairs of images that overlap.
    groups
        For each image the number of its overlap group, from 0 on by first image; images of one group overlap each
        other directly or through others.
    clusters
        For each image the name of its appearance cluster.
    """

    pairs: tuple[OverlapPair, ...]
    groups: tuple[int, ...]
    clusters: tuple[str, ...]


def find_overlaps(
    images: Sequence[LabelledImage], monitor: Monitor | None = None, scheme: ClassScheme = SUBTYPES
) -> Overlaps:
    """Find overlapping images and appearance clusters in a dataset.

    Every pair is compared by phase correlation of small pictures; the pairs that stand out are verified by the
    correlation of what both show. Fields must be of one magnification and orientation, as those of one microscope
    are, and share about a fifth of the image. Images that are copies of each other are found as well. Pictures of one
    cell each, centred, may now and then be taken for one field.

    Parameters
    ----------
    images
        The dataset; files are read once each.
    monitor
        Hears of the progress and may stop it.

    Raises
    ------
    ImageError
        A file cannot be read.
    Cancelled
        The monitor asks to stop.
    """
    watch = monitor or NullMonitor()
    planes, looks = [], []
    for number, image in enumerate(images):
        watch.raise_if_cancelled()
        watch.report("reading images", number, len(images))
        rgb = read_image(image.path)[1]
        planes.append(plane_of(rgb))
        looks.append(look_of(rgb))
    watch.report("reading images", len(images), len(images))
    pairs = tuple(_pairs(planes, watch))
    groups = groups_of(len(images), pairs)
    labels = [image.label for image in images]
    return Overlaps(pairs, groups, tuple(appearance_clusters(np.array(looks), labels, groups, scheme.keys)))


def overlap_groups(paths: Sequence[Path], monitor: Monitor | None = None) -> tuple[int, ...]:
    """Return the overlap group of each image file, as `find_overlaps` numbers them; the same errors."""
    watch = monitor or NullMonitor()
    planes = []
    for number, path in enumerate(paths):
        watch.raise_if_cancelled()
        watch.report("reading images", number, len(paths))
        planes.append(plane_of(read_image(path)[1]))
    return groups_of(len(planes), tuple(_pairs(planes, watch)))


def groups_of(count: int, pairs: Sequence[OverlapPair]) -> tuple[int, ...]:
    """Number the sets of images that pairs connect, by first image from 0 on."""
    ends = (np.array([p.first for p in pairs], np.intp), np.array([p.second for p in pairs], np.intp))
    graph = coo_array((np.ones(len(pairs)), ends), shape=(count, count))
    which = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(which, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return tuple(int(n) for n in rank[inverse])


def write_overlaps(path: Path, images: Sequence[LabelledImage], found: Overlaps) -> None:
    """Write what was found as a table of the layout of `overlap_groups.csv`, which `find_labelled_images` reads."""
    write_groups(
        path,
        [
            GroupRow(image.key, group, cluster)
            for image, group, cluster in zip(images, found.groups, found.clusters, strict=True)
        ],
    )


def _pairs(planes: Sequence[Plane], watch: Monitor) -> list[OverlapPair]:
    phases: Phases = np.array([phases_of(plane) for plane in planes])
    found = []
    for first in range(len(planes) - 1):
        watch.raise_if_cancelled()
        watch.report("comparing images", first, len(planes) - 1)
        heights, places = peaks(phases[first], phases[first + 1 :])
        for ahead in np.flatnonzero(heights >= _CANDIDATE_HEIGHT):
            second = first + 1 + int(ahead)
            shift = best_shift(planes[first], planes[second], *(int(v) for v in places[ahead]))
            if shift is not None and overlaps(shift):
                found.append(OverlapPair(first, second, shift))
    watch.report("comparing images", len(planes) - 1, len(planes) - 1)
    return found


def overlaps(shift: Shift) -> bool:
    """Tell whether what two fields share at a shift is alike enough to be the same."""
    return shift.correlation >= (_LARGE_CORRELATION if shift.share >= _LARGE_SHARE else _SMALL_CORRELATION)
