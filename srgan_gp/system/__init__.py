"""Files, locks, paths and signals: wrappers of the operating system, without images.

Images are read and written in `images`.
"""
