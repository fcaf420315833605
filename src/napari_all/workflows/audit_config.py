"""What an audit looks at, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from napari_all.config import Settings
from napari_all.evaluation.quality import QualityLimits
from napari_all.evaluation.shortcuts import TREES
from napari_all.networks.device import DeviceSetting


class AuditConfig(Settings):
    """How an audit looks."""

    method: str = Field("lab", description="Segmentation method of the white cells, for every image; should be quick")
    exchange_method: str = Field("unet", description="Segmentation method of the cells that are moved to backgrounds")
    per_class: int = Field(50, ge=2, le=10_000, description="Images of each class on which changes are tried")
    seed: int = Field(0, ge=0, description="Seed of the random folds, of the sample and of the backgrounds")
    trees: int = Field(TREES, ge=10, le=1000, description="Trees of the quick classifier")
    device: DeviceSetting = Field("auto", description="Where the model runs")
    limits: QualityLimits = Field(default_factory=QualityLimits, description="Limits of the quality control")


@dataclass(frozen=True)
class AuditData:
    """What is audited: the data set's folder, its groups and the split of a training, as the files given tell."""

    folder: Path
    groups: Path | None = None
    group_column: str | None = None
    split: Path | None = None
