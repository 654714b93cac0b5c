"""Losses as functions of tensors: adversarial, gradient penalties, pixel, perceptual, equivariance.

Measures that nothing is trained on are in `srgan_gp.metrics`.
"""
