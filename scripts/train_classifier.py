"""Train the subtype classifier that ships with napari-all, from random initialisation, and measure it honestly.

    python scripts/train_classifier.py --data ../shared/data/taleqani-all --groups scripts/folds/overlap_groups.csv \\
        --output runs/classifier

Trains five networks on grouped folds (whole appearance clusters held out, overlapping images dropped), ten more on
the grouped folds of two other seeds (`--fold-seeds`), five on random folds (which leak, for comparison with the
literature) and one on all images, each for the same number of epochs with the last weights kept (`choose_by=last`): no
image is looked at to stop or to choose. In training most images show their white cells on the background of another
image, of any class alike (`--exchange`), so that the network learns to look at cells. Then it writes the figures, the
shipped checkpoint and its card. Stop it at any time; started again it goes on from the last finished epoch (every draw
of chance comes from the seed and the step, so the result is the same). What the white cells are, to show them on other
backgrounds, the shipped segmenter says, once (some 20 minutes of a core; kept in the output folder).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classifier_report import FoldResult, Known, fit_and_report, save_classifier, write_fold_lists
from numpy.typing import NDArray
from torch import nn

from napari_all.classes import SUBTYPES
from napari_all.classification.predictor import run_network
from napari_all.classification.unfamiliarity import fit_familiar
from napari_all.cli.common import terminal_monitor
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import Split, clear_of, grouped_folds, make_split, random_folds
from napari_all.data.views import DEFAULT_VIEW, view_named
from napari_all.errors import Cancelled
from napari_all.evaluation.exchange import MOST_COVERED
from napari_all.files import atomic_path
from napari_all.io.images import read_image
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo
from napari_all.training.background import CellsApart, on_emptied
from napari_all.training.classifier_fit import ClassifierParts, ClassifierSpec, build, fit_classifier
from napari_all.training.classifier_loader import Examples
from napari_all.training.classifier_settings import ClassifierTraining
from napari_all.workflows.cells_apart import take_all_apart
from napari_all.workflows.training_folder import begin_run

BACKBONE = "cellnet"
VIEW = view_named(DEFAULT_VIEW)


@dataclass(frozen=True)
class Plan:
    """What fixes a training, and so what must agree when it is resumed."""

    size_px: int = 128
    epochs: int = 20
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.05
    average: float = 0.99
    exchange: float = 0.5
    widths: list[int] = field(default_factory=lambda: [16, 32, 48, 64])
    seed: int = 0


@dataclass(frozen=True)
class Data:
    """All images as the network sees them.

    `shown` (N, size, size, 4) uint8, `looks` (N, K) float32 appearance measures, `labels` (N,) int64, `apart` the same
    images as white cells and background.
    """

    images: Sequence[LabelledImage]
    shown: NDArray[np.uint8]
    looks: NDArray[np.float32]
    labels: NDArray[np.int64]
    apart: CellsApart


def load_data(folder: Path, size_px: int, groups: Path | None, output: Path, monitor: Monitor) -> Data:
    """Read and prepare every image of a dataset folder."""
    images = find_labelled_images(folder, groups=groups)
    seen = [VIEW.prepare(read_image(image.path)[1], size_px) for image in images]
    labels = np.array([image.label for image in images])
    shown = np.stack([s.shown for s in seen])
    apart = _apart(images, size_px, output / f"cells_apart_{size_px}.npz", monitor)
    return Data(images, shown, np.stack([s.look for s in seen]), labels, apart)


def _apart(images: Sequence[LabelledImage], size_px: int, kept: Path, monitor: Monitor) -> CellsApart:
    """Take the images apart, or read what an earlier start has kept of the same ones."""
    keys = np.array([image.key for image in images])
    if kept.exists():
        with np.load(kept) as found:
            if np.array_equal(found["keys"], keys):
                return CellsApart(found["cells"], found["emptied"], found["covered"])
    apart = take_all_apart(images, VIEW, size_px, monitor)
    with atomic_path(kept) as path, path.open("wb") as file:
        np.savez_compressed(file, keys=keys, **vars(apart))
    return apart


def without_validation(images: Sequence[LabelledImage], split: Split, *, clear: bool) -> Split:
    """Train on whatever is not tested on (if `clear`: nor overlaps it), as nothing here is chosen by validation."""
    others = clear_of(images, split.test) if clear else set(range(len(images))) - set(split.test)
    return make_split(split.name, images, train=others, test=split.test)


def settings_of(plan: Plan) -> ClassifierTraining:
    """Return the plan as the program's training takes it: no image chooses, the last averaged weights count."""
    return ClassifierTraining.parse(
        {
            "epochs": plan.epochs, "batch_size": plan.batch, "learning_rate": plan.rate, "weight_decay": plan.decay,
            "label_smoothing": plan.smoothing, "average": plan.average, "seed": plan.seed, "choose_by": "last",
            "variation": {"contrast": 0, "brightness": 0, "cutout": 0, "exchange": plan.exchange}, "device": "cpu",
        }
    )  # fmt: skip


