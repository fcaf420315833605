"""The work on one image of a batch: it travels, and its steps apart give what they give together."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from PIL import Image

from napari_all.data.synthetic import SyntheticSmear
from napari_all.io.inputs import InputImage
from napari_all.io.sidecar import read_sidecar
from napari_all.monitor import NullMonitor
from napari_all.workflows.segment import make_config
from napari_all.workflows.segment_files import Extras
from napari_all.workflows.segment_task import SegmentTask


@pytest.fixture
def task(tmp_path: Path, field: SyntheticSmear) -> SegmentTask:
    path = tmp_path / "a.png"
    Image.fromarray(field.rgb).save(path)
    return SegmentTask(InputImage(path, "day1/a.png"), tmp_path / "out", make_config("hsv"), Extras())


def test_a_task_that_was_pickled_does_the_same(task: SegmentTask, tmp_path: Path) -> None:
    there = tmp_path / "there"
    sent = pickle.loads(pickle.dumps(SegmentTask(task.image, there, task.config, task.extras)))
    assert sent.run(NullMonitor()) == task.run(NullMonitor())
    files = {p.name: p.read_bytes() for p in (tmp_path / "out" / "day1").iterdir()}
    assert files == {p.name: p.read_bytes() for p in (there / "day1").iterdir()}
    assert len(files) == 4


def test_what_is_held_is_kept_and_told(task: SegmentTask, tmp_path: Path) -> None:
    entry, facts = task.run(NullMonitor())
    held = read_sidecar(tmp_path / "out" / "day1" / "a_labels.tif")
    kept = SegmentTask(task.image, task.output, task.config, task.extras, held=held)
    assert kept.read() == held
    again, told = kept.run(NullMonitor())
    assert (again.status, again.cells, again.outputs, told) == ("skipped", entry.cells, entry.outputs, facts)
