"""What fixes a training run, apart from its data."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator

from napari_all.config import Settings
from napari_all.data.patches import AugmentSettings
from napari_all.networks.device import DeviceSetting

LossName: TypeAlias = Literal["dice", "dice_ce", "focal"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]


class TrainingSettings(Settings):
    """How a segmentation network is trained."""

    epochs: int = Field(30, ge=1, le=10_000, description="Most epochs; each ends with a look at the validation images")
    steps_per_epoch: int | None = Field(
        None, ge=1, le=100_000, description="Steps per epoch; none = each image about four times, 20 steps at least"
    )
    patience: int = Field(10, ge=1, le=10_000, description="Epochs without a better Dice before training stops early")
    batch_size: int = Field(16, ge=1, le=512, description="Patches per step and process")
    patch_px: int = Field(96, ge=32, le=1024, multiple_of=32, description="Side of a training patch in pixels")
    cell_px: float | None = Field(
        48.0, ge=8, le=512, description="Cell diameter in a patch; none = a patch shows the whole image"
    )
    loss: LossName = Field("dice_ce", description="1 − Dice, Dice + cross-entropy, or focal loss")
    class_weights: tuple[float, ...] | Literal["balanced"] | None = Field(
        None, description="Weight per class of the network in its order (as 1,1,2), or balanced; none = all equal"
    )
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="Highest learning rate; none = 0.002 from scratch, 0.0005 for fine-tuning"
    )
    weight_decay: float = Field(0.02, ge=0, le=1, description="Decay of the weights (AdamW)")
    average: float = Field(0.998, ge=0, lt=1, description="Decay of the running average of the weights; 0 = none")
    augment: AugmentSettings = Field(AugmentSettings.parse({}), description="How patches vary")
    precision: Precision = Field("auto", description="Numbers computed in; auto = 16 bit where the hardware has it")
    device: DeviceSetting = Field("auto", description="Where it runs; auto takes a GPU if there is one")
    processes: int = Field(1, ge=1, le=64, description="Processes (or GPUs) that share each step")
    seed: int = Field(0, ge=0, description="Fixes what is drawn at random")

    @field_validator("class_weights", mode="before")
    @classmethod
    def _split_text(cls, value: Any) -> Any:
        """Read `1,1,2` as the command line gives it."""
        if isinstance(value, str) and value != "balanced":
            return tuple(value.split(","))
        return value
