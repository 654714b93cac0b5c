"""Scores of a model on a validation set: `srgan-gp evaluate`.

The metrics are in `srgan_gp.metrics`.
"""
