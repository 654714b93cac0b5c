"""Faces upscaled from 16 to 64 pixels: the loss of DCGAN, weight clipping, the gradient penalty.

The compared trainings are called arms. All start from one generator that was trained with the L1
loss, get the same processor time and the same critic, which has no batch norm. The scores of the
critics differ in scale, by a factor of about 1,000 for a clipped critic. The gradient of each
adversarial loss with respect to the output is therefore scaled to `GRADIENT_RATIO` times the norm
of the gradient of the L1 loss.

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

SIDE = 64  # pixels: side of the upscaled faces
SCALE = 4  # upscaling factor
GRADIENT_RATIO = 0.5  # largest of the usual ratios, see `losses.adversarial.adversarial_weight`
CLIP_LIMIT = 0.01  # largest absolute weight of a clipped critic, as in the WGAN paper
PENALTY_WEIGHT = 10.0  # as in the WGAN-GP paper
TRAINING_FACES, VALIDATION_FACES = 2000, 200  # fewer: noisier scores; more: longer to read


@dataclass(frozen=True)
class Arm:
    """Options of an arm that has a critic.

    Attributes:
        loss: name in `ADVERSARIAL_LOSSES`.
        penalty: name in `LIPSCHITZ_TERMS` of what bounds the slope of the critic: nothing, weight
            clipping after each step, or a penalty in the critic's loss.
        optimizer: the critic's, a name in `training.options.optimizers.OPTIMIZERS`.
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
"""Arms by their title in the table; None: without a critic."""


@dataclass(frozen=True)
class SmallFacesConfig:
    """Options of all arms; the networks are small, so that short runs on a CPU train them.

    Attributes:
        seconds: processor time, in seconds, of the L1 training, and again of each arm.
        steps: largest number of steps of each training; with the default, the time ends it first.
        width: channels of the generator.
        critic_width: channels of the critic's first stage.
        blocks: residual blocks of the generator.
        batch_size: faces of a step.
        warmup: share of an arm's time or steps for which only its critic learns.
        learning_rate: rate of all networks.
        seed: seed of weights and draws.
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
    """Build the generator, (B, 3, 16, 16) -> (B, 3, 64, 64) in [0, 1], with new weights."""
    torch.manual_seed(config.seed)
    return build("generators", "srresnet", scale=SCALE, width=config.width, blocks=config.blocks)


def train(
    generator: nn.Module, arm: Arm | None, faces: Tensor, config: SmallFacesConfig
) -> tuple[nn.Module, int]:
    """Train a copy of a generator until the processor time or the number of steps is used up.

    Args:
        generator: result of `build_generator`; it is not changed.
        arm: options of the critic; None: no critic, the L1 loss alone.
        faces: (N, 3, 64, 64), RGB, multiples of 1/255 in [0, 1].
        config: options.

    Returns:
        The trained copy, and the number of steps.
    """
    torch.manual_seed(config.seed)
    generator = copy.deepcopy(generator)
    optimizer = build_optimizer("adam", generator, config.learning_rate, beta1=0.9, beta2=0.99)
    critic = _Critic(arm, config) if arm else None
    start, step = time.process_time(), 0
    while step < config.steps:
        elapsed = time.process_time() - start
        if elapsed >= config.seconds:
            break
        real = faces[torch.randint(len(faces), (config.batch_size,))]
        output = generator(shrink(real))
        (gradient,) = torch.autograd.grad(F.l1_loss(output, real), output, retain_graph=True)
        step += 1
        if critic:
            critic.learn(real, output.detach())
            if max(elapsed / config.seconds, step / config.steps) < config.warmup:
                continue  # the generator does not learn yet
            adversarial = critic.compute_gradient(output.detach())
            factor = GRADIENT_RATIO * gradient.norm() / adversarial.norm().clamp_min(1e-30)
            gradient = gradient + factor * adversarial
        optimizer.zero_grad(set_to_none=True)
        output.backward(gradient)
        optimizer.step()
    return generator, step


class _Critic:
    """Critic of an arm with its loss, penalty and optimizer.

    Real and generated faces are (B, 3, 64, 64) in [0, 1].
    """

    def __init__(self, arm: Arm, config: SmallFacesConfig) -> None:
        self.network = build("critics", "resnet_critic", width=config.critic_width, stages=3)
        self.loss, self.penalty = ADVERSARIAL_LOSSES[arm.loss], LIPSCHITZ_TERMS[arm.penalty]
        # The other terms in `ARMS`, "none" and "weight_clipping", always have the value 0.
        self.has_penalty = arm.penalty == "wgan_gp"
        rate = config.learning_rate
        # RMSprop has no beta1; beta2 is the decay of its mean squared gradient.
        self.optimizer = build_optimizer(arm.optimizer, self.network, rate, beta1=0.0, beta2=0.9)

    def learn(self, real: Tensor, fake: Tensor) -> None:
        """Update the critic on one batch of real and of generated faces."""
        loss = self.loss.critic(self.network(real), self.network(fake))
        if self.has_penalty:
            epsilon = torch.rand(len(real), 1, 1, 1)  # positions between real and generated faces
            penalty = self.penalty(self.network, real, fake, epsilon)
            loss = loss + PENALTY_WEIGHT * penalty.value
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        if self.penalty.clips_weights:
            clip_weights(self.network, CLIP_LIMIT)

    def compute_gradient(self, output: Tensor) -> Tensor:
        """Compute the gradient of the generator's loss with respect to its detached output."""
        output.requires_grad_()
        with frozen(self.network):
            scores = self.network(output)
            # The second argument, scores of real faces, is ignored by the losses of `ARMS`.
            loss = self.loss.generator(scores, scores)
            (gradient,) = torch.autograd.grad(loss, output)
        return gradient


