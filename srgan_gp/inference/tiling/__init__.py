"""Tiled inference: tiles, memory estimate, receptive field, and passes over colour and alpha.

The public interface is `inference.upscaler`; one call of it is `inference.upscale_call`.
"""
