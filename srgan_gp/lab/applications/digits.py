"""Semi-supervised learning: digits with 100 labels, and a WGAN-GP critic of K+1 terms.

The critic scores f(x) = f_plus(x) - f_minus(x). f_plus is the sum over classes y of p(y|x) s_y(x),
where s are the logits of the classifier and p their softmax; f_minus is a linear function of the
same features. The critic has no batch norm, and the penalty is taken on f_minus only, not on the
classification layer.

Source:
    Sercu & Mroueh 2017, "Semi-Supervised Learning with IPM-based GANs: an Empirical Study",
    arXiv:1712.02505: the three rules, from the abstract; and scikit-learn's `load_digits`.
"""

from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.lab.application_images import take_step
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.options.optimizers import build_optimizer

CLASSES, PIXELS = 10, 64
TEST_DIGITS = 500
SEEDS = range(5)


@dataclass(frozen=True)
class DigitsConfig:
    """Options of one run.

    Attributes:
        labels: number of labelled digits, the same number of each class.
        steps: steps of each network.
        batch_size: unlabelled digits of a step.
        width: units of the hidden layers.
        adversarial_weight: weight of the critic's loss beside the cross entropy; 0: the supervised
            baseline.
        penalty_weight: lambda.
        learning_rate: rate of both networks.
        seed: of split, weights and draws.
    """

    labels: int = 100
    steps: int = 1500
    batch_size: int = 64
    width: int = 128
    adversarial_weight: float = 0.3
    penalty_weight: float = 10.0
    learning_rate: float = 1e-3
    seed: int = 0


class DigitCritic(nn.Module):
    """Classifier and critic with common features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(PIXELS, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)
        )
        self.classes = nn.Linear(width, CLASSES)
        self.fake = nn.Linear(width, 1, bias=False)

    def forward(self, digits: Tensor) -> Tensor:
        """Logits of the classes: (B, 64) in [0, 1] -> (B, 10)."""
        return self.classes(self.features(digits))

    def scores(self, digits: Tensor) -> Tensor:
        """f_plus - f_minus of each digit, (B,)."""
        features = self.features(digits)
        logits = self.classes(features)
        return (logits.softmax(1) * logits).sum(1) - self.fake(features).squeeze(1)

    def fake_scores(self, digits: Tensor) -> Tensor:
        """f_minus of each digit, (B,); the penalty is taken here."""
        return self.fake(self.features(digits)).squeeze(1)


@dataclass(frozen=True)
class Digits:
    """A split of the digits; values in [0, 1]."""

    labelled: Tensor
    labels: Tensor
    unlabelled: Tensor
    test: Tensor
    test_labels: Tensor


def load(labels: int, seed: int) -> Digits:
    """Split the 1797 digits: 500 for the test, `labels` with their class, all others without."""
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    values = torch.as_tensor(pixels, dtype=torch.float32) / 16
    classes = torch.as_tensor(targets)
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    test, rest = order[:TEST_DIGITS], order[TEST_DIGITS:]
    chosen = torch.cat([rest[classes[rest] == y][: labels // CLASSES] for y in range(CLASSES)])
    return Digits(values[chosen], classes[chosen], values[rest], values[test], classes[test])


def train(config: DigitsConfig, digits: Digits | None = None) -> float:
    """Train on one split; return the accuracy on its test digits, in [0, 1]."""
    digits = digits or load(config.labels, config.seed)
    torch.manual_seed(config.seed)
    critic = DigitCritic(config.width)
    generator = nn.Sequential(
        nn.Linear(32, config.width), nn.ReLU(), nn.Linear(config.width, config.width), nn.ReLU(),
        nn.Linear(config.width, PIXELS), nn.Sigmoid(),
    )  # fmt: skip
    optimizers = {
        network: build_optimizer("adam", network, config.learning_rate, 0.5, 0.9)
        for network in (critic, generator)
    }
    for _ in range(config.steps):
        loss = F.cross_entropy(critic(digits.labelled), digits.labels)
        if config.adversarial_weight:
            chosen = torch.randint(len(digits.unlabelled), (config.batch_size,))
            real, latents = digits.unlabelled[chosen], torch.randn(config.batch_size, 32)
            loss = loss + config.adversarial_weight * _critic_loss(
                critic, real, generator(latents).detach(), config.penalty_weight
            )
        take_step(critic, optimizers[critic], loss)
        if config.adversarial_weight:
            with frozen(critic):
                fake = generator(torch.randn(config.batch_size, 32))
                take_step(generator, optimizers[generator], -critic.scores(fake).mean())
    with torch.no_grad():
        return float((critic(digits.test).argmax(1) == digits.test_labels).float().mean())


def _critic_loss(critic: DigitCritic, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    epsilon = torch.rand(len(real), 1)
    penalty = PENALTIES["wgan_gp"](critic.fake_scores, real, fake, epsilon)
    return critic.scores(fake).mean() - critic.scores(real).mean() + weight * penalty.value


def run(steps: int = DigitsConfig.steps, seeds: range = SEEDS) -> str:
    """Train with and without the unlabelled digits, over several splits; return a table.

    Args:
        steps: steps of each network.
        seeds: one split each.
    """
    rows = []
    for name, weight in (
        ("supervised, 100 labels", 0.0),
        ("with 1197 unlabelled digits, K+1 critic", DigitsConfig.adversarial_weight),
    ):
        found = [
            100 * train(DigitsConfig(steps=steps, adversarial_weight=weight, seed=seed))
            for seed in seeds
        ]
        spread = stdev(found) if len(found) > 1 else 0.0
        each = ", ".join(f"{value:.1f}" for value in found)
        rows.append(f"| {name} | {fmean(found):.1f} | {spread:.1f} | {each} |")
    return "\n".join(
        [
            f"Accuracy in percent on {TEST_DIGITS} test digits of scikit-learn's `load_digits`, "
            f"{len(seeds)} splits, {steps} steps.",
            "",
            "| training | mean | deviation | each split |",
            "|---|---|---|---|",
            *rows,
        ]
    )
