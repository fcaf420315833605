"""The table of subtypes: rows, their order, and what is selected while both change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_all.gui.subtype_entries import Entry
from napari_all.gui.subtype_table import CONFIDENCE, HEADS, IMAGE, EntriesTable
from napari_all.types import Prediction

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def entry(name: str, confidence: float) -> Entry:
    rest = (1 - confidence) / 3
    found = Prediction("Benign", "review", confidence, (confidence, rest, rest, rest), "m", "0", None)
    return Entry(name, found, path=Path(f"{name}.png"))


@pytest.fixture
def table(qtbot, qtmodeltester):
    table = EntriesTable(lambda paths: None)
    qtbot.addWidget(table)
    table.rows.set_entries([entry("b", 0.5), entry("a", 0.9), entry("d", 0.7), entry("c", 0.7)])
    yield table
    qtmodeltester.check(table.rows)


def names(table):
    return [e.name for e in table.shown()]


def test_equal_values_stay_as_they_were_given_in_both_directions(table):
    table.sortByColumn(CONFIDENCE, UP)
    assert names(table) == ["b", "d", "c", "a"]
    table.sortByColumn(CONFIDENCE, DOWN)
    assert names(table) == ["a", "d", "c", "b"]
    table.sortByColumn(-1, UP)
    assert names(table) == ["b", "a", "d", "c"]


def test_the_selected_entry_stays_selected_wherever_it_goes(table):
    table.selectRow(1)
    for column in range(len(HEADS)):
        for order in (UP, DOWN):
            table.sortByColumn(column, order)
            (index,) = {i.row() for i in table.selectedIndexes()}
            assert table.rows.entry(index).name == "a"


def test_new_predictions_move_rows_and_new_rows_come_in_order(table):
    table.sortByColumn(CONFIDENCE, UP)
    table.selectRow(3)
    table.rows.set_entries([entry("b", 0.5), entry("a", 0.4), entry("d", 0.7), entry("c", 0.7)])
    assert names(table) == ["a", "b", "d", "c"]
    assert {i.row() for i in table.selectedIndexes()} == {0}
    table.rows.set_entries([entry("z", 0.6), entry("y", 0.3)])
    assert names(table) == ["y", "z"]
    table.rows.add_thumbnails({Path("z.png"): np.zeros((8, 8, 3), np.uint8)})
    pictures = [table.rows.index(row, IMAGE).data(Qt.ItemDataRole.DecorationRole) for row in range(2)]
    assert pictures[0] is None
    assert pictures[1] is not None
