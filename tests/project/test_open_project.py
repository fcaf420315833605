"""A project is made, worked on, closed and opened again: nothing is lost, and other tools read its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from project_of_tests import IMAGES, PREDICTED, SHAPE, SIDECAR, cells, painted, write_images

from napari_all.data.mask_folder import find_pairs, load_item
from napari_all.errors import FileExistsRefused, ProjectError, UsageError
from napari_all.io.masks import read_labels
from napari_all.io.tables import read_table
from napari_all.project.change import Change, diff_planes
from napari_all.project.create import create_project
from napari_all.project.log_file import read_log
from napari_all.project.planes import Pixels
from napari_all.project.predicting import drop_proposal, take_prediction
from napari_all.project.project import Project
from napari_all.segmentation.editing import Mark


def test_a_new_project_knows_its_images(folder: Path) -> None:
    with Project(folder) as project:
        assert project.images == IMAGES
        assert [entry.status for entry in project.entries] == ["predicted", "none", "predicted"]
        assert project.entry("a.png").cells == 3
        assert project.entry("a.png").uncertainty == 0.25
        assert project.reports == []
        opened = project.load("a.png")
        assert opened.pixels.same(PREDICTED)
        assert opened.rgb.shape == (*SHAPE, 3)
        assert opened.sidecar.model == "net"
        assert project.load("b.png").pixels.same(Pixels.empty(SHAPE))
        assert not (folder / "log").exists()  # looking changes nothing


def test_changes_are_there_again_and_training_reads_the_folder(folder: Path) -> None:
    with Project(folder, "me") as project:
        pixels = project.load("a.png").pixels
        project.record("a.png", painted(pixels, 9, 14, 20))
        pixels.marks[0, :5], pixels.ignore[23, :7] = Mark.SMUDGE, True
        project.record("a.png", painted(pixels, 0, 2, 2))
        marked = pixels.copy()
        project.set_cell_classes({"a.png": {9: "blast", 2: "lymphocyte"}})
        project.set_status("a.png", "corrected")
        project.set_flag("b.png", True)
    with Project(folder) as project:
        assert project.reports == []
        entry = project.entry("a.png")
        assert (entry.status, entry.cells, entry.edits) == ("corrected", 4, 4)
        assert 0 < (entry.dice or 0) < 1
        assert project.entry("b.png").flag
        opened = project.load("a.png")
        assert opened.values.cell_classes == {9: "blast", 2: "lymphocyte"}
        np.testing.assert_array_equal(opened.pixels.labels, marked.labels)
    found = read_labels(folder / "labels" / "a_labels.tif")
    assert found.sidecar is not None
    assert (found.sidecar.status, found.sidecar.model) == ("corrected", "net")
    rows = read_table(folder / "labels" / "a_cell_classes.csv")
    assert [(row["label"], row["cell_class"]) for row in rows] == [("2", "lymphocyte"), ("9", "blast")]
    masks = find_pairs(folder.parent / "images", folder / "labels")
    assert [pair.image.name for pair in masks.pairs] == ["a.png"]
    assert load_item(masks.pairs[0], masks).codes.max() == 2


def test_all_four_planes_come_back(folder: Path) -> None:
    with Project(folder) as project:
        pixels = project.load("b.png").pixels
        before = pixels.copy()
        pixels.labels[3, 3], pixels.classes[3, 3] = 70_000, 3
        pixels.ignore[5], pixels.marks[6], pixels.marks[7] = True, Mark.SMUDGE, Mark.ARTEFACT
        project.record("b.png", Change("all", diff_planes(before, pixels)))
    with Project(folder) as project:
        assert project.load("b.png").pixels.same(pixels)
    item = load_item((m := find_pairs(folder.parent / "images", folder / "labels", use_predicted=True)).pairs[0], m)
    assert item.ignore[5].all()
    assert not item.ignore[4].any()
    assert (item.codes[6] == 4).all()


def test_the_log_tells_everything(folder: Path) -> None:
    with Project(folder, "Ada") as project:
        project.record("a.png", painted(project.load("a.png").pixels, 9, 14, 20))
        project.save()
        project.undo()
    lines = [line.found for line in read_log(folder / "log" / "a.jsonl").lines]
    assert [line["action"] for line in lines] == ["begin", "change", "save", "change", "save"]
    assert lines[0]["model_sha256"] == SIDECAR.model_sha256
    assert [line["n"] for line in lines] == [1, 2, 3, 4, 5]
    assert (lines[1]["who"], lines[1]["tool"], lines[1]["cell"]) == ("Ada", "paint", 9)
    assert lines[3]["undoes"] == 2
    assert lines[4]["planes"] == lines[0]["planes"] == PREDICTED.fingerprints()
    assert lines[4]["state"]["status"] == "predicted"
    assert (lines[2]["dice"] < 1, lines[4]["dice"]) == (True, 1)


def test_files_keep_to_the_published_schemas(folder: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    with Project(folder, "Ada") as project:
        project.record("a.png", painted(project.load("a.png").pixels, 9, 14, 20))
        take_prediction(project, "a.png", PREDICTED, SIDECAR)
    schemas = Path(__file__).resolve().parents[2] / "docs" / "schemas"
    manifest = json.loads((schemas / "project.schema.json").read_text())
    jsonschema.validate(json.loads((folder / "project.json").read_text()), manifest)
    lines = (folder / "log" / "a.jsonl").read_text().splitlines()
    line_schema = json.loads((schemas / "project-log.schema.json").read_text())
    for line in lines:
        jsonschema.validate(json.loads(line), line_schema)
    assert {json.loads(line)["action"] for line in lines} == {"begin", "change", "save", "event"}


def test_a_pixel_change_puts_an_image_in_work_and_its_undo_takes_that_back(folder: Path) -> None:
    with Project(folder) as project:
        pixels = project.load("a.png").pixels
        project.set_status("a.png", "accepted")
        project.record("a.png", painted(pixels, 5, 18, 20))
        assert project.entry("a.png").status == "in work"
        (done,) = project.undo()
        assert (done.image, done.change.undoes) == ("a.png", 3)
        assert project.entry("a.png").status == "accepted"
        assert project.load("a.png").pixels.same(PREDICTED)
        project.redo()
        assert project.load("a.png").pixels.same(pixels)
        assert not project.redo()


def test_a_change_that_does_not_fit_changes_nothing(folder: Path) -> None:
    with Project(folder) as project:
        stale = project.load("a.png").pixels
        change = painted(stale, 9, 2, 2)
        project.record("a.png", change)
        with pytest.raises(ProjectError, match="does not fit the labels"):
            project.record("a.png", change)
        with pytest.raises(UsageError, match="unknown image 'x'"):
            project.record("x", change)
        with pytest.raises(UsageError, match="unknown status"):
            project.set_status("a.png", "fine")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="unknown cell class 'blasted'"):
            project.set_cell_classes({"a.png": {1: "blasted"}})
        assert project.load("a.png").pixels.same(stale)
        assert project.entry("a.png").edits == 1


def test_predictions_replace_only_what_nobody_has_touched(folder: Path) -> None:
    other = cells((7, 5, 5))
    with Project(folder) as project:
        project.record("a.png", painted(project.load("a.png").pixels, 9, 14, 20))
        before = project.load("a.png").pixels
        assert take_prediction(project, "a.png", other, SIDECAR) == "proposal"
        assert project.load("a.png").pixels.same(before)
        project.load("sub/c.png")
        assert take_prediction(project, "sub/c.png", other, SIDECAR) == "prediction"
        assert project.load("sub/c.png").pixels.same(other)
        with pytest.raises(ProjectError, match="another file"):
            take_prediction(project, "b.png", other, SIDECAR.updated(image_sha256="0" * 64))
        proposed = project.shelf("a.png", "proposals")
        assert proposed is not None
        assert proposed.pixels.same(other)
        drop_proposal(project, "a.png")
        assert project.shelf("a.png", "proposals") is None
        project.keep(cell_classes=["blast", "mine"], settings={"order": "cells"})
    assert not list((folder / "proposals").iterdir())
    with Project(folder) as project:
        assert project.load("sub/c.png").pixels.same(other)
        assert project.manifest.settings == {"order": "cells"}
        project.set_cell_classes({"sub/c.png": {7: "mine"}})


def test_a_flagged_image_can_be_predicted_anew_after_opening(folder: Path) -> None:
    with Project(folder) as project:
        project.set_flag("a.png", True)
    other = cells((7, 5, 5))
    with Project(folder) as project:
        assert take_prediction(project, "a.png", other, SIDECAR) == "prediction"
        pixels = project.load("a.png").pixels
        project.record("a.png", painted(pixels, 8, 14, 20))
    shutil.rmtree(folder / "labels")
    with Project(folder) as project:
        opened = project.load("a.png")
        assert opened.pixels.same(pixels)
        assert opened.values.flag


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "newer napari-all"),
        ({"version": 0}, "says format 0, from which no way leads"),
        ({"version": "x"}, "says format 'x', which is no number"),
        ({"format": "x"}, "does not belong to a project"),
        ({"images": 3}, "damaged"),
    ],
)
def test_projects_of_another_kind_are_refused(folder: Path, change: dict[str, object], message: str) -> None:
    path = folder / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    before = path.read_bytes()
    with pytest.raises(ProjectError, match=message):
        Project(folder)
    assert path.read_bytes() == before


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is no project"):
        Project(tmp_path)
    write_images(tmp_path)
    with pytest.raises(FileExistsRefused, match="not empty"):
        create_project(tmp_path, tmp_path)


def test_another_image_under_the_same_name_is_refused(folder: Path) -> None:
    shutil.copy(folder.parent / "images" / "b.png", folder.parent / "images" / "a.png")
    with Project(folder) as project, pytest.raises(ProjectError, match="another file"):
        project.load("a.png")


def test_images_may_have_moved(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder.parent / "images", tmp_path / "elsewhere")
    with Project(folder, images=tmp_path / "elsewhere") as project:
        assert project.load("a.png").pixels.same(PREDICTED)