def shrink(faces: Tensor) -> Tensor:
    """Downscale faces in [0, 1] as MATLAB's imresize: (B, 3, 64, 64) -> (B, 3, 16, 16)."""
    return matlab_bicubic((faces * 255).round(), SCALE) / 255  # it takes levels, 0 to 255


@torch.no_grad()
def score(outputs: Tensor, faces: Tensor, features: Features | None) -> tuple[float, float]:
    """Score upscaled faces.

    Args:
        outputs: (N, 3, 64, 64), RGB around [0, 1].
        faces: the originals, same shape, in [0, 1].
        features: SqueezeNet; None: the second score is NaN.

    Returns:
        Mean PSNR of the luma in dB, and mean squeeze distance, the feature distance on SqueezeNet.
    """
    pixels, targets = as_pixels(outputs), as_pixels(faces)
    psnrs = [
        psnr_y(output, face, border=SCALE) for output, face in zip(pixels, targets, strict=True)
    ]
    psnr = sum(psnrs) / len(psnrs)
    if features is None:
        return psnr, float("nan")
    return psnr, float(feature_distance(features, as_tensor(pixels), faces).mean())


def run(
    steps: int = SmallFacesConfig.steps,
    data: Sequence[str | Path] = (),
    seconds: float = SmallFacesConfig.seconds,
) -> str:
    """Train all arms; return a Markdown table of PSNR-Y and squeeze distance.

    Args:
        steps: see `SmallFacesConfig`.
        data: paths of the training faces, the validation faces and the weights of SqueezeNet. All
            three are required; the error names them if one is missing.
        seconds: see `SmallFacesConfig`.

    Raises:
        UsageError: `data` does not have three paths, or a path cannot be read.
    """
    names = ["training faces", "validation faces", "the weights of SqueezeNet 1.1"]
    training, validation, weights = require_data(data, names)
    config = SmallFacesConfig(seconds, steps)
    faces = as_tensor(draw_images(training, TRAINING_FACES, SIDE))
    targets = as_tensor(draw_images(validation, VALIDATION_FACES, SIDE))
    features, low_res = Features.load("squeeze", weights), shrink(targets)
    # By row of the table: upscaled validation faces, and the number of training steps.
    results = {"bicubic": (bicubic_enlarge(low_res * 255, SCALE) / 255, 0)}
    l1_generator, _ = train(build_generator(config), None, faces, config)
    for name, arm in ARMS.items():
        generator, step_count = train(l1_generator, arm, faces, config)
        with torch.no_grad():
            results[name] = generator(low_res), step_count
    lines = [
        f"{len(faces)} faces for training, {len(targets)} for validation; {seconds:.0f} seconds of "
        "processor time with the L1 loss, then as many again for each row, one seed. The first "
        f"{config.warmup:.0%} of a critic's steps train it alone. The adversarial gradient is "
        f"{GRADIENT_RATIO} times that of the L1 loss.",
        "",
        "| critic | steps | PSNR-Y, dB | squeeze distance |",
        "|---|---|---|---|",
    ]
    distances: dict[str, float] = {}
    for name, (outputs, step_count) in results.items():
        psnr, distances[name] = score(outputs, targets, features)
        lines.append(f"| {name} | {step_count or '-'} | {psnr:.2f} | {distances[name]:.3f} |")
    lines += ["", f"Lowest squeeze distance: {min(distances, key=distances.__getitem__)}."]
    return "\n".join(lines)
