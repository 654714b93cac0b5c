"""Is a WGAN-GP run well? Numbers that no loss shows."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.training.tasks import Batch


def gradient_ratio(output: Tensor, adversarial: Tensor, pixel: Tensor) -> Tensor:
    """How hard the critic pulls at the output, relative to the pixel loss: the measured r.

    With a critic of slope 1 and the mean absolute difference as pixel loss it is the ratio that
    was asked for.

    Args:
        output: of the generator, with a graph.
        adversarial: weighted adversarial loss, a scalar.
        pixel: the pixel loss, a scalar.

    Returns:
        Ratio of the two gradients' norms over the batch, a float32 scalar.
    """
    norms = [
        torch.autograd.grad(loss, output, retain_graph=True)[0].float().norm()
        for loss in (adversarial, pixel)
    ]
    return norms[0] / norms[1].clamp_min(1e-12)


@torch.no_grad()
def diversity(output: Tensor, target: Tensor) -> Tensor:
    """Deviation of fine detail over a batch, relative to real pictures: 1 is as rich as nature.

    Detail is a picture minus its 3x3 mean; the deviation is taken over the batch at each place,
    then averaged. Smooth outputs, and outputs that all look alike, are below 1; noisy ones above.

    Args:
        output: (B, 3, H, W), B at least 2.
        target: real pictures of the same shape.

    Returns:
        A float32 scalar.
    """
    spreads = [_detail(images.float()).std(dim=0).mean() for images in (output, target)]
    return spreads[0] / spreads[1].clamp_min(1e-12)


def _detail(images: Tensor) -> Tensor:
    # Zeros around a picture must not count: its edge would hold its brightness.
    return images - F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


@torch.no_grad()
def critic_estimate(critic: nn.Module, generator: nn.Module, batch: Batch) -> float:
    """Mean score of real minus mean score of generated pictures, on held-out samples.

    A value of congested transport (arXiv:2109.00528), not the Wasserstein distance. It should fall
    as the run goes on; held-out well below training means that the critic learned pictures by heart
    (Gulrajani et al. 2017, figure 5b).
    """
    real = critic(batch.targets, batch.condition)
    fake = critic(generator(batch.inputs), batch.condition)
    return float(real.mean() - fake.mean())
