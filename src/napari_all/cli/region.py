"""`napari-all region`: cut a region out of a slide, and put its corrected cells back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_all.cli.main import DONE
from napari_all.errors import UsageError
from napari_all.workflows.slide_region import cut_region, put_back

_EXAMPLE = """example:
  napari-all region cut slide.svs --at 12000,8000 --size 2048,2048 --labels results/slide_labels.tif --output regions/
  (correct regions/slide_y12000_x8000_labels.tif in the window)
  napari-all region put-back regions/slide_y12000_x8000_labels.tif --labels results/slide_labels.tif"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's actions."""
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    cut = actions.add_parser("cut", help="cut a region out of a slide, with its labels")
    cut.add_argument("slide", type=Path, metavar="SLIDE", help="the slide")
    cut.add_argument("--at", required=True, metavar="Y,X", help="first row and column of the region")
    cut.add_argument("--size", required=True, metavar="H,W", help="its rows and columns")
    cut.add_argument("--labels", type=Path, metavar="FILE", help="label image of the slide")
    cut.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the region's files")
    cut.set_defaults(act=_cut)
    back = actions.add_parser("put-back", help="put a region's corrected cells into the slide's labels")
    back.add_argument("region", type=Path, metavar="REGION", help="label image of the region")
    back.add_argument("--labels", type=Path, required=True, metavar="FILE", help="label image of the slide")
    back.set_defaults(act=_put_back)


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    code: int = args.act(args)
    return code


def _cut(args: argparse.Namespace) -> int:
    y, x = _pair(args.at, "--at")
    height, width = _pair(args.size, "--size")
    print(cut_region(args.slide, (y, x, height, width), args.output, args.labels))
    return DONE


def _put_back(args: argparse.Namespace) -> int:
    done = put_back(args.region, args.labels)
    told = (
        f"{done.kept} cells kept their number, {done.new} are new, {done.gone} are gone; {args.labels.name} is renewed"
    )
    print(told, file=sys.stderr)
    return DONE


def _pair(text: str, option: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise UsageError(f"{option} {text!r} is no pair of whole numbers; give rows and columns as 2048,2048")
    return int(parts[0]), int(parts[1])
