"""Put the edge of each nucleus where the image has it.

A network looks at large cells reduced and answers with an edge that is a pixel or two off. In the image the edge of a
blurred object lies where the stain is halfway between the object's own and that of what lies round it. Only pixels
next to the network's edge change sides, so what it knows of granules and of pale nuclei stays.
"""

from __future__ import annotations

import cv2
import numpy as np

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.segmentation.stain import SCALE, smoothed, stain_planes
from napari_all.segmentation.surroundings import Surroundings, numbered, typical_radius
from napari_all.types import ClassesMap, RGBImage

_REACH = 0.05
"""Share of a nucleus's radius by which its edge may move, at least a pixel; from 0.03 to 0.08 all gain alike."""
_HALFWAY = 0.5
_LEAST_AREA_PX = 40
"""Smaller nuclei stay: too few pixels tell their stain."""


def snap_nuclei(rgb: RGBImage, classes: ClassesMap) -> ClassesMap:
    """Return the classes map with the edges of nuclei moved to the image's.

    Parameters
    ----------
    rgb
        (Y, X, 3) uint8.
    classes
        (Y, X) uint8. Background stays background, and no nucleus appears or goes.
    """
    nuclei = classes == NUCLEUS
    labels, areas = numbered(nuclei)
    if not areas.any():
        return classes
    radius = typical_radius(areas)
    stain = smoothed(stain_planes(rgb)[0], radius)
    values = (stain // SCALE).astype(np.uint8)
    around = Surroundings(labels, radius)
    limits = np.rint(around.limits(values, around.median_inside(values), _HALFWAY) * SCALE)
    reach = np.maximum(1.0, _REACH * np.sqrt(areas / np.pi))
    reach[areas < _LEAST_AREA_PX] = 0.0
    own = reach[around.nearest]
    depth = cv2.distanceTransform(nuclei.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near = (nuclei & (depth <= own)) | ((classes == CYTOPLASM) & (around.distance <= own))
    snapped = classes.copy()
    snapped[near] = np.where(stain[near] > limits[around.nearest[near]], np.uint8(NUCLEUS), np.uint8(CYTOPLASM))
    return snapped
