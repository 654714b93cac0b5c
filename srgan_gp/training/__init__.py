"""The WGAN-GP training loop, its steps, checkpoints and log.

Options are in `options`, the critic's part in `critic`, validation sets in `validation`.
Losses, networks, metrics, fine-tuning and export are folders of the package.
"""
