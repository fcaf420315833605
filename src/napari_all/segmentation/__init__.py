"""Segmentation: methods, cleaning, measurements, edits; arrays in, arrays out."""
