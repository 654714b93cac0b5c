"""Networks of the toy experiments: multilayer perceptrons and deep residual ones.

Generators map latents to points in the plane, critics map points to scores. The critic's
normalisation is layer norm, spectral norm or none. Batch norm is refused in a critic: it couples
the samples of a batch, and a gradient penalty needs each score to depend on its own sample alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from srgan_gp.errors import UsageError
from srgan_gp.networks import reject_batch_norm

NORMS = ("none", "layer", "spectral")
"""Normalisations: none, layer norm after each hidden linear layer, spectral norm of all weights."""


class Perceptron(nn.Module):
    """Fully connected ReLU network: (B, inputs) -> (B, outputs), or (B,) for one output.

    Args:
        inputs: number of values of a sample.
        outputs: number of values of a result.
        width: units of each hidden layer.
        depth: number of hidden layers.
        norm: one of `NORMS`.

    Raises:
        UsageError: `norm` is unknown.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, depth: int, norm: str = "none"
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        input_width = inputs
        for _ in range(depth):
            layers += [_linear(input_width, width, norm), *_norm_layers(width, norm), nn.ReLU()]
            input_width = width
        self.layers = nn.Sequential(*layers, _linear(input_width, outputs, norm))

    def forward(self, values: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs), or to (B,) for one output."""
        result = self.layers(values)
        return result.squeeze(1) if result.shape[1] == 1 else result


class ResidualPerceptron(nn.Module):
    """Deep residual network with blocks x + linear(relu(linear(relu(x)))).

    With 50 blocks it has 101 hidden layers, as the deepest network of the WGAN-GP paper, table 1.
    The last layer of each block starts with small weights, so that the blocks start near the
    identity.

    Args:
        inputs: number of values of a sample.
        outputs: number of values of a result.
        width: units of each hidden layer.
        blocks: number of residual blocks.
        norm: one of `NORMS`.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, blocks: int, norm: str = "none"
    ) -> None:
        super().__init__()
        self.first = _linear(inputs, width, norm)
        self.blocks = nn.ModuleList()
        for _ in range(blocks):
            last = nn.Linear(width, width)
            with torch.no_grad():
                last.weight.mul_(blocks**-0.5)  # so that the sum over all blocks is not large
            last = spectral_norm(last) if norm == "spectral" else last
            first = [nn.ReLU(), _linear(width, width, norm), *_norm_layers(width, norm)]
            self.blocks.append(nn.Sequential(*first, nn.ReLU(), last))
        self.last = _linear(width, outputs, norm)

    def forward(self, values: Tensor) -> Tensor:
        """Map (B, inputs) to (B, outputs), or to (B,) for one output."""
        features = self.first(values)
        for block in self.blocks:
            features = features + block(features)
        result = self.last(features.relu())
        return result.squeeze(1) if result.shape[1] == 1 else result


def build_toy_critic(width: int, depth: int, norm: str, *, is_residual: bool = False) -> nn.Module:
    """Build a critic of points in the plane: (B, 2) -> scores (B,).

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers, or of residual blocks.
        norm: normalisation, one of `NORMS`.
        is_residual: whether the critic is a `ResidualPerceptron`, not a `Perceptron`.

    Raises:
        UsageError: `norm` is unknown, or "batch".
    """
    network_class = ResidualPerceptron if is_residual else Perceptron
    critic = network_class(2, 1, width, depth, norm)  # from x and y to a score
    reject_batch_norm(critic)  # the check of all critics; its message has the reason
    return critic


def _linear(inputs: int, outputs: int, norm: str) -> nn.Module:
    """Build a linear layer, with spectral norm if that is `norm`."""
    layer = nn.Linear(inputs, outputs)
    return spectral_norm(layer) if norm == "spectral" else layer


def _norm_layers(width: int, norm: str) -> list[nn.Module]:
    """Return the normalisation that follows a linear layer, in a list; empty if there is none.

    Spectral norm is not among them: it changes the weights of the linear layer, in `_linear`.

    Raises:
        UsageError: `norm` is unknown.
    """
    if norm == "batch":  # not in `NORMS`: it is built only for `build_toy_critic` to refuse it
        return [nn.BatchNorm1d(width)]
    if norm not in NORMS:
        raise UsageError(f"Unknown norm {norm!r}; choose one of {', '.join(NORMS)}.")
    return [nn.LayerNorm(width)] if norm == "layer" else []
