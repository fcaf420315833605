"""`napari-all replay`: run again what a record tells."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_all.cli.common import add_inputs, add_output_rules, add_talk, finish, terminal_monitor
from napari_all.workflows.replay import load_record, replay

_EXAMPLE = """RECORD is the run.json that 'segment' writes (or FILE_run.json of 'classify'), here or in the window:
method, settings and cleaning are taken from it. The network must have the weights of the record, else nothing is done.
What differs from then is named on standard error: versions, device, files, and results image by image.

example:
  napari-all replay results/run.json smears/ --output again/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE
    parser.add_argument("record", type=Path, metavar="RECORD", help="record of a run")
    add_inputs(parser)
    parser.add_argument("--model", metavar="PATH", help="weights of the recorded network, where its name is not known")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="PATH", help="folder, or the table of a classification"
    )
    add_output_rules(parser)
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Replay and return the exit code."""
    record = load_record(args.record)
    with terminal_monitor(args.quiet) as monitor:
        done = replay(
            record,
            args.inputs,
            args.output,
            model=args.model,
            overwrite=args.overwrite,
            resume=args.resume,
            max_pixels=args.max_pixels,
            monitor=monitor,
        )
    code = finish(done.record, args.output, quiet=args.quiet, as_json=args.json)
    for line in done.differences:
        print(f"napari-all: differs: {line}", file=sys.stderr)
    if not args.quiet:
        known = {entry.image for entry in record.inputs}
        again = sum(entry.image in known for entry in done.record.inputs)
        print(f"{done.same} of {again} recorded images gave the recorded result", file=sys.stderr)
    return code
