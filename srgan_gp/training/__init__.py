"""WGAN-GP training: loop, steps, schedules, checkpoints and log.

`train` is in `loop`, algorithm 1 of WGAN-GP in `steps`. Options are in `options`, the critic's
parts and diagnostics in `critic`, tasks in `tasks`, validation sets in `validation`. Losses,
networks, metrics, fine-tuning and export are folders of the package.
"""
