"""bioimage.io package: the model with test data and documentation, as ilastik, deepImageJ and others take it."""

from __future__ import annotations

import lzma
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from napari_all.errors import CheckpointError, DependencyError
from napari_all.files import atomic_path, write_bytes
from napari_all.networks.card import CARD_SUFFIX, MAX_CARD_BYTES, TENSORS_SUFFIX, card_text
from napari_all.networks.model_formats import _package
from napari_all.networks.model_formats._format import ModelExport, ModelFormat
from napari_all.networks.model_formats._onnx_model import onnx_model

_MOST_ENTRIES = 1000
_MOST_BYTES = 2_000_000_000
"""Of the weights; a larger entry is a trap or of no use here."""


def write(path: Path, model: ModelExport) -> None:
    """Write the package after the format's own validator accepted it; nothing is asked of the network."""
    try:
        from bioimageio.spec import ValidationContext, save_bioimageio_package
    except ImportError as error:
        raise DependencyError(
            f"bioimage.io packages need bioimageio.spec ({error}); install it: pip install 'napari-all[bioimageio]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="napari-all-") as name, ValidationContext(log_warnings=False):
        folder = Path(name)
        _lay_out(folder, model)
        try:
            described = _package.describe(folder, model)
            with atomic_path(path) as target, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names of files that it looks for outside the archive first
                save_bioimageio_package(described, output_path=target)  # reads it back and validates
        except ValueError as error:
            raise CheckpointError(
                f"the model {model.card.name!r} does not fit the format of bioimage.io ({error}); mend its card"
            ) from error


def _lay_out(folder: Path, model: ModelExport) -> None:
    """Write what the package holds besides its description."""
    write_bytes(folder / _package.GRAPH, onnx_model(model).SerializeToString())
    np.save(folder / _package.TEST_INPUT, np.ascontiguousarray(model.sample.transpose(0, 3, 1, 2)))
    np.save(folder / _package.TEST_OUTPUT, model.probabilities)
    write_bytes(folder / _package.DOCUMENTATION, _package.documentation(model).encode())
    write_bytes(folder / f"{_package.STEM}{TENSORS_SUFFIX}", model.weights)
    write_bytes(folder / f"{_package.STEM}{CARD_SUFFIX}", card_text(model.card, model.sha256).encode())
    if model.card.licence:
        write_bytes(folder / _package.LICENCE, f"{model.card.licence}\n".encode())
    Image.fromarray(_package.cover(model)).save(folder / _package.COVER)


def recognises(path: Path) -> bool:
    """Tell whether a file is named as a ZIP archive; files of torch (.pt) are archives too, and none of ours."""
    return path.is_file() and path.name.lower().endswith(".zip")


def read(path: Path) -> tuple[bytes, bytes]:
    """Return the contents of weights and card among a package's attachments; nothing is unpacked onto the disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if len(names) > _MOST_ENTRIES:
                raise CheckpointError(f"{path.name} holds {len(names):,} files, more than any package of a model")
            weights = [
                n for n in names if n.endswith(TENSORS_SUFFIX) and n[: -len(TENSORS_SUFFIX)] + CARD_SUFFIX in names
            ]
            if len(weights) != 1:
                raise CheckpointError(
                    f"{path.name} holds {len(weights) or 'no'} models that napari-all can rebuild: it lacks a "
                    f"{TENSORS_SUFFIX} file with its {CARD_SUFFIX} card, which say how the network is built; take a "
                    f"package of 'napari-all models export', or train a model with 'napari-all train'"
                )
            card = _card_beside(weights[0])
            return _entry(archive, weights[0], _MOST_BYTES), _entry(archive, card, MAX_CARD_BYTES)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"cannot read {path.name}: {error.strerror or error}; copy the model again") from error
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise CheckpointError(
            f"{path.name} is damaged or no ZIP archive of a model ({error}); copy the model again"
        ) from error


def _card_beside(weights: str) -> str:
    return weights.removesuffix(TENSORS_SUFFIX) + CARD_SUFFIX


def _entry(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise CheckpointError(f"{name} unpacks to more than {most:,} bytes; it is damaged or a trap")
    return content


ENTRY = ModelFormat(
    name="bioimageio",
    title="bioimage.io package",
    summary="ZIP with the ONNX graph, test images, documentation and terms; napari-all imports it again.",
    suffix=".bioimageio.zip",
    write=write,
    recognises=recognises,
    read=read,
)
