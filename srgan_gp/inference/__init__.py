"""Inference with numpy and ONNX Runtime, without PyTorch: `Upscaler`, `FaceGenerator`, `Session`.

Tiled inference is in `tiling`, reading of model files in `loading`. Runs over many files are in
`srgan_gp.batch`, image files in `srgan_gp.images`, model cards in `srgan_gp.models`.
"""
