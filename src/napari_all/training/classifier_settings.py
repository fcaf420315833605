"""What fixes the training of a classifier, apart from its data."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from napari_all.config import Settings
from napari_all.networks.device import DeviceSetting
from napari_all.training.settings import Precision

ChooseBy: TypeAlias = Literal["macro_f1", "loss", "last"]


class VariationSettings(Settings):
    """How training images vary; every kind can be turned off."""

    rotate: bool = Field(True, description="Turn by any angle")
    flip: bool = Field(True, description="Mirror")
    crop: float = Field(0.12, ge=0, le=0.5, description="Spread of the zoom in and out, as a logarithm; 0 = none")
    stretch: float = Field(0.05, ge=0, le=0.3, description="Spread of width against height; 0 = none")
    shift: float = Field(0.03, ge=0, le=0.5, description="Spread of the shift, in sides of the image; 0 = none")
    blur: float = Field(0.3, ge=0, le=1, description="Share of images that are blurred a little")
    stain: float = Field(0.1, ge=0, le=1, description="Spread of the stain's strength, in all and per colour; 0 = none")
    contrast: float = Field(0.1, ge=0, le=1, description="Spread of the contrast, as a logarithm; 0 = none")
    brightness: float = Field(0.03, ge=0, le=0.5, description="Spread of the brightness, of the whole range; 0 = none")
    cutout: float = Field(0.25, ge=0, le=1, description="Share of images that lose a square")
    exchange: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of images whose white cells are shown on the background of another image, of "
        "any class alike; needs a view with a mask",
    )


class ClassifierTraining(Settings):
    """How a classifier is trained."""

    epochs: int = Field(20, ge=1, le=10_000, description="Most epochs; each ends with a look at the validation images")
    steps_per_epoch: int | None = Field(
        None, ge=1, le=100_000, description="Steps per epoch; none = each image about once, 20 steps at least"
    )
    choose_by: ChooseBy = Field(
        "macro_f1",
        description="What the best epoch and early stopping go by: macro_f1 or loss of the validation images; last = "
        "every epoch is trained and the last weights count",
    )
    patience: int = Field(8, ge=1, le=10_000, description="Epochs without a better one before training stops early")
    batch_size: int = Field(32, ge=2, le=1024, description="Images per step and process")
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="Highest learning rate; none = 0.001 from scratch, 0.0003 for fine-tuning"
    )
    weight_decay: float = Field(0.05, ge=0, le=1, description="Decay of the weights (AdamW)")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="Share of a label that goes to all classes alike")
    average: float = Field(0.99, ge=0, lt=1, description="Decay of the running average of the weights; 0 = none")
    recalibrate: bool | None = Field(
        None,
        description="Measure batch-norm statistics anew with dropout off before every validation; none = where the "
        "network needs it",
    )
    balance_classes: bool = Field(True, description="Draw every class alike; off = by the number of its images")
    balance_groups: bool = Field(
        True,
        description="In a class, a group (cluster, patient) counts by the root of its size; off = every image alike",
    )
    variation: VariationSettings = Field(VariationSettings.parse({}), description="How training images vary")
    test_curve: bool = Field(True, description="Look at the test images after every epoch; they choose nothing")
    precision: Precision = Field("auto", description="Numbers computed in; auto = 16 bit where the hardware has it")
    device: DeviceSetting = Field("auto", description="Where it runs; auto takes a GPU if there is one")
    processes: int = Field(1, ge=1, le=64, description="Processes (or GPUs) that share each step")
    seed: int = Field(0, ge=0, description="Fixes what is drawn at random")
