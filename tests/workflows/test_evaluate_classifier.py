"""A classifier is measured on a labelled folder, and the report says what the figures are worth."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sklearn")

from napari_all.cli.main import main
from napari_all.data.dataset import find_labelled_images
from napari_all.data.split import make_split, random_folds, write_split
from napari_all.data.synthetic import make_smear
from napari_all.errors import Cancelled, FileExistsRefused, UsageError
from napari_all.io.tables import read_table
from napari_all.monitor import NullMonitor
from napari_all.networks.zoo import find_weights
from napari_all.workflows.classify import ClassifyConfig, classify_image
from napari_all.workflows.evaluate_classifier import REPORT_FILES, evaluate_classifier

CONFIG = ClassifyConfig(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes of four synthetic smears, of two groups each."""
    root = tmp_path_factory.mktemp("labelled")
    rows = ["class,file,overlap_group,appearance_cluster"]
    for label, name in enumerate(("Benign", "Early", "Pre", "Pro")):
        (root / name).mkdir()
        for i in range(4):
            Image.fromarray(make_smear(10 * label + i, (96, 96), 20.0).rgb).save(root / name / f"{i}.png")
            rows.append(f"{name},{i}.png,{10 * label + i},{name}-{i % 2}")
    (root / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return root


def test_the_report_counts_what_the_model_says(folder: Path, tmp_path: Path) -> None:
    report = evaluate_classifier(folder, tmp_path / "r", CONFIG)
    assert sorted(p.name for p in (tmp_path / "r").iterdir()) == sorted(REPORT_FILES)
    rows = read_table(tmp_path / "r" / "predictions.csv")
    assert len(rows) == report.measures.accuracy.images == 16
    assert sum(row["true"] == row["predicted"] for row in rows) == report.measures.accuracy.hits
    assert Counter(row["status"] for row in rows) == {s.status: s.images for s in report.status if s.images}
    assert report.measures.groups == 8
    image = find_labelled_images(folder)[5]
    alone = classify_image(np.asarray(Image.open(image.path)), CONFIG)
    told = next(row for row in rows if row["image"] == image.key)
    assert told["predicted"] == alone.predicted
    assert float(told["confidence"]) == pytest.approx(alone.confidence, rel=1e-3)
    assert json.loads((tmp_path / "r" / "report.json").read_text()) == report.model_dump(mode="json")
    page = (tmp_path / "r" / "report.md").read_text()
    assert "which images the model learned from is not known" in page.lower()
    assert "For research use only" in page
    for name in REPORT_FILES[3:]:
        assert f"]({name})" in page
        with Image.open(tmp_path / "r" / name) as picture:
            assert min(picture.size) > 300


def test_a_part_of_a_split_is_measured_and_its_leaks_are_told(folder: Path, tmp_path: Path) -> None:
    images = find_labelled_images(folder)
    split = random_folds(images, folds=4)[0]
    write_split(tmp_path / "s.json", split, images)
    report = evaluate_classifier(folder, tmp_path / "r", CONFIG, split=tmp_path / "s.json")
    assert report.measures.accuracy.images == len(split.test)
    assert (report.part, report.split_fingerprint) == ("test", split.fingerprint)
    assert any("of a group" in caution and "proves little" in caution for caution in report.cautions)
    by_groups = make_split(
        "grouped",
        images,
        train=[i for i, im in enumerate(images) if im.cluster.endswith("0")][:-1],
        validation=[i for i, im in enumerate(images) if im.cluster.endswith("0")][-1:],
        test=[i for i, im in enumerate(images) if im.cluster.endswith("1")],
    )
    write_split(tmp_path / "g.json", by_groups, images)
    assert evaluate_classifier(folder, tmp_path / "g", CONFIG, split=tmp_path / "g.json").cautions == []
    trained = evaluate_classifier(folder, tmp_path / "t", CONFIG, split=tmp_path / "g.json", part="train")
    assert "trains on" in trained.cautions[0]


def test_images_that_the_model_learned_from_are_named(folder: Path, tmp_path: Path) -> None:
    weights = find_weights("subtype-cellnet")
    for suffix in (".safetensors", ".json"):
        shutil.copy(weights.with_suffix(suffix), tmp_path / f"mine{suffix}")
    images = find_labelled_images(folder)
    split = make_split("x", images, train=range(5), validation=[5], test=range(6, 16))
    write_split(tmp_path / "split.json", split, images)
    config = CONFIG.updated(model=str(tmp_path / "mine.safetensors"))
    report = evaluate_classifier(folder, tmp_path / "r", config)
    assert report.cautions[0].startswith("6 of the 16 images are among those that the model learned from")
    page = (tmp_path / "r" / "report.md").read_text()
    assert page.index("Read this first") < page.index("## Overall")
    asked = evaluate_classifier(folder, tmp_path / "t", config, split=tmp_path / "split.json")
    assert any("learned from none of these" in note for note in asked.notes)
    (tmp_path / "split.json").write_text("{}")
    assert "not known here" in evaluate_classifier(folder, tmp_path / "u", config).notes[0]


def test_one_broken_image_is_named_and_the_others_are_measured(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "overlap_groups.csv").unlink()
    (data / "Pro" / "1.png").write_bytes(b"broken")
    asked = ["evaluate", "classifier", str(data), "--device", "cpu", "--output", str(tmp_path / "r")]
    assert main([*asked, "--json"]) == 1
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert list(report["failed"]) == ["Pro/1.png"]
    assert report["measures"]["accuracy"]["images"] == 15
    assert report["measures"]["accuracy_groups_95"] is None
    assert any("No groups" in note for note in report["notes"])
    assert "Pro/1.png" in said.err
    assert main(asked) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_what_cannot_be_measured_is_refused(folder: Path, tmp_path: Path) -> None:
    images = find_labelled_images(folder)
    split = make_split("x", images, train=range(6), validation=range(6, 16))
    write_split(tmp_path / "s.json", split, images)
    with pytest.raises(UsageError, match="'test' of the split holds no image"):
        evaluate_classifier(folder, tmp_path / "r", CONFIG, split=tmp_path / "s.json")
    with pytest.raises(UsageError, match="no folder"):
        evaluate_classifier(tmp_path / "absent", tmp_path / "r", CONFIG)
    assert not (tmp_path / "r").exists()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "report.md").touch()
    with pytest.raises(FileExistsRefused):
        evaluate_classifier(folder, tmp_path / "r", CONFIG)


def test_it_can_be_stopped_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    class Stopping(NullMonitor):
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        evaluate_classifier(folder, tmp_path / "r", CONFIG, monitor=Stopping())
    assert not (tmp_path / "r").exists()
