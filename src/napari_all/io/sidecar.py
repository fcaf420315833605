"""The sidecar of a label image: a JSON file beside it that tells how it came about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from pydantic import Field

from napari_all import __version__
from napari_all.config import Settings
from napari_all.errors import MaskError, UsageError
from napari_all.types import ImageRecord, Parts, Segmentation

SIDECAR_VERSION = 2
"""Newest layout of the sidecar that is read; 2 counts cells and smudge cells, and its uncertainty is another number."""


class Sidecar(Settings):
    """What `<stem>_labels.json` tells of a label image."""

    schema_version: Literal[1, 2] = Field(2, description="Version of this file's layout")
    image: str = Field("", description="File name of the image")
    image_sha256: str | None = Field(None, description="SHA-256 of the image file")
    shape: tuple[int, int] | None = Field(None, description="(Y, X) in pixels")
    pixel_size_um: tuple[float, float] | None = Field(None, description="(y, x) pixel size in micrometres")
    parts: Parts | None = Field(None, description="What the classes map parts; null = unknown")
    method: str | None = Field(None, description="Segmentation method; null = unknown or by hand")
    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of the method")
    postprocess: dict[str, Any] = Field(default_factory=dict, description="Settings of the cleaning")
    diameter_px: float | None = Field(None, description="Cell diameter used, in pixels")
    model: str | None = Field(None, description="Network, if one was used")
    model_sha256: str | None = Field(None, description="SHA-256 of the network's weights")
    device: str | None = Field(None, description="Device the network ran on")
    uncertainty: float | None = Field(
        None, description="1 minus the Dice to be expected by the network's own probabilities, 0..1"
    )
    cells: int | None = Field(None, description="Number of cells in the label image")
    smudges: int | None = Field(None, description="Number of smudge cells left out; null where they cannot be told")
    status: Literal["predicted", "corrected"] = Field(
        "predicted", description="corrected = a person changed or approved it"
    )
    classes: str | None = Field(None, description="File name of the classes map beside it")
    software: str = Field(default_factory=lambda: f"napari-all {__version__}", description="Program that wrote it")


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings fit for a file that travels: a model given by its path is named by its file name."""
    named = dict(settings)
    if isinstance(model := named.get("model"), str):
        named["model"] = PureWindowsPath(model).name  # knows both kinds of slash
    return named


def sidecar_for(segmentation: Segmentation, record: ImageRecord) -> Sidecar:
    """Return the sidecar of a fresh segmentation of the image `record` tells of."""
    return Sidecar(
        image=record.path.name if record.path else "",
        image_sha256=record.sha256,
        shape=record.shape,
        pixel_size_um=record.pixel_size_um,
        parts=segmentation.parts,
        method=segmentation.method,
        settings=portable(segmentation.settings),
        postprocess=dict(segmentation.postprocess),
        diameter_px=segmentation.diameter_px,
        model=segmentation.model,
        model_sha256=segmentation.model_sha256,
        device=segmentation.device,
        uncertainty=segmentation.uncertainty,
        smudges=None if segmentation.smudges is None else int(segmentation.smudges.max(initial=0)),
    )


def sidecar_path(labels_path: Path) -> Path:
    """Return where the sidecar of a label image lies."""
    return labels_path.with_suffix(".json")


def read_sidecar(labels_path: Path) -> Sidecar | None:
    """Return the sidecar beside a label image, or None where there is none; `MaskError` when it is damaged."""
    path = sidecar_path(labels_path)
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise MaskError(f"{path.name} is no sidecar of a label image; move it away")
        version = found.get("schema_version")
        if isinstance(version, int) and version > SIDECAR_VERSION:
            raise MaskError(f"{path.name} was written by a newer napari-all (layout {version}); update napari-all")
        return Sidecar.parse(found)
    except (json.JSONDecodeError, UnicodeDecodeError, UsageError) as error:
        raise MaskError(f"{path.name} is damaged ({error}); restore or delete it") from error
