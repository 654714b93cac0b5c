"""Small applications of WGAN-GP that papers name, one module each, run by `scripts/lab.py`.

Each has a `run` function that trains on its data and returns its figures as Markdown. The toy
experiments are in `srgan_gp.lab`.
"""
