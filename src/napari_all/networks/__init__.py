"""Networks: checkpoints, devices, backbones and the weights that ship with the package."""
