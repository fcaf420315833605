"""`napari-all audit`: what an accuracy on a data set, or of a model, is worth."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_talk, terminal_monitor
from napari_all.cli.main import DONE, SOME_FAILED
from napari_all.evaluation.quality import QualityLimits
from napari_all.workflows.audit import AUDIT_FILES, audit
from napari_all.workflows.audit_config import AuditConfig, AuditData

_EXAMPLE = """DATA holds a folder per class (<Class>/… or Original/<Class>/…). Measured: how well a classifier tells
the classes from background colour, the scale-bar corner or white cells alone, on random, blocked and grouped folds;
which images overlap (found when there is no overlap_groups.csv); the quality of every image. With --model also: how
many predictions change when a scale bar is removed, added or exchanged, and when the white cells stand on a background
of another class. audit.md (and audit.html) begins with a plain verdict.

settings:
{settings}

limits of the quality control:
{limits}

for example:
  napari-all audit dataset/ --output audit/
  napari-all audit dataset/ --model run/my-model.safetensors --split run/split.json --output audit/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    own = {name: field for name, field in AuditConfig.model_fields.items() if name != "limits"}
    fields = (own, QualityLimits.model_fields)
    settings, limits = (
        "\n".join(f"    --set {k}=…  {f.description} (default {f.default})" for k, f in of.items()) for of in fields
    )
    parser.epilog = _EXAMPLE.format(settings=settings, limits=limits)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of labelled images")
    parser.add_argument("--model", metavar="NAME|PATH", help="classifier to look at, by name or weights file")
    parser.add_argument("--split", type=Path, metavar="FILE", help="split.json of the model's training")
    parser.add_argument("--groups", type=Path, metavar="FILE", help="CSV with the images' groups (patients, say)")
    parser.add_argument("--group-column", metavar="NAME", help="column of --groups that is held out whole")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the audit")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    parser.add_argument("--overwrite", action="store_true", help="replace an audit that is there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Audit and return the exit code."""
    of_limits = [text for text in args.set if text.partition("=")[0].strip() in QualityLimits.model_fields]
    config = AuditConfig().updated_from_text([text for text in args.set if text not in of_limits])
    config = config.updated(limits=config.limits.updated_from_text(of_limits))
    data = AuditData(args.data, args.groups, args.group_column, args.split)
    with terminal_monitor(args.quiet) as monitor:
        report = audit(data, args.output, model=args.model, config=config, overwrite=args.overwrite, monitor=monitor)
    if args.json:
        print(json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif not args.quiet:
        print("\n".join((*report.verdict, *report.notes)))
    if not args.quiet:
        written = ", ".join(name for name in AUDIT_FILES if (args.output / name).exists())
        print(f"{written} are in {args.output}", file=sys.stderr)
    for failure in report.failed:
        print(f"napari-all: {failure.image}: {failure.error}", file=sys.stderr)
    return SOME_FAILED if report.failed else DONE
