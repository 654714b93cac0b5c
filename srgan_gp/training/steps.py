"""One step of the critic, one of the generator: forward, backward, Adam."""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.losses.adversarial import adversarial_weight, critic_loss, drift, generator_loss
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.losses.shift_equivariance import shift_equivariance
from srgan_gp.training.adversary import (
    Shown,
    balanced,
    draw_epsilon,
    draw_shift,
    frozen,
    parts_of,
    ramped_ratio,
    show,
)
from srgan_gp.training.augmenting import Augmenter
from srgan_gp.training.checkpoint import TrainingState
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.critic_notes import CriticNotes
from srgan_gp.training.health import diversity, gradient_ratio
from srgan_gp.training.processes import Processes
from srgan_gp.training.tasks import Batch, Task


@dataclass(frozen=True)
class Run:
    """What the steps of a run share."""

    config: TrainConfig
    task: Task
    state: TrainingState
    processes: Processes
    autocast: torch.autocast
    augmenter: Augmenter


def show_generated(run: Run, batch: Batch, output: Tensor) -> Shown | None:
    """Augment the generator's images and compute what the critic scores; None without a critic.

    Both steps use the result: the critic without, the generator with its graph.
    """
    critic = run.state.critic
    if critic is None:
        return None
    return show(critic, run.augmenter.fake(output, batch), _shift(run, critic))


def critic_step(run: Run, batch: Batch, generated: Shown) -> dict[str, Tensor]:
    """Move the critic by one step of Adam; return what is worth a note.

    A critic of several parts gets the sum of their losses; the parts share no parameter, and
    Adam's step does not depend on a loss's scale, so that each learns as if it were alone. The
    penalty is taken on every `penalty_every`-th sample: a part of the batch has the same mean and a
    part of the cost. Its gradient is taken at what the part sees: neither augmentation nor feature
    network is differentiated for it.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, lines 4 to 9.
    """
    config, critic, optimizer = run.config, run.state.critic, run.state.critic_optimizer
    assert critic and optimizer
    some = slice(None, None, config.penalty_every)
    condition = batch.condition
    condition_of_some = None if condition is None else condition[some]
    epsilon = draw_epsilon(config.seed, batch.numbers[some]).to(generated.images)
    notes = CriticNotes()
    losses = []
    with run.autocast:
        with torch.no_grad():
            shown = show(critic, run.augmenter.real(batch).targets, _shift(run, critic))
        for name, part in parts_of(critic).items():
            real, fake = shown.views[name], generated.views[name].detach()
            real_scores, fake_scores = part(real, condition), part(fake, condition)
            penalty = PENALTIES[config.penalty](
                partial(part, condition=condition_of_some), real[some], fake[some], epsilon
            )
            losses.append(
                critic_loss(real_scores, fake_scores)
                + config.drift_weight * drift(real_scores)
                + config.penalty_weight * penalty.value
            )
            notes.add(name, real_scores.detach(), fake_scores.detach(), penalty)
        found = notes.collect()
        found |= run.augmenter.look(critic, found)
    loss = torch.stack(losses).sum()
    found["health/critic_gradient_norm"] = _backward(run, critic, loss, batch)
    _set_rate(optimizer, critic_learning_rate(config, run.state.progress.images_seen))
    optimizer.step()
    return found


