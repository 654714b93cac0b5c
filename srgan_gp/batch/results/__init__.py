"""What a run keeps in its output folder: journal, lock, and the forecast of disk space.

Files are written by `srgan_gp.system.files`.
"""
