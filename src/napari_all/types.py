"""Frozen values that flow between the layers of napari-all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

RGBImage: TypeAlias = NDArray[np.uint8]
"""(Y, X, 3) uint8, sRGB."""
LabelImage: TypeAlias = NDArray[np.int32]
"""(Y, X) int32; 0 = background, 1..N = cells."""
ClassesMap: TypeAlias = NDArray[np.uint8]
"""(Y, X) uint8; 0 = background, 1 = cytoplasm, 2 = nucleus (or whole cell, see `Parts`)."""
BoolMask: TypeAlias = NDArray[np.bool_]
"""(Y, X) bool."""

Parts: TypeAlias = Literal["nucleus", "cell", "nucleus+cytoplasm"]
Status: TypeAlias = Literal["confident", "review", "unfamiliar"]
ImageStatus: TypeAlias = Literal["none", "predicted", "in work", "corrected", "accepted", "excluded"]
"""How far the work on an image is; "none": there are no labels yet."""
IMAGE_STATUSES: tuple[ImageStatus, ...] = get_args(ImageStatus)
REVIEWED: frozenset[ImageStatus] = frozenset({"corrected", "accepted", "excluded"})
"""Statuses of images that a person has finished with; what is excluded is reviewed, but neither learnt nor counted."""


@dataclass(frozen=True)
class ImageRecord:
    """Where an image came from and what it was before it became RGB uint8.

    Attributes
    ----------
    path
        The file, or None for an array that came from elsewhere.
    sha256
        Hash of the file's bytes (of the array's bytes without a file), lower-case hex.
    shape
        (Y, X) in pixels, after EXIF orientation.
    pixel_size_um
        (y, x) size of a pixel in micrometres, or None where the file does not tell.
    source
        How the pixels were stored, in words ("16-bit grey TIFF"), for messages and records.
    """

    path: Path | None
    sha256: str
    shape: tuple[int, int]
    pixel_size_um: tuple[float, float] | None = None
    source: str = ""


@dataclass(frozen=True)
class Segmentation:
    """Result of one method on one image.

    Attributes
    ----------
    labels
        (Y, X) int32 instances, 1..N in raster order of each cell's first pixel.
    classes
        (Y, X) uint8 classes map; zero exactly where `labels` is zero.
    parts
        What the classes map parts: "nucleus" (only nuclei were looked for), "cell" (whole cells,
        all coded 2) or "nucleus+cytoplasm".
    method, settings, postprocess
        Name and settings (JSON-ready) that made it.
    diameter_px
        Cell diameter in pixels that the method used, if it uses one.
    model, model_sha256, device
        Name and weights hash of the network and the device it ran on; None without a network.
    uncertainty
        1 minus the Dice to be expected by the network's own probabilities, 0..1; without a cell, the highest
        probability of one. None where the method has no probabilities.
    smudges
        (Y, X) int32 smudge cells, 1..N in raster order, zero where there is a cell; None where the method cannot
        tell them from cells.
    uncertainty_map
        (Y, X) uint8, entropy of the probabilities at each pixel, 255 = all classes equally likely; None where the
        method has no probabilities.
    """

    labels: LabelImage
    classes: ClassesMap
    parts: Parts
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    postprocess: Mapping[str, Any] = field(default_factory=dict)
    diameter_px: float | None = None
    model: str | None = None
    model_sha256: str | None = None
    device: str | None = None
    uncertainty: float | None = None
    smudges: LabelImage | None = None
    uncertainty_map: NDArray[np.uint8] | None = None

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The fields that are arrays, by name, without those that are None."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    @property
    def facts(self) -> dict[str, Any]:
        """The other fields, JSON-ready, by name; with `arrays` they make the whole again."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, np.ndarray)}


@dataclass(frozen=True)
class Cell:
    """Measurements of one cell; lengths in pixels, areas in square pixels.

    `nucleus_area_px`, `nucleus_cell_ratio` and `nucleus_lobes` are None where the method does not part nucleus and
    cytoplasm; colour (sRGB 0..255, CIE L*a*b*) and texture where the image was not looked at; `certainty` without a
    network's doubt; `cell_class`, which a person gives, where nobody has (a predicted subtype never stands there).
    """

    label: int
    y: float
    x: float
    area_px: int
    equivalent_diameter_px: float
    circularity: float
    eccentricity: float
    solidity: float
    nucleus_area_px: int | None
    nucleus_cell_ratio: float | None
    touches_border: bool
    perimeter_px: float | None = None
    nucleus_lobes: int | None = None
    mean_red: float | None = None
    mean_green: float | None = None
    mean_blue: float | None = None
    mean_l: float | None = None
    mean_a: float | None = None
    mean_b: float | None = None
    texture_contrast: float | None = None
    texture_homogeneity: float | None = None
    texture_energy: float | None = None
    texture_correlation: float | None = None
    certainty: float | None = None
    cell_class: str | None = None


@dataclass(frozen=True)
class Prediction:
    """Predicted subtype of one image (or one cell crop).

    Attributes
    ----------
    probabilities
        One calibrated probability per class of `SUBTYPES`, in its order, summing to 1.
    status
        "confident", "review" or "unfamiliar" by the rule in the model's card.
    unfamiliarity
        Distance of the image from the training images; above 1 is called unfamiliar. None where the model cannot tell.
    """

    predicted: str
    status: Status
    confidence: float
    probabilities: tuple[float, ...]
    model: str
    model_sha256: str
    unfamiliarity: float | None
    device: str = "cpu"


@dataclass(frozen=True)
class ImageResult:
    """What is known of one image after a run: its segmentation, cells and predicted subtype, or its error."""

    record: ImageRecord
    segmentation: Segmentation | None = None
    cells: tuple[Cell, ...] = ()
    prediction: Prediction | None = None
    error: str | None = None
