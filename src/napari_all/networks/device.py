"""Which processor runs the networks, and one line that says so and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeAlias

from napari_all.errors import DependencyError, UsageError

DeviceSetting: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
"""What a user may ask for; `mps` is an Apple GPU."""

_INSTALL_LINE = "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class DeviceChoice:
    """A device and the reason for it.

    Attributes
    ----------
    name
        `cpu`, `cuda` or `mps`, as `torch.device` takes it.
    line
        One line for people: the device in use and why.
    """

    name: str
    line: str


def let_threads_sleep() -> None:
    """Make OpenMP's idle threads sleep instead of spin; for a program's main, before torch is imported.

    With another busy process on the machine, spinning made the U-Net take three times as long (measured on two cores).
    Whoever set `OMP_WAIT_POLICY` keeps their choice.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def shared_threads(workers: int) -> Iterator[Callable[[], None]]:
    """Share torch's threads among some threads of our own; each calls what is yielded before it computes."""
    torch = import_torch()
    count = torch.get_num_threads()
    try:
        yield lambda: torch.set_num_threads(max(1, count // workers))
    finally:
        torch.set_num_threads(count)


def import_torch() -> ModuleType:
    """Import torch, or raise `DependencyError` that holds the remedy."""
    try:
        import torch
    except (ImportError, OSError) as error:
        raise DependencyError(
            f"torch cannot be imported ({error}); install it again, for example: {_INSTALL_LINE}"
        ) from error
    return torch


def explain_import_error(library: str, error: Exception) -> DependencyError:
    """Make the error for a library on top of torch (timm, torchvision) that cannot be imported.

    Torch and torchvision of different builds fail with a RuntimeError:
    `operator torchvision::nms does not exist`.
    """
    if "torchvision::" in str(error):
        line = _INSTALL_LINE.replace("torch ", "torch torchvision ")
        return DependencyError(
            f"{library} cannot be imported because torch and torchvision are of different builds ({error}); "
            f"install both from one place, for example: {line}"
        )
    return DependencyError(f"{library} cannot be imported ({error}); install it: pip install {library}")


def choose_device(wanted: DeviceSetting = "auto") -> DeviceChoice:
    """Return the device to use: the one asked for, or the fastest that is there.

    Raises
    ------
    UsageError
        The device asked for does not exist on this machine.
    DependencyError
        Torch cannot be imported.
    """
    torch = import_torch()
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted != "auto" and not available.get(wanted, False):
        valid = ", ".join(repr(name) for name in ("auto", *(k for k, there in available.items() if there)))
        raise UsageError(f"device {wanted!r} is not available on this machine; choose one of {valid}")
    name = wanted if wanted != "auto" else next(k for k, there in available.items() if there)
    reason = "as asked for" if wanted != "auto" else _reason(name)
    return DeviceChoice(name, f"Device: {_describe(torch, name)} — {reason}")


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16 itself; elsewhere it is slower than float32."""
    return bool(getattr(import_torch().cpu, "_is_avx512_bf16_supported", lambda: False)())


def _describe(torch: ModuleType, name: str) -> str:
    if name == "cuda":
        return f"CUDA GPU ({torch.cuda.get_device_name()})"
    if name == "mps":
        return "Apple GPU (MPS)"
    return f"CPU ({torch.get_num_threads()} threads)"


def _reason(name: str) -> str:
    return {
        "cuda": "a CUDA GPU is the fastest here",
        "mps": "an Apple GPU is the fastest here",
        "cpu": "no CUDA or Apple GPU found",
    }[name]
