"""Measurement of `upscale --faces`: planted faces, seams, sheets and blind comparisons.

`scripts/face_enhancement.py` runs them. A planted face is one that was copied into a photo, so that
its place, size and original are known.
"""
