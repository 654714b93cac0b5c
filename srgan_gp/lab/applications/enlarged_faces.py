"""Faces from 16 to 64 pixels: the DCGAN loss, weight clipping and the penalty with one critic.

All three arms have the same generator, the same critic without batch norm, the pixel loss and the
same processor time. Only the loss of the critic, what bounds its slope and the optimizer differ.

Source:
    Chen & Tong 2017, "Face Super-Resolution Through Wasserstein GANs", arXiv:1705.02438: the
    set-up.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.data.resampling import matlab_bicubic, to_8_bit
from srgan_gp.errors import UsageError
from srgan_gp.evaluation.image_scores import squeeze_distance
from srgan_gp.losses.adversarial import ADVERSARIAL_LOSSES, adversarial_weight
from srgan_gp.losses.features import Features
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS, clip_weights
from srgan_gp.losses.pixel import l1
from srgan_gp.metrics.psnr_ssim import psnr_y
from srgan_gp.networks import build
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.options.optimizers import build_optimizer

SIDE, SCALE = 64, 4
VALIDATION_FACES = 100
CLIP_LIMIT, PENALTY_WEIGHT = 0.01, 10.0


@dataclass(frozen=True)
class Arm:
    """What differs between the runs.

    Attributes:
        loss: name in `ADVERSARIAL_LOSSES`.
        penalty: name in `LIPSCHITZ_TERMS`.
        optimizer: name in `OPTIMIZERS`.
        learning_rate: rate of both networks.
        beta1: of Adam.
    """

    loss: str
    penalty: str
    optimizer: str = "adam"
    learning_rate: float = 2e-4
    beta1: float = 0.0


ARMS = {
    "DCGAN loss": Arm("non_saturating", "none", beta1=0.5),
    "clipping": Arm("wasserstein", "weight_clipping", "rmsprop", 5e-5),
    "penalty": Arm("wasserstein", "wgan_gp"),
}


def train(
    arm: Arm, faces: Tensor, steps: int, *, seconds: float = float("inf"), ratio: float = 0.3
) -> tuple[nn.Module, int]:
    """Train a generator until `steps` steps or `seconds` of processor time are over.

    Args:
        arm: losses and optimizer.
        faces: (N, 3, 64, 64), float32 in [0, 1].
        steps: largest number of steps of each network.
        seconds: processor time.
        ratio: gradient norm of the adversarial over the pixel loss; 0: pixel loss only.

    Returns:
        The generator and the number of its steps.
    """
    torch.manual_seed(0)
    generator = build("generators", "srresnet", scale=SCALE, width=32, blocks=4)
    critic = build("critics", "face_critic", size=SIDE, width=16)
    rates = {generator: 5e-4, critic: arm.learning_rate}
    optimizers = {
        network: build_optimizer(arm.optimizer, network, rate, arm.beta1, 0.9)
        for network, rate in rates.items()
    }
    loss, term = ADVERSARIAL_LOSSES[arm.loss], LIPSCHITZ_TERMS[arm.penalty]
    weight = adversarial_weight(ratio, faces[0].numel())
    start, step = time.process_time(), 0
    while step < steps and time.process_time() - start < seconds:
        real = faces[torch.randint(len(faces), (16,))]
        fake = generator(_shrink(real))
        value = l1(fake, real)
        if ratio:
            scores = critic(real), critic(fake.detach())
            epsilon, noise = torch.rand(len(real), 1, 1, 1), torch.rand(real.shape)
            penalty = term(critic, real, fake.detach(), epsilon, noise).value
            _take(critic, optimizers[critic], loss.critic(*scores) + PENALTY_WEIGHT * penalty)
            if term.clips_weights:
                clip_weights(critic, CLIP_LIMIT)
            with frozen(critic):
                scores = critic(fake)
            value = value + weight * loss.generator(scores, scores)
        _take(generator, optimizers[generator], value)
        step += 1
    return generator, step


def score(
    generator: nn.Module, faces: Tensor, features: Features | None = None
) -> dict[str, float]:
    """Score enlarged validation faces.

    Args:
        generator: (N, 3, 16, 16) -> (N, 3, 64, 64).
        faces: (N, 3, 64, 64), float32 in [0, 1].
        features: SqueezeNet; None: without its distance.

    Returns:
        `psnr_y` in dB and `squeeze_distance`, means over the faces.
    """
    with torch.no_grad():
        found = _pixels(generator(_shrink(faces)))
    pairs = list(zip(found, _pixels(faces), strict=True))
    scores = {"psnr_y": float(np.mean([psnr_y(*pair, border=SCALE) for pair in pairs]))}
    if features:
        distances = [squeeze_distance(features, *pair) for pair in pairs]
        scores["squeeze_distance"] = float(np.mean(distances))
    return scores


def run(steps: int = 600, data: Sequence[str] = ()) -> str:
    """Train the three arms, and one with the pixel loss only; return a table.

    Each arm gets the processor time that the arm with the penalty takes for `steps` steps.

    Args:
        steps: steps of the arm with the penalty.
        data: folder or zip file of training faces, one of validation faces, and the file of the
            feature network.

    Raises:
        UsageError: `data` has another number of places.
    """
    if len(data) != 3:
        raise UsageError("Pass --data TRAINING VALIDATION squeezenet1_1.safetensors.")
    faces, validation = (_load(place) for place in data[:2])
    validation = validation[:VALIDATION_FACES]
    features = Features.load("squeeze", Path(data[2]))
    start = time.process_time()
    arms = {"penalty": train(ARMS["penalty"], faces, steps)}
    seconds = time.process_time() - start
    for name in ("DCGAN loss", "clipping"):
        arms[name] = train(ARMS[name], faces, 10**9, seconds=seconds)
    arms["pixel loss only"] = train(ARMS["penalty"], faces, 10**9, seconds=seconds, ratio=0.0)
    lines = [
        f"{len(faces)} training faces, {len(validation)} others, {seconds:.0f} seconds of one core "
        "for each arm, one seed.",
        "",
        "| arm | steps | PSNR-Y | squeeze distance |",
        "|---|---|---|---|",
    ]
    for name, (generator, taken) in arms.items():
        found = score(generator, validation, features)
        lines.append(
            f"| {name} | {taken} | {found['psnr_y']:.2f} | {found['squeeze_distance']:.4f} |"
        )
    return "\n".join(lines)


def _load(place: str) -> Tensor:
    pixels = read_faces(list_all_images([place]), SIDE)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def _shrink(faces: Tensor) -> Tensor:
    """Downscale by MATLAB's bicubic: (N, 3, 64, 64) -> (N, 3, 16, 16), in [0, 1]."""
    return matlab_bicubic(255 * faces, SCALE) / 255


def _pixels(images: Tensor) -> np.ndarray:
    """Convert (N, 3, H, W) in [0, 1] to (N, H, W, 3), uint8."""
    return to_8_bit(255 * images).permute(0, 2, 3, 1).numpy().astype(np.uint8)


def _take(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
