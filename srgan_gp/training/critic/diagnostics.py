"""Diagnostics of a WGAN-GP run: critic estimate, overfitting gap, gradient ratio, diversity.

The critic estimate is the mean score of real images minus that of generated ones. `steps` and
`loop` measure the values, `run_log` prints `diagnostics_line`, and `diagnosis` judges a whole log.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.training.critic.critic_freezing import evaluating
from srgan_gp.training.tasks import Batch

MEMORISED_GAP = 0.8
"""From this overfitting gap on, see `critic_gap`, the critic has memorised its training images: it
scores validation images nearly like generated ones. With a smaller limit the warning would come
while the critic still tells the two apart; with a larger one it would come later."""
MIN_STANDARD_ERRORS = 3.0
"""The gap is known only if the critic estimate is more than this number of standard errors from 0.
The gap is a quotient by the estimate: at 3 standard errors its own error is about a third, and
nearer to 0 it can have any value."""
# Titles in `diagnostics_line` by name of the value without `health/`. The norms are named after the
# points at which the penalty takes them: `PenaltyResult.place`.
_TITLES = {
    "interpolate_norm": "gradient norm",
    "real_norm": "gradient norm at real images",
    "fake_norm": "gradient norm at generated images",
    "real_and_fake_norm": "gradient norm at real and generated images",
    "beside_real_norm": "gradient norm beside real images",
    "segment_norm": "slope between real and generated images",
    "adversarial_norm": "slope in the steepest direction",
    "diversity": "diversity",
    "augment_probability": "augmentation",
}
_MIN_DIVISOR = 1e-12  # avoids a division by 0


def critic_gap(training: float, validation: float, error: float) -> float | None:
    """Measure how far a critic has memorised its training images: 0 not at all, 1 completely.

    The gap does not change when the scores are shifted or scaled, which the critic's loss allows.

    Args:
        training: critic estimate on training images.
        validation: the same on validation images, against the same generated images.
        error: standard error of `training`; see `estimate_error`.

    Returns:
        (E D_train - E D_validation) / (E D_train - E D_generated), with D the critic's score.
        0 if the critic scores generated images above training images.
        None if the gap is not known: `training` is at most `MIN_STANDARD_ERRORS` * `error` from 0.

    Source:
        Karras et al. 2020 (ADA), arXiv:2006.06676, equation 1, r_v. The limit by the standard error
        is this project's own.
    """
    if abs(training) <= MIN_STANDARD_ERRORS * error:
        return None
    return (training - validation) / training if training > 0 else 0.0


def estimate_error(real: Tensor, fake: Tensor) -> Tensor:
    """Standard error of the critic estimate mean(real) - mean(fake).

    Args:
        real: scores of B real images, (B,), independent of each other.
        fake: scores of B generated images, (B,).

    Returns:
        A float32 scalar. 0 for B = 1, for which it cannot be estimated.
    """
    # var / (B - 1) with correction 0 is the unbiased variance of a mean, and is not NaN for B = 1.
    variances = [scores.float().var(correction=0) for scores in (real, fake)]
    return (torch.stack(variances).sum() / max(len(real) - 1, 1)).sqrt()


def diagnostics_line(line: Mapping[str, float]) -> str:
    """Summarise the diagnostics of a run with a critic in one line of text.

    Args:
        line: a line of `stats.jsonl`, by name: means of the steps since the previous line, and the
            number of batches `health/validation_batches`.

    Returns:
        Critic estimate on training and validation images, their gap if it is known, norm of the
        critic's gradient where it is penalised, diversity, probability of augmentation, and a
        warning if the critic has memorised its training images. A value that the line lacks is
        omitted. "" for a run without a critic.

    Raises:
        KeyError: the line has `health/validation_estimate`, but not `health/training_estimate`,
            `health/estimate_error` and `health/validation_batches`, which are written with it.
    """
    prefix = "health/"
    values = {
        name.removeprefix(prefix): value for name, value in line.items() if name.startswith(prefix)
    }
    if "critic_estimate" not in values:
        return ""
    gap = None
    if "validation_estimate" in values:
        # Not `critic_estimate`, which is a mean over all batches: validation images are scored on
        # every fourth batch, and the noise of the other batches would not cancel in the gap.
        training, validation = values["training_estimate"], values["validation_estimate"]
        # `estimate_error` is the error of one batch; the estimates are means over several batches.
        error = values["estimate_error"] / math.sqrt(values["validation_batches"])
        gap = critic_gap(training, validation, error)
        shown = "gap unknown: the estimate is too small" if gap is None else f"gap {gap:.2f}"
        parts = [
            f"estimate {training:.3f} on training, {validation:.3f} on validation images ({shown})"
        ]
    else:
        parts = [f"estimate {values['critic_estimate']:.3f} on training images"]
    parts += [f"{title} {values[name]:.2f}" for name, title in _TITLES.items() if name in values]
    if gap is not None and gap >= MEMORISED_GAP:
        parts.append("the critic has memorised its training images")
    return "Critic: " + "; ".join(parts)


def measure_output(
    output: Tensor, targets: Tensor, losses: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Measure a generator's output for the log.

    Args:
        output: (B, 3, H, W), RGB around [0, 1], with a graph.
        targets: real images of the same shape.
        losses: weighted scalar losses of the generator by name, with graphs that lead to `output`.
            `adversarial` is required.

    Returns:
        Float32 scalars: `health/diversity`, if there is more than one image, and
        `health/gradient_ratio`, if there is a loss `pixel`.
    """
    log_values = {"health/diversity": diversity(output, targets)} if len(output) > 1 else {}
    if "pixel" in losses:
        ratio = gradient_ratio(output, losses["adversarial"], losses["pixel"])
        log_values["health/gradient_ratio"] = ratio
    return log_values


