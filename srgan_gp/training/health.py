"""Is a WGAN-GP run well? Numbers that no loss shows."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.training.tasks import Batch

MEMORISED_GAP = 0.8
"""Gap from which on a critic scores held-out pictures nearly like generated ones."""
KNOWN_FROM = 3.0
"""Standard errors of 0 within which a critic estimate says nothing. At this distance the gap, a
quotient by the estimate, has an error of about a third; nearer it can have any value."""


def critic_gap(training: float, held_out: float, error: float) -> float | None:
    """How far a critic has learned its training pictures by heart: 0 not at all, 1 altogether.

    It does not change when the scores are shifted or scaled: a critic has no zero of its own.

    Args:
        training: critic estimate on training pictures, mean score of real minus generated.
        held_out: likewise on held-out ones, against the same generated pictures.
        error: standard error of `training`; see `estimate_error`.

    Returns:
        (E D_train - E D_held_out) / (E D_train - E D_generated); 0 where the critic scores
        generated above training pictures; None where the estimate lies within `KNOWN_FROM`
        standard errors of 0, so that the gap is not known.

    Source:
        Karras et al. 2020 (ADA), arXiv:2006.06676, equation 1, r_v; the noise floor is ours.
    """
    if abs(training) <= KNOWN_FROM * error:
        return None
    return (training - held_out) / training if training > 0 else 0.0


def estimate_error(real: Tensor, fake: Tensor) -> Tensor:
    """Standard error of the critic estimate mean(real) - mean(fake).

    Args:
        real: scores of B real pictures, (B,), independent of each other.
        fake: scores of B generated ones, (B,).

    Returns:
        A float32 scalar; 0 for one picture, of which no deviation can be told.
    """
    variances = [scores.float().var(correction=0) for scores in (real, fake)]
    return (torch.stack(variances).sum() / max(len(real) - 1, 1)).sqrt()


def health_line(line: Mapping[str, float]) -> str:
    """Say how a run with a critic does, in one line.

    Args:
        line: of `stats.jsonl`, means since the one before; what it lacks is left out.

    Returns:
        Critic estimate on training and held-out pictures, their gap where it is known, norm of the
        critic's gradient where it is penalised, diversity, probability of augmentation, and an
        alarm where the critic has learned its training pictures by heart. Empty without a critic.
    """
    found = {k.removeprefix("health/"): v for k, v in line.items() if k.startswith("health/")}
    if "critic_estimate" not in found:
        return ""
    gap = None
    parts = [f"critic estimate {found['critic_estimate']:.3f}"]
    if "held_out_estimate" in found:
        # The two of a gap are of the same batches, or the noise of the others would be in it.
        training, held_out = found["looked_at_estimate"], found["held_out_estimate"]
        error = found["estimate_error"] / math.sqrt(found["looks"])
        gap = critic_gap(training, held_out, error)
        shown = "too small to tell a gap" if gap is None else f"gap {gap:.2f}"
        parts = [
            f"critic estimate {training:.3f} on training, {held_out:.3f} on held-out pictures "
            f"({shown})"
        ]
    parts += [f"{title} {found[name]:.2f}" for name, title in _SHOWN.items() if name in found]
    if gap is not None and gap >= MEMORISED_GAP:
        parts.append("the critic knows its training pictures by heart")
    return "Health: " + "; ".join(parts)


_SHOWN = {
    "interpolate_norm": "gradient norm",
    "real_norm": "gradient norm at real pictures",
    "fake_norm": "gradient norm at generated pictures",
    "diversity": "diversity",
    "augment_probability": "augmentation",
}


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
