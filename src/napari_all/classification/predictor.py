"""Predict the subtype of whole images with a network from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from napari_all.classes import SUBTYPES
from napari_all.classification.calibration import Probabilities, softmax
from napari_all.classification.unfamiliarity import PREFIX, Familiar
from napari_all.config import Settings
from napari_all.data.views import DEFAULT_VIEW, View, view_named
from napari_all.errors import CheckpointError, UsageError
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.checkpoint import Checkpoint, InputInfo, ModelCard, load_checkpoint
from napari_all.networks.device import DeviceSetting, choose_device, import_torch
from napari_all.networks.rebuild import rebuild
from napari_all.types import BoolMask, Prediction, RGBImage, Status

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DEFAULT_MODEL = "subtype-cellnet"
"""Name of the classifier that ships with the package."""
_AT_ONCE = 32
_SMALL_WEIGHTS = 1_000_000
"""A network of fewer weights loses more by waiting for threads than it gains."""


class Judgement(Settings):
    """How a classifier's card turns logits and distances into words (`extra` of the card)."""

    temperature: float = Field(gt=0.0, description="What logits are divided by; fitted on held-out images")
    review_below: float = Field(ge=0.0, le=1.0, description="Confidence under which a person should look")
    familiar_distance: float | None = Field(
        None, gt=0.0, description="Distance from the training images that counts as 1; none = it cannot be told"
    )

    def status(self, confidence: float, unfamiliarity: float | None) -> Status:
        """Return unfamiliar beyond a distance of 1, else review under the threshold, else confident.

        What cannot tell how familiar an image is, is never confident.
        """
        if unfamiliarity is not None and unfamiliarity > 1.0:
            return "unfamiliar"
        return "review" if unfamiliarity is None or confidence < self.review_below else "confident"

    @classmethod
    def of(cls, card: ModelCard) -> Judgement | None:
        """Return what a card says; None where it says nothing, as of a network that was not calibrated.

        Raises
        ------
        CheckpointError
            It says a part, or what cannot be.
        """
        said = {key: value for key, value in card.extra.items() if key in cls.model_fields}
        try:
            return cls.parse(said) if said else None
        except UsageError as error:
            raise CheckpointError(f"the card of {card.name!r} cannot be used: {error}; copy the model again") from error


_UNCALIBRATED = Judgement(temperature=1.0, review_below=1.0)


class Predictor:
    """A classifier ready to predict; made by `load_predictor`.

    A card without calibration (`Judgement`) gives probabilities as the network states them, and a model without
    descriptions of its training images no unfamiliarity; in both cases every status is 'review'.

    Attributes
    ----------
    card
        The model's card.
    view
        What the network is shown of an image.
    network
        The network, on its device.
    device
        `cpu`, `cuda` or `mps`.
    device_line
        One line for people: the device in use and why, and whether every status is 'review'.
    """

    def __init__(self, checkpoint: Checkpoint, device: DeviceSetting, tta: bool = False) -> None:
        choice = choose_device(device)
        self.card, self.device, self.device_line = checkpoint.card, choice.name, choice.line
        self._sha256, self._tta = checkpoint.sha256, tta
        self.size_px, self.view = _check(self.card)
        self._judgement = Judgement.of(self.card) or _UNCALIBRATED
        scale = self._judgement.familiar_distance
        self._familiar = None if scale is None else Familiar.from_tensors(checkpoint.tensors, scale)
        if self._familiar is None:
            self.device_line += (
                f"; {self.card.name!r} is not calibrated or cannot tell unfamiliar images, so every status is 'review'"
            )
        weights = {name: array for name, array in checkpoint.tensors.items() if not name.startswith(PREFIX)}
        network = rebuild(replace(checkpoint, tensors=weights))
        self.network = BACKBONES[self.card.backbone].for_inference(network).to(self.device)

    def predict(self, rgb: RGBImage, mask: BoolMask | None = None) -> Prediction:
        """Predict the subtype of one (Y, X, 3) uint8 image of any size; see `predict_batch`."""
        return self.predict_batch([rgb], None if mask is None else [mask])[0]

    def predict_batch(
        self, images: Sequence[RGBImage], masks: Sequence[BoolMask | None] | None = None
    ) -> list[Prediction]:
        """Predict the subtype of each (Y, X, 3) uint8 image; the same as one by one, only faster.

        Parameters
        ----------
        images
            (Y, X, 3) uint8 each, of any size.
        masks
            (Y, X) bool each, the white cells from a segmentation; found by their colour where not given.
        """
        pairs = list(zip(images, masks or [None] * len(images), strict=True))
        return [p for start in range(0, len(pairs), _AT_ONCE) for p in self._predict(pairs[start : start + _AT_ONCE])]

    def _predict(self, pairs: Sequence[tuple[RGBImage, BoolMask | None]]) -> Iterator[Prediction]:
        prepared = [self.view.prepare(rgb, self.size_px, mask) for rgb, mask in pairs]
        features, probabilities = self._answers(np.stack([p.shown for p in prepared]))
        distances: Sequence[float | None] = [None] * len(pairs)
        if self._familiar is not None:
            distances = self._familiar.distance(features, np.stack([p.look for p in prepared])).tolist()
        for row, distance in zip(probabilities, distances, strict=True):
            confidence = float(row.max())
            yield Prediction(
                predicted=self.card.classes[int(row.argmax())],
                status=self._judgement.status(confidence, distance),
                confidence=confidence,
                probabilities=tuple(float(p) for p in row),
                model=self.card.name,
                model_sha256=self._sha256,
                unfamiliarity=distance,
                device=self.device,
            )

    def _answers(self, shown: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Probabilities]:
        """Return features (N, F) of the views as they are, and probabilities (N, C), averaged over turned ones."""
        told = [
            run_network(self.network, view, self.device, self.card.input)
            for view in (eight_ways(shown) if self._tta else (shown,))
        ]
        probabilities = np.mean([softmax(logits, self._judgement.temperature) for _, logits in told], axis=0)
        return told[0][0], np.asarray(probabilities)


