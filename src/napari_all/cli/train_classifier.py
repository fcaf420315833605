"""`napari-all train classifier`: a subtype classifier of one's own from a folder per class."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_run_rules, add_talk, terminal_monitor
from napari_all.cli.main import DONE, INTERRUPTED
from napari_all.data.views import VIEWS
from napari_all.workflows.train_classifier import check_classifier_data, train_classifier
from napari_all.workflows.train_classifier_config import SPLITS, classifiers, make_classifier_config, settable

_EXAMPLE = """DATA holds a folder per class (Benign, Early, Pre, Pro, or the subtypes' names), or Original/ with these.
Groups (appearance clusters, overlapping fields) are read from DATA/overlap_groups.csv, which 'napari-all audit' writes,
or from --groups. --split grouped holds whole groups out for test and validation; paper and random draw images one by
one, as the literature does, and flatter: parts of one field and of one session lie on both sides.

DIR gets the model (for 'classify --model DIR/<name>.safetensors'), report.md with measures of validation and test,
predictions.csv, the split (split.json, which --split takes), curves and pictures. The validation images choose the
epoch, the temperature of the probabilities and the thresholds; the test images choose nothing.

settings (and the options of the network, such as variant=literal of custom_cnn):
{settings}

for example:
  napari-all train classifier taleqani-all/ --backbone cellnet --split grouped --output run/
  napari-all train classifier taleqani-all/ --backbone mobilenet_v2 --split paper --set epochs=30 --output run/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE.format(settings="\n".join(f"    --set {k}=…  {text}" for k, text in settable().items()))
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with a folder of images per class")
    parser.add_argument("--backbone", metavar="NAME", required=True, help=", ".join(classifiers()))
    parser.add_argument(
        "--split", metavar="NAME|FILE", required=True, help=f"{', '.join(SPLITS)}, or a split.json of an earlier run"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", required=True, help="folder for model and report")
    parser.add_argument("--fold", metavar="K", help="which fold is tested on, from 0 (random, grouped; default 0)")
    parser.add_argument("--view", metavar="NAME", help=f"what the network is shown: {', '.join(VIEWS)}")
    parser.add_argument("--size", metavar="PX", help="side of the square input (default 224), or native")
    parser.add_argument("--init", metavar="NAME|PATH", help="classifier of this program to begin from")
    parser.add_argument(
        "--pretrained", metavar="timm|FILE", help="published weights to begin from; nothing is downloaded without it"
    )
    parser.add_argument("--name", metavar="NAME", help="name of the model (default my-classifier)")
    parser.add_argument("--groups", metavar="FILE", help="CSV with the columns image and group; see --group-column")
    parser.add_argument("--group-column", metavar="NAME", help="column of --groups that is held out whole (patient)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    parser.add_argument("--check", action="store_true", help="say what a training would be fed, and end")
    add_run_rules(parser)
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Train and return the exit code."""
    size = "none" if args.size == "native" else args.size
    named = [
        (k, getattr(args, k)) for k in ("name", "backbone", "split", "fold", "view", "init", "pretrained", "groups")
    ]
    named += [("size_px", size), ("group_column", args.group_column)]
    config = make_classifier_config([*(f"{k}={v}" for k, v in named if v is not None), *args.set])
    if args.check:
        summary = check_classifier_data(args.data, config)
        print(json.dumps(summary.model_dump(mode="json"), indent=2) if args.json else "\n".join(summary.lines()))
        return DONE
    with terminal_monitor(args.quiet) as monitor:
        report = train_classifier(
            args.data, args.output, config, overwrite=args.overwrite, resume=args.resume, monitor=monitor
        )
    if report is None:  # a helper process of a run on several
        return DONE
    if args.json:
        print(json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif not args.quiet:
        print("\n".join(report.lines()))
    if not args.quiet:
        print(f"{report.checkpoint}, report.md and the pictures are in {args.output}", file=sys.stderr)
    return INTERRUPTED if report.cancelled else DONE
