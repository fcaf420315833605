"""What Table 3 tells of every epoch, measured while the network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback

from napari_all.data.mask_items import MaskItem
from napari_all.training.loader import ImageLoader
from napari_all.training.losses import align, part_masks
from napari_all.training.settings import TrainingSettings

CLASSES = ("background", "cell")


@dataclass
class Count:
    """Pixels that agree with the mask, pixels of background, and all that count."""

    right: int = 0
    background: int = 0
    total: int = 0

    def add(self, logits: torch.Tensor, target: torch.Tensor) -> None:
        """Count a batch."""
        logits = logits.detach().float()
        (p, truth, counts), *_ = part_masks(align(logits, target.float() / 255.0, CLASSES), logits, CLASSES)
        keep, truth = counts > 0, truth > 0.5
        self.right += int((((p > 0.5) == truth) & keep).sum())
        self.background += int((~truth & keep).sum())
        self.total += int(keep.sum())

    @property
    def accuracy(self) -> float:
        """Share of the pixels that agree."""
        return round(self.right / max(1, self.total), 4)


class EveryEpoch(Callback):
    """Keeps one row of Table 3 per epoch; the rows lie in the trainer's own file, so that a resumed run has them all.

    Training figures are means over the epoch's patches while the network learns, as Keras gives them; validation and
    test are measured after the epoch on the whole images at the network's size.
    """

    def __init__(self, test: Sequence[MaskItem], settings: TrainingSettings) -> None:
        self._test = ImageLoader(test, settings)
        self.rows: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._train, self._val = Count(), Count()

    def state_dict(self) -> dict[str, Any]:
        """Return what the trainer stores."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.rows = state_dict["rows"]

    def on_train_epoch_start(self, *_: Any) -> None:
        """Begin to count."""
        self._losses, self._train, self._val = [], Count(), Count()

    def on_train_batch_end(self, _trainer: Any, _module: Any, outputs: Any, batch: Any, _index: int) -> None:
        """Count a batch of patches."""
        self._losses.append(float(outputs["loss"]))
        self._train.add(outputs["logits"], batch[1])

    def on_validation_batch_end(self, _trainer: Any, _module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        """Count a validation image."""
        self._val.add(outputs, batch[1])

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Look at the test images, and keep the epoch's row."""
        test = Count()
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            for image, target in self._test:
                test.add(module(image.to(module.device)), target.to(module.device))
        loss = float(np.mean(self._losses))
        self.rows.append(
            {
                "epoch": trainer.current_epoch + 1,
                "loss": round(loss, 4),
                "dice": round(1.0 - loss, 4),
                "train": self._train.accuracy,
                "val": self._val.accuracy,
                "test": test.accuracy,
                "test_background": round(test.background / test.total, 4),
            }
        )
