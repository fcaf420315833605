"""Check what a wheel of napari-all holds: everything it needs, and nothing that may not be given away.

python scripts/check_wheel.py dist/napari_all-*.whl
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path, PurePosixPath

WEIGHTS = "napari_all/networks/weights/"
WEIGHTS_LIMIT = 15 * 2**20
TASKS = {"segmentation", "classification"}
NEEDED = ("napari_all/napari.yaml", "napari_all/py.typed", "napari_all/__main__.py")
ENTRY_POINTS = (
    "[console_scripts]\nnapari-all = napari_all.cli:main",
    "[napari.manifest]\nnapari-all = napari_all:napari.yaml",
)
IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".npy", ".npz", ".h5", ".zarr"}
PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib"}


def problems(path: Path) -> list[str]:
    """Return what is wrong with the wheel, in words."""
    with zipfile.ZipFile(path) as wheel:
        sizes = {info.filename: info.file_size for info in wheel.infolist()}
        metadata = next(name for name in sizes if name.endswith(".dist-info/METADATA"))
        information = metadata.rsplit("/", 1)[0]
        found = [f"{name} is missing" for name in NEEDED if name not in sizes]
        if not any(name.startswith(f"{information}/licenses/") for name in sizes):
            found.append("the licence is missing")
        entry_points = wheel.read(f"{information}/entry_points.txt").decode()
        found += [f"entry point missing: {wanted!r}" for wanted in ENTRY_POINTS if wanted not in entry_points]
        for name in sizes:
            suffix = PurePosixPath(name).suffix.lower()
            if suffix in IMAGES | PICKLES:
                found.append(f"{name} may not be in a wheel (images, masks, pickled weights)")
            if not name.startswith(("napari_all/", f"{information}/")):
                found.append(f"{name} lies outside the package")
        return found + weight_problems(wheel, sizes)


def weight_problems(wheel: zipfile.ZipFile, sizes: dict[str, int]) -> list[str]:
    """Return what is wrong with the bundled weights: each has a card that fits it, and is small enough."""
    found, tasks = [], set()
    for name in sizes:
        if not (name.startswith(WEIGHTS) and name.endswith(".safetensors")):
            continue
        if sizes[name] > WEIGHTS_LIMIT:
            found.append(f"{name} has {sizes[name] / 2**20:.1f} MB; the limit is 15 MB")
        card_name = name.removesuffix(".safetensors") + ".json"
        if card_name not in sizes:
            found.append(f"{name} has no card ({card_name})")
            continue
        card = json.loads(wheel.read(card_name))
        tasks.add(card.get("task"))
        if card.get("sha256") != hashlib.sha256(wheel.read(name)).hexdigest():
            found.append(f"{name} does not match the SHA-256 in its card")
        if not card.get("licence"):
            found.append(f"{card_name} states no licence")
    found += [f"no weights for {task} are in the wheel" for task in sorted(TASKS - tasks)]
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    found = problems(path)
    for problem in found:
        print(f"{path.name}: {problem}", file=sys.stderr)
    if not found:
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MB, complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
