"""Reading and writing image sequences frame by frame: GIF, APNG, WebP, WebM, pages of TIFF.

Single images are in `images` and `images.codecs`.
"""