def network_options(plan: Plan) -> dict[str, Any]:
    """Return all options of the network."""
    return BACKBONES[BACKBONE].options_for(len(SUBTYPES), VIEW.channels, plan.size_px, widths=plan.widths)


def train(data: Data, chosen: Sequence[int], plan: Plan, folder: Path, monitor: Monitor) -> nn.Module:
    """Train on some of the images, or go on with it; return the network ready to predict."""
    positions, settings = np.array(chosen), settings_of(plan)
    options = network_options(plan)
    spec = ClassifierSpec(BACKBONE, options, SUBTYPES.names, VIEW.channels, InputInfo(size_px=plan.size_px))
    keys = [data.images[i].key for i in chosen]
    begin_run(folder, BACKBONE, {**asdict(plan), "images": keys}, resume=True, free=("epochs",))
    monitor.message(f"{folder.name}: {len(chosen)} images to train on")
    examples = Examples(
        data.shown[positions],
        data.labels[positions],
        [data.images[i].cluster for i in chosen],
        VIEW.blank,
        data.apart.of(positions),
    )
    fitted = fit_classifier(spec, ClassifierParts(examples), settings, folder, monitor, resume=True)
    if fitted.cancelled:
        raise Cancelled("stopped at the user's wish; start it again to go on")
    network = build(spec)
    network.load_state_dict(fitted.tensors)
    return network.eval()


