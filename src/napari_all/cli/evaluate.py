"""`napari-all evaluate`: results against what is known to be true."""

from __future__ import annotations

import argparse

from napari_all.cli import evaluate_classifier, evaluate_segmentation

_KINDS = {
    "segmentation": (evaluate_segmentation, "measure label images against reference masks"),
    "classifier": (evaluate_classifier, "measure predicted subtypes of a folder per class"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a subcommand per kind of result."""
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=type(parser))
    for name, (module, summary) in _KINDS.items():
        sub = kinds.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
    parser.epilog = (
        "'napari-all evaluate segmentation --help' and 'napari-all evaluate classifier --help' tell the rest."
    )


def run(args: argparse.Namespace) -> int:
    """Measure and return the exit code."""
    code: int = _KINDS[args.what][0].run(args)
    return code
