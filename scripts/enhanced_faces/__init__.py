"""Measurement of `upscale --faces`: planted faces, seams, sheets and blind comparisons."""
