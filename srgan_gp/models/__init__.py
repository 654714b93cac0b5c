"""Model cards, and the lookup of models by name.

The ONNX files are opened and checked in `inference.loading`.
"""
