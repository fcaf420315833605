"""The demo without a display: the same work, in a folder, with a picture of the window."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_all.classes import SUBTYPES
from napari_all.io.masks import read_labels
from napari_all.networks.zoo import list_models


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    lean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "napari_all", "demo", *arguments],
        cwd=folder, env=lean, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
@pytest.mark.skipif(not list_models("classification"), reason="no classifier is bundled")
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_demo_without_a_display(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "napari-all-demo"
    assert str(folder) in done.stderr
    assert "predicted subtype" in done.stderr
    found = read_labels(folder / "sample_smear_labels.tif")
    assert found.labels.max() >= 8
    assert found.sidecar is not None
    assert found.sidecar.parts == "nucleus+cytoplasm"
    with (folder / "subtypes.csv").open(newline="") as stream:
        assert [row["predicted"] in SUBTYPES.names for row in csv.DictReader(stream)] == [True]
    with Image.open(folder / "window.png") as picture:
        assert picture.width >= 1200
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 2000, "a smear is in it, not an empty window"
