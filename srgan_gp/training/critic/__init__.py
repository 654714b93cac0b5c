"""The critic's part of a run: objective, augmentation, freezing, diagnostics.

The losses are in `srgan_gp.losses`, the architectures in `srgan_gp.networks`.
"""
