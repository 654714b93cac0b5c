"""Encoders and decoders of still formats: PNG, TIFF, AVIF, 16-bit colour, row-wise writing.

`images.formats` lists the formats; animations are in `images.animation`.
"""
