"""Decoder processes: images of clients are decoded with limited memory and time.

The image formats are in `srgan_gp.images`; the jobs in `serving.jobs`.
"""
