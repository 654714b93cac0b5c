"""Text: a character-level WGAN-GP on the words of a dictionary, with a softmax output.

A word is (LENGTH, SYMBOLS): one-hot characters, padded with spaces. The generator's rows are
distributions of characters, so that the segment between a real and a generated word lies within the
simplex. One-sided penalties converge better on such data (Zhao et al. 2018, arXiv:1804.02617, from
the abstract); `run` compares both.

Source:
    Gulrajani et al. 2017, arXiv:1704.00028, section 5.3 and table 2 (n-gram Jensen-Shannon
    divergence). The words are those of Debian's package wamerican.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.lab.application_images import set_rate, take_step
from srgan_gp.lab.toy_networks import Perceptron
from srgan_gp.losses.gradient_penalties import PENALTIES
from srgan_gp.training.critic.critic_freezing import frozen
from srgan_gp.training.options.optimizers import build_optimizer

LENGTH = 8
ALPHABET = " abcdefghijklmnopqrstuvwxyz"
SYMBOLS = len(ALPHABET)
DICTIONARY = Path("/usr/share/dict/words")
VALIDATION_WORDS = 2000
LATENT_SIZE = 64
SAMPLED = 2000
"""Words that a divergence is computed from."""


@dataclass(frozen=True)
class WordsConfig:
    """Options of one run.

    Attributes:
        penalty: name in `PENALTIES`.
        penalty_weight: its weight.
        steps: steps of the generator.
        critic_steps: steps of the critic per step of the generator.
        batch_size: words of a step.
        width: units of the hidden layers.
        learning_rate: highest rate of both networks; it falls linearly to 0.
        seed: of weights and draws.
    """

    penalty: str = "one_sided"
    penalty_weight: float = 10.0
    steps: int = 1000
    critic_steps: int = 3
    batch_size: int = 64
    width: int = 256
    learning_rate: float = 1e-3
    seed: int = 0


class WordGenerator(nn.Module):
    """Latents (B, LATENT_SIZE) -> distributions of characters (B, LENGTH, SYMBOLS)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Perceptron(LATENT_SIZE, LENGTH * SYMBOLS, width, 2)

    def forward(self, latents: Tensor) -> Tensor:
        """Generate words."""
        return self.layers(latents).unflatten(1, (LENGTH, SYMBOLS)).softmax(2)


class WordCritic(nn.Module):
    """Words (B, LENGTH, SYMBOLS) -> scores (B,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Perceptron(LENGTH * SYMBOLS, 1, width, 2)

    def forward(self, words: Tensor) -> Tensor:
        """Score words."""
        return self.layers(words.flatten(1))


def load_words(path: Path = DICTIONARY) -> tuple[list[str], list[str]]:
    """Read words of 3 to `LENGTH` small letters, in a fixed random order.

    Returns:
        Training and validation words.

    Raises:
        UsageError: the file cannot be read or has too few words.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Install a word list, such as Debian's "
            "package wamerican."
        ) from error
    found = sorted({w for w in lines if 3 <= len(w) <= LENGTH and set(w) <= set(ALPHABET[1:])})
    if len(found) <= VALIDATION_WORDS:
        raise UsageError(f"{path} has only {len(found)} words of 3 to {LENGTH} letters.")
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [found[index] for index in order]
    return shuffled[VALIDATION_WORDS:], shuffled[:VALIDATION_WORDS]


def encode(words: Sequence[str]) -> Tensor:
    """Encode words as indices of `ALPHABET`, (N, LENGTH)."""
    return torch.tensor([[ALPHABET.index(c) for c in word.ljust(LENGTH)] for word in words])


def decode(values: Tensor) -> list[str]:
    """Read the likeliest character at each position, (N, LENGTH, SYMBOLS); drop trailing spaces."""
    return ["".join(ALPHABET[i] for i in row).rstrip() for row in values.argmax(2).tolist()]


def divergence(first: Sequence[str], second: Sequence[str], n: int) -> float:
    """Jensen-Shannon divergence of the n-grams of two lists of words.

    The spaces that pad a word to `LENGTH` count.

    Returns:
        Nats, in [0, log 2]; 0 for equal frequencies.
    """
    counts = []
    for words in (first, second):
        padded = [word.ljust(LENGTH) for word in words]
        counts.append(Counter(w[i : i + n] for w in padded for i in range(LENGTH - n + 1)))
    totals = [sum(count.values()) for count in counts]
    result = 0.0
    for gram in counts[0] | counts[1]:
        shares = [count[gram] / total for count, total in zip(counts, totals, strict=True)]
        mean = sum(shares) / 2
        result += sum(share / 2 * math.log(share / mean) for share in shares if share)
    return result


