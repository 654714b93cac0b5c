"""Facts about an installation, for `srgan-gp doctor` and bug reports: packages, devices, models.

The code that chooses a device and runs a model is in `srgan_gp.inference`.
"""
