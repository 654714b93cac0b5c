"""Model files: reading, verifying, metadata, foreign models, mixing two models.

Cards and names of models are in `srgan_gp.models`.
"""
