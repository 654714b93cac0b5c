"""Runs over many files: `run` starts one, `one_image` upscales one image.

Inputs, names, engines and results have folders of their own; faces are in `srgan_gp.faces`.
"""
