"""Algorithm 1 of WGAN-GP: the critic's step and the generator's step on one batch.

`loop.train` calls for each batch `generated_input`, `critic_step` and `generator_step`. Log values
are scalar tensors by name; `reports.logged_numbers` lists the names. The losses are in
`srgan_gp.losses`. A critic may consist of parts that score different views of an image, see
`critic.critic_parts`. A condition is the LR image that a critic compares with an image, or None.
In formulas D is the critic's score of an image, and E a batch's mean.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.losses.adversarial import ADVERSARIAL_LOSSES, adversarial_weight, drift
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights
from srgan_gp.losses.shift_equivariance import shift_equivariance
from srgan_gp.training.checkpoint import TrainingState
from srgan_gp.training.critic.adaptive_augmentation import Augmenter
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.critic.critic_log_values import CriticLogValues
from srgan_gp.training.critic.critic_parts import (
    CriticInput,
    balanced_loss,
    critic_input,
    draw_shift,
    parts_of,
)
from srgan_gp.training.critic.critic_penalty import is_penalised, part_penalty
from srgan_gp.training.critic.diagnostics import measure_output
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.schedules import critic_learning_rate, learning_rate, ramped_ratio
from srgan_gp.training.tasks import Batch, Task


@dataclass(frozen=True)
class Run:
    """The objects that the steps of a run share.

    Attributes:
        config: options of the run.
        task: builds batches and computes content losses.
        state: networks, optimizers and numbers of the run.
        processes: processes that share each batch.
        autocast: context in which networks run, in the precision of the run.
        augmenter: augments the critic's images.
    """

    config: TrainConfig
    task: Task
    state: TrainingState
    processes: Processes
    autocast: torch.autocast
    augmenter: Augmenter


def generated_input(run: Run, batch: Batch, output: Tensor) -> CriticInput | None:
    """Augment the generator's output, (B, 3, H, W), and compute the view of each critic part.

    `critic_step` detaches the views, `generator_step` does not. None: the run has no critic.
    """
    critic = run.state.critic
    if critic is None:
        return None
    shift = _draw_window_shift(run, critic)
    return critic_input(critic, run.augmenter.augment_fake(output, batch), shift)


def critic_step(run: Run, batch: Batch, generated: CriticInput) -> dict[str, Tensor]:
    """Minimise E D(fake) - E D(real) + drift + penalty by one step of the optimizer.

    The options can replace the first two terms by another of `ADVERSARIAL_LOSSES`. The drift term
    keeps the scores near 0. The parts of a critic share no parameter, so the sum of their losses
    trains each one by itself.

    To save time, the penalty is a mean over every `penalty_every`-th sample only, and is added on
    every `penalty_interval`-th step only, with `penalty_interval` times its weight; its expectation
    stays the same. It is a function of the score's gradient with respect to the view, not to the
    image, so that augmentation and feature network are not differentiated twice.

    Args:
        run: the run; its critic is trained.
        batch: real images and condition.
        generated: generated images of the batch, from `generated_input`.

    Returns:
        Log values `health/...` and `critic/...`.

    Raises:
        TrainingError: the loss or the gradient is not finite; the weights are unchanged.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, lines 4 to 9.
    """
    config, critic = run.config, run.state.critic
    assert critic  # without one, `generated_input` returns None
    adversarial = ADVERSARIAL_LOSSES[config.adversarial_loss]
    condition, images_seen = batch.condition, run.state.progress.images_seen
    losses, values_of_parts = [], CriticLogValues()
    with run.autocast:
        real_input = _real_input(run, batch)
        for name, part in parts_of(critic).items():
            real, fake = real_input.views[name], generated.views[name].detach()
            real_scores, fake_scores = part(real, condition), part(fake, condition)
            scores_loss = adversarial.critic(real_scores, fake_scores)
            penalty = None
            loss = scores_loss + config.drift_weight * drift(real_scores)
            if is_penalised(config, images_seen):
                penalty = part_penalty(config, batch, part, real, fake)
                weight = config.penalty_weight * config.penalty_interval
                loss = loss + weight * penalty.value
            losses.append(loss)
            values_of_parts.add(name, real_scores.detach(), fake_scores.detach(), penalty)
        log_values = values_of_parts.collect()
        log_values |= run.augmenter.update_probability(critic, log_values)  # scores for the log
    rate = critic_learning_rate(config, images_seen)
    norm = _take_step(run, batch, critic, torch.stack(losses).sum(), rate)
    if LIPSCHITZ_TERMS[config.penalty].clips_weights:
        clip_weights(critic, config.clip_limit)
    return log_values | {"health/critic_gradient_norm": norm}


def generator_step(
    run: Run, batch: Batch, output: Tensor, generated: CriticInput | None, *, is_measured: bool
) -> dict[str, Tensor]:
    """Minimise content losses minus E D(fake) by one step; update the weights' moving average.

    The options can replace -E D(fake) by the generator's loss of another of `ADVERSARIAL_LOSSES`.

    Args:
        run: the run; its generator is trained.
        batch: batch from which `output` was generated.
        output: output of the generator, (B, 3, H, W), with a graph.
        generated: the result of `generated_input`, with a graph to `output`.
        is_measured: whether to measure, by `measure_output`, the diversity and the ratio of the
            adversarial to the pixel loss's gradient, which takes two more backward passes, and to
            log the requested ratio beside it. Only a run with a critic is measured.

    Returns:
        Log values: `loss`, `loss/...`, `gradient_norm`, `learning_rate`, `adversarial/...`; if
        measured, also `health/...`.

    Raises:
        TrainingError: the loss or the gradient is not finite; the weights are unchanged.

    Source:
        As for `critic_step`, lines 11 and 12.
    """
    config, state = run.config, run.state
    requested_ratio = ramped_ratio(config, state.progress.images_seen)  # of gradient norms
    log_values: dict[str, Tensor] = {}
    with run.autocast:
        losses = run.task.content_losses(output, batch)
        if moved := batch.shifted:  # the inputs moved by some rows and columns
            moved_output = state.generator(moved.inputs)
            distance = shift_equivariance(output, moved_output, moved.rows, moved.columns)
            losses["equivariance"] = config.equivariance_weight * distance
        if state.critic and generated:  # `generated` is None exactly if there is no critic
            with frozen(state.critic):
                losses_of_parts = _generator_losses(run, batch, generated)
                # A weighted sum over the parts; of a single part its loss.
                adversarial_value, log_values = balanced_loss(
                    losses_of_parts, generated.images, config, run.processes
                )
            # Assumes slope 1 of the critic; the L1 loss's gradient has the norm 1 / sqrt(values).
            weight = adversarial_weight(requested_ratio, batch.targets[0].numel())
            losses["adversarial"] = weight * adversarial_value
    log_values |= {f"loss/{name}": value.detach() for name, value in losses.items()}
    if state.critic and is_measured:
        log_values["health/adversarial_ratio"] = torch.tensor(requested_ratio)
        log_values |= measure_output(output, batch.targets, losses)
    loss = torch.stack(list(losses.values())).sum()
    rate = learning_rate(config, state.progress.images_seen)
    norm = _take_step(run, batch, state.generator, loss, rate)
    state.progress.step += 1
    state.average.update(state.generator, state.progress.step)
    log_values["learning_rate"] = torch.tensor(rate, dtype=torch.float64)
    return log_values | {"loss": loss.detach(), "gradient_norm": norm}


def _generator_losses(run: Run, batch: Batch, generated: CriticInput) -> dict[str, Tensor]:
    """Return the adversarial loss of the generator, a scalar by name of the critic's part."""
    critic, adversarial = run.state.critic, ADVERSARIAL_LOSSES[run.config.adversarial_loss]
    assert critic  # checked by the caller
    # Only a paired loss compares with the scores of real images.
    real_input = _real_input(run, batch) if adversarial.is_paired else None
    losses = {}
    for name, part in parts_of(critic).items():
        fake_scores = part(generated.views[name], batch.condition)
        real_scores = fake_scores  # ignored by a loss that is not paired
        if real_input:
            with torch.no_grad():
                real_scores = part(real_input.views[name], batch.condition)
        losses[name] = adversarial.generator(fake_scores, real_scores)
    return losses


