"""Encoders and decoders of still images: PNG, TIFF, JPEG, WebP, BMP, AVIF, 16-bit colour.

PNG and TIFF are written row by row by own code, because Pillow needs the whole image in memory and
cannot write 16-bit colour. The table of formats is `images.formats`, animations are in
`images.animation`.
"""
