"""Table 3 of Reza et al. 2025: the paper's U-Net, epoch by epoch, on the published masks and on well-made ones.

    python scripts/build_training_masks.py --data ../shared/data/taleqani-all --output runs/masks
    python scripts/table3.py --data ../shared/data [--full] [--resume]

Three networks alike in all but their masks' source and number of images:

    published    the published masks; reduced: 300 images, --full: all
    well-made    masks of recipes/taleqani-masks.json, whole cells; as many steps as `published`
    same-fields  the published masks of just these fields, so that the masks are all that differs from `well-made`

Reduced (300 images, 128 px, 9 epochs of one patch per training image) takes about 45 minutes of one core with
bfloat16; --full (all images, 224 px) is for a GPU. Writes docs/results/table3.json (table3_full.json) and the tables
of docs/table3.md. Interrupted, it goes on with --resume. The reference masks and every image that overlaps one of
their fields are not trained, validated or tested on; they score the finished networks.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
import torch
from table3_data import Parts, by_part, choose, load_items, write_published
from table3_epochs import CLASSES, EveryEpoch
from table3_page import write_page

from napari_all.cli.common import terminal_monitor
from napari_all.config import Settings
from napari_all.data.mask_items import MaskItem
from napari_all.errors import Cancelled, CheckpointError, FileExistsRefused
from napari_all.evaluation.masks import dice
from napari_all.files import sha256_array, write_json
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo
from napari_all.networks.device import choose_device
from napari_all.training.fit import NetworkSpec, fit
from napari_all.training.loader import ImageLoader, ItemSource
from napari_all.training.losses import align, part_masks
from napari_all.training.module import SegmenterModule
from napari_all.training.settings import TrainingSettings
from napari_all.workflows.train_config import make_train_config

ROOT = Path(__file__).resolve().parents[1]
RUNS = ("published", "well-made", "same-fields")
PLAN, RESULT = "plan.json", "result.json"
SPEC = NetworkSpec(
    "classic_unet", {"classes": 2}, CLASSES, InputInfo(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)), None
)
SETTINGS = (
    "epochs=9", "patience=9", "loss=dice", "learning_rate=0.0001", "weight_decay=0", "average=0", "cell_px=none",
    "scale_smallest=1", "scale_largest=1.25", "stretch=0", "stain=0", "focus=0", "debris=0", "cutout=0.5",
)  # fmt: skip
"""The paper's loss, epochs and kinds of augmentation; it gives neither ranges nor learning rate nor batch size."""


