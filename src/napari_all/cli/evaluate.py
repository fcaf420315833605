"""`napari-all evaluate`: results against what is known to be true."""

from __future__ import annotations

import argparse

from napari_all.cli import evaluate_classifier, evaluate_segmentation
from napari_all.cli.kinds import add_kinds, run_kind

_KINDS = {
    "segmentation": (evaluate_segmentation, "measure label images against reference masks"),
    "classifier": (evaluate_classifier, "measure predicted subtypes of a folder per class"),
}
_EXAMPLES = """  napari-all evaluate segmentation --predictions results/ --truth masks/ --output report/
  napari-all evaluate classifier --model run/my-model.safetensors dataset/ --output report/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a subcommand per kind of result."""
    add_kinds(parser, _KINDS, _EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Measure and return the exit code."""
    return run_kind(args, _KINDS)
