"""A threshold moved: image -> mask at 2048 x 2048, against scikit-image and bare OpenCV, turn by turn in one run.

    python benchmarks/threshold_speed.py [--rounds 15]

`hsv` with fixed limits is what a slider moves; with automatic limits they are looked for first. `lab` likewise. Medians
of wall and processor time (all threads). No data needed. Writes `docs/results/threshold_speed.json`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from skimage.color import rgb2hsv

from napari_all.data.synthetic import make_smear
from napari_all.files import write_json
from napari_all.segmentation.methods.hsv import HsvSettings, threshold_hsv
from napari_all.segmentation.methods.lab import LabSettings, preview

ROOT = Path(__file__).resolve().parents[1]
FIXED = HsvSettings(automatic=False, hue_low=120, hue_high=133, saturation_low=44)
OURS, SKIMAGE, OPENCV = "hsv, limits given", "scikit-image rgb2hsv + compare", "OpenCV cvtColor + inRange"
OPENCV_LAB = "OpenCV cvtColor (Lab) + compare"


def with_skimage(rgb: np.ndarray) -> np.ndarray:
    hsv = rgb2hsv(rgb)
    return (hsv[..., 0] >= 120 / 180) & (hsv[..., 0] <= 133 / 180) & (hsv[..., 1] >= 44 / 255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    rgb = np.tile(make_smear(0, (512, 512), 40).rgb, (4, 4, 1))
    jobs: dict[str, Callable[[], object]] = {
        OURS: lambda: threshold_hsv(rgb, FIXED),
        OPENCV: lambda: cv2.inRange(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), (120, 44, 0), (133, 255, 255)),
        SKIMAGE: lambda: with_skimage(rgb),
        "hsv, automatic limits": lambda: threshold_hsv(rgb, HsvSettings()),
        "lab, threshold given": lambda: preview(rgb, LabSettings(threshold=15.0)),
        "lab, automatic": lambda: preview(rgb, LabSettings()),
        OPENCV_LAB: lambda: cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[..., 1] > 143,
    }
    for job in jobs.values():  # tables are made and memory is taken before the clock runs
        job()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            wall, processor = time.perf_counter(), time.process_time()
            job()
            times[name].append((time.perf_counter() - wall, time.process_time() - processor))
    middle = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in times.items()}
    rows = {
        name: {"wall_ms": round(wall * 1e3, 1), "processor_ms": round(processor * 1e3, 1)}
        for name, (wall, processor) in middle.items()
    }
    ratios = {
        "scikit-image over ours": [round(s / o, 1) for s, o in zip(middle[SKIMAGE], middle[OURS], strict=True)],
        "ours over OpenCV": [round(o / c, 2) for o, c in zip(middle[OURS], middle[OPENCV], strict=True)],
    }
    write_json(
        ROOT / "docs" / "results" / "threshold_speed.json",
        {
            "command": "python benchmarks/threshold_speed.py",
            "side_px": rgb.shape[0],
            "rounds": rounds,
            "cores": os.cpu_count(),
            "ratios_of_wall_and_processor_time": ratios,
            "rows": rows,
        },
    )
    print("| 2048 x 2048 | wall ms | processor ms |\n|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['wall_ms']} | {row['processor_ms']} |")
    for name, (wall, processor) in ratios.items():
        print(f"{name}: {wall} by wall time, {processor} by processor time")


if __name__ == "__main__":
    main()
