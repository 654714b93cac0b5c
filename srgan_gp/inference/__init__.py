"""Running models: numpy and ONNX Runtime, never PyTorch."""
