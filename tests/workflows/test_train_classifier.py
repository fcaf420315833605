"""A classifier from a dataset folder: files, honest figures, refusals, stops, resuming, and the model in use."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("sklearn")

from napari_all.classification.predictor import load_predictor  # noqa: E402
from napari_all.cli import main  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.errors import CheckpointError, FileExistsRefused, UsageError  # noqa: E402
from napari_all.io.images import read_image  # noqa: E402
from napari_all.monitor import NullMonitor  # noqa: E402
from napari_all.networks.checkpoint import load_checkpoint  # noqa: E402
from napari_all.training.curves import read_curves  # noqa: E402
from napari_all.workflows.train_classifier import check_classifier_data, train_classifier  # noqa: E402
from napari_all.workflows.train_classifier_config import make_classifier_config, settable  # noqa: E402

TINY = ("size_px=32", "epochs=2", "steps_per_epoch=2", "batch_size=8", "device=cpu", "precision=float32", "average=0.6")
NAMES = {"Benign": "Benign", "Early": "Early Pre-B", "Pre": "Pre-B", "Pro": "Pro-B"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make four classes of ten smears in five clusters each, told apart by their tint."""
    root = tmp_path_factory.mktemp("dataset")
    rows = ["class,file,overlap_group,appearance_cluster"]
    smears = [make_smear(seed, (64, 64), 16.0).rgb for seed in range(10)]
    for label, name in enumerate(NAMES):
        (root / "Original" / name).mkdir(parents=True)
        for i, rgb in enumerate(smears):
            tinted = np.clip(rgb.astype(int) - np.eye(4, dtype=int)[label][:3] * 40, 0, 255).astype(np.uint8)
            Image.fromarray(tinted).save(root / "Original" / name / f"{i}.png")
            rows.append(f"{name},{i}.png,{label * 10 + i},{name}-{i // 2}")
    (root / "overlap_groups.csv").write_text("\n".join(rows) + "\n")
    return root


