"""Time of WGAN-GP training steps, with the gradient penalty on different parts of the batch."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from benchmarks.timing import in_turns, median
from srgan_gp.losses.adversarial import adversarial_weight, critic_loss, drift, generator_loss
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.losses.pixel import PIXEL_LOSSES
from srgan_gp.networks import build
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.device import choose_device, cpu_threads, open_autocast

Moved = TypeVar("Moved", Tensor, nn.Module)

SCALE = 4
DRIFT_WEIGHT, PENALTY_WEIGHT = 1e-3, 10.0  # the defaults of `srgan-gp train`
RATIO = 0.3  # gradient norm of the adversarial loss over that of the pixel loss
WHOLE, HALF, QUARTER, NONE = slice(None), slice(None, None, 2), slice(None, None, 4), slice(0, 0)
"""Images of a batch on which the penalty is taken: all, every second or fourth one, none."""


def benchmark_training(
    batch_size: int, side: int, precision: str, device: str, threads: int, repeats: int
) -> dict[str, Any]:
    """Time critic steps without penalty and with it on a part of the batch, in turns.

    Args:
        batch_size: number of images in a step; with fewer than 4, a quarter and a half of the batch
            may be equal.
        side: height and width of the HR crops in pixels, a multiple of `SCALE`.
        precision: bf16 or fp32.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads.
        repeats: number of timed rounds, after a warm-up round.

    Returns:
        Median seconds of the critic step without penalty, and median ratios to it: of critic steps
        with the penalty on a quarter, on half and on all of the batch, of a critic step without
        penalty that scores real and generated images in one pass, and of a generator step.
    """
    torch.manual_seed(0)
    torch_device = choose_device(device)
    steps = Steps(batch_size, side, precision, torch_device)
    jobs = {
        "without": lambda: steps.critic_step(NONE),
        "one pass": lambda: steps.critic_step(NONE, one_pass=True),
        "quarter": lambda: steps.critic_step(QUARTER),
        "half": lambda: steps.critic_step(HALF),
        "whole": lambda: steps.critic_step(WHOLE),
        "generator": steps.generator_step,
    }
    with cpu_threads(threads):
        rounds = in_turns(jobs, repeats + 1)[1:]  # without the warm-up
    is_cuda = torch_device.type == "cuda"
    device_name = torch.cuda.get_device_name(torch_device) if is_cuda else "cpu"
    return {
        "device": device_name,
        "precision": precision,
        "batch": f"{batch_size} x 3 x {side} x {side}",
        "threads": threads,
        "critic_step_without_penalty_seconds": median(rounds, "without"),
        "one_pass_over_without": median(rounds, "one pass", over="without"),
        "penalty_on_quarter_over_without": median(rounds, "quarter", over="without"),
        "penalty_on_half_over_without": median(rounds, "half", over="without"),
        "penalty_on_all_over_without": median(rounds, "whole", over="without"),
        "generator_step_over_critic_step_without": median(rounds, "generator", over="without"),
    }


class Steps:
    """Training steps of the default networks on a fixed batch of noise.

    Args:
        batch_size: number of images.
        side: side of the HR images in pixels.
        precision: bf16 or fp32.
        device: device of the networks and images.

    The critic step omits the pass of the generator, which the penalty does not affect. The
    generator step has a pixel loss and an adversarial loss, but no feature loss.
    """

    def __init__(self, batch_size: int, side: int, precision: str, device: torch.device) -> None:
        noise = torch.Generator().manual_seed(0)
        self.autocast = open_autocast(precision, device)
        self.real = to_device(torch.rand(batch_size, 3, side, side, generator=noise), device)
        small = side // SCALE
        self.low_res = to_device(torch.rand(batch_size, 3, small, small, generator=noise), device)
        self.epsilon = torch.rand(batch_size, 1, 1, 1, generator=noise).to(device)
        critic = build("critics", "resnet_critic", scale=SCALE, conditional=True)
        generator = build("generators", "srresnet", scale=SCALE)
        self.critic, self.generator = to_device(critic, device), to_device(generator, device)
        with torch.no_grad(), self.autocast:
            self.fake = self.generator(self.low_res)
        self.optimizers = {
            network: torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
            for network in (self.critic, self.generator)
        }

    def critic_step(self, part: slice, *, one_pass: bool = False) -> None:
        """Update the critic, with the penalty on a part of the batch.

        Args:
            part: images on which the penalty is taken.
            one_pass: whether real and generated images are one batch of the critic.
        """
        low_res, real, fake = self.low_res[part], self.real[part], self.fake[part]

        def score(images: Tensor) -> Tensor:  # for the LR images of the part
            return self.critic(images, low_res)

        with self.autocast:
            if one_pass:
                images = torch.cat([self.real, self.fake])
                scores = self.critic(images, self.low_res.repeat(2, 1, 1, 1))
                real_scores, fake_scores = scores.chunk(2)
            else:
                real_scores = self.critic(self.real, self.low_res)
                fake_scores = self.critic(self.fake, self.low_res)
            loss = critic_loss(real_scores, fake_scores)
            loss = loss + DRIFT_WEIGHT * drift(real_scores)
            if len(real) > 0:
                penalty = PENALTIES["wgan_gp"](score, real, fake, self.epsilon[part])
                loss = loss + PENALTY_WEIGHT * penalty.value
        self._step(self.critic, loss)

    def generator_step(self) -> None:
        """Update the generator with the pixel loss and the adversarial loss."""
        values_per_image = self.real[0].numel()
        weight = adversarial_weight(RATIO, values_per_image)
        with self.autocast, frozen(self.critic):
            output = self.generator(self.low_res)
            loss = PIXEL_LOSSES["l1"](output, self.real)
            loss = loss + weight * generator_loss(self.critic(output, self.low_res))
        self._step(self.generator, loss)

    def _step(self, network: nn.Module, loss: Tensor) -> None:
        """Take a step of Adam, and synchronise the device."""
        self.optimizers[network].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[network].step()
        if loss.is_cuda:
            torch.cuda.synchronize()


def to_device(value: Moved, device: torch.device) -> Moved:
    """Move a network or images to a device, in the memory layout of training (channels last)."""
    return value.to(device).to(memory_format=torch.channels_last)
