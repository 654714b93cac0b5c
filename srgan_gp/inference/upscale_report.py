"""`UpscaleReport`: device, precision, tiles and time of one call of an upscaler."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UpscaleReport:
    """How one image was upscaled."""

    model: str
    fidelity: float | None
    """Weight of the fidelity partner, 0 to 1; None where the model runs as it is."""
    provider: str
    """ONNX Runtime's execution provider."""
    device: str
    """`cpu` or `cuda:N`."""
    precision: str
    scale: float
    """Scale factor of the result."""
    network_scale: int
    """Scale factor of the network; the rest, up to `scale`, is Lanczos resampling."""
    tiles: int
    """Runs of the network, over colour and alpha."""
    window: tuple[int, int]
    """Height and width of the largest input of the network, in pixels."""
    seconds: float
    warnings: tuple[str, ...]
