"""Options of a training run: fields with help and range, presets, command-line options.

The command `srgan-gp train` is in `srgan_gp.commands.train`.
"""
