"""A recorded run gives its labels again, and says what differs where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_all.cli.main import main
from napari_all.data.synthetic import make_smear
from napari_all.errors import CheckpointError, UsageError
from napari_all.io.masks import read_labels
from napari_all.workflows.batch import segment_batch
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.replay import load_record, replay
from napari_all.workflows.run_record import RunRecord
from napari_all.workflows.segment import make_config

HSV = make_config("hsv", assignments=["automatic=false", "saturation_low=60", "min_area_px=40", "smooth_px=2"])


@pytest.fixture(scope="module")
def smears(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("smears")
    for k in range(2):
        Image.fromarray(make_smear(k, (160, 160), 24.0, n_white=4).rgb).save(folder / f"{k}.png")
    return folder


@pytest.fixture
def recorded(smears, tmp_path) -> Path:
    segment_batch([smears], tmp_path / "then", HSV)
    return tmp_path / "then" / "run.json"


def changed(path: Path, **facts) -> RunRecord:
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    return load_record(path)


def test_the_same_labels_come_again(smears, recorded, tmp_path):
    done = replay(load_record(recorded), [smears], tmp_path / "now")
    assert (done.same, done.differences) == (2, ())
    for k in range(2):
        pair = [read_labels(tmp_path / run / f"{k}_labels.tif") for run in ("then", "now")]
        assert (pair[0].labels == pair[1].labels).all()
        assert pair[0].sidecar == pair[1].sidecar
    assert done.record.settings == load_record(recorded).settings


def test_a_record_of_the_window_runs_on_the_command_line(smears, recorded, tmp_path, capsys):
    assert main(["replay", str(recorded), str(smears), "--output", str(tmp_path / "now")]) == 0
    told = capsys.readouterr().err
    assert "2 of 2 recorded images gave the recorded result" in told
    assert "differs" not in told
    assert main(["replay", str(recorded), str(smears), "--output", str(tmp_path / "now")]) == 2
    assert main(["replay", str(recorded), str(smears), "--output", str(tmp_path / "now"), "--resume", "--quiet"]) == 0


def test_other_versions_files_and_results_are_named(smears, recorded, tmp_path):
    facts = json.loads(recorded.read_text())
    inputs = facts["inputs"]
    inputs[0]["labels_sha256"] = "0" * 64
    inputs[1]["sha256"] = "1" * 64
    record = changed(recorded, inputs=inputs, libraries=facts["libraries"] | {"numpy": "1.0"})
    done = replay(record, [smears], tmp_path / "now")
    assert done.same == 0
    assert done.differences == (
        f"numpy: 1.0 then, {np.__version__} now",
        "0.png: other labels",
        "1.png: another file than then",
    )


def test_an_older_record_is_compared_by_what_it_holds(smears, recorded, tmp_path):
    inputs = json.loads(recorded.read_text())["inputs"]
    for entry in inputs:
        del entry["labels_sha256"]
    inputs[1]["cells"] += 1
    record = changed(recorded, inputs=inputs, schema_version=3)
    done = replay(record, [smears], tmp_path / "now")
    assert done.same == 1
    assert done.differences == (f"1.png: cells {inputs[1]['cells']} then, {inputs[1]['cells'] - 1} now",)


def test_a_network_with_other_weights_is_refused_and_the_recorded_one_taken(smears, tmp_path):
    pytest.importorskip("torch")
    segment_batch([smears / "0.png"], tmp_path / "then", make_config("unet", assignments=["diameter_px=24"]))
    path = tmp_path / "then" / "run.json"
    record = load_record(path)
    assert replay(record, [smears / "0.png"], tmp_path / "now").same == 1
    with pytest.raises(CheckpointError, match=r"smear-unet.*other weights.*--model"):
        replay(changed(path, model_sha256="0" * 64), [smears / "0.png"], tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_classification_comes_again(smears, tmp_path):
    pytest.importorskip("torch")
    classify_batch([smears], tmp_path / "then.csv", ClassifyConfig())
    path = tmp_path / "then_run.json"
    done = replay(load_record(path), [smears], tmp_path / "now.csv")
    assert (done.same, done.differences) == (2, ())
    assert (tmp_path / "now.csv").read_text() == (tmp_path / "then.csv").read_text()
    inputs = json.loads(path.read_text())["inputs"]
    inputs[0]["prediction"]["probabilities"] = [0.97, 0.01, 0.01, 0.01]
    told = replay(changed(path, inputs=inputs), [smears], tmp_path / "again.csv").differences
    assert len(told) == 1
    assert told[0].startswith("0.png: predicted")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[]", "no record"),
        ('{"schema_version": 1}', "command"),
        ('{"schema_version": 99}', "version 99.*update"),
        ('{"schema_version": 4, "command": "segment", "more": 1}', "more"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text, why):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=why):
        load_record(path)
    with pytest.raises(UsageError, match=r"missing\.json.*give the run"):
        load_record(tmp_path / "missing.json")


def test_what_cannot_be_run_again_says_so(smears, tmp_path):
    for record, why in (
        (RunRecord(command="export"), "'export' cannot"),
        (RunRecord(command="classify", settings={"cells": "label images"}), "with cells"),
        (RunRecord(command="segment", settings={"method": "hsv", "settings": {"hue": 3}}), "hue"),
    ):
        with pytest.raises(UsageError, match=why):
            replay(record, [smears], tmp_path / "never")