def train(
    config: WordsConfig, words: Sequence[str], validation: Sequence[str], records: int = 5
) -> tuple[list[dict[str, float]], list[str]]:
    """Train a generator of words.

    Args:
        config: options.
        words: training words.
        validation: words that divergences are measured against.
        records: number of records, at equal distances.

    Returns:
        Records with `step`, `js1` to `js4` and `norm`; and `SAMPLED` generated words.
    """
    torch.manual_seed(config.seed)
    generator, critic = WordGenerator(config.width), WordCritic(config.width)
    optimizers = {
        network: build_optimizer("adam", network, config.learning_rate, 0.5, 0.9)
        for network in (generator, critic)
    }
    encoded, norm, history = encode(words), 0.0, []
    for step in range(1, config.steps + 1):
        for optimizer in optimizers.values():
            set_rate(optimizer, config.learning_rate * (1 - (step - 1) / config.steps))
        for _ in range(config.critic_steps):
            chosen = torch.randint(len(encoded), (config.batch_size,))
            real = F.one_hot(encoded[chosen], SYMBOLS).float()
            with torch.no_grad():
                fake = generator(torch.randn(config.batch_size, LATENT_SIZE))
            epsilon = torch.rand(config.batch_size, 1, 1)
            penalty = PENALTIES[config.penalty](critic, real, fake, epsilon)
            loss = critic(fake).mean() - critic(real).mean()
            take_step(critic, optimizers[critic], loss + config.penalty_weight * penalty.value)
            norm = float(penalty.norms.mean())
        with frozen(critic):
            fake = generator(torch.randn(config.batch_size, LATENT_SIZE))
            take_step(generator, optimizers[generator], -critic(fake).mean())
        if step % max(config.steps // records, 1) == 0:
            history.append({"step": float(step), "norm": norm, **_measure(generator, validation)})
    return history, sample(generator, SAMPLED)


@torch.no_grad()
def sample(generator: WordGenerator, count: int) -> list[str]:
    """Generate words."""
    return decode(generator(torch.randn(count, LATENT_SIZE)))


def _measure(generator: WordGenerator, validation: Sequence[str]) -> dict[str, float]:
    found = sample(generator, SAMPLED)
    return {f"js{n}": divergence(found, validation, n) for n in (1, 2, 3, 4)}


def run(
    steps: int = WordsConfig.steps, data: Sequence[str | Path] = (DICTIONARY,), shown: int = 50
) -> str:
    """Train with both penalties; return a table of divergences and new words.

    Args:
        steps: steps of each generator.
        data: file with one word a line.
        shown: number of generated words that are listed.

    Raises:
        UsageError: the file cannot be read or has too few words.
    """
    words, validation = load_words(Path(data[0]))
    known = {*words, *validation}
    lines = [
        f"{len(words)} training words of 3 to {LENGTH} letters, {steps} steps of the generator, "
        "one seed. Jensen-Shannon divergence of n-grams against "
        f"{len(validation)} other words, in nats; {_baseline(words, validation)}.",
        "",
        "| penalty | step | n = 1 | n = 2 | n = 3 | n = 4 | gradient norm |",
        "|---|---|---|---|---|---|---|",
    ]
    listed = []
    for penalty in ("one_sided", "wgan_gp"):
        history, found = train(WordsConfig(penalty=penalty, steps=steps), words, validation)
        for record in history:
            values = " | ".join(f"{record[f'js{n}']:.3f}" for n in (1, 2, 3, 4))
            lines.append(f"| {penalty} | {record['step']:.0f} | {values} | {record['norm']:.2f} |")
        new = list(dict.fromkeys(word for word in found if word and word not in known))
        real = sum(word in known for word in found) / len(found)
        listed += [
            "",
            f"`{penalty}`: {real:.1%} of {len(found)} generated words are in the dictionary. "
            f"{min(shown, len(new))} of those that are not: {', '.join(new[:shown])}.",
        ]
    return "\n".join(lines + listed)


def _baseline(words: Sequence[str], validation: Sequence[str]) -> str:
    """Divergence of real words, which a perfect generator would have."""
    values = [divergence(words[:SAMPLED], validation, n) for n in (1, 2, 3, 4)]
    shown = ", ".join(f"{value:.3f}" for value in values)
    return f"real words have {shown} for n = 1 to 4"
