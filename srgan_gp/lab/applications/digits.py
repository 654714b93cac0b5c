"""Semi-supervised learning: digits with 100 labels, and a WGAN-GP critic that is a classifier too.

The critic scores a digit x by f(x) = f_plus(x) - f_minus(x). f_plus is the sum over the K classes y
of p(y|x) s_y(x), where s are the logits of the classifier and p their softmax; f_minus is a linear
function of the same features. With K logits and f_minus, the critic is called K+1. It has no batch
norm, and the gradient penalty is taken on f_minus only, without the classification layer.

Source:
    Sercu & Mroueh 2017, "Semi-Supervised Learning with IPM-based GANs: an Empirical Study",
    arXiv:1712.02505: from the abstract, the K+1 critic, no batch norm, and the place of the
    penalty. The paper uses photos and larger networks; the digits here are those of scikit-learn's
    `load_digits`, and all sizes, rates and weights below were chosen for this experiment.
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

CLASSES, PIXELS = 10, 64  # digits of 8 x 8 pixels
LATENT_SIZE = 32
TEST_DIGITS = 500  # more would leave fewer digits without labels to train on
SEEDS = range(5)  # one training each, for the mean and the deviation of the accuracy


@dataclass(frozen=True)
class DigitsConfig:
    """Options of one run.

    Attributes:
        labelled_digits: number of digits with a label, the same number of each class.
        steps: steps of each network.
        batch_size: unlabelled digits per step.
        width: units of the hidden layers.
        adversarial_weight: weight of the critic's loss, which is added to the cross entropy of the
            labelled digits; 0: the supervised baseline, without generated digits and penalty.
        penalty_weight: weight of the gradient penalty, lambda.
        learning_rate: rate of both networks.
        seed: seed of split, weights and draws.
    """

    labelled_digits: int = 100
    steps: int = 1500
    batch_size: int = 64
    width: int = 128
    adversarial_weight: float = 0.3
    penalty_weight: float = 10.0
    learning_rate: float = 1e-3
    seed: int = 0


class DigitCritic(nn.Module):
    """Classifier and critic with common features; a digit has 64 values in [0, 1].

    Args:
        width: units of the hidden layers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(PIXELS, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)
        )
        self.classes = nn.Linear(width, CLASSES)
        self.minus = nn.Linear(width, 1, bias=False)

    def forward(self, digits: Tensor) -> Tensor:
        """Map digits, (B, 64), to logits of the classes, (B, 10)."""
        return self.classes(self.features(digits))

    def scores(self, digits: Tensor) -> Tensor:
        """Map digits, (B, 64), to f_plus - f_minus, (B,)."""
        features = self.features(digits)
        logits = self.classes(features)
        plus = (logits.softmax(1) * logits).sum(1)
        return plus - self.minus(features).squeeze(1)

    def minus_scores(self, digits: Tensor) -> Tensor:
        """Map digits, (B, 64), to f_minus, (B,), on which the penalty is taken."""
        return self.minus(self.features(digits)).squeeze(1)


@dataclass(frozen=True)
class Digits:
    """A split of the digits: images (N, 64) in [0, 1], labels (N,) from 0 to 9."""

    labelled: Tensor
    labels: Tensor
    """Labels of the images `labelled`."""
    all_training: Tensor
    """All training digits, without labels; those of `labelled` are among them."""
    test: Tensor
    test_labels: Tensor


def load(labelled_digits: int, seed: int) -> Digits:
    """Split the 1797 digits at random.

    Args:
        labelled_digits: number of digits with a label, the same number of each class.
        seed: seed of the split.

    Returns:
        500 digits for the test; the other 1297 without labels; and `labelled_digits` of these with
        their labels.
    """
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    images = torch.as_tensor(pixels, dtype=torch.float32) / 16  # levels are 0 to 16
    classes = torch.as_tensor(targets)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    test, training = order[:TEST_DIGITS], order[TEST_DIGITS:]  # indices
    labelled_by_class = []
    for digit in range(CLASSES):
        of_class = training[classes[training] == digit]
        labelled_by_class.append(of_class[: labelled_digits // CLASSES])
    labelled = torch.cat(labelled_by_class)
    return Digits(
        labelled=images[labelled],
        labels=classes[labelled],
        all_training=images[training],
        test=images[test],
        test_labels=classes[test],
    )


def train(config: DigitsConfig, digits: Digits | None = None) -> float:
    """Train on one split; return the accuracy on its test digits, in [0, 1].

    Args:
        config: options.
        digits: the split; None: that of the options.
    """
    digits = digits or load(config.labelled_digits, config.seed)
    torch.manual_seed(config.seed)
    critic = DigitCritic(config.width)
    generator = nn.Sequential(
        nn.Linear(LATENT_SIZE, config.width), nn.ReLU(),
        nn.Linear(config.width, config.width), nn.ReLU(),
        nn.Linear(config.width, PIXELS), nn.Sigmoid(),
    )  # fmt: skip
    rate = config.learning_rate
    critic_optimizer = build_optimizer("adam", critic, rate, beta1=0.5, beta2=0.9)
    generator_optimizer = build_optimizer("adam", generator, rate, beta1=0.5, beta2=0.9)
    for _ in range(config.steps):
        loss = F.cross_entropy(critic(digits.labelled), digits.labels)
        if config.adversarial_weight:
            indices = torch.randint(len(digits.all_training), (config.batch_size,))
            real = digits.all_training[indices]
            fake = generator(torch.randn(config.batch_size, LATENT_SIZE)).detach()
            critic_loss = _critic_loss(critic, real, fake, config.penalty_weight)
            loss = loss + config.adversarial_weight * critic_loss
        take_step(critic, critic_optimizer, loss)
        if config.adversarial_weight:
            with frozen(critic):  # This step needs no gradients of the critic's parameters.
                fake = generator(torch.randn(config.batch_size, LATENT_SIZE))
                take_step(generator, generator_optimizer, -critic.scores(fake).mean())
    with torch.no_grad():
        predicted = critic(digits.test).argmax(1)
    return float((predicted == digits.test_labels).float().mean())


def _critic_loss(critic: DigitCritic, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """Return the loss of WGAN-GP: generated scores minus real ones, plus the weighted penalty."""
    epsilon = torch.rand(len(real), 1)  # positions between real and generated digits
    penalty = PENALTIES["wgan_gp"](critic.minus_scores, real, fake, epsilon)
    return critic.scores(fake).mean() - critic.scores(real).mean() + weight * penalty.value


def run(steps: int = DigitsConfig.steps, seeds: range = SEEDS) -> str:
    """Train with and without the critic, over several splits; return a Markdown table.

    Args:
        steps: steps of each network.
        seeds: seeds of the splits.
    """
    adversarial_weights = {
        "supervised, 100 labels": 0.0,
        "and 1297 digits without labels, K+1 critic": DigitsConfig.adversarial_weight,
    }
    rows = []
    for name, weight in adversarial_weights.items():
        accuracies = []  # percent
        for seed in seeds:
            config = DigitsConfig(steps=steps, adversarial_weight=weight, seed=seed)
            accuracies.append(100 * train(config))
        deviation = stdev(accuracies) if len(accuracies) > 1 else 0.0
        accuracy_list = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
        rows.append(f"| {name} | {fmean(accuracies):.1f} | {deviation:.1f} | {accuracy_list} |")
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
