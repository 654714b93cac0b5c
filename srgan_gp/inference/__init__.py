"""Running models by numpy and ONNX Runtime, never PyTorch: `Upscaler`, `FaceGenerator`.

Tiles are in `tiling`, model files in `loading`; runs over many files are in `srgan_gp.batch`.
"""
