"""Tables of predicted subtypes: columns, failures, stops, resuming, cells.

A stand-in predicts from the mean colour, so that the rules of the table are tested apart from any model.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from napari_all.classes import SUBTYPES
from napari_all.data.synthetic import SyntheticSmear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.types import Prediction, RGBImage
from napari_all.workflows import classify_batch as module
from napari_all.workflows import classify_task
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch, classify_images
from napari_all.workflows.classify_cells import window
from napari_all.workflows.segment import make_config


@dataclass
class ByColour:
    device_line: str = "CPU, because this is a test"
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def predict(self, rgb: RGBImage) -> Prediction:
        self.seen.append(rgb.shape)
        scores = np.exp(np.append(rgb.reshape(-1, 3).mean(0) / 40, 4.0))
        p = scores / scores.sum()
        best = int(p.argmax())
        return Prediction(
            SUBTYPES.names[best], "confident", float(p[best]), tuple(map(float, p)), "by-colour", "f" * 64, 0.25
        )

    def predict_batch(self, images: list[RGBImage]) -> list[Prediction]:
        return [self.predict(image) for image in images]


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> ByColour:
    found = ByColour()
    monkeypatch.setattr(classify_task, "predictor_of", lambda config: found)
    monkeypatch.setattr(module, "model_sha256", lambda config: "f" * 64)
    return found


@pytest.fixture
def folder(tmp_path: Path, field: SyntheticSmear) -> Path:
    source = tmp_path / "images"
    (source / "sub").mkdir(parents=True)
    Image.fromarray(field.rgb).save(source / "a.png")
    Image.fromarray(255 - field.rgb).save(source / "sub" / "b.png")
    (source / "c.png").write_text("no image")
    return source


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_table_and_record(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    table = tmp_path / "out.csv"
    record = classify_batch([folder], table, ClassifyConfig())
    rows = rows_of(table)
    assert list(rows[0])[:9] == [
        "image", "predicted", "status", "confidence", "p_benign", "p_early_pre_b", "p_pre_b", "p_pro_b", "model",
    ]  # fmt: skip
    assert [r["image"] for r in rows] == ["a.png", "sub/b.png"]
    for row in rows:
        p = [float(row[f"p_{key}"]) for key in SUBTYPES.keys]
        assert sum(p) == pytest.approx(1, abs=1e-4)
        assert row["predicted"] == SUBTYPES.names[int(np.argmax(p))]
        assert float(row["confidence"]) == pytest.approx(max(p))
    assert [e.status for e in record.inputs] == ["done", "failed", "done"]
    assert (record.model, record.model_sha256, record.complete) == ("by-colour", "f" * 64, True)
    stored = json.loads((tmp_path / "out_run.json").read_text())
    assert stored == record.model_dump(mode="json")
    assert "supported kind" in stored["inputs"][1]["error"]
    assert str(tmp_path) not in json.dumps(stored)


def test_window_and_command_line_get_the_same(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    shown = classify_images([folder], ClassifyConfig())
    written = classify_batch([folder], tmp_path / "out.csv", ClassifyConfig()).inputs
    assert [e.prediction for e in shown] == [e.prediction for e in written]
    assert [e.error for e in shown] == [e.error for e in written]


class StopAfterOne:
    def __init__(self) -> None:
        self.done = 0

    def report(self, stage: str, done: int, total: int) -> None:
        self.done = done

    def message(self, text: str) -> None:
        pass

    def raise_if_cancelled(self) -> None:
        if self.done >= 1:
            raise Cancelled("stopped by the test")


def test_stop_keeps_rows_and_resume_does_the_rest(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    table = tmp_path / "out.csv"
    record = classify_batch([folder], table, ClassifyConfig(), monitor=StopAfterOne())
    assert not record.complete
    assert [r["image"] for r in rows_of(table)] == ["a.png"]
    with pytest.raises(FileExistsRefused, match="--resume"):
        classify_batch([folder], table, ClassifyConfig())
    predictor.seen.clear()
    resumed = classify_batch([folder], table, ClassifyConfig(), resume=True)
    assert [e.status for e in resumed.inputs] == ["skipped", "failed", "done"]
    assert len(predictor.seen) == 1
    assert [r["image"] for r in rows_of(table)] == ["a.png", "sub/b.png"]
    other = classify_batch([folder], table, ClassifyConfig(model="another"), resume=True)
    assert [e.status for e in other.inputs] == ["done", "failed", "done"]
    (folder / "a.png").write_bytes((folder / "sub" / "b.png").read_bytes())
    changed = classify_batch([folder], table, ClassifyConfig(model="another"), resume=True)
    assert [e.status for e in changed.inputs] == ["done", "failed", "skipped"]


def test_wrong_ending_is_refused(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    with pytest.raises(UsageError, match=r"\.csv"):
        classify_batch([folder], tmp_path / "out.xlsx", ClassifyConfig())


def test_cells_from_labels_and_from_a_method(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    hsv = make_config("hsv")
    segment_batch([folder / "a.png"], tmp_path / "labels", hsv)
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    record = classify_batch([folder / "a.png"], one, ClassifyConfig(), cells=tmp_path / "labels")
    classify_batch([folder / "a.png"], two, ClassifyConfig(), cells=hsv)
    rows = rows_of(tmp_path / "one_cells.csv")
    assert rows == rows_of(tmp_path / "two_cells.csv")
    cells = rows_of(tmp_path / "labels" / "a_cells.csv")
    assert [(r["label"], r["y"], r["x"]) for r in rows] == [(r["label"], r["y"], r["x"]) for r in cells]
    assert record.inputs[0].cells == len(rows) > 3
    assert {r["status"] for r in rows} == {"review"}
    assert all("exploratory" in r["note"] for r in rows)
    with pytest.raises(FileExistsRefused):
        classify_batch([folder / "a.png"], one, ClassifyConfig(), cells=tmp_path / "labels")
    classify_batch([folder / "a.png"], one, ClassifyConfig(), cells=tmp_path / "labels", resume=True)
    assert rows_of(tmp_path / "one_cells.csv") == rows, "kept images keep their cells"


def test_cells_without_labels_fail_by_image(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    (tmp_path / "labels").mkdir()
    record = classify_batch([folder / "a.png"], tmp_path / "o.csv", ClassifyConfig(), cells=tmp_path / "labels")
    assert "segment it first" in (record.inputs[0].error or "")
    with pytest.raises(UsageError, match="does not exist"):
        classify_batch([folder], tmp_path / "p.csv", ClassifyConfig(), cells=tmp_path / "nowhere")


@pytest.mark.parametrize(("y", "x", "corner"), [(0, 0, (0, 0)), (50, 60, (40, 50)), (99, 119, (80, 100))])
def test_window_stays_inside(y: float, x: float, corner: tuple[int, int]) -> None:
    rgb = np.zeros((100, 120, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = np.mgrid[:100, :120]
    cut = window(rgb, SimpleNamespace(y=y, x=x), 20)  # type: ignore[arg-type]
    assert cut.shape == (20, 20, 3)
    assert tuple(cut[0, 0, :2]) == corner
    assert window(rgb, SimpleNamespace(y=y, x=x), 500).shape == rgb.shape  # type: ignore[arg-type]


def test_a_page_with_thumbnails_also_of_rows_that_are_kept(folder: Path, tmp_path: Path, predictor: ByColour) -> None:
    table, page = tmp_path / "out.csv", tmp_path / "out.html"
    classify_batch([folder], table, ClassifyConfig())
    seen = len(predictor.seen)
    classify_batch([folder], table, ClassifyConfig(), report=page, resume=True)
    assert len(predictor.seen) == seen
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 2
    assert "c.png" in text
    assert str(tmp_path) not in text
    with pytest.raises(FileExistsRefused, match=r"out\.csv"):
        classify_batch([folder], table, ClassifyConfig(), report=page)
    with pytest.raises(UsageError, match=r"\.html"):
        classify_batch([folder], tmp_path / "new.csv", ClassifyConfig(), report=tmp_path / "new.csv")
