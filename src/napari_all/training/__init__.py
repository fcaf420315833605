"""Training of networks on Lightning; torch is imported by the functions that train, not by this package."""
