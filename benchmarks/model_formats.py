"""The models that ship, exported: onnxruntime, and bioimage.io's validator and runtime, against the network itself.

python benchmarks/model_formats.py [--images 5] [--runtime PYTHON] [--output docs/results/model_formats.json]

Synthetic smears (no data needed). PYTHON belongs to an environment with bioimageio.core, which asks for an older
pydantic than that of napari-all; without it only onnxruntime and the validator are asked:

    uv venv runtime && uv pip install --python runtime/bin/python "bioimageio.core>=0.11" "pydantic<2.14" onnxruntime

The runtime is given no network: its sockets are closed. Exit code 1 where probabilities differ by more than 1e-4.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from bioimageio.spec import load_model_description
from numpy.typing import NDArray

from napari_all import __version__
from napari_all.data.synthetic import make_smear
from napari_all.files import write_json
from napari_all.networks.model_formats import MODEL_FORMATS, ModelExport
from napari_all.workflows.export_model import prepare_export

TOLERANCE = 1e-4
BLOCK_STEPS = 5
"""Blocks of the runtime are the least size and so many steps more: 160 px."""
MODELS = ("smear-unet", "subtype-cellnet")
RUNTIME = """
import json, socket, sys
def closed(*_, **__): raise OSError("the network was asked")
socket.socket.connect = socket.getaddrinfo = closed
import numpy as np, pydantic
import bioimageio.core, bioimageio.spec
from pathlib import Path
package, folder = sys.argv[1], Path(sys.argv[2])
summary = bioimageio.core.test_model(package)
for path in sorted(folder.glob("in_*.npy")):
    for name, size in (("out", None), ("blocks", BLOCKS)):
        if name == "out" or size is not None:
            sample = bioimageio.core.predict(model=package, inputs=np.load(path), blocksize_parameter=size)
            (output,) = sample.members.values()
            np.save(folder / path.name.replace("in", name), np.asarray(output.data))
versions = {"bioimageio.core": bioimageio.core.__version__, "bioimageio.spec": bioimageio.spec.__version__}
checks = [[detail.name, detail.status] for detail in summary.details]
print(json.dumps({"status": summary.status, "checks": checks, "versions": versions | {"pydantic": pydantic.VERSION}}))
"""


def shown_images(model: ModelExport, count: int) -> list[ModelExport]:
    """Return the model with other examples of what it is shown; a segmenter's are of several sizes."""
    if model.step is None:
        rng = np.random.default_rng(0)
        turned = [np.rot90(model.sample, k % 4, axes=(1, 2)) for k in range(count)]
        noisy = [np.clip(t + rng.normal(0, 4, t.shape), 0, 255).astype(np.uint8) for t in turned]
        return [replace(model, sample=np.ascontiguousarray(image)) for image in noisy]
    sides = [(176 + 16 * seed, 336 - 16 * seed) for seed in range(count)]
    return [replace(model, sample=make_smear(seed, shape, 40.0).rgb[None]) for seed, shape in enumerate(sides)]


def by_onnxruntime(path: Path, images: list[ModelExport]) -> float:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = [session.run(None, {"image": image.scaled})[0] for image in images]
    return largest(found, [image.probabilities for image in images])


def by_runtime(python: Path, package: Path, images: list[ModelExport]) -> dict[str, Any]:
    """Return what the runtime says of the package, and how far its predictions are from the network's own.

    The runtime mirrors an image by the halo, as napari-all mirrors what lies beyond a tile; so does the comparison.
    """
    halo = getattr(load_model_description(package).outputs[0].axes[-1], "halo", 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, image in enumerate(images):
            np.save(folder / f"in_{i:03}.npy", image.sample.transpose(0, 3, 1, 2))
        code = RUNTIME.replace("BLOCKS", str(BLOCK_STEPS if halo else None))
        command = [str(python), "-c", code, str(package), name]
        done = subprocess.run(command, capture_output=True, text=True, cwd=name)
        if done.returncode:
            raise SystemExit(done.stderr)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        found, blocks = ([np.load(path) for path in sorted(folder.glob(f"{n}_*.npy"))] for n in ("out", "blocks"))
    told["max_difference"] = largest(found, [mirrored(image, halo) for image in images])
    if blocks:
        pairs = zip(found, blocks, strict=True)
        told["pixels_of_another_class_in_blocks"] = float(
            np.mean([(a.argmax(1) != b.argmax(1)).mean() for a, b in pairs])
        )
    return told


def mirrored(image: ModelExport, halo: int) -> NDArray[np.float32]:
    widths = ((0, 0), (halo, halo), (halo, halo), (0, 0))
    inner = slice(halo, -halo) if halo else slice(None)
    found = replace(image, sample=np.pad(image.sample, widths, mode="symmetric")).probabilities
    return found[..., inner, inner] if halo else found


def largest(found: list[Any], wanted: list[NDArray[np.float32]]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--runtime", type=Path)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    results: dict[str, Any] = {}
    for name in MODELS:
        model = prepare_export(name)
        images = shown_images(model, args.images)
        with tempfile.TemporaryDirectory() as folder:
            paths = {f: Path(folder) / f"{name}{entry.suffix}" for f, entry in MODEL_FORMATS.items()}
            begin = time.process_time()
            for format_name, path in paths.items():
                MODEL_FORMATS[format_name].write(path, model)  # the validator accepts the package, or this fails
            seconds = time.process_time() - begin
            results[name] = {
                "bytes": {f: path.stat().st_size for f, path in paths.items()},
                "weights_bytes": len(model.weights),
                "export_cpu_seconds": round(seconds, 1),
                "onnxruntime_max_difference": by_onnxruntime(paths["onnx"], images),
                "returns_unchanged": all(MODEL_FORMATS[f].read(p)[0] == model.weights for f, p in paths.items()),
            }
            if args.runtime:
                results[name]["bioimageio_runtime"] = by_runtime(args.runtime, paths["bioimageio"], images)
        print(json.dumps({name: results[name]}, indent=2))
    if args.output:
        libraries = ("torch", "onnx", "onnxscript", "onnxruntime", "bioimageio.spec", "pydantic", "numpy")
        content = {
            "command": f"python benchmarks/model_formats.py --images {args.images} --runtime runtime/bin/python",
            "software": f"napari-all {__version__}",
            "libraries": {library: version(library) for library in libraries},
            "models": results,
        }
        write_json(args.output, content)
    return int(not all(map(good, results.values())))


def good(result: dict[str, Any]) -> bool:
    runtime = result.get("bioimageio_runtime", {"status": "passed", "max_difference": 0.0})
    differences = (result["onnxruntime_max_difference"], runtime["max_difference"])
    return max(differences) <= TOLERANCE and runtime["status"] == "passed" and bool(result["returns_unchanged"])


if __name__ == "__main__":
    sys.exit(main())
