"""Faces from 16 to 64 pixels: the loss of DCGAN, weight clipping and the gradient penalty.

All start from one generator that was trained with the L1 loss, get the same processor time and the
same critic, which has no batch norm. Scores of critics differ in scale, those of a clipped critic a
thousandfold. So the gradient of each adversarial loss at the output is scaled to `RATIO` times that
of the L1 loss.

Source:
    Chen & Tong 2017, "Face Super-Resolution Through Wasserstein GANs", arXiv:1705.02438: the
    comparison, without its networks. Set-up and figures here are this project's own.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.data.resampling import bicubic_enlarge, matlab_bicubic
from srgan_gp.lab.application_images import as_pixels, as_tensor, draw_images, require_data
from srgan_gp.losses.adversarial import ADVERSARIAL_LOSSES
from srgan_gp.losses.features import Features
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights
from srgan_gp.losses.perceptual import feature_distance
from srgan_gp.metrics.psnr_ssim import psnr_y
from srgan_gp.networks import build
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.options.optimizers import build_optimizer

SIDE, SCALE = 64, 4
RATIO = 0.5
CLIP_LIMIT = 0.01
PENALTY_WEIGHT = 10.0
TRAINING_FACES, VALIDATION_FACES = 2000, 200


@dataclass(frozen=True)
class Arm:
    """One of the compared critics.

    Attributes:
        loss: name in `ADVERSARIAL_LOSSES`.
        penalty: name in `LIPSCHITZ_TERMS`.
        optimizer: name in `OPTIMIZERS`.
    """

    loss: str
    penalty: str
    optimizer: str = "adam"


ARMS: dict[str, Arm | None] = {
    "L1 only": None,
    "loss of DCGAN": Arm("non_saturating", "none"),
    "weight clipping": Arm("wasserstein", "weight_clipping", "rmsprop"),
    "gradient penalty": Arm("wasserstein", "wgan_gp"),
}


@dataclass(frozen=True)
class SmallFacesConfig:
    """Options of all arms.

    Attributes:
        seconds: processor time of the L1 training, and again of each arm.
        steps: most steps of each.
        width: channels of the generator.
        critic_width: channels of the critic's first stage.
        blocks: residual blocks of the generator.
        batch_size: faces of a step.
        warmup: share of an arm's time for which only its critic learns.
        learning_rate: rate of all networks.
        seed: of weights and draws.
    """

    seconds: float = 25.0
    steps: int = 1_000_000
    width: int = 16
    critic_width: int = 6
    blocks: int = 4
    batch_size: int = 8
    warmup: float = 0.2
    learning_rate: float = 5e-4
    seed: int = 0


def build_generator(config: SmallFacesConfig) -> nn.Module:
    """Build the generator, with new weights."""
    torch.manual_seed(config.seed)
    return build("generators", "srresnet", scale=SCALE, width=config.width, blocks=config.blocks)


def train(
    generator: nn.Module, arm: Arm | None, faces: Tensor, config: SmallFacesConfig
) -> tuple[nn.Module, int]:
    """Train a copy of a generator until the processor time or the number of steps is used up.

    Args:
        generator: 16 -> 64 pixels; it is not changed.
        arm: the critic; None: the L1 loss alone.
        faces: (N, 3, 64, 64), in [0, 1], 8-bit levels.
        config: options.

    Returns:
        The trained copy, and the number of steps.
    """
    torch.manual_seed(config.seed)
    generator = copy.deepcopy(generator)
    optimizer = build_optimizer("adam", generator, config.learning_rate, 0.9, 0.99)
    critic = _Critic(arm, config) if arm else None
    start, step = time.process_time(), 0
    while (step < config.steps) and (used := time.process_time() - start) < config.seconds:
        real = faces[torch.randint(len(faces), (config.batch_size,))]
        output = generator(shrink(real))
        (gradient,) = torch.autograd.grad(F.l1_loss(output, real), output, retain_graph=True)
        step += 1
        if critic:
            critic.learn(real, output.detach())
            if max(used / config.seconds, step / config.steps) < config.warmup:
                continue
            adversarial = critic.gradient(real, output.detach())
            scale = RATIO * gradient.norm() / adversarial.norm().clamp_min(1e-30)
            gradient = gradient + scale * adversarial
        optimizer.zero_grad(set_to_none=True)
        output.backward(gradient)
        optimizer.step()
    return generator, step


class _Critic:
    """Critic of an arm with its loss, penalty and optimizer."""

    def __init__(self, arm: Arm, config: SmallFacesConfig) -> None:
        self.network = build("critics", "resnet_critic", width=config.critic_width, stages=3)
        self.loss, self.term = ADVERSARIAL_LOSSES[arm.loss], LIPSCHITZ_TERMS[arm.penalty]
        self.is_penalised = arm.penalty == "wgan_gp"
        rate = config.learning_rate
        self.optimizer = build_optimizer(arm.optimizer, self.network, rate, 0.0, 0.9)

    def learn(self, real: Tensor, fake: Tensor) -> None:
        """Take one step."""
        loss = self.loss.critic(self.network(real), self.network(fake))
        if self.is_penalised:
            penalty = self.term(self.network, real, fake, torch.rand(len(real), 1, 1, 1))
            loss = loss + PENALTY_WEIGHT * penalty.value
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.term.clips_weights:
            clip_weights(self.network, CLIP_LIMIT)

    def gradient(self, real: Tensor, output: Tensor) -> Tensor:
        """Gradient of the generator's loss at its output."""
        output.requires_grad_()
        with frozen(self.network):
            scores = self.network(output)
            (found,) = torch.autograd.grad(self.loss.generator(scores, scores), output)
        return found


