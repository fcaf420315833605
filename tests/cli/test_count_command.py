"""`napari-all count` writes the report that the window writes, once every image is reviewed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from napari_all.cli import main
from napari_all.io.sidecar import Sidecar
from napari_all.project.create import create_project
from napari_all.project.planes import Pixels
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.full((20, 20, 3), 200, np.uint8)).save(tmp_path / "images" / "a.png")
    create_project(tmp_path / "project", tmp_path / "images")
    labels = np.zeros((20, 20), np.int32)
    labels[2:8, 2:8], labels[10:16, 10:16] = 1, 2
    with Project(tmp_path / "project", "Ada") as project:
        take_prediction(project, "a.png", Pixels.of(labels), Sidecar(method="lab"))
        project.set_cell_classes({"a.png": {1: "blast"}})
    return tmp_path / "project"


def test_a_count_needs_every_image_reviewed(folder, tmp_path, capsys):
    output = tmp_path / "count.csv"
    assert main(["count", str(folder), "--output", str(output)]) == 2
    assert "not reviewed (a.png)" in capsys.readouterr().err
    assert not output.exists()
    with Project(folder) as project:
        project.set_status("a.png", "accepted")
    assert main(["count", str(folder), "--output", str(output), "--target", "100", "--json"]) == 0
    told = capsys.readouterr()
    assert "1 of 100 cells counted in 1 images" in told.err
    found = json.loads(told.out)
    assert (found["counted"], found["classes"][0]["name"], found["classes"][0]["share"]) == (1, "blast", 1.0)
    assert output.read_text().splitlines()[1].startswith(",blast,1,1,100")
    assert main(["count", str(folder), "--output", str(output), "--quiet"]) == 2
    assert main(["count", str(folder), "--output", str(output), "--quiet", "--overwrite"]) == 0
    assert main(["count", str(folder), "--output", str(tmp_path / "c.html"), "--target", "0"]) == 2


def test_what_is_no_project_or_open_elsewhere_is_told(folder, tmp_path, capsys):
    assert main(["count", str(tmp_path), "--output", str(tmp_path / "c.html")]) == 1
    assert "no project" in capsys.readouterr().err
    with Project(folder):
        assert main(["count", str(folder), "--output", str(tmp_path / "c.html")]) == 1
