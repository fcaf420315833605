"""The network under training, as Lightning sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor

from napari_all.networks.checkpoint import InputInfo
from napari_all.training.losses import align, make_loss, part_masks
from napari_all.training.optimiser import CLIP, adamw
from napari_all.training.settings import TrainingSettings

SCORE = "val_dice"
"""What the best epoch is chosen by: mean of the parts' Dice on the validation images."""
_WARM_UP_STEPS = 200


class SegmenterModule(lightning.LightningModule):
    """A segmentation network with its loss, its optimiser and its figures.

    Parameters
    ----------
    network
        (N, 3, Y, X) to logits (N, C, Y, X).
    classes
        Names of its outputs.
    input_info
        How RGB becomes the input.
    settings
        Loss, learning rate and the rest.
    rate
        Highest learning rate.
    class_weights
        One per class, or None.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        classes: Sequence[str],
        input_info: InputInfo,
        settings: TrainingSettings,
        rate: float,
        class_weights: Sequence[float] | None,
    ) -> None:
        super().__init__()
        self.network = network
        self._classes, self._settings, self._rate = tuple(classes), settings, rate
        self._loss = make_loss(settings.loss, classes, class_weights)
        self._input = input_info

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, C, Y, X) of (N, 3, Y, X) uint8 RGB."""
        mean, std = (
            torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (self._input.mean, self._input.std)
        )
        x = ((images.float() / 255.0 - mean) / std).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(x)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> dict[str, Tensor]:
        """Return the loss of one batch, and its logits for callbacks that measure more."""
        images, target = batch
        logits = self(images)
        loss = self._full(logits, target)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=self._several)
        return {"loss": loss, "logits": logits.detach()}

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """Measure one image, loss and Dice of each part, decided as in use; return its logits."""
        images, target = batch
        logits: Tensor = self(images).float()
        shares = target.float() / 255.0
        self._note("val_loss", self._loss(logits, shares))
        dices = []
        for name, (p, truth, counts) in zip(
            ("cell", "nucleus"), part_masks(align(logits, shares, self._classes), logits, self._classes), strict=False
        ):
            found, wanted = (p > 0.5) & (counts > 0), (truth > 0.5) & (counts > 0)
            total = found.sum() + wanted.sum()
            if name == "nucleus" and wanted.sum() == 0:
                continue  # an image whose mask does not part the nucleus
            dice = (2.0 * (found & wanted).sum() + 1e-6) / (total + 1e-6)
            dices.append(dice)
            self._note(f"val_{name}_dice", dice)
        self._note(SCORE, torch.stack(dices).mean())
        return logits

    def configure_optimizers(self) -> Any:
        """AdamW with a warm-up and a cosine."""
        steps = int(self.trainer.estimated_stepping_batches)
        warm = min(_WARM_UP_STEPS, max(1, steps // 10))

        def factor(step: int) -> float:
            return min(1.0, (step + 1) / warm) * (
                0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps)))
            )

        return adamw(self.network, self._rate, self._settings.weight_decay, factor)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Keep a bad batch from throwing the weights away."""
        self.clip_gradients(optimizer, gradient_clip_val=CLIP, gradient_clip_algorithm="norm")

    def _full(self, logits: Tensor, target: Tensor) -> Tensor:
        with torch.autocast(logits.device.type, enabled=False):
            return self._loss(logits.float(), target.float() / 255.0)

    def _note(self, name: str, value: Tensor) -> None:
        self.log(name, value, on_step=False, on_epoch=True, batch_size=1, sync_dist=self._several)

    @property
    def _several(self) -> bool:
        return self.trainer.world_size > 1
