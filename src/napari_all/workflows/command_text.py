"""The command that does without a window what was just done in it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from napari_all.config import Settings
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.segment import SegmentConfig, make_config
from napari_all.workflows.segment_files import Extras

RESULTS, TABLE = Path("results"), Path("subtypes.csv")
"""Where a command writes what the window only showed."""


def segment_command(config: SegmentConfig, inputs: Path, output: Path, extras: Extras | None = None) -> str:
    """Return the `napari-all segment` that is given this configuration; what is a default is left out.

    Parameters
    ----------
    inputs
        Image or folder.
    output
        Folder for the results.
    """
    words = ["napari-all", "segment", str(inputs), "--method", config.method]
    usual = make_config(config.method)
    pairs = ((config.method_settings(), usual.method_settings()), (config.postprocess, usual.postprocess))
    words += [word for own, default in pairs for word in _assignments(own, default)]
    for name, asked in (extras or Extras()).model_dump().items():
        words += [f"--{name}"] if asked else []
    return shlex.join([*words, "--output", str(output)])


def classify_command(config: ClassifyConfig, inputs: Path, table: Path) -> str:
    """Return the `napari-all classify` that is given this configuration."""
    words = ["napari-all", "classify", str(inputs)]
    words += ["--model", config.model] if config.model is not None else []
    words += ["--device", config.device] if config.device != "auto" else []
    words += ["--tta"] if config.tta else []
    return shlex.join([*words, "--output", str(table)])


def _assignments(own: Settings, default: Settings) -> list[str]:
    changed = {k: v for k, v in own.model_dump(mode="json").items() if v != default.model_dump(mode="json")[k]}
    return [word for name, value in changed.items() for word in ("--set", f"{name}={_text(value)}")]


def _text(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
