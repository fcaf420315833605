"""Predict the subtype of one image: the job behind the Subtype widget and the `classify` command."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

from napari_all.config import Settings
from napari_all.monitor import Monitor, NullMonitor
from napari_all.networks.device import DeviceSetting
from napari_all.networks.zoo import weights_sha256
from napari_all.types import Prediction, RGBImage

if TYPE_CHECKING:
    from napari_all.classification.predictor import Predictor


class ClassifyConfig(Settings):
    """Which model predicts, and where it runs."""

    model: str | None = Field(
        None, description="Name of a model (napari-all models list) or path of a .safetensors file; none = default"
    )
    device: DeviceSetting = Field("auto", description="Where the network runs; auto takes a GPU if there is one")
    tta: bool = Field(
        False,
        description="Average the probabilities over quarter turns and mirror images of the image: eight times slower",
    )


def predictor_of(config: ClassifyConfig) -> Predictor:
    """Return the loaded model of a configuration; kept for the next image."""
    return _load(config.model, model_sha256(config), config.device, config.tta)


def model_sha256(config: ClassifyConfig) -> str:
    """Return the identity of the weights that a configuration's model has now."""
    from napari_all.classification.predictor import DEFAULT_MODEL

    return weights_sha256(config.model or DEFAULT_MODEL)


@lru_cache(maxsize=1)
def _load(model: str | None, sha256: str, device: DeviceSetting, tta: bool) -> Predictor:
    from napari_all.classification.predictor import load_predictor

    return load_predictor(model, device, tta)


def classify_image(rgb: RGBImage, config: ClassifyConfig, monitor: Monitor | None = None) -> Prediction:
    """Predict the subtype of one (Y, X, 3) uint8 image.

    Raises
    ------
    CheckpointError
        The model is missing or damaged.
    UsageError
        The device is not there.
    Cancelled
        The monitor asks to stop.
    """
    (monitor or NullMonitor()).raise_if_cancelled()
    return predictor_of(config).predict(rgb)
