"""Tiles, memory estimate, receptive field, and passes over colour and alpha.

`inference.upscaler` is what users call.
"""
