"""`napari-all segment`: cells of images into label images, classes maps and tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from napari_all.cli.common import add_inputs, add_output_rules, add_scheduler, add_talk, finish, terminal_monitor
from napari_all.config import Settings
from napari_all.errors import UsageError
from napari_all.segmentation.method import PostprocessSettings
from napari_all.segmentation.methods import METHODS
from napari_all.workflows.batch import Order, segment_batch
from napari_all.workflows.segment import SegmentConfig, make_config
from napari_all.workflows.segment_files import Extras

_EXAMPLE = """writes, for each image, <stem>_labels.tif (one number per cell) with its sidecar <stem>_labels.json,
<stem>_classes.tif (0 background, 1 cytoplasm, 2 nucleus or whole cell) and <stem>_cells.csv; and, for all together,
images.csv (cells, diameter and uncertainty of each image) and run.json.

methods:
{methods}

cleaning, for every method:
{cleaning}

example:
  napari-all segment smears/ --method hsv --set min_area_px=60 --output results/
  napari-all segment smears/ --method unet --uncertainty --sort uncertainty --output results/
  napari-all segment smears/ --method unet --scheduler tcp://host:8786 --output results/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    methods = "\n".join(_describe(name) for name in METHODS)
    parser.epilog = _EXAMPLE.format(methods=methods, cleaning=_fields(PostprocessSettings))
    add_inputs(parser)
    add_method(parser, required=True)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="also write <stem>_uncertainty.tif: how unsure a network is of each pixel, 255 = all classes alike",
    )
    parser.add_argument(
        "--smudges",
        action="store_true",
        help="also write <stem>_smudges.tif: the smudge cells left out, for models that tell them apart",
    )
    parser.add_argument(
        "--sort",
        choices=get_args(Order),
        default="input",
        help="order of images.csv: as the inputs (default), or least certain first, which is worth a look first",
    )
    add_scheduler(parser)
    add_output_rules(parser)
    add_talk(parser)


def add_method(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the arguments that choose and set a segmentation method."""
    names = ", ".join(METHODS)
    parser.add_argument("--method", required=required, metavar="NAME", help=f"segmentation method: {names}")
    parser.add_argument("--model", metavar="NAME|PATH", help="network of the method, by name or weights file")
    parser.add_argument("--preset", default="default", metavar="NAME", help="named settings of the method")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")


def config_of(args: argparse.Namespace) -> SegmentConfig:
    """Return the configuration that the method's arguments ask for."""
    assignments = list(args.set)
    if args.model is not None:
        if "model" not in METHODS[args.method].settings.model_fields:
            raise UsageError(f"method {args.method!r} uses no network; leave --model {args.model!r} out")
        assignments.append(f"model={args.model}")
    return make_config(args.method, args.preset, assignments)


def run(args: argparse.Namespace) -> int:
    """Segment and return the exit code."""
    config = config_of(args)
    with terminal_monitor(args.quiet) as monitor:
        record = segment_batch(
            args.inputs,
            args.output,
            config,
            overwrite=args.overwrite,
            resume=args.resume,
            extras=Extras(uncertainty=args.uncertainty, smudges=args.smudges),
            sort=args.sort,
            max_pixels=args.max_pixels,
            scheduler=args.scheduler,
            monitor=monitor,
        )
    return finish(record, args.output, quiet=args.quiet, as_json=args.json)


def _describe(name: str) -> str:
    method = METHODS[name]
    presets = f"    presets: {', '.join(method.presets)}"
    return "\n".join((f"  {name}: {method.summary}", presets, _fields(method.settings)))


def _fields(settings: type[Settings]) -> str:
    fields = settings.model_fields.items()
    return "\n".join(f"    --set {key}=…  {field.description} (default {field.default})" for key, field in fields)
