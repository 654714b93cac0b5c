"""Experiments with gradient penalties on toy data, and small applications of WGAN-GP.

`scripts/lab.py` runs them. Training of image networks is in `srgan_gp.training`, the penalties are
in `srgan_gp.losses`.
"""
