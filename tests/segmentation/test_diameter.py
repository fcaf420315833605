"""The diameter estimate: what it measures, and that it picks the scale at which cells make sense."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_all.segmentation.diameter import ASSUMED_PX, estimate_diameter, measure, stained_window


def discs(shape: tuple[int, int], centres: list[tuple[int, int]], diameter: float) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    for y, x in centres:
        cv2.circle(canvas, (x, y), round(diameter / 2), 1, -1)
    return canvas > 0


def test_a_disc_measures_its_diameter():
    disc = discs((100, 100), [(50, 50)], 40)
    diameters, areas, doubts = measure(disc, np.where(disc, 51, 255).astype(np.uint8))
    assert doubts == pytest.approx([0.2])
    assert diameters == pytest.approx([40], abs=1.5)
    assert areas == pytest.approx([np.pi * 400], rel=0.06)


def test_a_clump_measures_one_of_its_cells():
    clump = discs((200, 300), [(100, 60), (100, 92), (100, 124), (100, 156)], 36)
    diameters, _, _ = measure(clump, np.zeros(clump.shape, np.uint8))
    assert len(diameters) == 1
    assert diameters[0] < 1.2 * 36


def test_no_cell_gives_none():
    rgb = np.full((90, 120, 3), 230, np.uint8)
    nothing = np.zeros(rgb.shape[:2], np.uint8)
    assert estimate_diameter(rgb, lambda *_: (nothing, nothing), lambda *_: None) is None


@pytest.mark.parametrize("diameter", [14, 22, 40, 75, 150, 300])
def test_it_follows_the_scale_at_which_the_segmenter_works(diameter):
    """The segmenter sees discs of about the assumed size and, as networks do, specks or a doubtful mass otherwise."""
    side = 8 * diameter
    truth = discs((side, side), [(2 * diameter, 2 * diameter), (5 * diameter, 5 * diameter)], diameter)
    specks = discs((side, side), [(6 * diameter, 2 * diameter)], max(3.0, diameter / 6))
    rgb = np.where(truth[..., None], np.uint8([140, 70, 160]), np.uint8([235, 225, 230]))

    def segment(window: np.ndarray, assumed: float) -> tuple[np.ndarray, np.ndarray]:
        ratio = diameter / assumed
        if 0.3 < ratio < 1.8:
            seen, doubt = truth, 30
        elif ratio > 1:
            seen, doubt = specks, 80
        else:
            seen, doubt = np.ones_like(truth), 200
        return np.where(seen, 2, 0).astype(np.uint8), np.full(truth.shape, doubt, np.uint8)

    done = []
    found = estimate_diameter(rgb, segment, lambda i, n: done.append((i, n)))
    assert found == pytest.approx(diameter, rel=0.1)
    assert done[-1] == (len(ASSUMED_PX) + 1, len(ASSUMED_PX) + 1)


def test_sure_cells_end_the_search_before_the_dear_small_scales():
    """Half-scale looks ask for twice the assumed diameter; smaller assumptions cost the most."""
    truth = discs((400, 400), [(110, 110), (270, 270)], 100)
    rgb = np.where(truth[..., None], np.uint8([140, 70, 160]), np.uint8([235, 225, 230]))
    asked = []

    def segment(window: np.ndarray, assumed: float) -> tuple[np.ndarray, np.ndarray]:
        asked.append(assumed * 0.5)
        return np.where(truth, 2, 0).astype(np.uint8), np.full(truth.shape, 20, np.uint8)

    assert estimate_diameter(rgb, segment, lambda *_: None) == pytest.approx(100, rel=0.05)
    assert min(asked) > 100


@pytest.mark.parametrize(("wrong_px", "looks"), [(74, 5), (21, 7)])
def test_only_looks_that_disagree_are_repeated(wrong_px, looks):
    """Doubtful cells of 64 px at one scale, of another size at the others; 1.3-fold and less is the same size."""
    side, seen = 400, []
    right = discs((side, side), [(100, 100), (280, 280)], 64)
    wrong = discs((side, side), [(100, 280), (280, 100), (60, 60), (340, 200)], wrong_px)
    rgb = np.full((side, side, 3), 200, np.uint8)

    def segment(window: np.ndarray, assumed: float) -> tuple[np.ndarray, np.ndarray]:
        seen.append(assumed)
        near = 0.6 < assumed * (0.5 if len(seen) <= len(ASSUMED_PX) else 1.0) / 64 < 1.8
        return np.where(right if near else wrong, 2, 0).astype(np.uint8), np.full((side, side), 70, np.uint8)

    assert estimate_diameter(rgb, segment, lambda *_: None) == pytest.approx(64, rel=0.2)
    assert len(seen) == looks


def test_the_window_holds_the_stain():
    rgb = np.full((900, 1200, 3), 235, np.uint8)
    cv2.circle(rgb, (1050, 700), 40, (130, 50, 150), -1)
    window = stained_window(rgb, 300)
    assert window.shape == (300, 300, 3)
    assert (window[..., 1] == 50).sum() == (rgb[..., 1] == 50).sum()
    assert stained_window(rgb, 2000) is rgb
    assert stained_window(rgb, 1000).shape == (900, 1000, 3)
