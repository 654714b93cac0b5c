"""The critic of a run: parts and their views of an image, augmentation, freezing, diagnostics.

The critic's step is in `training.steps`, its losses are in `srgan_gp.losses` and its architectures
in `srgan_gp.networks`.
"""
