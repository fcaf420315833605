"""Network architectures, one module each: metadata here, torch only when one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_all.config import Settings
from napari_all.networks.card import Task
from napari_all.networks.device import import_torch
from napari_all.registry import Registry

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Backbone:
    """Entry of the registry of architectures.

    Attributes
    ----------
    name, title, summary
        Key, display name and one sentence for people.
    task
        What a network of this kind does.
    options
        Type of its options (widths, depth, …); a checkpoint's card keeps their values.
    make
        Builds the untrained module from validated options; imports torch inside.
    stride
        Input pixels per pixel of the deepest level, from validated options: the sides of an input of any size are
        multiples of it.
    for_inference
        Makes a trained module ready to predict; it may change it for speed, in place.
    native_px
        Classification: side of the square input that the network was designed for.
    mean, std
        Classification: how its input is scaled, per channel R, G, B on 0..1; what its pretrained weights expect.
    timm
        Name of the network in timm, whose pretrained weights fit it; None where there are none.
    recalibrate
        Classification: whether its batch-norm statistics are to be measured anew after training with dropout off,
        from validated options. Dropout before batch norm shifts them, and evaluation then goes wrong.
    """

    name: str
    title: str
    summary: str
    task: Task
    options: type[Settings]
    make: Callable[[Any], torch.nn.Module]
    stride: Callable[[Any], int] = lambda options: 16
    for_inference: Callable[[torch.nn.Module], torch.nn.Module] = lambda module: module.eval()
    native_px: int = 224
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    timm: str | None = None
    recalibrate: Callable[[Any], bool] = lambda options: False

    def options_for(self, classes: int, channels: int, size_px: int, **more: Any) -> dict[str, Any]:
        """Return the options, JSON-ready for a card, of a classifier for square inputs of a size.

        Raises
        ------
        UsageError
            It cannot take that many channels or that size, or an option is unknown or out of range.
        """
        sized = {"size_px": size_px} if "size_px" in self.options.model_fields else {}
        validated = self.options.parse({"classes": classes, "channels": channels, **sized, **more})
        return validated.model_dump(mode="json")

    def build(self, **options: Any) -> torch.nn.Module:
        """Return the untrained module (float32, CPU).

        Raises
        ------
        UsageError
            An option is unknown or out of range.
        DependencyError
            Torch, or a library this architecture needs, cannot be imported.
        """
        validated = self.options.parse(options)
        import_torch()
        return self.make(validated)


BACKBONES: Registry[Backbone] = Registry("backbone", __name__, Backbone)
