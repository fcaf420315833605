"""Cells of a project as its files hold them, and their pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_all.engine.jobs import JOBS
from napari_all.io.sidecar import Sidecar
from napari_all.monitor import NullMonitor
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project
from napari_all.workflows.project_cells import OUTSIDE, crop, crops, saved_cells

DOUBT = 51


@pytest.fixture
def folder(tmp_path):
    """A project of two images; the first has two cells and is predicted, the second has no labels."""
    rgb = np.full((40, 60, 3), 240, np.uint8)
    labels = np.zeros((40, 60), np.int32)
    labels[5:15, 5:15], labels[20:36, 30:46] = 1, 2
    rgb[labels > 0] = (120, 60, 180)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(rgb).save(tmp_path / "images" / name)
        rgb[0, 0] += 1
    create_project(tmp_path / "project", tmp_path / "images")
    with Project(tmp_path / "project") as project:
        doubt = np.full(labels.shape, DOUBT, np.uint8)
        take_prediction(project, "a.png", Pixels.of(labels), Sidecar(method="unet", parts="cell"), doubt)
    return tmp_path / "project"


def test_cells_are_measured_on_labels_image_and_doubt(folder):
    with Project(folder) as project:
        project.set_cell_classes({"a.png": {2: "blast"}})
        project.save()
        layout, images = project.layout, project.images_folder
    found = saved_cells(layout, images, "a.png")
    assert [(cell.label, cell.area_px, cell.cell_class) for cell in found.cells] == [(1, 100, None), (2, 256, "blast")]
    assert {cell.mean_red for cell in found.cells} == {120}
    assert found.cells[0].certainty == pytest.approx(1 - DOUBT / 255)
    layout.uncertainty("a.png").write_bytes(b"damaged")
    assert saved_cells(layout, images, "a.png").cells[0].certainty is None
    assert saved_cells(layout, images, "b.png").cells == ()


def test_the_engine_goes_on_after_an_image_that_is_gone(folder):
    (folder.parent / "images" / "a.png").unlink()
    config = {"folder": str(folder), "images_folder": str(folder.parent / "images"), "images": ["a.png", "b.png"]}
    told = JOBS["project_cells"](config, {}, NullMonitor()).value
    assert [*told["images"]] == ["b.png"]
    assert "a.png" in told["failed"]


def test_a_crop_shows_the_place_in_the_middle_and_grey_beyond_the_border(folder):
    path = folder.parent / "images" / "a.png"
    found = crops(path, [(9.5, 9.5, 20), (0, 0, 20), (27.5, 37.5, 10)], 20)
    assert found.shape == (3, 20, 20, 3)
    assert (found[0, 6:14, 6:14] == (120, 60, 180)).all()
    assert (found[0, 0] == 240).all()
    assert (found[1, :9, :9] == OUTSIDE).all()
    assert (found[2, 2:18, 2:18] == (120, 60, 180)).all(), "twice as large"
    rgb = np.zeros((41, 41, 3), np.uint8)
    rgb[20, 20] = 255
    small = crop(rgb, (20, 20, 21), 21)
    assert np.argwhere(small[..., 0] > 127).tolist() == [[10, 10]]
