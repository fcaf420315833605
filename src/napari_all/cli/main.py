"""`napari-all`: finds the subcommand, runs it, and turns what happened into an exit code."""

from __future__ import annotations

import argparse
import importlib
import keyword
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from napari_all import __version__
from napari_all.errors import (
    Cancelled,
    CheckpointError,
    DependencyError,
    FileExistsRefused,
    NapariAllError,
    UsageError,
)
from napari_all.networks.device import let_threads_sleep

DONE, SOME_FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "demo": "open a sample smear, segmented and classified, in napari",
    "segment": "segment the cells of images",
    "classify": "predict the subtype of images",
    "region": "cut a region out of a slide, put its corrected cells back",
    "replay": "run again what the record of a run tells",
    "export": "convert label images to other formats",
    "import": "take over cells from files of other programs",
    "count": "write the differential count of a project",
    "train": "train or fine-tune a segmenter or a classifier",
    "evaluate": "measure results against reference masks",
    "audit": "look for shortcuts in a dataset, and in a model",
    "models": "list, show, import and export models",
}
"""Subcommands and what they do; each is a module of this package with `add_arguments` and `run`."""

_EPILOG = """example:
  napari-all segment smears/ --method hsv --output results/

For research use only. Not for use in diagnostic procedures."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 some inputs failed, 2 wrong use, 130 interrupted."""
    let_threads_sleep()
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it finds wrong with a file becomes our error
    try:
        args = _parse(arguments)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except (UsageError, FileExistsRefused, CheckpointError, DependencyError) as error:
        return _say(error, WRONG_USE)
    except (Cancelled, KeyboardInterrupt):
        print("napari-all: interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except NapariAllError as error:
        return _say(error, SOME_FAILED)
    except BrokenPipeError:  # the reader of our output went away (| head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Build the parser of the asked subcommand only: the others' imports are not paid for."""
    parser = _Parser(
        prog="napari-all",
        description="Stained blood smears to segmented, corrected, classified and exported cells.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"napari-all {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    asked = next((a for a in arguments if not a.startswith("-")), None)
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == asked:
            module = importlib.import_module(f"napari_all.cli.{_module(name)}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser.parse_args(arguments)


def _module(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


class _Parser(argparse.ArgumentParser):
    """Says how to get help after a wrong use."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with exit code 2."""
        print(f"napari-all: {message}\nsee '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def _say(error: Exception, code: int) -> int:
    print(f"napari-all: {error}", file=sys.stderr)
    return code
