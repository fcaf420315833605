"""Train the segmentation network that ships with napari-all, from random initialisation.

    python scripts/build_training_masks.py --data ../shared/data/taleqani-all --output runs/masks
    python scripts/train_segmenter.py --data ../shared/data --masks runs/masks --output runs/segmenter

Every step draws its patches from (seed, step), so a run that was stopped and resumed (`--resume`) sees what an
uninterrupted one sees. Writes `state.pt` (to resume), `log.csv` and the checkpoint with its card.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from segmenter_data import Item, load_whole_cells, load_zheng, paint_smears, patch, recolour
from torch import Tensor, nn

from napari_all.files import atomic_path
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import InputInfo, ModelCard, save_checkpoint

BACKBONE = "residual_unet"
INPUT = InputInfo(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
TERMS = (
    "Weights for research use only, see docs/models/smear-unet.md. Trained on wbc-zheng (GPL-3.0 file in its source; "
    "cite Zheng et al. 2018, Micron 107:55) and on fields of the Taleqani ALL dataset (research use; cite Int J Intell "
    "Syst 2022;37:5113). The images themselves are not passed on."
)


@dataclass(frozen=True)
class Plan:
    """What fixes a run, and so what must agree when it is resumed."""

    steps: int = 5000
    batch: int = 16
    patch_px: int = 96
    cell_px: float = 48.0
    smallest: float = 0.45
    largest: float = 1.8
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.998
    seed: int = 0


@dataclass(frozen=True)
class Source:
    """Items drawn together, and their share of a batch."""

    name: str
    items: Sequence[Item]
    share: float


def make_batch(sources: Sequence[Source], plan: Plan, step: int) -> tuple[Tensor, Tensor]:
    """Draw the batch of one step: images (N, 3, P, P) uint8 and targets (N, 5, P, P) uint8."""
    rng = np.random.default_rng((plan.seed, step))
    shares = np.array([s.share for s in sources])
    images, targets = [], []
    for which in rng.choice(len(sources), plan.batch, p=shares / shares.sum()):
        items = sources[which].items
        item = items[rng.integers(len(items))]
        image, target = patch(item, rng, plan.patch_px, plan.cell_px, (plan.smallest, plan.largest))
        images.append(recolour(image, rng))
        targets.append(target)
    return tuple(torch.from_numpy(np.stack(a)).permute(0, 3, 1, 2) for a in (images, targets))  # type: ignore[return-value]


def batches(sources: Sequence[Source], plan: Plan, start: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of the steps from `start`, made ahead in a thread."""
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(make_batch, sources, plan, start)]
        for step in range(start, plan.steps):
            ahead.append(pool.submit(make_batch, sources, plan, step + 1))
            yield ahead.pop(0).result()


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice of whole cell and nucleus; 'cell' pixels merge cytoplasm and nucleus.

    `logits` (N, 3, Y, X); `target` (N, 5, Y, X) on 0..1: background, cytoplasm, nucleus, cell, counts.
    """
    log_p = logits.log_softmax(1)
    log_cell = torch.logsumexp(log_p[:, 1:], 1)
    counts = (target[:, 4] > 0.99).float()
    entropy = -(target[:, :3] * log_p).sum(1) - target[:, 3] * log_cell
    entropy = (entropy * counts).sum() / counts.sum().clamp(min=1.0)
    p = log_p.exp()
    whole = _dice_loss(1.0 - p[:, 0], 1.0 - target[:, 0], counts)
    parted = counts * (target[:, 3].amax((1, 2), keepdim=True) == 0)
    return entropy + 0.5 * whole + 0.5 * _dice_loss(p[:, 2], target[:, 2], parted)


def _dice_loss(p: Tensor, t: Tensor, counts: Tensor) -> Tensor:
    overlap = (p * t * counts).sum()
    total = ((p + t) * counts).sum()
    return 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)


def rate_at(step: int, plan: Plan) -> float:
    """Warm up over 200 steps, then fall along a cosine to 1 %."""
    warm = min(1.0, (step + 1) / min(200, max(1, plan.steps // 10)))
    return plan.rate * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * step / plan.steps)))


class Run:
    """Network, optimiser and running average of one training, and how they are kept on the disk."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.step = plan, folder, 0
        self.model = BACKBONES[BACKBONE].build().to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.rate)

    def advance(self, images: Tensor, target: Tensor) -> float:
        """Take one step; return the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.plan)
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (INPUT.mean, INPUT.std))
        x = ((images.float() / 255.0 - mean) / std).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(x)
        loss = loss_of(logits.float(), target.float() / 255.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
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
            "plan": vars(self.plan), "step": self.step, "model": self.model.state_dict(),
            "average": self.average, "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        with atomic_path(self.folder / "state.pt") as path:
            torch.save(state, path)

    def load(self) -> None:
        """Go on from `state.pt`; the plan must be the same, but for the number of steps."""
        state = torch.load(self.folder / "state.pt", weights_only=True)
        if state["plan"] | {"steps": self.plan.steps} != vars(self.plan):
            raise SystemExit(f"{self.folder} was begun with {state['plan']}; resume with the same options")
        self.step, self.average = state["step"], state["average"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])

    def export(self, name: str, sources: Sequence[Source], metrics: dict[str, float]) -> Path:
        """Write the averaged weights as a checkpoint in float16."""
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in self.average.items()}
        tensors = {k: v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
        card = ModelCard(
            name=name,
            task="segmentation",
            backbone=BACKBONE,
            options=BACKBONES[BACKBONE].options().model_dump(mode="json"),
            input=INPUT,
            classes=("background", "cytoplasm", "nucleus"),
            extra={
                "cell_diameter_px": self.plan.cell_px,
                "plan": vars(self.plan),
                "items": {s.name: len(s.items) for s in sources},
            },
            summary="White cells in stained blood smears, nucleus and cytoplasm, at any magnification.",
            metrics=metrics,
            data=(
                "wbc-zheng, folds 1-4 (Zheng et al. 2018, Micron 107:55)",
                "Taleqani ALL fields with this project's masks (doi 10.34740/KAGGLE/DSV/2175623)",
            ),
            licence=TERMS,
        )
        return save_checkpoint(self.folder / name, tensors, card)


def train(run: Run, sources: Sequence[Source], save_every: int, stop_at: int | None = None) -> None:
    """Train to the end of the plan, or to `stop_at`; log and keep the state every `save_every` steps."""
    begun, losses = time.monotonic(), []
    log = run.folder / "log.csv"
    first = run.step
    for images, target in batches(sources, run.plan, first):
        losses.append(run.advance(images, target))
        ends = run.step in (run.plan.steps, stop_at)
        if run.step % save_every == 0 or ends:
            run.save()
            pace = (time.monotonic() - begun) / (run.step - first)
            with log.open("a", newline="") as stream:
                csv.writer(stream).writerow([run.step, f"{np.mean(losses):.5f}", f"{pace:.3f}"])
            print(f"step {run.step}/{run.plan.steps} loss {np.mean(losses):.4f} {pace:.2f} s/step", flush=True)
            losses = []
        if ends:
            return


def load_sources(data: Path, masks: Path | None, folds: Sequence[int], smears: int) -> list[Source]:
    """Load what the shipped network is trained on."""
    zheng = data / "wbc-zheng"
    sources = [
        Source("wbc-zheng 1", load_zheng(zheng / "dataset1", folds), 0.3),
        Source("wbc-zheng 2", load_zheng(zheng / "dataset2", folds), 0.3),
        Source("synthetic", paint_smears(smears), 0.08),
    ]
    if masks is not None:
        sources.append(Source("taleqani", load_whole_cells(data / "taleqani-all" / "Original", masks), 0.32))
    return sources


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--masks", type=Path, help="folder of whole-cell label images (build_training_masks.py)")
    parser.add_argument("--output", type=Path, default=Path("runs/segmenter"))
    parser.add_argument("--name", default="smear-unet", help="name of the checkpoint")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4], help="wbc-zheng folds to train on")
    parser.add_argument("--smears", type=int, default=120, help="synthetic smears to paint")
    parser.add_argument("--metrics", type=Path, help="JSON of measured figures for the card")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--stop-at", type=int, help="stop after this step, to be resumed")
    parser.add_argument("--resume", action="store_true")
    for field, value in vars(Plan()).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(value), default=value)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    plan = Plan(**{field: getattr(options, field) for field in vars(Plan())})
    options.output.mkdir(parents=True, exist_ok=True)
    run = Run(plan, options.output)
    if options.resume:
        run.load()
    sources = load_sources(options.data, options.masks, options.folds, options.smears)
    print({s.name: len(s.items) for s in sources}, flush=True)
    train(run, sources, options.save_every, options.stop_at)
    metrics: dict[str, Any] = json.loads(options.metrics.read_text()) if options.metrics else {}
    print(f"wrote {run.export(options.name, sources, metrics)}")


if __name__ == "__main__":
    main()
