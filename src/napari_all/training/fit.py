"""Train a segmentation network: build or begin from a checkpoint, fit with Lightning, give back the best weights."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping

from napari_all.data.mask_items import MaskItem
from napari_all.errors import Cancelled, CheckpointError, UsageError
from napari_all.monitor import Monitor
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import Checkpoint, InputInfo
from napari_all.networks.device import choose_device, cpu_has_bfloat16
from napari_all.networks.rebuild import rebuild
from napari_all.training.callbacks import AveragedWeights, Reporter, WholeFiles, checkpoints
from napari_all.training.curves import BEST, LAST, read_curves
from napari_all.training.loader import ImageLoader, ItemSource, PatchLoader
from napari_all.training.losses import balanced_weights
from napari_all.training.module import SCORE, SegmenterModule
from napari_all.training.settings import TrainingSettings

RATE_FROM_SCRATCH, RATE_FINE_TUNING = 2e-3, 5e-4
_LEAST_STEPS = 20


@dataclass(frozen=True)
class NetworkSpec:
    """What is trained: a backbone with its options, the names of its outputs, how RGB becomes its input."""

    backbone: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    input: InputInfo
    init: Checkpoint | None = None


@dataclass(frozen=True)
class Fitted:
    """The best weights of a run.

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


def check_settings(spec: NetworkSpec, settings: TrainingSettings) -> None:
    """Raise `UsageError` for a device that is not there, or a network, patches or class weights that cannot be."""
    _network(spec)
    if settings.patch_px % (stride := _stride(spec)):
        raise UsageError(f"patch_px = {settings.patch_px}; patches of this network are multiples of {stride}")
    given, classes = settings.class_weights, spec.classes
    if given is not None and given != "balanced" and (len(given) != len(classes) or min(given) < 0 or not sum(given)):
        raise UsageError(
            f"class_weights = {given}; give {len(classes)} numbers of 0 or more, not all 0, for {', '.join(classes)}"
        )
    if choose_device(settings.device).name == "mps" and settings.processes > 1:
        raise UsageError(f"processes = {settings.processes} on an Apple GPU; choose processes=1 or device=cpu")


def fit(
    spec: NetworkSpec,
    sources: Sequence[ItemSource],
    validation: Sequence[MaskItem],
    settings: TrainingSettings,
    folder: Path,
    monitor: Monitor,
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train, validating after every epoch; stop early, when asked to, or at the last epoch.

    The settings have passed `check_settings`. Asked to stop, it drops the epoch that is not finished and gives back
    the best of those that are.

    Parameters
    ----------
    spec
        The network.
    sources
        What is trained on.
    validation
        Images to validate on, never trained on; at least one.
    folder
        For `last.ckpt`, `best.ckpt` and `curves.csv`.
    resume
        Go on from `last.ckpt` if it is there.
    callbacks
        More that Lightning is to call, as what measures more than the curves tell; a step's output holds the logits.

    Raises
    ------
    CheckpointError
        `last.ckpt` is damaged or of other settings.
    SaveError
        The disk refuses; the files of the last finished epoch are whole.
    Cancelled
        Asked to stop before an epoch was finished.
    """
    lightning.seed_everything(settings.seed, verbose=False)
    _quieten()
    weights = settings.class_weights
    if weights == "balanced":
        weights = balanced_weights([item for source in sources for item in source.items], spec.classes)
    module = SegmenterModule(_network(spec), spec.classes, spec.input, settings, _rate(spec, settings), weights)
    last = folder / LAST
    again = last if resume and last.exists() else None
    done = _epochs_done(again) if again else 0
    reporter = Reporter(monitor, folder, [row for row in read_curves(folder) if row["epoch"] <= done])
    called = [reporter, EarlyStopping(SCORE, mode="max", patience=settings.patience), *callbacks]
    called += checkpoints(folder, SCORE)
    if settings.average:
        called.insert(0, AveragedWeights(settings.average))
    trainer = _trainer(settings, called, folder, monitor)
    steps = settings.steps_per_epoch or _steps(sources, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.fit(
                module,
                PatchLoader(sources, settings, steps),
                ImageLoader(validation, settings, _stride(spec)),
                ckpt_path=str(again) if again else None,
                weights_only=True,
            )
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
    return _best(folder, reporter, trainer)


def _best(folder: Path, reporter: Reporter, trainer: lightning.Trainer) -> Fitted:
    if not (folder / BEST).exists():
        raise Cancelled("stopped before the first epoch ended; nothing was learned that could be kept")
    trainer.strategy.barrier()
    state = torch.load(folder / BEST, map_location="cpu", weights_only=True)
    epoch = int(state["epoch"]) + 1
    prefix = "network."
    tensors = {k.removeprefix(prefix): v for k, v in state["state_dict"].items() if k.startswith(prefix)}
    rows = [row for row in read_curves(folder) if int(row["epoch"]) == epoch]
    metrics = {k: v for k, v in (rows[0] if rows else {}).items() if k.startswith("val_")}
    return Fitted(tensors, epoch, metrics, reporter.cancelled, trainer.is_global_zero)


def _network(spec: NetworkSpec) -> torch.nn.Module:
    network = rebuild(spec.init) if spec.init is not None else BACKBONES[spec.backbone].build(**spec.options)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _stride(spec: NetworkSpec) -> int:
    entry = BACKBONES[spec.backbone]
    return entry.stride(entry.options.parse(spec.options))


def _rate(spec: NetworkSpec, settings: TrainingSettings) -> float:
    return settings.learning_rate or (RATE_FINE_TUNING if spec.init else RATE_FROM_SCRATCH)


def _steps(sources: Sequence[ItemSource], settings: TrainingSettings) -> int:
    images = sum(len(source.items) for source in sources)
    return max(_LEAST_STEPS, -(-4 * images // (settings.batch_size * settings.processes)))


def _trainer(
    settings: TrainingSettings, callbacks: list[Callback], folder: Path, monitor: Monitor
) -> lightning.Trainer:
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


def _precision(settings: TrainingSettings, device: str) -> Any:
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


def _quieten() -> None:
    """Keep Lightning's greetings and advice from the user; errors still come."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
