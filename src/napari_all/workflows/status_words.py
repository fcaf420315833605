"""How sure a model is, in signs, words and order: what window and report show alike."""

from __future__ import annotations

from napari_all.types import Prediction, Status

STATUS_TEXT: dict[Status, str] = {
    "confident": "✔ Confident",
    "review": "? Needs review: the model is not sure",
    "unfamiliar": "⚠ Unfamiliar image: unlike those the model was trained on, do not rely on it",
}
"""A sign and words, so that colour is never the only sign."""
FAILED_SIGN = "✖"
_ORDER: tuple[Status, ...] = ("unfamiliar", "review", "confident")


def signed(status: Status) -> str:
    """Return a status with its sign, short."""
    return f"{STATUS_TEXT[status][0]} {status}"


def sureness(prediction: Prediction | None) -> float:
    """Return a number that orders images by how far a prediction may be relied on, the least first.

    Failures (None) come first, then unfamiliar images, those for review and confident ones; inside a status, the
    confidence decides.
    """
    return -1.0 if prediction is None else 2.0 * _ORDER.index(prediction.status) + prediction.confidence
