"""Importing a model: checked whole before anything is written, and the same weights afterwards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from napari_all.errors import Cancelled, CheckpointError, FileExistsRefused, UsageError
from napari_all.networks.checkpoint import load_checkpoint, save_checkpoint
from napari_all.networks.zoo import FOLDER_VARIABLE
from napari_all.workflows.models import describe_model, find_models, import_model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder of this test alone."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A segmentation model outside the folder: the bundled one under another name."""
    bundled = load_checkpoint("smear-unet")
    return save_checkpoint(tmp_path / "out" / "model", bundled.tensors, bundled.card.updated(name="my-stain"))


def spoil(path: Path, **change: object) -> None:
    """Change a card as a person with an editor would."""
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | change))


def imported(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("given", ["", ".safetensors", ".json"])
def test_a_model_keeps_its_weights_and_takes_the_name(trained, folder, given):
    info = import_model(trained.with_suffix(given), "fine-tuned")
    assert (info.name, info.source) == ("fine-tuned", "imported")
    assert imported(folder) == ["fine-tuned.json", "fine-tuned.safetensors"]
    assert (folder / "fine-tuned.safetensors").read_bytes() == trained.read_bytes()
    assert load_checkpoint("fine-tuned").card == load_checkpoint(trained).card.updated(name="fine-tuned")
    assert info.sha256 == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert describe_model("fine-tuned") == info
    assert info in find_models("segmentation").models


def test_without_a_name_the_cards_is_taken_and_an_imported_one_is_not_replaced_unasked(trained, folder):
    assert import_model(trained).name == "my-stain"
    other = load_checkpoint(trained)
    changed = {name: t * np.float16(1.01) for name, t in other.tensors.items()}
    newer = save_checkpoint(trained.with_name("newer"), changed, other.card)
    with pytest.raises(FileExistsRefused, match=r"already a model 'my-stain'.*--overwrite"):
        import_model(newer)
    assert load_checkpoint("my-stain").sha256 == other.sha256
    import_model(newer, overwrite=True)
    assert load_checkpoint("my-stain").sha256 == load_checkpoint(newer).sha256 != other.sha256


@pytest.mark.parametrize("name", ["smear-unet", "../outside", "a/b", ""])
def test_names_that_climb_or_are_taken_are_refused(trained, folder, name, tmp_path):
    with pytest.raises(UsageError, match="name of a model"):
        import_model(trained, name)
    spoil(trained, name=name or "x/y")  # a stranger's card may hold one too
    with pytest.raises(UsageError, match="name of a model"):
        import_model(trained)
    assert imported(folder) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"backbone": "perceptron"}, "cannot be rebuilt.*unknown backbone 'perceptron'"),
        ({"options": {"classes": 3, "widths": [8, 16]}}, "do not fit"),
        ({"options": {"shape": "round"}}, "cannot be rebuilt.*unknown setting 'shape'"),
        ({"extra": {}}, "cell_diameter_px"),
        ({"task": "classification"}, r"input\.size_px|cannot be rebuilt"),
        ({"task": "poetry"}, "cannot be used"),
        ({"sha256": "0" * 64}, "do not match their card"),
        ({"format_version": 99}, "update napari-all"),
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_refused(trained, folder, change, told):
    spoil(trained, **change)
    with pytest.raises(CheckpointError, match=told):
        import_model(trained)
    assert imported(folder) == []


def test_weights_that_are_no_numbers_are_refused(trained, folder):
    old = load_checkpoint(trained)
    first = next(iter(old.tensors))
    save_checkpoint(trained, {**old.tensors, first: np.full_like(old.tensors[first], np.nan)}, old.card)
    with pytest.raises(CheckpointError, match="no numbers in"):
        import_model(trained)
    assert imported(folder) == []


def test_a_classifier_is_rebuilt_and_run_too(tmp_path, folder):
    bundled = load_checkpoint("subtype-cellnet")
    path = save_checkpoint(tmp_path / "c", bundled.tensors, bundled.card.updated(name="second"))
    assert import_model(path).card.task == "classification"
    tensors = {n: t for i, (n, t) in enumerate(bundled.tensors.items()) if i}
    lacking = save_checkpoint(tmp_path / "d", tensors, bundled.card.updated(name="third"))
    with pytest.raises(CheckpointError):
        import_model(lacking)
    assert [m.name for m in find_models("classification").models] == ["subtype-cellnet", "second"]


def test_a_stop_leaves_nothing_behind(trained, folder):
    class Stop:
        def report(self, stage: str, done: int, total: int) -> None: ...
        def message(self, text: str) -> None: ...
        def raise_if_cancelled(self) -> None:
            raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled):
        import_model(trained, monitor=Stop())
    assert imported(folder) == []


def test_a_file_that_is_not_installed_goes_by_its_path(trained, folder):
    info = describe_model(trained)
    assert (info.name, info.source, info.card.name) == (str(trained), "file", "my-stain")
