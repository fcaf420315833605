"""ONNX: one file for ONNX Runtime, OpenVINO, OpenCV and other programs without torch."""

from __future__ import annotations

from pathlib import Path

from napari_all.files import write_bytes
from napari_all.networks.model_formats._format import ModelExport, ModelFormat
from napari_all.networks.model_formats._onnx_model import onnx_model, read_onnx


def write(path: Path, model: ModelExport) -> None:
    """Write the graph from scaled image to probabilities; the card is in its metadata."""
    write_bytes(path, onnx_model(model).SerializeToString())


def recognises(path: Path) -> bool:
    """Tell whether a file is named as an ONNX file; such files begin with no mark of their own."""
    return path.is_file() and path.name.lower().endswith(ENTRY.suffix)


ENTRY = ModelFormat(
    name="onnx",
    title="ONNX",
    summary="One file for ONNX Runtime, OpenVINO and others; scaled image in, probabilities out, the card inside.",
    suffix=".onnx",
    write=write,
    recognises=recognises,
    read=read_onnx,
)