def gradient_ratio(output: Tensor, adversarial: Tensor, pixel: Tensor) -> Tensor:
    """Gradient norm of the adversarial loss, relative to that of the pixel loss.

    The option `adversarial_ratio` requests this ratio. The measured ratio equals it if the pixel
    loss is L1 and the critic has a gradient norm of 1.

    Args:
        output: output of the generator, (B, 3, H, W), with a graph.
        adversarial: weighted adversarial loss, a scalar.
        pixel: the pixel loss, a scalar.

    Returns:
        Ratio of the two gradients' norms over the batch, a float32 scalar.
    """
    (adversarial_gradient,) = torch.autograd.grad(adversarial, output, retain_graph=True)
    (pixel_gradient,) = torch.autograd.grad(pixel, output, retain_graph=True)
    pixel_norm = pixel_gradient.float().norm().clamp_min(_MIN_DIVISOR)
    return adversarial_gradient.float().norm() / pixel_norm


@torch.no_grad()
def diversity(output: Tensor, target: Tensor) -> Tensor:
    """Standard deviation of fine detail over a batch, divided by that of real images.

    Detail is an image minus its 3x3 mean; the deviation is taken over the batch at each position,
    then averaged. Smooth outputs and near-identical outputs are below 1; noisy ones above.

    Args:
        output: (B, 3, H, W), B at least 2.
        target: real images of the same shape.

    Returns:
        A float32 scalar.
    """
    deviation = _detail(output.float()).std(dim=0).mean()
    real_deviation = _detail(target.float()).std(dim=0).mean()
    return deviation / real_deviation.clamp_min(_MIN_DIVISOR)


def _detail(images: Tensor) -> Tensor:
    """Subtract the mean of 3x3 pixels."""
    # Zero padding must not count, or the detail at the edge would contain the brightness.
    return images - F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


@torch.no_grad()
def measure_critic_estimate(critic: nn.Module, generator: nn.Module, batch: Batch) -> float:
    """Mean score of real minus mean score of generated images.

    Logged as `validation/critic_estimate`; `health/critic_estimate` is that of training batches.

    The estimate should fall during a run. If it is much lower on validation images than on training
    images, the critic overfits (Gulrajani et al. 2017, figure 5b).

    The estimate is not the Wasserstein distance. The gradient penalty permits slopes other than 1
    at a cost. The optimal critic then solves congested transport, in which moving mass costs more
    where more mass moves (Milne & Nachman 2021, arXiv:2109.00528).

    Args:
        critic: (images, condition) -> (B,) scores.
        generator: inputs of the batch -> images.
        batch: validation samples.
    """
    with evaluating(critic):
        real = critic(batch.targets, batch.condition)
        fake = critic(generator(batch.inputs), batch.condition)
    return float(real.mean() - fake.mean())
