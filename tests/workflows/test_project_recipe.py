"""What was corrected in a project, as a recipe that builds the same masks from the images alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import ProjectError
from napari_all.io.sidecar import Sidecar
from napari_all.project.change import Change, change_of_edit, diff_planes
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.segmentation import editing
from napari_all.segmentation.editing import Edit, Mark, polygon_mask
from napari_all.segmentation.instances import relabel
from napari_all.workflows.exact_outline import exact_outlines
from napari_all.workflows.play_recipe import build_mask, play_recipe
from napari_all.workflows.project_recipe import edits_of, field_recipe, project_recipe
from napari_all.workflows.recipe import read_recipe, write_recipe

IMAGE = "Pro/one.png"


@pytest.fixture
def project(tmp_path: Path, smear: SyntheticSmear):
    """A project of a synthetic smear whose cells are predicted as they are, and of a blank image."""
    (tmp_path / "Original" / "Pro").mkdir(parents=True)
    Image.fromarray(smear.rgb).save(tmp_path / "Original" / IMAGE)
    Image.fromarray(np.full((40, 50, 3), 230, np.uint8)).save(tmp_path / "Original" / "Pro" / "blank.png")
    create_project(tmp_path / "project", tmp_path / "Original")
    with Project(tmp_path / "project", "me", pause_s=0.01) as opened:
        marks = np.where((smear.smudges > 0) & (smear.labels == 0), Mark.SMUDGE, Mark.NONE)
        start = Pixels.of(smear.labels, smear.classes, None, marks)
        take_prediction(opened, IMAGE, start, Sidecar(method="unet", parts="nucleus+cytoplasm"))
        yield opened


def edit(project: Project, tool: str, make) -> None:
    """Do one edit as the window does it: `make` gets the labels."""
    one = project.load(IMAGE)
    planes = one.pixels.editable(one.sidecar.parts)
    done: Edit = editing.completed(planes, make(planes.labels))
    project.record(IMAGE, change_of_edit(tool, done, editing.change(planes, done), one.pixels.shape))


def spot(labels: np.ndarray, label: int) -> tuple[int, int]:
    y, x = np.nonzero(labels == label)
    return int(y[len(y) // 2]), int(x[len(x) // 2])


def corrected(project: Project, smear: SyntheticSmear) -> None:
    """Delete, mark, ignore, draw and split cells, undo one of it, and say that the image is corrected."""
    edit(project, "delete", lambda labels: editing.delete_cell(labels, 1))
    edit(project, "mark smudge", lambda labels: editing.mark_cell(labels, 2, "smudge"))
    edit(project, "mark ignore", lambda labels: editing.mark_cell(labels, 3, "ignore"))
    y, x = spot(smear.labels, 4)
    edit(project, "split", lambda labels: editing.split_cell(labels, [(y, x - 60), (y, x + 60)]))
    edit(project, "outline", lambda labels: editing.add_polygon(labels, [(0, 0), (0, 9), (9, 4)]))
    edit(project, "delete", lambda labels: editing.delete_cell(labels, 5))
    project.undo()
    project.set_status(IMAGE, "corrected")


def test_a_recipe_builds_what_was_corrected(project, smear, tmp_path):
    corrected(project, smear)
    recipe = project_recipe(project, "Original", "by me")
    write_recipe(tmp_path / "recipe.json", recipe)
    read = read_recipe(tmp_path / "recipe.json")
    assert read == recipe
    report = play_recipe(read, tmp_path, tmp_path / "masks")
    assert [(line.image, line.error) for line in report] == [(f"Original/{IMAGE}", None)]
    now = project.load(IMAGE).pixels
    mask = build_mask(read.fields[0], tmp_path)
    np.testing.assert_array_equal(mask.labels, relabel(now.labels))
    np.testing.assert_array_equal(mask.smudges, now.marks == Mark.SMUDGE)
    assert mask.ignore[now.ignore].all()
    assert mask.smudges[smear.labels == 2].any()
    assert not mask.labels[smear.labels == 1].any()
    assert mask.labels[smear.labels == 5].all()


def test_a_recipe_tells_what_was_done_by_whom_and_leaves_out_what_nobody_saw(project, smear):
    assert project_recipe(project).fields == ()
    corrected(project, smear)
    (field,) = project_recipe(project).fields
    assert edits_of(project, IMAGE) == {"delete": 1, "mark smudge": 1, "mark ignore": 1, "split": 1, "outline": 1}
    assert field.note.startswith("delete 1, mark ignore 1, mark smudge 1, outline 1, split 1; corrected by me on 20")


def test_an_image_accepted_as_it_was_predicted_has_no_edit(project, smear):
    project.set_status(IMAGE, "accepted")
    (field,) = project_recipe(project).fields
    assert field.note.startswith("no edit; accepted by me")
    assert field.image == IMAGE
    np.testing.assert_array_equal(build_mask(field, project.images_folder).labels, relabel(smear.labels))


def test_a_cell_with_a_hole_comes_back_whole_and_one_in_two_places_is_refused(project):
    before = project.load(IMAGE).pixels
    after = before.copy()
    after.labels[:] = after.classes[:] = after.marks[:] = 0
    after.labels[20:60, 20:50] = 7
    after.labels[30:40, 30:40] = 0
    after.classes[:] = (after.labels > 0) * 2
    project.record(IMAGE, Change("paint", diff_planes(before, after)))
    mask = build_mask(field_recipe(project, IMAGE), project.images_folder)
    np.testing.assert_array_equal(mask.labels, after.labels > 0)
    apart = after.copy()
    apart.labels[150:160, 20:30], apart.classes[150:160, 20:30] = 7, 2
    project.record(IMAGE, Change("paint", diff_planes(after, apart)))
    with pytest.raises(ProjectError, match="in pieces that lie apart"):
        field_recipe(project, IMAGE)


@given(arrays(bool, (9, 11)))
def test_outlines_give_back_exactly_the_pixels(mask):
    filled = [polygon_mask(mask.shape, outline) for outline in exact_outlines(mask)]
    total = np.sum(filled, axis=0) if filled else np.zeros(mask.shape)
    np.testing.assert_array_equal(total, mask)


def test_an_outline_of_a_disc_has_few_points():
    y, x = np.ogrid[:40, :40]
    (outline,) = exact_outlines((y - 20) ** 2 + (x - 18) ** 2 <= 144)
    assert len(outline) <= 36  # its corners are 92
