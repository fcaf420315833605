"""One training run on Lightning, whatever is trained: precision, averages, resuming, whole files, a stop, the best."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from napari_all.errors import Cancelled, CheckpointError, UsageError
from napari_all.monitor import Monitor
from napari_all.networks.device import DeviceSetting, choose_device, cpu_has_bfloat16
from napari_all.training.callbacks import AveragedWeights, Choice, Reporter, WholeFiles, checkpoints
from napari_all.training.curves import BEST, LAST, Figures, read_curves
from napari_all.training.settings import Precision

PREFIX = "network."
"""The Lightning module of every training holds the network under this name."""


class RunSettings(Protocol):
    """What the settings of every kind of training have in common."""

    @property
    def epochs(self) -> int:
        """Most epochs."""

    @property
    def patience(self) -> int:
        """Epochs without a better one before it stops early."""

    @property
    def average(self) -> float:
        """Decay of the running average of the weights; 0 = none."""

    @property
    def precision(self) -> Precision:
        """Numbers computed in."""

    @property
    def device(self) -> DeviceSetting:
        """Where it runs."""

    @property
    def processes(self) -> int:
        """Processes that share each step."""

    @property
    def seed(self) -> int:
        """Fixes what is drawn at random."""


@dataclass(frozen=True)
class Fitted:
    """The weights that a run gives: of its best epoch, or of the last where none is chosen.

    Attributes
    ----------
    tensors
        By parameter name of the network.
    epoch
        Which epoch they are of, from 1.
    metrics
        That epoch's figures on the validation images.
    cancelled
        True when the monitor asked to stop before the end.
    leader
        False in the helper processes of a run on several, which have nothing more to do.
    """

    tensors: dict[str, torch.Tensor]
    epoch: int
    metrics: dict[str, float]
    cancelled: bool
    leader: bool


@dataclass(frozen=True)
class Measures:
    """What a training measures, and the figure that its best epoch is chosen by (None = the last epoch counts)."""

    figures: Figures
    choice: Choice | None


def check_processes(settings: RunSettings) -> None:
    """Raise `UsageError` for a device that is not there, or that several processes cannot share."""
    if choose_device(settings.device).name == "mps" and settings.processes > 1:
        raise UsageError(f"processes = {settings.processes} on an Apple GPU; choose processes=1 or device=cpu")


def begin(seed: int) -> None:
    """Fix what is drawn at random; before the network is built."""
    lightning.seed_everything(seed, verbose=False)
    # Lightning's greetings and advice are not for the user; errors still come
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def run_training(
    module: lightning.LightningModule,
    train: Any,
    validation: Any,
    settings: RunSettings,
    measures: Measures,
    folder: Path,
    monitor: Monitor,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train, validating after every epoch; stop early, when asked to, or at the last epoch.

    Asked to stop, it drops the epoch that is not finished and gives back the best of those that are.

    Parameters
    ----------
    module
        Holds the network as `network`.
    train
        Gives the batches of one epoch; its `epoch` and `rank` are set before each.
    validation
        Gives the batches to validate on, or a list of such loaders; None = nothing is validated.
    folder
        For `last.ckpt`, `best.ckpt` and `curves.csv`.
    resume
        Go on from `last.ckpt` if it is there.
    callbacks
        More that Lightning is to call.

    Raises
    ------
    CheckpointError
        `last.ckpt` is damaged or of other settings.
    SaveError
        The disk refuses; the files of the last finished epoch are whole.
    Cancelled
        Asked to stop before an epoch was finished.
    """
    last, choice = folder / LAST, measures.choice
    again = last if resume and last.exists() else None
    done = _epochs_done(again) if again else 0
    earlier = [row for row in read_curves(folder) if row["epoch"] <= done]
    reporter = Reporter(monitor, folder, measures.figures, earlier)
    called: list[Callback] = [reporter]
    if choice is not None:
        called.append(EarlyStopping(choice.score, mode=choice.mode, patience=settings.patience))
    called += [*callbacks, *checkpoints(folder, choice)]
    if settings.average:
        called.insert(0, AveragedWeights(settings.average))
    trainer = _trainer(settings, called, folder, monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.fit(module, train, validation, ckpt_path=str(again) if again else None, weights_only=True)
        except Cancelled:
            pass  # the best epoch so far is the result
        except SystemExit as error:  # how Lightning passes on a Ctrl-C that did not come through the monitor
            raise KeyboardInterrupt from error
        except (RuntimeError, KeyError) as error:
            if again is None:
                raise
            raise CheckpointError(
                f"{LAST} does not fit these settings ({error}); start again in a new folder"
            ) from error
    return _kept(folder / (LAST if choice is None else BEST), reporter, trainer)


def _kept(path: Path, reporter: Reporter, trainer: lightning.Trainer) -> Fitted:
    if not path.exists():
        raise Cancelled("stopped before the first epoch ended; nothing was learned that could be kept")
    trainer.strategy.barrier()
    state = torch.load(path, map_location="cpu", weights_only=True)
    epoch = int(state["epoch"]) + 1
    tensors = {k.removeprefix(PREFIX): v for k, v in state["state_dict"].items() if k.startswith(PREFIX)}
    rows = [row for row in read_curves(path.parent) if int(row["epoch"]) == epoch]
    metrics = {k: v for k, v in (rows[0] if rows else {}).items() if k.startswith("val_")}
    return Fitted(tensors, epoch, metrics, reporter.cancelled, trainer.is_global_zero)


def _trainer(settings: RunSettings, callbacks: list[Callback], folder: Path, monitor: Monitor) -> lightning.Trainer:
    choice = choose_device(settings.device)
    monitor.message(choice.line)
    return lightning.Trainer(
        accelerator={"cpu": "cpu", "cuda": "gpu", "mps": "mps"}[choice.name],
        devices=settings.processes,
        strategy="ddp" if settings.processes > 1 else "auto",
        precision=_precision(settings, choice.name),
        max_epochs=settings.epochs,
        callbacks=callbacks,
        plugins=[WholeFiles()],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        log_every_n_steps=1,
    )


def _precision(settings: RunSettings, device: str) -> Any:
    """Mixed precision where the hardware computes in it, as in inference."""
    if settings.precision != "auto":
        return {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}[settings.precision]
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    return "bf16-mixed" if device == "cpu" and cpu_has_bfloat16() else "32-true"


def _epochs_done(last: Path) -> int:
    try:
        return int(torch.load(last, map_location="cpu", weights_only=True)["epoch"]) + 1
    except Exception as error:  # torch's own words advise to run whatever the file holds
        raise CheckpointError(
            f"{last.name} is damaged, or no training wrote it ({type(error).__name__}); start again in a new folder"
        ) from error
