"""What a training of a classifier is asked to do: the same object for window and command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from napari_all.config import Settings
from napari_all.data.views import VIEWS, View, view_named
from napari_all.errors import unknown_name
from napari_all.networks.backbones import BACKBONES, Backbone
from napari_all.training.classifier_settings import ClassifierTraining
from napari_all.workflows import nested_settings

SPLITS = ("paper", "random", "grouped")
_ENDS = ("classes", "channels", "size_px")
"""Options of a backbone that follow from data, view and size."""
_TAKEN = ("report", "settings", "split", "audit")


def classifiers() -> tuple[str, ...]:
    """Return the classification networks of the registry."""
    return tuple(name for name in BACKBONES if BACKBONES[name].task == "classification")


class TrainClassifierConfig(Settings):
    """Network, what it is shown, split, beginning and training settings."""

    name: str = Field(
        "my-classifier", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the model and of its file"
    )
    backbone: str = Field("cellnet", description=f"Network: {', '.join(classifiers())}")
    view: str | None = Field(
        None, description=f"What the network is shown: {', '.join(VIEWS)}; none = rgb, or what the network needs"
    )
    size_px: int | None = Field(
        224, ge=32, le=1024, description="Side of the square input in pixels; none = the network's own"
    )
    split: str = Field("grouped", description=f"{', '.join(SPLITS)}, or the path of a split.json")
    fold: int = Field(0, ge=0, le=99, description="Which fold is tested on, from 0 (random, grouped)")
    folds: int = Field(5, ge=2, le=100, description="Number of folds (random, grouped)")
    split_seed: int = Field(0, ge=0, description="Fixes what the split draws at random")
    groups: Path | None = Field(None, description="CSV table of groups; none = overlap_groups.csv of the data folder")
    group_column: str | None = Field(None, description="Column of groups that is held out whole, such as patient")
    init: str | None = Field(None, description="Classifier of this program to begin from, by name or path")
    pretrained: str | None = Field(
        None, description="Published weights to begin from: timm (asks its hub) or a .safetensors file; none = random"
    )
    pretrained_sha256: str | None = Field(None, description="SHA-256 that the file of pretrained weights must have")
    confident_accuracy: float = Field(
        0.98, gt=0.5, lt=1, description="Wanted share of right predictions among the confident, on validation images"
    )
    familiar_share: float = Field(
        0.99, gt=0.5, le=1, description="Share of the validation images that is to count as familiar"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Further options of the network")
    training: ClassifierTraining = Field(ClassifierTraining.parse({}), description="How the network is trained")

    @field_validator("name")
    @classmethod
    def _no_file_of_ours(cls, name: str) -> str:
        """Keep the model's card, `<name>.json`, apart from what else a training writes."""
        if name.casefold() in _TAKEN:
            raise ValueError(f"a training writes {name.casefold()}.json itself; give another name")
        return name

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.init is not None and self.pretrained is not None:
            raise ValueError(f"init = {self.init!r} and pretrained = {self.pretrained!r} are two beginnings; keep one")
        return self

    @property
    def entry(self) -> Backbone:
        """The registry's entry of the network."""
        if self.backbone not in classifiers():
            raise unknown_name("classification backbone", self.backbone, classifiers())
        return BACKBONES[self.backbone]

    @property
    def shown(self) -> View:
        """What the network is shown."""
        if self.view is not None:
            return view_named(self.view)
        channels = self.entry.options.model_fields["channels"].default
        return next(view for view in VIEWS.values() if view.channels == channels)

    @property
    def side(self) -> int:
        """Side of the input in pixels."""
        return self.size_px or self.entry.native_px


def make_classifier_config(
    assignments: Sequence[str], start: TrainClassifierConfig | None = None
) -> TrainClassifierConfig:
    """Apply `key=value` texts, whose keys may belong to configuration, training, variation or the backbone's options.

    Raises
    ------
    UsageError
        For an unknown key or a value out of range.
    """
    config = start or TrainClassifierConfig()
    keys = settable()
    config = nested_settings.assign(config, [text for text in assignments if _key(text) in keys])
    rest = [text for text in assignments if _key(text) not in keys]
    options = config.entry.options
    free = set(options.model_fields) - set(_ENDS)
    if unknown := [_key(text) for text in rest if _key(text) not in free]:
        raise unknown_name("setting", unknown[0], {*keys, *free})
    chosen = options.parse(config.options).updated_from_text(rest).model_dump(mode="json")
    return config.updated(options={name: value for name, value in chosen.items() if name in free}) if rest else config


def settable() -> dict[str, str]:
    """Return every key that `make_classifier_config` takes for any network, with its description and default."""
    return {k: v for k, v in nested_settings.settable(TrainClassifierConfig).items() if k != "options"}


def _key(text: str) -> str:
    return text.partition("=")[0].strip()
