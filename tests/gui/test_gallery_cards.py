"""Cards of the gallery: sorted and filtered without any window."""

from dataclasses import replace

import pytest

from napari_all.gui.review_cells_words import HEADS, counted, in_order, text_of
from napari_all.gui.review_gallery_cards import NOT_REVIEWED, SORTS, Wish, arranged, cards_of
from napari_all.io.tables import DETAILED_CELL_FIELDS, cell_row
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClasses
from napari_all.types import Cell

CELL = Cell(1, 5, 5, 100, 10.0, 0.9, 0.0, 0.95, None, None, False)
CARDS = [
    *cards_of("a", [replace(CELL, label=1, cell_class="lymphocyte"), replace(CELL, label=2, certainty=0.4)], 8.0),
    *cards_of("b", [replace(CELL, label=1, cell_class="blast", certainty=0.9, equivalent_diameter_px=20.0)]),
]
STATUSES = {"a": "predicted", "b": "accepted"}


def seen(**wish):
    return [card.key for card in arranged(CARDS, STATUSES, CellClasses().names, Wish(**wish))]


@pytest.mark.parametrize(
    ("wish", "keys"),
    [
        ({}, [("a", 1), ("a", 2), ("b", 1)]),
        ({"descending": True}, [("b", 1), ("a", 2), ("a", 1)]),
        ({"sort": "certainty"}, [("a", 2), ("b", 1), ("a", 1)]),
        ({"sort": "certainty", "descending": True}, [("b", 1), ("a", 2), ("a", 1)]),
        ({"sort": "equivalent_diameter_px", "descending": True}, [("b", 1), ("a", 1), ("a", 2)]),
        ({"sort": "diameter_red_cells"}, [("a", 1), ("a", 2), ("b", 1)]),
        ({"sort": "cell_class"}, [("b", 1), ("a", 1), ("a", 2)]),
        ({"cell_class": UNCLASSIFIED}, [("a", 2)]),
        ({"cell_class": "blast"}, [("b", 1)]),
        ({"status": "accepted"}, [("b", 1)]),
        ({"status": NOT_REVIEWED}, [("a", 1), ("a", 2)]),
        ({"status": NOT_REVIEWED, "cell_class": "blast"}, []),
    ],
)
def test_cards_are_seen_as_wished(wish, keys):
    assert seen(**wish) == keys


def test_every_sort_is_a_measurement():
    for sort in SORTS:
        assert len(seen(sort=sort)) == 3


def test_the_cells_of_an_image_are_shown_at_one_scale_unless_they_are_large():
    cards = cards_of("a", [CELL, CELL, replace(CELL, equivalent_diameter_px=40.0)])
    assert cards[0].side == cards[1].side == pytest.approx(22)
    assert cards[2].side == pytest.approx(56)
    assert cards_of("a", []) == ()


def test_columns_have_names_and_values_have_words():
    assert {*HEADS} == {*DETAILED_CELL_FIELDS} - {"schema_version"}
    assert [text_of("area_px", v) for v in (None, True, 1234.5, 0.12345, 7)] == ["–", "yes", "1234", "0.123", "7"]
    assert text_of("cell_class", None) == UNCLASSIFIED
    assert (counted(1, 0), counted(3, 2)) == ("1 cell", "3 cells, 2 selected")


def test_rows_without_a_value_come_last_either_way():
    rows = [cell_row(replace(CELL, label=k, certainty=c)) for k, c in ((3, 0.5), (1, None), (2, 0.7))]
    assert [row["label"] for row in in_order(rows, "certainty", False)] == [3, 2, 1]
    assert [row["label"] for row in in_order(rows, "certainty", True)] == [2, 3, 1]
