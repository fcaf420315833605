"""Checkpoints: whole or refused, verified, and never confused with one another."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_all.errors import CheckpointError, SaveError
from napari_all.networks.checkpoint import (
    FORMAT_VERSION,
    InputInfo,
    ModelCard,
    load_checkpoint,
    save_checkpoint,
)
from napari_all.networks.zoo import list_models

CARD = ModelCard(
    name="tiny",
    task="segmentation",
    backbone="residual_unet",
    options={"widths": [4, 8]},
    input=InputInfo(size_px=64, mean=(0.1, 0.2, 0.3), std=(1, 2, 3)),
    classes=("background", "cell"),
    extra={"cell_diameter_px": 48.0},
    metrics={"dice": 0.5},
    licence="for the test",
)


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"a.weight": rng.normal(size=(4, 3, 3, 3)).astype(np.float32), "a.bias": np.zeros(4, np.float16)}


@pytest.fixture
def saved(tmp_path: Path, tensors) -> Path:
    return save_checkpoint(tmp_path / "tiny", tensors, CARD)


def test_round_trip_keeps_tensors_types_and_card(saved, tensors):
    checkpoint = load_checkpoint(saved, "segmentation")
    assert checkpoint.card == CARD
    assert set(checkpoint.tensors) == set(tensors)
    for name, value in tensors.items():
        np.testing.assert_array_equal(checkpoint.tensors[name], value)
        assert checkpoint.tensors[name].dtype == value.dtype
    assert json.loads(saved.with_suffix(".json").read_text())["sha256"] == checkpoint.sha256


def test_torch_tensors_are_taken_as_they_are(tmp_path):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Conv2d(3, 4, 3)
    path = save_checkpoint(tmp_path / "t.safetensors", layer.state_dict(), CARD)
    np.testing.assert_array_equal(load_checkpoint(path).tensors["weight"], layer.weight.detach().numpy())


def test_the_card_the_weights_or_the_bare_stem_name_the_same_model(saved):
    hashes = {load_checkpoint(p).sha256 for p in (saved, saved.with_suffix(".json"), saved.with_suffix(""))}
    assert len(hashes) == 1


def test_same_weights_have_the_same_hash(tmp_path, tensors):
    first = save_checkpoint(tmp_path / "one", tensors, CARD)
    second = save_checkpoint(tmp_path / "two", dict(reversed(tensors.items())), CARD)
    assert load_checkpoint(first).sha256 == load_checkpoint(second).sha256


def test_missing_model_names_what_there_is(tmp_path):
    with pytest.raises(CheckpointError, match=r"no model 'nonesuch'; give one of .*'smear-unet'"):
        load_checkpoint("nonesuch")
    with pytest.raises(CheckpointError, match="there is no model"):
        load_checkpoint(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_half_a_pair_is_refused(saved, suffix):
    saved.with_suffix(suffix).unlink()
    with pytest.raises(CheckpointError, match="copy the model again"):
        load_checkpoint(saved)


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_truncated_weights_are_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="truncated or was changed"):
        load_checkpoint(saved)


def test_one_changed_bit_is_refused(saved):
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match="do not match their card"):
        load_checkpoint(saved)


def test_weights_of_another_model_are_refused(saved, tmp_path):
    other = save_checkpoint(tmp_path / "other", {"x": np.ones(3, np.float32)}, CARD)
    other.replace(saved)
    with pytest.raises(CheckpointError, match="do not match their card"):
        load_checkpoint(saved)


def test_newer_format_says_update_even_when_its_fields_are_unknown(saved):
    path = saved.with_suffix(".json")
    card = json.loads(path.read_text()) | {"format_version": FORMAT_VERSION + 1, "future": True}
    path.write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="update napari-all"):
        load_checkpoint(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "x"}', '{"format_version": "two"}'])
def test_broken_cards_are_refused(saved, content):
    saved.with_suffix(".json").write_text(content)
    with pytest.raises(CheckpointError, match="card"):
        load_checkpoint(saved)


def test_wrong_task_names_models_of_the_right_one(saved):
    with pytest.raises(CheckpointError, match="is for segmentation, not for classification"):
        load_checkpoint(saved, "classification")


def test_weights_that_are_no_safetensors_are_refused(saved):
    import hashlib

    saved.write_bytes(b"\x80\x04pickled")
    path = saved.with_suffix(".json")
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": digest}))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(saved)


def test_a_full_disk_leaves_the_old_model_in_place(saved, tensors, monkeypatch):
    before = load_checkpoint(saved).sha256

    def refuse(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(SaveError, match="No space left"):
        save_checkpoint(saved, {"x": np.ones(3, np.float32)}, CARD)
    assert load_checkpoint(saved).sha256 == before
    assert sorted(p.name for p in saved.parent.iterdir()) == ["tiny.json", "tiny.safetensors"]


def test_killed_while_saving_leaves_the_old_model_in_place(saved):
    before = load_checkpoint(saved).sha256
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from napari_all.networks.checkpoint import ModelCard, save_checkpoint\n"
        "Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        "card = ModelCard(name='tiny', task='segmentation', backbone='b', classes=('a', 'b'))\n"
        "save_checkpoint(Path(sys.argv[1]), {'x': np.ones(3, np.float32)}, card)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True)
    assert result.returncode == -signal.SIGKILL
    assert load_checkpoint(saved).sha256 == before


def test_bundled_models_load_by_name_and_are_small():
    names = list_models()
    assert "smear-unet" in list_models("segmentation")
    for name in names:
        checkpoint = load_checkpoint(name)
        assert checkpoint.card.name == name
        assert sum(t.nbytes for t in checkpoint.tensors.values()) <= 15e6
        assert checkpoint.card.licence
        assert checkpoint.card.data
