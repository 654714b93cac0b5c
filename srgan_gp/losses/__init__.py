"""Losses as functions of tensors: adversarial, gradient penalties, pixel, perceptual, equivariance.

Metrics, which only measure a result, are in `srgan_gp.metrics`.
"""
