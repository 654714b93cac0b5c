"""Lists of the folders and modules of the repository, with the first lines of their docstrings."""

from collections.abc import Iterator
from pathlib import Path

from generated.marked import first_line

_OTHERS = {
    "apps/": "The page of the app (Gradio), and three free example images.",
    "docs/": "The documentation site; `scripts/build_docs` builds it.",
    "scripts/": "Benchmarks, recipes of the shipped models, generated documents, checks.",
    "tests/": "Tests; the folders mirror the package.",
    "weights/": "The shipped models: network, critic, card.",
}
"""Descriptions of the folders that are not Python packages with docstrings."""


def folder_lines(root: Path) -> Iterator[str]:
    """Yield the folders of the package, then the others of the repository, as a text block.

    Args:
        root: root of the repository.
    """
    texts: dict[str, str] = {}  # by the name of the folder
    for init_file in sorted(root.glob("srgan_gp/**/__init__.py")):
        texts[f"{init_file.parent.relative_to(root).as_posix()}/"] = first_line(init_file)
    texts |= _OTHERS
    width = max(len(name) for name in texts) + 1  # of the first column
    yield "```text"
    yield from (f"{name:<{width}}{text}" for name, text in texts.items())
    yield "```"


def module_lines(root: Path) -> Iterator[str]:
    """Yield a section per folder of the package, with a table of its modules.

    Args:
        root: root of the repository.
    """
    for init_file in sorted(root.glob("srgan_gp/**/__init__.py")):
        folder = init_file.parent
        yield from ("", f"### {folder.relative_to(root).as_posix()}", "", first_line(init_file), "")
        modules = [path for path in sorted(folder.glob("*.py")) if path != init_file]
        if modules:
            yield from ("| module | contents |", "|---|---|")
            for path in modules:
                text = first_line(path).replace("|", "&#124;").replace("<", "&lt;")
                yield f"| `{path.name}` | {text} |"
    yield ""
