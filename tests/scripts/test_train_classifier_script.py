"""The classifier's training script: the whole of it runs, and its figures count what the networks said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import classifier_report as report  # noqa: E402
import train_classifier as script  # noqa: E402

from napari_all.classification.predictor import load_predictor  # noqa: E402
from napari_all.data.synthetic import make_smear  # noqa: E402
from napari_all.errors import NapariAllError  # noqa: E402


def test_the_whole_script_gives_a_model_and_its_figures_and_goes_on_with_its_own_runs_only(folder, tmp_path):
    arguments = ["--data", str(folder), "--output", str(tmp_path), "--size-px", "32", "--epochs", "1"]
    arguments += ["--fold-seeds", "2"]
    script.main([*arguments, "--batch", "8"])
    figures = json.loads((tmp_path / "folds.json").read_text())
    assert figures["grouped"]["images"] == figures["grouped_seed1"]["images"] == figures["random"]["images"] == 40
    assert np.sum(figures["grouped"]["confusion_true_by_predicted"]) == 40
    for protocol in ("grouped", "random"):
        assert sum(part["share"] for part in figures["calibration"]["status"][protocol].values()) == pytest.approx(1)
    lists = json.loads((tmp_path / "folds" / "grouped.json").read_text())
    assert sorted(key for fold in lists for key in fold["test"])[0] == "Benign/0.png"
    prediction = load_predictor(tmp_path / "subtype-cellnet.safetensors", "cpu").predict(
        make_smear(1, (64, 64), 16.0).rgb
    )
    assert sum(prediction.probabilities) == pytest.approx(1.0)
    weights = (tmp_path / "subtype-cellnet.safetensors").read_bytes()
    script.main([*arguments, "--batch", "8"])  # all is trained: the same again, at once
    assert (tmp_path / "subtype-cellnet.safetensors").read_bytes() == weights
    with pytest.raises(NapariAllError, match="batch"):
        script.main([*arguments, "--batch", "4"])


def test_figures_count_what_the_networks_said():
    fold = script.Split("made up", (0, 1), (), (2, 3, 4, 5), (), "")
    logits = np.eye(4, dtype=np.float32)[[0, 1, 2, 2]]
    empty = np.zeros((4, 2), np.float32)
    changed = np.array([True, False, False, False])
    result = report.FoldResult(fold, empty[:2], empty, {"whole": logits}, np.array([4, 4, 2, 3]), changed)
    known = report.Known(np.array([0, 0, 0, 1, 2, 3]), np.array(list("aabbcc")), np.zeros((6, 3), np.float32))
    figures = report.protocol_figures([result], known)
    assert figures["accuracy"] == 0.75
    assert figures["changed_on_background_of_another_class"] == 0.25
    assert figures["clusters_that_change_of_all"] == {"c": [1, 2], "b": [0, 2]}
    assert figures["recall"] == {"Benign": 1.0, "Early Pre-B": 1.0, "Pre-B": 1.0, "Pro-B": 0.0}
    assert figures["clusters_with_errors_wrong_of_all"] == {"c": [1, 2]}
    assert figures["wilson_95"][0] < 0.75 < figures["wilson_95"][1]


def test_blanked_views_show_the_cells_or_the_rest():
    shown = np.full((1, 8, 8, 4), 100, np.uint8)
    shown[..., 3] = 0
    shown[:, :4, :, 3] = 255
    views = script.views(shown)
    assert (views["cells only"][:, 4:, :, :3] == 255).all()
    assert (views["cells only"][:, :4, :, :3] == 100).all()
    assert (views["without cells"][:, :4, :, :3] == 255).all()
    assert (views["without cells"][..., 3] == 0).all()
