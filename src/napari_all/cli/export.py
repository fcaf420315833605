"""`napari-all export`: label images into other formats."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_all.cli.common import add_inputs, add_talk, finish, terminal_monitor
from napari_all.io.exporters import EXPORTERS
from napari_all.workflows.export import export_batch

_EXAMPLE = """formats:
{formats}

INPUT are the images; the label image of each lies in --labels with the same stem and sub-folder, as
'napari-all segment' and the window write it.

example:
  napari-all export smears/ --labels results/ --format csv --output cells.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    formats = "\n".join(f"  {name}: {exporter.summary}" for name, exporter in EXPORTERS.items())
    parser.epilog = _EXAMPLE.format(formats=formats)
    add_inputs(parser)
    parser.add_argument("--labels", type=Path, required=True, metavar="DIR", help="folder of the label images")
    parser.add_argument("--format", required=True, metavar="NAME", help=f"one of {', '.join(EXPORTERS)}")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help="folder, or a file with the format's ending for one image or one table of all",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Export and return the exit code."""
    with terminal_monitor(args.quiet) as monitor:
        record = export_batch(
            args.inputs,
            args.labels,
            args.format,
            args.output,
            overwrite=args.overwrite,
            max_pixels=args.max_pixels,
            monitor=monitor,
        )
    return finish(record, args.output, quiet=args.quiet, as_json=args.json)
