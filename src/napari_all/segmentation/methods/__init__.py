"""Segmentation methods, one module each; adding a module adds a method everywhere."""

from napari_all.registry import Registry
from napari_all.segmentation.method import SegmentationMethod

METHODS: Registry[SegmentationMethod] = Registry("segmentation method", __name__, SegmentationMethod)
