"""`napari-all evaluate segmentation`: results against reference masks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_talk, terminal_monitor
from napari_all.cli.main import DONE
from napari_all.evaluation.picture import LEGEND
from napari_all.evaluation.report import as_markdown
from napari_all.workflows.evaluate import REPORT_FILES, evaluate_segmentation

_EXAMPLE = f"""PREDICTIONS is a folder that 'napari-all segment' wrote, or label images of another program.
TRUTH holds one mask of the same stem per field: numbered cells, or 0 background, 1 cytoplasm,
2 nucleus. Fields are grouped by sub-folder, or by what stands before the last '-' of their name.

Dice is the mean over fields; pixels of IGNORE are left out on both sides. Cells match one to one from IoU 0.5 on;
cells under 60 px at the border and cells mostly ignored do not count. In worst_fields.png,
{LEGEND}.

example:
  napari-all evaluate segmentation --predictions results/ --truth masks/ --ignore ignore/ --output report/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="folder of label images")
    parser.add_argument("--truth", type=Path, required=True, metavar="DIR", help="folder of reference masks")
    parser.add_argument("--ignore", type=Path, metavar="DIR", help="folder of masks of pixels to leave out")
    parser.add_argument(
        "--truth-code", choices=["auto", "labels", "classes"], default="auto", help="how TRUTH is coded"
    )
    parser.add_argument(
        "--output", type=Path, default=None, metavar="DIR", help="folder for the report (default PREDICTIONS)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and return the exit code."""
    output = args.output or args.predictions
    with terminal_monitor(args.quiet) as monitor:
        report = evaluate_segmentation(
            args.predictions,
            args.truth,
            output,
            ignore=args.ignore,
            truth_code=args.truth_code,
            overwrite=args.overwrite,
            monitor=monitor,
        )
    if args.json:
        print(json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif not args.quiet:
        print(as_markdown(report).partition("\n## ")[0])
    if not args.quiet:
        print(f"{', '.join(REPORT_FILES)} are in {output}", file=sys.stderr)
    return DONE
