"""`UpscaleReport`: device, precision, tiles and time of one call."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UpscaleReport:
    """What happened in one call."""

    model: str
    fidelity: float | None
    """Share of the fidelity partner in the weights; None where none was asked for."""
    provider: str
    """ONNX Runtime's name of what the model ran on."""
    device: str
    precision: str
    scale: float
    """Enlargement of the result."""
    network_scale: int
    """Enlargement by the network; where it is not `scale`, Lanczos resampling did the rest."""
    tiles: int
    """Runs of the network, over colours and alpha."""
    window: tuple[int, int]
    """Height and width of the largest of them, in input pixels."""
    seconds: float
    warnings: tuple[str, ...]
