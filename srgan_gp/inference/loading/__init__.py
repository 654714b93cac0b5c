"""Model files: reading, hash check, metadata, models of other projects, averaging two models.

Model cards and the lookup of a model by name are in `srgan_gp.models`; `inference.session` runs
what is loaded here.
"""
