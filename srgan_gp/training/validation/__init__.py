"""Validation sets of a run: what it is scored and previewed on.

Scores are in `srgan_gp.evaluation`, metrics in `srgan_gp.metrics`.
"""
