"""What a training of the segmenter is asked to do: the same object for window and command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, field_validator

from napari_all.config import Settings
from napari_all.data.mask_values import MaskCode, MaskParts
from napari_all.errors import UsageError, unknown_name
from napari_all.networks.backbones import BACKBONES
from napari_all.networks.backbones.smp import ARCHITECTURES
from napari_all.training.settings import TrainingSettings
from napari_all.workflows import nested_settings

_LIBRARY = "smp"
_TAKEN = ("report", "settings")


def own_architectures() -> tuple[str, ...]:
    """Return the segmentation networks of the registry that are no library's."""
    return tuple(name for name in BACKBONES if BACKBONES[name].task == "segmentation" and name != _LIBRARY)


class SourceConfig(Settings):
    """One folder of images with its masks."""

    images: Path = Field(description="Folder of images, searched recursively")
    masks: Path = Field(description="Folder of masks named after the images; may be the same")
    ignore: Path | None = Field(None, description="Folder of ignore masks; none = <name>_ignore.png beside the masks")
    groups: Path | None = Field(None, description="CSV with the columns image and group: patient, slide or session")
    group_column: str = Field("group", min_length=1, description="Column of the groups' table")
    split: Path | None = Field(None, description="CSV with the columns image and part (train, val or none)")
    code: MaskCode = Field("auto", description="What the numbers of the masks mean")
    parts: MaskParts = Field("cell", description="What labels and binary masks outline")
    share: float = Field(1.0, gt=0, le=1e6, description="Share of the patches, relative to the other folders")


class TrainSegmenterConfig(Settings):
    """Architecture, beginning, data rules and training settings."""

    name: str = Field(
        "my-unet", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the model and of its file"
    )
    architecture: str = Field(
        "residual_unet",
        description=f"Network: {', '.join((*own_architectures(), *ARCHITECTURES))}; not asked when fine-tuning",
    )
    encoder: str | None = Field(None, description="Encoder of a segmentation-models-pytorch architecture")
    init: str | None = Field(None, description="Model to fine-tune, by name or path; none = from random weights")
    validation_share: float = Field(0.2, gt=0, lt=1, description="Share of the images held out for validation")
    use_predicted: bool = Field(False, description="Also train on masks that nobody corrected or accepted")
    synthetic_share: float = Field(
        0.0, ge=0, lt=1, description="Share of the patches cut from synthetic smears that the program paints"
    )
    training: TrainingSettings = Field(TrainingSettings.parse({}), description="How the network is trained")

    @field_validator("name")
    @classmethod
    def _no_file_of_ours(cls, name: str) -> str:
        """Keep the model's card, `<name>.json`, apart from what else a training writes."""
        if name.casefold() in _TAKEN:
            raise ValueError(f"a training writes {name.casefold()}.json itself; give another name")
        return name

    def backbone(self) -> tuple[str, dict[str, object]]:
        """Return the name in the registry of backbones and the options that the architecture and encoder stand for."""
        if self.architecture in own_architectures():
            if self.encoder is not None:
                raise UsageError(
                    f"architecture {self.architecture!r} has no exchangeable encoder; leave encoder={self.encoder} "
                    f"out, or choose one of {', '.join(ARCHITECTURES)}"
                )
            return self.architecture, {}
        if self.architecture not in ARCHITECTURES:
            raise unknown_name("architecture", self.architecture, (*own_architectures(), *ARCHITECTURES))
        return _LIBRARY, {"architecture": self.architecture, "encoder": self.encoder or "resnet34"}


def make_train_config(assignments: Sequence[str], start: TrainSegmenterConfig | None = None) -> TrainSegmenterConfig:
    """Apply `key=value` texts, whose keys may belong to the configuration, the training or the augmentation.

    Raises
    ------
    UsageError
        For an unknown key or a value out of range.
    """
    return nested_settings.assign(start or TrainSegmenterConfig(), assignments)


def settable() -> dict[str, str]:
    """Return every key that `make_train_config` takes, with its description and default."""
    return nested_settings.settable(TrainSegmenterConfig)