def shrink(faces: Tensor) -> Tensor:
    """Downscale faces in [0, 1] as MATLAB does: (B, 3, 64, 64) -> (B, 3, 16, 16)."""
    return matlab_bicubic((faces * 255).round(), SCALE) / 255


@torch.no_grad()
def score(outputs: Tensor, faces: Tensor, features: Features | None) -> tuple[float, float]:
    """Return mean PSNR-Y in dB, and mean squeeze distance (NaN without a feature network)."""
    found, targets = as_pixels(outputs), as_pixels(faces)
    psnr = sum(psnr_y(a, b, SCALE) for a, b in zip(found, targets, strict=True)) / len(found)
    if features is None:
        return psnr, float("nan")
    return psnr, float(feature_distance(features, as_tensor(found), faces).mean())


def run(
    steps: int = SmallFacesConfig.steps,
    data: Sequence[str | Path] = (),
    seconds: float = SmallFacesConfig.seconds,
) -> str:
    """Train all arms; return a table of PSNR-Y and squeeze distance.

    Args:
        steps: most steps of each arm.
        data: training faces, validation faces and the weights of SqueezeNet.
        seconds: processor time of the L1 training, and again of each arm.

    Raises:
        UsageError: the data is missing.
    """
    names = ["training faces", "validation faces", "the weights of SqueezeNet 1.1"]
    training, validation, weights = require_data(data, names)
    config = SmallFacesConfig(seconds, steps)
    faces = as_tensor(draw_images(training, TRAINING_FACES, SIDE))
    targets = as_tensor(draw_images(validation, VALIDATION_FACES, SIDE))
    features, low_res = Features.load("squeeze", weights), shrink(targets)
    outputs = {"bicubic": (bicubic_enlarge(low_res * 255, SCALE) / 255, 0)}
    first, _ = train(build_generator(config), None, faces, config)
    for name, arm in ARMS.items():
        generator, count = train(first, arm, faces, config)
        with torch.no_grad():
            outputs[name] = generator(low_res), count
    lines = [
        f"{len(faces)} faces for training, {len(targets)} for validation; {seconds:.0f} seconds of "
        "processor time with the L1 loss, then as many again for each row, one seed. The first "
        f"{config.warmup:.0%} of a critic's steps train it alone. The adversarial gradient is "
        f"{RATIO} times that of the L1 loss.",
        "",
        "| critic | steps | PSNR-Y, dB | squeeze distance |",
        "|---|---|---|---|",
    ]
    distances = {}
    for name, (images, count) in outputs.items():
        psnr, distances[name] = score(images, targets, features)
        lines.append(f"| {name} | {count or '-'} | {psnr:.2f} | {distances[name]:.3f} |")
    lines += ["", f"Lowest squeeze distance: {min(distances, key=distances.__getitem__)}."]
    return "\n".join(lines)
