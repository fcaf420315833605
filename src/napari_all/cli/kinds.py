"""Commands that come in several kinds, a module each: `train segmenter`, `train classifier` and the like."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import ModuleType


def add_kinds(parser: argparse.ArgumentParser, kinds: Mapping[str, tuple[ModuleType, str]], examples: str) -> None:
    """Add a subcommand, kept as `what`, for each module with its summary; `examples` end the command's own help."""
    added = parser.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=type(parser))
    for name, (module, summary) in kinds.items():
        sub = added.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
    told = " and ".join(f"'{parser.prog} {name} --help'" for name in kinds)
    parser.epilog = f"{told} tell the rest.\n\nfor example:\n{examples}"


def run_kind(args: argparse.Namespace, kinds: Mapping[str, tuple[ModuleType, str]]) -> int:
    """Run the subcommand that was asked for and return the exit code."""
    code: int = kinds[args.what][0].run(args)
    return code
