"""Rules: each finds what breaks it, its remedy mends it, and looking near an edit is as good as looking everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_drawings import POINT, disc, label_images, pixel_of, present, two_cells

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import UsageError
from napari_all.segmentation import editing
from napari_all.segmentation.editing import CellIndex, Planes, change, completed
from napari_all.segmentation.rules import RULES, WORDS, Finding, check_all, check_near, remedy, speck_limit

SPECK_PX = 25.0


def planes_of(labels: np.ndarray) -> Planes:
    classes = np.where(labels > 0, 1, 0).astype(np.uint8)
    for label in present(labels):
        y, x = np.argwhere(labels == label).mean(axis=0)
        classes[(labels == label) & disc(labels.shape, y, x, 4)] = 2
    return Planes(labels.copy(), classes, "nucleus+cytoplasm")


def told(findings: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.rule, finding.label) for finding in findings]


def mended(planes: Planes, finding: Finding, rgb: np.ndarray | None = None) -> list[Finding]:
    change(planes, completed(planes, remedy(finding, planes, rgb)))
    return check_all(planes, SPECK_PX)


def test_good_cells_break_no_rule():
    assert check_all(planes_of(two_cells()), SPECK_PX) == []
    assert set(WORDS) == set(RULES)


def test_a_crumb_of_a_cell_goes_and_a_large_piece_becomes_a_cell():
    planes = planes_of(two_cells())
    planes.labels[36:38, 2:4] = 1
    planes.labels[30:38, 44:52] = 3
    planes.classes[30:38, 44:52] = 2
    planes.classes[36:38, 2:4] = 1
    crumb, piece = check_all(planes, SPECK_PX)
    assert (crumb.rule, crumb.label, crumb.where) == ("pieces", 1, (36, 2))
    assert (piece.rule, piece.label, piece.where) == ("pieces", 3, (30, 44))
    assert told(mended(planes, crumb)) == [("pieces", 3)]
    assert (planes.labels[36:38, 2:4] == 0).all()
    assert mended(planes, piece) == []
    assert (planes.labels[30:38, 44:52] == 8).all()


def test_pieces_that_meet_at_a_corner_are_one():
    planes = planes_of(two_cells())
    y, x = np.argwhere(planes.labels == 1)[0]
    planes.labels[y - 1, x - 1] = 1
    planes.classes[y - 1, x - 1] = 1
    assert check_all(planes, SPECK_PX) == []


def test_a_speck_is_deleted_but_a_cell_cut_off_by_the_border_may_be_smaller():
    planes = planes_of(two_cells())
    planes.labels[30:34, 30:34], planes.labels[0:4, 0:4] = 8, 9
    planes.classes[30:34, 30:34], planes.classes[0:4, 0:4] = 2, 2
    (speck,) = check_all(planes, SPECK_PX)
    assert (speck.rule, speck.label) == ("speck", 8)
    assert mended(planes, speck) == []
    assert (planes.labels[30:34, 30:34] == 0).all()


def test_a_hole_is_filled_but_another_cell_in_it_is_none():
    planes = planes_of(two_cells())
    planes.labels[18:20, 13:15] = planes.classes[18:20, 13:15] = 0
    (hole,) = check_all(planes, SPECK_PX)
    assert (hole.rule, hole.label, hole.where) == ("hole", 1, (18, 13))
    assert mended(planes, hole) == []
    planes.labels[18:20, 13:15], planes.classes[18:20, 13:15] = 8, 2
    assert check_all(planes, 1) == []


def test_a_nucleus_outside_every_cell_goes():
    planes = planes_of(two_cells())
    planes.classes[36:38, 2:4] = 2
    (stray,) = check_all(planes, SPECK_PX)
    assert (stray.rule, stray.label, stray.where) == ("nucleus outside", 0, (36, 2))
    assert stray.window == (slice(36, 38), slice(2, 4))
    assert mended(planes, stray) == []


def test_a_missing_nucleus_is_looked_for_in_the_image(smear: SyntheticSmear):
    planes = Planes(smear.labels.copy(), smear.classes.copy(), "nucleus+cytoplasm")
    limit = speck_limit(planes.labels)
    before = told(check_all(planes, limit))
    planes.classes[planes.labels == 2] = 1
    (missing,) = (f for f in check_all(planes, limit) if f.rule == "nucleus missing" and f.label == 2)
    with pytest.raises(UsageError, match="looked for in the image, which is not given"):
        remedy(missing, planes)
    change(planes, completed(planes, remedy(missing, planes, smear.rgb)))
    assert told(check_all(planes, limit)) == before
    found, true = (planes.classes == 2) & (smear.labels == 2), (smear.classes == 2) & (smear.labels == 2)
    assert (found & true).sum() > 0.8 * true.sum()


def test_nuclei_are_not_asked_for_where_parts_are_not_told_apart():
    labels = two_cells()
    assert check_all(Planes(labels, np.where(labels > 0, 1, 0).astype(np.uint8), "cell"), SPECK_PX) == []
    assert check_all(Planes(labels), SPECK_PX) == []
    stray = Finding("nucleus outside", 0, (0, 0), (slice(0, 1), slice(0, 1)))
    with pytest.raises(UsageError, match="no classes map"):
        remedy(stray, Planes(labels))


def test_the_speck_limit_is_that_of_the_cleaning():
    labels = two_cells()
    assert speck_limit(labels) == pytest.approx(0.2 * (labels == 1).sum())


@settings(max_examples=60)
@given(
    label_images(),
    st.lists(
        st.tuples(st.sampled_from(["erase", "paint", "delete", "class"]), st.integers(0, 99), POINT, POINT), max_size=6
    ),
)
def test_looking_near_each_edit_finds_what_looking_everywhere_finds(labels, steps):
    planes, cells = planes_of(labels), CellIndex(labels)
    found = check_all(planes, SPECK_PX, cells)
    for kind, index, start, end in steps:
        label = max(cells, default=0) if index % 2 else min(cells, default=0)
        line = [start, end]
        if kind == "class":  # a stroke on the classes map alone, as a file from elsewhere may be
            window = (slice(start[0], start[0] + 3), slice(start[1], start[1] + 3))
            planes.classes[window] = 2 * (index % 2)
        else:
            if kind == "delete" and label:
                edit = editing.delete_cell(
                    planes.labels, editing.cell_at(planes.labels, pixel_of(planes.labels, index))
                )
            elif kind == "paint":
                edit = editing.paint(planes.labels, line, index % 4, label or 1)
            else:
                edit = editing.erase(planes.labels, line, index % 3)
            full = completed(planes, edit)
            change(planes, full, cells)
            window = full.window
        found = check_near(planes, window, SPECK_PX, cells, found)
        assert found == check_all(planes, SPECK_PX, cells)
