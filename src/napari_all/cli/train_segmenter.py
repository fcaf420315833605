"""`napari-all train segmenter`: a network of one's own from images and masks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from napari_all.cli.common import add_run_rules, add_talk, terminal_monitor
from napari_all.cli.main import DONE, INTERRUPTED
from napari_all.errors import UsageError
from napari_all.workflows.train_config import SourceConfig, make_train_config, settable
from napari_all.workflows.train_segmenter import check_data, train_segmenter

_EXAMPLE = """A mask is named after its image (<name>.png, <name>_labels.tif, <name>_mask.png …) and holds numbered
cells, one value for all cells, or 0 background, 1 cytoplasm, 2 nucleus. What this program saved is read with its
classes and its status: masks that are mere predictions are left out. <name>_ignore.png beside a mask (or in
--ignore) tells what does not count, <name>_smudges.png what is a smudge cell. A fifth of the images, whole groups
at a time, is held out to validate on. DIR gets the model (for 'segment --model DIR/<name>.safetensors' or
'models import'), report.md, curves and before/after pictures.

settings:
{settings}

for example:
  napari-all train segmenter --images smears/ --masks masks/ --init smear-unet --output run/
  napari-all train segmenter --images smears/ --masks masks/ --architecture unet --encoder resnet34 \\
      --set epochs=50 --set loss=dice --output run/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.epilog = _EXAMPLE.format(settings="\n".join(f"    --set {k}=…  {text}" for k, text in settable().items()))
    for name, help_text in (
        ("--images", "folder of images; may be repeated, each with its --masks"),
        ("--masks", "folder of masks"),
        ("--ignore", "folder of masks of what does not count; once for all, or once per --images, as the next two"),
        ("--groups", "CSV with the columns image and group (patient, slide): groups are held out whole"),
        ("--split", "CSV with the columns image and part (train, val or none)"),
    ):
        required = name in ("--images", "--masks")
        metavar = "FILE" if name in ("--groups", "--split") else "DIR"
        parser.add_argument(
            name, action="append", default=[], type=Path, metavar=metavar, help=help_text, required=required
        )
    parser.add_argument("--group-column", default="group", metavar="NAME", help="column of --groups (default group)")
    parser.add_argument(
        "--share", action="append", default=[], type=float, metavar="N", help="share of the patches, per --images"
    )
    parser.add_argument(
        "--code", choices=["auto", "labels", "classes", "binary"], default="auto", help="what the masks' numbers mean"
    )
    parser.add_argument(
        "--parts", choices=["cell", "nucleus"], default="cell", help="what labels and binary masks outline"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", required=True, help="folder for model and report")
    parser.add_argument("--name", metavar="NAME", help="name of the model (default my-unet)")
    parser.add_argument("--architecture", metavar="NAME", help="network; see settings")
    parser.add_argument("--encoder", metavar="NAME", help="encoder of a segmentation-models-pytorch architecture")
    parser.add_argument("--init", metavar="NAME|PATH", help="model to fine-tune, such as smear-unet")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    parser.add_argument("--check", action="store_true", help="read the data, say what a training would be fed, and end")
    add_run_rules(parser)
    add_talk(parser)


def run(args: argparse.Namespace) -> int:
    """Train and return the exit code."""
    named = [(key, getattr(args, key)) for key in ("name", "architecture", "encoder", "init")]
    config = make_train_config([*(f"{k}={v}" for k, v in named if v is not None), *args.set])
    sources = sources_of(args)
    with terminal_monitor(args.quiet) as monitor:
        if args.check:
            summary = check_data(sources, config, monitor)
            print(json.dumps(summary.model_dump(mode="json"), indent=2) if args.json else "\n".join(summary.lines()))
            return DONE
        report = train_segmenter(
            sources, args.output, config, overwrite=args.overwrite, resume=args.resume, monitor=monitor
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


def sources_of(args: argparse.Namespace) -> list[SourceConfig]:
    """Return one source per --images, with the options given in the same order; one given once holds for all."""
    if len(args.images) != len(args.masks):
        raise UsageError(f"--images was given {len(args.images)} times, --masks {len(args.masks)}; give one for each")
    for name in ("ignore", "groups", "split", "share"):
        given = getattr(args, name)
        if given and len(given) not in (1, len(args.images)):
            raise UsageError(f"--{name} was given {len(given)} times for {len(args.images)} folders of images")
    count = len(args.images)
    own = {
        name: (given * count)[:count]
        for name in ("ignore", "groups", "split", "share")
        if (given := getattr(args, name))
    }
    shared = {"group_column": args.group_column, "code": args.code, "parts": args.parts}
    folders = zip(args.images, args.masks, strict=True)
    return [
        SourceConfig.parse(
            {"images": images, "masks": masks, **shared, **{name: given[at] for name, given in own.items()}}
        )
        for at, (images, masks) in enumerate(folders)
    ]
