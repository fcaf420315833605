"""How far an image is from the images that a classifier has learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import CheckpointError

PREFIX = "familiar."
"""Names of the arrays below in a checkpoint begin with this."""
_NEIGHBOURS = 5
_FEATURE_DIRECTIONS = 12
"""Principal directions of the network's features that count; the others hold little but noise."""


@dataclass(frozen=True)
class Familiar:
    """The training images as points of a space in which every direction varies alike.

    A point joins the network's pooled features with measures of the whole picture (`Prepared.look`), so that both a
    strange cell and a strange picture are far from all points.

    Attributes
    ----------
    mean
        (D,) float32, subtracted from a description.
    directions
        (D, K) float32, what it is then multiplied with.
    points
        (N, K) float16, the training images.
    scale
        Distance that counts as 1.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    points: NDArray[np.float16]
    scale: float = 1.0

    def distance(self, features: NDArray[np.floating], looks: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the mean distance (N,) to the five nearest training images, in units of `scale`."""
        described = np.concatenate([features, looks], axis=1).astype(np.float64)
        places = (described - self.mean) @ self.directions.astype(np.float64)
        known = self.points.astype(np.float64)
        squares = (places**2).sum(1)[:, None] + (known**2).sum(1) - 2.0 * places @ known.T
        nearest = np.partition(squares, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        return np.asarray(np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1) / self.scale)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to keep in a checkpoint; `scale` goes into its card."""
        return {
            f"{PREFIX}mean": self.mean,
            f"{PREFIX}directions": self.directions,
            f"{PREFIX}points": self.points,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]], scale: float) -> Familiar:
        """Rebuild from a checkpoint's arrays.

        Raises
        ------
        CheckpointError
            An array is missing.
        """
        try:
            mean, directions, points = (tensors[f"{PREFIX}{name}"] for name in ("mean", "directions", "points"))
        except KeyError as error:
            raise CheckpointError(
                f"the model lacks {error}, which tells familiar images; train it again with scripts/train_classifier.py"
            ) from error
        return cls(mean, directions, points, scale)


def fit_familiar(features: NDArray[np.float32], looks: NDArray[np.float32]) -> Familiar:
    """Describe training images by features (N, F) of the network and looks (N, L) of the pictures."""
    blocks = [_whitening(features, _FEATURE_DIRECTIONS), _whitening(looks, looks.shape[1])]
    (rows, columns), (more_rows, more_columns) = blocks[0].shape, blocks[1].shape
    directions = np.zeros((rows + more_rows, columns + more_columns), np.float32)
    directions[:rows, :columns], directions[rows:, columns:] = blocks
    described = np.concatenate([features, looks], axis=1)
    mean = described.mean(axis=0).astype(np.float32)
    return Familiar(mean, directions, ((described - mean) @ directions).astype(np.float16))


def _whitening(values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Return (D, count) principal directions, divided by their spread."""
    variances, vectors = np.linalg.eigh(np.cov(values.astype(np.float64), rowvar=False))
    variances, vectors = variances[::-1][:count], vectors[:, ::-1][:, :count]
    floor = 1e-3 * variances[0]
    return np.asarray(vectors / np.sqrt(np.maximum(variances, floor)))
