"""The tally of a blind comparison: how often each result was ranked first, or had dots.

Readers rank the results of each crop by eye, and note the results with visible dots or worm-like
artefacts. Here, "dots" means dots or such artefacts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison.blinding import Key
from srgan_gp.errors import UsageError

PARTS = {"0-11 (choosing)": range(12), "12-23 (reporting)": range(12, 24)}
"""Numbers of the crops that models are selected on, and of the crops whose results are reported."""
MOST_TIES = 0.25
"""Largest share of crops in which a reader may report a tie."""


@dataclass(frozen=True)
class Answer:
    """The answer of a reader for a crop, with names of results instead of letters."""

    ranking: tuple[tuple[str, ...], ...]
    """Groups of equally good results, best first."""
    dots: frozenset[str]
    """Results in which the reader saw dots."""


@dataclass(frozen=True)
class Reader:
    """The answers of one reader.

    Attributes:
        name: name of the reader.
        answers: answers by the number of the crop.
    """

    name: str
    answers: Mapping[int, Answer]

    @property
    def ties(self) -> int:
        """Number of crops in which any two results share a rank."""
        count = 0
        for answer in self.answers.values():
            count += any(len(group) > 1 for group in answer.ranking)
        return count


def read_readers(paths: Sequence[Path], key: Key) -> list[Reader]:
    """Read the answers of all readers, and replace letters by names.

    Each file holds one reader or a list of them:
    `{"reader": "R1", "crops": {"0": {"ranking": [["B"], ["A", "C"]], "dots": ["C"]}}}`.
    Each reader answers every crop of the key.

    Args:
        paths: the files.
        key: names of the letters.

    Raises:
        UsageError: a file cannot be read, a crop is missing or unknown, a ranking does not contain
            each letter once, or two readers have the same name.
    """
    readers: list[Reader] = []
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
        entries = content if isinstance(content, list) else [content]
        for entry in entries:
            try:
                readers.append(_read_reader(entry, key))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise UsageError(
                    f"{path} does not contain the answers of a reader: {error}"
                ) from error
    if len({reader.name for reader in readers}) < len(readers):
        raise UsageError("Two readers have the same name.")
    return readers


def _read_reader(entry: Mapping[str, Any], key: Key) -> Reader:
    """Check the answers of one reader, and replace letters by names.

    Raises:
        ValueError: crops differ from those of the key, or letters are missing or unknown.
        KeyError, TypeError, AttributeError: the entry has another structure.
    """
    name = str(entry["reader"])
    crops = {int(number): answer for number, answer in entry["crops"].items()}
    if set(crops) != set(key.crops):
        different = sorted(set(crops) ^ set(key.crops))
        raise ValueError(f"{name} and the key differ in the crops {different}")
    answers: dict[int, Answer] = {}
    for number, answer in crops.items():
        names = key.crops[number]  # by letter
        ranked = sorted(letter for group in answer["ranking"] for letter in group)
        if ranked != sorted(names):
            raise ValueError(f"{name}, crop {number}: need each of {', '.join(names)} once")
        dots = set(answer.get("dots", []))
        unknown = dots - set(names)
        if unknown:
            raise ValueError(f"{name}, crop {number}: there is no {', '.join(sorted(unknown))}")
        groups = [group for group in answer["ranking"] if group]
        ranking = tuple(tuple(names[letter] for letter in group) for group in groups)
        answers[number] = Answer(ranking, frozenset(names[letter] for letter in dots))
    return Reader(name, answers)


def tally_lines(readers: Sequence[Reader], names: Sequence[str]) -> Iterator[str]:
    """Yield the tally as Markdown: a table by crop, then means over the readers by `PARTS`.

    Args:
        readers: at least one, with answers for the same crops.
        names: names of the results, in the order of the columns.
    """
    crops = sorted(readers[0].answers)
    count = len(readers)
    yield f"By how many of {count} readers it was ranked first, also tied, and seen with dots."
    yield ""
    yield _row("crop", *names)
    yield _rule(len(names))
    for crop in crops:
        cells = [_crop_cell(readers, crop, name) for name in names]
        yield _row(str(crop), *cells)
    yield ""
    yield "In how many crops it was ranked first, also tied: mean of the readers (each reader)."
    yield ""
    yield _row("crops", *names)
    yield _rule(len(names))
    for part, numbers in PARTS.items():
        crops_of_part = [crop for crop in crops if crop in numbers]
        if crops_of_part:
            cells = [_part_cell(readers, crops_of_part, name) for name in names]
            yield _row(f"{part}, {len(crops_of_part)} shown", *cells)
    yield ""
    for reader in readers:
        note = f"{reader.name}: {reader.ties} of {len(crops)} crops with a tie"
        if reader.ties > MOST_TIES * len(crops):
            note += f", more than the {MOST_TIES:.0%} allowed; this reader has to rank again"
        yield f"{note}."


def is_first(answer: Answer, name: str) -> bool:
    """Return whether a result is first or tied for first."""
    return name in answer.ranking[0]


def _crop_cell(readers: Sequence[Reader], crop: int, name: str) -> str:
    """Format how many readers ranked a result first in a crop, and how many saw dots."""
    first = sum(is_first(reader.answers[crop], name) for reader in readers)
    dots = sum(name in reader.answers[crop].dots for reader in readers)
    return f"{first}, dots {dots}" if dots else f"{first}"


def _part_cell(readers: Sequence[Reader], crops: Sequence[int], name: str) -> str:
    """Format in how many crops a result was first on average, and had dots for any reader."""
    first_counts = []  # by reader
    for reader in readers:
        first_counts.append(sum(is_first(reader.answers[crop], name) for crop in crops))
    crops_with_dots = 0
    for crop in crops:
        crops_with_dots += any(name in reader.answers[crop].dots for reader in readers)
    mean = sum(first_counts) / len(first_counts)
    each = ", ".join(str(count) for count in first_counts)
    return f"{mean:.1f} ({each}); dots in {crops_with_dots}"


def _row(*cells: str) -> str:
    """Format a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    """Format the line below the header of a table with `columns` columns after the first."""
    return "|" + "---|" * (columns + 1)
