"""Export of a training run: ONNX model, critic weights and card, for `srgan-gp export`.

The runtime that loads the model is `srgan_gp.inference`.
"""