def train(folder: Path, output: Path, *more: str, **rules: Any) -> Any:
    return train_classifier(folder, output, make_classifier_config([*TINY, *more]), **rules)


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of the default network."""
    torch.set_num_threads(1)
    output = tmp_path_factory.mktemp("finished") / "run"
    train(folder, output)
    return output


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_run_leaves_model_split_predictions_and_figures_that_agree(finished, folder):
    assert {path.name for path in finished.iterdir()} == {
        "my-classifier.safetensors", "my-classifier.json", "report.json", "report.md", "settings.json", "split.json",
        "predictions.csv", "curves.csv", "curves.png", "confusion.png", "roc.png", "precision_recall.png",
        "reliability.png", "last.ckpt", "best.ckpt",
    }  # fmt: skip
    report = json.loads((finished / "report.json").read_text())
    split = json.loads((finished / "split.json").read_text())
    rows = rows_of(finished / "predictions.csv")
    for part in ("validation", "test"):
        of = [row for row in rows if row["part"] == part]
        assert sorted(row["image"] for row in of) == sorted(split[part])
        right = sum(row["true"] == row["predicted"] for row in of)
        assert report[part]["measures"]["accuracy"]["hits"] == right
        assert sum(s["of_all"]["hits"] for s in report[part]["status"].values()) == len(of)
    assert all(row["true"] == NAMES[row["image"].partition("/")[0]] for row in rows)
    assert report["train_accuracy"]["images"] == len(split["train"])
    card = load_checkpoint(finished / "my-classifier.safetensors", "classification").card
    assert (card.backbone, card.input.size_px, card.extra["view"]) == ("cellnet", 32, "balanced+mask")
    assert card.extra["split"]["fingerprint"] == split["fingerprint"] == report["data"]["split_fingerprint"]
    assert card.metrics["test_accuracy"] == report["test"]["measures"]["accuracy"]["value"]
    assert str(folder) not in (finished / "my-classifier.json").read_text(), "no machine paths in what is passed on"
    page = (finished / "report.md").read_text()
    assert "For research use only" in page
    assert report["audit"]["verdict"] in page


def test_the_model_in_use_says_what_the_table_says(finished, folder):
    predictor = load_predictor(finished / "my-classifier.safetensors", "cpu")
    rows = rows_of(finished / "predictions.csv")[::3]
    found = predictor.predict_batch([read_image(folder / "Original" / row["image"])[1] for row in rows])
    for row, prediction in zip(rows, found, strict=True):
        told = [float(row[f"p_{key}"]) for key in ("benign", "early_pre_b", "pre_b", "pro_b")]
        assert prediction.probabilities == pytest.approx(told, abs=2e-4)
        assert prediction.unfamiliarity == pytest.approx(float(row["unfamiliarity"]), abs=2e-2)
        assert prediction.predicted == row["predicted"]


def test_groups_stay_whole(finished):
    split = json.loads((finished / "split.json").read_text())
    group = {key: (key.split("/")[0], int(key.split("/")[1].split(".")[0]) // 2) for part in
             ("train", "validation", "test") for key in split[part]}  # fmt: skip
    sides = [{group[key] for key in split[part]} for part in ("train", "validation", "test")]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_a_second_run_is_refused_and_a_resumed_one_goes_on(finished, folder, tmp_path):
    with pytest.raises(FileExistsRefused, match="--resume to go on"):
        train(folder, finished)
    output = tmp_path / "run"
    train(folder, output, "epochs=1")
    for changed in ("batch_size=9", "split_seed=1", "view=balanced+mask"):
        with pytest.raises(CheckpointError, match="was begun with other"):
            train(folder, output, changed, resume=True)
    train(folder, output, resume=True)
    assert [row["epoch"] for row in read_curves(output)] == [1, 2]
    train(folder, output, "epochs=1", overwrite=True)
    assert [row["epoch"] for row in read_curves(output)] == [1]


def test_a_stop_keeps_the_best_epoch(folder, tmp_path):
    class Late(NullMonitor):
        steps = 0

        def report(self, stage: str, done: int, total: int) -> None:
            self.steps = done if stage == "train" else self.steps

        def raise_if_cancelled(self) -> None:
            from napari_all.errors import Cancelled

            if self.steps >= 3:
                raise Cancelled("asked to")

    report = train(folder, tmp_path, monitor=Late())
    assert (report.cancelled, report.epoch) == (True, 1)
    assert load_checkpoint(tmp_path / "my-classifier.safetensors").card.extra["epoch"] == 1


def test_splits_by_rule_by_chance_and_from_a_file(finished, folder, tmp_path):
    sizes = {}
    for split in ("paper", "random", "grouped"):
        summary = check_classifier_data(folder, make_classifier_config([*TINY, f"split={split}"]))
        sizes[split] = {part: sum(of.values()) for part, of in summary.images.items()}
        assert summary.leaks == (split != "grouped"), split
    assert sizes["paper"] == {"train": 28, "validation": 4, "test": 8}
    again = check_classifier_data(folder, make_classifier_config([*TINY, f"split={finished / 'split.json'}"]))
    report = json.loads((finished / "report.json").read_text())
    assert again.split_fingerprint == report["data"]["split_fingerprint"]
    folds = {
        check_classifier_data(folder, make_classifier_config([*TINY, f"fold={k}"])).split_fingerprint for k in range(5)
    }
    assert len(folds) == 5
    with pytest.raises(UsageError, match="fold = 5: of 5 folds"):
        check_classifier_data(folder, make_classifier_config([*TINY, "fold=5"]))
    with pytest.raises(UsageError, match="no file and none of paper, random, grouped"):
        check_classifier_data(folder, make_classifier_config([*TINY, "split=papper"]))


def test_a_training_begins_from_a_model(finished, folder, tmp_path):
    model = finished / "my-classifier.safetensors"
    asked = (f"init={model}", "learning_rate=1e-12", "average=0", "epochs=1")
    train(folder, tmp_path / "run", *asked)
    before, after = (load_checkpoint(p) for p in (model, tmp_path / "run" / "my-classifier.safetensors"))
    np.testing.assert_allclose(after.tensors["stem.0.weight"], before.tensors["stem.0.weight"], atol=1e-3)
    with pytest.raises(UsageError, match="is a 'cellnet'; choose this backbone"):
        train(folder, tmp_path / "other", f"init={model}", "backbone=mobilenet_v2")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("view", ["rgb", "cells", "rgb+segmented"])
def test_views_reach_the_network(folder, tmp_path, view):
    asked = ("backbone=custom_cnn", "size_px=64", f"view={view}", "epochs=1", "steps_per_epoch=1", "batch_size=4")
    train(folder, tmp_path, *asked, "test_curve=false")
    card = load_checkpoint(tmp_path / "my-classifier.safetensors").card
    assert card.extra["view"] == view
    assert card.options["channels"] == (6 if view == "rgb+segmented" else 3)
    assert card.options["variant"] == "working"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set", "epoch=3"], "unknown setting 'epoch'"),
        (["--set", "variant=literal"], "unknown setting 'variant'"),
        (["--backbone", "residual_unet"], "unknown classification backbone 'residual_unet'"),
        (["--view", "rgb"], "channels"),
        (["--view", "grey"], "unknown view 'grey'"),
        (["--split", "papper"], "no file and none of"),
        (["--init", "no-such-model"], "there is no model 'no-such-model'"),
        (["--name", "split"], "name = 'split'"),
        (["--group-column", "patient"], "group_column = 'patient'"),
        (["--set", "device=mps"], "'mps' is not available"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use(folder, tmp_path, capsys, more, said):
    if "device=mps" in more and torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    asked = ["train", "classifier", str(folder), "--backbone", "cellnet", "--split", "grouped"]
    assert main([*asked, "--output", str(tmp_path / "run"), "--size", "32", *more]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_command_checks_trains_and_tells(folder, tmp_path, capsys):
    asked = ["train", "classifier", str(folder), "--backbone", "cellnet", "--split", "random", "--fold", "1"]
    asked += ["--output", str(tmp_path / "run"), "--size", "32", *(f"--set={text}" for text in TINY[1:])]
    assert main([*asked, "--check"]) == 0
    said = capsys.readouterr().out
    assert "a high accuracy proves little" in said
    assert "random fold 1 of 5" in said
    assert not (tmp_path / "run").exists()
    assert main([*asked, "--json", "--name", "mine"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["checkpoint"] == "mine.safetensors"
    assert "epoch 1: training loss" in told.err
    assert main([*asked, "--name", "mine"]) == 2


def test_every_setting_is_told():
    assert {"epochs", "backbone", "cutout", "stain", "choose_by", "split"} <= set(settable())
    assert all("default" in text for text in settable().values())
