"""`napari-all classify`: the predicted subtype of images into a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_all.cli.common import add_inputs, add_output_rules, add_scheduler, add_talk, finish, terminal_monitor
from napari_all.errors import UsageError
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.classify_batch import classify_batch
from napari_all.workflows.classify_cells import CellSource
from napari_all.workflows.segment import make_config

_EXAMPLE = """writes FILE.csv, one row per image: the predicted subtype (Benign, Early Pre-B, Pre-B, Pro-B), its status
(confident; review = the model is not sure; unfamiliar = unlike the images it learnt from) and the probabilities;
and FILE_run.json. Images that fail are named there and on standard error, and have no row.

--cells also writes FILE_cells.csv, one row per cell. It is exploratory: the model learnt whole fields, so it is shown
a window around each cell, and no cell is better than 'review'.

--explain shows where the network finds what speaks for the predicted subtype (Grad-CAM): per image an overlay
(<stem>_gradcam.png, white cells outlined) and the map itself (<stem>_gradcam.tif, 32-bit, 0 to 1), and in the table the
column cam_in_cells, the share of it inside white cells.

--report also writes one HTML page to look through: thumbnails, probabilities and status, the least sure first, and how
it was made.

for example:
  napari-all classify smears/ --output subtypes.csv
  napari-all classify smears/ --output subtypes.csv --report subtypes.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE
    add_inputs(parser)
    parser.add_argument("--model", metavar="NAME|PATH", help="classifier, by name or weights file (default: bundled)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps (default auto)")
    parser.add_argument("--tta", action="store_true", help="average over quarter turns and mirror images (slower)")
    parser.add_argument(
        "--explain", type=Path, metavar="DIR", help="write a heat map (Grad-CAM) of each image into DIR"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="also write a page with thumbnails")
    parser.add_argument("--cells", action="store_true", help="also predict at each cell (exploratory)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--labels", type=Path, metavar="DIR", help="label images for --cells")
    source.add_argument("--method", metavar="NAME", help="segmentation method for --cells")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.csv", help="the table")
    add_scheduler(parser)
    add_output_rules(parser)
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Classify and return the exit code."""
    config = ClassifyConfig.parse({"model": args.model, "device": args.device, "tta": args.tta})
    with terminal_monitor(args.quiet) as monitor:
        record = classify_batch(
            args.inputs,
            args.output,
            config,
            cells=_cell_source(args),
            explain=args.explain,
            report=args.report,
            overwrite=args.overwrite,
            resume=args.resume,
            max_pixels=args.max_pixels,
            scheduler=args.scheduler,
            monitor=monitor,
        )
    return finish(record, args.output, quiet=args.quiet, as_json=args.json)


def _cell_source(args: argparse.Namespace) -> CellSource | None:
    given: CellSource | None = args.labels
    if args.method is not None:
        given = make_config(args.method)
    if args.cells and given is None:
        raise UsageError("--cells needs to know the cells; give --labels DIR or --method NAME")
    if not args.cells and given is not None:
        raise UsageError("--labels and --method belong to --cells; add --cells or leave them out")
    return given
