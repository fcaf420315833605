"""A network as an ONNX graph, for programs and runtimes without torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_all.errors import CheckpointError, DependencyError
from napari_all.networks.device import import_torch

if TYPE_CHECKING:
    import torch

OnnxModel: TypeAlias = Any
"""An `onnx.ModelProto`; onnx is optional and has no annotations."""

OPSET = 18
"""Version of ONNX's operators (2022): what torch translates to directly, and what runtimes of today all read."""
IMAGE, PROBABILITIES = "image", "probabilities"
"""Names of the graph's input and output."""
NETWORK = "network."
"""Begins the names of the network's own weights in the graph; a checkpoint's name of each follows."""


def missing_onnx(error: ImportError) -> DependencyError:
    """Make the error for ONNX files without the libraries that write, read and run them."""
    return DependencyError(
        f"ONNX files need onnx, onnxscript and onnxruntime ({error}); install them: pip install 'napari-all[onnx]'"
    )


def to_onnx(
    network: torch.nn.Module, channels: int, side: int, *, any_size: bool = False, temperature: float = 1.0
) -> OnnxModel:
    """Translate a network (float32, CPU) and the softmax behind it.

    Parameters
    ----------
    network
        Maps (N, channels, Y, X), scaled as its card says, to logits (N, classes, …); left in evaluation mode.
    channels
        Number of input channels.
    side
        Y and X of the input; with `any_size` they are any multiples of it.
    temperature
        What logits are divided by before the softmax.

    Returns
    -------
    The checked graph from `image` (N, channels, Y, X) float32 to `probabilities` (N, classes, …) float32, N free. It
    keeps the network's weights by their names (behind `network.`); no path of this machine is in it.

    Raises
    ------
    DependencyError
        Onnx or onnxscript cannot be imported.
    CheckpointError
        The network does something that ONNX or its exporter cannot express.
    """
    torch = import_torch()
    try:
        import onnx
        import onnxscript.optimizer
    except ImportError as error:
        raise missing_onnx(error) from error
    from napari_all.networks.modules.probabilities import Probabilities

    free = torch.export.Dim
    axes: dict[int, Any] = {0: free("batch")}
    if any_size:
        axes |= {2: side * free("rows"), 3: side * free("columns")}
    length = side * max(2, -(-64 // side)) if any_size else side
    # sides and batch differ and none is 1, or the exporter takes what happens to be equal for a rule
    sample = torch.zeros(2, channels, length, length + side * any_size)
    try:
        program = torch.onnx.export(
            Probabilities(network, temperature).eval(),
            (sample,),
            dynamo=True,
            # torch's own optimisation merges weights, and a checkpoint could not be read back; runtimes merge them too
            optimize=False,
            verbose=False,
            opset_version=OPSET,
            input_names=[IMAGE],
            output_names=[PROBABILITIES],
            dynamic_shapes=(axes,),
        )
        onnxscript.optimizer.fold_constants(program.model)
        onnxscript.optimizer.remove_unused_nodes(program.model)
        model = program.model_proto
        for part in _parts(model):
            part.ClearField("metadata_props")  # where in which file each operation was written
            part.ClearField("doc_string")
        onnx.checker.check_model(model, full_check=True)
    except (torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"this network cannot be written as ONNX ({type(error).__name__}: {str(error).splitlines()[0]}); "
            f"export one of another architecture"
        ) from error
    return model


def _parts(model: OnnxModel) -> Iterator[Any]:
    """Yield the model, its graphs and all that is in them."""
    yield model
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        yield from (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info)
        graphs += [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
