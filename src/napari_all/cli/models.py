"""`napari-all models`: the models on this machine."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from napari_all.cli.common import add_talk, terminal_monitor
from napari_all.cli.main import DONE, SOME_FAILED
from napari_all.config import Settings
from napari_all.networks.card import Task
from napari_all.networks.model_formats import MODEL_FORMATS
from napari_all.networks.zoo import FOLDER_VARIABLE, Source
from napari_all.workflows.export_model import export_model
from napari_all.workflows.models import ModelInfo, describe_model, find_models, import_model

_EXAMPLE = f"""Models are named in --model and in the window's lists. An imported one is copied into the user's model
folder ('models list' says which; ${FOLDER_VARIABLE} moves it) after its weights were checked against their card
and the network was rebuilt and run. A model is a .safetensors file with a .json card beside it; an exported file, which
holds both, is taken as well, and nothing else is opened.

example:
  napari-all models list
  napari-all models show smear-unet
  napari-all models import trained/model.safetensors --name my-stain
  napari-all models export smear-unet --format bioimageio"""

_SOURCES: dict[Source, str] = {"bundled": "bundled with napari-all", "imported": "imported", "file": "not imported"}
_FIGURES_IN_LIST = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's actions."""
    parser.epilog = _EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example: {example}"
        )
        add_talk(action)
        return action

    listing = add("list", "list the models on this machine", "napari-all models list --task segmentation")
    listing.add_argument("--task", choices=get_args(Task), help="only models of this task")
    listing.set_defaults(act=_list)
    showing = add("show", "check a model and show its card", "napari-all models show smear-unet")
    showing.add_argument("model", metavar="NAME|PATH", help="a model's name, or the path of its weights")
    showing.set_defaults(act=_show)
    importing = add(
        "import",
        "check a model and copy it into the user's model folder",
        "napari-all models import trained/model.safetensors --name my-stain",
    )
    importing.add_argument(
        "path", type=Path, metavar="PATH", help="the .safetensors file, its card beside it; or what 'export' wrote"
    )
    importing.add_argument("--name", help="what to call it (default: the name on its card)")
    importing.add_argument("--overwrite", action="store_true", help="replace an imported model of this name")
    importing.set_defaults(act=_import)
    exporting = add(
        "export", "write a model for other programs", "napari-all models export smear-unet --format onnx --output out"
    )
    exporting.add_argument("model", metavar="NAME|PATH", help="a model's name, or the path of its weights")
    summaries = "; ".join(f"{name}: {entry.summary}" for name, entry in MODEL_FORMATS.items())
    exporting.add_argument("--format", required=True, metavar="NAME", help=summaries)
    exporting.add_argument(
        "--output", type=Path, metavar="PATH", help="file, or folder for it (default: the working folder)"
    )
    exporting.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    exporting.set_defaults(act=_export)


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit code."""
    code: int = args.act(args)
    return code


def _list(args: argparse.Namespace) -> int:
    found = find_models(args.task)
    if args.json:
        _print_json(found)
    else:
        rows = [("NAME", "TASK", "NETWORK", "CLASSES", "FROM", "FIGURES"), *map(_row, found.models)]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for row in rows:
            print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip())
    if not args.quiet:
        print(f"imported models lie in {found.folder}", file=sys.stderr)
    for file in found.unusable:
        print(f"napari-all: {_plain(file.file)}: {_plain(file.error)}", file=sys.stderr)
    return SOME_FAILED if found.unusable else DONE


def _show(args: argparse.Namespace) -> int:
    info = describe_model(args.model)
    if args.json:
        _print_json(info)
    else:
        print("\n".join(_card_lines(info)))
    return DONE


def _import(args: argparse.Namespace) -> int:
    with terminal_monitor(args.quiet) as monitor:
        info = import_model(args.path, args.name, overwrite=args.overwrite, monitor=monitor)
    if args.json:
        _print_json(info)
    if not args.quiet:
        print(f"imported {info.name!r} ({info.card.task}); use it with --model {info.name}", file=sys.stderr)
    return DONE


def _export(args: argparse.Namespace) -> int:
    with terminal_monitor(args.quiet) as monitor:
        done = export_model(args.model, args.format, args.output, overwrite=args.overwrite, monitor=monitor)
    if args.json:
        _print_json(done)
    if not args.quiet:
        print(f"wrote {done.file} ({done.bytes / 1e6:.1f} MB)", file=sys.stderr)
    return DONE


def _print_json(value: Settings) -> None:
    print(json.dumps(value.model_dump(mode="json"), indent=2, ensure_ascii=False))


def _row(info: ModelInfo) -> tuple[str, ...]:
    card = info.card
    figures = [f"{name} {value:.4g}" for name, value in list(card.metrics.items())[:_FIGURES_IN_LIST]]
    cells = (info.name, card.task, card.backbone, ", ".join(card.classes), info.source, ", ".join(figures))
    return tuple(_plain(cell) for cell in cells)


def _card_lines(info: ModelInfo) -> Iterator[str]:
    """Yield a card as people read it: what it is and its terms first, files last."""
    card = info.card
    yield f"{_plain(info.name)}: {card.task}, {_SOURCES[info.source]}"
    yield from _wrapped(card.summary)
    for head, lines in {
        "Terms": [card.licence or "not stated"],
        "Data": [f"- {entry}" for entry in card.data] or ["not stated"],
        "Figures": _pairs(card.metrics) or ["not stated"],
        "Classes": [", ".join(card.classes)],
        "Network": [card.backbone, *_pairs(card.options)],
        "Input": _pairs(card.input.model_dump(mode="json")),
        "Settings": _pairs(card.extra) or ["none"],
    }.items():
        yield f"\n{head}"
        for line in lines:
            yield from _wrapped(line)
    yield "\nFile"
    yield f"  {info.file}"
    yield f"  {info.weights_bytes / 1e6:.1f} MB, SHA-256 {info.sha256}"


def _pairs(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return `name: value` lines; what is nested goes by dotted names."""
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += _pairs(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            lines.append(f"{prefix}{name}: {', '.join(map(str, value))}")
        else:
            number = f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)
            lines.append(f"{prefix}{name}: {number}")
    return lines


def _wrapped(text: str) -> list[str]:
    width = max(40, min(110, shutil.get_terminal_size().columns))
    further = "    " if text.startswith("- ") else "  "
    return textwrap.wrap(_plain(text), width, initial_indent="  ", subsequent_indent=further, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return text without control characters: a stranger's card must not steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
