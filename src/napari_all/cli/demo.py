"""`napari-all demo`: a smear, segmented and classified, in the window; without a display, in a folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_talk, terminal_monitor
from napari_all.cli.display import has_display, require_window, run_window, virtual_display
from napari_all.cli.main import DONE, INTERRUPTED, SOME_FAILED
from napari_all.errors import DependencyError
from napari_all.io.inputs import find_images
from napari_all.workflows.demo import TABLE_FILE, DemoResult, run_demo

DEFAULT_FOLDER = Path("napari-all-demo")
SCREENSHOT = "window.png"

_EXAMPLE = f"""With a display, opens napari with the widgets docked. Without one, does the same work and writes
label images, tables and a screenshot of the window ({SCREENSHOT}) into a folder (default {DEFAULT_FOLDER}).

example:
  napari-all demo
  napari-all demo my_smear.png --output demo-results/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE
    parser.add_argument("inputs", nargs="*", metavar="IMAGE", help="images to show instead of the sample smear")
    parser.add_argument("--output", type=Path, metavar="DIR", help="also write the results into this folder")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Show or write the demo and return the exit code."""
    if has_display():
        require_window()
        if args.output is None:
            find_images(args.inputs)
            return run_window(args.inputs)
    output = args.output or DEFAULT_FOLDER
    with terminal_monitor(args.quiet) as monitor:
        result = run_demo(args.inputs, output, overwrite=args.overwrite, monitor=monitor)
    code = _tell(result, output, args)
    if code == INTERRUPTED:
        return code
    if has_display():
        return run_window([str(path) for path in result.images]) or code
    return _screenshot(result, output, quiet=args.quiet) or code


def _screenshot(result: DemoResult, output: Path, *, quiet: bool) -> int:
    require_window()
    target = output / SCREENSHOT
    with virtual_display() as display:
        code = run_window(["--screenshot", str(target), *(str(p) for p in result.images)], display)
    if code != 0 or not target.exists():
        raise DependencyError(f"the window could not be drawn (exit code {code}); the results in {output} are whole")
    if not quiet:
        print(f"  {target}  screenshot of the window", file=sys.stderr)
    return DONE


def _tell(result: DemoResult, output: Path, args: argparse.Namespace) -> int:
    records = (result.segmented, result.classified)
    if args.json:
        names = ("segment", "classify")
        shown = {name: r.model_dump(mode="json") for name, r in zip(names, records, strict=True)}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    for entry in (entry for record in records for entry in record.failed):
        print(f"napari-all: {entry.image}: {entry.error}", file=sys.stderr)
    if not all(record.complete for record in records):
        print("napari-all: interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    if not args.quiet:
        print(f"results are in {output.resolve()}:", file=sys.stderr)
        for entry in result.segmented.inputs:
            for name in entry.outputs:
                print(f"  {output / name}", file=sys.stderr)
        for entry in result.classified.inputs:
            if entry.prediction is not None:
                found = f"predicted subtype {entry.prediction.predicted} ({entry.prediction.status})"
                print(f"  {entry.image}: {found}", file=sys.stderr)
        print(f"  {output / TABLE_FILE}  predicted subtypes", file=sys.stderr)
    return SOME_FAILED if any(record.failed for record in records) else DONE
