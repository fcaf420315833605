"""Threshold -> mask array at 2048x2048, against scikit-image and bare OpenCV, interleaved in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from skimage.color import rgb2hsv

from napari_all.data.synthetic import make_smear
from napari_all.segmentation.methods import METHODS
from napari_all.segmentation.methods.hsv import HsvSettings, threshold_hsv

ROUNDS = 15
FIXED = HsvSettings(automatic=False, hue_low=120, hue_high=133, saturation_low=44)


def with_skimage(rgb: np.ndarray) -> np.ndarray:
    hsv = rgb2hsv(rgb)
    return (hsv[..., 0] >= 120 / 180) & (hsv[..., 0] <= 133 / 180) & (hsv[..., 1] >= 44 / 255)


def with_opencv(rgb: np.ndarray) -> np.ndarray:
    return cv2.inRange(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), (120, 44, 0), (133, 255, 255))


def lab(rgb: np.ndarray) -> np.ndarray:
    method = METHODS["lab"]
    return method.preview(rgb, method.presets["default"].settings)


def main() -> None:
    rgb = np.tile(make_smear(0, (512, 512), 40).rgb, (4, 4, 1))
    jobs: dict[str, Callable[[], object]] = {
        "napari-all, fixed limits": lambda: threshold_hsv(rgb, FIXED),
        "napari-all, automatic limits": lambda: threshold_hsv(rgb, HsvSettings()),
        "napari-all, lab, automatic": lambda: lab(rgb),
        "scikit-image rgb2hsv + compare": lambda: with_skimage(rgb),
        "OpenCV cvtColor + inRange": lambda: with_opencv(rgb),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - start)
    ours = statistics.median(times["napari-all, fixed limits"])
    print("| 2048x2048 | median ms | relative to ours, fixed |\n|---|---|---|")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"| {name} | {middle * 1e3:.1f} | {middle / ours:.2f} |")


if __name__ == "__main__":
    main()
