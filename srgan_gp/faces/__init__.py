"""Requests of `srgan-gp generate`, and the files that it writes.

The network runs in `inference.face_generator`; training on faces is in `training`.
"""
