"""Train the subtype classifier that ships with napari-all, from random initialisation, and measure it honestly.

    python scripts/train_classifier.py --data ../shared/data/taleqani-all --output runs/classifier

Trains five networks on grouped folds (whole appearance clusters held out, overlapping images dropped), five on random
folds (which leak, for comparison with the literature) and one on all images, each for the same number of epochs with
the last weights kept: no test image is looked at to stop or to choose. Then it writes the figures, the shipped
checkpoint and its card. Stop it at any time; started again it goes on where it was (every draw of chance comes from
the seed and the step, so the result is the same).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classifier_report import FoldResult, Known, fit_and_report, save_classifier, write_fold_lists
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from napari_all.classification.predictor import run_network
from napari_all.classification.unfamiliarity import fit_familiar
from napari_all.data.dataset import LabelledImage, find_labelled_images
from napari_all.data.split import Split, clear_of, grouped_folds, make_split, random_folds
from napari_all.data.transforms import augment, prepare
from napari_all.files import atomic_path
from napari_all.io.images import read_image
from napari_all.networks.backbones import BACKBONES

BACKBONE = "cellnet"


@dataclass(frozen=True)
class Plan:
    """What fixes a training, and so what must agree when it is resumed."""

    size_px: int = 128
    epochs: int = 8
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.05
    average: float = 0.99
    seed: int = 0


@dataclass(frozen=True)
class Data:
    """All images as the network sees them.

    `shown` (N, size, size, 4) uint8, `looks` (N, K) float32 appearance measures, `labels` (N,) int64.
    """

    images: Sequence[LabelledImage]
    shown: NDArray[np.uint8]
    looks: NDArray[np.float32]
    labels: NDArray[np.int64]


def load_data(folder: Path, size_px: int) -> Data:
    """Read and prepare every image of a dataset folder."""
    images = find_labelled_images(folder)
    seen = [prepare(read_image(image.path)[1], size_px) for image in images]
    labels = np.array([image.label for image in images])
    return Data(images, np.stack([s.shown for s in seen]), np.stack([s.look for s in seen]), labels)


def sampling_weights(images: Sequence[LabelledImage]) -> NDArray[np.float64]:
    """Return the chance of each image: classes alike; in a class a cluster counts by the root of its size.

    Tiny clusters (duplicates of one field, mostly) count at most four times the median image.
    """
    weights = np.zeros(len(images))
    labels = np.array([image.label for image in images])
    clusters = np.array([image.cluster for image in images])
    for label in np.unique(labels):
        inside = labels == label
        _, which, sizes = np.unique(clusters[inside], return_inverse=True, return_counts=True)
        each = 1.0 / np.sqrt(sizes[which])
        each = np.minimum(each, 4.0 * np.median(each))
        weights[inside] = each / each.sum()
    return weights / weights.sum()


def make_batch(data: Data, train: NDArray[np.int64], weights: NDArray[np.float64], plan: Plan, step: int) -> Any:
    """Draw the batch of one step: (N, 4, Y, X) float32 on 0..1 and (N,) labels."""
    rng = np.random.default_rng((plan.seed, step))
    chosen = train[rng.choice(len(train), plan.batch, p=weights)]
    views = np.stack([augment(data.shown[i], rng) for i in chosen])
    return to_input(views), torch.from_numpy(data.labels[chosen])


def to_input(shown: NDArray[np.uint8]) -> Tensor:
    """Return (N, 4, Y, X) float32 on 0..1, channels last in memory."""
    return torch.from_numpy(shown).permute(0, 3, 1, 2).float().div_(255.0)


def without_validation(images: Sequence[LabelledImage], split: Split, *, clear: bool) -> Split:
    """Train on whatever is not tested on (if `clear`: nor overlaps it), as nothing here is chosen by validation."""
    others = clear_of(images, split.test) if clear else set(range(len(images))) - set(split.test)
    return make_split(split.name, images, train=others, test=split.test)


class Training:
    """Network, optimiser and running average of one training, and how they are kept on the disk."""

    def __init__(self, plan: Plan, train_size: int, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.step = plan, folder, 0
        self.per_epoch = max(1, train_size // plan.batch)
        self.steps = self.per_epoch * plan.epochs
        self.model = BACKBONES[BACKBONE].build().to(memory_format=torch.channels_last)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.rate)

    def rate(self) -> float:
        """Warm up over 15 % of the steps, then fall along a cosine to zero."""
        warm = 0.15 * self.steps
        if self.step < warm:
            return self.plan.rate * (self.step + 1) / (warm + 1)
        return self.plan.rate * 0.5 * (1.0 + math.cos(math.pi * (self.step - warm) / (self.steps - warm)))

    def advance(self, x: Tensor, labels: Tensor) -> float:
        """Take one step; return the loss."""
        torch.manual_seed(self.plan.seed * 1_000_003 + self.step)  # dropout, the same after resuming
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(x)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.plan.smoothing)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        keep = min(self.plan.average, self.step / (9 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1.0 - keep)
                else:
                    self.average[name].copy_(value)
        return float(loss.detach())

    def save(self) -> None:
        """Write all that is needed to go on, whole or not at all."""
        state = {
            "plan": asdict(self.plan), "step": self.step, "model": self.model.state_dict(),
            "average": self.average, "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        with atomic_path(self.folder / "state.pt") as path:
            torch.save(state, path)

    def resume(self) -> None:
        """Go on from `state.pt` where there is one; the plan must be the same."""
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise SystemExit(f"{self.folder} was begun with {state['plan']}; choose another --output")
        self.step, self.average = state["step"], state["average"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])

    def averaged(self) -> nn.Module:
        """Return the network with the averaged weights, ready to predict."""
        network = BACKBONES[BACKBONE].build()
        network.load_state_dict(self.average)
        return network.eval()


def train(data: Data, chosen: Sequence[int], plan: Plan, folder: Path, stop_at: int | None = None) -> Training:
    """Train on some of the images to the end of the plan (or to step `stop_at`), keeping the state every epoch."""
    positions = np.array(chosen)
    weights = sampling_weights([data.images[i] for i in chosen])
    training = Training(plan, len(chosen), folder)
    training.resume()
    begun, losses = time.monotonic(), []
    end = training.steps if stop_at is None else min(stop_at, training.steps)
    while training.step < end:
        losses.append(training.advance(*make_batch(data, positions, weights, plan, training.step)))
        if training.step % training.per_epoch == 0 or training.step == end:
            training.save()
            seconds = time.monotonic() - begun
            print(
                f"{folder.name} step {training.step}/{training.steps} loss {np.mean(losses):.3f} {seconds:.0f} s",
                flush=True,
            )
            losses = []
    return training


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


def run_folds(data: Data, protocol: str, folds: Sequence[Split], plan: Plan, output: Path) -> list[FoldResult]:
    """Train on each fold where that is not done, and return what the networks say of the images held out."""
    results = []
    for k, fold in enumerate(folds):
        folder = output / f"{protocol}-{k}"
        network = train(data, fold.train, plan, folder).averaged()
        trained, _ = outputs(network, data.shown[list(fold.train)])
        held_out = {name: outputs(network, view) for name, view in views(data.shown[list(fold.test)]).items()}
        logits = {name: pair[1] for name, pair in held_out.items()}
        accuracy = float((logits["whole"].argmax(1) == data.labels[list(fold.test)]).mean())
        print(f"{folder.name}: accuracy on the images held out {accuracy:.4f}", flush=True)
        results.append(FoldResult(fold, trained, held_out["whole"][0], logits))
    return results


def outputs(network: nn.Module, shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (N, F) and logits (N, C) of prepared images."""
    parts = [run_network(network, shown[start : start + 64]) for start in range(0, len(shown), 64)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/taleqani-all"))
    parser.add_argument("--output", type=Path, default=Path("runs/classifier"), help="states, to go on from")
    parser.add_argument("--checkpoint", type=Path, help="where the shipped model goes (default: in --output)")
    parser.add_argument("--results", type=Path, help="JSON of the figures (default: in --output)")
    parser.add_argument("--fold-lists", type=Path, help="folder for the folds as file names (default: in --output)")
    parser.add_argument("--threads", type=int, default=1)
    for field, value in asdict(Plan()).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(value), default=value)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    plan = Plan(**{field: getattr(options, field) for field in asdict(Plan())})
    data = load_data(options.data, plan.size_px)
    protocols = {
        "grouped": [without_validation(data.images, fold, clear=True) for fold in grouped_folds(data.images)],
        "random": [without_validation(data.images, fold, clear=False) for fold in random_folds(data.images)],
    }
    write_fold_lists(options.fold_lists or options.output / "folds", data.images, protocols)
    results = {
        protocol: run_folds(data, protocol, protocols[protocol], plan, options.output)
        for protocol in ("random", "grouped")
    }
    final = train(data, range(len(data.images)), plan, options.output / "all").averaged()
    known = Known(data.labels, np.array([image.cluster for image in data.images]), data.looks)
    results_path = options.results or options.output / "folds.json"
    calibration, figures = fit_and_report(results, known, asdict(plan), results_path)
    familiar = fit_familiar(outputs(final, data.shown)[0], data.looks)
    backbone = (BACKBONE, BACKBONES[BACKBONE].options().model_dump(mode="json"))
    checkpoint = options.checkpoint or options.output / "subtype-cellnet"
    save_classifier(checkpoint, final.state_dict(), familiar, calibration, figures, backbone)
    print(f"wrote {checkpoint}.safetensors, {checkpoint}.json and {results_path}")


if __name__ == "__main__":
    main()
