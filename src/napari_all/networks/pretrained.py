"""Pretrained weights for a new classifier: from timm's hub when that is asked for, or from a pinned local file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_all.errors import CheckpointError, UsageError
from napari_all.networks.backbones import BACKBONES, Backbone
from napari_all.networks.card import TENSORS_SUFFIX
from napari_all.networks.device import explain_import_error, import_torch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HUB = "timm"
"""The source that asks timm's hub; any other is the path of a `.safetensors` file."""


@dataclass(frozen=True)
class Pretrained:
    """Which weights a network started from.

    Attributes
    ----------
    source
        `timm:<tagged name>`, or the file's name.
    sha256
        Hash of the file, lower-case hex; None for timm's hub.
    left
        Names of the weights that stayed random: the head's, where the number of classes differs.
    """

    source: str
    sha256: str | None
    left: tuple[str, ...]


def load_pretrained(
    module: torch.nn.Module, backbone: Backbone, source: str | Path, sha256: str | None = None
) -> Pretrained:
    """Fill a new network with pretrained weights, in place.

    The head stays random where its number of classes differs. A first convolution for other than three channels takes
    the published filters once for each red, green, blue, divided by their number, and zeros for a mask, so that its
    answer to an image shown everywhere is the published one.

    Parameters
    ----------
    module
        What `backbone` has built.
    source
        `timm` for the weights on timm's hub, or a `.safetensors` file with the names of timm or of this program.
    sha256
        Expected hash of the file; needed for a file.

    Raises
    ------
    UsageError
        The network has no weights at timm, or a file was given without its hash.
    CheckpointError
        The hub cannot be reached; the file is missing, differs from its hash, or does not fit the network.
    """
    if str(source) == HUB:
        name, tensors = _from_hub(backbone)
        digest = None
    else:
        name, digest, tensors = _from_file(Path(source).expanduser(), sha256)
    wanted = module.state_dict()
    given = _fitted(_renamed(tensors, wanted, backbone), wanted)
    # counters of batches matter in training only, and some files leave them out
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    if any(not _of_head(key) for key in missing):
        raise CheckpointError(
            f"the weights {name} do not fit {backbone.name!r}: {len(missing)} of {len(wanted)} arrays are missing or "
            f"of another shape, the first {missing[0]!r}; give weights of {backbone.timm or backbone.name}"
        )
    module.load_state_dict(given, strict=False)
    return Pretrained(name, digest, tuple(missing))


def _from_hub(backbone: Backbone) -> tuple[str, dict[str, Tensor]]:
    if backbone.timm is None:
        have = ", ".join(repr(name) for name, entry in BACKBONES.items() if entry.timm)
        raise UsageError(
            f"timm has no weights of {backbone.name!r}, only of {have}; give a file, or train from scratch"
        )
    import_torch()
    try:
        import timm
    except (ImportError, RuntimeError) as error:
        raise explain_import_error("timm", error) from error
    try:
        model: Any = timm.create_model(backbone.timm, pretrained=True)
    except Exception as error:  # the hub's client raises errors of several libraries
        raise CheckpointError(
            f"the pretrained weights of {backbone.timm!r} cannot be fetched from timm's hub ({error}); connect to the "
            f"internet, or give a local {TENSORS_SUFFIX} file with its SHA-256, or train from scratch"
        ) from error
    return f"timm:{backbone.timm}.{model.pretrained_cfg['tag']}", model.state_dict()


def _from_file(path: Path, expected: str | None) -> tuple[str, str, dict[str, Tensor]]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    if path.suffix != TENSORS_SUFFIX:
        raise CheckpointError(
            f"{path.name!r} is not a {TENSORS_SUFFIX} file; other files of weights can run code when they are opened, "
            f"so napari-all never does: give {HUB!r} or a {TENSORS_SUFFIX} file"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read the weights {path}: {error.strerror}; give another file") from error
    found = hashlib.sha256(content).hexdigest()
    if expected is None:
        raise UsageError(f"the weights {path.name} need their SHA-256, so that a run tells which they were: {found}")
    if found != expected.strip().lower():
        raise CheckpointError(
            f"the weights {path.name} have the SHA-256 {found}, not {expected}; take the file that was meant"
        )
    try:
        return path.name, found, load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path.name} is not a {TENSORS_SUFFIX} file ({error}); copy it again") from error


def _renamed(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return tensors by this program's names; timm's own have no `body.`, and its classifier's name differs."""
    if backbone.timm is None or any(key in wanted for key in tensors):
        return dict(tensors)
    import timm

    published = timm.get_pretrained_cfg(backbone.timm)
    name = published.classifier if published else None
    classifier = re.compile(rf"{re.escape(str(name))}\.(weight|bias)")
    return {
        classifier.sub(r"head.\1", key) if classifier.fullmatch(key) else f"body.{key}": t for key, t in tensors.items()
    }


def _fitted(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors that have a place, the first convolution's adapted to its channels."""
    fitted = {}
    for key, value in given.items():
        shape = wanted[key].shape if key in wanted else None
        if shape is not None and value.ndim == 4 and value.shape[1] == 3 != shape[1]:
            value = _for_channels(value, shape[1])
        if shape == value.shape:
            fitted[key] = value
    return fitted


def _for_channels(filters: Tensor, channels: int) -> Tensor:
    """Return filters (K, 3, Y, X) as (K, channels, Y, X)."""
    torch = import_torch()
    images, masks = divmod(channels, 3)
    of_masks = filters.new_zeros(filters.shape[0], masks, *filters.shape[2:])
    adapted: Tensor = torch.cat([filters / max(images, 1)] * images + [of_masks], dim=1)
    return adapted


def _of_head(key: str) -> bool:
    return key.startswith("head.")
