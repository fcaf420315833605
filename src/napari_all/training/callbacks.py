"""What a training run does besides training: averages its weights, reports, obeys a stop, writes files and curves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from torch import Tensor

from napari_all.errors import Cancelled, SaveError
from napari_all.files import atomic_path
from napari_all.monitor import Monitor
from napari_all.training.curves import BEST, LAST, Figures, write_curves

STAGE = "train"


class AveragedWeights(WeightAveraging):
    """Exponential moving average that forgets the random beginning fast; validated, and kept as the best."""

    def __init__(self, decay: float) -> None:
        def update(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
            n = int(count)
            keep = min(decay, (1 + n) / (10 + n))
            if averages[0].is_floating_point():
                torch._foreach_lerp_(list(averages), list(values), 1.0 - keep)
            else:
                torch._foreach_copy_(list(averages), list(values))

        super().__init__(use_buffers=True, multi_avg_fn=update)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Update after every step."""
        return step_idx is not None


class WholeFiles(TorchCheckpointIO):  # type: ignore[misc]
    """Writes the trainer's own files whole or not at all, and reads nothing but tensors and plain values from them."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`; `SaveError` when the disk refuses, and what stood there is untouched."""
        with atomic_path(Path(path)) as temporary:
            try:
                torch.save(checkpoint, temporary)
            except RuntimeError as error:  # torch's writer tells of a full disk so
                raise SaveError(
                    f"cannot write {Path(path).name}: {error}; free some space, then go on with --resume"
                ) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read without running any code that the file may hold."""
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return found


@dataclass(frozen=True)
class Choice:
    """Which figure of an epoch tells the best one, and whether more of it is better (`max`) or less (`min`)."""

    score: str
    mode: Literal["max", "min"] = "max"


def checkpoints(folder: Path, choice: Choice | None) -> list[Callback]:
    """Return what writes every finished epoch, to go on from, and the best one if there is a choice, into `folder`."""
    best, last = Path(BEST).stem, Path(LAST).stem
    every: list[Callback] = [ModelCheckpoint(folder, last, enable_version_counter=False, save_on_train_epoch_end=True)]
    if choice is None:
        return every
    chosen = ModelCheckpoint(
        folder,
        best,
        monitor=choice.score,
        mode=choice.mode,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
    return [chosen, *every]


class Reporter(Callback):
    """Passes progress to a monitor, stops when it asks to, and keeps the curves' file up to date.

    A stop raises `Cancelled` at once: an epoch that was not finished leaves no trace, so that a resumed run does all
    of it.
    """

    def __init__(self, monitor: Monitor, folder: Path, figures: Figures, earlier: list[dict[str, float]]) -> None:
        self._monitor, self._folder, self._figures = monitor, folder, figures
        self._rows = earlier
        self._begun = time.monotonic() - (earlier[-1]["seconds"] if earlier else 0.0)
        self.cancelled = False

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Tell the loader which epoch begins, in which process."""
        loader: Any = trainer.train_dataloader
        loader.epoch, loader.rank = trainer.current_epoch, trainer.global_rank

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Report the step, and stop if asked to; all processes stop together."""
        self._monitor.report(STAGE, trainer.global_step, int(trainer.estimated_stepping_batches))
        self._obey(trainer)

    def on_validation_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Stop between two images if asked to."""
        if trainer.world_size == 1:
            self._obey(trainer)

    def _obey(self, trainer: lightning.Trainer) -> None:
        asked = False
        try:
            self._monitor.raise_if_cancelled()
        except Cancelled:
            asked = True
        if trainer.world_size > 1:
            asked = trainer.strategy.reduce_boolean_decision(asked, all=False)
        if asked:
            self.cancelled = True
            raise Cancelled("stopped at the user's wish")

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Say how good the epoch was, and write the curves."""
        if not trainer.is_global_zero:
            return
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step)}
        row |= {name: found[name] for name in self._figures.columns if name in found}
        self._rows.append(row | {"seconds": round(time.monotonic() - self._begun, 1)})
        self._monitor.message(self._figures.line(row))
        write_curves(self._folder, self._rows, self._figures)
