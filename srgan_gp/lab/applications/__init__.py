"""Small applications of WGAN-GP that papers name, one module each, run by `scripts/lab.py`.

Each module has a function `run`, which trains and returns the results as Markdown. The toy
experiments are in `srgan_gp.lab`.
"""
