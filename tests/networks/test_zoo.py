"""Models by name: bundled ones, those in the user's folder, and what is neither."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_all.errors import CheckpointError, UsageError
from napari_all.networks import zoo
from napari_all.networks.card import MAX_CARD_BYTES, ModelCard
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint

CARD = ModelCard(name="tiny", task="segmentation", backbone="residual_unet", classes=("background", "cell"))
TENSORS = {"x": np.ones(3, np.float32)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder of this test alone."""
    monkeypatch.setenv(zoo.FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def test_without_a_choice_the_folder_is_the_users_own(monkeypatch):
    monkeypatch.delenv(zoo.FOLDER_VARIABLE)
    folder = zoo.user_folder()
    assert folder.is_absolute()
    assert folder.is_relative_to(Path.home()) or os.name != "posix"
    assert "napari-all" in folder.parts


def test_models_of_the_folder_are_called_by_name_beside_the_bundled_ones(folder):
    before = zoo.list_models()
    save_checkpoint(folder / "my-stain", TENSORS, CARD.updated(name="my-stain"))
    assert zoo.list_models() == [*before, "my-stain"]
    assert "my-stain" not in zoo.list_models("classification")
    assert load_checkpoint("my-stain").card.name == "my-stain"
    assert zoo.source_of(zoo.find_weights("my-stain")) == "imported"
    assert zoo.source_of(zoo.find_weights("smear-unet")) == "bundled"


def test_what_is_no_model_is_named_and_hides_no_other(folder):
    save_checkpoint(folder / "good", TENSORS, CARD)
    (folder / "broken.json").write_text("{")
    (folder / "huge.json").write_bytes(b" " * (MAX_CARD_BYTES + 1))
    (folder / "deep.json").write_text("[" * 100_000)
    save_checkpoint(folder / "half", TENSORS, CARD).unlink()
    save_checkpoint(folder / "lonely", TENSORS, CARD).with_suffix(".json").unlink()
    save_checkpoint(folder / "Smear-UNet", TENSORS, CARD)
    (folder / ".writing-abc.json").write_text("half written")
    (folder / "notes.txt").write_text("mine")
    models, unusable = zoo.installed_models()
    assert [m.name for m in models if m.source == "imported"] == ["good"]
    told = {u.file.name: u.error for u in unusable}
    assert set(told) == {
        "broken.json", "huge.json", "deep.json", "half.json", "lonely.safetensors", "Smear-UNet.json",
    }  # fmt: skip
    assert "larger than 1 MB" in told["huge.json"]
    assert "missing" in told["half.json"]
    assert "ships with napari-all" in told["Smear-UNet.json"]


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".pkl", ".bin", ".onnx", ".zip"])
def test_other_kinds_of_weights_are_never_opened(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x04cposix\nsystem\n")
    with pytest.raises(CheckpointError, match=r"can run code.*\.safetensors file and the \.json card"):
        zoo.find_weights(path)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "/tmp/x", ".hidden", "a b", "x.json", "x.safetensors", "x.", "ä" * 9]
)
def test_names_that_are_no_plain_names_are_refused(name):
    with pytest.raises(UsageError, match="cannot be the name of a model"):
        zoo.valid_name(name)


def test_a_bundled_name_is_nobody_elses():
    for name in ("smear-unet", "SMEAR-UNET"):
        with pytest.raises(UsageError, match="ships with napari-all"):
            zoo.valid_name(name)
    assert zoo.valid_name("smear-unet-2.1_b") == "smear-unet-2.1_b"