class Plan(Settings):
    """What differs between the reduced and the full command."""

    reduced: bool
    images: int | None
    settings: tuple[str, ...]

    def training(self, patches_per_epoch: int) -> TrainingSettings:
        """Return the training's settings with so many patches per epoch, rounded up to whole batches."""
        settings = make_train_config([*SETTINGS, *self.settings]).training
        return settings.updated(steps_per_epoch=-(-patches_per_epoch // settings.batch_size))


REDUCED = Plan(reduced=True, images=300, settings=("patch_px=128", "batch_size=4"))
FULL = Plan(reduced=False, images=None, settings=("patch_px=224", "batch_size=16"))


def mask_scores(found: Mapping[str, float]) -> dict[str, float]:
    """Return the mean over all fields and over those of each class."""
    classes = sorted({PurePosixPath(name).parent.name for name in found})
    mean = {"all": float(np.mean(list(found.values())))}
    mean |= {c: float(np.mean([v for k, v in found.items() if PurePosixPath(k).parent.name == c])) for c in classes}
    return {name: round(value, 4) for name, value in mean.items()}


def against_reference(
    tensors: Mapping[str, torch.Tensor], reference: Mapping[str, MaskItem], settings: TrainingSettings
) -> dict[str, dict[str, float]]:
    """Return Dice against the reference masks, at the network's size and at the images' own."""
    device = choose_device(settings.device).name
    module = SegmenterModule(
        BACKBONES[SPEC.backbone].build(**SPEC.options), CLASSES, SPEC.input, settings, rate=0.0, class_weights=None
    )
    module.network.load_state_dict(dict(tensors))
    module.to(device).eval()
    small: dict[str, float] = {}
    own: dict[str, float] = {}
    loader = ImageLoader(list(reference.values()), settings)
    for (name, item), (image, target) in zip(reference.items(), loader, strict=True):
        with torch.inference_mode():
            logits = module(image.to(device)).float().cpu()
        (p, truth, counts), *_ = part_masks(align(logits, target.float() / 255.0, CLASSES), logits, CLASSES)
        small[name] = dice(*(np.asarray(a[0]) for a in (p > 0.5, truth > 0.5, counts == 0)))
        height, width = item.codes.shape
        large = cv2.resize(p[0].numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
        own[name] = dice(large > 0.5, item.codes > 0, item.ignore)
    return {"network_size": mask_scores(small), "own_size": mask_scores(own)}


def one_run(
    parts: Parts, settings: TrainingSettings, reference: Mapping[str, MaskItem], folder: Path, monitor: Monitor
) -> dict[str, Any]:
    """Train a network, or go on with it, and measure it."""
    told = EveryEpoch(parts.test, settings)
    fitted = fit(SPEC, [ItemSource(parts.train)], parts.val, settings, folder, monitor, resume=True, callbacks=[told])
    if fitted.cancelled:
        raise Cancelled("stopped at the user's wish; go on with --resume")
    return {
        "images": {"train": len(parts.train), "val": len(parts.val), "test": len(parts.test)},
        "settings": settings.model_dump(mode="json"),
        "epochs": told.rows,
        "best_epoch": fitted.epoch,
        "reference_masks": against_reference(fitted.tensors, reference, settings),
    }


def run_all(plan: Plan, options: argparse.Namespace, output: Path, monitor: Monitor) -> dict[str, Any]:
    """Train what is not trained yet; return the results of all runs that are finished."""
    images = options.data / "taleqani-all" / "Original"
    drawn_parts, field_parts, fields = choose(options.data, plan.images, options.recipe)
    write_published(options.data / "taleqani-all", {*drawn_parts, *field_parts, *fields}, output / "masks")
    scored = options.data / "reference-masks"
    reference = load_items(images, scored / "labels", fields, scored / "ignore")
    training = plan.training(sum(part == "train" for part in drawn_parts.values()))
    for name in options.only:
        folder = output / name
        if (folder / RESULT).exists():
            continue
        parts = drawn_parts if name == "published" else field_parts
        masks = options.masks if name == "well-made" else output / "masks"
        items = load_items(images, masks, list(parts))
        begun = {"training": training.model_dump(mode="json", exclude={"device"}), "parts": parts}
        begun["masks"] = sha256_array(np.concatenate([item.targets[0].ravel() for item in items.values()]))
        if (folder / PLAN).exists() and json.loads((folder / PLAN).read_text()) != begun:
            raise CheckpointError(f"{folder} was begun with other settings or masks; choose another --output")
        write_json(folder / PLAN, begun)
        monitor.message(f"{name}: {sum(p == 'train' for p in parts.values())} images to train on")
        write_json(folder / RESULT, one_run(by_part(items, parts), training, reference, folder, monitor))
    published = load_items(images, output / "masks", fields)
    own = {name: dice(published[name].codes > 0, item.codes > 0, item.ignore) for name, item in reference.items()}
    done = {name: json.loads(p.read_text()) for name in RUNS if (p := output / name / RESULT).exists()}
    return {"reduced": plan.reduced, "published_masks_themselves": mask_scores(own), "runs": done}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("NAPARI_ALL_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--masks", type=Path, default=ROOT / "runs" / "masks", help="masks built from the recipe")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "taleqani-masks.json")
    parser.add_argument("--output", type=Path, help="folder of the runs (default runs/table3 or runs/table3_full)")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="gets results/table3.json and table3.md")
    parser.add_argument("--full", action="store_true", help="all images at 224 px")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=RUNS, help="train these; results wait for all three")
    parser.add_argument("--resume", action="store_true", help="go on with interrupted runs, keep finished ones")
    options = parser.parse_args(arguments)
    name = "table3_full" if options.full else "table3"
    output = options.output or ROOT / "runs" / name
    if any((output / run / PLAN).exists() for run in options.only) and not options.resume:
        raise FileExistsRefused(f"{output} holds runs; give --resume to go on, or choose another --output")
    with terminal_monitor(quiet=False) as monitor:
        results = run_all(FULL if options.full else REDUCED, options, output, monitor)
    if len(results["runs"]) == len(RUNS):
        write_json(options.docs / "results" / f"{name}.json", results)
        write_page(options.docs, name, results)
        print(f"{name}.json and the tables of table3.md are in {options.docs}")


if __name__ == "__main__":
    main()
