"""Text: a character-level WGAN-GP on the words of a dictionary, with a softmax output.

A word is a matrix (LENGTH, SYMBOLS): one row per character, padded with spaces. Rows of real words
are one-hot. Rows of generated words are probabilities, and so are those of points between real and
generated words, at which the penalty is computed. One-sided penalties, which act on norms above 1
only, converge better on such data (Zhao et al. 2018, arXiv:1804.02617, from the abstract).

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

LENGTH = 8  # characters of a word, with the spaces at its end; longer words need larger networks
ALPHABET = " abcdefghijklmnopqrstuvwxyz"
SYMBOLS = len(ALPHABET)
DICTIONARY = Path("/usr/share/dict/words")
VALIDATION_WORDS = 2000  # as many as `SAMPLED`: both lists have the same sampling error
LATENT_SIZE = 64  # fewer numbers may limit the variety of the words
SAMPLED = 2000  # generated words that a divergence is computed from; fewer make it larger by chance


@dataclass(frozen=True)
class WordsConfig:
    """Options of one run; fewer steps and narrower networks than in the source, for a short run.

    Attributes:
        penalty: name in `PENALTIES`.
        penalty_weight: weight of the penalty in the critic's loss.
        steps: steps of the generator.
        critic_steps: steps of the critic per step of the generator.
        batch_size: words of a step.
        width: units of the hidden layers.
        learning_rate: highest rate of both networks; it falls linearly to 0.
        seed: seed of weights and draws.
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
    """Latents (B, LATENT_SIZE) -> probabilities of characters (B, LENGTH, SYMBOLS)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Perceptron(LATENT_SIZE, LENGTH * SYMBOLS, width, depth=2)

    def forward(self, latents: Tensor) -> Tensor:
        """Generate words from latents."""
        return self.layers(latents).unflatten(1, (LENGTH, SYMBOLS)).softmax(2)


class WordCritic(nn.Module):
    """Words (B, LENGTH, SYMBOLS) -> scores (B,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Perceptron(LENGTH * SYMBOLS, 1, width, depth=2)

    def forward(self, words: Tensor) -> Tensor:
        """Score words."""
        return self.layers(words.flatten(1))  # `Perceptron` returns (B,) for one output


def load_words(path: Path = DICTIONARY) -> tuple[list[str], list[str]]:
    """Read the words of 3 to `LENGTH` letters a to z from a file's lines, in a fixed random order.

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
    letters = set(ALPHABET[1:])
    words = sorted({line for line in lines if 3 <= len(line) <= LENGTH and set(line) <= letters})
    if len(words) <= VALIDATION_WORDS:
        raise UsageError(f"{path} has only {len(words)} words of 3 to {LENGTH} letters.")
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [words[index] for index in order]
    return shuffled[VALIDATION_WORDS:], shuffled[:VALIDATION_WORDS]


def encode(words: Sequence[str]) -> Tensor:
    """Encode words as indices of `ALPHABET`, (N, LENGTH), int64."""
    padded = [word.ljust(LENGTH) for word in words]
    return torch.tensor([[ALPHABET.index(character) for character in word] for word in padded])


def decode(values: Tensor) -> list[str]:
    """Read the likeliest characters of (N, LENGTH, SYMBOLS), without spaces at the end of words."""
    rows = values.argmax(2).tolist()
    return ["".join(ALPHABET[index] for index in row).rstrip() for row in rows]


def divergence(first: Sequence[str], second: Sequence[str], n: int) -> float:
    """Jensen-Shannon divergence of the n-grams of two lists of words.

    An n-gram is a sequence of n characters, also of the spaces that pad a word to `LENGTH`.

    Returns:
        Nats, in [0, log 2]; 0 for equal frequencies.
    """
    counts, other_counts = _count_ngrams(first, n), _count_ngrams(second, n)
    total, other_total = counts.total(), other_counts.total()
    result = 0.0
    for ngram in counts | other_counts:
        shares = (counts[ngram] / total, other_counts[ngram] / other_total)
        mean = sum(shares) / 2
        result += sum(share / 2 * math.log(share / mean) for share in shares if share > 0)
    return result


def _count_ngrams(words: Sequence[str], n: int) -> Counter[str]:
    """Count the n-grams of words, padded to `LENGTH`."""
    counts = Counter[str]()
    for word in words:
        padded = word.ljust(LENGTH)
        counts.update(padded[i : i + n] for i in range(LENGTH - n + 1))
    return counts


def train(
    config: WordsConfig, words: Sequence[str], validation: Sequence[str], records: int = 5
) -> tuple[list[dict[str, float]], list[str]]:
    """Train a generator of words.

    Args:
        config: options.
        words: training words.
        validation: words that divergences are measured against.
        records: a record is made every max(`config.steps` // `records`, 1) steps.

    Returns:
        Records with `step`, `js1` to `js4` (divergence of n-grams from the validation words, in
        nats) and `norm` (mean norm of the critic's last gradients); and `SAMPLED` generated words.
    """
    torch.manual_seed(config.seed)
    generator, critic = WordGenerator(config.width), WordCritic(config.width)
    rate = config.learning_rate
    generator_optimizer = build_optimizer("adam", generator, rate, beta1=0.5, beta2=0.9)
    critic_optimizer = build_optimizer("adam", critic, rate, beta1=0.5, beta2=0.9)
    encoded, norm, history = encode(words), 0.0, []
    for step in range(1, config.steps + 1):
        for optimizer in (generator_optimizer, critic_optimizer):
            set_rate(optimizer, rate * (1 - (step - 1) / config.steps))
        for _ in range(config.critic_steps):
            indices = torch.randint(len(encoded), (config.batch_size,))
            real = F.one_hot(encoded[indices], SYMBOLS).float()
            with torch.no_grad():
                fake = generator(torch.randn(config.batch_size, LATENT_SIZE))
            epsilon = torch.rand(config.batch_size, 1, 1)  # share of the real word in a point
            penalty = PENALTIES[config.penalty](critic, real, fake, epsilon)
            loss = critic(fake).mean() - critic(real).mean()
            loss = loss + config.penalty_weight * penalty.value
            take_step(critic, critic_optimizer, loss)
            norm = float(penalty.norms.mean())
        with frozen(critic):
            fake = generator(torch.randn(config.batch_size, LATENT_SIZE))
            take_step(generator, generator_optimizer, -critic(fake).mean())
        if step % max(config.steps // records, 1) == 0:
            history.append({"step": float(step), "norm": norm, **_measure(generator, validation)})
    return history, sample(generator, SAMPLED)


@torch.no_grad()
def sample(generator: WordGenerator, count: int) -> list[str]:
    """Generate `count` words."""
    return decode(generator(torch.randn(count, LATENT_SIZE)))


def _measure(generator: WordGenerator, validation: Sequence[str]) -> dict[str, float]:
    """Return `js1` to `js4`: divergence of generated words from the validation words."""
    generated = sample(generator, SAMPLED)
    return {f"js{n}": divergence(generated, validation, n) for n in (1, 2, 3, 4)}


def run(
    steps: int = WordsConfig.steps, data: Sequence[str | Path] = (DICTIONARY,), shown: int = 50
) -> str:
    """Train with a one-sided and a two-sided penalty; return a table and new words in Markdown.

    Args:
        steps: steps of each generator.
        data: a sequence of one path (all applications take a sequence): a file for `load_words`,
            whose errors are raised.
        shown: largest number of generated words that are listed for a penalty.
    """
    words, validation = load_words(Path(data[0]))
    dictionary = {*words, *validation}
    lines = [
        f"{len(words)} training words of 3 to {LENGTH} letters, {steps} steps of the generator, "
        "one seed. Jensen-Shannon divergence of n-grams against "
        f"{len(validation)} other words, in nats; {_baseline(words, validation)}.",
        "",
        "| penalty | step | n = 1 | n = 2 | n = 3 | n = 4 | gradient norm |",
        "|---|---|---|---|---|---|---|",
    ]
    paragraphs = []
    for penalty in ("one_sided", "wgan_gp"):
        history, generated = train(WordsConfig(penalty=penalty, steps=steps), words, validation)
        for record in history:
            values = " | ".join(f"{record[f'js{n}']:.3f}" for n in (1, 2, 3, 4))
            lines.append(f"| {penalty} | {record['step']:.0f} | {values} | {record['norm']:.2f} |")
        known_share = sum(word in dictionary for word in generated) / len(generated)
        unknown = (word for word in generated if word and word not in dictionary)  # none empty
        new_words = list(dict.fromkeys(unknown))  # without repetitions, in the order of generation
        paragraphs += [
            "",
            f"`{penalty}`: {known_share:.1%} of {len(generated)} generated words are in the "
            f"dictionary. {min(shown, len(new_words))} of those that are not: "
            f"{', '.join(new_words[:shown])}.",
        ]
    return "\n".join(lines + paragraphs)


def _baseline(words: Sequence[str], validation: Sequence[str]) -> str:
    """Format the divergences of training words, which a perfect generator would have."""
    divergences = [divergence(words[:SAMPLED], validation, n) for n in (1, 2, 3, 4)]
    formatted = ", ".join(f"{value:.3f}" for value in divergences)
    return f"real words have {formatted} for n = 1 to 4"
