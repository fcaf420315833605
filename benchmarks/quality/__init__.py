"""The parts of `segmentation_quality.py`: what is measured on, how, and how it is shown."""
