"""Reading and writing animations and multi-page images frame by frame: GIF, APNG, WebP, WebM, TIFF.

GIF, APNG and WebP are encoded by own code, because Pillow rounds frame times and holds all frames
in memory. Single images are in `images` and `images.codecs`; TIFF pages in `codecs.tiff_pages`.
"""
