"""The edge of a nucleus goes where the image has it, and nothing else changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_all.classes import BACKGROUND, CYTOPLASM, NUCLEUS
from napari_all.evaluation.masks import dice
from napari_all.segmentation.nucleus_edge import snap_nuclei
from napari_all.types import ClassesMap, RGBImage

SIDE = 160
WHITE, CYTOPLASM_RGB, NUCLEUS_RGB, RED_CELL = (246, 244, 246), (196, 190, 224), (96, 52, 150), (222, 170, 176)


def disc(radius: float, centre: tuple[int, int] = (80, 80)) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def cell(radius: float = 34.0, blur: float = 1.5) -> tuple[RGBImage, ClassesMap]:
    """Return a blurred cell beside a red cell, and its true classes."""
    rgb = np.full((SIDE, SIDE, 3), WHITE, np.float32)
    rgb[disc(30, (80, 8))] = RED_CELL
    classes = np.full((SIDE, SIDE), BACKGROUND, np.uint8)
    for mask, value, colour in ((disc(54), CYTOPLASM, CYTOPLASM_RGB), (disc(radius), NUCLEUS, NUCLEUS_RGB)):
        rgb[mask], classes[mask] = colour, value
    return cv2.GaussianBlur(rgb, (0, 0), blur).astype(np.uint8), classes


def off_by(truth: ClassesMap, radius: float) -> ClassesMap:
    """Return classes whose nucleus has another radius."""
    found = np.where(truth == BACKGROUND, BACKGROUND, CYTOPLASM).astype(np.uint8)
    found[disc(radius)] = NUCLEUS
    return found


@pytest.mark.parametrize("error", [-1.5, 1.5])
def test_an_edge_that_is_a_pixel_or_two_off_is_mended(error):
    rgb, truth = cell()
    found = off_by(truth, 34.0 + error)
    before, after = (dice(classes == NUCLEUS, truth == NUCLEUS) for classes in (found, snap_nuclei(rgb, found)))
    assert before < 0.965
    assert after > 0.99


def test_a_true_edge_stays():
    rgb, truth = cell()
    assert dice(snap_nuclei(rgb, truth) == NUCLEUS, truth == NUCLEUS) > 0.99


def test_what_is_far_from_the_networks_edge_stays_as_the_network_had_it():
    rgb, truth = cell()
    rgb[disc(5, (80, 122))] = NUCLEUS_RGB  # a dark granule, which the network took for cytoplasm
    snapped = snap_nuclei(rgb, truth)
    assert (snapped[disc(5, (80, 122))] == CYTOPLASM).all()
    assert ((snapped == BACKGROUND) == (truth == BACKGROUND)).all()


def test_a_nucleus_of_a_few_pixels_and_a_map_without_any_stay():
    rgb, truth = cell()
    small = off_by(truth, 3.0)
    assert (snap_nuclei(rgb, small) == small).all()
    none = np.where(truth == BACKGROUND, BACKGROUND, CYTOPLASM).astype(np.uint8)
    assert (snap_nuclei(rgb, none) == none).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(15.0, 45.0))
def test_whatever_the_picture_only_pixels_of_cells_near_the_edge_change(seed, radius):
    _, truth = cell()
    rgb = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    found = off_by(truth, radius)
    changed = snap_nuclei(rgb, found) != found
    assert not changed[disc(radius - 5)].any()
    assert not changed[~disc(radius + 5)].any()
    assert not changed[truth == BACKGROUND].any()
