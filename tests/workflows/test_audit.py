"""An audit finds a planted shortcut in data and in a model, says so, and says so where there is none."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.classes import SUBTYPES
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.scalebar import background_colour
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.evaluation.audit_report import SAME_CLASS, BackgroundChange
from napari_all.evaluation.audit_verdict import OTHER_CLASS
from napari_all.monitor import NullMonitor
from napari_all.types import Prediction, RGBImage
from napari_all.workflows.audit import audit
from napari_all.workflows.audit_config import AuditConfig, AuditData
from napari_all.workflows.audit_model import (
    background_changes,
    bar_changes,
    blanked,
    predict,
    prepare_sample,
    sample_images,
)
from napari_all.workflows.segment import make_config

QUICK = AuditConfig(exchange_method="lab", per_class=2, trees=15)


def plant(folder: Path, per_class: int, tint: float) -> Path:
    """Write Benign and Pro-B smears of one kind; the light of the second is tinted; sessions of three fields each."""
    rows = ["class,file,overlap_group,appearance_cluster"]
    for label, name in enumerate(("Benign", "Pro")):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            seed = 2 * number + label
            smear = make_smear(
                seed, (128, 128), 20.0, stain="purple-grey", n_white=5, illumination=0.0, blur_px=0.5, scale_bar=False
            )
            light = np.random.default_rng(seed).uniform(0.92, 1.0) * np.array([1.0, 1.0, 1.0 - tint * label])
            Image.fromarray((smear.rgb * light).astype(np.uint8)).save(folder / name / f"{number:03d}.png")
            rows.append(f"{name},{number:03d}.png,{seed},{name}-{number // 3}")
    (folder / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def tinted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("tinted"), 12, 0.12)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("plain"), 12, 0.0)


def test_a_planted_shortcut_is_called_out(tinted: Path, tmp_path: Path) -> None:
    report = audit(AuditData(tinted), tmp_path / "out", config=QUICK)
    scores = {(s.descriptor, s.split): s for s in report.shortcuts}
    for split in ("random", "blocks", "clusters"):
        assert scores["background_colour", split].level == "clear"
        assert scores["scale_bar_corner", split].accuracy <= scores["background_colour", split].accuracy
    assert "proves little" in report.verdict[0]
    assert "clearly" in report.verdict[1]
    assert report.classes == {"Benign": 12, "Pro-B": 12}
    assert (report.overlap.source, report.overlap.groups, report.overlap.clusters) == ("table", 0, 8)
    stored = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert stored["verdict"] == report.verdict
    page = (tmp_path / "out" / "audit.md").read_text()
    assert page.index("proves little") < page.index("## What tells the class")
    assert "shortcuts.png" in page
    assert "composites.png" not in page
    assert "<table>" in (tmp_path / "out" / "audit.html").read_text()
    with (tmp_path / "out" / "quality.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows][:2] == ["Benign/000.png", "Benign/001.png"]
    with pytest.raises(FileExistsRefused, match="--overwrite"):
        audit(AuditData(tinted), tmp_path / "out", config=QUICK)


def test_without_a_shortcut_it_says_so_and_finds_the_groups_itself(plain: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(plain, data)
    (data / "overlap_groups.csv").unlink()
    shutil.copy(data / "Benign" / "003.png", data / "Benign" / "900.png")  # shows the same field
    (data / "Pre").mkdir()
    shutil.copy(data / "Pro" / "001.png", data / "Pre" / "x.png")
    (data / "Pro" / "broken.png").write_bytes(b"no image")
    report = audit(AuditData(data), tmp_path / "out", config=QUICK)
    assert "proves little" not in " ".join(report.verdict)
    assert all(s.level != "clear" for s in report.shortcuts if not s.sees_cells and s.split != "random")
    assert report.overlap.source == "computed"
    assert report.overlap.images >= 2
    assert [f.image for f in report.failed] == ["Pro/broken.png"]
    assert any("Pre-B has 1 images" in note for note in report.notes)
    assert {s.images for s in report.shortcuts} <= {25}
    found = (tmp_path / "out" / "overlap_groups.csv").read_text()
    assert "900.png" in found


def test_one_class_alone_gets_quality_and_no_shortcuts(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain / "Benign", tmp_path / "data" / "Benign")
    (tmp_path / "data" / "overlap_groups.csv").write_text((plain / "overlap_groups.csv").read_text())
    report = audit(AuditData(tmp_path / "data"), tmp_path / "out", config=QUICK)
    assert report.shortcuts == []
    assert any("two classes" in note for note in report.notes)
    assert not (tmp_path / "out" / "shortcuts.png").exists()
    with pytest.raises(UsageError, match="no folder"):
        audit(AuditData(tmp_path / "nowhere"), tmp_path / "other", config=QUICK)


def test_cancelled_it_leaves_nothing(plain: Path, tmp_path: Path) -> None:
    class StopAtShortcuts(NullMonitor):
        stage = ""

        def report(self, stage: str, done: int, total: int) -> None:
            self.stage = stage

        def raise_if_cancelled(self) -> None:
            if self.stage == "shortcuts":
                raise Cancelled("stop")

    with pytest.raises(Cancelled):
        audit(AuditData(plain), tmp_path / "out", config=QUICK, monitor=StopAtShortcuts())
    assert not (tmp_path / "out").exists()


class ByBackground:
    """A model that has learnt the shortcut: yellow light means Pro-B."""

    def predict_batch(self, images: Sequence[RGBImage]) -> list[Prediction]:
        return [prediction("Pro-B" if yellow(rgb) else "Benign") for rgb in images]


class ByCells:
    """A model that looks at nothing but dark pixels in the upper half."""

    def predict_batch(self, images: Sequence[RGBImage]) -> list[Prediction]:
        dark = [(rgb[: len(rgb) // 2, :, 1] < 110).mean() for rgb in images]
        return [prediction("Pro-B" if share > 0.02 else "Benign") for share in dark]


def yellow(rgb: RGBImage) -> bool:
    red, _, blue = background_colour(rgb).astype(float)
    return bool(blue / red < 0.94)


def prediction(name: str) -> Prediction:
    chances = tuple(float(n == name) for n in SUBTYPES.names)
    return Prediction(name, "confident", 1.0, chances, "made up", "0", 0.0)


def changes(found: list[BackgroundChange], origin: str) -> BackgroundChange:
    return next(c for c in found if c.origin == origin and c.light == "as photographed")


def test_a_model_that_looks_at_the_background_is_caught(tinted: Path) -> None:
    images = sample_images(find_labelled_images(tinted), 4, 0)
    assert len({i.cluster for i in images}) == 8, "one of each session"
    watch = NullMonitor()
    sample = prepare_sample(images, make_config("lab"), watch)
    model = ByBackground()
    whole = predict(model, [s.rgb for s in sample], watch, "whole")
    assert np.array_equal(whole, [i.label for i in images])
    found, shown = background_changes(model, sample, whole, 0, watch)
    assert changes(found, OTHER_CLASS).share == 1.0
    assert changes(found, OTHER_CLASS).towards == changes(found, OTHER_CLASS).count == 8
    assert changes(found, SAME_CLASS).share == 0.0
    assert len(shown) >= 3
    without = next(s for s in blanked(model, sample, whole, watch) if s.what == "without white cells")
    assert without.share == 1.0


def test_a_model_that_looks_at_cells_is_left_in_peace(tinted: Path) -> None:
    watch = NullMonitor()
    sample = prepare_sample(sample_images(find_labelled_images(tinted), 4, 0), make_config("lab"), watch)
    model = ByCells()
    whole = predict(model, [s.rgb for s in sample], watch, "whole")
    found, _ = background_changes(model, sample, whole, 0, watch)
    assert changes(found, OTHER_CLASS).share <= 0.25
    bars = bar_changes(model, sample, whole, watch)
    assert [b.what for b in bars] == [
        "added or exchanged: black text in a white box",
        "added or exchanged: red text without a box",
        "added or exchanged: large white box",
    ]
    assert all(b.count == 0 for b in bars)


def test_the_sample_takes_clusters_in_turn() -> None:
    images = [LabelledImage(Path(str(i)), str(i), 0, "large" if i < 90 else "small") for i in range(100)]
    chosen = sample_images(images, 10, 3)
    assert sum(i.cluster == "small" for i in chosen) == 5
    assert chosen == sample_images(images, 10, 3)