def views(shown: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Return prepared images whole, with all but the white cells blanked, and with the white cells blanked."""
    rgb, mask = shown[..., :3] / np.float32(255.0), shown[..., 3:] / np.float32(255.0)

    def joined(kept: NDArray[np.float32], marked: NDArray[np.float32]) -> NDArray[np.uint8]:
        blanked = rgb * kept + (1.0 - kept)
        return np.asarray((np.concatenate([blanked, marked], axis=-1) * 255.0).round(), np.uint8)

    return {
        "whole": shown,
        "cells only": joined(mask, mask),
        "without cells": joined(1.0 - mask, np.zeros_like(mask)),
    }


def run_folds(
    data: Data, protocol: str, folds: Sequence[Split], plan: Plan, output: Path, monitor: Monitor
) -> list[FoldResult]:
    """Train on each fold where that is not done, and return what the networks say of the images held out."""
    results = []
    for k, fold in enumerate(folds):
        folder = output / f"{protocol}-{k}"
        network = train(data, fold.train, plan, folder, monitor)
        trained, _ = outputs(network, data.shown[list(fold.train)])
        held_out = {name: outputs(network, view) for name, view in views(data.shown[list(fold.test)]).items()}
        logits = {name: pair[1] for name, pair in held_out.items()}
        accuracy = float((logits["whole"].argmax(1) == data.labels[list(fold.test)]).mean())
        shown, changed = changed_by_background(network, data, fold.test, logits["whole"].argmax(1))
        monitor.message(
            f"{folder.name}: accuracy on the images held out {accuracy:.4f}; on the background of another class "
            f"{changed.mean():.4f} of the predictions change"
        )
        results.append(FoldResult(fold, trained, held_out["whole"][0], logits, shown, changed))
    return results


def changed_by_background(
    network: nn.Module, data: Data, test: Sequence[int], predicted: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Show cells held out on backgrounds held out, one of each other class; return whose, and what changes."""
    rng, positions, apart = np.random.default_rng(0), np.array(test), data.apart
    gives = apart.covered[positions] <= MOST_COVERED
    by_class = [positions[gives & (data.labels[positions] == label)] for label in range(len(SUBTYPES))]
    pairs = [
        (row, rng.choice(donors))
        for row, position in enumerate(positions)
        if apart.shows_cells(position)
        for label, donors in enumerate(by_class)
        if len(donors) and label != data.labels[position]
    ]
    composites = np.stack(
        [
            on_emptied(data.shown[positions[row]], apart.cells[positions[row]], apart.emptied[donor])
            for row, donor in pairs
        ]
    )
    rows = np.array([row for row, _ in pairs])
    return positions[rows], outputs(network, composites)[1].argmax(1) != predicted[rows]


def outputs(network: nn.Module, shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (N, F) and logits (N, C) of prepared images."""
    parts = [run_network(network, shown[start : start + 64]) for start in range(0, len(shown), 64)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def protocols_of(images: Sequence[LabelledImage], fold_seeds: int) -> dict[str, list[Split]]:
    """Return the folds of each protocol; those of other seeds are named by them (`grouped_seed1`)."""
    grouped = {
        f"grouped_seed{seed}" if seed else "grouped": [
            without_validation(images, fold, clear=True) for fold in grouped_folds(images, seed=seed)
        ]
        for seed in range(fold_seeds)
    }
    return grouped | {"random": [without_validation(images, fold, clear=False) for fold in random_folds(images)]}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/taleqani-all"))
    parser.add_argument("--groups", type=Path, help="table of overlaps and clusters (default: the data folder's own)")
    parser.add_argument("--output", type=Path, default=Path("runs/classifier"), help="states, to go on from")
    parser.add_argument("--checkpoint", type=Path, help="where the shipped model goes (default: in --output)")
    parser.add_argument("--results", type=Path, help="JSON of the figures (default: in --output)")
    parser.add_argument("--fold-lists", type=Path, help="folder for the folds as file names (default: in --output)")
    parser.add_argument("--fold-seeds", type=int, default=3, help="sets of grouped folds")
    parser.add_argument(
        "--only", nargs="*", metavar="PROTOCOL", help="train the folds of these, no more: several processes"
    )
    parser.add_argument("--threads", type=int, default=1)
    for name, value in asdict(Plan()).items():
        option, many = f"--{name.replace('_', '-')}", isinstance(value, list)
        parser.add_argument(option, type=int if many else type(value), nargs="+" if many else None, default=value)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    plan = Plan(**{name: getattr(options, name) for name in asdict(Plan())})
    with terminal_monitor(quiet=False) as monitor:
        data = load_data(options.data, plan.size_px, options.groups, options.output, monitor)
        protocols = protocols_of(data.images, options.fold_seeds)
        write_fold_lists(options.fold_lists or options.output / "folds", data.images, protocols)
        results = {
            protocol: run_folds(data, protocol, folds, plan, options.output, monitor)
            for protocol, folds in protocols.items()
            if protocol in (options.only or protocols)
        }
        if options.only:
            return
        final = train(data, range(len(data.images)), plan, options.output / "all", monitor)
    known = Known(data.labels, np.array([image.cluster for image in data.images]), data.looks)
    results_path = options.results or options.output / "folds.json"
    calibration, figures = fit_and_report(results, known, asdict(plan), results_path)
    familiar = fit_familiar(outputs(final, data.shown)[0], data.looks)
    backbone = (BACKBONE, network_options(plan))
    checkpoint = options.checkpoint or options.output / "subtype-cellnet"
    save_classifier(checkpoint, final.state_dict(), familiar, calibration, figures, backbone)
    print(f"wrote {checkpoint}.safetensors, {checkpoint}.json and {results_path}")


if __name__ == "__main__":
    main()
