"""A small project that is made in no time."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_of_tests import PREDICTED, SIDECAR, write_images

from napari_all.project.create import create_project
from napari_all.project.predicting import take_prediction
from napari_all.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of three images; the first and the last are predicted."""
    write_images(tmp_path / "images")
    create_project(tmp_path / "project", tmp_path / "images")
    with Project(tmp_path / "project", "me", pause_s=0.01) as project:
        for image in ("a.png", "sub/c.png"):
            take_prediction(project, image, PREDICTED, SIDECAR)
    return tmp_path / "project"
