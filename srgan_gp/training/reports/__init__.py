"""Parts of a run's reports: time left, preview images, and the meaning of the logged numbers.

`srgan_gp.training.run_log` writes them.
"""
