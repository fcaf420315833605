"""Our own `torch.nn.Module`s; imported only by the `make` functions of `napari_all.networks.backbones`."""