def _check(card: ModelCard) -> tuple[int, View]:
    """Return side and view of a classifier's input, if its card is one of a subtype classifier."""
    if card.input.size_px is None:
        raise CheckpointError(f"the card of {card.name!r} lacks input.size_px; take the model's own card")
    if card.classes != SUBTYPES.names:
        raise CheckpointError(
            f"model {card.name!r} tells {', '.join(card.classes)}; a subtype classifier tells "
            f"{', '.join(SUBTYPES.names)}, in this order: take another model"
        )
    view = view_named(str(card.extra.get("view", DEFAULT_VIEW)))
    entry = BACKBONES[card.backbone]
    channels = getattr(entry.options.parse(card.options), "channels", None)
    if channels != view.channels:
        raise CheckpointError(
            f"model {card.name!r} takes {channels} channels, its view {view.name!r} has {view.channels}; "
            f"copy the model again with its card"
        )
    return card.input.size_px, view


def eight_ways(shown: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield square views (N, S, S, C) as they are, then turned by quarters, and all four mirrored."""
    for mirrored in (shown, shown[:, :, ::-1]):
        for quarters in range(4):
            yield np.rot90(mirrored, quarters, axes=(1, 2))


def as_input(shown: NDArray[np.uint8], info: InputInfo, device: str) -> Tensor:
    """Return views (N, S, S, C) uint8 as (N, C, S, S) float32, scaled as a card says."""
    torch = import_torch()
    mean, std = (torch.tensor(v, device=device).view(1, -1, 1, 1) for v in info.per_channel(shown.shape[3]))
    x: Tensor = torch.from_numpy(np.ascontiguousarray(shown)).to(device).permute(0, 3, 1, 2).float().div_(255.0)
    scaled: Tensor = (x - mean) / std
    return scaled


def run_network(
    network: torch.nn.Module, shown: NDArray[np.uint8], device: str = "cpu", info: InputInfo | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (N, F) and logits (N, C) of views (N, S, S, C) uint8, scaled as `info` says (to 0..1 if None)."""
    torch = import_torch()
    threads = torch.get_num_threads()
    if sum(p.numel() for p in network.parameters()) < _SMALL_WEIGHTS:
        torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            features = network.features(as_input(shown, info or InputInfo.parse({}), device))  # type: ignore[operator]
            logits = network.head(features)  # type: ignore[operator]
    finally:
        torch.set_num_threads(threads)
    return features.cpu().numpy(), logits.cpu().numpy()


def load_predictor(model: str | Path | None = None, device: DeviceSetting = "auto", tta: bool = False) -> Predictor:
    """Load a classifier.

    Parameters
    ----------
    model
        Name of a bundled model or path of a `.safetensors` file; None = `DEFAULT_MODEL`.
    device
        `auto`, `cpu`, `cuda` or `mps`.
    tta
        Average the probabilities over the four quarter turns of the image and of its mirror image.

    Raises
    ------
    CheckpointError
        The model is missing, damaged, or no classifier of the subtypes.
    UsageError
        The device is not there, or the card names an unknown backbone, option or view.
    DependencyError
        Torch cannot be imported.
    """
    return Predictor(load_checkpoint(DEFAULT_MODEL if model is None else model, "classification"), device, tta)
