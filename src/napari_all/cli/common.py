"""What the subcommands share: arguments, the monitor behind the progress bar and Ctrl-C, and the last lines."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from napari_all.cli.main import DONE, INTERRUPTED, SOME_FAILED
from napari_all.errors import Cancelled
from napari_all.io.images import MAX_PIXELS
from napari_all.workflows.run_record import RunRecord


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add INPUT… to a subcommand."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders (searched recursively) or globs")
    parser.add_argument(
        "--max-pixels",
        type=_count,
        default=MAX_PIXELS,
        metavar="N",
        help=f"largest width times height that is read (default {MAX_PIXELS})",
    )


def add_output_rules(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite and --resume to a subcommand."""
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument("--overwrite", action="store_true", help="replace results that are there")
    rules.add_argument(
        "--resume", action="store_true", help="keep results of the same input and settings, make the others"
    )


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """Add --scheduler to a subcommand."""
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="work on a Dask cluster: address of its scheduler, such as tcp://host:8786. For trusted networks only: "
        "whoever reaches a scheduler can run any code on its workers (docs/cluster.md)",
    )


def add_run_rules(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite and --resume to the training of a model."""
    rules = parser.add_mutually_exclusive_group()
    rules.add_argument("--overwrite", action="store_true", help="start again in a folder that holds a run")
    rules.add_argument("--resume", action="store_true", help="go on with an interrupted run, with the same settings")


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Add --quiet and --json to a subcommand."""
    parser.add_argument("--quiet", action="store_true", help="no progress and messages; errors only")
    parser.add_argument("--json", action="store_true", help="results as JSON on standard output")


def _count(text: str) -> int:
    """Read a number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


class TerminalMonitor:
    """Progress bar and messages on standard error; a stop when Ctrl-C was pressed."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: tqdm[None] | None = None
        self._stage = ""
        self._said: set[str] = set()
        self.stopped = False

    def report(self, stage: str, done: int, total: int) -> None:
        """Move the bar, which is drawn on a terminal only."""
        if self._quiet or not sys.stderr.isatty():
            return
        if self._bar is None or stage != self._stage:
            self.close()
            self._bar, self._stage = tqdm(total=total, desc=stage, file=sys.stderr), stage
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def message(self, text: str) -> None:
        """Print a line above the bar, once however often it is said."""
        if not self._quiet and text not in self._said:
            self._said.add(text)
            tqdm.write(text, file=sys.stderr)

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when Ctrl-C was pressed."""
        if self.stopped:
            raise Cancelled("interrupted by Ctrl-C")

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def terminal_monitor(quiet: bool) -> Iterator[TerminalMonitor]:
    """Give a monitor while Ctrl-C asks it to stop; a second Ctrl-C ends the program at once."""
    monitor = TerminalMonitor(quiet)
    before = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        monitor.stopped = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nstopping after this step; press Ctrl-C again to stop at once", file=sys.stderr)

    signal.signal(signal.SIGINT, stop)
    try:
        yield monitor
    finally:
        signal.signal(signal.SIGINT, before)
        monitor.close()


def finish(record: RunRecord, where: Path, *, quiet: bool, as_json: bool) -> int:
    """Say how a run over images ended, on standard error, and return the exit code."""
    counts = {s: sum(e.status == s for e in record.inputs) for s in ("done", "skipped", "failed", "not started")}
    if as_json:
        print(json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False))
    if not quiet:
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n or status == "done")
        print(f"{told}; results in {where}", file=sys.stderr)
    for entry in record.failed:
        print(f"napari-all: {entry.image}: {entry.error}", file=sys.stderr)
    if not record.complete:
        print("napari-all: interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    return SOME_FAILED if record.failed else DONE
