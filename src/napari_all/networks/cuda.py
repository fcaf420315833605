"""What keeps a CUDA GPU busy: kernels recorded once and replayed, copies beside them.

Written after PyTorch's documentation of CUDA graphs and streams (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_all.networks.device import import_torch

if TYPE_CHECKING:
    import torch

_KEPT = 4
_WARM_UPS = 2

Fetched: TypeAlias = Callable[[], list[NDArray[Any]]]
"""Waits until values have arrived in main memory and returns them."""


class Recorded:
    """A function of one tensor on the GPU, recorded for each shape as a CUDA graph and replayed from then on.

    The kernels of a small network take less time than it takes to launch them one by one. The newest shapes are kept.
    The function does the same work for every tensor of a shape and waits for no result of its own.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._function = function
        self._graphs: OrderedDict[tuple[int, ...], tuple[torch.Tensor, Any, torch.Tensor]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Return the function's result, a tensor of its own, for values on the GPU; in inference mode.

        Raises
        ------
        torch.cuda.OutOfMemoryError
            No memory for the graph; the others have been let go.
        """
        torch = import_torch()
        with self._lock:
            try:
                given, graph, result = self._graph(values)
                given.copy_(values)
                graph.replay()
                return result.clone()
            except torch.cuda.OutOfMemoryError:
                torch.cuda.synchronize()
                self._graphs.clear()
                raise

    def _graph(self, values: torch.Tensor) -> tuple[torch.Tensor, Any, torch.Tensor]:
        shape = tuple(values.shape)
        if shape not in self._graphs:
            torch = import_torch()
            if len(self._graphs) == _KEPT:
                torch.cuda.synchronize()  # it may be running
                self._graphs.popitem(last=False)
            given, aside = values.clone(), torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):  # libraries choose and allocate at first use, which no graph may hold
                    self._function(given)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(given)
            self._graphs[shape] = given, graph, result
        self._graphs.move_to_end(shape)
        return self._graphs[shape]


def send(values: NDArray[np.uint8]) -> torch.Tensor:
    """Bring values to the GPU while it computes what it was asked before."""
    torch = import_torch()
    copies, here = torch.cuda.Stream(), torch.cuda.current_stream()
    with torch.cuda.stream(copies):
        there = torch.from_numpy(values).pin_memory().to("cuda", non_blocking=True)
    here.wait_stream(copies)
    there.record_stream(here)
    return there  # type: ignore[no-any-return]


def fetch(planes: Sequence[torch.Tensor]) -> Fetched:
    """Begin to bring planes to main memory; from a GPU this goes on while it computes what it is asked next."""
    if planes[0].device.type != "cuda":
        return lambda: [plane.cpu().numpy() for plane in planes]
    torch = import_torch()
    copies = torch.cuda.Stream()
    copies.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(copies):
        here = [torch.empty_like(plane, device="cpu", pin_memory=True) for plane in planes]
        for mine, plane in zip(here, planes, strict=True):
            mine.copy_(plane, non_blocking=True)
            plane.record_stream(copies)
        arrived = copies.record_event()

    def wait() -> list[NDArray[Any]]:
        arrived.synchronize()
        return [plane.numpy() for plane in here]

    return wait
