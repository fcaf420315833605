"""`napari-all train`: a network of one's own."""

from __future__ import annotations

import argparse

from napari_all.cli import train_classifier, train_segmenter

_KINDS = {
    "segmenter": (train_segmenter, "train or fine-tune a segmentation network on images and masks"),
    "classifier": (train_classifier, "train or fine-tune a subtype classifier on a folder per class"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a subcommand per kind of network."""
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=type(parser))
    for name, (module, summary) in _KINDS.items():
        sub = kinds.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
    parser.epilog = "'napari-all train segmenter --help' and 'napari-all train classifier --help' tell the rest."


def run(args: argparse.Namespace) -> int:
    """Train and return the exit code."""
    code: int = _KINDS[args.what][0].run(args)
    return code
