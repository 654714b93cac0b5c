"""Generator architectures: one module each, with a class `Generator`; critics are in `critics`."""
