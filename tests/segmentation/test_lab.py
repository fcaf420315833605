"""The lab method: finds white cells by itself, finds none where there are none, puts edges where green has them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_all.data.synthetic import make_smear
from napari_all.io.images import read_image
from napari_all.segmentation.edges import snap_to_green
from napari_all.segmentation.methods import lab
from napari_all.workflows.segment import make_config, segment_image


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def segmented(rgb: np.ndarray, *assignments: str) -> np.ndarray:
    return segment_image(rgb, make_config("lab", assignments=list(assignments))).labels


@pytest.mark.parametrize(("stain", "floor"), [("purple-grey", 0.90), ("blue", 0.90), ("magenta", 0.93), ("pink", 0.80)])
def test_whole_cells_of_a_smear_are_found_in_every_stain(stain, floor):
    smear = make_smear(seed=1, shape=(256, 320), cell_diameter_px=26, stain=stain)
    found = segmented(smear.rgb)
    count = int(smear.labels.max())
    assert dice((found > 0) & ~smear.smudges, smear.labels > 0) >= floor
    assert abs(int(found.max()) - count) <= max(2, 0.3 * count)


def test_an_empty_field_has_no_cell():
    assert segmented(np.full((120, 150, 3), 235, np.uint8)).max() == 0
    rng = np.random.default_rng(3)
    noise = np.clip(rng.normal(228, 4, (120, 150, 3)), 0, 255).astype(np.uint8)
    assert segmented(noise).max() == 0


@pytest.mark.parametrize("stain", ["purple-grey", "blue", "magenta", "pink"])
def test_a_field_of_red_cells_only_has_no_cell(stain):
    """Not even where they are stained pink, or where a scale bar is the most colourful thing."""
    for seed in range(3):
        rgb = make_smear(seed, (224, 224), 22, stain=stain, n_white=0, n_smudges=0, n_platelets=0, n_precipitates=0).rgb
        assert segmented(rgb).max() == 0, f"seed {seed}"


def test_a_single_small_white_cell_is_not_lost_among_red_ones():
    smear = make_smear(7, (300, 300), 22, n_white=1, n_smudges=0, n_platelets=0, n_precipitates=0)
    assert dice(segmented(smear.rgb) > 0, smear.labels > 0) > 0.8


def test_the_scale_text_is_no_cell_but_a_cell_under_it_is():
    plain = make_smear(2, (224, 224), 24, n_white=0, n_smudges=0, n_platelets=0, n_precipitates=0, scale_bar=False).rgb
    cv2.circle(plain, (208, 208), 12, (120, 60, 190), -1, cv2.LINE_AA)
    cv2.putText(plain, "100 px", (190, 214), cv2.FONT_HERSHEY_PLAIN, 0.6, (190, 30, 40), 1, cv2.LINE_AA)
    cv2.line(plain, (190, 218), (220, 218), (190, 30, 40), 1)
    labels = segmented(plain)
    assert labels.max() == 1
    assert labels[200, 208] == 1


def test_a_higher_threshold_takes_less():
    rgb = make_smear(1, (160, 200), 26).rgb
    masks = [lab.preview(rgb, lab.LabSettings(threshold=t)) for t in (5, 15, 30)]
    assert (masks[0] >= masks[1]).all()
    assert (masks[1] >= masks[2]).all()
    assert masks[0].sum() > masks[2].sum()
    shifted = lab.preview(rgb, lab.LabSettings(offset=8))
    assert (lab.preview(rgb, lab.LabSettings()) >= shifted).all()


def test_pale_bodies_are_dropped_only_when_asked():
    smear = make_smear(4, (224, 224), 24, n_white=6, n_smudges=0, n_platelets=0, stain="purple-grey", scale_bar=False)
    free = np.argwhere(cv2.distanceTransform((smear.labels == 0).astype(np.uint8), cv2.DIST_L2, 3) > 18)[0]
    rgb = smear.rgb.copy()
    centre = (int(free[1]), int(free[0]))
    cv2.circle(rgb, centre, 14, (244, 224, 244), -1, cv2.LINE_AA)
    kept = segmented(rgb, "drop_pale=false", "threshold=7")
    dropped = segmented(rgb, "drop_pale=true", "threshold=7")
    assert kept[free[0], free[1]] > 0
    assert dropped[free[0], free[1]] == 0


def test_snapping_brings_an_edge_that_lies_inside_back_to_the_half_contrast_line():
    truth = np.zeros((80, 80), np.uint8)
    cv2.circle(truth, (40, 40), 15, 1, -1)
    truth = truth.astype(bool)
    rgb = np.where(truth[..., None], np.uint8([120, 60, 180]), np.uint8([236, 230, 232])).astype(np.uint8)
    rgb = cv2.GaussianBlur(rgb, (0, 0), 1.0)
    inside = cv2.erode(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    outside = cv2.dilate(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for start in (inside, outside):
        snapped = snap_to_green(start, rgb, 2)
        assert dice(snapped, truth) > 0.99
        assert dice(start, truth) < 0.96


def test_snapping_leaves_an_edge_that_green_does_not_show():
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    even = np.full((40, 40, 3), 200, np.uint8)
    np.testing.assert_array_equal(snap_to_green(mask, even), mask)
    for trivial in (np.zeros_like(mask), np.ones_like(mask)):
        np.testing.assert_array_equal(snap_to_green(trivial, even), trivial)


def test_a_one_pixel_image_is_no_error():
    assert segmented(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1)


def test_real_reference_fields(data_dir: Path):
    """Floor on the reference masks, which were begun from a threshold on a*, so this proves little but a regression."""
    folder = data_dir / "reference-masks"
    scores: dict[str, list[float]] = {}
    for row in csv.DictReader((folder / "fields.csv").open()):
        _, rgb = read_image(folder / "images" / f"{row['name']}.png")
        counts = cv2.imread(str(folder / "ignore" / f"{row['name']}.png"), cv2.IMREAD_GRAYSCALE) == 0
        truth = cv2.imread(str(next((folder / "labels").glob(f"{row['name']}*"))), cv2.IMREAD_UNCHANGED) > 0
        scores.setdefault(row["class"], []).append(dice((segmented(rgb) > 0) & counts, truth & counts))
    assert np.mean([s for values in scores.values() for s in values]) >= 0.90
    assert min(np.mean(values) for values in scores.values()) >= 0.85


@pytest.mark.parametrize(("dataset", "classes", "floor"), [("dataset1", (1, 2), 0.85), ("dataset2", (2,), 0.75)])
def test_other_stains(data_dir: Path, dataset, classes, floor):
    """Yellow stain: whole cells. Purple stain, pink red cells: nuclei, since cytoplasm has the red cells' colour."""
    folder = data_dir / "wbc-zheng" / dataset
    scores = []
    for path in sorted((folder / "images").iterdir())[::6]:
        _, rgb = read_image(path)
        truth = np.isin(cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE), classes)
        scores.append(dice(segmented(rgb) > 0, truth))
    assert np.mean(scores) >= floor
