"""PyTorch training: configuration, loop, checkpoints, metrics, export."""
