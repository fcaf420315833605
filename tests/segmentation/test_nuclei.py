"""Nuclei by local contrast of stain: on synthetic smears of every stain, on hard shapes, on the published images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image
from napari_all.segmentation.methods.nuclei import ENTRY, NucleiSettings, preview
from napari_all.segmentation.stain import stain_planes
from napari_all.workflows.segment import make_config, segment_image

WHITE, RED_CELL, CYTOPLASM = (250, 245, 240), (215, 165, 165), (190, 175, 215)
DARK, PALE = (80, 40, 130), (130, 85, 165)


def field(shape: tuple[int, int] = (240, 320)) -> np.ndarray:
    rgb = np.full((*shape, 3), WHITE, np.uint8)
    for x in range(20, shape[1], 50):
        cv2.circle(rgb, (x, 25), 17, RED_CELL, -1, cv2.LINE_AA)
    return rgb


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: int) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.circle(mask, centre, radius, 1, -1)
    return mask > 0


def nuclei(rgb: np.ndarray) -> np.ndarray:
    return segment_image(rgb, make_config("nuclei")).classes > 0


def draw(rgb: np.ndarray, centre: tuple[int, int], colour: tuple[int, int, int], radius: int = 20) -> None:
    cv2.circle(rgb, centre, radius + 14, CYTOPLASM, -1, cv2.LINE_AA)
    cv2.circle(rgb, centre, radius, colour, -1, cv2.LINE_AA)


def test_a_dark_and_a_pale_nucleus_of_one_field_are_both_found_without_their_cytoplasm():
    rgb = field()
    draw(rgb, (80, 140), DARK)
    draw(rgb, (230, 140), PALE)
    truth = disc(rgb.shape[:2], (80, 140), 20) | disc(rgb.shape[:2], (230, 140), 20)
    assert dice(nuclei(rgb), truth) > 0.97


def test_the_hole_of_a_ring_shaped_nucleus_stays_open():
    rgb = field()
    draw(rgb, (150, 140), DARK, 26)
    cv2.circle(rgb, (150, 140), 10, CYTOPLASM, -1)
    found = nuclei(rgb)
    assert not found[140, 150]
    assert found[140, 150 + 18]


@pytest.mark.parametrize("cast", [(1.0, 1.0, 1.0), (1.0, 0.97, 0.6), (0.7, 0.72, 0.75)])
def test_the_colour_of_the_lamp_does_not_matter(cast):
    rgb = field()
    draw(rgb, (150, 140), DARK)
    lit = (rgb * np.array(cast)).astype(np.uint8)
    assert dice(nuclei(lit), disc(rgb.shape[:2], (150, 140), 20)) > 0.97


def test_red_cells_black_text_and_empty_fields_hold_no_nucleus():
    rgb = field()
    assert not nuclei(rgb).any()
    cv2.putText(rgb, "200 px", (200, 200), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 3)
    assert not nuclei(rgb).any()
    draw(rgb, (80, 140), DARK)
    assert not nuclei(rgb)[150:, 190:].any()


def test_a_large_image_gets_the_edges_of_its_own_pixels():
    small = field()
    draw(small, (150, 140), DARK)
    large = np.tile(small, (6, 5, 1))
    truth = np.tile(disc(small.shape[:2], (150, 140), 20), (6, 5))
    assert dice(preview(large, NucleiSettings()), truth) > 0.97


def test_small_nuclei_of_a_large_image_are_not_lost_in_the_reduced_copy():
    rgb = np.full((1300, 1300, 3), WHITE, np.uint8)
    truth = np.zeros(rgb.shape[:2], bool)
    for centre in ((300, 300), (700, 200), (900, 1000), (200, 1100)):
        draw(rgb, centre, DARK, 7)
        truth |= disc(rgb.shape[:2], centre, 7)
    assert dice(preview(rgb, NucleiSettings()), truth) > 0.9


def test_a_tighter_edge_gives_smaller_nuclei():
    rgb = cv2.GaussianBlur(make_smear(2, (200, 240), 50, stain="purple-grey").rgb, (0, 0), 2.0)
    areas = [np.count_nonzero(preview(rgb, NucleiSettings(edge=edge))) for edge in (0.3, 0.5, 0.7)]
    assert areas[0] > areas[1] > areas[2] > 0


def test_stain_orders_background_red_cells_cytoplasm_and_nuclei():
    rgb = np.array([[WHITE] * 16 + [RED_CELL, CYTOPLASM, PALE, DARK]], np.uint8)
    stain, _ = stain_planes(rgb)
    values = stain[0, 15:].astype(int)
    assert list(values) == sorted(values)
    assert values[0] == pytest.approx(20, abs=1)


def test_it_says_that_it_finds_nuclei_only():
    assert ENTRY.parts == "nucleus"


@pytest.mark.parametrize("dataset", ["dataset1", "dataset2"])
def test_published_nuclei(data_dir: Path, dataset):
    folder = data_dir / "wbc-zheng" / dataset
    scores = []
    for path in sorted((folder / "images").iterdir())[::5]:
        _, rgb = read_image(path)
        truth = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE) == 2
        scores.append(dice(nuclei(rgb), truth))
    assert np.mean(scores) >= 0.95
