"""Scores of a finished model on a validation set, for `srgan-gp evaluate` and model cards.

The metrics are in `srgan_gp.metrics`; validation during training is in
`srgan_gp.training.validation`.
"""
