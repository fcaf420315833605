"""`napari-all count`: the differential count of a project."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_talk
from napari_all.cli.main import DONE
from napari_all.workflows.count_cells import report_count

_EXAMPLE = """PROJECT is the folder that the Review window makes; cells have the classes that a person gave them there.
Every image has to be corrected, accepted or excluded first: what a model proposed alone is no count.

example:
  napari-all count "smears review/" --target 500 --output count.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE
    parser.add_argument("project", type=Path, metavar="PROJECT", help="folder of a review")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="page (.html) or table (.csv)")
    parser.add_argument("--target", type=int, metavar="N", help="cells to count; by default as the project has it")
    parser.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Write the report and return the exit code."""
    images = report_count(args.project, args.output, args.target, overwrite=args.overwrite)
    found = images.together()
    if args.json:
        told = {"images": found.images, "counted": found.counted, "target": found.target}
        print(json.dumps({**told, "classes": [dataclasses.asdict(one) for one in found.classes]}, indent=2))
    if not args.quiet:
        print(
            f"{found.counted} of {found.target} cells counted in {found.images} images: {args.output}", file=sys.stderr
        )
    return DONE
