"""Classes of a project's cells: kept, counted over all images, and true to their cells through every edit."""

from __future__ import annotations

import numpy as np
import pytest
from project_of_tests import PREDICTED, SIDECAR, cells, painted

from napari_all.errors import UsageError
from napari_all.project.cell_classes import classes_of, counted_images, following, keep_classes
from napari_all.project.change import Change, diff_planes
from napari_all.project.planes import Values
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.segmentation.cell_classes import UNCLASSIFIED, CellClass, CellClasses
from napari_all.segmentation.editing import CellIndex

CLASSED = Values("in work", cell_classes={1: "blast", 2: "lymphocyte"})


def followed(after, values=CLASSED, before=PREDICTED):
    """Return the classes of the cells once labels have become `after`."""
    change = Change("edit", diff_planes(before, after))
    change = following(values, change, after.labels, CellIndex(after.labels))
    found = dict(values.cell_classes)
    for value in change.values:
        assert found.get(value.cell) == value.before
        found[value.cell] = value.after
    return {label: name for label, name in found.items() if name is not None}


def relabelled(table):
    numbers = np.arange(10)
    numbers[list(table)] = list(table.values())
    after = PREDICTED.copy()
    after.labels[:] = numbers[PREDICTED.labels]
    return after


def test_a_class_stays_with_a_cell_that_is_painted_or_cut():
    after = PREDICTED.copy()
    painted(after, 1, 0, 0)
    assert followed(after) == {1: "blast", 2: "lymphocyte"}
    after.labels[2:8, 2:4] = 9  # the smaller piece gets a number of its own
    assert followed(after) == {1: "blast", 2: "lymphocyte"}


def test_a_class_goes_with_its_cell_and_leaves_with_it():
    assert followed(relabelled({1: 2, 2: 3, 3: 1})) == {2: "blast", 3: "lymphocyte"}
    assert followed(relabelled({1: 7})) == {7: "blast", 2: "lymphocyte"}
    assert followed(relabelled({1: 0})) == {2: "lymphocyte"}
    assert followed(relabelled({2: 1})) == {1: "blast"}, "the cell that is merged into keeps its class"
    assert followed(relabelled({1: 3})) == {2: "lymphocyte"}, "or that it has none"
    assert followed(PREDICTED.copy()) == {1: "blast", 2: "lymphocyte"}
    assert followed(relabelled({1: 2, 2: 1}), Values()) == {}


def test_a_class_follows_where_most_of_the_cell_goes():
    after = PREDICTED.copy()
    after.labels[2:6, 2:8] = 8
    assert followed(after) == {8: "blast", 2: "lymphocyte"}
    after.labels[6:8, 2:8] = 9
    assert followed(after) == {8: "blast", 2: "lymphocyte"}


def test_one_undo_brings_a_cell_and_its_class_back(folder):
    with Project(folder) as project:
        project.set_cell_classes({"a.png": {1: "blast"}})
        pixels = project.load("a.png").pixels
        before = pixels.copy()
        pixels.labels[pixels.labels == 1] = 0
        pixels.classes[pixels.labels == 0] = 0
        change = Change("delete", diff_planes(before, pixels))
        change = following(project.values("a.png"), change, pixels.labels, CellIndex(pixels.labels))
        project.record("a.png", change)
        assert project.values("a.png").cell_classes == {}
        project.undo()
        assert project.values("a.png").cell_classes == {1: "blast"}


def test_every_cell_of_every_image_is_counted_saved_or_not(folder):
    with Project(folder, "me", pause_s=1000) as project:
        project.set_cell_classes({"a.png": {1: "blast", 2: "blast"}})
        unsaved = counted_images(project, 100)
        project.save()
        saved = counted_images(project, 100)
        assert not project.unsaved
    for found in (unsaved, saved):
        assert found.status_by_image == {"a.png": "predicted", "b.png": "none", "sub/c.png": "predicted"}
        assert {name: len(classes) for name, classes in found.classes_by_image.items()} == {
            "a.png": 3, "b.png": 0, "sub/c.png": 3,
        }  # fmt: skip
        together = found.together()
        assert (together.counted, together.unclassified, found.who) == (2, 4, "me")


def test_a_damaged_table_of_classes_counts_as_none_until_the_image_is_opened(folder):
    with Project(folder, pause_s=0.01) as project:
        project.set_cell_classes({"a.png": {1: "blast"}})
    (folder / "labels" / "a_cell_classes.csv").write_text("label,cell_class\nx,blast\n")
    with Project(folder) as project:
        assert counted_images(project, 100).together().counted == 0
        project.load("a.png")
        project.save()
        assert counted_images(project, 100).together().counted == 1


def test_classes_of_ones_own_are_kept_with_colour_and_whether_they_count(folder):
    own = CellClasses(
        classes=(
            CellClass(name="prolymphocyte", colour="#123456"),
            CellClass(name="blast", counted=False),
            CellClass(name=UNCLASSIFIED, counted=False),
        )
    )
    with Project(folder) as project:
        assert classes_of(project.manifest) == CellClasses()
        project.keep(cell_classes=["blast", "mine"])
        assert classes_of(project.manifest).names == ("blast", "mine", UNCLASSIFIED)
        keep_classes(project, own)
    with Project(folder) as project:
        found = classes_of(project.manifest)
        assert found.classes[:2] == own.classes[:2]
        assert found.counted == ("prolymphocyte",)
        project.set_cell_classes({"a.png": {1: "prolymphocyte"}})
        with pytest.raises(UsageError, match="still classified 'prolymphocyte'"):
            keep_classes(project, CellClasses())
        assert classes_of(project.manifest) == found


def test_how_unsure_the_network_was_is_kept_beside_its_prediction(folder):
    doubt = np.full(PREDICTED.shape, 51, np.uint8)
    with Project(folder) as project:
        path = project.layout.uncertainty("b.png")
        take_prediction(project, "b.png", PREDICTED, SIDECAR, doubt)
        assert path.exists()
        take_prediction(project, "b.png", cells((1, 2, 2)), SIDECAR)
        assert not path.exists(), "it told of another prediction"
