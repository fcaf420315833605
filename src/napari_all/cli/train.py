"""`napari-all train`: a network of one's own."""

from __future__ import annotations

import argparse

from napari_all.cli import train_classifier, train_segmenter
from napari_all.cli.kinds import add_kinds, run_kind

_KINDS = {
    "segmenter": (train_segmenter, "train or fine-tune a segmentation network on images and masks"),
    "classifier": (train_classifier, "train or fine-tune a subtype classifier on a folder per class"),
}
_EXAMPLES = """  napari-all train segmenter --images smears/ --masks masks/ --init smear-unet --output run/
  napari-all train classifier dataset/ --backbone cellnet --split grouped --output run/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a subcommand per kind of network."""
    add_kinds(parser, _KINDS, _EXAMPLES)


def run(args: argparse.Namespace) -> int:
    """Train and return the exit code."""
    return run_kind(args, _KINDS)
