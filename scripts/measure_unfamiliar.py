"""Measure how often the shipped classifier calls an image unfamiliar, or is confident of it, per folder of images.

    python scripts/measure_unfamiliar.py --data ../shared/data --results docs/results/classifier_unfamiliar.json

The Taleqani fields here are the ones the shipped model was trained on: for held-out ones see `classifier_folds.json`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from skimage import data

from napari_all.classification.predictor import load_predictor
from napari_all.data.synthetic import make_smear
from napari_all.files import write_json
from napari_all.io.images import read_image
from napari_all.types import RGBImage

FOLDERS = {
    "Taleqani fields (trained on, every 10th)": ("taleqani-all/Original/*/*.jpg", 10),
    "wbc-zheng dataset 1 (single cells)": ("wbc-zheng/dataset1/images/*", 1),
    "wbc-zheng dataset 2 (single cells)": ("wbc-zheng/dataset2/images/*", 1),
    "other-labs/bccd (fields)": ("other-labs/bccd/images/*", 1),
    "other-labs/attri (fields)": ("other-labs/attri/*.png", 1),
    "other-labs/barcelona-lymphocytes (single cells)": ("other-labs/barcelona-lymphocytes/*.jpg", 1),
    "other-labs/malaria-fields (fields)": ("other-labs/malaria-fields/images/*", 1),
}


PICTURES = ("astronaut", "chelsea", "coffee", "colorwheel", "hubble_deep_field", "retina", "rocket")
"""Colour samples of scikit-image that show no stained tissue."""


def pieces(picture: RGBImage) -> list[RGBImage]:
    """Return a picture and its nine overlapping halves."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    corners = [(y * height // 2, x * width // 2) for y in range(3) for x in range(3)]
    return [picture, *(picture[y : y + height, x : x + width].copy() for y, x in corners)]


def made() -> Iterator[tuple[str, list[RGBImage]]]:
    """Yield images that no smear was photographed for."""
    rng = np.random.default_rng(0)
    yield (
        "scikit-image: colour samples, whole and in pieces",
        [piece for name in PICTURES for piece in pieces(getattr(data, name)())],
    )
    yield "scikit-image: histology (immunohistochemistry), whole and in pieces", pieces(data.immunohistochemistry())
    yield "synthetic smears", [make_smear(seed, (224, 224), 22.0).rgb for seed in range(20)]
    yield "noise", [rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(20)]
    yield "one colour", [np.full((224, 224, 3), grey, np.uint8) for grey in range(5, 256, 25)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", help="name or path (default: the shipped one)")
    parser.add_argument("--results", type=Path, default=Path("docs/results/classifier_unfamiliar.json"))
    options = parser.parse_args(arguments)
    predictor = load_predictor(options.model, "cpu")
    read = (
        (name, [read_image(path)[1] for path in sorted(options.data.glob(pattern))[::every]])
        for name, (pattern, every) in FOLDERS.items()
    )
    table = {}
    for name, images in (*read, *made()):
        found = predictor.predict_batch(images)
        distances = [p.unfamiliarity for p in found]
        table[name] = {
            "images": len(images),
            "unfamiliar": float(np.mean(np.array(distances) > 1.0)),
            "confident": float(np.mean([p.status == "confident" for p in found])),
            "distance_min_median_max": [float(q) for q in np.quantile(distances, (0.0, 0.5, 1.0))],
        }
        print(name, table[name], flush=True)
    write_json(options.results, {"model": predictor.card.name, "folders": table})


if __name__ == "__main__":
    main()
