"""Metrics of images and of sets of images: PSNR, SSIM, Fréchet, sliced Wasserstein, diversity.

`srgan_gp.evaluation` applies them to a model; losses are in `srgan_gp.losses`.
"""
