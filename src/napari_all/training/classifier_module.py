"""The classifier under training, as Lightning sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from napari_all.training.classifier_settings import ClassifierTraining
from napari_all.training.optimiser import CLIP, adamw

_WARM_UP = 0.15
"""Share of the steps in which the learning rate rises."""
VALIDATION, TEST = "val", "test"
"""Names of the parts that are looked at after every epoch; the figures' names begin with them."""


class ClassifierModule(lightning.LightningModule):
    """A classification network with its loss, its optimiser and its figures.

    Parameters
    ----------
    network
        (N, C, S, S) to logits (N, classes).
    classes
        Number of outputs.
    scaling
        Mean and std per channel on 0..1.
    settings
        Loss, optimiser and the rest.
    rate
        Highest learning rate.
    looked_at
        Names of the parts that the validation loaders give, in their order.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        classes: int,
        scaling: tuple[Sequence[float], Sequence[float]],
        settings: ClassifierTraining,
        rate: float,
        looked_at: Sequence[str],
    ) -> None:
        super().__init__()
        self.network = network
        self._settings, self._rate, self._looked_at = settings, rate, tuple(looked_at)
        self._scaling = scaling
        metrics: dict[str, Metric] = {
            f"{part}_accuracy": MulticlassAccuracy(classes, average="micro") for part in ("train", *looked_at)
        }
        if VALIDATION in looked_at:
            metrics["val_macro_f1"] = MulticlassF1Score(classes, average="macro")
        self._metrics = torch.nn.ModuleDict(metrics)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of (N, C, S, S) uint8."""
        mean, std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in self._scaling)
        x = (images.float() / 255.0 - mean) / std
        logits: Tensor = self.network(x.contiguous(memory_format=torch.channels_last))
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of one batch."""
        world, rank = self.trainer.world_size, self.trainer.global_rank
        # what dropout draws follows from the step, so that a resumed run draws the same
        torch.manual_seed((self._settings.seed * 1_000_003 + self.trainer.global_step) * world + rank)
        images, labels = batch
        return self._measured("train", self(images).float(), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int, dataloader_idx: int = 0) -> None:
        """Measure one batch of validation or test images."""
        images, labels = batch
        self._measured(self._looked_at[dataloader_idx], self(images).float(), labels)

    def configure_optimizers(self) -> Any:
        """AdamW; the rate rises, then falls along a cosine to zero."""
        steps = int(self.trainer.estimated_stepping_batches)
        warm = _WARM_UP * steps

        def factor(step: int) -> float:
            if step < warm:
                return (step + 1) / (warm + 1)
            return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - warm) / (steps - warm))))

        return adamw(self.network, self._rate, self._settings.weight_decay, factor)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Keep a bad batch from throwing the weights away."""
        self.clip_gradients(optimizer, gradient_clip_val=CLIP, gradient_clip_algorithm="norm")

    def _measured(self, part: str, logits: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(logits, labels, label_smoothing=self._settings.label_smoothing)
        noted: dict[str, Any] = {"on_step": False, "on_epoch": True, "add_dataloader_idx": False}
        several = self.trainer.world_size > 1
        self.log(f"{part}_loss", loss, batch_size=len(labels), sync_dist=several, **noted)
        for name, metric in self._metrics.items():
            if name.startswith(part) and isinstance(metric, Metric):
                metric(logits.detach(), labels)
                self.log(name, metric, **noted)
        return loss
