"""Batch-norm statistics measured anew with dropout off, for networks in which dropout comes before batch norm.

Dropout in training scales what is kept, which keeps the mean of what a batch norm sees but raises its variance (Li et
al. 2018, arXiv 1801.05134); evaluation, without dropout, then divides by too much. The paper's custom CNN
drops 80 % three times before its batch norm: as printed it evaluates to one class.
"""

from __future__ import annotations

from collections.abc import Iterable

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from napari_all.training.classifier_loader import ExampleLoader

IMAGES = 512
"""Images that the statistics are measured on."""


def recalibrate(network: torch.nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of every batch norm to their mean over batches, all else as in evaluation.

    Parameters
    ----------
    network
        Called with each batch; back in its own mode afterwards.
    batches
        What it takes, at least two images each.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta, training = [norm.momentum for norm in norms], network.training
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)


class RecalibratedNorms(Callback):
    """Recalibrates before every validation what is validated and kept: the averaged weights where there are any."""

    def __init__(self, loader: ExampleLoader) -> None:
        self._loader = loader

    def on_validation_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measure anew; training itself does not use the statistics."""
        batches = (batch.to(pl_module.device) for batch in self._loader.typical(IMAGES))
        with trainer.precision_plugin.forward_context():
            recalibrate(pl_module, batches)
