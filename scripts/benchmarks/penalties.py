"""Time of a critic step with each penalty, relative to a step without one.

The slope of the critic is bounded by a penalty on its gradient, or by clipping of its weights;
`losses.lipschitz_baselines.LIPSCHITZ_TERMS` has all of these terms. The functional form of a
penalty computes the gradient with `torch.func`, so that `torch.compile` can compile it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.photo import processor
from benchmarks.timing import in_turns, median
from srgan_gp.losses.adversarial import critic_loss, drift
from srgan_gp.losses.gradient_penalties import PENALTIES, functional_gradient_at
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights
from srgan_gp.networks import build
from srgan_gp.training.device import choose_device, cpu_threads
from srgan_gp.training.options.optimizers import build_optimizer

DRIFT_WEIGHT, PENALTY_WEIGHT = 1e-3, 10.0  # the defaults of `srgan-gp train`
HALF = slice(None, None, 2)  # every second image of a batch
WHOLE = slice(None)
LAZY = 4  # steps of which one has the penalty, for a penalty that is not taken in every step
CLIP_LIMIT = 0.01  # largest absolute weight of a clipped critic, as in the paper of WGAN

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Loss of the critic, called with real and generated images, (B, 3, S, S), positions between them,
(B, 1, 1, 1) in [0, 1], and noise of the shape of the images, which some penalties use."""


def benchmark_penalties(
    batch_size: int, side: int, device: str, threads: int, repeats: int, compiled: bool
) -> dict[str, Any]:
    """Time critic steps in float32 with every bound of the slope, in turns.

    Args:
        batch_size: number of images in a step, at least 2.
        side: height and width of the images in pixels, a power of two from 8 up.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads.
        repeats: number of timed rounds, after a warm-up round.
        compiled: whether to time two compiled steps too: without penalty, and with the functional
            form.

    Returns:
        Median seconds of a step without penalty, and median ratios to it, by the name of the step.
        On a CPU these are CPU times, which other programs change little. The last ratio is the mean
        over `LAZY` steps, of which one has the penalty.
    """
    steps = CriticSteps(batch_size, side, choose_device(device))
    jobs: dict[str, Callable[[], None]] = {
        name: partial(steps.take, steps.build_loss(name), clips=term.clips_weights)
        for name, term in LIPSCHITZ_TERMS.items()
    }
    jobs["wgan_gp on half of the batch"] = partial(steps.take, steps.build_loss("wgan_gp", HALF))
    jobs["wgan_gp in functional form"] = partial(steps.take, steps.build_functional_loss())
    if compiled:
        jobs["none, compiled"] = partial(steps.take, torch.compile(steps.build_loss("none")))
        compiled_loss = torch.compile(steps.build_functional_loss())
        jobs["wgan_gp in functional form, compiled"] = partial(steps.take, compiled_loss)
    clock = time.perf_counter if steps.is_cuda else time.process_time
    with cpu_threads(threads):
        rounds = in_turns(jobs, repeats + 1, clock)[1:]  # without the warm-up
    ratios = {name: median(rounds, name, over="none") for name in jobs if name != "none"}
    lazy = 1 + (ratios["wgan_gp"] - 1) / LAZY
    return {
        "machine": steps.device_name,
        "batch": f"{batch_size} x 3 x {side} x {side}",
        "threads": threads,
        "step_without_penalty_seconds": median(rounds, "none"),
        **ratios,
        f"wgan_gp on every {LAZY}th step, mean of the steps": lazy,
    }


class CriticSteps:
    """Steps of the critic `face_critic` on a fixed batch of noise.

    Args:
        batch_size: number of images.
        side: side of the images in pixels.
        device: device of the critic and the images.
    """

    def __init__(self, batch_size: int, side: int, device: torch.device) -> None:
        torch.manual_seed(0)
        self.is_cuda = device.type == "cuda"
        self.device_name = torch.cuda.get_device_name(device) if self.is_cuda else processor()
        shape = (batch_size, 3, side, side)
        real, fake = torch.rand(shape), torch.rand(shape)
        epsilon, noise = torch.rand(batch_size, 1, 1, 1), torch.rand(shape)
        self.tensors = [tensor.to(device) for tensor in (real, fake, epsilon, noise)]
        self.critic = build("critics", "face_critic", size=side).to(device)
        self.optimizer = build_optimizer("adam", self.critic, 1e-4, beta1=0.0, beta2=0.9)

    def build_loss(self, name: str, part: slice = WHOLE) -> Loss:
        """Return the loss with the penalty `name`, or none, on a part of the batch."""
        term = LIPSCHITZ_TERMS[name]

        def loss(real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor) -> Tensor:
            value = self._scores_loss(real, fake)
            if name == "none":
                return value
            penalty = term(self.critic, real[part], fake[part], epsilon[part], noise[part])
            return value + PENALTY_WEIGHT * penalty.value

        return loss

    def build_functional_loss(self) -> Loss:
        """Return the loss with `wgan_gp` in its functional form."""
        penalty = replace(PENALTIES["wgan_gp"], gradient=functional_gradient_at)

        def loss(real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor) -> Tensor:
            penalty_value = penalty(self.critic, real, fake, epsilon).value
            return self._scores_loss(real, fake) + PENALTY_WEIGHT * penalty_value

        return loss

    def take(self, loss: Loss, *, clips: bool = False) -> None:
        """Take a step of Adam, clip the weights if `clips`, and wait for the device."""
        self.optimizer.zero_grad(set_to_none=True)
        value = loss(*self.tensors)
        value.backward()
        self.optimizer.step()
        if clips:
            clip_weights(self.critic, CLIP_LIMIT)
        if value.is_cuda:
            torch.cuda.synchronize()

    def _scores_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss without penalty: scores and drift term."""
        real_scores = self.critic(real)
        return critic_loss(real_scores, self.critic(fake)) + DRIFT_WEIGHT * drift(real_scores)
