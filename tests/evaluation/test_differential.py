"""The differential count: published intervals, the gate, and what the report tells."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_all.errors import UsageError
from napari_all.evaluation.differential import TARGETS, check_reviewed, count_classes, unreviewed
from napari_all.evaluation.differential_report import NOTE, CountedImages, as_html, write_report
from napari_all.evaluation.intervals import clopper_pearson
from napari_all.io.tables import DIFFERENTIAL_COLUMNS
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClass, CellClasses

NAMES = CellClasses().names


def images(**changes: object) -> CountedImages:
    values = {
        "classes_by_image": {
            "a.png": ["blast"] * 20 + ["lymphocyte"] * 60 + [None] * 3,
            "sub/b.png": ["other white cell"] * 20 + ["smudge"] * 7 + ["artefact"],
            "c.png": ["blast"] * 50,
        },
        "status_by_image": {"a.png": "corrected", "sub/b.png": "accepted", "c.png": "excluded"},
        "classes": CellClasses(),
        "target": 200,
        "who": "A. B.",
    }
    return CountedImages(**(values | changes))


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(10, 100, 4.9, 17.6), (20, 100, 12.7, 29.2), (100, 500, 16.6, 23.8), (0, 100, 0.0, 3.6), (100, 100, 96.4, 100.0)],
)
def test_exact_intervals_of_the_handbooks(hits, total, low, high):
    found = clopper_pearson(hits, total)
    assert (100 * found[0], 100 * found[1]) == pytest.approx((low, high), abs=0.05)


def test_counts_shares_and_progress_of_many_images():
    found = images().together()
    counts = {count.name: count.cells for count in found.classes}
    assert counts == {
        "blast": 20, "lymphocyte": 60, "other white cell": 20, "smudge": 7, "artefact": 1, UNCLASSIFIED: 3,
    }  # fmt: skip
    assert (found.counted, found.images, found.unclassified) == (100, 2, 3)
    assert (found.left, found.progress) == (100, 0.5)
    blast = found.classes[0]
    assert blast.share == 0.2
    assert blast.interval == pytest.approx((0.127, 0.292), abs=5e-4)
    assert all(count.share is None for count in found.classes[3:])


def test_nothing_counted_yet_has_no_shares():
    found = count_classes([[None, None], []], target=TARGETS[0])
    assert (found.counted, found.left, found.progress, found.images) == (0, 100, 0.0, 2)
    assert all(count.share is None and count.interval is None for count in found.classes)


def test_a_target_that_is_passed_is_reached():
    found = count_classes([["blast"] * 120], target=100)
    assert (found.left, found.progress) == (0, 1.0)
    with pytest.raises(UsageError, match="target = 0"):
        count_classes([], target=0)


def test_a_class_that_is_not_known_is_refused_by_name():
    with pytest.raises(UsageError, match="'monocyte', which is none of blast, lymphocyte"):
        count_classes([["monocyte"]])
    with pytest.raises(UsageError, match="'Pro-B', which is none of"):
        count_classes([["Pro-B"]])  # a predicted subtype is no class of a cell


@given(st.lists(st.lists(st.one_of(st.none(), st.sampled_from(NAMES)), max_size=30), max_size=4))
def test_every_cell_is_counted_once_and_shares_sum_to_one(cells):
    found = count_classes(cells)
    assert sum(count.cells for count in found.classes) == sum(map(len, cells))
    shares = [count.share for count in found.classes if count.share is not None]
    assert sum(shares) == pytest.approx(1.0) if found.counted else not shares
    for count in found.classes:
        if count.share is not None:
            assert count.interval[0] <= count.share <= count.interval[1]


# --- classes -------------------------------------------------------------------------------------------------------


def test_classes_of_ones_own():
    own = CellClasses(classes=(CellClass(name="prolymphocyte"), CellClass(name=UNCLASSIFIED, counted=False)))
    assert count_classes([["prolymphocyte", None]], own).counted == 1
    assert own.colour("prolymphocyte") == "#999999"
    assert own.colour("gone") == own.classes[-1].colour
    assert CellClasses().counted == ("blast", "lymphocyte", "other white cell")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("blast", "Blast", UNCLASSIFIED), "stands there twice"),
        (("blast",), "the last class must be 'unclassified'"),
        ((UNCLASSIFIED, "blast"), "the last class must be 'unclassified'"),
        ((UNCLASSIFIED,), "no class is counted"),
        ((" blast", UNCLASSIFIED), "without spaces at its ends"),
        (("a|b", UNCLASSIFIED), r"without '\|'"),
    ],
)
def test_lists_of_classes_that_make_no_sense_are_refused(names, message):
    classes = [{"name": name, "counted": name != UNCLASSIFIED} for name in names]
    with pytest.raises(UsageError, match=message):
        CellClasses.parse({"classes": classes})


# --- the gate and the report ---------------------------------------------------------------------------------------


def test_nothing_unreviewed_passes_and_what_waits_is_named():
    assert unreviewed({"a": "corrected", "b": "accepted", "c": "excluded"}) == []
    statuses = {"b": "in work", "a": "predicted", "c": "accepted"}
    assert unreviewed(statuses) == ["a", "b"]
    with pytest.raises(UsageError, match=r"2 of 3 images are not reviewed \(a, b\)"):
        check_reviewed(statuses)


@pytest.mark.parametrize("name", ["r.html", "r.csv"])
def test_no_report_is_written_before_all_is_reviewed(tmp_path: Path, name: str):
    waiting = images(status_by_image={"a.png": "corrected", "sub/b.png": "predicted", "c.png": "excluded"})
    with pytest.raises(UsageError, match="not reviewed"):
        write_report(tmp_path / name, waiting)
    assert not (tmp_path / name).exists()


def test_the_page_tells_counts_intervals_and_what_it_is_for():
    page = as_html(images())
    for text in (
        "100 cells counted in 2 images (1 more excluded), counted by A. B.",
        "Target: 200 cells, 100 cells short",
        "<td>blast</td><td>20</td><td>20.0</td><td>12.7–29.2</td>",
        "<td>smudge</td><td>7</td><td>not counted</td><td></td>",
        "3 cells without a class",
        "<td>sub/b.png</td><td>accepted</td><td>20</td>",
        NOTE,
    ):
        assert text in page
    assert "c.png" not in page
    assert "diagnosis" not in page.lower()
    assert "http" not in page


def test_names_on_the_page_are_text():
    own = CellClasses(classes=(CellClass(name="<b>odd</b>"), CellClass(name=UNCLASSIFIED, counted=False)))
    page = as_html(
        CountedImages(
            {"<i>.png": ["<b>odd</b>"], "x|y.png": []}, {"<i>.png": "accepted", "x|y.png": "accepted"}, own, 100
        )
    )
    assert "<b>" not in page
    assert "&lt;i&gt;.png" in page
    assert "x/y.png" in page


def test_the_table_has_all_images_together_and_each_by_itself(tmp_path: Path):
    write_report(tmp_path / "r.csv", images())
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == DIFFERENTIAL_COLUMNS
    assert [row["image"] for row in rows] == [""] * 6 + ["a.png"] * 6 + ["sub/b.png"] * 6
    first, smudges = rows[0], rows[3]
    assert (first["cell_class"], first["cells"], first["counted"], first["percent"]) == ("blast", "20", "100", "20")
    assert (float(first["low_95"]), float(first["high_95"])) == pytest.approx((12.67, 29.18), abs=0.01)
    assert (smudges["cells"], smudges["percent"]) == ("7", "")


def test_reports_of_other_endings_and_of_images_without_status_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"name it \.html or \.csv"):
        write_report(tmp_path / "r.pdf", images())
    with pytest.raises(UsageError, match=r"'a.png' has cells or a status, not both"):
        images(status_by_image={"sub/b.png": "accepted", "c.png": "accepted"})


def test_one_image_needs_no_list_of_images():
    page = as_html(CountedImages({"a.png": ["blast"]}, {"a.png": "accepted"}, CellClasses(), 100))
    assert "1 cell counted in 1 image." in page
    assert "Each image" not in page
