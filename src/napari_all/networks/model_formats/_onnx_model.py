"""An ONNX graph that carries the model's card and weights, and the reading of them back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all.errors import CheckpointError
from napari_all.networks.card import card_text
from napari_all.networks.model_formats._format import ModelExport
from napari_all.networks.onnx_graph import IMAGE, NETWORK, PROBABILITIES, OnnxModel, missing_onnx, to_onnx

TOLERANCE = 1e-4
"""Most that a probability may differ from the network's own (float32)."""
CARD, HEADER, OTHERS = "napari_all.card", "napari_all.safetensors_header", "napari_all.other_tensors"
"""Keys of the graph's metadata: the card; the first part of the weights' file, which names and orders its tensors; and
those tensors (JSON, base64) that are not in the graph as they were stored."""

_MOST_BYTES = 2_000_000_000
"""What ONNX can hold in one file."""
_LENGTH_BYTES = 8
_TYPES = {"F16": "<f2", "F32": "<f4"}


def onnx_model(model: ModelExport) -> OnnxModel:
    """Return the graph of a model, with its card, after onnxruntime gave the network's probabilities with it.

    Raises
    ------
    DependencyError
        Onnx, onnxscript or onnxruntime cannot be imported.
    CheckpointError
        The network cannot be written as ONNX, or the graph gives other probabilities.
    """
    channels, side = model.sample.shape[3], model.step or model.sample.shape[1]
    graph = to_onnx(model.network, channels, side, any_size=model.step is not None, temperature=model.temperature)
    _compare(graph, model)
    header, tensors = _split(model.weights)
    held = _initializers(graph)
    others = {
        name: base64.b64encode(stored).decode("ascii")
        for name, (stored, kind) in tensors.items()
        if _as_stored(held.get(NETWORK + name), kind) != stored
    }
    facts = {CARD: card_text(model.card, model.sha256), HEADER: header, OTHERS: json.dumps(others)}
    for key, value in facts.items():
        graph.metadata_props.add(key=key, value=value)
    graph.producer_name, graph.producer_version = "napari-all", ""
    graph.doc_string = f"{model.card.summary} For research use only. Not for use in diagnostic procedures.".strip()
    return graph


def read_onnx(path: Path) -> tuple[bytes, bytes]:
    """Return the contents of the `.safetensors` file and of the card that a file was exported from.

    Nothing but the file itself is opened: tensors that it says lie elsewhere are not looked for.
    """
    try:
        import onnx
    except ImportError as error:
        raise missing_onnx(error) from error
    from google.protobuf.message import DecodeError

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CheckpointError(f"{path.name} is larger than any ONNX file; choose another file")
        graph = onnx.load_model_from_string(path.read_bytes())
        told = {entry.key: entry.value for entry in graph.metadata_props}
        missing = [key for key in (CARD, HEADER, OTHERS) if key not in told]
        if missing:
            raise CheckpointError(
                f"{path.name} was not written by napari-all: it lacks {', '.join(missing)}, which say what its outputs "
                f"mean and how to rebuild the network; take a file of 'napari-all models export', or the model's "
                f".safetensors file with its card"
            )
        return _joined(told[HEADER], json.loads(told[OTHERS]), _initializers(graph)), told[CARD].encode()
    except OSError as error:
        raise CheckpointError(f"cannot read {path.name}: {error.strerror}; copy the model again") from error
    except CheckpointError:
        raise
    except (DecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is no ONNX file or is damaged ({type(error).__name__}: {error}); copy the model again"
        ) from error


def _compare(graph: OnnxModel, model: ModelExport) -> None:
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_onnx(error) from error
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run([PROBABILITIES], {IMAGE: model.scaled})[0]
    wanted = model.probabilities
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=0.0, atol=TOLERANCE):
        raise CheckpointError(
            f"onnxruntime gives other probabilities than the network of {model.card.name!r}; nothing was written: "
            f"update onnxruntime and torch, or export a model of another architecture"
        )


def _initializers(graph: OnnxModel) -> dict[str, NDArray[Any]]:
    """Return the weights of the network in a graph, by name."""
    import onnx

    return {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in graph.graph.initializer
        if tensor.name.startswith(NETWORK) and not onnx.external_data_helper.uses_external_data(tensor)
    }


def _split(weights: bytes) -> tuple[str, dict[str, tuple[bytes, str]]]:
    """Return the header of a `.safetensors` file, and bytes and type of each tensor by name."""
    start = _LENGTH_BYTES + int.from_bytes(weights[:_LENGTH_BYTES], "little")
    header, data = weights[_LENGTH_BYTES:start].decode(), weights[start:]
    return header, {
        name: (data[slice(*entry["data_offsets"])], entry["dtype"]) for name, entry in _entries(header).items()
    }


def _joined(header: str, others: Mapping[str, str], held: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the `.safetensors` file again; whether it is the same, its card's SHA-256 tells."""
    entries = sorted(_entries(header).items(), key=lambda item: item[1]["data_offsets"][0])
    tensors = [
        base64.b64decode(others[name]) if name in others else _as_stored(held[NETWORK + name], entry["dtype"])
        for name, entry in entries
    ]
    start = header.encode()
    return b"".join([len(start).to_bytes(_LENGTH_BYTES, "little"), start, *(t or b"" for t in tensors)])


def _entries(header: str) -> dict[str, Any]:
    return {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}


def _as_stored(values: NDArray[Any] | None, kind: str) -> bytes | None:
    """Return values in a type of `.safetensors`; None where there are none or the type is none of the usual."""
    if values is None or kind not in _TYPES:
        return None
    with np.errstate(over="ignore"):
        return values.astype(_TYPES[kind]).tobytes()
