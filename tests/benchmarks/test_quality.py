"""The quality benchmark: peers do what they are named for, scribbles stay in their class, errors are told by place."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from peers import colour
from peers.forest import Lesson, PixelForest
from peers.scribbles import scribble
from quality.samples import Result, Sample, cleaned_or_not
from quality.scoring import ERROR_PLACES, error_places, measure_reference, measure_zheng, score_best
from quality.sheet import write_sheet
from quality.tables import as_markdown

from napari_all.data.synthetic import make_smear
from napari_all.evaluation.masks import dice
from napari_all.io.images import read_image

SMEAR = make_smear(4, (160, 160), 40, stain="purple-grey")


@pytest.mark.parametrize("peer", [colour.kmeans_lab, colour.multi_otsu_green, colour.tavakoli])
def test_colour_peers_find_nuclei(peer) -> None:
    found = peer(SMEAR.rgb)
    assert found.shape == SMEAR.classes.shape
    assert found.dtype == np.uint8
    assert dice(found == 2, SMEAR.classes == 2) > 0.7
    np.testing.assert_array_equal(found, peer(SMEAR.rgb))


def test_balancing_makes_tavakoli_indifferent_to_a_colour_cast() -> None:
    cast = (SMEAR.rgb * np.array([1.0, 0.9, 0.75])).astype(np.uint8)
    plain, tinted = (dice(colour.tavakoli(rgb) == 2, SMEAR.classes == 2) for rgb in (SMEAR.rgb, cast))
    assert tinted == pytest.approx(plain, abs=0.03)


def test_the_middle_level_is_cytoplasm_only_around_a_nucleus() -> None:
    levels = np.zeros((60, 90), np.uint8)
    cv2.circle(levels, (30, 30), 22, 1, -1)
    cv2.circle(levels, (30, 30), 12, 2, -1)
    cv2.circle(levels, (72, 45), 12, 1, -1)  # a red cell
    speckled = levels.copy()
    speckled[28:30, 28:30] = 1  # pale chromatin
    speckled[12:14, 28:30] = 2  # a granule
    speckled[45, 72] = 2  # noise in the red cell
    found = colour.around_nuclei(speckled)
    assert dice(found == 2, levels == 2) > 0.99
    np.testing.assert_array_equal(found[:, :58] > 0, levels[:, :58] > 0)
    assert not found[:, 58:].any()
    np.testing.assert_array_equal(colour.darkest(levels), np.where(levels == 2, 2, 0))


def test_scribbles_are_few_and_stay_in_their_class() -> None:
    ignore = np.zeros(SMEAR.classes.shape, bool)
    ignore[:, :50] = True
    drawn = scribble(SMEAR.classes, ignore, seed=3)
    assert set(np.unique(drawn)) == {0, 1, 2, 3}
    labelled = drawn > 0
    np.testing.assert_array_equal(drawn[labelled] - 1, SMEAR.classes[labelled])
    assert not labelled[ignore].any()
    assert labelled.mean() < 0.15
    np.testing.assert_array_equal(drawn, scribble(SMEAR.classes, ignore, seed=3))
    assert (drawn != scribble(SMEAR.classes, ignore, seed=4)).any()


def test_a_forest_learns_from_scribbles() -> None:
    nothing = np.zeros(SMEAR.classes.shape, bool)
    forest = PixelForest(lambda: [Lesson("a", SMEAR.rgb, scribble(SMEAR.classes, nothing, 0))])
    other = make_smear(5, (160, 160), 40, stain="purple-grey")
    found = forest(other.rgb)
    assert dice(found > 0, other.classes > 0) > 0.85
    assert dice(found == 2, other.classes == 2) > 0.8
    assert forest.about()["images"] == ["a"]
    assert forest.about()["labelled_pixels"] == np.count_nonzero(forest.lessons[0].scribbles)


def disc(radius: float) -> np.ndarray:
    y, x = np.indices((60, 60)) - 30
    return np.hypot(y, x) <= radius


def test_errors_are_told_by_place() -> None:
    truth = disc(24).astype(np.uint8) + disc(14)
    assert not error_places(truth, truth).any()
    cases = {
        "edge_missed": disc(24).astype(np.uint8) + disc(13),
        "edge_false": disc(24).astype(np.uint8) + disc(15),
        "inside_missed": truth - disc(5),
        "cytoplasm_false": truth + (disc(22) & ~disc(18)),
        "outside_false": np.where(disc(29) & ~disc(27), 2, truth),
    }
    assert tuple(cases) == ERROR_PLACES
    for number, (name, found) in enumerate(cases.items()):
        counts = error_places(found, truth)
        wrong = np.count_nonzero((found == 2) != (truth == 2))
        assert counts[number] == counts.sum() == wrong > 0, name


def test_the_better_cleaning_is_reported_and_the_other_told() -> None:
    noisy = SMEAR.classes.copy()
    noisy[np.random.default_rng(0).random(noisy.shape) > 0.97] = 2
    sample = Sample("d1-001", "dataset1", SMEAR.rgb, SMEAR.classes)
    scored = score_best([sample], cleaned_or_not(lambda _: noisy, "nucleus+cytoplasm"), measure_zheng)
    assert scored.scores["cleaning"] == "shared"
    assert scored.scores["dice_with_other_cleaning"]["none"] < scored.scores["nucleus"]["dice"]
    assert scored.scores["nucleus_cell_ratio"]["mean_absolute_error"] < 0.1
    assert scored.scores["nucleus_errors"]["outside_false"] > 0


def test_tables_bracket_what_is_not_looked_for_and_sheets_show_the_worst(tmp_path: Path) -> None:
    def whole_cells(rgb: np.ndarray) -> dict[str, Result]:
        return {"shared": Result(SMEAR.labels, np.where(SMEAR.labels > 0, 2, 0).astype(np.uint8), "cell")}

    field = Sample("A-1", "Benign", SMEAR.rgb, SMEAR.labels, SMEAR.smudges)
    fields = [Sample(f"{group}-1", group, *(field.rgb, field.truth)) for group in ("Benign", "Early", "Pre", "Pro")]
    reference = score_best([field, *fields], whole_cells, measure_reference)
    cell = Sample("d1-001", "dataset1", SMEAR.rgb, SMEAR.classes)
    zheng = score_best([cell], whole_cells, measure_zheng)
    assert reference.scores["dice"] == reference.scores["cells_f1"] == zheng.scores["whole_cell"]["dice"] == 1
    text = as_markdown({"ours": {"reference_masks": reference.scores, "zheng_dataset1": zheng.scores}})
    nucleus = zheng.scores["nucleus"]["dice"]
    assert f"| ours | ({nucleus:.3f}) | ({nucleus:.3f}) | 1.000 (1.000–1.000) | 1.000 | – |" in text
    write_sheet(tmp_path / "sheet.png", "zheng_dataset1", zheng.fields)
    _, picture = read_image(tmp_path / "sheet.png")
    assert picture.shape == (442, 3 * 424, 3)
    assert ((picture[:, 424:848] == (230, 30, 30)).all(2)).any(), "true nuclei are outlined"
    assert not ((picture[:, 848:] == (230, 30, 30)).all(2)).any(), "none were found"
