"""`models` from start to finish: what it prints, what it refuses, and that an imported name works everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from napari_all.cli import main
from napari_all.data.synthetic import SyntheticSmear
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.zoo import FOLDER_VARIABLE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    bundled = load_checkpoint("smear-unet")
    card = bundled.card.updated(name="my-stain", summary="Line one\x1b[2J\nline two")
    return save_checkpoint(tmp_path / "out" / "model", bundled.tensors, card)


def test_an_imported_model_segments_by_its_name(
    folder: Path, trained: Path, tmp_path: Path, field: SyntheticSmear, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "import", str(trained), "--json"]) == 0
    said = capsys.readouterr()
    assert "--model my-stain" in said.err
    assert json.loads(said.out)["source"] == "imported"
    Image.fromarray(field.rgb).save(tmp_path / "a.png")
    output = tmp_path / "results"
    asked = ["segment", str(tmp_path / "a.png"), "--method", "unet", "--output", str(output), "--quiet"]
    assert main([*asked, "--model", "my-stain"]) == 0
    record = json.loads((output / "run.json").read_text())
    assert (record["model"], record["model_sha256"]) == ("my-stain", load_checkpoint(trained).sha256)
    assert main([*asked, "--model", "my-stain", "--resume"]) == 0
    assert json.loads((output / "run.json").read_text())["inputs"][0]["status"] == "skipped"
    old = load_checkpoint(trained)
    save_checkpoint(trained, {n: t * t.dtype.type(1.001) for n, t in old.tensors.items()}, old.card)
    assert main(["models", "import", str(trained), "--overwrite", "--quiet"]) == 0
    assert main([*asked, "--model", "my-stain", "--resume"]) == 2, "the results are another model's now"
    assert "another input or other settings" in capsys.readouterr().err


def test_list_tells_what_there_is_and_what_cannot_be_used(
    folder: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "import", str(trained), "--quiet"]) == 0
    assert main(["models", "list"]) == 0
    said = capsys.readouterr()
    head, *rows = said.out.splitlines()
    assert head.split() == ["NAME", "TASK", "NETWORK", "CLASSES", "FROM", "FIGURES"]
    assert [row.split()[0] for row in rows] == ["smear-unet", "subtype-cellnet", "my-stain"]
    assert "imported" in rows[2]
    assert str(folder) in said.err
    (folder / "broken.json").write_text("{")
    assert main(["models", "list", "--task", "segmentation", "--json", "--quiet"]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [m["name"] for m in found["models"]] == ["smear-unet", "my-stain"]
    assert found["models"][1]["card"]["classes"] == ["background", "cytoplasm", "nucleus", "smudge"]
    assert [u["file"] for u in found["unusable"]] == ["broken.json"]
    assert "broken.json" in said.err
    jsonschema = pytest.importorskip("jsonschema")
    schema = Path(__file__).parents[2] / "docs" / "schemas" / "models.schema.json"
    jsonschema.validate(found, json.loads(schema.read_text()))


def test_show_prints_the_whole_card_and_no_escape_sequences(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", str(trained)]) == 0
    out = capsys.readouterr().out
    card = load_checkpoint(trained).card
    for word in ("Terms", "Data", "Figures", "not imported", load_checkpoint(trained).sha256, *card.classes):
        assert word in out
    flat = " ".join(out.split())
    assert card.licence in flat
    assert all(entry in flat for entry in card.data)
    assert all(f"{name}: {value:.6g}" in out for name, value in card.metrics.items())
    assert "training.steps_per_epoch: 200" in out
    assert "\x1b" not in out
    assert main(["models", "show", "smear-unet", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["source"]) == ("smear-unet", "bundled")
    assert shown["card"]["licence"] == card.licence


def test_a_model_is_exported_told_about_and_imported_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxscript")
    jsonschema = pytest.importorskip("jsonschema")
    asked = ["models", "export", "subtype-cellnet", "--format", "onnx", "--output", str(tmp_path)]
    assert main([*asked, "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    schema = Path(__file__).parents[2] / "docs" / "schemas" / "exported-model.schema.json"
    jsonschema.validate(told, json.loads(schema.read_text()))
    assert told["file"] == str(tmp_path / "subtype-cellnet.onnx")
    assert f"wrote {told['file']}" in said.err
    assert main(asked) == 2
    assert "is already there; give --overwrite" in capsys.readouterr().err
    assert main(["models", "import", told["file"], "--name", "again", "--quiet"]) == 0
    assert load_checkpoint("again").sha256 == told["weights_sha256"] == load_checkpoint("subtype-cellnet").sha256


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "nobody"], "there is no model 'nobody'; give one of 'smear-unet'"),
        (["import", "nobody"], "there is no model"),
        (["import", "smear-unet"], "there is no model"),
        (["import", "{trained}", "--name", "../climb"], "cannot be the name"),
        (["import", "{trained}", "--name", "smear-unet"], "ships with napari-all"),
        (["import", "{pickle}"], "can run code"),
        (["list", "--task", "poetry"], "invalid choice"),
        (
            ["export", "smear-unet", "--format", "keras"],
            "unknown model format 'keras'; choose one of 'bioimageio', 'onnx'",
        ),
        (["export", "nobody", "--format", "onnx"], "there is no model 'nobody'"),
        (["export", "smear-unet"], "--format"),
        ([], "ACTION"),
    ],
)
def test_wrong_uses_are_told_and_change_nothing(
    folder: Path, trained: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    pickle = trained.with_name("model.pt")
    pickle.write_bytes(b"\x80\x04.")
    try:
        code = main(["models", *(a.format(trained=trained, pickle=pickle) for a in arguments)])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert told in capsys.readouterr().err
    assert not folder.exists()
