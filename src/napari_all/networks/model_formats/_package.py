"""The parts of a bioimage.io package: description, documentation, cover.

The specification of models, version 0.5: https://bioimage-io.github.io/spec-bioimage-io
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_all import __version__
from napari_all.networks.model_formats._format import ModelExport
from napari_all.networks.model_formats._onnx_model import TOLERANCE
from napari_all.networks.onnx_graph import IMAGE, OPSET, PROBABILITIES
from napari_all.networks.zoo import installed_models

STEM = "napari-all-model"
"""Weights and card, which napari-all imports again, are attached under this name."""
GRAPH, TEST_INPUT, TEST_OUTPUT = "weights.onnx", "test_input.npy", "test_output.npy"
DOCUMENTATION, LICENCE, COVER = "README.md", "LICENSE.md", "cover.png"

METHOD = (
    "Reza et al. 2025, Acute lymphoblastic leukemia diagnosis and subtype segmentation in blood smears using CNN and "
    "U-Net, Indonesian Journal of Electrical Engineering and Computer Science 38:950",
    "10.11591/ijeecs.v38.i2.pp950-959",
)
"""The paper whose method the program makes usable, and its DOI, as in CITATION.cff."""
RESEARCH_ONLY = "For research use only. Not for use in diagnostic procedures."

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s,;)]+")
_COLOURS = ((0, 0, 0), (90, 200, 255), (230, 30, 120), (255, 190, 0))
"""Tint of each class on the cover; the first is not drawn."""
_HALO_STEPS = 2
"""Steps of the network's stride that a tile's edge reaches in."""


def describe(folder: Path, model: ModelExport) -> Any:
    """Return the `ModelDescr` of a model whose files lie in a folder; `ValueError` where the format refuses it."""
    from bioimageio.spec.model import v0_5 as spec

    card = model.card
    return spec.ModelDescr(
        name=_name(card.name),
        description=f"{card.summary} {RESEARCH_ONLY}".strip(),
        version=spec.Version(__version__),
        authors=[spec.Author(name=name) for name in _authors(model)],
        cite=[spec.CiteEntry(text=text, doi=spec.Doi(doi)) for text, doi in _citations(model)],
        license=spec.FileDescr(source=folder / LICENCE) if card.licence else None,
        tags=_tags(model),
        covers=[spec.FileDescr(source=folder / COVER)],
        documentation=spec.FileDescr(source=folder / DOCUMENTATION),
        attachments=[spec.FileDescr(source=folder / f"{STEM}{suffix}") for suffix in (".safetensors", ".json")],
        inputs=[_input(spec, folder, model)],
        outputs=[_output(spec, folder, model)],
        weights=spec.WeightsDescr(onnx=spec.OnnxWeightsDescr(source=folder / GRAPH, opset_version=OPSET)),
        config=spec.Config(
            bioimageio=spec.BioimageioConfig(
                reproducibility_tolerance=[
                    spec.ReproducibilityTolerance(relative_tolerance=0.0, absolute_tolerance=TOLERANCE)
                ],
                architecture_type=card.backbone[:32],
                modality="bright-field microscopy of stained blood smears",
                target_structure=["white blood cells"],
                task=card.task,
                out_of_scope_use=RESEARCH_ONLY,
            )
        ),
    )


def documentation(model: ModelExport) -> str:
    """Return the package's README in Markdown: what goes in, what comes out, terms, data and figures of the card."""
    card, shape = model.card, model.sample.shape
    mean, std = card.input.per_channel(shape[3])
    size = f"multiples of {model.step} px" if model.step else f"{shape[1]} px each"
    lines = [
        f"# {card.name}",
        card.summary,
        f"**{RESEARCH_ONLY}**",
        "## Input",
        f"`{IMAGE}`: {', '.join(_channels(shape[3]))} on 0–255; the sides are {size}. The description scales them by "
        f"mean {_numbers(mean)} and standard deviation {_numbers(std)} of 0–1; the ONNX graph alone expects them "
        f"scaled.",
        _what_is_shown(model),
        "## Output",
        f"`{PROBABILITIES}`: {', '.join(card.classes)}, in this order; they add up to one. What napari-all does "
        f"besides (cutting touching cells, flags for unfamiliar images) is not in this package.",
        "## Validation",
        "The test images are a synthetic smear: they show that the program runs the network rightly, not that it is "
        "right on your images. Compare its result with masks or classes of your own images before you rely on it "
        "(`napari-all evaluate`). Figures that its makers measured:",
        "\n".join(f"- {name}: {value:.4g}" for name, value in card.metrics.items()) or "not stated",
        "## Training data",
        "\n".join(f"- {entry}" for entry in card.data) or "not stated",
        "## Terms",
        card.licence or "not stated",
        "## Back into napari-all",
        f"`napari-all models import` takes this package; it reads `{STEM}.safetensors` and its card.",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def cover(model: ModelExport) -> NDArray[np.uint8]:
    """Return the sample (Y, X, 3), and beside it what the network finds there if it segments."""
    shown = model.sample[0, ..., :3]
    if model.card.task != "segmentation":
        return shown
    found = model.probabilities[0].argmax(axis=0)
    tints = np.array([_COLOURS[i % len(_COLOURS)] for i in range(len(model.card.classes))], np.float32)
    mixed = np.where(found[..., None] > 0, 0.5 * shown + 0.5 * tints[found], shown)
    return np.concatenate([shown, mixed.astype(np.uint8)], axis=1)


def _input(spec: Any, folder: Path, model: ModelExport) -> Any:
    count = model.sample.shape[3]
    mean, std = model.card.input.per_channel(count)
    sides: list[Any] = list(model.sample.shape[1:3])
    if model.step:
        least = (2 * _HALO_STEPS + 1) * model.step
        sides = [spec.ParameterizedSize(min=least, step=model.step)] * 2
    as_float = spec.EnsureDtypeDescr(kwargs=spec.EnsureDtypeKwargs(dtype="float32"))
    scale = spec.FixedZeroMeanUnitVarianceDescr(
        kwargs=spec.FixedZeroMeanUnitVarianceAlongAxisKwargs(
            axis=spec.NonBatchAxisId("channel"), mean=[255 * v for v in mean], std=[255 * v for v in std]
        )
    )
    return spec.InputTensorDescr(
        id=spec.TensorId(IMAGE),
        axes=[
            spec.BatchAxis(),
            spec.ChannelAxis(channel_names=[spec.Identifier(name) for name in _channels(count)]),
            *(spec.SpaceInputAxis(id=spec.AxisId(a), size=size) for a, size in zip("yx", sides, strict=True)),
        ],
        test_tensor=spec.FileDescr(source=folder / TEST_INPUT),
        data=spec.IntervalOrRatioDataDescr(type="uint8", range=(0, 255)),
        preprocessing=[as_float, scale, as_float],  # without the last one it would become uint8 again
    )


def _output(spec: Any, folder: Path, model: ModelExport) -> Any:
    axes = [spec.BatchAxis(), spec.ChannelAxis(channel_names=[spec.Identifier(_word(n)) for n in model.card.classes])]
    if model.step:
        axes += [
            spec.SpaceOutputAxisWithHalo(
                id=spec.AxisId(axis),
                size=spec.SizeReference(tensor_id=spec.TensorId(IMAGE), axis_id=spec.AxisId(axis)),
                halo=_HALO_STEPS * model.step,
            )
            for axis in "yx"
        ]
    return spec.OutputTensorDescr(
        id=spec.TensorId(PROBABILITIES),
        axes=axes,
        test_tensor=spec.FileDescr(source=folder / TEST_OUTPUT),
        data=spec.IntervalOrRatioDataDescr(type="float32", range=(0, 1)),
    )


def _what_is_shown(model: ModelExport) -> str:
    """Say how an image becomes what the network is shown."""
    extra = model.card.extra
    if model.card.task == "segmentation":
        return (
            f"Resize the image first, so that a typical white cell is {extra['cell_diameter_px']:g} px wide; "
            f"the network knows no other size."
        )
    return (
        f"The image is shown as napari-all's view {extra.get('view', 'balanced+mask')!r} makes it "
        f"(`napari_all.data.views`): colours balanced on the bright background, the scale bar painted over, the white "
        f"cells marked, as the view has it. Without it the predicted subtype means nothing."
    )


def _name(name: str) -> str:
    """Return a name that the format takes: 5 to 128 letters, digits and `_+- ()`."""
    plain = re.sub(r"[^A-Za-z0-9_+\- ()]", "-", name)[:128]
    return plain if len(plain) >= 5 else f"model {plain}"


def _word(name: str) -> str:
    """Return a name as an identifier."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return word if word[:1].isalpha() else f"class_{word}"


def _channels(count: int) -> list[str]:
    images, masks = divmod(count, 3)
    names = [f"{colour}{i + 1 if i else ''}" for i in range(images) for colour in ("red", "green", "blue")]
    return names + ["white_cells", "mask"][:masks]


def _authors(model: ModelExport) -> list[str]:
    """Return who made the weights: the developers those that ship, nobody known the others."""
    bundled = any(m.source == "bundled" and m.sha256 == model.sha256 for m in installed_models()[0])
    return [metadata.metadata("napari-all")["Author"]] if bundled else []


def _citations(model: ModelExport) -> Iterator[tuple[str, str]]:
    yield METHOD
    for entry in model.card.data:
        yield from ((entry, doi) for doi in _DOI.findall(entry))


def _tags(model: ModelExport) -> list[str]:
    parts = [_word(name).replace("_", "-") for name in model.card.classes if name != "background"]
    kind = {"segmentation": ["semantic-segmentation"], "classification": ["image-classification"]}[model.card.task]
    return ["2d", "brightfield", "blood-smear", "leukemia", "white-blood-cells", "napari-all", *kind, *parts]


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{v:g}" for v in values)
