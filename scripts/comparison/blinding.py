"""Letters instead of names: the key of a blind comparison, drawn anew for each crop."""

import json
import random
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.errors import UsageError


@dataclass(frozen=True)
class Key:
    """What the letters of a blind comparison stand for."""

    crops: Mapping[int, Mapping[str, str]]
    """Per crop: letter and name."""
    seed: int | None = None
    models: Mapping[str, str] | None = None
    """Name and SHA-256 of each of our models."""

    @property
    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({name for letters in self.crops.values() for name in letters.values()})

    def write(self, path: Path) -> None:
        """Write the key as JSON.

        Raises:
            UsageError: there is a file already; an older comparison would lose its key.
        """
        text = json.dumps({"seed": self.seed, "models": self.models, "crops": self.crops}, indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text + "\n")
        except FileExistsError:
            raise UsageError(
                f"{path} is the key of an earlier comparison; choose another --out or --key."
            ) from None


def draw_key(spots: Iterable[int], names: Sequence[str], seed: int) -> Key:
    """Shuffle the names anew for each crop and give them the letters A, B, C and so on.

    Args:
        spots: numbers of the crops.
        names: what is compared, 2 to 26.
        seed: the same seed, crops and names give the same key.

    Raises:
        UsageError: there are fewer or more names.
    """
    if not 2 <= len(names) <= len(string.ascii_uppercase):
        raise UsageError(f"A blind comparison needs 2 to 26 results, not {len(names)}.")
    draws = random.Random(seed)
    crops: dict[int, dict[str, str]] = {}
    for spot in spots:
        shuffled = draws.sample(list(names), len(names))
        crops[spot] = dict(zip(string.ascii_uppercase, shuffled, strict=False))
    return Key(crops, seed)


def read_key(path: Path) -> Key:
    """Read a key that `Key.write` wrote.

    Raises:
        UsageError: the file cannot be read or is not a key.
    """
    try:
        crops = json.loads(path.read_text(encoding="utf-8"))["crops"]
        return Key({int(spot): dict(letters) for spot, letters in crops.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not the key of a blind comparison: {error}") from error
