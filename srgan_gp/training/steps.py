"""One step of the critic, one of the generator: forward, backward, Adam."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.losses.adversarial import adversarial_weight, generator_loss
from srgan_gp.losses.shift_equivariance import shift_equivariance
from srgan_gp.training.adversary import critic_objective, frozen, ramped_ratio
from srgan_gp.training.augmenting import Augmenter
from srgan_gp.training.checkpoint import TrainingState
from srgan_gp.training.config import TrainConfig
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


def critic_step(run: Run, batch: Batch, output: Tensor) -> dict[str, Tensor]:
    """Move the critic by one step of Adam; return what is worth a note."""
    critic, optimizer = run.state.critic, run.state.critic_optimizer
    assert critic and optimizer
    shown, fake = run.augmenter.real(batch), run.augmenter.fake(output, batch)
    with run.autocast:
        loss, notes = critic_objective(critic, shown, fake, run.config)
        notes |= run.augmenter.look(critic, notes)
    notes["health/critic_gradient_norm"] = _backward(run, critic, loss, batch)
    _set_rate(optimizer, run.config.critic_learning_rate)
    optimizer.step()
    return notes


def generator_step(
    run: Run, batch: Batch, output: Tensor, *, is_watched: bool
) -> dict[str, Tensor]:
    """Move the generator by one step of Adam, and its average; return what is worth a note.

    Args:
        run: holds the networks.
        batch: what the output should be like.
        output: of the generator, with a graph.
        is_watched: whether to measure what the critic does, which costs two more backward passes
            through the losses.
    """
    config, state = run.config, run.state
    with run.autocast:
        losses = run.task.content_losses(output, batch)
        if batch.shifted:
            again = state.generator(batch.shifted.inputs)
            distance = shift_equivariance(output, again, batch.shifted.rows, batch.shifted.columns)
            losses["equivariance"] = config.equivariance_weight * distance
        if state.critic:
            ratio = ramped_ratio(config, state.progress.images_seen)
            with frozen(state.critic):
                scores = state.critic(run.augmenter.fake(output, batch), batch.condition)
            weight = adversarial_weight(ratio, batch.targets[0].numel())
            losses["adversarial"] = weight * generator_loss(scores)
    loss = torch.stack(list(losses.values())).sum()
    notes = {f"loss/{name}": value.detach() for name, value in losses.items()}
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


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the generator's step after `images_seen` images: linear warm-up times a cosine.

    The warm-up begins with the generator's first step: after that of the critic, if there is one.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    waited = config.critic_warmup_images if config.has_critic else 0
    trained_on = images_seen - waited + config.batch_size
    warmup = min(1.0, trained_on / max(config.warmup_images, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * cosine)


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