def generator_step(
    run: Run, batch: Batch, output: Tensor, generated: Shown | None, *, is_watched: bool
) -> dict[str, Tensor]:
    """Move the generator by one step of Adam, and its average; return what is worth a note.

    Args:
        run: holds the networks.
        batch: what the output should be like.
        output: of the generator, with a graph.
        generated: the same as the critic is shown it, with a graph; None without a critic.
        is_watched: whether to measure what the critic does, which costs two more backward passes
            through the losses.
    """
    config, state = run.config, run.state
    notes: dict[str, Tensor] = {}
    with run.autocast:
        losses = run.task.content_losses(output, batch)
        if batch.shifted:
            again = state.generator(batch.shifted.inputs)
            distance = shift_equivariance(output, again, batch.shifted.rows, batch.shifted.columns)
            losses["equivariance"] = config.equivariance_weight * distance
        if state.critic and generated:
            ratio = ramped_ratio(config, state.progress.images_seen)
            weight = adversarial_weight(ratio, batch.targets[0].numel())
            adversarial, notes = _adversarial_loss(run, batch, state.critic, generated)
            losses["adversarial"] = weight * adversarial
    loss = torch.stack(list(losses.values())).sum()
    notes |= {f"loss/{name}": value.detach() for name, value in losses.items()}
    if state.critic and is_watched:
        notes |= _health(run, batch, output, losses)
    gradient_norm = _backward(run, state.generator, loss, batch)
    rate = learning_rate(config, state.progress.images_seen)
    _set_rate(state.optimizer, rate)
    notes["learning_rate"] = torch.tensor(rate, dtype=torch.float64)
    state.optimizer.step()
    state.progress.step += 1
    state.average.update(state.generator, state.progress.step)
    return notes | {"loss": loss.detach(), "gradient_norm": gradient_norm}


def _adversarial_loss(
    run: Run, batch: Batch, critic: nn.Module, generated: Shown
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the generator by the critic's scores, before its weight; and what to note of it."""
    with frozen(critic):
        losses = {
            name: generator_loss(part(generated.views[name], batch.condition))
            for name, part in parts_of(critic).items()
        }
        if len(losses) == 1:
            return losses["image"], {}
        return balanced(losses, generated.images, run.config.feature_ratio, run.processes)


def _shift(run: Run, critic: nn.Module) -> tuple[int, int]:
    return draw_shift(critic, run.config, run.state.progress.images_seen)


def _health(run: Run, batch: Batch, output: Tensor, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Measure what the critic does to the output; what a batch cannot show is left out."""
    asked_for = ramped_ratio(run.config, run.state.progress.images_seen)
    notes = {"health/adversarial_ratio": torch.tensor(asked_for)}
    if len(output) > 1:
        notes["health/diversity"] = diversity(output, batch.targets)
    if "pixel" in losses:
        ratio = gradient_ratio(output, losses["adversarial"], losses["pixel"])
        notes["health/gradient_ratio"] = ratio
    return notes


def critic_learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the critic's step: constant, or the generator's cosine to its own final rate."""
    final = config.critic_final_learning_rate
    if final is None:
        return config.critic_learning_rate
    return final + (config.critic_learning_rate - final) * _cosine(config, images_seen)


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the generator's step after `images_seen` images: linear warm-up times a cosine.

    The warm-up begins with the generator's first step: after that of the critic, if there is one.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    waited = config.critic_warmup_images if config.has_critic else 0
    trained_on = images_seen - waited + config.batch_size
    warmup = min(1.0, trained_on / max(config.warmup_images, 1))
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * _cosine(config, images_seen))


def _cosine(config: TrainConfig, images_seen: int) -> float:
    """Fall from 1 to 0 over the run's images."""
    return 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _backward(run: Run, network: nn.Module, loss: Tensor, batch: Batch) -> Tensor:
    """Compute gradients, average them over the processes, return their norm.

    Raises:
        TrainingError: loss or norm is not finite; the network's weights are still good.
    """
    network.zero_grad(set_to_none=True)
    loss.backward()
    run.processes.average_gradients(network)
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if not torch.isfinite(loss + norm):  # one question: each waits for the device
        is_critic = network is run.state.critic
        raise TrainingError(
            f"After {run.state.progress.images_seen} images the "
            f"{'critic' if is_critic else 'generator'} has a loss of {loss.item()} and a gradient "
            f"norm of {norm.item()}; its weights were not touched. The batch came from: "
            f"{', '.join(run.task.describe(batch))}. Lower "
            f"{'critic_learning_rate' if is_critic else 'learning_rate'} or remove a bad picture."
        )
    return norm
