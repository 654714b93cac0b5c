"""Atomic file writes, file locks, path checks, signals and messages for write errors.

Image files are read and written in `images`.
"""
