"""The key of a blind comparison: a random assignment of letters to results for each crop."""

import json
import random
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.errors import UsageError


@dataclass(frozen=True)
class Key:
    """The assignment of letters to results of a blind comparison."""

    crops: Mapping[int, Mapping[str, str]]
    """Name of the result by letter, by the number of the crop."""
    seed: int | None = None
    """Seed of the assignment; None: unknown, as for a key that was read from a file."""
    models: Mapping[str, str] | None = None
    """SHA-256 of the compared models by name; None: unknown."""

    @property
    def names(self) -> list[str]:
        """All names of results, sorted."""
        return sorted({name for letters in self.crops.values() for name in letters.values()})

    def write(self, path: Path) -> None:
        """Write the key as JSON.

        Raises:
            UsageError: the file exists, and is the key of an earlier comparison.
        """
        content = {"seed": self.seed, "models": self.models, "crops": self.crops}
        text = json.dumps(content, indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:  # fails if the file exists
                file.write(text + "\n")
        except FileExistsError:
            raise UsageError(
                f"{path} is the key of an earlier comparison. Choose another --out or --key."
            ) from None


def draw_key(numbers: Iterable[int], names: Sequence[str], seed: int) -> Key:
    """Shuffle the names for each crop, and assign the letters A, B, C and so on.

    Args:
        numbers: numbers of the crops.
        names: 2 to 26 names of results.
        seed: determines the key, with the crops and names.

    Raises:
        UsageError: the number of names is not from 2 to 26.
    """
    if not 2 <= len(names) <= len(string.ascii_uppercase):
        raise UsageError(f"A blind comparison needs 2 to 26 results, not {len(names)}.")
    generator = random.Random(seed)
    crops: dict[int, dict[str, str]] = {}
    for number in numbers:
        shuffled = generator.sample(list(names), len(names))
        letters = string.ascii_uppercase[: len(names)]
        crops[number] = dict(zip(letters, shuffled, strict=True))
    return Key(crops, seed)


def read_key(path: Path) -> Key:
    """Read a key that `Key.write` wrote, without its seed and models.

    Raises:
        UsageError: the file cannot be read or is not a key.
    """
    try:
        crops = json.loads(path.read_text(encoding="utf-8"))["crops"]
        return Key({int(number): dict(letters) for number, letters in crops.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not the key of a blind comparison: {error}") from error
