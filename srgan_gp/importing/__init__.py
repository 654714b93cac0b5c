"""Import of upscalers of other projects, for `srgan-gp import`: weights, ONNX graph, checks, card.

Models that are used by their path, without an import, are in `srgan_gp.inference.loading`.
"""
