"""Docstrings, messages, page texts, model cards and documents use standard terms.

`HOUSE_WORDS` are words that this project once used for standard terms, such as "film" for an
animation. They are searched in all string constants of the code, docstrings included, and in
documents. Comments, identifiers and released sections of the changelog are not searched.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOUSE_WORDS = (
    "stranger", "strangers", "film", "films", "mourn", "teller", "narrator", "learned by heart",
    "passed over", "held-out pictures",
)  # fmt: skip
_PATTERN = re.compile(r"\b(?:" + "|".join(HOUSE_WORDS).replace(" ", r"\s+") + r")\b", re.IGNORECASE)
_TEXT_SUFFIXES = (".md", ".toml", ".html", ".js", ".css", ".svg", ".ipynb")
PLACES = {
    **{f"srgan_gp/{path.parent.name}": path.parent for path in ROOT.glob("srgan_gp/*/__init__.py")},
    **{name: ROOT / name for name in ("apps", "scripts", "weights", "docs")},
}
"""Folders that are searched with everything below them; single files are in `FILES`."""
FILES = [
    *sorted(ROOT.glob("srgan_gp/*.py")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "mkdocs.yml")),
]


def house_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield each word found, with the number of lines before it."""
    for found in _PATTERN.finditer(text):
        yield text.count("\n", 0, found.start()), " ".join(found[0].split())


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield texts and their first lines: string constants of Python files, whole other files."""
    content = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":
        content = re.split(r"^## \[\d", content, maxsplit=1, flags=re.MULTILINE)[0]
    if path.suffix != ".py":
        yield 1, content
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def occurrences(paths: list[Path]) -> list[str]:
    """List the words found, as `path:line: word`."""
    assert paths
    return [
        f"{path.relative_to(ROOT)}:{first + before}: {word}"
        for path in paths
        for first, text in texts(path)
        for before, word in house_words(text)
    ]


@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_folder_uses_standard_terms(place):
    files = sorted(PLACES[place].rglob("*"))
    paths = [path for path in files if path.suffix in (".py", *_TEXT_SUFFIXES)]
    found = occurrences(paths)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_uses_standard_terms(path):
    found = occurrences([path])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A film, and\ntwo Films.", [(0, "film"), (1, "Films")]),
        ("faces learned\n    by heart", [(0, "learned by heart")]),
        ("held-out pictures", [(0, "held-out pictures")]),
        ("filmed strangeness of a storyteller, mourning, passed over_all", []),
    ],
)
def test_whole_words_are_found(text, found):
    assert list(house_words(text)) == found


def test_string_constants_are_searched_and_comments_are_not(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""A film."""\n# a film\nfilm = f"{1} films" + "teller"\n')
    assert {text for _, text in texts(path)} == {"A film.", "teller", " films"}


def test_released_sections_of_the_changelog_are_not_searched(tmp_path):
    path = tmp_path / "CHANGELOG.md"
    path.write_text("## [Unreleased]\n\n- a film\n\n## [0.1.0]\n\n- two films\n")
    [(_, text)] = texts(path)
    assert list(house_words(text)) == [(2, "film")]
