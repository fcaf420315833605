"""Peers that look at colour only and learn nothing: thresholds and clusters, one image at a time."""

from __future__ import annotations

import cv2
import numpy as np
from skimage.filters import threshold_multiotsu, threshold_otsu
from sklearn.cluster import KMeans

from napari_all.classes import CYTOPLASM, NUCLEUS
from napari_all.segmentation.instances import components
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.postprocess import clean
from napari_all.types import BoolMask, ClassesMap, RGBImage


def otsu_saturation(rgb: RGBImage) -> ClassesMap:
    """Otsu's threshold on the saturation of HSV."""
    return _coded(_above_otsu(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 1]))


def kmeans_lab(rgb: RGBImage) -> ClassesMap:
    """Three clusters of the pixels in CIE Lab: the darkest is the nucleus, the middle one may be cytoplasm."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    clusters = KMeans(3, n_init=3, random_state=0).fit(lab)
    rank = np.argsort(np.argsort(-clusters.cluster_centers_[:, 0]))
    return rank[clusters.labels_].reshape(rgb.shape[:2]).astype(np.uint8)


def multi_otsu_green(rgb: RGBImage) -> ClassesMap:
    """Otsu's thresholds for three levels of green: the darkest is the nucleus, the middle one may be cytoplasm."""
    green = rgb[..., 1]
    return (2 - np.digitize(green, threshold_multiotsu(green, classes=3), right=True)).astype(np.uint8)


def darkest(levels: ClassesMap) -> ClassesMap:
    """Read three levels so that only the darkest is a cell: for cells that are nearly all nucleus."""
    return _coded(levels == NUCLEUS)


def around_nuclei(levels: ClassesMap) -> ClassesMap:
    """Read three levels so that the middle one is cytoplasm where it hangs together with a nucleus.

    Elsewhere it is red cells. Nuclei get the cleaning that masks of nuclei alone get, so that neither pale chromatin
    nor dark granules change their class.
    """
    nuclei = clean(darkest(levels), "nucleus", PostprocessSettings()).classes
    levels = np.maximum(np.minimum(levels, np.uint8(CYTOPLASM)), nuclei)
    regions = components(levels > 0)
    holding = np.unique(regions[levels == NUCLEUS])
    return np.where(np.isin(regions, holding[holding > 0]), levels, np.uint8(0))


def tavakoli(rgb: RGBImage) -> ClassesMap:
    """Nuclei by Tavakoli, Ghaffari, Kouzehkanan and Hosseini 2021 (doi 10.1038/s41598-021-98599-0).

    Colours are balanced to a grey mean; the smaller of M of CMYK and S of HLS is high in nuclei only, and Otsu's
    threshold cuts it.
    """
    means = rgb.reshape(-1, 3).mean(0)
    grey = float(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).mean())
    balanced = np.clip(rgb * (grey / np.maximum(means, 1)) / 255, 0, 1).astype(np.float32)
    brightest = balanced.max(2)
    magenta = (brightest - balanced[..., 1]) / np.maximum(brightest, 1e-6)
    saturation = cv2.cvtColor(balanced, cv2.COLOR_RGB2HLS)[..., 2]
    return _coded(_above_otsu(np.rint(255 * np.minimum(magenta, saturation)).astype(np.uint8)))


def _above_otsu(plane: np.ndarray) -> BoolMask:
    return plane > threshold_otsu(plane)


def _coded(mask: BoolMask) -> ClassesMap:
    return np.where(mask, np.uint8(NUCLEUS), np.uint8(0))
