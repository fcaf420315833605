"""`napari-all import`: cells of other programs into label images."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_all.cli.common import add_inputs, add_talk, finish, terminal_monitor
from napari_all.io.importers import IMPORTERS
from napari_all.workflows.import_labels import import_batch

_EXAMPLE = """formats:
{formats}

The format is told by each file's content. Results are what 'napari-all segment' writes, and the classes of cells where
the file has some. Files that hold outlines take the size of the image from --images; without it, as far as they reach.

example:
  napari-all import qupath/ --images smears/ --output labels/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    formats = "\n".join(f"  {name}: {importer.summary}" for name, importer in IMPORTERS.items())
    parser.epilog = _EXAMPLE.format(formats=formats)
    add_inputs(parser)
    parser.add_argument("--format", metavar="NAME", help=f"only files of this format, one of {', '.join(IMPORTERS)}")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the images that the cells belong to")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="folder of the label images, for tables of cells")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the label images")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Import and return the exit code."""
    with terminal_monitor(args.quiet) as monitor:
        record = import_batch(
            args.inputs,
            args.output,
            format_name=args.format,
            images=args.images,
            labels=args.labels,
            overwrite=args.overwrite,
            max_pixels=args.max_pixels,
            monitor=monitor,
        )
    return finish(record, args.output, quiet=args.quiet, as_json=args.json)
