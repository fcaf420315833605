"""Predict the subtype of whole images with a network from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.classification.calibration import softmax
from napari_all.classification.unfamiliarity import PREFIX, Familiar
from napari_all.config import Settings
from napari_all.data.transforms import prepare
from napari_all.errors import CheckpointError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import Checkpoint, load_checkpoint
from napari_all.networks.device import DeviceSetting, choose_device, import_torch
from napari_all.types import Prediction, RGBImage, Status

if TYPE_CHECKING:
    import torch

DEFAULT_MODEL = "subtype-cellnet"
"""Name of the classifier that ships with the package."""
_AT_ONCE = 32


class Judgement(Settings):
    """How a classifier's card turns logits and distances into words (`extra` of the card)."""

    temperature: float = Field(gt=0.0, description="What logits are divided by; fitted on held-out images")
    review_below: float = Field(ge=0.0, le=1.0, description="Confidence under which a person should look")
    familiar_distance: float = Field(gt=0.0, description="Distance from the training images that counts as 1")

    def status(self, confidence: float, unfamiliarity: float) -> Status:
        """Return unfamiliar beyond a distance of 1, else review under the threshold, else confident."""
        if unfamiliarity > 1.0:
            return "unfamiliar"
        return "review" if confidence < self.review_below else "confident"


class Predictor:
    """A classifier ready to predict; made by `load_predictor`.

    Attributes
    ----------
    card
        The model's card.
    device
        `cpu`, `cuda` or `mps`.
    device_line
        One line for people: the device in use and why.
    """

    def __init__(self, checkpoint: Checkpoint, device: DeviceSetting) -> None:
        torch = import_torch()
        choice = choose_device(device)
        self.card, self.device, self.device_line = checkpoint.card, choice.name, choice.line
        self._sha256 = checkpoint.sha256
        if self.card.input.size_px is None:
            raise CheckpointError(f"the card of {self.card.name!r} lacks input.size_px; take the model's own card")
        self._size_px: int = self.card.input.size_px
        keys = Judgement.model_fields
        self._judgement = Judgement.parse({k: v for k, v in self.card.extra.items() if k in keys})
        self._familiar = Familiar.from_tensors(checkpoint.tensors, self._judgement.familiar_distance)
        self._network = BACKBONES[self.card.backbone].build(**self.card.options)
        weights = {
            name: torch.from_numpy(array.astype(np.float32))
            for name, array in checkpoint.tensors.items()
            if not name.startswith(PREFIX)
        }
        try:
            self._network.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(
                f"the weights of {self.card.name!r} do not fit the backbone {self.card.backbone!r} ({error}); "
                "copy the model again with its card"
            ) from error
        self._network.eval().to(self.device)

    def predict(self, rgb: RGBImage) -> Prediction:
        """Predict the subtype of one (Y, X, 3) uint8 image of any size."""
        return self.predict_batch([rgb])[0]

    def predict_batch(self, images: Sequence[RGBImage]) -> list[Prediction]:
        """Predict the subtype of each (Y, X, 3) uint8 image; the same as one by one, only faster."""
        return [p for start in range(0, len(images), _AT_ONCE) for p in self._predict(images[start : start + _AT_ONCE])]

    def _predict(self, images: Sequence[RGBImage]) -> Iterator[Prediction]:
        prepared = [prepare(rgb, self._size_px) for rgb in images]
        features, logits = run_network(self._network, np.stack([p.shown for p in prepared]), self.device)
        distances = self._familiar.distance(features, np.stack([p.look for p in prepared]))
        for probabilities, distance in zip(softmax(logits, self._judgement.temperature), distances, strict=True):
            confidence = float(probabilities.max())
            yield Prediction(
                predicted=self.card.classes[int(probabilities.argmax())],
                status=self._judgement.status(confidence, float(distance)),
                confidence=confidence,
                probabilities=tuple(float(p) for p in probabilities),
                model=self.card.name,
                model_sha256=self._sha256,
                unfamiliarity=float(distance),
                device=self.device,
            )


def run_network(
    network: torch.nn.Module, shown: NDArray[np.uint8], device: str = "cpu"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (N, F) and logits (N, C) of prepared images (N, S, S, 4) uint8."""
    torch = import_torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network loses more by waiting for threads than it gains
    try:
        with torch.inference_mode():
            x = torch.from_numpy(shown).to(device).permute(0, 3, 1, 2).float().div_(255.0)
            features = network.features(x)  # type: ignore[operator]
            logits = network.head(features)  # type: ignore[operator]
    finally:
        torch.set_num_threads(threads)
    return features.cpu().numpy(), logits.cpu().numpy()


def load_predictor(model: str | Path | None = None, device: DeviceSetting = "auto") -> Predictor:
    """Load a classifier.

    Parameters
    ----------
    model
        Name of a bundled model or path of a `.safetensors` file; None = `DEFAULT_MODEL`.
    device
        `auto`, `cpu`, `cuda` or `mps`.

    Raises
    ------
    CheckpointError
        The model is missing, damaged, or no classifier.
    UsageError
        The device is not there.
    DependencyError
        Torch cannot be imported.
    """
    return Predictor(load_checkpoint(DEFAULT_MODEL if model is None else model, "classification"), device)
