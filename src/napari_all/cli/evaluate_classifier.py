"""`napari-all evaluate classifier`: predicted subtypes against the true ones."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_talk, terminal_monitor
from napari_all.cli.main import DONE, SOME_FAILED
from napari_all.evaluation.classifier_report import as_page
from napari_all.workflows.classify import ClassifyConfig
from napari_all.workflows.evaluate_classifier import evaluate_classifier

_EXAMPLE = """DATA holds a folder per class (DATA/<Class>/… or DATA/Original/<Class>/…), as the Taleqani dataset does.
The report says what the figures are worth: whether the model learned from these images, and whether the split keeps
patients or sessions apart. An accuracy on a split at random proves little.

for example:
  napari-all evaluate classifier DATA --model run/my-model.safetensors --split run/split.json --output report/
  napari-all evaluate classifier DATA --groups patients.csv --group-column patient --output report/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    fields = ClassifyConfig.model_fields
    parser.epilog = _EXAMPLE
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with a sub-folder of images per class")
    parser.add_argument("--model", metavar="NAME|PATH", help=fields["model"].description)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="where it runs")
    parser.add_argument("--split", type=Path, metavar="FILE", help="split (JSON) of a training; without it all images")
    parser.add_argument(
        "--part", choices=["train", "validation", "test"], default="test", help="part of --split (default test)"
    )
    parser.add_argument(
        "--groups", type=Path, metavar="CSV", help="table of groups (default overlap_groups.csv in DATA)"
    )
    parser.add_argument("--group-column", metavar="NAME", help="column of --groups that names patient or session")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and return the exit code."""
    with terminal_monitor(args.quiet) as monitor:
        report = evaluate_classifier(
            args.data,
            args.output,
            ClassifyConfig(model=args.model, device=args.device),
            split=args.split,
            part=args.part,
            groups=args.groups,
            group_column=args.group_column,
            overwrite=args.overwrite,
            monitor=monitor,
        )
    if args.json:
        print(json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif not args.quiet:
        print(as_page(report).partition("\n## By class")[0])
    if not args.quiet:
        print(f"report.md, report.json, predictions.csv and figures are in {args.output}", file=sys.stderr)
    for name, why in report.failed.items():
        print(f"napari-all: {name}: {why}", file=sys.stderr)
    return SOME_FAILED if report.failed else DONE
