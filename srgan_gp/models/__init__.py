"""Model cards, and the lookup of a model by its name.

`inference.loading` reads the model files themselves.
"""
