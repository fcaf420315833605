"""Weights that ship with the package: one `.safetensors` and one `.json` card per model."""
