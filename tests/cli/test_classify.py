"""`classify` from start to finish, with a classifier of random weights given by its path."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_all.classes import SUBTYPES
from napari_all.cli import main
from napari_all.data.synthetic import SyntheticSmear, make_smear
from napari_all.io.tables import CELL_PREDICTION_COLUMNS, EXPLAINED_COLUMNS, PREDICTION_COLUMNS
from napari_all.types import Prediction
from napari_all.workflows.classify import ClassifyConfig, classify_image


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from napari_all.classification.predictor import run_network
    from napari_all.classification.unfamiliarity import fit_familiar
    from napari_all.data.transforms import prepare
    from napari_all.networks.backbones import BACKBONES
    from napari_all.networks.checkpoint import InputInfo, ModelCard, save_checkpoint

    torch.manual_seed(0)
    network = BACKBONES["cellnet"].build().eval()
    seen = [prepare(make_smear(seed, (128, 128), 24.0).rgb, 64) for seed in range(8)]
    features, _ = run_network(network, np.stack([p.shown for p in seen]))
    familiar = fit_familiar(features, np.stack([p.look for p in seen]))
    card = ModelCard(
        name="untrained",
        task="classification",
        backbone="cellnet",
        input=InputInfo(size_px=64),
        classes=SUBTYPES.names,
        extra={"temperature": 1.0, "review_below": 0.0, "familiar_distance": 1e6},
    )
    path = tmp_path_factory.mktemp("model") / "untrained.safetensors"
    return save_checkpoint(path, {**network.state_dict(), **familiar.tensors()}, card)


@pytest.fixture
def images(tmp_path: Path, field: SyntheticSmear) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    Image.fromarray(field.rgb).save(tmp_path / "in" / "a.png")
    Image.fromarray(field.rgb[::-1]).save(tmp_path / "in" / "sub" / "b.png")
    return tmp_path / "in"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_table_equals_what_the_window_shows(
    images: Path, untrained: Path, tmp_path: Path, field: SyntheticSmear, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "out.csv"
    assert main(["classify", str(images), "--model", str(untrained), "--output", str(table), "--json"]) == 0
    said = capsys.readouterr()
    rows = rows_of(table)
    assert tuple(rows[0]) == PREDICTION_COLUMNS
    assert [r["image"] for r in rows] == ["a.png", "sub/b.png"]
    assert {r["model"] for r in rows} == {"untrained"}
    shown: Prediction = classify_image(field.rgb, ClassifyConfig(model=str(untrained), device="cpu"))
    assert rows[0]["predicted"] == shown.predicted
    assert [float(rows[0][f"p_{key}"]) for key in SUBTYPES.keys] == pytest.approx(shown.probabilities, abs=1e-4)
    record = json.loads(said.out)
    assert record == json.loads((tmp_path / "out_run.json").read_text())
    assert record["model_sha256"] == shown.model_sha256
    assert str(untrained.parent) not in said.out, "no path of this machine"
    assert "Device: " in said.err


def test_bad_images_fail_alone_and_bad_models_end_the_run(
    images: Path, untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    asked = ["classify", str(images), "--quiet", "--output"]
    assert main([*asked, str(tmp_path / "one.csv"), "--model", str(untrained)]) == 1
    assert "bad.png" in capsys.readouterr().err
    assert [r["image"] for r in rows_of(tmp_path / "one.csv")] == ["a.png", "sub/b.png"]
    for number, options in enumerate((["--model", "nobody"], ["--model", str(untrained), "--device", "tpu"])):
        assert main([*asked, str(tmp_path / f"x{number}.csv"), *options]) == 2
        assert not (tmp_path / f"x{number}.csv").exists()


def test_explain_and_tta(images: Path, untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, folder = tmp_path / "out.csv", tmp_path / "heat"
    asked = ["classify", str(images), "--model", str(untrained), "--quiet", "--output", str(table)]
    explained = [*asked, "--explain", str(folder), "--tta"]
    assert main(explained) == 0
    rows = rows_of(table)
    assert tuple(rows[0]) == EXPLAINED_COLUMNS
    for row in rows:
        stem = row["image"].removesuffix(".png")
        heat = tifffile.imread(folder / f"{stem}_gradcam.tif")
        with Image.open(folder / f"{stem}_gradcam.png") as picture:
            assert picture.size == heat.shape[::-1] == (224, 224)
        assert heat.dtype == np.float32
        assert heat.min() >= 0.0
        assert heat.max() <= 1.0
        assert (row["cam_in_cells"] == "") == (not heat.any())
        assert row["cam_in_cells"] == "" or 0.0 <= float(row["cam_in_cells"]) <= 1.0
    record = json.loads((tmp_path / "out_run.json").read_text())
    assert record["settings"]["tta"] is True
    assert record["inputs"][1]["outputs"] == ["sub/b_gradcam.png", "sub/b_gradcam.tif"]
    (folder / "a_gradcam.tif").unlink()
    assert main([*explained, "--resume"]) == 0
    again = json.loads((tmp_path / "out_run.json").read_text())
    assert [entry["status"] for entry in again["inputs"]] == ["done", "skipped"]
    assert rows_of(table) == rows
    assert main([*asked[:-1], str(tmp_path / "new.csv"), "--explain", str(folder)]) == 2
    assert "a_gradcam.png is there" in capsys.readouterr().err


def test_cells(images: Path, untrained: Path, tmp_path: Path) -> None:
    table = tmp_path / "out.csv"
    asked = ["classify", str(images), "--model", str(untrained), "--cells", "--method", "hsv", "--quiet"]
    assert main([*asked, "--output", str(table)]) == 0
    rows = rows_of(tmp_path / "out_cells.csv")
    assert tuple(rows[0]) == CELL_PREDICTION_COLUMNS
    assert {r["image"] for r in rows} == {"a.png", "sub/b.png"}
    assert {r["status"] for r in rows} == {"review"}
