"""Models on this machine, by name: those that ship with the package and those in the user's own folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import platformdirs

from napari_all.errors import CheckpointError, UsageError
from napari_all.files import sha256_file
from napari_all.networks.card import CARD_SUFFIX, TENSORS_SUFFIX, ModelCard, Task, pair, read_card

Source: TypeAlias = Literal["bundled", "imported", "file"]

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
"""Where the models that ship with the package lie."""

FOLDER_VARIABLE = "NAPARI_ALL_MODELS"
"""Environment variable that moves the user's model folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class InstalledModel:
    """A model that can be called by its name.

    Attributes
    ----------
    name
        What `--model` takes; the stem of its files.
    weights
        Path of the `.safetensors` file.
    card, sha256
        Its card and the hash that the card gives for the weights, which are not read for this.
    source
        `bundled` or `imported`.
    """

    name: str
    weights: Path
    card: ModelCard
    sha256: str
    source: Source


@dataclass(frozen=True)
class UnusableModel:
    """A file in the user's model folder that is no model, and why."""

    file: Path
    error: str


def user_folder() -> Path:
    """Return the folder of imported models: `$NAPARI_ALL_MODELS`, or `models` in the user's data folder."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given).expanduser() if given else platformdirs.user_data_path("napari-all", appauthor=False) / "models"


def valid_name(name: str) -> str:
    """Return `name` if an imported model may be called so, else raise `UsageError`."""
    if not _NAME.fullmatch(name) or name.endswith((".", TENSORS_SUFFIX, CARD_SUFFIX)):
        raise UsageError(
            f"{name!r} cannot be the name of a model; give up to 64 letters, digits, '-', '_' and '.', "
            f"beginning with a letter or digit, without a file ending"
        )
    if name.casefold() in {bundled.casefold() for bundled in _stems(WEIGHTS_FOLDER)}:
        raise UsageError(f"{name!r} is the name of a model that ships with napari-all; give another name")
    return name


def installed_models(task: Task | None = None) -> tuple[list[InstalledModel], list[UnusableModel]]:
    """Return the models of one task or of all, bundled ones first, and the files that cannot be used as such."""
    models, unusable = [], []
    for folder, source in _folders():
        for name in _stems(folder):
            weights, card_path = pair(folder / name)
            try:
                if source == "imported":
                    valid_name(name)
                card, sha256 = read_card(card_path)
                if not weights.is_file():
                    raise CheckpointError(f"its weights {weights.name} are missing; import the model again")
            except (CheckpointError, UsageError) as error:
                unusable.append(UnusableModel(card_path if card_path.exists() else weights, str(error)))
                continue
            if task is None or card.task == task:
                models.append(InstalledModel(name, weights, card, sha256, source))
    return models, unusable


def list_models(task: Task | None = None) -> list[str]:
    """Return the names of the models on this machine, of one task or of all, bundled ones first."""
    return [model.name for model in installed_models(task)[0]]


def find_weights(model: str | Path) -> Path:
    """Return the `.safetensors` path of a model given by name, or by the path of its weights, card or common stem.

    A name comes before a file of that name in the working folder; a bundled model before any other.

    Raises
    ------
    CheckpointError
        There is no such model, or the file is of a kind that is never opened.
    """
    if isinstance(model, str) and _NAME.fullmatch(model):
        for folder, _ in _folders():
            if any(path.exists() for path in pair(folder / model)):
                return pair(folder / model)[0]
    path = Path(model).expanduser()
    if path.suffix not in (TENSORS_SUFFIX, CARD_SUFFIX) and path.is_file():
        raise CheckpointError(
            f"{path.name!r} is not a {TENSORS_SUFFIX} file with its card; other files of weights (.pt, .pth, .ckpt) "
            f"can run code when they are opened, so napari-all never does: take the {TENSORS_SUFFIX} file and the "
            f"{CARD_SUFFIX} card that training wrote"
        )
    if not any(half.exists() for half in pair(path)):
        raise CheckpointError(
            f"there is no model {str(model)!r}; give one of {', '.join(map(repr, list_models()))} "
            f"or the path of a {TENSORS_SUFFIX} file"
        )
    return pair(path)[0]


def weights_sha256(model: str | Path) -> str:
    """Return the SHA-256 of a model's weights file: its identity, for another model may take the name later.

    Raises
    ------
    CheckpointError
        There is no such model, or its weights cannot be read.
    """
    weights = find_weights(model)
    try:
        return sha256_file(weights)
    except OSError as error:
        raise CheckpointError(
            f"cannot read the weights {weights}: {error.strerror}; both {TENSORS_SUFFIX} and {CARD_SUFFIX} must lie "
            f"side by side, so copy the model again with both"
        ) from error


def source_of(weights: Path) -> Source:
    """Tell whether weights are bundled, imported, or just a file."""
    found: list[Source] = [source for folder, source in _folders() if weights.resolve().parent == folder.resolve()]
    return found[0] if found else "file"


def _folders() -> Iterator[tuple[Path, Source]]:
    yield WEIGHTS_FOLDER, "bundled"
    yield user_folder(), "imported"


def _stems(folder: Path) -> list[str]:
    """Return the stems of cards and weights, without what is being written."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted({f.stem for f in files if f.suffix in (TENSORS_SUFFIX, CARD_SUFFIX) and not f.name.startswith(".")})
