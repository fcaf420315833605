"""Two people work on copies: each image is taken from whoever worked on it, conflicts are listed, nothing is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from project_of_tests import PREDICTED, SIDECAR, painted

from napari_all.errors import ProjectError, UsageError
from napari_all.io.masks import read_labels
from napari_all.project.log_file import read_log
from napari_all.project.manifest import read_manifest
from napari_all.project.merge import Conflict, merge_copy
from napari_all.project.plane_files import read_image_files
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.project.proposals import compare


@pytest.fixture
def copy(folder: Path) -> Path:
    """A copy of the project for somebody else, made after a first stroke on the first image."""
    with Project(folder, "Ada") as project:
        project.record("a.png", painted(project.load("a.png").pixels, 4, 18, 2))
    shutil.copytree(folder, folder.parent / "copy")
    return folder.parent / "copy"


def paint(folder: Path, who: str, image: str, label: int, top: int, left: int) -> Pixels:
    with Project(folder, who) as project:
        pixels = project.load(image).pixels
        project.record(image, painted(pixels, label, top, left))
    return pixels


def test_each_image_comes_from_who_worked_on_it(folder: Path, copy: Path) -> None:
    mine = paint(folder, "Ada", "sub/c.png", 9, 14, 20)
    hers = paint(copy, "Eva", "a.png", 9, 14, 20)
    with Project(copy, "Eva") as project:
        project.set_status("a.png", "accepted")
        take_prediction(project, "b.png", PREDICTED, SIDECAR)
    with Project(folder, "Ada") as project:
        merged = merge_copy(project, copy, "Eva")
        assert merged.outcomes == {"a.png": "theirs", "b.png": "theirs", "sub/c.png": "ours"}
        assert merged.conflicts == merged.problems == []
        assert project.load("a.png").pixels.same(hers)
        assert project.load("sub/c.png").pixels.same(mine)
        assert [entry.status for entry in project.entries] == ["accepted", "predicted", "in work"]
        assert project.entry("a.png").cells == 5
        assert not project.undo()
    with Project(folder) as project:
        assert project.reports == []
        assert project.load("a.png").pixels.same(hers)
        again = merge_copy(project, copy, "Eva again")
        assert set(again.outcomes.values()) <= {"same", "ours"}
    told = {line.found["who"] for line in read_log(folder / "log" / "a.jsonl").lines}
    assert {"Ada", "Eva"} <= told


def test_labels_changed_by_both_are_a_conflict_and_both_are_kept(folder: Path, copy: Path) -> None:
    mine = paint(folder, "Ada", "a.png", 8, 0, 20)
    hers = paint(copy, "Eva", "a.png", 9, 14, 20)
    with Project(folder, "Ada") as project:
        merged = merge_copy(project, copy, "Eva")
        assert merged.outcomes["a.png"] == "conflict"
        assert merged.conflicts == [Conflict("a.png", "labels", "kept", "Eva")]
        assert project.load("a.png").pixels.same(mine)
        assert project.entry("a.png").flag
        other = read_image_files(project.layout.alternative("a.png", "Eva")).pixels
        assert other.same(hers)
        offers = compare(mine, other)
        assert {(offer.kind, offer.proposed) for offer in offers} == {("new", (9,)), ("gone", ())}
        with pytest.raises(UsageError, match="plain name"):
            merge_copy(project, copy, "Eva")
    assert len(read_log(folder / "alternatives" / "Eva" / "a_labels.jsonl").lines) > 3
    assert read_labels(folder / "alternatives" / "Eva" / "a_labels.tif").labels.max() == 9


def test_values_changed_by_both_are_merged_one_by_one(folder: Path, copy: Path) -> None:
    with Project(folder, "Ada") as project:
        project.set_status("a.png", "corrected")
        project.set_cell_classes({"a.png": {1: "blast", 2: "smudge"}})
    with Project(copy, "Eva") as project:
        project.set_status("a.png", "excluded")
        project.set_cell_classes({"a.png": {2: "lymphocyte", 3: "artefact"}})
    with Project(folder, "Ada") as project:
        merged = merge_copy(project, copy, "Eva")
        assert merged.conflicts == [
            Conflict("a.png", "status", "corrected", "excluded"),
            Conflict("a.png", "cell class 2", "smudge", "lymphocyte"),
        ]
        values = project.load("a.png").values
        assert values.cell_classes == {1: "blast", 2: "smudge", 3: "artefact"}
        assert (values.status, values.flag) == ("corrected", True)


def test_pixels_of_one_and_values_of_the_other_come_together(folder: Path, copy: Path) -> None:
    hers = paint(copy, "Eva", "a.png", 9, 14, 20)
    with Project(folder, "Ada") as project:
        project.set_cell_classes({"a.png": {1: "blast"}})
        merged = merge_copy(project, copy, "Eva")
        assert merged.outcomes["a.png"] == "both"
        assert merged.conflicts == []
        opened = project.load("a.png")
        np.testing.assert_array_equal(opened.pixels.labels, hers.labels)
        assert opened.values.cell_classes == {1: "blast"}


def test_copies_of_other_images_are_refused(folder: Path, copy: Path) -> None:
    paint(copy, "Eva", "a.png", 9, 14, 20)
    path = copy / "project.json"
    path.write_text(path.read_text().replace(read_manifest(path).images[0].sha256, "0" * 64, 1))
    with Project(folder) as project:
        merged = merge_copy(project, copy, "Eva")
        assert "another file" in merged.problems[0]
        with Project(copy), pytest.raises(ProjectError, match="open in another program"):
            merge_copy(project, copy, "Eva2")
        with pytest.raises(ProjectError, match="is no project"):
            merge_copy(project, copy.parent, "Eva3")