@torch.no_grad()
def _real_input(run: Run, batch: Batch) -> CriticInput:
    """Return the batch's real images as the critic scores them: augmented, in views.

    The condition is not augmented: `Augmenter` refuses augmentations with a conditional critic.
    """
    critic = run.state.critic
    assert critic  # checked by the callers
    shift = _draw_window_shift(run, critic)
    return critic_input(critic, run.augmenter.augment_real(batch).targets, shift)


def _draw_window_shift(run: Run, critic: nn.Module) -> tuple[int, int]:
    """Return the shift, the same for a batch, of the window that feature maps are computed from."""
    return draw_shift(critic, run.config, run.state.progress.images_seen)


def _take_step(run: Run, batch: Batch, network: nn.Module, loss: Tensor, rate: float) -> Tensor:
    """Compute gradients, average them over the processes, and take a step of the optimizer.

    Args:
        run: the run.
        batch: batch of the step, for the error message.
        network: generator or critic of the run.
        loss: scalar loss of this process.
        rate: learning rate of the step.

    Returns:
        L2 norm of the averaged gradient over all parameters, a scalar. If it or the loss is not
        finite, a TrainingError is raised, and the weights are unchanged.
    """
    is_critic = network is run.state.critic
    optimizer = run.state.critic_optimizer if is_critic else run.state.optimizer
    assert optimizer  # the critic's is set whenever the critic is
    network.zero_grad(set_to_none=True)
    loss.backward()
    run.processes.average_gradients(network)
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if not torch.isfinite(loss + norm):  # one check, because each waits for the device
        raise TrainingError(
            f"After {run.state.progress.images_seen} images the "
            f"{'critic' if is_critic else 'generator'} has a loss of {loss.item()} and a gradient "
            f"norm of {norm.item()}; its weights were not changed. The batch came from: "
            f"{', '.join(run.task.describe(batch))}. Lower "
            f"{'critic_learning_rate' if is_critic else 'learning_rate'} or remove a bad image."
        )
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return norm
