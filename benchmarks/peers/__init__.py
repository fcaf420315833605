"""What a person would otherwise use, each in its usual form; measured by `segmentation_quality.py` beside our methods.

A peer is a function from an (Y, X, 3) uint8 RGB image to a (Y, X) uint8 classes map (0 background, 1 cytoplasm,
2 nucleus or whole cell) as the peer itself gives it, without any cleaning.
"""
