"""Validation sets of a training run: scores and previews.

Scores of finished models are in `srgan_gp.evaluation`, metrics in `srgan_gp.metrics`.
"""
