"""A training run to an ONNX model, its weights and its card: `srgan-gp export`.

The runtime that loads them is `srgan_gp.inference`.
"""
